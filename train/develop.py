"""The look at dev during training: is it still learning, and does it hold on frontier text?

A fixed sample of dev, read through the same path as in scoring. Nothing is chosen by it but
when to stop and which run to export.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from model.calibration import machine_logit
from model.document import DocumentReader, mean_logits
from model.labels import HUMAN
from train.config import FinetuneConfig
from train.metrics import load_metric
from train.network import NetworkTokenLogits


class DevSet:
    """Dev texts, read once; half human where there are enough."""

    def __init__(self, corpus: Any, config: FinetuneConfig, tokenizer: Any) -> None:
        rows = corpus["dev"]
        chosen = sample(rows["label"], config.evaluate_texts)
        rows = rows.select(chosen)
        reader = DocumentReader.from_file(
            config.output / "network" / "tokenizer.json", config.maximum_tokens
        )
        self._config = config
        self._pad_id = tokenizer.pad_token_id
        self._reader = reader
        self._documents = [reader.read(text) for text in rows["text"]]
        self._machine = np.asarray([label != HUMAN for label in rows["label"]])
        self._frontier = np.asarray([corpus == "frontier" for corpus in rows["corpus"]])
        self._area = load_metric("auroc")
        self._rate = load_metric("tpr_at_fpr")

    def measure(self, network: Any) -> dict[str, float]:
        """AUROC and TPR at 1% FPR on the sample, and on its frontier texts alone."""
        config = self._config
        compute = NetworkTokenLogits(
            network, self._pad_id, config.batch_tokens, config.precision == "bf16"
        )
        token_logits = self._reader.logits(self._documents, compute)
        scores = machine_logit(np.stack([mean_logits(logits) for logits in token_logits]))
        results = {}
        for name, machine in (
            ("all", self._machine),
            ("frontier", self._machine & self._frontier),
        ):
            chosen = machine | ~self._machine
            if not machine.any() or self._machine.all():
                continue
            given = {"predictions": scores[chosen], "references": machine[chosen]}
            results[f"{name}/auroc"] = self._area.compute(**given)["auroc"]
            results[f"{name}/tpr_at_1pct"] = self._rate.compute(**given, fpr=0.01)["tpr"]
        return {name: float(value) for name, value in results.items() if not math.isnan(value)}


def sample(labels: list[str], size: int) -> list[int]:
    """Evenly spaced rows, half of them human; in order."""
    sides = (
        [index for index, label in enumerate(labels) if label == HUMAN],
        [index for index, label in enumerate(labels) if label != HUMAN],
    )
    return sorted(
        index for side in sides for index in side[:: max(1, math.ceil(2 * len(side) / size))]
    )
