"""Leaving one out: folds see nothing of their group, are kept, and stand in one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from train import leave_out
from train.leave_out import EVERYTHING, main

WITHOUT = {"generators": ["toy-1"]}


@pytest.fixture
def config_file(write_config, toy_corpus, tmp_path: Path, monkeypatch) -> Path:
    """A table of one group, over the toy data set."""
    monkeypatch.setattr(leave_out, "LEAST_TEXTS", 3)
    linear = tmp_path / "linear.yaml"
    values = {"data": str(toy_corpus), "output": str(tmp_path / "unused"), "min_df": 1}
    linear.write_text(yaml.safe_dump(values))
    path = tmp_path / "leave-out.yaml"
    values = {
        "output": str(tmp_path / "out"),
        "encoder": str(write_config()),
        "linear": str(linear),
        "steps": 3,
        "texts": 1000,
        "humans": 100,
        "groups": {"ones": WITHOUT},
    }
    path.write_text(yaml.safe_dump(values))
    return path


def change(path: Path, **values: Any) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **values}))


def test_a_fold_is_trained_without_its_group_and_kept(config_file, tmp_path, capsys, monkeypatch):
    trained: dict[str, set[str]] = {}
    fit = leave_out._linear_scores

    def noting(dev: Any, rows: Any, *more: Any) -> Any:
        trained[EVERYTHING if not trained else "ones"] = set(rows["generator"])
        return fit(dev, rows, *more)

    monkeypatch.setattr(leave_out, "_linear_scores", noting)
    assert main(["--config", str(config_file)]) == 0
    assert trained == {EVERYTHING: {"", "toy-0", "toy-1"}, "ones": {"", "toy-0"}}
    printed = capsys.readouterr().out
    (row,) = json.loads((tmp_path / "out" / "leave-out.json").read_text())
    assert (row["name"], row["machine"], row["human"]) == ("ones", 5, 10)
    for system in ("encoder", "linear"):
        for fold in ("with", "without"):
            assert 0 <= row[system][fold]["auroc"]["value"] <= 1
    assert "| ones | 5 | 10 |" in printed
    assert sorted(path.name for path in (tmp_path / "out" / "ones").iterdir()) == ["scores.npz"]

    def fail(*given: Any) -> Any:
        raise AssertionError("a finished fold was trained again")

    monkeypatch.setattr(leave_out, "_linear_scores", fail)
    assert main(["--config", str(config_file)]) == 0
    assert capsys.readouterr().out == printed


def test_the_words_know_less_of_what_they_did_not_see(config_file, tmp_path):
    assert main(["--config", str(config_file)]) == 0
    folds = {}
    for name in (EVERYTHING, "ones"):
        with np.load(tmp_path / "out" / name / "scores.npz") as stored:
            folds[name] = stored["linear"]
    assert not np.allclose(folds[EVERYTHING], folds["ones"])


def test_another_recipe_is_trained_anew(config_file, tmp_path, monkeypatch):
    assert main(["--config", str(config_file)]) == 0
    asked: list[Any] = []

    def noting(*given: Any) -> np.ndarray:
        asked.append(given)
        return np.zeros(len(given[0].dev))

    monkeypatch.setattr(leave_out, "_encoder_scores", noting)
    change(config_file, steps=4)
    assert main(["--config", str(config_file)]) == 0
    assert len(asked) == 2


def test_a_folder_that_is_no_fold_is_not_removed(config_file, tmp_path, capsys):
    treasure = tmp_path / "out" / "ones" / "thesis.txt"
    treasure.parent.mkdir(parents=True)
    treasure.write_text("Years of work.")
    assert main(["--config", str(config_file)]) == 2
    assert "is no fold of ours" in capsys.readouterr().err
    assert treasure.read_text() == "Years of work."


def test_a_network_that_saw_the_groups_is_refused(config_file, capsys):
    run = Path(yaml.safe_load(config_file.read_text())["encoder"])
    change(run, keep_head=True)
    assert main(["--config", str(config_file)]) == 2
    assert "has seen every group; name a run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"groups": {"none": {"generators": ["gpt-9"]}}}, "dev holds 0 news texts of it"),
        ({"groups": {EVERYTHING: WITHOUT}}, "rename it"),
        ({"groups": {}}, "groups"),
        ({"groups": {"..": WITHOUT}}, "groups"),
        ({"steps": 0}, "steps"),
        ({"encoder": "nowhere.yaml"}, "nowhere.yaml"),
    ],
)
def test_a_wrong_configuration_is_one_line(config_file, changes, problem, capsys):
    change(config_file, **changes)
    assert main(["--config", str(config_file)]) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert len(error.splitlines()) == 1
