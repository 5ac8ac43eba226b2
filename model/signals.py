"""What a text carries that hides or betrays a machine, beside the score.

Read from the text as given, before normalisation removes it. Signals are for a person to
look at and never move the score: each is easy to plant or to strip, and some have innocent
causes. Every pattern is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

Span = tuple[int, int]

MAX_SPANS = 100
"""Spans listed per signal; `count` goes on, so that a flooded text stays a small result."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of trace: where it was found (character offsets) and what it means."""

    name: str
    explanation: str
    count: int
    spans: tuple[Span, ...]


def find_signals(text: str) -> tuple[Signal, ...]:
    """All signals in a text, in a fixed order; only those that were found."""
    return tuple(_collect(text))


def broken_sentences(text: str) -> Iterator[Span]:
    """Line breaks inside a sentence, right after an abbreviation: "U.S.\\nPresident".

    Left by programs that split sentences at every full stop and write one a line.
    """
    return _spans(_BROKEN, text)


def _collect(text: str) -> Iterator[Signal]:
    for name, explanation, find in _FINDERS:
        found = find(text)
        first = tuple(islice(found, MAX_SPANS))
        if first:
            yield Signal(name, explanation, len(first) + sum(1 for _ in found), first)


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    return (match.span() for match in pattern.finditer(text))


# --- Invisible characters -----------------------------------------------------------------
# Joiners and variation selectors belong to emoji and to some scripts, a byte order mark to
# the start of a file, and tag characters to the flags of England, Scotland and Wales.
_INVISIBLE = re.compile(
    "(?<!\\A)\ufeff+"
    "|[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164]+"
    "|(?<=[ -~])[\u200c\u200d\ufe00-\ufe0f]+(?=[ -~])"
    "|(?<![\U0001f3f4\U000e0000-\U000e007f])[\U000e0000-\U000e007f]+"
)


def _invisible(text: str) -> Iterator[Span]:
    return iter(()) if text.isascii() else _spans(_INVISIBLE, text)


# --- Look-alike letters -------------------------------------------------------------------
_LOOKALIKES = (
    "аеорсухіјѕԁһԛԝѵгАВЕЅІЈКМНОРСТХУ"  # Cyrillic
    "οανιρυτΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"  # Greek
    "օսոհցյԼՍՏ"  # Armenian
)
_WORD = re.compile(r"[^\W\d_]{2,}+")
_LATIN = re.compile("[A-Za-z]")
_LOOKALIKE = re.compile(f"[{_LOOKALIKES}]")
_STYLED = re.compile("[\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff]+")


def _homoglyphs(text: str) -> Iterator[Span]:
    if text.isascii():
        return
    for match in _WORD.finditer(text):
        word = match.group()
        if not word.isascii() and _LATIN.search(word) and _LOOKALIKE.search(word):
            yield match.span()
    yield from _spans(_STYLED, text)


# --- Spaces -------------------------------------------------------------------------------
# The plain no-break space is left out: web pages and French typography are full of it.
_ODD_SPACES = re.compile("[\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]+")


def _odd_spaces(text: str) -> Iterator[Span]:
    return iter(()) if text.isascii() else _spans(_ODD_SPACES, text)


# --- Sentences broken after an abbreviation -----------------------------------------------
_TITLES = "Mr|Mrs|Ms|Dr|Prof|Gen|Lt|Col|Maj|Capt|Sgt|Adm|Sen|Rep|Gov|Rev|Hon"
_AFTER_COUNTRY = (
    "Admiral|Air Force|Ambassador|Army|Attorney|Capitol|Census|Central Command|Congress"
    "|Customs|Defense|Department|District|Embassy|Federal|General|House|Marine|Navy"
    "|President|Representative|Rep|Secretary|Sen|Senate|Senator|Special|State|Supreme"
    "|Treasury|Vice|Geological|Security Council"
)
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_BREAK = r"[ \t]*+[\r\n]\s*+"
_BROKEN = re.compile(
    rf"\b(?:(?:{_TITLES})\.{_BREAK}(?=\w)"
    rf"|U\.(?:S|K|N|A\.E)\.{_BREAK}(?=[a-z]|(?:{_AFTER_COUNTRY})\b)"
    rf"|[ap]\.m\.{_BREAK}(?=[a-z]|(?:{_DAYS})\b))"
)

