"""The weights that ship: whole, described truly, and saying what they said when committed."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from model.bundle import load_bundle, verify_all
from serve import Scorer

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "model" / "checkpoint"

# Scores of the five spins of the seed story, which no weights may have seen.
GOLDEN = {
    "000_7b4d44a1602fb94c.txt": 0.9995,
    "001_51fe8f3a45d1e2e6.txt": 0.9998,
    "002_b18206fd37d6bce2.txt": 0.9998,
    "003_443dd833fefe247e.txt": 0.9933,
    "004_2303a9234c677aa9.txt": 0.9996,
}


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.load()


def test_every_file_is_the_one_that_the_manifest_pins():
    verify_all(load_bundle())


def test_all_committed_weights_stay_under_75_megabytes():
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*")) < 75e6


@pytest.mark.parametrize("name", GOLDEN)
def test_each_seed_document_scores_as_recorded(scorer, name):
    text = (ROOT / "seeds" / "documents" / name).read_text(encoding="utf-8")
    result = scorer.score([text])[0]
    # int8 kernels differ between processors in the third digit.
    assert result.score == pytest.approx(GOLDEN[name], abs=0.01)
    assert result.verdict == "machine"
    assert result.p_human < 0.01


def test_the_default_threshold_rests_on_thousands_of_human_articles():
    promised = load_bundle().manifest.thresholds["fpr-1pct"]
    assert promised.humans >= 3000
    assert promised.flagged / promised.humans <= 0.01


@pytest.mark.parametrize(("policy", "rate"), [("fpr-5pct", 0.05), ("fpr-1pct", 0.01)])
def test_a_text_is_flagged_exactly_where_its_p_is_within_the_rate(policy, rate):
    manifest = load_bundle().manifest
    for words in (40, 99, 100, 250, 399, 400, 799, 800, 5000):
        line = manifest.line(policy, words)
        for score in (line, math.nextafter(line, 0), 0.0, 0.5, 0.9, 0.99, 1.0):
            assert (score >= line) == (manifest.human.p_human(score, words) <= rate)
