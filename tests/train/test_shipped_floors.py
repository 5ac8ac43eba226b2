"""The shipped weights keep their floors: as they were measured, and live on the small slice."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.bundle import load_bundle
from serve import Scorer
from train import open_texts
from train.floors import (
    FLOORS_FILE,
    Floors,
    changelog_line,
    falls,
    figures,
    read_floors,
)
from train.open_texts import SEED_DOCUMENTS, judge

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def floors() -> Floors:
    """The floors that ship."""
    return read_floors(FLOORS_FILE)


def test_the_floors_are_of_these_weights_and_their_data(floors):
    bundle = load_bundle()
    assert floors.sha256 == bundle.sha256
    assert floors.data_digest == bundle.manifest.training["data_digest"]


def test_what_was_recorded_keeps_every_floor(floors):
    # All parts that have floors, not those that happen to be recorded.
    parts = {name.partition(": ")[0] for name in (*floors.floors, *floors.ceilings)} - {"open"}
    fallen = falls(floors, figures(load_bundle().manifest.measured), parts)
    assert not fallen, "; ".join(map(str, fallen))
    assert len(floors.floors) + len(floors.ceilings) > 50


def test_a_lowered_floor_is_named_in_the_changelog(floors):
    text = " ".join((ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split())
    for lowered in floors.lowered:
        assert changelog_line(lowered) in text


def test_the_small_slice_keeps_its_floors(floors):
    scorer = Scorer.load()
    rows = []
    for name, texts in open_texts.open_texts(floors.rewrites).items():
        results = scorer.score(texts)
        lines = [result.threshold.value for result in results]
        rows.append(judge(name, [result.score or 0.0 for result in results], lines))
    fallen = falls(floors, figures({"open": {"rows": rows}}), ["open"])
    assert not fallen, "; ".join(map(str, fallen))
    (seeds,) = [row for row in rows if row["name"] == SEED_DOCUMENTS]
    assert seeds["flagged"]["hits"] == seeds["texts"] == 5
