"""The shipped model card is what the manifest gives, with figures of these very weights."""

from __future__ import annotations

from pathlib import Path

from model.bundle import load_bundle
from train.card import is_current

SHIPPED = Path(__file__).parents[2] / "model" / "checkpoint"


def test_the_card_is_current():
    assert is_current(SHIPPED)


def test_everything_was_measured_with_these_weights():
    bundle = load_bundle(SHIPPED)
    measured = bundle.manifest.measured
    splits, samples = {"dev", "test"}, {"variants", "attacks", "passages"}
    assert set(measured) == {"threshold", "signals", *splits, *samples}
    digest = bundle.manifest.training["data_digest"]
    assert {measured[name]["data_digest"] for name in ("signals", *splits, *samples)} == {digest}
    weights = {measured[name]["sha256"] for name in splits}
    assert weights | {measured[name]["bundle"]["sha256"] for name in samples} == {bundle.sha256}
