"""Texts of two writers: a machine's sentences in a human's text, and the reverse.

Nobody has real articles whose machine sentences are known, so texts of one story are spliced:
whoever takes over goes on at the same part of the story. Crops are spliced among tokens, for
training: a network that saw texts of one writer alone gives all tokens of a window the
window's verdict. Articles are spliced as text, to fit and measure passages by.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.labels import HUMAN, NEWS
from model.passages import sentences
from model.spans import Span

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from train.sampling import TrainingTexts

SHAPES: tuple[str, ...] = ("beginning", "middle", "end", "scattered")
"""Where the other writer's sentences stand in an article."""
LEAST_SHARE, MOST_SHARE = 0.05, 0.95
"""Of an article's sentences that are the other writer's."""
LEAST_WORDS = 120
"""Words below which a text holds too few sentences to be spliced."""
MOST_OVERLAP = 0.6
"""Share of the original's wording from which a machine text is the human's by and large."""
MOST_OF_A_CORPUS = 0.2
"""Share of the spliced articles that one corpus may give."""

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


def spliced_crop(
    texts: TrainingTexts, pair: tuple[int, int], length: int, chance: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """A crop of `length` tokens at most that two texts take turns in, and each token's label.

    Whoever takes over goes on at the same part of the story: as far into the own text as the
    other had come.
    """
    switch = chance.uniform(FEWEST_SWITCHES, MOST_SWITCHES)
    turn = int(chance.integers(2))
    shortest = min(texts.length(index) for index in pair)
    come = float(chance.uniform(0, max(0.0, 1 - length / max(1, shortest))))
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
            if chance.random() < switch:
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


@dataclass(frozen=True, slots=True)
class SplicedArticle:
    """An article of two writers; `spans` are [start, end) in characters, `machine` whose."""

    id: str
    text: str
    spans: tuple[Span, ...]
    machine: tuple[bool, ...]
    shape: str
    corpus: str
    overlap: float
    """Share of the human's wording that the whole machine text kept; NaN where unknown."""

    @property
    def machine_share(self) -> float:
        """Share of the words that the machine wrote."""
        words = [len(self.text[start:end].split()) for start, end in self.spans]
        own = sum(count for count, machine in zip(words, self.machine, strict=True) if machine)
        return own / sum(words)

    @property
    def boundary(self) -> int | None:
        """Where in the text the other writer takes over, if that happens once."""
        changes = [
            self.spans[index][0]
            for index, (before, after) in enumerate(pairwise(self.machine), start=1)
            if before != after
        ]
        return changes[0] if len(changes) == 1 else None

    def is_machine(self, start: int, end: int) -> bool:
        """Whether the machine wrote most of the characters [start, end)."""
        own = sum(
            max(0, min(end, last) - max(start, first))
            for (first, last), machine in zip(self.spans, self.machine, strict=True)
            if machine
        )
        return 2 * own > end - start


def spliced_articles(rows: Any, count: int) -> list[SplicedArticle]:
    """At most `count` spliced news articles of a split, chosen by id, of many corpora.

    `rows` are those of the data set. About half are human articles with a machine's sentences,
    the others the reverse. A machine's sentence that stands word for word in the human's text
    counts as the human's.
    """
    from train.scores import cache_key

    pairs = sorted(_pairs(rows), key=lambda pair: cache_key(rows[pair[0]]["id"]))
    taken: Counter[str] = Counter()
    articles: list[SplicedArticle] = []
    for place, (machine, human) in enumerate(pairs):
        row = rows[machine]
        if len(articles) == count or taken[row["corpus"]] >= MOST_OF_A_CORPUS * count:
            continue
        article = _spliced(row, rows[human]["text"], SHAPES[place % len(SHAPES)])
        if len(set(article.machine)) == 2:
            articles.append(article)
            taken[row["corpus"]] += 1
    return articles


def whole_articles(rows: Any, count: int) -> list[SplicedArticle]:
    """At most `count` news articles of one writer each, evenly spaced over a split's rows."""
    news = [
        index
        for index, (domain, overlap) in enumerate(zip(rows["domain"], rows["overlap"], strict=True))
        if domain in NEWS and (overlap is None or overlap < MOST_OVERLAP)
    ]
    chosen = news[:: max(1, -(-len(news) // count))]
    return [
        SplicedArticle(
            row["id"],
            row["text"],
            ((0, len(row["text"])),),
            (row["label"] != HUMAN,),
            "whole",
            row["corpus"],
            _overlap(row),
        )
        for row in (rows[index] for index in chosen)
    ]


def _pairs(rows: Any) -> Iterator[tuple[int, int]]:
    """Machine news texts that reword, each with a human one of the same story."""
    names = ("label", "story", "domain", "words", "overlap")
    humans: dict[str, int] = {}
    machines: list[tuple[int, str]] = []
    columns = zip(*(rows[name] for name in names), strict=True)
    for index, (label, story, domain, words, overlap) in enumerate(columns):
        if domain not in NEWS or words < LEAST_WORDS:
            continue
        if label == HUMAN:
            humans.setdefault(story, index)
        elif overlap is None or overlap < MOST_OVERLAP:
            machines.append((index, story))
    return ((index, humans[story]) for index, story in machines if story in humans)


def _spliced(row: Any, human: str, shape: str) -> SplicedArticle:
    chance = random.Random(row["id"])
    share = chance.uniform(LEAST_SHARE, MOST_SHARE)
    texts = {True: row["text"], False: human}
    base = chance.random() < 0.5
    pieces = [
        (piece, base != replaced)
        for piece, replaced in _replaced(texts[base], texts[not base], shape, share, chance)
    ]
    spans: list[Span] = []
    end = 0
    for piece, _ in pieces:
        spans.append((end, end + len(piece)))
        end += len(piece)
    machine = tuple(own and piece.strip() not in human for piece, own in pieces)
    text = "".join(piece for piece, _ in pieces)
    return SplicedArticle(
        row["id"], text, tuple(spans), machine, shape, row["corpus"], _overlap(row)
    )


def _overlap(row: Any) -> float:
    return math.nan if row["overlap"] is None else float(row["overlap"])


def _replaced(
    base: str, other: str, shape: str, share: float, chance: random.Random
) -> Iterator[tuple[str, bool]]:
    """The sentences of `base`, a share of them replaced, and which are `other`'s.

    A run of sentences gives way to the other text's at the same part of the story.
    """
    own, others = _sentences(base), _sentences(other)
    count = min(len(own) - 1, max(1, round(share * len(own))))
    position = 0
    for start, end in _runs(len(own), count, shape, chance):
        yield from ((sentence, False) for sentence in own[position:start])
        first = min(round(start / len(own) * len(others)), len(others) - 1)
        last = max(first + 1, round(end / len(own) * len(others)))
        yield from ((sentence, True) for sentence in others[first:last])
        position = end
    yield from ((sentence, False) for sentence in own[position:])


def _sentences(text: str) -> list[str]:
    """Sentences with the white space after them; there always is some."""
    spans = sentences(text)
    starts = [*(start for start, _ in spans), len(text)]
    found = [text[start:end] for start, end in pairwise(starts)]
    return [each if each[-1:].isspace() else each + "\n" for each in found]


def _runs(count: int, replaced: int, shape: str, chance: random.Random) -> Sequence[Span]:
    """Which runs of `count` sentences are replaced, in order."""
    room = count - replaced
    if shape != "scattered":
        inner = chance.randint(min(1, room), max(min(1, room), room - 1))
        start = {"beginning": 0, "end": room}.get(shape, inner)
        return [(start, start + replaced)]
    runs: list[Span] = []
    for index in sorted(chance.sample(range(count), replaced)):
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs
