"""The metrics themselves: plain functions over arrays, each with a 95% interval.

`measure` calls them for every slice, so they are vectorised; the modules beside this file
make the same functions available to the `evaluate` library. Everything is deterministic:
intervals are closed-form (DeLong, Clopper-Pearson, Newcombe, normal), and the two that need a
bootstrap (`ece`, `tpr_at_own_fpr`) draw it from a fixed seed.

Throughout, `is_machine` is boolean (1 means machine), a higher score means machine, and a
text is flagged when its score is at least the threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONFIDENCE = 0.95
BOOTSTRAP_DRAWS = 500
BOOTSTRAP_SEED = 20260101
CALIBRATION_BINS = 15

_Z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value between the ends of its 95% interval; all NaN where nothing counts."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `count`, as a share with its 95% Clopper-Pearson interval."""

    value: float
    low: float
    high: float
    hits: int
    count: int


NOTHING = Estimate(float("nan"), float("nan"), float("nan"))


def auroc(is_machine: ArrayLike, scores: ArrayLike) -> Estimate:
    """Area under the ROC curve, ties counting half; interval by DeLong on the logit scale.

    Fast DeLong after Sun & Xu (2014), doi:10.1109/LSP.2014.2337313. Where the classes are
    perfectly apart DeLong's variance is zero; the interval then reaches as far as the
    smaller class allows (Clopper-Pearson, all of n). NaN where a class is missing.
    """
    machine, human = _by_class(is_machine, scores)
    m, n = len(machine), len(human)
    if m == 0 or n == 0:
        return NOTHING
    ranks = stats.rankdata(np.concatenate([machine, human]))
    above_human = (ranks[:m] - stats.rankdata(machine)) / n
    above_machine = (ranks[m:] - stats.rankdata(human)) / m
    value = float(above_human.mean())
    variance = _variance(above_human) / m + _variance(above_machine) / n
    if variance == 0:
        reach = rate(min(m, n), min(m, n)).low
        return Estimate(value, min(value, reach), max(value, 1 - reach))
    value = float(np.clip(value, 1e-9, 1 - 1e-9))
    logit = np.log(value / (1 - value))
    spread = _Z * np.sqrt(variance) / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-np.array([logit - spread, logit + spread])))
    return Estimate(value, float(low), float(high))


def rate(hits: int, count: int) -> Rate:
    """The share `hits / count` with its exact (Clopper-Pearson) interval."""
    if count == 0:
        return Rate(float("nan"), float("nan"), float("nan"), 0, 0)
    tail = (1 - CONFIDENCE) / 2
    low = float(stats.beta.ppf(tail, hits, count - hits + 1)) if hits else 0.0
    high = float(stats.beta.ppf(1 - tail, hits + 1, count - hits)) if hits < count else 1.0
    return Rate(hits / count, low, high, int(hits), int(count))


def flagged(scores: ArrayLike, threshold: ArrayLike) -> Rate:
    """The share of these texts that score at least `threshold`, one for all or each its own."""
    values = np.asarray(scores, dtype=np.float64)
    lines = np.asarray(threshold, dtype=np.float64)
    return rate(int((values >= lines).sum()), len(values))


def paired_difference(after: ArrayLike, before: ArrayLike) -> Estimate:
    """The share of `after` less that of `before`, two judgements of the same texts.

    Method 10 of Newcombe (1998), Statistics in Medicine 17:2635: Wilson intervals of the two
    shares, combined by their correlation. It has a width even where no judgement changed.
    """
    new, old = np.asarray(after, dtype=bool), np.asarray(before, dtype=bool)
    count = len(new)
    if count == 0:
        return NOTHING
    new_low, new_high = _wilson_reach(int(new.sum()), count)
    old_low, old_high = _wilson_reach(int(old.sum()), count)
    agreement = float((new & old).sum() * (~new & ~old).sum())
    agreement -= float((new & ~old).sum() * (~new & old).sum())
    if agreement > 0:
        agreement = max(0.0, agreement - count / 2)  # corrected for continuity
    spread = math.sqrt(float(new.sum() * (~new).sum()) * float(old.sum() * (~old).sum()))
    phi = agreement / spread if spread else 0.0
    value = float(new.mean() - old.mean())
    low = math.sqrt(new_low**2 - 2 * phi * new_low * old_high + old_high**2)
    high = math.sqrt(new_high**2 - 2 * phi * new_high * old_low + old_low**2)
    return Estimate(value, value - low, value + high)


