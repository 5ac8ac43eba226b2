"""Passages: the line is fitted on two writers, the mark is kept on human articles."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from model.bundle import load_bundle, write_manifest
from model.document import DocumentReader
from model.passages import PassageCalibration, sentence_logits
from train import linear, passages
from train.linear import LinearConfig
from train.passages import HUMAN_MARKED, fit_passages, main

HUMAN = "The goat ate the bread of the market. "
MACHINE = "A vibrant tapestry was navigated zzz. "


def rows_of(count: int) -> Dataset:
    """Pairs of a human and a machine text of twenty sentences."""
    return Dataset.from_list(
        [
            {
                "id": f"{label}-{story}", "text": "".join(f"{n} {text}" for n in range(20)),
                "label": label, "corpus": f"toy-{story % 8}", "generator": "toy", "operation": "",
                "story": str(story), "domain": "news", "words": 180, "source": "", "slices": [],
                "overlap": None if label == "human" else 0.1,
            }
            for story in range(count)
            for label, text in (("human", HUMAN), ("rewritten", MACHINE))
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def reader(tiny_bundle) -> DocumentReader:
    return DocumentReader.from_file(load_bundle(tiny_bundle).tokenizer_file, 62)


def oracle(reader: DocumentReader):
    """Token logits that know the machine's sentences by their letter z, more or less."""
    z = reader.read("z").token_ids[0]

    def compute(windows):
        found = []
        for window in windows:
            ids = np.asarray(window[1:-1])
            near = [z in ids[max(0, place - 30) : place + 30] for place in range(len(ids))]
            noise = np.random.default_rng(int(ids.sum())).normal(0, 2, len(ids))
            logits = np.zeros((len(ids), 4), dtype=np.float32)
            logits[:, 0] = np.where(near, -2.0, 2.0) + noise
            found.append(logits)
        return found

    return compute


def test_the_fitted_line_tells_the_writers_apart_and_keeps_the_mark(reader):
    compute = oracle(reader)
    splits = {"calibration": rows_of(60), "threshold": rows_of(40)}
    line = fit_passages(splits, reader, compute, 40)
    assert line.threshold >= 0.5
    scores = {}
    for text in (HUMAN, MACHINE):
        document = reader.read("".join(f"{n} {text}" for n in range(20)))
        (logits,) = reader.logits([document], compute)
        spans, rows = sentence_logits(document, logits)
        scores[text] = line.scores(rows, [len(text.split()) + 1] * len(spans))
    assert (scores[HUMAN] >= line.threshold).mean() <= 2 * HUMAN_MARKED
    assert (scores[MACHINE] >= line.threshold).mean() > 0.9


def test_whole_articles_do_where_no_story_has_two_writers(reader):
    rows = rows_of(30)
    alone = rows.remove_columns("story").add_column("story", [row["id"] for row in rows])
    line = fit_passages({"calibration": alone, "threshold": alone}, reader, oracle(reader), 40)
    assert line.own[0] + line.beside[0] + line.whole[0] > 0


def test_one_change_of_writers_is_found_where_it_is():
    assert passages._change(np.array([0.1, 0.2, 0.9, 0.6, 0.9])) == 2
    assert passages._change(np.array([0.9, 0.8, 0.1, 0.2])) == 2
    assert passages._change(np.array([0.9, 0.4, 0.9, 0.9, 0.1])) == 4
    assert passages._change(np.array([0.9])) == 0


@pytest.fixture(scope="module")
def measured(tmp_path_factory, tiny_bundle, write_corpus) -> Path:
    """A folder with a data set of pairs, a word baseline and the tiny bundle."""
    folder: Path = tmp_path_factory.mktemp("passages")
    rows = list(rows_of(12))
    write_corpus(folder / "corpus", train=rows, test=rows)
    config = LinearConfig.model_validate(
        {"data": folder / "corpus", "output": folder / "linear", "min_df": 1}
    )
    linear.train(config)
    shutil.copytree(tiny_bundle, folder / "bundle")
    manifest = load_bundle(folder / "bundle").manifest
    nothing = (0.0, 0.0)
    low = PassageCalibration(nothing, nothing, nothing, (2.0, 0.0), 0.5)  # marks every sentence
    write_manifest(folder / "bundle", replace(manifest, passages=low))
    return folder


def test_the_command_measures_and_records(measured, capsys):
    named = (("bundle", "bundle"), ("data", "corpus"), ("linear", "linear"), ("output", "out"))
    arguments = [part for name, place in named for part in (f"--{name}", str(measured / place))]
    assert main([*arguments, "--texts", "9", "--record"]) == 0
    shown = capsys.readouterr().out
    assert "human articles, 100.0%" in shown
    report = json.loads((measured / "out" / "passages.json").read_text())
    whole = report["rows"][0]
    assert (whole["name"], whole["articles"]) == ("all", 9)
    assert whole["auroc"]["encoder"]["value"] == 0.5  # one score for all
    assert whole["auroc"]["linear"]["value"] > 0.9  # toy words give themselves away
    kept = load_bundle(measured / "bundle").manifest.measured["passages"]
    assert kept["human"]["marked"]["value"] == 1.0
    assert main([*arguments, "--texts", "0"]) == 2
    assert "texts is 0; use 1 or more" in capsys.readouterr().err
