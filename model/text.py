"""Text normalisation with a map back to the characters as given.

The first step of both training and scoring. What it removes is format: line breaks, curly
quotes, dashes, invisible characters, left-over HTML. In the public corpora these tell human
from machine for the wrong reason (one side came from a scraper, the other from an API), so
the encoder must never see them. Nor must it see a disguise: letters of other scripts that
pass for Latin ones become Latin (`model.lookalikes`). Case and wording stay.

Every normalised character remembers the offset of the original character that it came
from, so that passages and signals can point into the text as given; and what was undone
beyond layout and typography is kept as spans, so that a signal can tell of it.
"""

from __future__ import annotations

import html
import re
import unicodedata
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from html.entities import name2codepoint

from model.lookalikes import LATIN_TWINS, disguised_words
from model.spans import Span

NORMALIZER_VERSION = 2
"""Raised whenever `normalize` changes its output; a bundle names the version it needs."""

_QUOTES = dict.fromkeys("“”„‟«»〝〞＂", '"') | dict.fromkeys("‘’‚‛‹›´`ʼ＇", "'")
_DASHES = dict.fromkeys("‐‑‒–—―−﹘﹣－˗", "-")
# What no reader sees, though Unicode calls it letters and marks: fillers, variation selectors.
_FILLERS = (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0)
_SELECTORS = (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_UNSEEN = dict.fromkeys(map(chr, _FILLERS + _SELECTORS), "")
_SYMBOLS = {"…": "...", "•": " ", "·": " ", "\u2800": " ", "\ufffd": ""}  # 2800: empty Braille
_KEPT = {"ϲ": "ϲ", "Ϲ": "Ϲ"}  # NFKC would make them sigmas, and hide that they pass for a c
_REPLACED = {**_QUOTES, **_DASHES, **_UNSEEN, **_SYMBOLS, **_KEPT}

# Words of characters that stand for themselves and close no markup; or any one character.
_PIECE = re.compile(r"([!-:=?-_a-~]++)|.", re.DOTALL)

_CHARACTER_NAMES = {**name2codepoint, "apos": ord("'")}
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,7});")
_LONGEST_ENTITY = 10
_INLINE = "a|b|big|cite|code|em|font|i|img|small|span|strong|sub|sup|u"
_BLOCK = (
    "article|aside|blockquote|br|center|dd|div|dl|dt|figcaption|figure|footer|h[1-6]|header|hr"
    "|iframe|li|main|nav|ol|p|pre|script|section|style|table|tbody|td|th|thead|tr|ul"
)
# Nor across "≮" or "≯", which were "<" or ">" when a tag was last looked for.
_TAG = re.compile(
    rf"</?+(?:(?P<block>{_BLOCK})|(?:{_INLINE}))"
    r"(?: [^ \"'<>≮≯=/]++ ?+= ?+(?:\"[^\"<>≮≯]*+\"|'[^'<>≮≯]*+'|[^ \"'<>≮≯]++))*+ ?+/?+>",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """A normalised text and, for each of its characters, the offset of the original one.

    `offsets[i]` is where character `i` of `text` came from, and `ends[i]` where what it
    came from ends, both in characters of the original. So are the spans of `markup` (HTML
    tags and entities that were undone) and of `lookalikes` (words in which foreign letters
    became Latin), both ascending.
    """

    text: str
    offsets: Sequence[int]
    ends: Sequence[int]
    markup: tuple[Span, ...] = ()
    lookalikes: tuple[Span, ...] = ()

    def original_span(self, start: int, end: int) -> Span:
        """Map the non-empty normalised span [start, end) to one in the original text."""
        return self.offsets[start], self.ends[end - 1]


def normalize(text: str) -> NormalizedText:
    """Flatten layout and typography and undo disguises; idempotent: twice equals once.

    Compatibility forms are unfolded (NFKC) character by character, quotation marks and
    dashes become plain ones, invisible and control characters go, and each run of white
    space becomes one space. A combining mark is composed with the letter before it. HTML
    entities become their character, HTML tags go, and foreign letters that pass for Latin
    ones become those. Linear in the length of the text.
    """
    writer = _Writer()
    for match in _PIECE.finditer(text):
        if match.lastindex:
            writer.copy(match[0], match.start())
        else:
            writer.write(match[0], match.start())
    lookalikes = writer.undisguise()
    characters, offsets, ends = "".join(writer.characters), writer.offsets, writer.ends
    return NormalizedText(characters, offsets, ends, tuple(writer.markup), lookalikes)


class _Writer:
    """Takes a text from left to right and holds what it has given so far.

    Markup is undone as soon as it closes, by looking back over what is written: so what
    an entity gives can close another ("&amp;lt;"), every character is undone at most once, and
    no markup is left for a second normalisation to find. Foreign twins count as the letters
    of markup, because in the end they become Latin. A written text never ends in white
    space: a run of it waits for what comes next.
    """

    def __init__(self) -> None:
        self.characters: list[str] = []
        self.offsets = array("i")  # a tenth of what lists of numbers take
        self.ends = array("i")
        self.markup: list[Span] = []
        self._space: Span | None = None
        self._opened: list[int] = []  # where a "<" stands that may yet open a tag

    def copy(self, run: str, start: int) -> None:
        """Write characters that stand for themselves and close nothing."""
        self._write_space()
        self.characters.extend(run)
        self.offsets.extend(range(start, start + len(run)))
        self.ends.extend(range(start + 1, start + len(run) + 1))

    def write(self, character: str, position: int) -> None:
        """Write the plain form of one character, and undo what it closes."""
        if character == " ":  # the commonest by far
            self._put(character, position, position + 1)
            return
        waiting = [(piece, position) for piece in reversed(_plain(character))]
        while waiting:
            piece, start = waiting.pop()
            self._put(piece, start, position + 1)
            if piece == ">":
                self._undo_tag()
            elif piece == ";":
                meant, start = self._undo_entity()
                waiting += [(piece, start) for piece in reversed(_plain(meant))]

    def undisguise(self) -> tuple[Span, ...]:
        """Turn foreign twins of Latin letters into these; returns the words that held some."""
        words = disguised_words("".join(self.characters))
        spans = tuple((self.offsets[start], self.ends[end - 1]) for start, end in words)
        for start, end in words:
            for index in range(start, end):
                self.characters[index] = self.characters[index].translate(LATIN_TWINS)
        if words:
            self._compose()
        return spans

    def _put(self, piece: str, start: int, end: int) -> None:
        if piece.isspace():
            if self.characters:
                self._space = (self._space[0] if self._space else start, end)
            return
        if unicodedata.combining(piece) and self.characters and not self._space:
            composed = unicodedata.normalize("NFC", self.characters[-1] + piece)
            if len(composed) == 1:
                if self._opened and self._opened[-1] == len(self.characters) - 1:
                    self._opened.pop()  # "<" and a stroke are one sign
                self.characters[-1], self.ends[-1] = composed, end
                return
        self._write_space()
        if piece == "<":
            self._opened.append(len(self.characters))
        self.characters.append(piece)
        self.offsets.append(start)
        self.ends.append(end)

    def _write_space(self) -> None:
        if self._space:
            self.characters.append(" ")
            self.offsets.append(self._space[0])
            self.ends.append(self._space[1])
            self._space = None

    def _undo_tag(self) -> None:
        """Take back the tag that ends here, if one does; that of a block becomes a space."""
        if not self._opened:
            return
        tag = _TAG.fullmatch("".join(self.characters[self._opened[-1] :]).translate(LATIN_TWINS))
        if not tag:
            self._opened.clear()  # a tag holds neither "<" nor ">", so none can close any more
            return
        start, end = self._take_back(self._opened.pop())
        if tag["block"]:
            self._put(" ", start, end)

    def _undo_entity(self) -> tuple[str, int]:
        """Take back the entity that ends here; the character that it means, and where it began.

        Without a character where none ends here, or none may stand in a text.
        """
        tail = "".join(self.characters[-_LONGEST_ENTITY:]).translate(LATIN_TWINS)
        entity = tail[max(tail.rfind("&"), 0) :]
        meant = _character_of(entity) if _ENTITY.fullmatch(entity) else None
        if meant is None:
            return "", -1
        start, _ = self._take_back(len(self.characters) - len(entity))
        return meant, start

    def _take_back(self, index: int) -> Span:
        """Take back all that was written from an index on, as markup; returns its span."""
        span = self.offsets[index], self.ends[-1]
        while self.markup and self.markup[-1][0] >= span[0]:
            self.markup.pop()
        self.markup.append(span)
        if index and self.characters[index - 1] == " ":
            index -= 1
            self._space = self.offsets[index], self.ends[index]
        for written in (self.characters, self.offsets, self.ends):
            del written[index:]
        return span

    def _compose(self) -> None:
        """Write everything again, so that marks are composed with letters that are now Latin."""
        written = list(zip(self.characters, self.offsets, self.ends, strict=True))
        self.characters, self.offsets, self.ends = [], array("i"), array("i")
        self._space = None
        for piece, start, end in written:
            self._put(piece, start, end)


def _character_of(entity: str) -> str | None:
    """What "&name;" or "&#number;" means: "" where no text may hold it, None for no known name."""
    name = entity[1:-1]
    if name.startswith("#"):
        return html.unescape(entity)
    code = _CHARACTER_NAMES.get(name, _CHARACTER_NAMES.get(name.lower()))
    return None if code is None else chr(code)


def _plain(text: str) -> str:
    """The plain form of a character, or of none: none, one or several characters."""
    if text.isascii():
        if text == "`":
            return "'"
        return text if text.isprintable() or text.isspace() else ""
    if text in _REPLACED:
        return _REPLACED[text]
    if text.isspace():
        return " "  # also the control characters among them, which break lines
    if unicodedata.category(text) in ("Cf", "Cc", "Cs", "Co", "Cn"):
        return ""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(_REPLACED.get(piece, piece) for piece in folded)


def count_words(text: str) -> int:
    """Words as a reader counts them: runs of characters between white space."""
    return len(text.split())
