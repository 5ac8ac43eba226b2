"""Other aggregates: by hand on window logits, and the command over the toy bundle."""

from __future__ import annotations

import numpy as np
import pytest

from model.calibration import sigmoid
from train import linear
from train.aggregate import MEAN, WINDOW_WAYS, main
from train.linear import LinearConfig


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("mean of the windows' probabilities", sigmoid(np.array([2.0, -1.0, 0.5])).mean()),
        ("highest window", 2.0),
        ("mean of the higher half", 1.25),
        ("first window", 2.0),
    ],
)
def test_a_way_is_what_its_name_says(way, expected):
    assert WINDOW_WAYS[way](np.array([2.0, -1.0, 0.5])) == pytest.approx(expected)


def test_the_command_compares_them(toy_run, toy_corpus, tmp_path, capsys):
    settings = LinearConfig(data=toy_corpus, output=tmp_path / "linear", min_df=1)
    linear.train(settings)
    command = ["--bundle", str(toy_run.bundle), "--data", str(toy_corpus)]
    command += ["--linear", str(tmp_path / "linear"), "--output", str(tmp_path / "out")]
    assert main(command) == 0
    printed = capsys.readouterr().out
    names = [line.split(" | ")[0].removeprefix("| ") for line in printed.splitlines()[2:]]
    assert names[: len(WINDOW_WAYS) + 1] == [MEAN, *WINDOW_WAYS]
    assert "words alone" in names
    (words,) = (line for line in printed.splitlines() if line.startswith("| words alone"))
    assert words.split(" | ")[1].startswith(("1", ".9"))  # toy machines have their own words
    assert main(command) == 0  # from the cache, the same
    assert capsys.readouterr().out == printed


def test_what_is_missing_is_one_line(toy_run, toy_corpus, tmp_path, capsys):
    command = ["--bundle", str(toy_run.bundle), "--linear", str(tmp_path)]
    assert main([*command, "--data", str(toy_corpus)]) == 1
    assert main(["--bundle", str(tmp_path), "--data", str(toy_corpus)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2
