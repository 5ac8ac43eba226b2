"""Attacks: what people do to a machine's text so that a detector calls it human.

Serves two ends: training texts are augmented with them, and a bundle's robustness is measured
under each. The first ten are those of the RAID benchmark (Dugan et al., ACL 2024) at its own
rates; its eleventh, paraphrase, takes a language model, so it is not here: the corpora hold
texts paraphrased by DIPPER, which stand for it. The others are what happens to news on its way:
other marks, residue of a web page, a headline, quotations taken out, a human's paragraph.

A strength is the share of what an attack can change that it does change, 0 to 1: exact but for
the fraction of one, which chance rounds, and the odds of each where a docstring says so. Chance
hangs on text, name, strength and seed alone.

Word lists are codespell's: a kept list of misspellings that people do make, not of our making.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from model.errors import ConfigError
from model.labels import HUMAN, LABELS

Change = Callable[[re.Match[str], random.Random], str]
"""What a piece of text becomes, where it stands."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to change a text."""

    name: str
    apply: Callable[..., str]
    """Takes text, chance and strength and, where it `needs_other`, another text."""
    strengths: tuple[float, ...]
    """Those that are measured and trained on; the first is the standard one."""
    rewords: bool = False
    """Whether a human text comes out worded by a machine."""
    needs_other: bool = False
    """Whether a human's text is glued on, after which the label holds for a part alone."""


def attack(text: str, name: str, strength: float, seed: str | int, other: str = "") -> str:
    """A text under the attack `name`; the same arguments always give the same text.

    `other` is a human's text, read by the attacks that glue one on. Raises ConfigError for an
    unknown name, a strength outside [0, 1], and an attack that lacks its other text.
    """
    if name not in ATTACKS:
        raise ConfigError(f"unknown attack {name!r}; use one of {', '.join(ATTACKS)}")
    if not 0 <= strength <= 1:
        raise ConfigError(f"strength of {name} is {strength}; use 0 to 1")
    chosen = ATTACKS[name]
    if chosen.needs_other and not other.strip():
        raise ConfigError(f"attack {name} glues on another text; pass a human's as `other`")
    chance = _chance(text, name, float(strength), seed)
    if chosen.needs_other:
        return chosen.apply(text, chance, strength, other)
    return chosen.apply(text, chance, strength)


def augmented(text: str, label: str, seed: str | int) -> str:
    """A text under one attack that keeps its label true, at one of its strengths.

    A text that holds nothing for the attack to change comes back as it is. Raises ConfigError
    for an unknown label.
    """
    if label not in LABELS:
        raise ConfigError(f"unknown label {label!r}; use one of {', '.join(LABELS)}")
    chance = _chance(text, label, seed)
    chosen = chance.choice([ATTACKS[name] for name in label_keeping(label)])
    return chosen.apply(text, chance, chance.choice(chosen.strengths))


def label_keeping(label: str) -> tuple[str, ...]:
    """The attacks after which a text's label is still true.

    A human text whose words a spinner replaced counts as machine; a text with a human's
    paragraph glued on is neither.
    """
    return tuple(
        entry.name
        for entry in ATTACKS.values()
        if not entry.needs_other and not (entry.rewords and label == HUMAN)
    )


def _chance(text: str, *parts: object) -> random.Random:
    """A generator of its own for each text, so that one seed does not move all texts alike."""
    key = "\n".join([*map(str, parts), text])
    return random.Random(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest())


# --- Shares -------------------------------------------------------------------------------


def _some(count: int, strength: float, chance: random.Random) -> list[int]:
    """A share of the indices below `count`, in order; chance rounds the fraction of one."""
    size = min(count, int(count * strength + chance.random()))
    return sorted(chance.sample(range(count), size))


def _edited(
    text: str,
    matches: Iterable[re.Match[str]],
    change: Change,
    chance: random.Random,
    strength: float,
) -> str:
    """A text with a share of the matches changed."""
    found = list(matches)
    pieces, position = [], 0
    for index in _some(len(found), strength, chance):
        start, end = found[index].span()
        pieces += [text[position:start], change(found[index], chance)]
        position = end
    return "".join([*pieces, text[position:]])