def threshold_at_fpr(human_scores: ArrayLike, fpr: float) -> float:
    """The lowest threshold that flags at most the share `fpr` of these human scores.

    It lies just above the highest score that must not be flagged, so ties are all spared.
    """
    values = np.sort(np.asarray(human_scores, dtype=np.float64))[::-1]
    if len(values) == 0:
        return float("nan")
    allowed = int(fpr * len(values) + 1e-9)
    return float(np.nextafter(values[allowed], np.inf)) if allowed < len(values) else -np.inf


def tpr_at_threshold(is_machine: ArrayLike, scores: ArrayLike, threshold: float) -> Rate:
    """The share of machine texts flagged at a frozen threshold, one chosen on other humans."""
    machine, _ = _by_class(is_machine, scores)
    return flagged(machine, threshold)


def fpr_at_threshold(is_machine: ArrayLike, scores: ArrayLike, threshold: float) -> Rate:
    """The share of human texts flagged at a frozen threshold, one chosen on other humans."""
    _, human = _by_class(is_machine, scores)
    return flagged(human, threshold)


def tpr_at_own_fpr(is_machine: ArrayLike, scores: ArrayLike, fpr: float) -> Estimate:
    """The share of machine texts flagged at the threshold that this set's own humans set.

    Kinder than a frozen threshold. The bootstrap interval redraws both the humans, hence
    the threshold, and the machine texts.
    """
    machine, human = _by_class(is_machine, scores)
    if len(machine) == 0 or len(human) == 0:
        return NOTHING
    value = flagged(machine, threshold_at_fpr(human, fpr)).value
    random = np.random.default_rng(BOOTSTRAP_SEED)
    draws = np.empty(BOOTSTRAP_DRAWS)
    for index in range(BOOTSTRAP_DRAWS):
        drawn = human[random.integers(0, len(human), len(human))]
        share = flagged(machine, threshold_at_fpr(drawn, fpr)).hits / len(machine)
        draws[index] = random.binomial(len(machine), share) / len(machine)
    return _with_percentiles(value, draws)


def brier(is_machine: ArrayLike, probabilities: ArrayLike) -> Estimate:
    """Mean squared difference of probability and outcome, with its normal interval."""
    outcome, predicted = _as_floats(is_machine, probabilities)
    if len(outcome) == 0:
        return NOTHING
    errors = (predicted - outcome) ** 2
    spread = _Z * float(np.sqrt(_variance(errors) / len(errors)))
    value = float(errors.mean())
    return Estimate(value, max(0.0, value - spread), min(1.0, value + spread))


def ece(is_machine: ArrayLike, probabilities: ArrayLike, even: bool = False) -> Estimate:
    """Expected calibration error over 15 bins of equal width, with a bootstrap interval.

    Guo et al. (2017), arXiv:1706.04599, on the probability of "machine". With `even`, human
    and machine texts weigh the same in all, as a probability at even odds supposes, whatever
    their numbers. Redrawn sets look less calibrated than the set itself, so the interval
    leans upward; it is widened where needed to hold the value.
    """
    outcome, predicted = _as_floats(is_machine, probabilities)
    count = len(outcome)
    share = float(outcome.mean()) if count else 0.0
    if count == 0 or (even and share in (0.0, 1.0)):
        return NOTHING
    bins = np.minimum((predicted * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)
    weights = np.where(outcome == 1, 0.5 / share, 0.5 / (1 - share)) if even else np.ones(count)
    gaps = weights * (predicted - outcome)

    def error(chosen: NDArray[np.intp] | slice) -> float:
        sums = np.bincount(bins[chosen], weights=gaps[chosen], minlength=CALIBRATION_BINS)
        return float(np.abs(sums).sum() / weights[chosen].sum())

    random = np.random.default_rng(BOOTSTRAP_SEED)
    draws = [error(random.integers(0, count, count)) for _ in range(BOOTSTRAP_DRAWS)]
    return _with_percentiles(error(slice(None)), np.array(draws))


def _by_class(
    is_machine: ArrayLike, scores: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The scores of the machine texts and those of the human ones."""
    machine = np.asarray(is_machine).astype(bool)
    values = np.asarray(scores, dtype=np.float64)
    return values[machine], values[~machine]


def _as_floats(
    is_machine: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    outcome = np.asarray(is_machine).astype(bool).astype(np.float64)
    return outcome, np.asarray(probabilities, dtype=np.float64)


def _wilson_reach(hits: int, count: int) -> tuple[float, float]:
    """How far the Wilson interval of a share reaches below and above it."""
    interval = stats.binomtest(hits, count).proportion_ci(CONFIDENCE, method="wilson")
    share = hits / count
    return share - float(interval.low), float(interval.high) - share


def _variance(values: NDArray[np.float64]) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def _with_percentiles(value: float, draws: NDArray[np.float64]) -> Estimate:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return Estimate(value, min(value, float(low)), max(value, float(high)))
