"""Curves: few points, each of which is what the thresholds of the metrics give."""

from __future__ import annotations

import numpy as np
import pytest

from train.curves import detection_curve, flagged_counts, reliability
from train.metrics.functions import ece, flagged, threshold_at_fpr


@pytest.mark.parametrize("humans", [1, 2, 7, 100, 12345])
def test_counts_go_from_none_to_all_without_a_repetition(humans):
    counts = flagged_counts(humans)
    assert (counts[0], counts[1], counts[-1]) == (0, 1, humans)
    assert counts == sorted(set(counts))
    assert len(counts) < 70


def test_a_curve_is_what_thresholds_give_ties_spared():
    chance = np.random.default_rng(3)
    human = chance.integers(0, 40, 200) / 40  # many ties
    machine = chance.integers(10, 50, 300) / 50
    counts = flagged_counts(200)
    expected = [flagged(machine, threshold_at_fpr(human, count / 200)).value for count in counts]
    assert detection_curve(machine, human, counts) == pytest.approx(expected)
    assert detection_curve(machine, human, counts)[-1] == 1.0
    assert np.isnan(detection_curve(machine[:0], human, counts)).all()


def test_bins_add_up_to_the_calibration_error():
    chance = np.random.default_rng(4)
    machine = chance.random(500) < 0.8
    scores = np.clip(chance.normal(0.5 + 0.3 * machine, 0.2), 0, 1)
    bins = list(reliability(machine, scores))
    assert sum(each["machine"] for each in bins) == machine.sum()
    assert sum(each["human"] for each in bins) == (~machine).sum()
    humans, machines = (~machine).sum(), machine.sum()
    gaps = [
        abs(each["predicted"] - each["observed"])
        * (each["machine"] / machines + each["human"] / humans)
        / 2
        for each in bins
    ]
    assert sum(gaps) == pytest.approx(ece(machine, scores, even=True).value)
    assert all(each["from"] <= each["predicted"] <= each["to"] for each in bins)


def test_one_class_has_no_diagram():
    assert list(reliability(np.ones(3, dtype=bool), np.array([0.1, 0.5, 1.0]))) == []
