"""Floors: they rise by themselves, fall only when told to, and say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.errors import ConfigError
from train.floors import (
    Fall,
    Figure,
    Floors,
    changelog_line,
    falls,
    figures,
    moved,
    read_floors,
    write_floors,
)

OLD = Floors(floors={"test: AUROC": 0.9, "dev: AUROC": 0.8}, ceilings={"test: FPR": 0.01})


def measured(auroc: float, fpr: float) -> list[Figure]:
    """The two figures of the test split."""
    return [
        Figure("test: AUROC", auroc, 0.002),
        Figure("test: FPR", fpr, 0.002, ceiling=True),
    ]


def test_a_limit_lies_a_little_on_the_kind_side():
    floor, ceiling = measured(0.95, 0.01)
    assert (floor.limit, ceiling.limit) == (0.948, 0.012)
    assert floor.keeps(0.95)
    assert not floor.keeps(0.951)
    assert ceiling.keeps(0.01)
    assert not ceiling.keeps(0.009)


@pytest.mark.parametrize("ceiling", [False, True])
@pytest.mark.parametrize("value", [1 / 3, 2 / 3])
def test_a_figure_keeps_the_limit_that_it_gives(value, ceiling):
    exact = Figure("open: flagged", value, 0.0, ceiling)  # a limit has four decimals
    assert exact.keeps(exact.limit)
    worse = 0.0002 if ceiling else -0.0002
    assert not Figure("open: flagged", value + worse, 0.0, ceiling).keeps(exact.limit)


def test_what_fell_is_named_with_floor_and_found():
    assert falls(OLD, measured(0.9, 0.01), ["test"]) == []
    fallen = falls(OLD, measured(0.88, 0.02), ["test"])
    assert [str(fall) for fall in fallen] == [
        "test: AUROC is 0.8800 (floor 0.9000)",
        "test: FPR is 0.0200 (ceiling 0.0100)",
    ]
    (gone,) = falls(OLD, measured(0.9, 0.01), ["test", "dev"])
    assert str(gone) == "dev: AUROC is not measured any more (floor 0.8000)"


def test_floors_rise_and_never_fall_by_themselves():
    new = moved(OLD, measured(0.95, 0.005), [], "2")
    assert new.floors == {"test: AUROC": 0.948, "dev: AUROC": 0.8}
    assert new.ceilings == {"test: FPR": 0.007}
    # measured as high as before: the slack must not lower the floor run by run
    assert moved(OLD, measured(0.9, 0.01), [], "2") == OLD.__class__(
        floors=OLD.floors, ceilings=OLD.ceilings, lowered=[]
    )


def test_a_lowered_floor_is_written_down():
    found = measured(0.88, 0.01)
    fallen = [*falls(OLD, found, ["test"]), Fall("dev: AUROC", 0.8, None, False)]
    new = moved(OLD, found, fallen, "2")
    assert new.floors == {"test: AUROC": 0.878}
    assert new.lowered == [
        {"version": "2", "figure": "test: AUROC", "from": 0.9, "to": 0.878},
        {"version": "2", "figure": "dev: AUROC", "from": 0.8, "to": None},
    ]
    assert [changelog_line(entry) for entry in new.lowered] == [
        "Floor lowered: test: AUROC, 0.9000 to 0.8780.",
        "Floor lowered: dev: AUROC, 0.8000 to none.",
    ]


def test_the_file_comes_back_as_it_was_written(tmp_path: Path):
    path = tmp_path / "floors.json"
    assert read_floors(path) == Floors()
    floors = moved(OLD, measured(0.95, 0.005), [], "2")
    write_floors(path, floors)
    assert read_floors(path) == floors
    path.write_text('{"floors": {}, "surprise": 1}', encoding="utf-8")
    with pytest.raises(ConfigError, match="not a file of floors"):
        read_floors(path)


def test_figures_are_named_by_part_figure_and_row():
    rate = {"value": 0.75, "low": 0.7, "high": 0.8, "hits": 3, "count": 4}
    cell = {
        "auroc": {"value": 0.9, "low": 0.8, "high": 1.0},
        "tpr": {"fpr-1pct": rate, "fpr-5pct": rate},
        "fpr": {"fpr-1pct": rate, "fpr-5pct": rate},
    }
    nothing = {"auroc": {"value": None}, "tpr": {"fpr-1pct": {"value": None}}, "fpr": {}}
    rows = [
        {"kind": "overall", "name": "all", "cells": {"encoder": cell}},
        {"kind": "slice", "name": "seeds", "cells": {"encoder": {**cell, "fpr": {}}}},
        {"kind": "slice", "name": "frontier", "cells": {"encoder": nothing}},
        {"kind": "corpus", "name": "toy", "cells": {"encoder": cell}},
    ]
    bins = [{"name": "all", "encoder": {"ece": {"value": 0.03}}}]
    attack = {"attack": "homoglyph", "rewords": False, "tpr": rate, "fpr": rate}
    spinner = {"attack": "synonym", "rewords": True, "tpr": rate, "fpr": rate}
    spliced = {"name": "all", "auroc": {"encoder": rate}, "share_error": 0.1, "boundary": None}
    found = figures(
        {
            "test": {"rows": rows, "calibration": bins},
            "attacks": {"standard": [attack, spinner]},
            "passages": {"human": {"marked": rate}, "rows": [spliced, {**spliced, "name": "end"}]},
        }
    )
    assert [(each.name, each.ceiling) for each in found] == [
        ("test: AUROC, all", False),
        ("test: TPR fpr-1pct, all", False),
        ("test: TPR fpr-1pct, slice seeds", False),
        ("test: FPR fpr-1pct, all", True),
        ("test: FPR fpr-5pct, all", True),
        ("test: ECE, all", True),
        ("attacks: TPR fpr-1pct, homoglyph", False),
        ("attacks: FPR fpr-1pct, homoglyph", True),
        ("attacks: TPR fpr-1pct, synonym", False),
        ("passages: human sentences marked", True),
        ("passages: sentence AUROC, all", False),
        ("passages: machine share off by, all", True),
    ]
