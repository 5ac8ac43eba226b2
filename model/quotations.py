"""Quotations whose speakers nobody could ask: no name stands beside any of them.

One of the traces that `model.signals` lists. A reporter's speakers have names; a machine that
pads a story quotes "analysts", "one resident", "the source". Names are told by their capitals
alone, and those of institutions count too, so that little is found and little of it wrong: in
0.4% of 17,000 human news texts; of texts with two quotations or more, in 0.7% of the human
ones, 4% of the rewritten and 9% of the generated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from model.spans import Span

LEAST_QUOTATIONS = 2
"""A single quotation without a name is common in human news."""

_LEAST_WORDS = 5  # fewer are a title, or a phrase held at arm's length
_REACH = 300  # characters that are looked at on either side of a quotation
_LEAST_CAPITALS = 0.01  # of the characters; below it a text is in lower case, which hides names

# A quotation that goes on in the next paragraph has no closing mark.
_QUOTATION = re.compile(r"“[^“”\n]{1,1500}+[”\n]|(?<![\w\"])\"(?=\S)[^\"\n]{1,1500}+\"")
_SENTENCE_END = re.compile(r"[.!?][\"”’')\]]*+\s++|\n\s*+")

_SAID = (
    "said|says|told|adds|added|wrote|writes|tweeted|asked|noted|notes|warned|argued|insisted"
    "|recalled|replied|stated|states|explained|explains|continued|concluded|revealed|claims"
    "|claimed|alleged|confirmed|suggested|posted"
)
_NO_NAME = (
    "The|A|An|He|She|They|We|It|I|You|His|Her|Their|Our|My|This|That|These|Those|There|Here|What"
    "|Who|Why|How|When|While|Where|In|On|At|By|As|If|So|But|And|Or|For|From|To|Of|With|Not|No"
    "|Yes|Now|Then|Still|Yet|Even|One|Another|Others|Some|Many|Most|Both|After|Before|However"
    "|Meanwhile|According|Officials|Police|Experts|Analysts|Critics|Residents|Witnesses|Sources"
    "|Scientists|Researchers|Authorities|Prosecutors|Investigators|Lawyers|Supporters"
    "|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|June|July"
    "|August|September|October|November|December"
)
_TITLE = (
    "Mr|Mrs|Ms|Dr|Sen|Rep|Gov|Gen|Lt|Col|Capt|Sgt|Prof|President|Secretary|Senator|Congressman"
    "|Congresswoman|Minister|Judge|Justice|Chief|Officer|Detective|Sheriff|Mayor|Professor|Sir"
    "|Lord|Pope|King|Queen|Prince|Princess|Coach"
)
_CAPITALISED = rf"(?!(?:{_NO_NAME})\b)[A-Z][\w'’-]{{1,40}}+"
_FULL_NAME = re.compile(
    rf"\b{_CAPITALISED}(?: (?:(?:[A-Z]\.)+|de|van|von|al|bin|der|la|el|du))? [A-Z][\w'’-]{{1,40}}+"
)
_SURNAME = re.compile(
    rf"\b{_CAPITALISED} (?:{_SAID})\b"
    rf"|\b(?:{_SAID}|according to) (?:(?:van|von|de|al|bin|el) )?{_CAPITALISED}"
    rf"|\b(?:{_TITLE})\.? [A-Z]"
)
_PRONOUN = re.compile(rf"\b(?:[Hh]e|[Ss]he|[Tt]hey|I) (?:\w+ )?(?:{_SAID})\b|\b(?:{_SAID}) s?he\b")
_SAYING = re.compile(rf"\b(?:{_SAID}|according to)\b")


def unattributed_quotations(text: str) -> list[Span]:
    """All quotations of a text in which none has a named speaker, and some a speaker; else none.

    A speaker is looked for in the quotation's own sentence and the one on either side. "He
    said" names one where a full name came before it. Offsets into the text, ascending.
    """
    quotations = list(_quotations(text))
    if len(quotations) < LEAST_QUOTATIONS or _is_lower_case(text):
        return []
    around = _blanked(text, quotations)
    first_name = _FULL_NAME.search(around)
    known_from = first_name.start() if first_name else len(text)
    spoken = False
    for start, end in quotations:
        beside = _beside(around, start, end)
        if _is_named(beside, start > known_from):
            return []
        spoken = spoken or _SAYING.search(beside) is not None
    return quotations if spoken else []


def _quotations(text: str) -> Iterator[Span]:
    for match in _QUOTATION.finditer(text):
        if len(match[0].split(None, _LEAST_WORDS)) >= _LEAST_WORDS:
            start, end = match.span()
            yield start, end - text[end - 1].isspace()


def _is_lower_case(text: str) -> bool:
    return sum(map(str.isupper, text)) < _LEAST_CAPITALS * len(text)


def _blanked(text: str, quotations: Sequence[Span]) -> str:
    """The text with nothing between its quotation marks, every other character in its place."""
    pieces, done = [], 0
    for start, end in quotations:
        pieces += [text[done:start], '"', " " * (end - start - 2), '"']
        done = end
    return "".join([*pieces, text[done:]])


def _beside(text: str, start: int, end: int) -> str:
    """The rest of the sentence that a quotation stands in, and the sentences before and after."""
    before, after = text[max(start - _REACH, 0) : start], text[end : end + _REACH]
    ends = [match.end() for match in _SENTENCE_END.finditer(before)]
    if len(ends) > 1:
        before = before[ends[-2] :]
    starts = [match.end() for match in _SENTENCE_END.finditer(after)]
    if len(starts) > 1:
        after = after[: starts[1]]
    return f"{before} \n {after}"  # no name goes across a quotation


def _is_named(beside: str, introduced: bool) -> bool:
    if _FULL_NAME.search(beside) or _SURNAME.search(beside):
        return True
    return introduced and _PRONOUN.search(beside) is not None
