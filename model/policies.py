"""Threshold policies: how many false alarms a verdict may cost, and the verdict itself.

The last step of scoring. A policy is a promise about human articles ("one in a hundred");
the bundle holds the score that keeps it and the count it was chosen on. Kept apart from the
arithmetic of `model.calibration` so that the command line can check its arguments without
loading numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from model.errors import ConfigError

DEFAULT_POLICY = "fpr-1pct"
UNCERTAIN_POLICY = "fpr-5pct"
POLICY_RATES: Mapping[str, float] = {"fpr-5pct": 0.05, "fpr-1pct": 0.01, "fpr-0.1pct": 0.001}
"""The share of human articles that each policy may flag."""
POLICIES: tuple[str, ...] = tuple(POLICY_RATES)
FIXED_POLICY = "fixed"
"""The policy's name in a result when the caller gave a number as the threshold."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """The score that keeps a policy's promise, and the human articles it was chosen on.

    `value` keeps it over all lengths together, for orientation; `Manifest.line` is what a text
    must reach, which depends on its length. `flagged` of `humans` reach theirs, and `interval`
    bounds that rate at 95% confidence.
    """

    value: float
    humans: int
    flagged: int
    interval: tuple[float, float]


def parse_choice(choice: str | float) -> str | float:
    """A policy's name or a score in [0, 1]; raises ConfigError for anything else."""
    if isinstance(choice, str) and choice in POLICIES:
        return choice
    try:
        value = float(choice)
    except (TypeError, ValueError):
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise ConfigError(
            f"threshold {choice!r} is neither a policy nor a number from 0 to 1; "
            f"use one of {', '.join(POLICIES)}, or such a number"
        )
    return value


def choose_threshold(thresholds: Mapping[str, Threshold], choice: str | float) -> tuple[str, float]:
    """The policy's name and the score behind a caller's choice; raises ConfigError."""
    parsed = parse_choice(choice)
    if isinstance(parsed, float):
        return FIXED_POLICY, parsed
    if parsed not in thresholds:
        raise ConfigError(
            f"threshold {parsed}: not in this bundle; use one of {', '.join(thresholds)}"
        )
    return parsed, thresholds[parsed].value


def decide(
    score: float, threshold: float, uncertain_from: float
) -> Literal["human", "uncertain", "machine"]:
    """machine at or above the threshold, else uncertain from `uncertain_from`, else human."""
    if score >= threshold:
        return "machine"
    return "uncertain" if score >= uncertain_from else "human"
