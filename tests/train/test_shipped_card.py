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
    assert set(measured) == {"threshold", "dev", "test", "variants"}
    for split in ("dev", "test"):
        assert measured[split]["sha256"] == bundle.sha256
        assert measured[split]["data_digest"] == bundle.manifest.training["data_digest"]
    assert measured["variants"]["bundle"]["sha256"] == bundle.sha256
