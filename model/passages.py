"""Sentence by sentence: which passages say so, and how much of the text they are.

Beside the document's score, from the same token logits, so it costs no further run of the
encoder. Sentences are cut in the text as given, where their offsets must point; tokens find
their sentence by the offset of their first character. A single sentence holds little
evidence: its score says where to look, not what to conclude.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.calibration import Calibration, machine_logit, sigmoid
from model.document import Document
from model.signals import Span, broken_sentences
from model.text import count_words

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence of the text as given, [start, end) in characters, with its score."""

    start: int
    end: int
    score: float
    words: int


def sentences(text: str) -> list[Span]:
    """Spans of the sentences of a text, without the white space around them.

    A line break after an abbreviation does not end a sentence.
    """
    from sentencex import get_sentence_boundaries

    readable = _SURROGATE.sub("\ufffd", text)  # the library takes valid Unicode only
    cuts = [
        (int(entry["start_index"]), int(entry["end_index"]))
        for entry in get_sentence_boundaries("en", readable)
    ]
    return list(_trimmed(text, _rejoined(cuts, broken_sentences(text))))


def find_passages(
    document: Document, logits: NDArray[np.float32], calibration: Calibration
) -> list[Passage]:
    """The document's sentences, scored; `logits` are those of its tokens, [tokens, 4].

    A sentence's score is the document's calibration applied to the mean over its tokens.
    Sentences without a token (nothing but invisible characters) are left out.
    """
    spans = sentences(document.text)
    if not spans or not document.token_ids:
        return []
    starts = _token_starts(document)
    firsts = np.searchsorted(starts, [start for start, _ in spans])
    lasts = np.searchsorted(starts, [end for _, end in spans])
    kept = [index for index in range(len(spans)) if lasts[index] > firsts[index]]
    if not kept:
        return []
    sums = np.concatenate([np.zeros((1, logits.shape[1])), logits.cumsum(0, dtype=np.float64)])
    first, last = firsts[kept], lasts[kept]
    means = (sums[last] - sums[first]) / (last - first)[:, None]
    scores = sigmoid(calibration.logit(machine_logit(means), document.words))
    return [
        Passage(*spans[index], float(score), count_words(document.text[slice(*spans[index])]))
        for index, score in zip(kept, scores, strict=True)
    ]


def machine_share(passages: Sequence[Passage], threshold: float) -> float:
    """Share of the words that stand in passages which score at or above the threshold."""
    words = sum(passage.words for passage in passages)
    flagged = sum(passage.words for passage in passages if passage.score >= threshold)
    return flagged / words if words else 0.0


def _token_starts(document: Document) -> NDArray[np.int64]:
    """Where each token starts in the text as given, [tokens], ascending."""
    offsets = document.normalized.offsets
    return np.asarray([offsets[start] for start, _ in document.token_spans], dtype=np.int64)


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
