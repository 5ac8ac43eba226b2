"""Which words are taken for disguised ones, in texts that are normalised already."""

from __future__ import annotations

import pytest

from model.language import detect_language
from model.lookalikes import LATIN_TWINS, disguised_words
from model.text import normalize

# RAID's table and TextAttack's, which replace every letter that has an entry.
RAID = {
    **{"a": "а", "A": "А", "B": "В", "e": "е", "E": "Е", "c": "с", "p": "р", "K": "К", "O": "О"},
    **{"P": "Р", "M": "М", "H": "Н", "T": "Т", "X": "Х", "C": "С", "y": "у", "o": "о", "x": "х"},
    **{"I": "Ι", "i": "і", "N": "Ν", "Z": "Ζ"},
}
TEXT_ATTACK = {
    **{"a": "ɑ", "b": "Ь", "c": "ϲ", "d": "ԁ", "e": "е", "f": "𝚏", "g": "ɡ", "h": "հ", "i": "і"},
    **{"j": "ϳ", "k": "𝒌", "l": "ⅼ", "m": "ｍ", "n": "ո", "o": "о", "p": "р", "q": "ԛ", "r": "ⲅ"},
    **{"s": "ѕ", "t": "𝚝", "u": "ս", "v": "ѵ", "w": "ԝ", "x": "×", "y": "у", "z": "ᴢ", "-": "˗"},
}
RUSSIAN = (
    "Городской совет решил во вторник оставить старый бассейн открытым ещё на одно лето. "
    "Инженер предупредил, что насосы долго не выдержат, а новые стоят сорок тысяч."
)
GREEK = (
    "Το δημοτικό συμβούλιο αποφάσισε την Τρίτη να κρατήσει ανοιχτή την παλιά πισίνα για ένα "
    "ακόμη καλοκαίρι. Ο μηχανικός προειδοποίησε ότι οι αντλίες δεν θα αντέξουν πολύ."
)


def _words(text: str) -> list[str]:
    return [text[start:end] for start, end in disguised_words(text)]


@pytest.mark.parametrize("table", [RAID, TEXT_ATTACK])
def test_published_attacks_are_undone(table, toy_article):
    attacked = toy_article.translate(str.maketrans(table))
    assert sum(map(str.isascii, attacked)) < 0.7 * len(attacked)
    assert normalize(attacked).text == normalize(toy_article).text


@pytest.mark.parametrize("text", [RUSSIAN, GREEK, RUSSIAN.upper(), GREEK.upper()])
def test_a_foreign_text_stays_as_it_is(text):
    assert normalize(text).text == text
    assert detect_language(text) != "en"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Pay with p\u0430yp\u0430l.", ["p\u0430yp\u0430l"]),
        ("It was \u0430 day, \u0406 said.", ["\u0430", "\u0406"]),
        ("The т\u0430lk of towп", ["т\u0430lk", "towп"]),
        ("Москва is how Moscow is written, and Ρόδος is Rhodes.", []),
        ("He said «а он с ней», and left.", []),
        ("TNFα, 5 μm, an α particle, ρ and Ω", []),
        ("An α of p\u0430ypal, TNFα", ["α", "p\u0430ypal", "TNFα"]),
        ("сор рас", []),
        (f"{RUSSIAN} п\u0435рвый p\u0430yp\u0430l Cтрана", ["p\u0430yp\u0430l"]),
    ],
)
def test_words_are_told_from_quotations(text, words):
    assert _words(text) == words


def test_each_twin_is_one_letter_for_one():
    assert all(len(latin) == 1 and latin.isascii() for latin in LATIN_TWINS.values())
    assert not any(chr(code).isascii() for code in LATIN_TWINS)
