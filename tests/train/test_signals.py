"""Shares of texts that show a signal, on the toy data set and over the toy run's bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from model.bundle import load_bundle
from model.signals import SIGNAL_NAMES, measured_shares
from train import card
from train.measure import read_texts, rounded
from train.signals import CLEANED_AWAY, count_signals, main, news_of


def test_a_text_counts_once_for_each_signal_it_shows():
    texts = ["p\u0430ypal p\u0430ypal \ufffd", "p\u0430ypal", "plain"]
    assert count_signals(texts) == {"homoglyphs": 2, "unreadable_characters": 1}


def test_news_is_measured_and_what_humans_wrote_most_of_is_not(toy_corpus):
    texts = read_texts(toy_corpus, "dev")
    texts.overlap[np.flatnonzero(texts.machine)[:2]] = 0.7
    texts.columns["domain"][-1] = "essay"
    chosen = news_of(texts)
    assert len(chosen.ids) == len(texts.ids) - 3
    assert not (chosen.overlap >= 0.6).any()
    assert set(chosen.columns["domain"]) == {"news"}


def test_the_command_measures_and_records(toy_run, toy_rows, write_corpus, tmp_path: Path, capsys):
    rows = toy_rows("dev")
    for row in rows[:3]:  # human, machine, human
        row["text"] += " p\u0430ypal"
    data = write_corpus(tmp_path / "corpus", dev=rows)
    bundle = Path(shutil.copytree(toy_run.bundle, tmp_path / "bundle"))
    output = tmp_path / "out"
    folders = ["--bundle", str(bundle), "--data", str(data), "--output", str(output)]
    assert main([*folders, "--split", "dev", "--record"]) == 0
    printed = capsys.readouterr().out
    assert printed == (output / "signals.md").read_text(encoding="utf-8")
    assert "| homoglyphs | 2 | 20.0% " in printed
    report = json.loads((output / "signals.json").read_text(encoding="utf-8"))
    assert (report["human"], report["machine"]) == (10, 10)
    names = [row["name"] for row in report["signals"]]
    assert names == [name for name in SIGNAL_NAMES if name not in CLEANED_AWAY]
    measured = load_bundle(bundle).manifest.measured
    assert measured["signals"] == rounded(report)
    assert measured_shares(measured)["homoglyphs"] == (0.2, 0.1)
    assert measured_shares(measured)["odd_spaces"] == (0, 0)
    assert "refusal" not in measured_shares(measured)
    assert card.is_current(bundle)


def test_a_side_without_texts_has_no_share(toy_run, toy_rows, write_corpus, tmp_path: Path):
    human = [row for row in toy_rows("dev") if row["label"] == "human"]
    data = write_corpus(tmp_path / "corpus", dev=human)
    bundle = Path(shutil.copytree(toy_run.bundle, tmp_path / "bundle"))
    folders = ["--bundle", str(bundle), "--data", str(data), "--output", str(tmp_path / "out")]
    assert main([*folders, "--split", "dev", "--record"]) == 0
    shares = measured_shares(load_bundle(bundle).manifest.measured)
    assert shares["homoglyphs"] == (0, None)


def test_wrong_usage_is_one_line(toy_run, toy_corpus, tmp_path: Path, capsys):
    data, output = ["--data", str(toy_corpus)], ["--output", str(tmp_path)]
    assert main(["--data", str(tmp_path), *output]) == 2
    assert main(["--bundle", str(tmp_path / "none"), *data, *output, "--record"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2
    with pytest.raises(SystemExit):
        main(["--split", "train"])