# What no sentence ends on, and what none starts with: "said Ms. | Pell", "“Who?” | he asked".
_TITLE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Gen|Lt|Col|Sgt|Sen|Rep|Gov|Rev|Prof)\.$")
_LOWER = re.compile(r"[a-z]")


def _parts(text: str) -> tuple[list[str], list[str]]:
    """The sentences of a text, and the white space before, between and after them."""
    from model.passages import sentences

    spans: list[tuple[int, int]] = []
    for start, end in sentences(text):
        if spans and (_LOWER.match(text, start) or _TITLE.search(text[slice(*spans[-1])])):
            start = spans.pop()[0]
        spans.append((start, end))
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    gaps = [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    return [text[start:end] for start, end in spans], gaps


def _joined(sentences: list[str], gaps: list[str]) -> str:
    pairs = zip(gaps, [*sentences, ""], strict=True)
    return "".join(piece for pair in pairs for piece in pair)


# --- Words --------------------------------------------------------------------------------
_WORD = re.compile(r"[A-Za-z]+")
_ARTICLE = re.compile(r"(?<= )(?:a|an|the) ")
_FIRST_LETTER = re.compile(r"(?<![^\W_])[^\W\d_]")
_NUMBER = re.compile(r"\d+\.?\d*")
_VARIANTS_FILE = "dictionary_en-GB_to_en-US.txt"
_MISSPELLINGS_FILE = "dictionary.txt"


def _alternative_spelling(text: str, chance: random.Random, strength: float) -> str:
    """British words become American, and American ones British."""
    return _respelled(text, _variants(), chance, strength)


def _misspelling(text: str, chance: random.Random, strength: float) -> str:
    """Words are misspelled as people misspell them.

    The share is of the words that have a common misspelling; RAID counts it of all words.
    """
    return _respelled(text, _misspellings(), chance, strength)


def _respelled(
    text: str, spellings: Mapping[str, tuple[str, ...]], chance: random.Random, strength: float
) -> str:
    def respelled(word: re.Match[str], chance: random.Random) -> str:
        return _in_case_of(word[0], chance.choice(spellings[word[0].lower()]))

    known = (match for match in _WORD.finditer(text) if match[0].lower() in spellings)
    return _edited(text, known, respelled, chance, strength)


def _in_case_of(word: str, other: str) -> str:
    if len(word) > 1 and word.isupper():
        return other.upper()
    return other.capitalize() if word[0].isupper() else other


@lru_cache(maxsize=1)
def _variants() -> Mapping[str, tuple[str, ...]]:
    pairs = _spellings(_VARIANTS_FILE)
    return _grouped([*pairs, *((right, left) for left, right in pairs)])


@lru_cache(maxsize=1)
def _misspellings() -> Mapping[str, tuple[str, ...]]:
    return _grouped((right, wrong) for wrong, right in _spellings(_MISSPELLINGS_FILE))


def _spellings(name: str) -> list[tuple[str, str]]:
    """Pairs of one of codespell's lists: single words that have one correction, lower case."""
    from importlib.resources import files

    lines = (files("codespell_lib") / "data" / name).read_text(encoding="utf-8").splitlines()
    pairs = (line.lower().partition("->") for line in lines)
    # "word, word, " where several corrections are possible: not a word of letters alone.
    return [
        (left, right)
        for left, _, right in pairs
        if left != right and left.isalpha() and right.isalpha()
    ]


def _grouped(pairs: Iterable[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    grouped: dict[str, list[str]] = {}
    for key, value in pairs:
        grouped.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in grouped.items()}


def _article_deletion(text: str, chance: random.Random, strength: float) -> str:
    """Articles inside sentences go; those that open one stay, as in RAID."""
    return _edited(text, _ARTICLE.finditer(text), lambda *_: "", chance, strength)


def _number_change(text: str, chance: random.Random, strength: float) -> str:
    """Numbers become others of as many digits."""
    return _edited(text, _NUMBER.finditer(text), _other_number, chance, strength)


def _other_number(number: re.Match[str], chance: random.Random) -> str:
    digits = number[0]
    first = chance.choice([digit for digit in "123456789" if digit != digits[0]])
    rest = (chance.choice("0123456789") if mark != "." else mark for mark in digits[1:])
    return first + "".join(rest)


def _synonym(text: str, chance: random.Random, strength: float) -> str:
    """Words become WordNet synonyms, each at the odds of `strength`."""
    from model.spinner import Method, spin

    return spin(text, Method(strength), chance)


def _upper_lower(text: str, chance: random.Random, strength: float) -> str:
    """First letters of words change case."""
    return _edited(
        text, _FIRST_LETTER.finditer(text), lambda letter, _: letter[0].swapcase(), chance, strength
    )


# --- Characters ---------------------------------------------------------------------------
# Cyrillic, Greek, Armenian. Full-width letters are left out: any reader would see them.
_LOOKALIKES: Mapping[str, str] = {
    **{"a": "аα", "c": "с", "d": "ԁ", "e": "е", "g": "ց", "h": "һհ", "i": "іι", "j": "јյ"},
    **{"l": "ӏ", "n": "ո", "o": "оοօ", "p": "рρ", "q": "ԛ", "s": "ѕ", "u": "սυ", "v": "ѵν"},
    **{"w": "ԝ", "x": "х", "y": "у", "A": "АΑ", "B": "ВΒ", "C": "С", "E": "ЕΕ", "H": "НΗ"},
    **{"I": "ІΙ", "J": "Ј", "K": "КΚ", "L": "Լ", "M": "МΜ", "N": "Ν", "O": "ОΟ", "P": "РΡ"},
    **{"S": "ЅՏ", "T": "ТΤ", "U": "Ս", "X": "ХΧ", "Y": "УΥ", "Z": "Ζ"},
}
_HAS_LOOKALIKE = re.compile(f"[{''.join(_LOOKALIKES)}]")
_CHARACTER = re.compile(r"(?s).")
_SPACE = re.compile(r" ")
_ZERO_WIDTH_SPACE = "\u200b"


def _homoglyph(text: str, chance: random.Random, strength: float) -> str:
    """Latin letters become ones of other scripts that look the same."""

    def lookalike(letter: re.Match[str], chance: random.Random) -> str:
        return chance.choice(_LOOKALIKES[letter[0]])

    return _edited(text, _HAS_LOOKALIKE.finditer(text), lookalike, chance, strength)


def _whitespace(text: str, chance: random.Random, strength: float) -> str:
    """Spaces become two."""
    return _edited(text, _SPACE.finditer(text), lambda *_: "  ", chance, strength)


def _zero_width_space(text: str, chance: random.Random, strength: float) -> str:
    """Characters are followed by a space of no width."""
    return _edited(
        text,
        _CHARACTER.finditer(text),
        lambda character, _: character[0] + _ZERO_WIDTH_SPACE,
        chance,
        strength,
    )


# --- Marks and markup ---------------------------------------------------------------------
# An apostrophe between letters is no quotation mark, but changes with them all the same.
_MARK = re.compile(r"[\"'“”‘’—–]|(?<=\w)[-‑](?=\w)|(?<= )-(?= )")
_CURLY = {'"': "“”", "'": "‘’"}
_PLAIN = {"“": '"', "”": '"', "‘": "'", "’": "'", "—": "-", "–": "-", "‑": "-"}
_OPENS = re.compile(r"(?:^|[\s(\[“—–-])$")
_RESIDUE = re.compile(r"[\"'“”‘’&—–<>]|(?<=[.,;:!?]) |\n+")
_ENTITIES = {
    **{'"': "&quot;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "—": "&mdash;"},
    **{"“": "&ldquo;", "”": "&rdquo;", "‘": "&lsquo;", "’": "&rsquo;", "–": "&ndash;"},
}
_SPACE_RESIDUE = ("&nbsp;", " &nbsp;", "<br/>", " <br> ", "</p><p>", "<p>", "</div> ")
_BREAK_RESIDUE = ("<br/>\n", "<br />\n<br />\n", "</p>\n<p>", "\n</div>\n<div>\n", "\n&nbsp;\n")


def _quotes_and_dashes(text: str, chance: random.Random, strength: float) -> str:
    """Straight marks become curly and curly ones straight; hyphens dashes, dashes hyphens."""
    return _edited(text, _MARK.finditer(text), _other_mark, chance, strength)


def _other_mark(found: re.Match[str], _: random.Random) -> str:
    mark, start = found[0], found.start()
    before = found.string[max(0, start - 1) : start]
    if mark in _CURLY:
        return _CURLY[mark][0 if _OPENS.search(before) else 1]
    if mark == "-":
        return "—" if before == " " else "‑"
    return _PLAIN[mark]


def _html_residue(text: str, chance: random.Random, strength: float) -> str:
    """Marks become entities; tags and entities stay where sentences and paragraphs end."""
    return _edited(text, _RESIDUE.finditer(text), _residue, chance, strength)


def _residue(place: re.Match[str], chance: random.Random) -> str:
    if place[0] in _ENTITIES:
        return _ENTITIES[place[0]]
    return chance.choice(_SPACE_RESIDUE if place[0] == " " else _BREAK_RESIDUE)


# --- Sentences ----------------------------------------------------------------------------
# From 20 characters on: shorter ones are terms in quotation marks, not speech.
_QUOTATION = re.compile(
    r"“[^”\n]{20,800}”|\"[^\"\n]{20,800}\"|(?<!\w)‘[^‘\n]{20,800}?’(?!\w)"
    r"|(?<!\w)'[^'\n]{20,800}'(?!\w)"
)


def _paragraph_insertion(text: str, chance: random.Random, strength: float) -> str:
    """Empty lines come between sentences of one line."""
    sentences, gaps = _parts(text)
    inner = [index for index in range(1, len(sentences)) if "\n" not in gaps[index]]
    for index in _some(len(inner), strength, chance):
        gaps[inner[index]] = "\n\n"
    return _joined(sentences, gaps)


def _sentence_shuffle(text: str, chance: random.Random, strength: float) -> str:
    """Sentences change places with one another; paragraphs stay as long as they were."""
    sentences, gaps = _parts(text)
    places = _some(len(sentences), strength, chance)
    moved = places.copy()
    chance.shuffle(moved)
    if moved == places:
        moved = moved[1:] + moved[:1]
    before = sentences.copy()
    for place, source in zip(places, moved, strict=True):
        sentences[place] = before[source]
    return _joined(sentences, gaps)


def _quotation_stripping(text: str, chance: random.Random, strength: float) -> str:
    """Sentences that quote go; a text that is nothing but quotations stays."""
    quotations = [match.span() for match in _QUOTATION.finditer(text)]
    chosen = [quotations[index] for index in _some(len(quotations), strength, chance)]
    sentences, gaps = _parts(text)
    kept: list[str] = []
    kept_gaps = [gaps[0]]
    position = len(gaps[0])
    for sentence, gap in zip(sentences, gaps[1:], strict=True):
        start, end = position, position + len(sentence)
        position = end + len(gap)
        if any(start < last and first < end for first, last in chosen):
            # Of the two gaps around what goes, the one that breaks lines is kept.
            kept_gaps[-1] = max(kept_gaps[-1], gap, key=lambda space: space.count("\n"))
        else:
            kept.append(sentence)
            kept_gaps.append(gap)
    return _joined(kept, kept_gaps).strip() if chosen and kept else text


# --- What is glued on ---------------------------------------------------------------------
_CITIES = (
    *("LONDON", "WASHINGTON", "PARIS", "BRUSSELS", "BERLIN", "MOSCOW", "CAIRO", "NEW DELHI"),
    *("TOKYO", "SYDNEY", "NAIROBI", "MEXICO CITY", "BEIRUT, Lebanon", "WARSAW, Poland"),
)
_MONTHS = (
    *("Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov."),
    "Dec.",
)
_DATELINES = (
    "{city}, {month} {day} (Reuters) - ",
    "{city} (AP) — ",
    "{city}, {month} {day} (UPI) -- ",
    "{city} (AFP) - ",
    "{city} — ",
    "{city}, {month} {day} — ",
)
_HEADLINE_WORDS = (6, 11)
"""Words of a headline: fewest and most."""
_SMALL = frozenset(
    ("a", "an", "and", "as", "at", "by", "for", "from", "in", "into", "of", "on", "or", "the", "to")
)


def _title_and_dateline(text: str, chance: random.Random, strength: float) -> str:
    """A headline line and a dateline come first, each at the odds of `strength`.

    The headline is the text's own first words, so that it is about the text and in its words.
    """
    if not text.strip():
        return text
    body = text
    if chance.random() < strength:
        body = _dateline(chance) + body.lstrip()
    if chance.random() < strength:
        body = f"{_headline(text, chance)}\n\n{body}"
    return body


def _dateline(chance: random.Random) -> str:
    return chance.choice(_DATELINES).format(
        city=chance.choice(_CITIES), month=chance.choice(_MONTHS), day=chance.randint(1, 28)
    )


def _headline(text: str, chance: random.Random) -> str:
    words = text.split(None, _HEADLINE_WORDS[1])[: chance.randint(*_HEADLINE_WORDS)]
    while len(words) > 1 and words[-1].lower() in _SMALL:
        words.pop()  # a headline does not end on an article or a preposition
    title = " ".join(word if word in _SMALL else word[0].upper() + word[1:] for word in words)
    return title.rstrip(".,;:")


def _human_before(text: str, chance: random.Random, strength: float, other: str) -> str:
    """A human's text comes before, as a paragraph: its leading share of sentences."""
    opening = _opening(other, strength)
    return f"{opening}\n\n{text.lstrip()}" if opening else text


def _human_after(text: str, chance: random.Random, strength: float, other: str) -> str:
    """A human's text comes after, as a paragraph: its leading share of sentences."""
    opening = _opening(other, strength)
    return f"{text.rstrip()}\n\n{opening}" if opening else text


def _opening(text: str, share: float) -> str:
    """The leading share of a text's sentences: one at least, none at share 0."""
    sentences, gaps = _parts(text.strip())
    if not sentences or share <= 0:
        return ""
    count = max(1, round(len(sentences) * share))
    return _joined(sentences[:count], [*gaps[:count], ""])


# --- All of them --------------------------------------------------------------------------
ATTACKS: Mapping[str, Attack] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            # RAID's, whose rate comes first
            Attack("alternative_spelling", _alternative_spelling, (1.0, 0.5)),
            Attack("article_deletion", _article_deletion, (0.5, 0.25, 1.0)),
            Attack("homoglyph", _homoglyph, (1.0, 0.05, 0.25)),
            Attack("paragraph_insertion", _paragraph_insertion, (0.5, 0.25, 1.0)),
            Attack("number_change", _number_change, (0.5, 1.0)),
            Attack("misspelling", _misspelling, (0.2, 0.05, 0.5)),
            Attack("synonym", _synonym, (0.5, 0.25), rewords=True),
            Attack("upper_lower", _upper_lower, (0.05, 0.02, 0.2)),
            Attack("whitespace", _whitespace, (0.2, 0.05, 0.5)),
            Attack("zero_width_space", _zero_width_space, (1.0, 0.05, 0.25)),
            # Ours
            Attack("sentence_shuffle", _sentence_shuffle, (1.0, 0.5)),
            Attack("quotation_stripping", _quotation_stripping, (1.0, 0.5)),
            Attack("title_and_dateline", _title_and_dateline, (1.0, 0.5)),
            Attack("quotes_and_dashes", _quotes_and_dashes, (1.0, 0.5)),
            Attack("html_residue", _html_residue, (0.25, 0.05, 1.0)),
            Attack("human_before", _human_before, (1.0, 0.5), needs_other=True),
            Attack("human_after", _human_after, (1.0, 0.5), needs_other=True),
        )
    }
)
"""By name, in the order of the table."""
