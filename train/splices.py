"""Spliced crops: a machine's sentences in a human's text, and the reverse.

Training texts have one writer each, and a network that saw nothing else gives all tokens of a
window the window's verdict. In a spliced crop the writer changes at ends of sentences, so the
network must say who wrote what, which is what passages are made of. Cut among tokens, since
crops are; what is measured is spliced as text (`train.passages`).
"""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from train.sampling import TrainingTexts

FEWEST_SWITCHES, MOST_SWITCHES = 0.1, 0.5
"""Probability that the writer changes at an end of a sentence, drawn anew for every crop."""

_STOPS = frozenset(".!?")
_CLOSING = frozenset("\"')")
# After these a full stop seldom ends a sentence; single letters count too.
_ABBREVIATIONS = frozenset((
    "mr", "mrs", "ms", "dr", "prof", "gen", "lt", "col", "sgt", "sen", "rep", "gov", "rev", "hon",
    "st", "jr", "sr", "inc", "co", "corp", "vs", "etc", "jan", "feb", "aug", "sept", "oct",
    "nov", "dec",
))  # fmt: skip


def sentence_ends(tokens: NDArray[np.int32], tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Which tokens are the last of a sentence: ids [N] to bool [N]; rough, for training."""
    vocabulary = tokenizer.get_vocab()
    letters = {token.lower() for token in vocabulary if len(token) == 1 and token.isalpha()}
    stop = np.isin(tokens, _ids(vocabulary, _STOPS))
    abbreviation = np.isin(tokens, _ids(vocabulary, _ABBREVIATIONS | letters))
    stops = stop & ~np.concatenate([[False], abbreviation[:-1]])
    stops &= ~np.concatenate([stop[1:], [False]])  # of three full stops the last
    # A quotation mark or bracket right after it belongs to the sentence.
    closed = np.concatenate([[False], stops[:-1]]) & np.isin(tokens, _ids(vocabulary, _CLOSING))
    return np.asarray((stops & ~np.concatenate([closed[1:], [False]])) | closed)


def splice(
    texts: TrainingTexts, pair: tuple[int, int], length: int, random: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """A crop of `length` tokens at most that two texts take turns in, and each token's label.

    Whoever takes over goes on at the same part of the story: as far into the own text as the
    other had come.
    """
    switch = random.uniform(FEWEST_SWITCHES, MOST_SWITCHES)
    turn = int(random.integers(2))
    shortest = min(texts.length(index) for index in pair)
    come = float(random.uniform(0, max(0.0, 1 - length / max(1, shortest))))
    pieces: list[NDArray[np.int32]] = []
    labels: list[NDArray[np.int64]] = []
    room = length
    while room > 0:
        index = pair[turn]
        whole = texts.length(index)
        start = _next_start(texts, index, int(come * whole)) if pieces else int(come * whole)
        end = start
        while end < whole and end - start < room:
            end = _next_start(texts, index, end + 1)
            if random.random() < switch:
                break
        if end == start:  # this text is told to its end
            break
        piece = texts.crop(index, start, min(end - start, room))
        pieces.append(piece)
        labels.append(np.full(len(piece), texts.labels[index]))
        room -= len(piece)
        come = end / whole
        turn = 1 - turn
    return np.concatenate(pieces), np.concatenate(labels)


def _next_start(texts: TrainingTexts, index: int, position: int) -> int:
    """Where the first sentence that begins at `position` or later starts; else the end."""
    if position == 0:
        return 0
    first = int(texts.starts[index])
    whole = texts.length(index)
    found = np.flatnonzero(texts.ends[first + position - 1 : first + whole])
    return position + int(found[0]) if len(found) else whole


def _ids(vocabulary: dict[str, int], tokens: Set[str]) -> list[int]:
    return [index for token, index in vocabulary.items() if token.lower() in tokens]
