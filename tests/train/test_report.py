"""The report: every part into one folder, over the toy run, and the floors it is held to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path

import pytest

from model.bundle import load_bundle
from model.errors import ConfigError
from train import card, linear, open_texts, report
from train.floors import Floors, read_floors, write_floors
from train.measure import summarize
from train.report import PARTS, ReportOptions, part_options
from train.tables import render_report

CHEAP = ("test", "dev", "variants", "signals", "open")
Run = Callable[..., int]


@pytest.fixture(scope="module")
def toy_linear(toy_corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The word baseline of the toy data set."""
    folder = tmp_path_factory.mktemp("linear")
    linear.train(linear.LinearConfig(data=toy_corpus, output=folder, min_df=1))
    return folder


@pytest.fixture(autouse=True)
def few_texts(monkeypatch) -> None:
    """A small slice that is smaller still."""
    monkeypatch.setattr(open_texts, "ARTICLES", 2)
    monkeypatch.setattr(open_texts, "REWRITES", 3)


@pytest.fixture
def floors_file(tmp_path: Path, monkeypatch) -> Path:
    """A file of floors that is not the shipped one."""
    path = tmp_path / "floors.json"
    monkeypatch.setattr(report, "FLOORS_FILE", path)
    return path


@pytest.fixture
def run(toy_run, toy_corpus, toy_linear, floors_file, tmp_path: Path) -> Run:
    """Runs the command over a copy of the toy bundle, at `tmp_path`."""
    shutil.copytree(toy_run.bundle, tmp_path / "bundle")

    def command(*more: str) -> int:
        folders = {"bundle": tmp_path / "bundle", "data": toy_corpus, "linear": toy_linear}
        folders |= {"cache": tmp_path / "cache", "output": tmp_path / "out"}
        named = [part for name, path in folders.items() for part in (f"--{name}", str(path))]
        return report.main([*named, "--threads", "1", *more])

    return command


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_part_can_be_called_and_rendered(part):
    module = import_module(part.module)
    options = ReportOptions(Path("b"), Path("d"), Path("l"), Path("c"), Path("o"), limit=7)
    given = part_options(getattr(module, part.measure), part, options)
    assert is_dataclass(given)
    values = {each.name: getattr(given, each.name) for each in fields(given)}
    assert (values["bundle"], values["data"]) == (Path("b"), Path("d"))
    assert values.get("output", Path("c")) == Path("c")
    assert values.get("texts", 7) == values.get("limit", 7) == 7
    assert values.get("split", part.split) == part.split
    assert callable(
        getattr(import_module("train.tables"), part.render, None) or getattr(module, part.render)
    )


def test_the_command_measures_draws_and_records(run, tmp_path: Path, capsys):
    assert run("--only", *CHEAP, "--record") == 0
    folder = tmp_path / "out"
    assert capsys.readouterr().out == (folder / "index.md").read_text(encoding="utf-8")
    index = (folder / "index.md").read_text(encoding="utf-8")
    for part in CHEAP:
        assert f"({part}.md)" in index
        assert f"({part}.json)" in index
    found = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    assert (folder / "test.md").read_text(encoding="utf-8") == render_report(found)
    curve = found["roc"][0]
    assert curve["flagged"][-1] == curve["human"] == found["texts"]["human"]
    assert curve["tpr"]["encoder"][-1] == curve["tpr"]["linear"][-1] == 1.0
    bins = found["reliability"][0]["linear"]
    assert sum(each["human"] + each["machine"] for each in bins) == sum(found["texts"].values())
    for picture in ("calibration", "roc", "lengths", "editing", "sentences"):
        assert f"(plots/{picture}.png)" in index
        assert (folder / "plots" / f"{picture}.png").is_file()
    assert not (folder / "plots" / "outlets.png").exists()  # no toy outlet has enough humans
    bundle = load_bundle(tmp_path / "bundle")
    assert set(bundle.manifest.measured) == {"threshold", *CHEAP} - {"open"}
    assert card.is_current(tmp_path / "bundle")


