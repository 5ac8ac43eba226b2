"""Variants: the same texts in other formats and lengths, over the toy run's bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from model.bundle import load_bundle
from train import card
from train.measure import read_texts, rounded
from train.variants import LENGTHS, VARIANTS, first_words, main, sample


def test_the_first_words_keep_their_layout():
    text = "One  two\n\nthree four."
    assert first_words(text, 3) == "One  two\n\nthree"
    assert first_words(text, 4) == first_words(text, 9) == text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("as given", 'He said: “Not now.”\n\n"Why?" It\'s OK.'),
        ("case folded", 'he said: “not now.”\n\n"why?" it\'s ok.'),
        ("layout flattened", 'He said: “Not now.” "Why?" It\'s OK.'),
        ("quotations masked", 'He said: "..."\n\n"..." It\'s OK.'),
    ],
)
def test_a_variant_changes_what_it_names(name, expected):
    assert VARIANTS[name]('He said: “Not now.”\n\n"Why?" It\'s OK.') == expected


def test_the_sample_is_news_of_both_classes(toy_corpus):
    texts = read_texts(toy_corpus, "dev")
    texts.overlap[:4] = 0.7
    texts.columns["domain"][-1] = "essay"
    chosen = sample(texts, 4)
    assert (chosen.machine.sum(), (~chosen.machine).sum()) == (4, 4)
    assert not (chosen.overlap >= 0.6).any()
    assert sample(texts, 4).ids == chosen.ids
    assert set(sample(texts, 100).columns["domain"]) == {"news"}


def test_the_command_measures_and_records(toy_run, toy_corpus, tmp_path: Path, capsys):
    bundle = tmp_path / "bundle"
    shutil.copytree(toy_run.bundle, bundle)
    output = tmp_path / "out"
    folders = ["--bundle", str(bundle), "--data", str(toy_corpus), "--output", str(output)]
    assert main([*folders, "--split", "dev", "--texts", "5", "--record"]) == 0
    printed = capsys.readouterr().out
    assert printed == (output / "variants.md").read_text(encoding="utf-8")
    report = json.loads((output / "variants.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in report["variants"]] == list(VARIANTS)
    assert all((row["human"], row["machine"]) == (5, 5) for row in report["variants"])
    words = read_texts(toy_corpus, "dev").words
    assert [row["name"] for row in report["lengths"]] == [
        str(count) for count in LENGTHS if count <= words.max()
    ]
    as_given = report["variants"][0]["auroc"]["value"]
    # toy texts are lower-case, on one line and without quotations
    assert all(np.isclose(row["auroc"]["value"], as_given) for row in report["variants"])
    measured = load_bundle(bundle).manifest.measured
    assert measured["variants"] == rounded(report)
    assert set(measured) == {"threshold", "variants"}
    text = (bundle / "README.md").read_text(encoding="utf-8")
    assert "| case folded | 5 | 5 |" in text
    assert "| toy gazette |" not in text  # one outlet alone cannot be left out
    assert card.is_current(bundle)


def test_wrong_usage_is_one_line(toy_run, toy_corpus, tmp_path: Path, capsys):
    folders = ["--data", str(toy_corpus), "--output", str(tmp_path)]
    assert main(["--bundle", str(toy_run.bundle), *folders, "--texts", "0"]) == 2
    assert main(["--bundle", str(tmp_path / "none"), *folders]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2
