"""Text normalisation with a map back to the characters as given.

The first step of both training and scoring. What it removes is format: line breaks, curly
quotes, dashes, invisible characters. In the public corpora these tell human from machine
for the wrong reason (one side came from a scraper, the other from an API), so the encoder
must never see them. Case and wording stay.

Every normalised character remembers the offset of the original character that it came
from, so that passages and signals can point into the text as given.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

NORMALIZER_VERSION = 1
"""Raised whenever `normalize` changes its output; a bundle names the version it needs."""

_QUOTES = dict.fromkeys("“”„‟«»〝〞＂", '"') | dict.fromkeys("‘’‚‛‹›´`ʼ＇", "'")
_DASHES = dict.fromkeys("‐‑‒–—―−﹘﹣－", "-")
_REPLACED = {**_QUOTES, **_DASHES, "…": "...", "•": " ", "·": " ", "\ufffd": ""}


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """A normalised text and, for each of its characters, the offset of the original one.

    `offsets[i]` is where character `i` of `text` came from, and `ends[i]` where what it
    came from ends, both in characters of the original.
    """

    text: str
    offsets: list[int]
    ends: list[int]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Map the non-empty normalised span [start, end) to one in the original text."""
        return self.offsets[start], self.ends[end - 1]


def normalize(text: str) -> NormalizedText:
    """Flatten layout and typography; idempotent: normalising twice equals once.

    Compatibility forms are unfolded (NFKC) character by character, quotation marks and
    dashes become plain ones, invisible and control characters go, and each run of white
    space becomes one space. A combining mark is composed with the letter before it.
    """
    characters: list[str] = []
    offsets: list[int] = []
    ends: list[int] = []
    space_at = space_end = -1  # a pending run of white space; -1 where there is none
    for position, character in enumerate(text):
        for piece in _plain(character):
            if piece.isspace():
                if space_at < 0 and characters:
                    space_at = position
                space_end = position + 1
                continue
            if characters and space_at < 0 and unicodedata.combining(piece):
                composed = unicodedata.normalize("NFC", characters[-1] + piece)
                if len(composed) == 1:
                    characters[-1] = composed
                    ends[-1] = position + 1
                    continue
            if space_at >= 0:
                characters.append(" ")
                offsets.append(space_at)
                ends.append(space_end)
                space_at = -1
            characters.append(piece)
            offsets.append(position)
            ends.append(position + 1)
    return NormalizedText("".join(characters), offsets, ends)


def _plain(character: str) -> str:
    """The plain form of one character: none, one or several characters."""
    if character.isascii():
        if character == "`":
            return "'"
        return character if character.isprintable() or character.isspace() else ""
    if character in _REPLACED:
        return _REPLACED[character]
    if character.isspace():
        return " "  # also the control characters among them, which break lines
    if unicodedata.category(character) in ("Cf", "Cc", "Cs", "Co", "Cn"):
        return ""
    folded = unicodedata.normalize("NFKC", character)
    return "".join(_REPLACED.get(piece, piece) for piece in folded)


def count_words(text: str) -> int:
    """Words as a reader counts them: runs of characters between white space."""
    return len(text.split())
