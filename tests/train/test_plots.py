"""Pictures: every one is drawn from reports alone, the same each time, and only where it can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.text import Text

from train.plots import PLOTS, draw_all

PNG = b"\x89PNG\r\n\x1a\n"


def estimate(value: float, interval: bool = True) -> dict[str, float]:
    """A figure, with or without its interval."""
    ends = {"low": max(0.0, value - 0.02), "high": min(1.0, value + 0.02)}
    return {"value": value, **(ends if interval else {})}


def row(kind: str, name: str, machine: int = 60, human: int = 120) -> dict[str, Any]:
    """A row as a manifest keeps it: no intervals but the encoder's at the default policy."""
    cells = {
        system: {
            rate: {
                policy: estimate(0.3, system == "encoder" and policy == "fpr-1pct")
                for policy in ("fpr-5pct", "fpr-1pct", "fpr-0.1pct")
            }
            for rate in (["tpr"] * bool(machine) + ["fpr"] * bool(human))
        }
        for system in ("encoder", "linear")
    }
    return {"kind": kind, "name": name, "machine": machine, "human": human, "cells": cells}


def attacked(name: str, rewords: bool = False) -> dict[str, Any]:
    """A row of the table of attacks."""
    rates = {"tpr": estimate(0.4), "fpr": estimate(0.02)}
    return {"attack": name, "strength": 0.5, "rewords": rewords, **rates}


@pytest.fixture
def reports() -> dict[str, dict[str, Any]]:
    """Reports with all that pictures need, made up."""
    bins = [
        {"from": i / 5, "to": (i + 1) / 5, "machine": i, "human": 5 - i}
        | {"predicted": (i + 0.5) / 5, "observed": i / 5}
        for i in range(5)
    ]
    curve = {"machine": 60, "human": 100, "best_feature": "commas", "flagged": [0, 1, 10, 100]}
    curve["tpr"] = {name: [0.1, 0.3, 0.6, 1.0] for name in ("encoder", "linear", "feature")}
    return {
        "test": {
            "split": "test",
            "texts": {"human": 1234, "machine": 2345},
            "rows": [
                row("overall", "all"),
                row("slice", "frontier", human=0),
                *(row("length", name) for name in ("<100", "100-200", ">=800")),
                row("length", "200-400", human=0),
                *(row("overlap", name, human=0) for name in ("<0.1", ">=0.6")),
                *(row("outlet", name, machine=0) for name in ("gazette", "courier")),
            ],
            "reliability": [
                {"name": "all", "encoder": bins, "linear": bins},
                {"name": "all, rewording", "encoder": bins},
            ],
            "roc": [
                {"kind": "overall", "name": "all", **curve},
                {"kind": "slice", "name": "frontier", **curve},
            ],
        },
        "attacks": {
            "split": "test",
            "clean": {"machine": 60, "human": 120, **attacked("none")},
            "standard": [attacked("homoglyph"), attacked("synonym", rewords=True)],
        },
        "open": {
            "documents": [
                {
                    "name": "toy.txt",
                    "score": 0.987,
                    "sentences": [{"text": "It cost $5\nand $6. " * 20, "score": 0.5}] * 12,
                }
            ]
        },
    }


def test_every_picture_is_drawn_the_same_each_time(reports, tmp_path: Path):
    drawn = draw_all(reports, tmp_path / "one")
    assert drawn == list(PLOTS)
    draw_all(reports, tmp_path / "two")
    for plot in PLOTS:
        first = (tmp_path / "one" / plot.file).read_bytes()
        assert first.startswith(PNG)
        assert first == (tmp_path / "two" / plot.file).read_bytes()


def test_what_was_not_measured_is_not_drawn(reports, tmp_path: Path):
    del reports["attacks"], reports["test"]["roc"]
    reports["open"]["documents"] = []
    rows = reports["test"]["rows"]
    reports["test"]["rows"] = [each for each in rows if each["kind"] != "outlet"]
    drawn = draw_all(reports, tmp_path)
    missing = {"attacks.png", "roc.png", "sentences.png", "outlets.png"}
    assert {plot.file for plot in drawn} == {plot.file for plot in PLOTS} - missing
    assert {path.name for path in tmp_path.iterdir()} == {plot.file for plot in drawn}


def test_counts_and_units_stand_in_the_picture(reports):
    named = {plot.file: plot for plot in PLOTS}
    for file, expected in {
        "calibration.png": ("1,234 human and 2,345 machine texts", "share that was machine"),
        "roc.png": ("60 machine and 100 human texts", "human texts flagged (FPR, log axis)"),
        "lengths.png": ("120 human", "machine texts found (TPR)"),
        "outlets.png": ("240 human texts of 2 outlets", "gazette (120)"),
        "attacks.png": ("the same 60 machine", "the same 120 human", "homoglyph (0.5)"),
        "sentences.png": ("toy.txt: score 0.9870, 12 sentences", "0.50"),
    }.items():
        plot = named[file]
        figure = plot.draw(reports[plot.part])
        words = [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text)]
        for part in expected:
            assert any(part in text for text in words), (file, part)
