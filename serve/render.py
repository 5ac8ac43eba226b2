"""Results as a person reads them on a terminal.

Behind the command line; the only place where numbers are rounded and colours chosen. Text
under judgement is hostile: what could steer the terminal is replaced before it is printed.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from model.result import Result

if TYPE_CHECKING:
    from model.signals import Signal

_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_RESET = "\x1b[0m"
# Black on ever warmer shades, from the 256-colour palette that every terminal has.
_SHADES = ((0.75, "\x1b[30;48;5;222m"), (0.5, "\x1b[30;48;5;230m"))
_FLAGGED = "\x1b[30;48;5;209m"
_MARGIN = "  "
_PLACES = 5
_QUOTED_CHARACTERS = 50


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
    """The passages with their scores, one sentence each, and the signals; lines of `width`."""
    for passage in result.passages:
        sentence = printable(text[passage.start : passage.end])
        shade = _shade(passage.score, result.threshold.value) if colour else ""
        mark = "*" if passage.score >= result.threshold.value else " "
        label = f"{_MARGIN}{mark} {_rounded(passage.score)}  "
        lines = textwrap.wrap(sentence, max(width - len(label), 20)) or [""]
        for number, line in enumerate(lines):
            margin = label if number == 0 else " " * len(label)
            yield f"{margin}{shade}{line}{_RESET}" if shade else margin + line
    if result.passages:
        yield (
            f"{_MARGIN}* scores at or above the threshold ({result.threshold.policy}, "
            f"{_rounded(result.threshold.value)}): {result.machine_share or 0:.0%} of the words"
        )
    for signal in result.signals:
        yield from _signal_lines(signal, text, width)


def _signal_lines(signal: Signal, text: str, width: int) -> Iterator[str]:
    heading = f"{_MARGIN}signal: {signal.name} x{signal.count}, {signal.explanation}"
    yield from textwrap.wrap(heading, max(width, 40), subsequent_indent=_MARGIN * 2)
    for start, end in signal.spans[:_PLACES]:
        yield f"{_MARGIN * 3}{start}-{end}: {_quoted(text[start:end])}"
    if signal.count > _PLACES:
        yield f"{_MARGIN * 3}and {signal.count - _PLACES} more"


def _quoted(piece: str) -> str:
    """The opening of a piece of text, with escapes for what no reader sees."""
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in piece[:_QUOTED_CHARACTERS]
    )
    return f'"{shown}"' if len(piece) <= _QUOTED_CHARACTERS else f'"{shown}..."'


def _shade(score: float, threshold: float) -> str:
    if score >= threshold:
        return _FLAGGED
    return next((shade for least, shade in _SHADES if score >= least), "")


def _rounded(score: float) -> str:
    """Four digits, never 0 or 1: no score is certain."""
    return f"{min(max(score, 0.0001), 0.9999):.4f}"
