"""Area under the ROC curve with its DeLong interval, for the `evaluate` library.

The computing is in `train.metrics.functions`.
"""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import evaluate

from train.metrics import functions

_INPUTS = """
Args:
    predictions: scores; a higher one means machine.
    references: 1 for machine, 0 for human.
"""


class Auroc(evaluate.Metric):  # type: ignore[misc]  # the library has no types
    """`compute` returns `auroc`, `low`, `high`."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Area under the ROC curve with its DeLong interval.",
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features(
                {"predictions": datasets.Value("float64"), "references": datasets.Value("int64")}
            ),
        )

    def _compute(self, predictions: Sequence[float], references: Sequence[int]) -> dict[str, float]:
        estimate = functions.auroc(references, predictions)
        return {"auroc": estimate.value, "low": estimate.low, "high": estimate.high}
