"""Detection rate at a fixed false-alarm rate, for the `evaluate` library.

The computing is in `train.metrics.functions`.
"""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import evaluate
import numpy as np

from train.metrics import functions

_INPUTS = """
Args:
    predictions: scores; a higher one means machine.
    references: 1 for machine, 0 for human.
"""


class TprAtFpr(evaluate.Metric):  # type: ignore[misc]  # the library has no types
    """`compute` returns `tpr`, `low`, `high`, `threshold` and the `fpr` that came of it."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Detection rate at a fixed false-alarm rate.",
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features(
                {"predictions": datasets.Value("float64"), "references": datasets.Value("int64")}
            ),
        )

    def _compute(
        self,
        predictions: Sequence[float],
        references: Sequence[int],
        fpr: float = 0.01,
        threshold: float | None = None,
    ) -> dict[str, float]:
        """At `threshold`, frozen on other humans, if given; else at that of the own humans.

        With the own humans `fpr` (a share, e.g. 0.01) sets the threshold.
        """
        machine = np.asarray(references, dtype=bool)
        scores = np.asarray(predictions, dtype=np.float64)
        estimate: functions.Estimate | functions.Rate
        if threshold is None:
            estimate = functions.tpr_at_own_fpr(machine, scores, fpr)
            threshold = functions.threshold_at_fpr(scores[~machine], fpr)
        else:
            estimate = functions.tpr_at_threshold(machine, scores, threshold)
        return {
            "tpr": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "threshold": threshold,
            "fpr": functions.fpr_at_threshold(machine, scores, threshold).value,
        }
