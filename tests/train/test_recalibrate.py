"""A bundle's promise drawn anew, on other human articles, with the weights as they were."""

from __future__ import annotations

import json
import shutil

import pytest

from model.bundle import SCORING_FILES, load_bundle
from serve import Scorer
from train import card
from train.recalibrate import main


@pytest.fixture
def command(toy_run, tmp_path):
    """The command line for the toy bundle, and where it writes."""
    output = tmp_path / "ours"
    folders = [
        *("--bundle", str(toy_run.bundle)),
        *("--data", str(toy_run.config.data)),
        *("--output", str(output)),
    ]
    return [*folders, "--version", "0.0.1+ours"], output


def test_the_weights_stay_and_the_promise_is_that_of_the_data(command, toy_run, capsys):
    arguments, output = command
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{output}\n"
    old, new = load_bundle(toy_run.bundle).manifest, load_bundle(output).manifest
    assert new.version == "0.0.1+ours"
    # The toy run's promise was drawn on the same data.
    assert (new.human, new.thresholds) == (old.human, old.thresholds)
    assert {name: new.files[name] for name in SCORING_FILES["cpu"]} == {
        name: old.files[name] for name in SCORING_FILES["cpu"]
    }
    assert (new.calibration, new.passages) == (old.calibration, old.passages)
    assert new.training["promise"] == {"data_digest": "d" * 64, "weights_of": "0"}
    assert set(new.measured) == {"threshold"}
    assert card.is_current(output)
    assert Scorer.load(output).model.version == "0.0.1+ours"


def test_other_humans_draw_other_lines(command, tmp_path, toy_rows, write_corpus):
    arguments, output = command
    data = write_corpus(tmp_path / "data", threshold=toy_rows("threshold")[:7])
    (data / "digest.txt").write_text("e" * 64)
    assert main([*arguments, "--data", str(data)]) == 0
    manifest = load_bundle(output).manifest
    assert len(manifest.human.scores) == 7
    assert {each.humans for each in manifest.thresholds.values()} == {7}
    assert manifest.training["promise"]["data_digest"] == "e" * 64


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--version", "0", "version 0: is that of"),  # the toy run's own
        ("--data", "nowhere", "nowhere: no data set here"),
    ],
)
def test_what_cannot_be_used_is_named(command, capsys, option, value, problem):
    arguments, output = command
    assert main([*arguments, option, value]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"train.recalibrate: {problem}")
    assert error.count("\n") == 1
    assert not output.exists()


def test_an_output_that_is_there_is_left_alone(command, capsys):
    arguments, output = command
    output.mkdir()
    (output / "respun.json").write_text(json.dumps({"mine": True}))
    assert main(arguments) == 2
    assert "is there already" in capsys.readouterr().err
    assert json.loads((output / "respun.json").read_text()) == {"mine": True}


def test_a_bundle_that_was_altered_is_refused(command, toy_run, tmp_path, capsys):
    arguments, output = command
    altered = tmp_path / "altered"
    shutil.copytree(toy_run.bundle, altered)
    (altered / "model.safetensors").write_bytes(b"other weights")
    assert main([*arguments, "--bundle", str(altered)]) == 1
    assert "differs from the sha256" in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize("empty", [True, False])
def test_data_without_held_back_humans_are_refused(
    command, tmp_path, toy_rows, write_corpus, capsys, empty
):
    arguments, output = command
    machine = [row for row in toy_rows("test") if row["label"] != "human"]
    data = write_corpus(tmp_path / "data", threshold=[] if empty else machine)
    capsys.readouterr()  # what writing the data set told
    assert main([*arguments, "--data", str(data)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("train.recalibrate: threshold split: holds no human news text")
    assert error.count("\n") == 1
    assert not output.exists()
