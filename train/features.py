"""One-feature baselines: what a single readable number achieves on the same texts.

A feature has no training but its direction (is a machine's text the one with more commas
or with fewer?), which is chosen on the training split and kept. The better of the two
directions on the test split would be a flattering coin toss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.features import FEATURE_NAMES, text_features
from train.metrics.functions import auroc


@dataclass(frozen=True, slots=True)
class FeatureDirection:
    """Which way a feature points to a machine, and how well it did so in training."""

    direction: int
    """1: machine texts have more of it; -1: less."""
    auroc: float
    """AUROC on the training split in that direction, 0.5 to 1."""


def feature_table(texts: Iterable[str]) -> dict[str, NDArray[np.float64]]:
    """Each feature of each text: name to an array over the texts."""
    rows = [list(text_features(text).values()) for text in texts]
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), len(FEATURE_NAMES)).T
    return dict(zip(FEATURE_NAMES, columns, strict=True))


def fit_directions(
    table: Mapping[str, NDArray[np.float64]], is_machine: NDArray[np.bool_]
) -> dict[str, FeatureDirection]:
    """Choose each feature's direction by its AUROC on these (training) texts."""
    directions = {}
    for name, values in table.items():
        area = auroc(is_machine, values).value
        directions[name] = FeatureDirection(1 if area >= 0.5 else -1, max(area, 1 - area))
    return directions
