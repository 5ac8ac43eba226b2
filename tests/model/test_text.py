from __future__ import annotations

import random
import unicodedata

import pytest

from model.text import count_words, normalize

TRICKY = [
    "plain text",
    "  two\r\n\r\nlines\tand   spaces  ",
    "“curly” ‘quotes’ — dashes – and … dots",
    "cafe\u0301 and café",
    "zero\u200bwidth\u00adhyphen\ufeff",
    "emoji 👩\u200d👧 and 🏴\U000e0067\U000e007f ☺\ufe0f",
    "ﬁne ½ Ａ ¨ ﷺ",
    "lone \ud800 surrogate",
    "next\x85line and \u2028 separator",
    "",
    " \n ",
]


@pytest.mark.parametrize("text", TRICKY)
def test_normalising_twice_equals_once(text):
    once = normalize(text)
    assert normalize(once.text).text == once.text


@pytest.mark.parametrize("text", TRICKY)
def test_every_character_maps_to_a_piece_of_the_original(text):
    normalized = normalize(text)
    assert len(normalized.offsets) == len(normalized.ends) == len(normalized.text)
    assert normalized.offsets == sorted(normalized.offsets)
    spans = zip(normalized.offsets, normalized.ends, strict=True)
    assert all(0 <= start < end <= len(text) for start, end in spans)


def test_random_text_keeps_both_promises():
    generator = random.Random(3)
    marks = [chr(code) for code in range(0x300, 0x370)]
    alphabet = [chr(code) for code in range(0x3000)] + marks * 20
    for _ in range(2_000):
        text = "".join(generator.choices(alphabet, k=8))
        once = normalize(text)
        assert normalize(once.text).text == once.text
        assert all(s < e for s, e in zip(once.offsets, once.ends, strict=True))


def test_spans_lead_back_to_the_words_as_given():
    text = "😀 She\u0301  said:\r\n“No\u200bw”"
    normalized = normalize(text)
    start = normalized.text.index("Shé")
    assert text[slice(*normalized.original_span(start, start + 3))] == "She\u0301"
    start = normalized.text.index("Now")
    assert text[slice(*normalized.original_span(start, start + 3))] == "No\u200bw"
    start = normalized.text.index(" said")
    assert text[slice(*normalized.original_span(start, start + 1))] == "  "


def test_format_goes_and_wording_stays():
    assert normalize("It’s “fine” —\r\n\r\nREALLY…").text == 'It\'s "fine" - REALLY...'
    assert normalize("a\x85b").text == "a b"
    composed = normalize("u\u0308ber").text
    assert composed == unicodedata.normalize("NFC", composed) == "über"


def test_words_are_runs_between_white_space():
    assert count_words("one two-three  four\n5") == 4
    assert count_words("") == 0
