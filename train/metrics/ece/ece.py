"""Expected calibration error with its bootstrap interval, for the `evaluate` library.

The computing is in `train.metrics.functions`.
"""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import evaluate

from train.metrics import functions

_INPUTS = """
Args:
    predictions: probabilities of machine.
    references: 1 for machine, 0 for human.
"""


class Ece(evaluate.Metric):  # type: ignore[misc]  # the library has no types
    """`compute` returns `ece`, `low`, `high`."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Expected calibration error with its bootstrap interval.",
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features(
                {"predictions": datasets.Value("float64"), "references": datasets.Value("int64")}
            ),
        )

    def _compute(self, predictions: Sequence[float], references: Sequence[int]) -> dict[str, float]:
        estimate = functions.ece(references, predictions)
        return {"ece": estimate.value, "low": estimate.low, "high": estimate.high}
