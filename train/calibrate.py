"""Calibration: from logits on held-back articles to scores, p_human and thresholds.

Runs on the exported ONNX graph, since that is what will score. Two splits, so that each
promise is made on texts that nothing else used: `calibration` fits the line that turns
logits into probabilities; the humans of `threshold` set thresholds and p_human.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.calibration import Calibration, HumanScores, length_term, machine_logit
from model.errors import CorpusError
from model.labels import HUMAN, NEWS
from model.policies import POLICY_RATES, Threshold
from train.metrics.functions import flagged, threshold_at_fpr

NEAREST_HUMANS = 500
"""Held-back articles of like length that one is compared with.

So many that five may reach the line of 1%, and so few that those nearest to a brief are briefs:
with twice as many 2.2% instead of 1.4% of the held-back articles of 100 to 150 words reach it.
"""

SHOWN_LENGTHS: tuple[int, ...] = (50, 100, 200, 300, 400, 600, 800, 1200)
"""Lengths, in words, whose lines are shown to people."""

OUTLET_LEAST_HUMANS = 50
"""Articles from which an outlet's false alarms are worth a row."""

LogitsOf = Callable[[str, Any], NDArray[np.float64]]
"""Split name and rows to [n, 5]: mean logits and words, as `train.scores` keeps them."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What calibration gives a bundle."""

    calibration: Calibration
    human: HumanScores
    thresholds: dict[str, Threshold]
    kept: dict[str, list[dict[str, Any]]]
    """How it was kept, by `lengths` and by `outlets`, see `promise_by_length` and
    `promise_by_outlet`."""


def fit_calibration(
    odds: NDArray[np.float64], words: NDArray[np.int64], machine: NDArray[np.bool_]
) -> Calibration:
    """Fit Platt's line with length terms, human and machine weighing the same in all.

    `odds` are machine logits [n]. After Platt 1999, by logistic regression. Raises
    CorpusError where either class is missing.
    """
    if machine.all() or not machine.any():
        raise CorpusError("calibration split: needs human and machine texts; add some of both")
    x = length_term(words)
    weights = np.where(machine, 0.5 / machine.mean(), 0.5 / (1 - machine.mean()))
    slope, intercept = _line([odds, odds * x, x], machine, weights)
    # The score must rise with the logit at every length, or p_human would mean nothing.
    if min(slope[0] - 3 * slope[1], slope[0] + 3 * slope[1]) <= 0.1 * slope[0]:
        slope, intercept = _line([odds, np.zeros_like(odds), x], machine, weights)
    return Calibration(slope=slope, intercept=intercept)


