"""Sentence by sentence: which passages say so, and how much of the text they are.

Beside the document's score, from the same token logits, so it costs no further run of the
encoder. Sentences are cut in the text as given, where their offsets must point; tokens find
their sentence by the offset of their first character. A single sentence holds little
evidence, so its score also weighs the sentences beside it and the whole document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from model.calibration import machine_logit, sigmoid
from model.document import Document
from model.signals import broken_sentences
from model.spans import Span, text_parts
from model.text import count_words

REFERENCE_WORDS = 20
"""The length of a sentence, in words, at which the length terms vanish."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class PassageCalibration:
    """A line over three machine logits: a sentence's, its neighbours' and the document's.

    Weights and intercept move with the sentence's length, since a short one says little by
    itself: the second of each pair counts per doubling. Fitted on articles that both a human
    and a machine wrote (`train.passages`). A passage is marked from `threshold` on, which few
    sentences of human articles reach.
    """

    own: tuple[float, float]
    beside: tuple[float, float]
    whole: tuple[float, float]
    intercept: tuple[float, float]
    threshold: float

    def scores(self, logits: ArrayLike, words: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of machine, from `sentence_logits` [n, 3] and the sentences' words [n]."""
        lines = np.array([self.own, self.beside, self.whole, self.intercept]).T.ravel()
        return sigmoid(passage_terms(logits, words) @ lines)


def passage_terms(logits: ArrayLike, words: ArrayLike) -> NDArray[np.float64]:
    """What the line of a `PassageCalibration` is over: [n, 3] logits and [n] words to [n, 8].

    Logits are held within [-8, 8], lengths within three doublings of 20 words.
    """
    bounded = np.clip(np.asarray(logits, dtype=np.float64), -8.0, 8.0)
    values = np.column_stack([bounded, np.ones(len(bounded))])
    counted = np.maximum(np.asarray(words, dtype=np.float64), 1.0)
    doublings = np.clip(np.log2(counted / REFERENCE_WORDS), -3.0, 3.0)
    return np.column_stack([values, values * doublings[:, None]])


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence of the text as given, [start, end) in characters, with its score."""

    start: int
    end: int
    score: float
    words: int


def sentences(text: str) -> list[Span]:
    """Spans of the sentences of a text, without the white space around them.

    A line break after an abbreviation does not end a sentence. Linear in the length of the
    text: the library, which is not, reads a part at a time.
    """
    from sentencex import get_sentence_boundaries

    readable = _SURROGATE.sub("\ufffd", text)  # the library takes valid Unicode only
    cuts = [
        (start + int(entry["start_index"]), start + int(entry["end_index"]))
        for start, end in text_parts(readable, ("\n", ". ", " "))
        for entry in get_sentence_boundaries("en", readable[start:end])
    ]
    return list(_trimmed(text, _rejoined(cuts, broken_sentences(text))))


def find_passages(
    document: Document, logits: NDArray[np.float32], calibration: PassageCalibration
) -> list[Passage]:
    """The document's sentences, scored; `logits` are those of its tokens, [tokens, 4].

    Sentences without a token (nothing but invisible characters) are left out.
    """
    spans, rows = sentence_logits(document, logits)
    words = [count_words(document.text[start:end]) for start, end in spans]
    scores = calibration.scores(rows, words)
    return [
        Passage(start, end, float(score), count)
        for (start, end), score, count in zip(spans, scores, words, strict=True)
    ]


def sentence_logits(
    document: Document, logits: NDArray[np.float32]
) -> tuple[list[Span], NDArray[np.float64]]:
    """Sentences that hold tokens, and three machine logits each: float64 [sentences, 3].

    The sentence's own, the mean of those beside it (its own where it stands alone), and the
    document's; each is that of the mean over the tokens it covers.
    """
    spans = sentences(document.text)
    starts = token_starts(document)
    firsts = np.searchsorted(starts, [start for start, _ in spans])
    lasts = np.searchsorted(starts, [end for _, end in spans])
    kept = np.flatnonzero(lasts > firsts)
    if not len(kept):
        return [], np.zeros((0, 3))
    sums = np.concatenate([np.zeros((1, logits.shape[1])), logits.cumsum(0, dtype=np.float64)])
    totals = sums[lasts[kept]] - sums[firsts[kept]]  # [sentences, 4]
    counts = (lasts - firsts)[kept]
    own = machine_logit(totals / counts[:, None])
    nothing = np.zeros((1, totals.shape[1] + 1))
    padded = np.concatenate([nothing, np.column_stack([totals, counts]), nothing])
    around = padded[:-2] + padded[2:]
    beside = machine_logit(around[:, :-1] / np.maximum(around[:, -1:], 1))
    beside = np.where(around[:, -1] > 0, beside, own)
    whole = machine_logit(sums[-1] / len(logits))
    return [spans[index] for index in kept], np.column_stack(
        [own, beside, np.full(len(kept), whole)]
    )


def machine_share(passages: Sequence[Passage], threshold: float) -> float:
    """Share of the words that stand in passages which score at or above the threshold."""
    words = sum(passage.words for passage in passages)
    flagged = sum(passage.words for passage in passages if passage.score >= threshold)
    return flagged / words if words else 0.0


def token_starts(document: Document) -> NDArray[np.int64]:
    """Where each token starts in the text as given, [tokens], ascending."""
    offsets = np.asarray(document.normalized.offsets, dtype=np.int64)
    return offsets[document.token_starts]


def _rejoined(cuts: Sequence[Span], breaks: Iterable[Span]) -> Iterator[Span]:
    """Join what was cut at a line break inside a sentence."""
    pending = iter(breaks)
    gap = next(pending, None)
    current: Span | None = None
    for start, end in cuts:
        while gap is not None and gap[1] < start:
            gap = next(pending, None)
        if current is not None and gap is not None and gap[0] < start <= gap[1]:
            current = (current[0], end)
            continue
        if current is not None:
            yield current
        current = (start, end)
    if current is not None:
        yield current


def _trimmed(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    for start, end in spans:
        piece = text[start:end]
        left = start + len(piece) - len(piece.lstrip())
        right = end - (len(piece) - len(piece.rstrip()))
        if left < right:
            yield left, right
