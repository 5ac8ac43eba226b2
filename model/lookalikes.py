"""Letters of other scripts that pass for Latin ones, and the words that they disguise.

Part of `model.text`. To a reader "pаypal" with a Cyrillic а is the same word; to a tokenizer
it is another, and published attacks (RAID, TextAttack, DetectRL) replace every letter that has
such a twin. The table holds what those use, in two grades: letters that look the same, and
letters that look alike and give nothing away but among Latin ones. A text in Russian or Greek
must stay as it is, or it would be read as bad English instead of being refused; what decides
is in `disguised_words`.
"""

from __future__ import annotations

import re

from model.spans import Span

# Pairs: the foreign letter, the Latin one.
_SAME = (
    "аaеeоoрpсcуyхxіiјjѕsԁdһhԛqԝwѵvӏlүy"  # Cyrillic
    "АAВBЕEЅSІIЈJКKМMНHОOРPСCТTУYХXӀIԚQԜWЬbҮY"
    "οoαaιiνvρpυuϲcϳj"  # Greek
    "ΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXϹCͿJ"
    "օoոnսuհhցgյjզqՕOՍUՏSԼL"  # Armenian
    "ⲅrⲟoⲣpⲥc"  # Coptic
    "ɑaɡgᴢz"  # phonetic
)
_ALIKE = (
    "кkтtмmнhвbгrпnьbҽeғfєe"  # Cyrillic
    "κkτtηnεeωwγyχxσoςcβb"  # Greek
    "×x"  # no letter, but TextAttack's x
)
_SAME_LETTERS = frozenset(_SAME[::2])
_TWINS = _SAME[::2] + _ALIKE[::2]
LATIN_TWINS: dict[int, str] = dict(zip(map(ord, _TWINS), _SAME[1::2] + _ALIKE[1::2], strict=True))
"""Each foreign letter's Latin twin, as `str.translate` takes it."""

_MARKS = "\u0300-\u036f"
_LATIN_LETTERS = "A-Za-zÀ-ÖØ-öø-ɐɒ-ɠɢ-ʯᴀ-ᴡᴣ-ᶿḀ-ỿ"  # without the phonetic twins
_LATIN = re.compile(f"[{_LATIN_LETTERS}]")
_TWIN = re.compile(f"[{_TWINS}]")
_FOREIGN = re.compile(rf"[^\W\d_{_LATIN_LETTERS}{_TWINS}]")
_WORD = re.compile(rf"[^\W\d_](?:[^\W\d_]|[{_MARKS}×])*+")
_NOT_LATIN = re.compile(f"[^{_LATIN_LETTERS}{_MARKS}]")
# A Greek letter alone, or at one end of Latin capitals (TNFα); an omicron is no symbol.
_SYMBOL = re.compile("[αινρυ]|[A-Z]+[α-ξπ-ω]|[α-ξπ-ω][A-Z]+")
_MOST_FOREIGN = 0.1
"""The share of letters without a Latin twin up to which a text may be a Latin one in disguise.

Of Russian and Greek prose they are a quarter; of English that quotes some, far less.
"""


def disguised_words(text: str) -> list[Span]:
    """The words of a normalised text in which other letters pass for Latin ones, ascending.

    Such a word holds Latin letters too, or it consists only of letters that look the same and
    stands among Latin words: what is quoted in its own script stays, as it nearly always holds
    a letter that gives it away. A symbol stays where nothing else is disguised. Where more than
    a tenth of a text's letters give it away, it is a foreign one, and a word must be Latin but
    for letters that look the same.

    Once the twins in these words are Latin (`LATIN_TWINS`), the text has none any more.
    """
    if text.isascii() or not _TWIN.search(text):
        return []
    # Twins count as Latin here, so that replacing some cannot change the answer.
    if len(_FOREIGN.findall(text)) > _MOST_FOREIGN * sum(map(str.isalpha, text)):
        return [word.span() for word in _WORD.finditer(text) if _is_latin_but_for_same(word[0])]
    return _among_latin_words(text) if _LATIN.search(text) else []


def _among_latin_words(text: str) -> list[Span]:
    found: list[Span] = []
    symbols: list[Span] = []
    pending: list[Span] = []  # words without a Latin letter, since the last one that has some
    all_same = True
    for match in _WORD.finditer(text):
        word, span = match[0], match.span()
        if not _SYMBOL.fullmatch(word) and not _LATIN.search(word):
            pending.append(span)
            all_same = all_same and _SAME_LETTERS.issuperset(_NOT_LATIN.findall(word))
            continue
        found += pending if all_same else []
        pending, all_same = [], True
        if _SYMBOL.fullmatch(word):
            symbols.append(span)
        elif _TWIN.search(word):
            found.append(span)
    found += pending if all_same else []
    return sorted(found + symbols) if found else []


def _is_latin_but_for_same(word: str) -> bool:
    others = _NOT_LATIN.findall(word)
    return bool(others) and _LATIN.search(word) is not None and _SAME_LETTERS.issuperset(others)
