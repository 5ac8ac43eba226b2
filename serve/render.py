"""Results as a person reads them on a terminal.

Behind the command line; the only place where numbers are rounded and colours chosen. An
explanation is the text itself: on a terminal with colours it flows on, its sentences shaded
by their score; without, each sentence starts a line with its score beside it. Text under
judgement is hostile: what could steer the terminal is replaced before it is printed.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from model.result import Result
from model.spans import joined

if TYPE_CHECKING:
    from model.signals import Signal
    from model.spans import Span

_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SPACES = re.compile(r"\s+")
_WORD_OR_SPACE = re.compile(r"\S+|\s+")
_LINE_BREAK = re.compile(r"\r\n?|[\n\x85\u2028\u2029]")
_LINE = re.compile(r"[^\r\n\x85\u2028\u2029]+")
_RESET = "\x1b[0m"
_UNDERLINED = "\x1b[4m"
# Black on ever warmer shades, from the 256-colour palette that every terminal has.
_SHADES = ((0.75, "\x1b[30;48;5;222m"), (0.5, "\x1b[30;48;5;230m"))
_FLAGGED = "\x1b[30;48;5;209m"
_MARGIN = "  "
_LEAST_WIDTH = 20
_PLACES = 3
_QUOTED_CHARACTERS = 50
_PLACE_WIDTH = 24  # columns that offsets and quotation marks may take beside a quotation
# What is shown for the spans of a signal that no reader would see, or could tell.
_STAND_INS = {
    **dict.fromkeys(("invisible_characters", "split_words", "unreadable_characters"), "·"),
    "odd_spaces": "␣",
}
_SHOWN_LINE_BREAK = "↵ "

Marks: TypeAlias = frozenset[str]
"""The names of the signals that a piece of text is part of."""


class _Sentence(NamedTuple):
    """A sentence as it is shown: its pieces, each with its signals, and what stands before it."""

    score: float | None
    before: str
    """Nothing, a space, a line break, or two."""
    pieces: list[tuple[str, Marks]]


_Styled: TypeAlias = tuple[str, str]
"""A piece of text and the escape sequences that it is printed with."""


def printable(text: str) -> str:
    """A text in one line, without what could steer a terminal."""
    return _STEERING.sub("\ufffd", " ".join(text.split()))


def summary(result: Result) -> str:
    """One line: verdict, score, p_human where there is one, name, and why there is no score."""
    name = printable(str(result.id))
    if result.score is None:
        return f"{f'{result.verdict:<15} -':<27}  {name} ({result.reason})"
    share = "" if result.p_human is None else f"p={result.p_human:.4f}"
    return f"{result.verdict:<9}  {_rounded(result.score)}  {share:<8}  {name}"


def explanation(result: Result, text: str, colour: bool, width: int) -> Iterator[str]:
    """The text with its sentences and signals marked, then what the marks mean.

    `text` is the one that was scored; lines take `width` columns. A text with neither a score
    nor a signal is not shown.
    """
    room = max(width - len(_MARGIN), _LEAST_WIDTH)
    if result.passages or result.signals:
        sentences = list(_sentences(result, text))
        shown = (
            _flowing(sentences, passage_line(result), room)
            if colour
            else _listed(sentences, passage_line(result), room)
        )
        yield from (_MARGIN + line if line else "" for line in shown)
        yield ""
    yield from _legend(result, text, colour, room + len(_MARGIN))


def passage_line(result: Result) -> float:
    """The score from which a sentence is marked."""
    return result.threshold.passages


# --- The text ---------------------------------------------------------------------------------


def _flowing(sentences: Sequence[_Sentence], line: float, width: int) -> Iterator[str]:
    """The text in its own paragraphs, sentences shaded and signals underlined."""
    paragraph: list[_Styled] = []
    for score, before, pieces in sentences:
        if "\n" in before and paragraph:
            yield from map(_painted, _wrapped(paragraph, width))
            paragraph = []
            yield from [""] * (before.count("\n") - 1)
        elif before:
            paragraph.append((" ", ""))
        shade = "" if score is None else _shade(score, line)
        paragraph += [(text, shade + _UNDERLINED * bool(marks)) for text, marks in pieces]
    yield from map(_painted, _wrapped(paragraph, width))


def _listed(sentences: Sequence[_Sentence], line: float, width: int) -> Iterator[str]:
    """One sentence after the other, its score beside it, signals in brackets with their name."""
    scored = any(score is not None for score, _, _ in sentences)
    for number, (score, before, pieces) in enumerate(sentences):
        if number and before.count("\n") > 1:
            yield ""
        label = _label(score, line) if scored else ""
        lines = _wrapped([(_bracketed(pieces), "")], max(width - len(label), _LEAST_WIDTH))
        for place, wrapped in enumerate(lines):
            yield (" " * len(label) if place else label) + _painted(wrapped)


def _label(score: float | None, line: float) -> str:
    if score is None:
        return " " * len(_label(0.0, line))
    digits = f"{min(max(score, 0.01), 0.99):.2f}"[1:]
    return f"[{digits}] " if score >= line else f" {digits}  "


def _bracketed(pieces: Sequence[tuple[str, Marks]]) -> str:
    text, current = "", Marks()
    for piece, marks in [*pieces, ("", Marks())]:
        bare = text.rstrip(" ")
        text = bare + "]" * len(current - marks) + text[len(bare) :]
        text += "".join(f"[{name}: " for name in sorted(marks - current)) + piece
        current = marks
    return text


def _sentences(result: Result, text: str) -> Iterator[_Sentence]:
    """The sentences that have a score, or the lines of a text that has none, and what is between.

    Between sentences there is white space, and now and then what no token was made of.
    """
    spans = [(passage.start, passage.end) for passage in result.passages]
    scores: list[float | None] = [passage.score for passage in result.passages]
    if not spans:
        spans = [line.span() for line in _LINE.finditer(text) if not line[0].isspace()]
        scores = [None] * len(spans)
    before = ""
    for index, stretches in groupby(_stretches(text, spans, result.signals), itemgetter(0)):
        pieces = [(shown, marks) for _, shown, marks in stretches]
        if index >= 0:
            yield _Sentence(scores[index], before, pieces)
            before = ""
            continue
        gap = "".join(shown for shown, _ in pieces)
        before = "\n\n" if gap.count("\n") > 1 else "\n" if "\n" in gap else " "
        if gap.strip():
            yield _Sentence(None, before, pieces)


def _stretches(
    text: str, spans: Sequence[Span], signals: Sequence[Signal]
) -> Iterator[tuple[int, str, Marks]]:
    """The whole text, cut where a sentence or a signal starts or ends.

    Yields the index of the sentence, -1 between two, what is shown, and the marks.
    """
    marks = [(*span, signal.name) for signal in signals for span in _in_words(signal, text)]
    stand_ins = _stand_ins(signals, text)
    starting, ending = (
        _by_place((start, name) for start, _, name in marks),
        _by_place((end, name) for _, end, name in marks),
    )
    cuts = {0, len(text), *starting, *ending, *stand_ins}
    cuts.update(end for end, _ in stand_ins.values())
    cuts.update(place for span in spans for place in span)
    current = Counter[str]()
    index = hidden_until = 0
    for start, end in pairwise(sorted(cuts)):
        current.update(starting.get(start, ()))
        current.subtract(ending.get(start, ()))
        while index < len(spans) and spans[index][1] <= start:
            index += 1
        inside = index < len(spans) and spans[index][0] <= start
        shown = "" if start < hidden_until else _shown(text[start:end])
        if start in stand_ins and start >= hidden_until:
            hidden_until, shown = stand_ins[start]
        yield index if inside else -1, shown, Marks(name for name in current if current[name] > 0)


def _in_words(signal: Signal, text: str) -> Iterator[Span]:
    """A signal's spans, those in the same word as one."""
    return joined(signal.spans, lambda end, start: not _SPACES.search(text, end, start))


