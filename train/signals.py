"""How often human and machine news shows each signal: what a signal is worth to its reader.

Beside `train.measure`, but no part of the score: `model.signals` reads characters and words, and
no weights, so that what is kept here stays true of a bundle with others. A result quotes the
shares beside each signal.

    python -m train.signals --bundle model/checkpoint --data build/corpus --split test --record
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.labels import NEWS
from model.signals import SIGNAL_NAMES, find_signals
from model.text import normalize
from train.commands import Command, run
from train.measure import (
    GRADED_OVERLAP,
    Texts,
    read_texts,
    without_nan,
)
from train.metrics.functions import rate

CLEANED_AWAY: tuple[str, ...] = ("html_residue", "assistant_residue", "refusal", "placeholders")
"""Signals that the data set's cleaning takes out of the texts, so that none can be counted."""


@dataclass(frozen=True)
class SignalOptions:
    """What to measure, and where things lie."""

    bundle: Path
    data: Path
    output: Path
    split: str = "test"


def news_of(texts: Texts) -> Texts:
    """The news among the texts, but for machine ones that kept most of a human's wording."""
    news = np.isin(texts.columns["domain"], NEWS)
    return texts.take(news & ~(texts.overlap >= GRADED_OVERLAP))


def count_signals(texts: Iterable[str]) -> Counter[str]:
    """How many of the texts show each signal."""
    return Counter(signal.name for text in texts for signal in find_signals(text, normalize(text)))


def measure_signals(options: SignalOptions) -> dict[str, Any]:
    """Look for every signal in the news of a split; returns the report."""
    from train.corpus import corpus_digest

    digest = corpus_digest(options.data)
    texts = news_of(read_texts(options.data, options.split))
    machine = texts.machine
    human_counts = count_signals(_watched(texts.take(~machine), "human"))
    machine_counts = count_signals(_watched(texts.take(machine), "machine"))
    humans, machines = int((~machine).sum()), int(machine.sum())
    report: dict[str, Any] = without_nan(
        {
            "data_digest": digest,
            "split": options.split,
            "human": humans,
            "machine": machines,
            "signals": [
                {
                    "name": name,
                    "human": asdict(rate(human_counts[name], humans)),
                    "machine": asdict(rate(machine_counts[name], machines)),
                }
                for name in SIGNAL_NAMES
                if name not in CLEANED_AWAY
            ],
        }
    )
    return report


def _watched(texts: Texts, what: str) -> Iterable[str]:
    from tqdm import tqdm

    bar: Iterable[str] = tqdm(texts.texts, desc=what, disable=not sys.stderr.isatty())
    return bar


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    from train.tables import render_signals

    command = Command(
        module="train.signals",
        name="signals",
        description="Count how often human and machine news shows each signal.",
        options=SignalOptions,
        measure=measure_signals,
        render=render_signals,
    )
    return run(command, arguments)


if __name__ == "__main__":
    sys.exit(main())
