from __future__ import annotations

import random
import time
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
    "<p>5 &lt; 6 &amp;amp; <b>b</b>o\u200bld</p> \u0430nd \u0440\u0430ypal",
]
# Whatever could meet at a seam: markup and its pieces, twins and what gives them away, marks.
NASTY = [
    *("&", "amp;", "&amp;", "&#59;", "&#x430;", "&#769;", "&nbsp;", "&lt;", ";", "#", "38;", "；"),
    *("<", "</", ">", "/>", "<p>", "<b ", "a=", '"', "'", "“", "&gt;", "&#824;", "\u037e", "＜"),
    *("р", "а", "о", "ο", "ν", "α", "т", "ш", "я", "ё", "ό", "կ", "ո", "×", "ϲ", "ⅼ", "ɡ", "Ь"),
    *("a", "B", "p", "TNF", "é", "1", "-", "_", " ", "\n", "\u00a0", "\u200b", "\ufe0f", "\u3164"),
    *("\u0301", "\u0338", "\u0327", "\u0344", "ﷺ", "ﬁ", "👩", "\u200d", "\ud800", "\ufffd"),
]


@pytest.mark.parametrize("text", TRICKY)
def test_normalising_twice_equals_once(text):
    once = normalize(text)
    assert normalize(once.text).text == once.text


@pytest.mark.parametrize("text", TRICKY)
def test_every_character_maps_to_a_piece_of_the_original(text):
    normalized = normalize(text)
    assert len(normalized.offsets) == len(normalized.ends) == len(normalized.text)
    assert list(normalized.offsets) == sorted(normalized.offsets)
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


def test_nasty_text_keeps_every_promise():
    generator = random.Random(5)
    for round_ in range(20_000):
        alphabet = generator.sample(NASTY, 6) if round_ % 2 else NASTY
        text = "".join(generator.choices(alphabet, k=generator.randint(1, 16)))
        once = normalize(text)
        twice = normalize(once.text)
        assert (twice.text, twice.markup, twice.lookalikes) == (once.text, (), ()), text
        assert len(once.offsets) == len(once.ends) == len(once.text)
        assert list(once.offsets) == sorted(once.offsets)
        assert list(once.ends) == sorted(once.ends)
        spans = [*zip(once.offsets, once.ends, strict=True), *once.markup, *once.lookalikes]
        assert all(0 <= start < end <= len(text) for start, end in spans), text
        assert once.text == " ".join(once.text.split())


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


@pytest.mark.parametrize(
    ("text", "plain", "undone"),
    [
        ("R&amp;D &quot;now&quot;", 'R&D "now"', ["&amp;", "&quot;", "&quot;"]),
        ("caf&eacute;&nbsp;&#8211;&#x20;OK", "café - OK", None),
        ("&amp;lt;p&amp;gt; it", "it", ["&amp;lt;p&amp;gt;"]),
        ("&am&#112;; &#5&#57;;", "& ;", ["&am&#112;;", "&#5&#57;;"]),
        ("un<b>believ</b>able", "unbelievable", ["<b>", "</b>"]),
        ("end.<p class=“x”>Next<BR />line</p>", "end. Next line", None),
        ("a <b> b </b> c", "a b c", None),
        ("a link</a> to <a href='x?a=1&amp;b=2' rel=nofollow>it", "a link to it", None),
        ("e<b>\u0301</b>t&#769;e", "ét\u0301e", None),
    ],
)
def test_markup_is_undone(text, plain, undone):
    normalized = normalize(text)
    assert normalized.text == plain
    if undone is not None:
        assert [text[start:end] for start, end in normalized.markup] == undone


@pytest.mark.parametrize(
    "text",
    [
        *("AT&T", "a < b", "R&D; S&P; Q&A;", "1 <2> 3", "<quote>", "x <p", "&;&#;&#x;", "&bogus;"),
        *("<i whole sentences cannot hide here>", "<p and no end", "a<- b>"),
    ],
)
def test_what_only_looks_like_markup_stays(text):
    assert normalize(text).text == text
    assert normalize(text).markup == ()


def test_markup_leads_back_to_where_it_stood():
    text = "a&amp;b <p>c"
    normalized = normalize(text)
    assert normalized.text == "a&b c"
    assert [text[slice(*normalized.original_span(i, i + 1))] for i in range(5)] == [
        *("a", "&amp;", "b", " <p>", "c")
    ]


def test_look_alikes_become_latin_in_place():
    text = "😀 p\u0430yp\u0430l\r\nс\u0430f\u0435\u0301 \u0430 day"
    normalized = normalize(text)
    assert normalized.text == "😀 paypal café a day"
    assert [text[start:end] for start, end in normalized.lookalikes] == [
        *("p\u0430yp\u0430l", "с\u0430f\u0435\u0301", "\u0430")
    ]
    start = normalized.text.index("é")
    assert text[slice(*normalized.original_span(start, start + 1))] == "\u0435\u0301"


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "é", " ", "&", "<", ">", ";", "&amp;", "amp;", "<p>", "<p ", "a=b ", "</", "&#59"),
        *("р", "рa", "р б ", "e\u0301", "е\u0301a", "&&#1072;mp;", "\u200b", "ﷺ"),
    ],
)
def test_hostile_text_takes_linear_time(piece):
    def seconds(size: int) -> float:
        text = f"<p {'&' * 9}{piece * (size // len(piece))};>;>"
        started = time.thread_time()
        normalize(text)
        return time.thread_time() - started

    seconds(20_000)
    assert seconds(200_000) < 20 * seconds(20_000) + 0.5  # quadratic would be 100 times


def test_words_are_runs_between_white_space():
    assert count_words("one two-three  four\n5") == 4
    assert count_words("") == 0
