"""Brier score with its normal interval, for the `evaluate` library.

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


class Brier(evaluate.Metric):  # type: ignore[misc]  # the library has no types
    """`compute` returns `brier`, `low`, `high`."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Brier score with its normal interval.",
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features(
                {"predictions": datasets.Value("float64"), "references": datasets.Value("int64")}
            ),
        )

    def _compute(self, predictions: Sequence[float], references: Sequence[int]) -> dict[str, float]:
        estimate = functions.brier(references, predictions)
        return {"brier": estimate.value, "low": estimate.low, "high": estimate.high}