_ENDED_LINE = re.compile(r"""[.!?:;"'”’)\]][ \t\r]*$""", re.MULTILINE)


def _broken_by_software(text: str) -> Iterator[Span]:
    """Broken sentences, but not in text that was wrapped at a column, where any line breaks."""
    lines = sum(1 for line in text.split("\n") if line.strip())
    wrapped = sum(1 for _ in _ENDED_LINE.finditer(text)) * 2 < lines
    return iter(()) if wrapped else broken_sentences(text)


# --- Residue of a conversation with an assistant -------------------------------------------
_VERSION = "article|version|text|draft|story|summary|paragraph|passage"
_DONE = "rewritten|rephrased|reworded|revised|paraphrased|polished|edited|condensed|improved"
_ASSISTANT = re.compile(
    r"\bas an? (?:ai|artificial intelligence)(?: language)?(?: model| assistant)?\b[,\s]+i\b"
    r"|\b(?:sure|certainly|of course|absolutely)[,!.] (?:here(?:['’]s| is| are)|i can help)\b"
    rf"|\bhere(?:['’]s| is| are) (?:the|a|an|your|my) (?:{_DONE}) (?:{_VERSION})s?\b"
    rf"|^[^\w\n]{{0,20}}(?:{_DONE}) (?:{_VERSION}):"
    r"|\bi hope this (?:helps|meets your|email finds you)\b"
    r"|\blet me know if you(?:['’]d like| would like| need| want) (?:me|any|further|more)\b"
    r"|\b(?:would you like me to|feel free to ask|is there anything else i can)\b"
    r"|\b(?:my|last|latest) (?:knowledge (?:cutoff|update)|training data)\b"
    r"|<\|(?:im_start|im_end|endoftext|eot_id)\|>|\[/?INST\]|contentReference\[oaicite"
    r"|\bturn\d(?:search|view|news)\d|utm_source=(?:chatgpt|openai)",
    re.IGNORECASE | re.MULTILINE,
)
_REFUSAL = re.compile(
    r"\bi(?:['’]m| am) (?:sorry|afraid),? (?:but )?i (?:can['’]?t|cannot|am unable|am not able)\b"
    r"|\bi (?:can['’]?t|cannot|won['’]t|am unable to|am not able to)"
    r" (?:fulfil?l|assist with|help with|comply with|provide assistance|generate|rewrite) ",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\[(?:(?:insert|enter|your) [^\[\]\n]{1,60}+"
    r"|(?:(?:city|company|organi[sz]ation|source|author|full) )?name|date|city|location)\]",
    re.IGNORECASE,
)


_FINDERS: tuple[tuple[str, str, Callable[[str], Iterator[Span]]], ...] = (
    (
        "invisible_characters",
        "characters that no reader sees, used to hide text or to break up words",
        _invisible,
    ),
    (
        "homoglyphs",
        "letters of another script or style that pass for Latin ones",
        _homoglyphs,
    ),
    (
        "odd_spaces",
        "spaces that keyboards do not type, left by software or used to break up words",
        _odd_spaces,
    ),
    (
        "broken_sentences",
        "line breaks after an abbreviation in mid-sentence, left by a program that splits "
        "text at full stops",
        _broken_by_software,
    ),
    (
        "assistant_residue",
        "words or marks that an assistant adds around the text it was asked for",
        lambda text: _spans(_ASSISTANT, text),
    ),
    (
        "refusal",
        "an assistant declining to write",
        lambda text: _spans(_REFUSAL, text),
    ),
    (
        "placeholders",
        "blanks of a template that nobody filled in",
        lambda text: _spans(_PLACEHOLDER, text),
    ),
)

SIGNAL_NAMES: tuple[str, ...] = tuple(name for name, _, _ in _FINDERS)
