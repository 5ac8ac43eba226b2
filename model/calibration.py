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
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from model.labels import HUMAN, LABEL_IDS, LABELS, MACHINE_LABELS

REFERENCE_WORDS = 300
"""The length, in words, at which the length terms of the calibration vanish."""

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
    """Calibrated scores of held-back human articles, sorted, in bands of like length.

    `edges` are the word counts at which the next band starts; there is one band more than
    there are edges.
    """

    edges: tuple[int, ...]
    scores: tuple[tuple[float, ...], ...]

    def p_human(self, score: float, words: int) -> float | None:
        """Share of human articles of like length that score at least as high.

        Counts the document itself, (1 + k) / (n + 1), so it is never zero: the usual
        permutation p-value. None where no human article of that length was held back.
        """
        band = self.scores[bisect_right(self.edges, words)]
        if not band:
            return None
        return (1 + len(band) - bisect_left(band, score)) / (len(band) + 1)

    def line(self, rate: float, words: int, unknown: float = -math.inf) -> float:
        """The score from which at most `rate` of human articles of like length are flagged.

        The lowest score whose `p_human` is at most `rate`. Where the band holds too few for
        that, `unknown` (the score that keeps the rate over all lengths), and no less than just
        above all that there are.
        """
        band = self.scores[bisect_right(self.edges, words)]
        allowed = int(rate * (len(band) + 1) + 1e-9) - 1
        if allowed < 0:
            return max([unknown, *(math.nextafter(score, math.inf) for score in band[-1:])])
        return math.nextafter(band[-1 - allowed], math.inf)


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
