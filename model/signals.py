"""What a text carries that hides or betrays a machine, beside the score.

Read from the text as given, before normalisation removes it. Signals are for a person to
look at and never move the score: each is easy to plant or to strip, and some have innocent
causes, which is why each can come with the share of human and of machine articles that show
it (`train.signals`). Whatever normalisation undoes beyond layout and typography has a signal
that points to it. Every pattern is linear in the length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeAlias

from model.quotations import unattributed_quotations
from model.repetitions import repeated_runs
from model.spans import Span, joined
from model.text import NormalizedText

MAX_SPANS = 100
"""Spans listed per signal; `count` goes on, so that a flooded text stays a small result."""

Shares: TypeAlias = Mapping[str, tuple[float | None, float | None]]
"""Signal name to the share of human and of machine news articles that show it."""

_NOT_MEASURED: Shares = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of trace: where it was found (character offsets) and what it means.

    The shares, 0 to 1, are of news articles that show it at all; None where not measured.
    """

    name: str
    explanation: str
    count: int
    spans: tuple[Span, ...]
    human_share: float | None = None
    machine_share: float | None = None


def find_signals(
    text: str, normalized: NormalizedText, shares: Shares = _NOT_MEASURED
) -> tuple[Signal, ...]:
    """All signals in a text, in a fixed order; only those that were found.

    `normalized` is what `normalize` made of it. Offsets are those of the text as given.
    """
    return tuple(_collect(text, normalized, shares))


def measured_shares(measured: Mapping[str, Any]) -> Shares:
    """The shares in a manifest's `measured`, as `train.signals` records them; often none."""
    rows = measured.get("signals", {}).get("signals", ())
    return {row["name"]: (row["human"]["value"], row["machine"]["value"]) for row in rows}


def broken_sentences(text: str) -> Iterator[Span]:
    """Line breaks inside a sentence, right after an abbreviation: "U.S.\\nPresident".

    Left by programs that split sentences at every full stop and write one a line.
    """
    return _spans(_BROKEN, text)


def _collect(text: str, normalized: NormalizedText, shares: Shares) -> Iterator[Signal]:
    for name, explanation, find in _FINDERS:
        found = iter(find(text, normalized))
        first = tuple(islice(found, MAX_SPANS))
        if first:
            count = len(first) + sum(1 for _ in found)
            yield Signal(name, explanation, count, first, *shares.get(name, (None, None)))


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    return (match.span() for match in pattern.finditer(text))


# --- Invisible characters -----------------------------------------------------------------
_JOINERS = "\u200c\u200d\ufe00-\ufe0f"
_TAGS = "\U000e0000-\U000e007f"
_SELECTORS = "\U000e0100-\U000e01ef"
_BYTE_ORDER_MARK = "\ufeff"
_INVISIBLE = re.compile(
    f"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    f"\u2060-\u206f\u3164\uffa0{_BYTE_ORDER_MARK}{_JOINERS}{_TAGS}{_SELECTORS}]+"
)
_JOINING = re.compile(f"[{_JOINERS}{_SELECTORS}]+")
_FLAG = re.compile(f"\U0001f3f4[{_TAGS}{_JOINERS}]+")
_JOINED_BY_ACCIDENT = re.compile("[ -~\u00c0-\u024f\u0370-\u058f]")


def _invisible(text: str) -> Iterator[Span]:
    return (span for span in _all_invisible(text) if not _splits_word(text, *span))


def _splitting(text: str) -> Iterator[Span]:
    return (span for span in _all_invisible(text) if _splits_word(text, *span))


def _all_invisible(text: str) -> Iterator[Span]:
    if text.isascii():
        return iter(())
    return (span for span in _spans(_INVISIBLE, text) if not _is_innocent(text, *span))


def _is_innocent(text: str, start: int, end: int) -> bool:
    """Whether the characters have work to do.

    Joiners and selectors belong to emoji and to some scripts, a byte order mark to the start of
    a file, and tag characters to the flags of England, Scotland and Wales.
    """
    if start == 0:
        return text[:end] == _BYTE_ORDER_MARK
    if _FLAG.fullmatch(text, start - 1, end):
        return True
    beside = _JOINED_BY_ACCIDENT.match(text, start - 1) and (
        end == len(text) or _JOINED_BY_ACCIDENT.match(text, end)
    )
    return not beside and _JOINING.fullmatch(text, start, end) is not None


def _splits_word(text: str, start: int, end: int) -> bool:
    """Whether letters stand on both sides; soft hyphens there are what they are for."""
    within = text[max(start - 1, 0) : start].isalpha() and text[end : end + 1].isalpha()
    return within and text[start:end].strip("\u00ad") != ""


# --- Look-alike letters -------------------------------------------------------------------
# Styles of Latin letters: full width, mathematical, circled, squared; Roman numerals within a
# word; and more than two raised or small capital letters in a row.
_STYLED = re.compile(
    "[\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff\u24b6-\u24e9\U0001f12b\U0001f12c\U0001f130-\U0001f149"
    "ℂℊ-ℎℐ-ℓℕℙ-ℝℤℨℬℭℯ-ℱℳℴℼ-ℿⅅ-ⅉ]+"
    "|(?<=[A-Za-z])[Ⅰ-ⅿ]|[Ⅰ-ⅿ](?=[A-Za-z])"
    "|[ᴬ-ᵪᵸᶛ-ᶿⁱⁿₐ-ₜªº]{3,}|[ᴀ-ᴢɢɪɴʀʏʙʜʟꜰꜱ]{3,}"
)


