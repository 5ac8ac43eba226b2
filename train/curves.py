"""Curves over a whole split, as few enough points to keep beside the weights.

`train.measure` puts them into its report, `train.plots` draws them: a reliability diagram and
ROC curves can then be drawn again from the report alone, years after the scores are gone. A
curve is given at counts of humans flagged, not at rates: these are exact whatever the rounding,
and the first of them is all that a low rate on so many humans can mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.metrics.functions import CALIBRATION_BINS

Mask = NDArray[np.bool_]
Scores = NDArray[np.float64]

_POINTS_PER_DECADE = 12


def flagged_counts(humans: int) -> list[int]:
    """Counts of humans at which a curve is given: 0, 1, ... `humans`, evenly on a log axis."""
    if humans < 1:
        return [0]
    points = int(np.log10(humans) * _POINTS_PER_DECADE) + 2
    return [0, *np.unique(np.geomspace(1, humans, points).round().astype(int)).tolist()]


def detection_curve(machine: Scores, human: Scores, counts: Sequence[int]) -> list[float]:
    """The share of machine texts found where at most so many humans are flagged.

    One threshold for all lengths, just above the highest human score that must be spared, as
    `threshold_at_fpr` draws it; ties are spared. NaN without machine texts.
    """
    if not len(machine):
        return [float("nan")] * len(counts)
    spared = np.append(np.sort(human)[::-1], -np.inf)  # [humans + 1]
    ascending = np.sort(machine)
    passed = np.searchsorted(ascending, spared[list(counts)], side="right")
    return [float(1 - below / len(machine)) for below in passed]


def reliability(machine: Mask, probabilities: Scores) -> Iterator[dict[str, Any]]:
    """Bins of equal width that hold texts: what was predicted, and what share was machine.

    Human and machine texts weigh the same in all, as the score supposes and `ece` with `even`
    counts. Nothing where a class is missing.
    """
    count, made = len(machine), int(machine.sum())
    if made in (0, count):
        return
    weights = np.where(machine, 0.5 / made, 0.5 / (count - made))
    bins = np.minimum((probabilities * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    for index in np.unique(bins).tolist():
        chosen = bins == index
        whole = weights[chosen].sum()
        yield {
            "from": index / CALIBRATION_BINS,
            "to": (index + 1) / CALIBRATION_BINS,
            "machine": int(machine[chosen].sum()),
            "human": int((~machine[chosen]).sum()),
            "predicted": float((weights * probabilities)[chosen].sum() / whole),
            "observed": float((weights * machine)[chosen].sum() / whole),
        }