def _stand_ins(signals: Sequence[Signal], text: str) -> dict[int, tuple[int, str]]:
    """What is shown for what cannot be seen: where it starts to where it ends, and the sign."""
    found = {}
    for signal in signals:
        for start, end in signal.spans:
            if signal.name == "broken_sentences":
                found[start + len(text[start:end].rstrip())] = end, _SHOWN_LINE_BREAK
            elif signal.name in _STAND_INS:
                found[start] = end, _STAND_INS[signal.name]
    return found


def _by_place(named: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    places: dict[int, list[str]] = {}
    for place, name in named:
        places.setdefault(place, []).append(name)
    return places


def _shown(piece: str) -> str:
    """A piece of text without what could steer a terminal; its line breaks as newlines."""
    lines = (_SPACES.sub(" ", line) for line in _LINE_BREAK.split(piece))
    return "\n".join(_STEERING.sub("\ufffd", line) for line in lines)


# --- Lines ------------------------------------------------------------------------------------


def _wrapped(pieces: Sequence[_Styled], width: int) -> Iterator[list[_Styled]]:
    """Lines of at most `width` columns; only a longer word is broken."""
    line: list[_Styled] = []
    used = 0
    for space, word in _words(pieces):
        size = sum(_columns(text) for text, _ in word)
        if line and used + 1 + size > width:
            yield line
            line, used = [], 0
        if line:
            line.append((" ", space))
            used += 1
        if size > width:
            *full, word = _cut(word, width)
            yield from full
            size = sum(_columns(text) for text, _ in word)
        line += word
        used += size
    if line:
        yield line


def _words(pieces: Sequence[_Styled]) -> Iterator[tuple[str, list[_Styled]]]:
    """The words, each with the style of the white space before it."""
    space, word = "", list[_Styled]()
    for text, style in pieces:
        for part in _WORD_OR_SPACE.findall(text):
            if not part.isspace():
                word.append((part, style))
                continue
            if word:
                yield space, word
                word = []
            space = style
    if word:
        yield space, word


def _cut(word: list[_Styled], width: int) -> Iterator[list[_Styled]]:
    """A long word in pieces of at most `width` columns, or of one character that is wider."""
    piece: list[_Styled] = []
    used = 0
    for character, style in ((character, style) for text, style in word for character in text):
        columns = _columns(character)
        if piece and used + columns > width:
            yield piece
            piece, used = [], 0
        piece.append((character, style))
        used += columns
    yield piece


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes, as far as Unicode can tell."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


@lru_cache(maxsize=4096)
def _columns_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _painted(line: Sequence[_Styled]) -> str:
    parts = []
    for style, pieces in groupby(line, itemgetter(1)):
        text = "".join(text for text, _ in pieces)
        parts.append(f"{style}{text}{_RESET}" if style else text)
    return "".join(parts)


def _shade(score: float, line: float) -> str:
    if score >= line:
        return _FLAGGED
    return next((shade for least, shade in _SHADES if score >= least), "")


# --- What it means ------------------------------------------------------------------------------


def _legend(result: Result, text: str, colour: bool, width: int) -> Iterator[str]:
    if result.passages:
        yield from _paragraph(_marked_sentences(result), width)
    if result.passages and colour:
        yield _MARGIN + _scale(passage_line(result))
    if result.score is not None:
        yield from _paragraph(_meaning(result.p_human), width)
    how = " (underlined)" if colour else ""
    for signal in result.signals:
        heading = f"signal {signal.name}{how}, {_times(signal.count)}: {_told(signal)}"
        yield from _paragraph(heading, width)
        for start, end in signal.spans[:_PLACES]:
            quoted = _quoted(text[start:end], min(_QUOTED_CHARACTERS, width - _PLACE_WIDTH))
            yield f"{_MARGIN * 3}{start}-{end}: {quoted}"
        if signal.count > _PLACES:
            yield f"{_MARGIN * 3}and {signal.count - _PLACES:,} more"


def _paragraph(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, initial_indent=_MARGIN, subsequent_indent=_MARGIN * 2)


def _marked_sentences(result: Result) -> str:
    line = passage_line(result)
    marked = [passage for passage in result.passages if passage.score >= line]
    words = sum(passage.words for passage in result.passages)
    share = sum(passage.words for passage in marked) / words if words else 0.0
    return (
        f"marked: {len(marked)} of {len(result.passages)} sentences, {share:.0%} of the words; "
        f"each scores {_rounded(line)} or more"
    )


def _scale(line: float) -> str:
    steps = [*((least, shade) for least, shade in _SHADES[::-1] if least < line), (line, _FLAGGED)]
    return "scores from: " + " ".join(f"{shade} {least:.2f} {_RESET}" for least, shade in steps)


def _meaning(p_human: float | None) -> str:
    if p_human is None:
        return "p is not known: no human articles of like length were held back"
    return f"p {p_human:.4f}: {_odds(p_human)} human articles of like length score as high"


def _odds(p_human: float) -> str:
    """p in words. It counts the text itself, (1 + k) / (n + 1), so 1 / N means under 1 in N."""
    if p_human > 0.1:
        return f"about {p_human:.0%} of"
    odds = 1 / p_human
    rarer = abs(odds - round(odds)) < 1e-6 * odds
    return f"fewer than 1 in {odds:,.0f}" if rarer else f"about 1 in {odds:,.0f}"


def _told(signal: Signal) -> str:
    if signal.human_share is None or signal.machine_share is None:
        return signal.explanation
    return (
        f"{signal.explanation}; in {_percent(signal.human_share)} of human and "
        f"{_percent(signal.machine_share)} of machine articles"
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _percent(share: float) -> str:
    """Two digits that count, and no claim that what was never seen never is."""
    if 100 * share < 0.01:
        return "under 0.01%"
    return f"{100 * share:.2g}%" if share < 0.1 else f"{share:.0%}"


def _quoted(piece: str, characters: int) -> str:
    """The opening of a piece of text, with escapes for what no reader sees."""
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in piece[: max(characters, 1)]
    )
    return f'"{shown}"' if len(piece) <= characters else f'"{shown}..."'


def _rounded(score: float) -> str:
    """Four digits, never 0 or 1: no score is certain."""
    return f"{min(max(score, 0.0001), 0.9999):.4f}"