def _line(
    columns: Sequence[NDArray[np.float64]],
    machine: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> tuple[tuple[float, float], tuple[float, float]]:
    from sklearn.linear_model import LogisticRegression

    # A touch of ridge: texts that are told apart without error have no finite best line.
    line = LogisticRegression(C=100.0, max_iter=1000)
    line.fit(np.stack(columns, axis=1), machine, sample_weight=weights)
    first, by_length, length = (float(value) for value in line.coef_[0])
    return (first, by_length), (float(line.intercept_[0]), length)


def promise(
    calibration: Calibration,
    logits: NDArray[np.float64],
    words: NDArray[np.int64],
    outlets: Sequence[str],
) -> Promise:
    """Thresholds and p_human from held-back humans: logits [n, 4], words and outlets [n]."""
    scores = calibration.score(logits, words)
    if len(scores) == 0:
        raise CorpusError("threshold split: holds no human text; hold out some outlets for it")
    human = human_scores(scores, words)
    thresholds = {}
    for policy, rate in POLICY_RATES.items():
        value = float(np.clip(threshold_at_fpr(scores, rate), 0.0, 1.0))
        lines = [human.line(rate, int(count), value) for count in words]
        share = flagged(scores, lines)
        thresholds[policy] = Threshold(value, len(scores), share.hits, (share.low, share.high))
    kept = {
        "lengths": promise_by_length(human, thresholds),
        "outlets": promise_by_outlet(scores, words, np.asarray(outlets, dtype=str)),
    }
    return Promise(calibration, human, thresholds, kept)


def promise_by_length(
    human: HumanScores, thresholds: Mapping[str, Threshold]
) -> list[dict[str, Any]]:
    """At some lengths the humans that one is compared with, and the lines, by policy."""
    table = []
    for count in SHOWN_LENGTHS:
        like = human.words[human.like(count)]
        table.append(
            {
                "words": count,
                "humans": len(like),
                "between": [like[0], like[-1]],
                "lines": {
                    policy: human.line(rate, count, thresholds[policy].value)
                    for policy, rate in POLICY_RATES.items()
                },
            }
        )
    return table


def promise_by_outlet(
    scores: NDArray[np.float64], words: NDArray[np.int64], outlets: NDArray[np.str_]
) -> list[dict[str, Any]]:
    """What each outlet's humans would have met, had the lines been drawn without that outlet.

    The promise supposes that a new outlet's articles score like those of the others. This
    leaves one outlet out at a time, and so says what the supposition is worth.
    """
    table = []
    for outlet in np.unique(outlets).tolist():
        own = outlets == outlet
        if own.sum() < OUTLET_LEAST_HUMANS or own.all():
            continue
        others = human_scores(scores[~own], words[~own])
        shares = {}
        for policy, rate in POLICY_RATES.items():
            unknown = threshold_at_fpr(scores[~own], rate)
            lines = [others.line(rate, int(count), unknown) for count in words[own]]
            shares[policy] = asdict(flagged(scores[own], lines))
        table.append({"name": outlet or "unknown", "humans": int(own.sum()), "fpr": shares})
    return table


def human_scores(scores: NDArray[np.float64], words: NDArray[np.int64]) -> HumanScores:
    """The record of human articles, from their scores and their words [n]."""
    order = np.lexsort((scores, words))
    return HumanScores(tuple(words[order].tolist()), tuple(scores[order].tolist()), NEAREST_HUMANS)


def check_splits(
    splits: Any,
    minimum_words: int,
    seen: Collection[str] = (),
    names: Sequence[str] = ("dev", "calibration", "threshold"),
) -> None:
    """Raise CorpusError where a split lacks texts that the end of a run needs.

    Asked before training too, so that nobody learns of it hours later.
    """
    for name in names:
        labels: set[str] = set()
        if name in splits:
            labels |= set(_rows(splits[name], minimum_words, False, seen)["label"])
        wanted = {"human": HUMAN in labels}
        if name != "threshold":
            wanted["machine"] = bool(labels - {HUMAN})
        for side, found in wanted.items():
            if not found:
                raise CorpusError(
                    f"{name} split: holds no {side} news text of {minimum_words} words or more; "
                    f"name outlets for it in split.outlets, or raise split.{name}, and build the "
                    "data set again"
                )


def calibrate(
    compute: LogitsOf, splits: Any, minimum_words: int, seen: Collection[str] = ()
) -> Promise:
    """Fit on `calibration`, promise on the humans of `threshold`; splits by name.

    Texts whose id is in `seen` are left out, since the network was trained on them.
    """
    check_splits(splits, minimum_words, seen)
    fit = _rows(splits["calibration"], minimum_words, humans_only=False, seen=seen)
    rows = compute("calibration", fit)
    machine = np.asarray([label != HUMAN for label in fit["label"]])
    words = rows[:, -1].astype(np.int64)
    line = fit_calibration(machine_logit(rows[:, :-1]), words, machine)
    return promise_on(line, compute, splits, minimum_words, seen)


def promise_on(
    line: Calibration,
    compute: LogitsOf,
    splits: Any,
    minimum_words: int,
    seen: Collection[str] = (),
) -> Promise:
    """Promise on the humans of `threshold`, of which there are some (`check_splits`)."""
    humans = _rows(splits["threshold"], minimum_words, humans_only=True, seen=seen)
    rows = compute("threshold", humans)
    return promise(line, rows[:, :-1], rows[:, -1].astype(np.int64), list(humans["source"]))


def _rows(split: Any, minimum_words: int, humans_only: bool, seen: Collection[str] = ()) -> Any:
    chosen = [
        index
        for index, (name, label, domain, words) in enumerate(
            zip(split["id"], split["label"], split["domain"], split["words"], strict=True)
        )
        if domain in NEWS
        and words >= minimum_words
        and (label == HUMAN or not humans_only)
        and name not in seen
    ]
    return split.select(chosen)
