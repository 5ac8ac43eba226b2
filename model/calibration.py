"""From a document's mean logits to a score and the false-alarm rate that goes with it.

After the encoder, before the verdict (`model.policies`). Short texts carry less evidence, so
the line over the machine logit moves its slope and intercept with the logarithm of the word
count; one Platt line for all lengths would promise too much on briefs. What fits these
records lives in `train`; what applies them is here, and works on one document and on an
array of them alike.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from model.labels import HUMAN, LABEL_IDS, LABELS, MACHINE_LABELS
from model.policies import POLICY_RATES

REFERENCE_WORDS = 300
"""The length, in words, at which the length terms of the calibration vanish."""

_STRICTEST_RATE = min(POLICY_RATES.values())
_MACHINE_IDS = [LABEL_IDS[label] for label in MACHINE_LABELS]


def machine_logit(logits: ArrayLike) -> NDArray[np.float64]:
    """The log odds of machine against human: [..., 4] logits to [...].

    The three machine labels count together: logsumexp of theirs less the human one.
    """
    values = np.asarray(logits, dtype=np.float64)
    machine = np.logaddexp.reduce(values[..., _MACHINE_IDS], axis=-1)
    return np.asarray(machine - values[..., LABEL_IDS[HUMAN]])


def length_term(words: ArrayLike) -> NDArray[np.float64]:
    """How far a length is from the reference: log2(words / 300), held within [-3, 3]."""
    counted = np.maximum(np.asarray(words, dtype=np.float64), 1)
    return np.clip(np.log2(counted / REFERENCE_WORDS), -3.0, 3.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A line over the machine logit whose slope and intercept move with the length."""

    slope: tuple[float, float]
    intercept: tuple[float, float]

    def logit(self, machine_logits: ArrayLike, words: ArrayLike) -> NDArray[np.float64]:
        """The calibrated log odds of documents of `words` words."""
        x = length_term(words)
        slope = self.slope[0] + self.slope[1] * x
        return np.asarray(
            slope * np.asarray(machine_logits) + self.intercept[0] + self.intercept[1] * x
        )

    def score(self, logits: ArrayLike, words: ArrayLike) -> NDArray[np.float64]:
        """The calibrated probability of machine, from mean logits [..., 4]."""
        return sigmoid(self.logit(machine_logit(logits), words))


@dataclass(frozen=True, slots=True)
class HumanScores:
    """Calibrated scores of held-back human articles and their words, the shortest first.

    Those of like length are the `nearest` whose length is nearest by its ratio, and any others
    as long as the outermost of them. Neighbours and not bands, so that no line jumps where a
    text is a word longer.
    """

    words: tuple[int, ...]
    scores: tuple[float, ...]
    nearest: int

    def p_human(self, score: float, words: int) -> float | None:
        """Share of human articles of like length that score at least as high.

        Counts the document itself, (1 + k) / (n + 1), so it is never zero: the usual
        permutation p-value. Where none of them does, it is told from as many as the strictest
        policy takes, if none of those does either. None where no human article was held back.
        """
        near = self.scores[self.like(words)]
        if not near:
            return None
        higher = sum(other >= score for other in near)
        if not higher:
            wider = self.scores[self.like(words, _STRICTEST_RATE)]
            near = wider if max(wider) < score else near
        return (1 + higher) / (len(near) + 1)

    def line(self, rate: float, words: int, unknown: float = -math.inf) -> float:
        """The score from which at most `rate` of human articles of like length are flagged.

        The lowest score whose `p_human` is at most `rate`; a rate that `nearest` articles are
        too few for takes as many as it needs. Where fewer were held back, `unknown` (the score
        that keeps the rate over all lengths), and no less than just above them all.
        """
        return _line(rate, self.scores[self.like(words, rate)], unknown)

    def lines(self, rate: float, unknown: float = -math.inf) -> list[tuple[int, float]]:
        """Every line from one word on: the words from which it holds, and the score."""
        found: list[tuple[int, float]] = []
        before = None
        for words in range(1, max(self.words, default=1) + 1):
            like = self.like(words, rate)
            if like == before:
                continue
            before = like
            line = _line(rate, self.scores[like], unknown)
            if not found or line != found[-1][1]:
                found.append((words, line))
        return found

    def like(self, words: int, rate: float = 1.0) -> slice:
        """Where the articles of like length stand: `nearest`, or as many as a rate needs."""
        count = max(self.nearest, math.ceil(1 / rate - 1 - 1e-9))
        known = self.words
        low, high = 0, len(known) - count
        if high <= 0:
            return slice(0, len(known))
        while low < high:
            middle = (low + high) // 2
            # Is the first of these further off, by ratio, than the one after the last?
            if words * words > known[middle] * known[middle + count]:
                low = middle + 1
            else:
                high = middle
        first, last = known[low], known[low + count - 1]
        return slice(bisect_left(known, first), bisect_right(known, last))


def _line(rate: float, near: Sequence[float], unknown: float) -> float:
    allowed = int(rate * (len(near) + 1) + 1e-9)
    ordered = sorted(near)
    if allowed < 1:
        return max([unknown, *(math.nextafter(score, math.inf) for score in ordered[-1:])])
    return math.nextafter(ordered[-allowed], math.inf)


def sigmoid(logits: ArrayLike) -> NDArray[np.float64]:
    """The logistic function, without overflow at either end."""
    values = np.asarray(logits, dtype=np.float64)
    return np.asarray(np.exp(-np.logaddexp(0.0, -values)))


def likeliest_kinds(logits: ArrayLike, scores: ArrayLike) -> NDArray[np.int64]:
    """The likeliest of the four labels of each document, by index: [n, 4] logits to [n]."""
    values = [
        list(kind_probabilities(row, float(score)).values())
        for row, score in zip(np.asarray(logits), np.asarray(scores), strict=True)
    ]
    return np.asarray(np.reshape(values, (-1, len(LABELS))).argmax(axis=1))


def kind_probabilities(logits: ArrayLike, score: float) -> dict[str, float]:
    """The four labels' probabilities: the machine ones share `score` as their logits do."""
    values = np.asarray(logits, dtype=np.float64)[_MACHINE_IDS]
    shares = np.exp(values - np.logaddexp.reduce(values))
    machine = {
        label: float(score * share) for label, share in zip(MACHINE_LABELS, shares, strict=True)
    }
    return {label: machine.get(label, 1.0 - score) for label in LABELS}
