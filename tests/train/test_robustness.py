"""Robustness: the sample, what is glued on, readings without the normaliser, and the command."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from model.bundle import WEIGHTS_FILE, load_bundle
from model.document import DocumentReader
from model.errors import ConfigError
from model.text import count_words
from train import card, tables
from train.attacks import ATTACKS
from train.measure import Texts, rounded
from train.robustness import (
    PLAIN_ATTACKS,
    TRIALS,
    choose,
    human_passages,
    main,
    missed_targets,
    opening,
    plain_reader,
    verdicts,
)

SENTENCE = "Volunteers paint the fences of the old pool on Saturday."  # ten words


def texts_of(*rows: dict) -> Texts:
    """News texts of 100 words, human ones of one corpus where a row says nothing else."""
    names = ("label", "corpus", "operation", "domain", "story")
    filled = [
        {"label": "human", "corpus": "a", "operation": "", "domain": "news", "story": str(place)}
        | row
        for place, row in enumerate(rows)
    ]
    return Texts(
        ids=[f"toy-{place}" for place in range(len(rows))],
        texts=[row.get("text", "toy") for row in rows],
        columns={name: np.array([row[name] for row in filled], dtype=str) for name in names},
        words=np.array([row.get("words", 100) for row in rows]),
        overlap=np.array([row.get("overlap", np.nan) for row in rows], dtype=float),
        slices=[[] for _ in rows],
    )


# --- The sample ---------------------------------------------------------------------------


def test_the_sample_is_even_over_corpora_and_a_smaller_one_is_part_of_it():
    sizes = {"a": 40, "b": 20, "c": 3}
    texts = texts_of(
        *(
            {"corpus": corpus, "label": label}
            for corpus, size in sizes.items()
            for label in ("human", "rewritten")
            for _ in range(size)
        )
    )
    chosen = choose(texts, 10, 25)
    for machine, expected in (
        (True, {"a": 4, "b": 3, "c": 3}),
        (False, {"a": 11, "b": 11, "c": 3}),
    ):
        side = chosen & (texts.machine == machine)
        assert Counter(texts.columns["corpus"][side].tolist()) == expected
    assert (choose(texts, 4, 9) <= chosen).all()
    assert choose(texts, 1000, 1000).all()


def test_the_sample_is_news_and_neither_spun_nor_machine_by_degree():
    texts = texts_of(
        {},
        {"domain": "press-release"},
        {"domain": "fiction"},
        {"label": "rewritten", "overlap": 0.5},
        {"label": "rewritten", "overlap": 0.6},
        {"label": "generated"},
        {"label": "spun"},
        {"label": "generated", "domain": "fiction"},
    )
    assert np.flatnonzero(choose(texts, 9, 9)).tolist() == [0, 1, 3, 5]


# --- What is glued on ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "most", "words"),
    [
        (f" {SENTENCE} " * 20, 120, 60),
        (f"{SENTENCE}\n\n" * 3, 120, 30),
        ("one long sentence without an end " * 50, 120, 120),
        (f"{SENTENCE} " * 20, 45, 45),
    ],
)
def test_an_opening_is_of_whole_sentences_where_they_are_short(text, most, words):
    found = opening(text, most)
    assert count_words(found) == words
    assert text.strip().startswith(found)


def test_a_passage_is_a_humans_on_another_story_and_at_most_half_as_long():
    stories = [
        {"story": str(place % 3), "text": f"Story {place % 3} is here. " * 40} for place in range(9)
    ]
    machine = [{**story, "label": "rewritten", "words": 160} for story in stories]
    texts = texts_of(*({**story, "words": 40} for story in stories), *machine)
    passages = human_passages(texts)
    assert passages == human_passages(texts)
    for passage, story in zip(passages, texts.columns["story"], strict=True):
        assert f"Story {story}" not in passage
    assert {count_words(passage) for passage in passages[:9]} == {20}
    assert {count_words(passage) for passage in passages[9:]} == {60}
    assert len(set(passages[9:])) > 1


def test_a_sample_of_one_story_has_nothing_to_glue_on():
    with pytest.raises(ConfigError, match="toy-0: the sample has no human article on another"):
        human_passages(texts_of({"label": "spun"}))
    with pytest.raises(ConfigError, match="raise --texts"):
        human_passages(texts_of({"story": "0"}, {"story": "0"}))


# --- Readings -----------------------------------------------------------------------------


def test_the_plain_reader_differs_by_the_normaliser_alone(toy_run, toy_article):
    bundle = load_bundle(toy_run.bundle)
    reader = DocumentReader.from_file(bundle.tokenizer_file, bundle.manifest.max_tokens)
    read = plain_reader(bundle)
    flat = " ".join(toy_article.split())
    plain, read_as_served = read(flat), reader.read(flat)
    assert plain.token_ids.tolist() == read_as_served.token_ids.tolist()
    assert plain.token_starts.tolist() == read_as_served.token_starts.tolist()
    assert plain.normalized.text == read_as_served.normalized.text
    assert len(plain.windows) > 1
    disguised = flat.replace("a", "а")
    assert reader.read(disguised).token_ids.tolist() == read_as_served.token_ids.tolist()
    assert read(disguised).token_ids.tolist() != plain.token_ids.tolist()


def test_what_is_too_short_is_not_flagged(toy_run):
    bundle = load_bundle(toy_run.bundle)
    minimum = bundle.manifest.minimum_words
    said = verdicts(bundle, [np.array([-99, 99, 0, 0, words]) for words in (minimum, minimum - 1)])
    assert said.flagged.tolist() == [True, False]
    assert (said.scores > 0.9).all()
    assert len(verdicts(bundle, []).flagged) == 0


# --- Rows ---------------------------------------------------------------------------------


def row(name: str, change: float = 0.0, flagged: int = 1, clean: int = 1, **more: object) -> dict:
    """A row of the report that says what the targets look at."""
    return {
        "attack": name, "strength": 0.5, "rewords": False,
        "tpr": {"value": 0.5, "low": 0.4, "high": 0.6, "hits": 50, "count": 100},
        "fpr": {"value": 0.02, "low": 0.01, "high": 0.03, "hits": flagged, "count": 100},
        "change": {"value": change, "low": change - 0.01, "high": change + 0.0099},
        "clean_fpr": {"hits": clean}, "times": flagged / clean if clean else None,
        "score_change": {"machine": -0.0004, "human": None}, "unchanged": 0.0, "read_alike": 1.0,
        **more,
    }  # fmt: skip


def test_targets_are_missed_by_more_than_three_points_and_more_than_twice():
    rows = [
        row("just met", -0.03, flagged=4, clean=2),
        row("lost", -0.04),
        row("alarms", flagged=5, clean=2),
        row("from none", flagged=1, clean=0),
        row("words", flagged=9, rewords=True),
    ]
    targets = missed_targets(rows)
    assert targets["lost"] == ["lost"]
    assert targets["alarms"] == ["alarms", "from none"]
    text = tables.render_targets({"targets": targets, "standard": rows})
    assert "at most 3 points below clean: missed by lost (-4.0 [-5.0, -3.0])." in text
    assert "missed by alarms (5 / 2 (2.50)), from none (1 / 0)." in text
    met = tables.render_targets({"targets": missed_targets(rows[:1]), "standard": rows[:1]})
    assert met.count("met by all.") == 2


def test_a_row_shows_signs_and_dashes():
    bare = {"attack": "none", "tpr": {"value": None}, "fpr": {"value": None}}
    lines = tables.robustness_table([bare, row("synonym", 0.001, 3, rewords=True)]).splitlines()
    assert lines[2] == "| none | - | - | - | - | - | - | - | - | - |"
    assert lines[3] == (
        "| synonym | 0.5 | 50.0% [40.0%, 60.0%] | +0.1 [-0.9, +1.1] | 2.00% [1.00%, 3.00%]* "
        "| 3 / 1 (3.00) | 0.000 | - | 0.00% | 100.0% |"
    )


# --- The command --------------------------------------------------------------------------


@pytest.fixture
def dipper_corpus(tmp_path: Path, write_corpus, toy_rows) -> Path:
    """The toy data set, one of whose spun dev texts DIPPER paraphrased."""
    rows = toy_rows("dev")
    spun = next(row for row in rows if row["label"] == "spun")
    spun["operation"] = "dipper"
    folder: Path = write_corpus(tmp_path / "corpus", dev=rows)
    return folder


def test_the_command_measures_and_records(
    toy_run, dipper_corpus, tmp_path: Path, capsys, monkeypatch
):
    bundle, output = tmp_path / "bundle", tmp_path / "out"
    shutil.copytree(toy_run.bundle, bundle)
    folders = ["--bundle", str(bundle), "--data", str(dipper_corpus), "--output", str(output)]
    command = [*folders, "--split", "dev", "--texts", "4", "--record"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert printed == (output / "attacks.md").read_text(encoding="utf-8")
    report = json.loads((output / "attacks.json").read_text(encoding="utf-8"))

    for name, trials in TRIALS.items():
        found = [(row["attack"], row["strength"]) for row in report[name]]
        assert found == [(trial.attack, trial.strength) for trial in trials]
    assert [row["attack"] for row in report["standard"]] == list(ATTACKS)
    assert [row["attack"] for row in report["plain"]] == ["none", *PLAIN_ATTACKS]
    assert {(row["machine"], row["human"]) for row in report["standard"]} == {(4, 8)}
    assert {(row["machine"], row["human"]) for row in report["strengths"]} == {(4, 4)}
    assert (report["clean"]["machine"], report["paraphrase"]["machine"]) == (4, 1)
    assert report["corpora"]["frontier"]["machine"] == 2

    rows = {row["attack"]: row for row in report["standard"]}
    # toy texts hold no word of two spellings; spaces are undone; letters are swapped for good
    for name, alike in (("alternative_spelling", 1), ("whitespace", 1), ("upper_lower", 0)):
        assert rows[name]["read_alike"] == alike
    assert (rows["alternative_spelling"]["unchanged"], rows["whitespace"]["unchanged"]) == (1, 0)
    assert rows["whitespace"]["change"]["value"] == rows["whitespace"]["score_change"]["human"] == 0
    assert rows["human_after"]["score_change"]["machine"] != 0
    assert [name for name, row in rows.items() if row["rewords"]] == ["synonym"]
    read = sum(row["machine"] + row["human"] for name in TRIALS for row in report[name])
    assert report["scored"] < 0.6 * read  # readings that are alike are scored once

    measured = load_bundle(bundle).manifest.measured
    assert measured["attacks"] == rounded(report)
    text = (bundle / "README.md").read_text(encoding="utf-8")
    assert "\n## Under attack\n" in text
    assert "| homoglyph | 1 |" in text
    assert "| homoglyph | 0.25 |" not in text
    assert card.is_current(bundle)
    manifest = load_bundle(bundle).manifest.to_dict()
    manifest["files"][WEIGHTS_FILE] = "0" * 64  # of other weights nothing is claimed
    assert "Under attack" not in card.render_card(manifest, measured)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("scored again")

    monkeypatch.setattr("model.encoder.Encoder.token_logits", refuse)
    assert main(command) == 0
    assert capsys.readouterr().out == printed


def test_wrong_usage_is_one_line(toy_run, toy_corpus, tmp_path: Path, capsys):
    folders = ["--data", str(toy_corpus), "--output", str(tmp_path)]
    assert main(["--bundle", str(toy_run.bundle), *folders, "--texts", "0"]) == 2
    assert main(["--bundle", str(tmp_path / "none"), *folders]) == 1
    (tmp_path / "file").write_text("not a folder")
    command = ["--bundle", str(toy_run.bundle), *folders, "--split", "dev", "--texts", "2"]
    assert main([*command, "--output", str(tmp_path / "file")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 3