def test_what_is_recorded_is_reported_again_without_a_text(run, tmp_path: Path, capsys):
    assert run("--only", "test", "--record") == 0
    measured = json.loads((tmp_path / "out" / "test.json").read_text(encoding="utf-8"))
    shutil.rmtree(tmp_path / "out")
    capsys.readouterr()
    assert run("--recorded", "--data", str(tmp_path / "none")) == 0
    again = json.loads((tmp_path / "out" / "test.json").read_text(encoding="utf-8"))
    assert again == {"bundle": measured["bundle"], **summarize(measured)}
    assert (tmp_path / "out" / "plots" / "roc.png").is_file()
    err = capsys.readouterr().err
    assert "dev is not recorded of these weights" in err
    assert "test is not" not in err
    assert run("--recorded", "--only", "dev") == 2


def test_floors_are_written_kept_and_named_where_they_fall(run, floors_file, tmp_path, capsys):
    assert run("--only", "dev", "--check-floors") == 2  # there are none yet
    floors_file.write_text("damaged", encoding="utf-8")
    assert run("--only", "dev", "--write-floors") == 2
    assert not (tmp_path / "out").exists()  # told before anything is measured
    floors_file.unlink()
    assert run("--only", *CHEAP, "--write-floors", "--check-floors") == 0
    written = read_floors(floors_file)
    assert written.data_digest == "d" * 64
    assert len(written.rewrites[open_texts.HELD_BACK]) == 3  # toy data hold none
    assert "All kept" in capsys.readouterr().out

    name = "dev: AUROC, all"
    higher = {**written.floors, name: 1.5}
    write_floors(floors_file, Floors(**{**vars(written), "floors": higher}))
    assert run("--only", "test", "--check-floors") == 0  # only what was measured is judged
    capsys.readouterr()
    assert run("--only", "dev", "--check-floors") == 1
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-1].startswith(f"train.report: {name} is ")
    assert f"- {name} is" in printed.out

    assert run("--only", "dev", "--write-floors") == 2
    assert "--lower-floors" in capsys.readouterr().err
    assert read_floors(floors_file).floors == higher
    assert run("--only", "dev", "--write-floors", "--lower-floors") == 0
    lowered = read_floors(floors_file)
    assert lowered.floors == written.floors
    assert [entry["figure"] for entry in lowered.lowered] == [name]
    assert f"for CHANGELOG.md: - Floor lowered: {name}, 1.5000 to" in capsys.readouterr().err


def test_floors_of_other_data_are_not_mixed_with_these():
    def found(digest: str) -> dict:
        bundle = {"name": "toy", "version": "1", "sha256": "f" * 64}
        rates = {"tpr": {"value": 0.5}, "fpr": {"value": 0.1}, "rewords": False}
        attack = {"attack": "homoglyph", **rates}
        return {"bundle": bundle, "data_digest": digest, "standard": [attack]}

    old = Floors(data_digest="a", floors={"dev: AUROC, all": 0.9})
    with pytest.raises(ConfigError, match="other data"):
        report.judge_floors(old, {"attacks": found("b")})
    with pytest.raises(ConfigError, match="not measured any more"):
        report.new_floors(old, {"attacks": found("b")}, lowering=False)
    assert set(report.new_floors(old, {"attacks": found("a")}, lowering=False).floors) == {
        "dev: AUROC, all",
        "attacks: TPR fpr-1pct, homoglyph",
    }
    with pytest.raises(ConfigError, match="different data"):
        report.judge_floors(old, {"attacks": found("a"), "variants": found("b")})


@pytest.mark.parametrize(
    "wrong",
    [
        ["--lower-floors"],
        ["--recorded", "--record"],
        ["--limit", "0"],
        ["--limit", "5", "--check-floors"],
    ],
)
def test_wrong_usage_is_one_line(run, capsys, wrong):
    assert run(*wrong) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_bundle_that_is_none_is_one_line(run, tmp_path: Path, capsys):
    assert run("--only", "dev", "--bundle", str(tmp_path)) == 1
    assert "train.report: " in capsys.readouterr().err