def _homoglyphs(text: str, normalized: NormalizedText) -> Iterator[Span]:
    styled = iter(()) if text.isascii() else _spans(_STYLED, text)
    return joined(merge(normalized.lookalikes, styled))


# --- Spaces -------------------------------------------------------------------------------
# The plain no-break space is left out: web pages and French typography are full of it.
_ODD_SPACES = re.compile("[\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]+")
_SPACED_LETTERS = re.compile(r"(?<!\S)[^\W\d_](?:[ \u00a0\u2000-\u200a\u202f][^\W\d_](?!\S)){4,}+")


def _odd_spaces(text: str) -> Iterator[Span]:
    return iter(()) if text.isascii() else _spans(_ODD_SPACES, text)


# --- Characters that no software could read ------------------------------------------------


def _unreadable(text: str) -> Iterator[Span]:
    """Control, private-use and replacement characters, and format ones of rarer kinds."""
    found = sorted(filter(_is_unreadable, set(text)))
    return _spans(re.compile(f"[{''.join(map(re.escape, found))}]+"), text) if found else iter(())


def _is_unreadable(character: str) -> bool:
    if character == "\ufffd":
        return True
    if character.isspace() or _INVISIBLE.match(character):
        return False
    # Unassigned ones (Cn) may be emoji younger than this Python.
    return unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs")


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
_DECLINED = (
    "assist|help|fulfill?|comply|provide|create|write|generate|rewrite|produce|do (?:that|this|it)"
)
_REFUSAL = re.compile(
    r"\bi(?:['’]m| am) (?:sorry|afraid),? (?:but )?i"
    rf" (?:can['’]?t|cannot|am unable to|am not able to) (?:{_DECLINED})\b"
    r"|\bi (?:can['’]?t|cannot|won['’]t|am unable to|am not able to)"
    r" (?:fulfil?l|assist with|help with|comply with|provide assistance|generate|rewrite) ",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\[(?:(?:insert|enter|your) [^\[\]\n]{1,60}+"
    r"|(?:(?:city|company|organi[sz]ation|source|author|full) )?name|date|city|location)\]",
    re.IGNORECASE,
)


# --- What the words say -------------------------------------------------------------------
# Read where words are whole: disguised ones would be other words, and names no names.


def _repeated(normalized: NormalizedText) -> Iterator[Span]:
    return (normalized.original_span(*span) for span in repeated_runs(normalized.text))


def _unattributed(text: str, normalized: NormalizedText) -> list[Span]:
    if normalized.lookalikes or any(True for _ in _splitting(text)):
        return []
    return unattributed_quotations(text)


_Find: TypeAlias = Callable[[str, NormalizedText], Iterable[Span]]
_FINDERS: tuple[tuple[str, str, _Find], ...] = (
    (
        "invisible_characters",
        "characters that no reader sees, left by software or used to hide text",
        lambda text, _: _invisible(text),
    ),
    (
        "split_words",
        "words broken up by characters that no reader sees",
        lambda text, _: _splitting(text),
    ),
    (
        "homoglyphs",
        "letters of another script or style that pass for Latin ones",
        _homoglyphs,
    ),
    (
        "odd_spaces",
        "spaces that keyboards do not type, left by software or used to break up words",
        lambda text, _: _odd_spaces(text),
    ),
    (
        "spaced_letters",
        "a word broken up by spaces between its letters",
        lambda text, _: _spans(_SPACED_LETTERS, text),
    ),
    (
        "html_residue",
        "tags and entities of a web page that stand in the text itself",
        lambda _, normalized: normalized.markup,
    ),
    (
        "unreadable_characters",
        "characters that stand for nothing, left where software could not read a document",
        lambda text, _: _unreadable(text),
    ),
    (
        "broken_sentences",
        "line breaks after an abbreviation in mid-sentence, left by a program that splits "
        "text at full stops",
        lambda text, _: _broken_by_software(text),
    ),
    (
        "assistant_residue",
        "words or marks that an assistant adds around the text it was asked for",
        lambda text, _: _spans(_ASSISTANT, text),
    ),
    (
        "refusal",
        "an assistant declining to write",
        lambda text, _: _spans(_REFUSAL, text),
    ),
    (
        "placeholders",
        "blanks of a template that nobody filled in",
        lambda text, _: _spans(_PLACEHOLDER, text),
    ),
    (
        "repeated_text",
        "the same words three times over or oftener, and much of the text: a generator that "
        "goes round in circles, or a page pasted together",
        lambda _, normalized: _repeated(normalized),
    ),
    (
        "unattributed_quotations",
        "quotations, and not one of them by a speaker with a name",
        _unattributed,
    ),
)

SIGNAL_NAMES: tuple[str, ...] = tuple(name for name, _, _ in _FINDERS)
