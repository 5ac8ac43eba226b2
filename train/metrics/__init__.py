"""The project's metrics, as modules that the `evaluate` library loads offline.

Each folder here is one module (`auroc/auroc.py`, ...), a thin wrapper over `functions`,
so `evaluate.load("train/metrics/auroc")` works without a network. `load_metric` gives the
same object without the library's side effects: `evaluate.load` copies a module into the
user's cache and imports the copy, and keeps lock files there.
"""

from __future__ import annotations

import importlib
import tempfile
from typing import Any

METRICS: tuple[str, ...] = ("auroc", "tpr_at_fpr", "ece", "brier")


def load_metric(name: str) -> Any:
    """One of `METRICS` as an `evaluate.EvaluationModule` that leaves nothing on disk.

    Its `compute(predictions=scores, references=is_machine)` returns a dict of floats.
    """
    from evaluate.loading import import_main_class

    module = f"{__name__}.{name}.{name}"
    importlib.import_module(module)
    with tempfile.TemporaryDirectory(prefix="respun-metrics-") as cache:
        return import_main_class(module)(keep_in_memory=True, cache_dir=cache)
