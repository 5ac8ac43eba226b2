from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator

import pytest

from model.signals import MAX_SPANS, SIGNAL_NAMES, Signal, find_signals, measured_shares
from model.text import normalize


def _signals(text: str) -> tuple[Signal, ...]:
    return find_signals(text, normalize(text))


def _found(text: str) -> dict[str, list[str]]:
    return {
        signal.name: [text[start:end] for start, end in signal.spans] for signal in _signals(text)
    }


@pytest.mark.parametrize(
    ("text", "name", "pieces"),
    [
        ("\u200bA missile \u202e strike", "invisible_characters", ["\u200b", "\u202e"]),
        ("hy\u00adphen\u00adated", "invisible_characters", ["\u00ad", "\u00ad"]),
        ("😀 mis\u200bsi\u200d\u2060le", "split_words", ["\u200b", "\u200d\u2060"]),
        ("hidden\U000e0041\U000e0042 text", "invisible_characters", ["\U000e0041\U000e0042"]),
        ("at p\u0430ypal \u0410pple", "homoglyphs", ["p\u0430ypal", "\u0410pple"]),
        ("😀 c\u0430fe\u0301,\r\n\u0430 day", "homoglyphs", ["c\u0430fe\u0301", "\u0430"]),
        ("the pⅼ𝐚n and Ⓗⓘ", "homoglyphs", ["ⅼ𝐚", "Ⓗⓘ"]),
        ("in \U0001d41b\U0001d428\U0001d425\U0001d41d type", "homoglyphs", ["𝐛𝐨𝐥𝐝"]),
        ("thin\u2009space\u202fhere", "odd_spaces", ["\u2009", "\u202f"]),
        ("the b o m b s went off", "spaced_letters", ["b o m b s"]),
        ("R&amp;D <p>and</p> more", "html_residue", ["&amp;", "<p>", "</p>"]),
        (
            "no\ufffd\ufffdse \x07 \uf0b7",
            "unreadable_characters",
            ["\ufffd\ufffd", "\x07", "\uf0b7"],
        ),
        ("The U.S.\nPresident spoke.", "broken_sentences", ["U.S.\n"]),
        ("said Dr.\r\n\r\nElena Morales.", "broken_sentences", ["Dr.\r\n\r\n"]),
        ("As an AI language model, I think.", "assistant_residue", ["As an AI language model, I"]),
        ("Sure! Here’s the text.", "assistant_residue", ["Sure! Here’s"]),
        ("End.\n\nI hope this helps!", "assistant_residue", ["I hope this helps"]),
        ("**Rewritten article:** Today", "assistant_residue", ["**Rewritten article:"]),
        ("I'm sorry, but I can't do it.", "refusal", ["I'm sorry, but I can't do it"]),
        ("On [Insert date], [Your name] met", "placeholders", ["[Insert date]", "[Your name]"]),
    ],
)
def test_what_is_there_is_found_in_its_place(text, name, pieces):
    assert _found(text) == {name: pieces}
    assert name in SIGNAL_NAMES


@pytest.mark.parametrize(
    "text",
    [
        "An ordinary sentence, with “quotes”, a café and a no-break\u00a0space.",
        "Family 👩\u200d👩\u200d👧 in England 🏴\U000e0067\U000e0062\U000e0065\U000e007f ☺\ufe0f",
        "\ufeffA byte order mark at the start.",
        "Москва is how Moscow is written there, and 5 μm is small.",
        "I'm sorry I can't be there, and I'm afraid I cannot answer that.",
        "They left the U.S.\nThe next day they returned.",
        "He runs as an AI researcher. The [Organization of Islamic Cooperation] met [sources].",
        "A page that was\nwrapped at a column, as Sen.\nTrent Lott knows, is\nno sign of it",
    ],
)
def test_innocent_text_gives_no_signal(text):
    assert _found(text) == {}


def test_a_flooded_text_stays_a_small_result():
    (signal,) = _signals("a\u200b" * 5_001 + "a")
    assert signal.count == 5_001
    assert len(signal.spans) == MAX_SPANS


def _that_vanish() -> Iterator[str]:
    """Every character, of the private ones a few, that normalisation drops from within a word."""
    for code in [*range(0xE100), *range(0xF800, 0xF0100), 0x10FFFD]:
        character = chr(code)
        kind = unicodedata.category(character)
        unseen = "FILLER" in unicodedata.name(character, "")
        candidate = unseen or kind in ("Cc", "Cf", "Cs", "Co", "Mn", "So")
        if candidate and normalize(f"so{character}me").text == "some":
            yield character


def test_nothing_vanishes_without_a_signal():
    gone = list(_that_vanish())
    assert {"\u00ad", "\u200b", "\u3164", "\ufe0f", "\U000e0101", "\ufffd", "\x00"} <= set(gone)
    assert [character for character in gone if not _signals(f"so{character}me")] == []


def test_no_style_of_letters_is_undone_without_a_signal():
    styled = [
        character
        for character in map(chr, range(0x20000))
        if unicodedata.decomposition(character).startswith(
            ("<font>", "<circle>", "<square>", "<wide>")
        )
        and unicodedata.normalize("NFKC", character).isalpha()
        and unicodedata.normalize("NFKC", character).isascii()
        and len(unicodedata.normalize("NFKC", character)) == 1
        and character != "ℹ"  # an emoji
    ]
    assert len(styled) > 700
    assert [character for character in styled if not _signals(f"so {character} me")] == []


def test_what_is_undone_is_what_is_shown():
    text = "&lt;p&gt; p\u0430yp\u0430l <b>\u0430</b> d\u200ba\u200by"
    normalized = normalize(text)
    found = {signal.name: signal.spans for signal in find_signals(text, normalized)}
    assert found["html_residue"] == normalized.markup
    assert found["homoglyphs"] == normalized.lookalikes
    assert len(found["split_words"]) == 2


def test_shares_come_with_the_signals_they_were_measured_of():
    rows = [{"name": "homoglyphs", "human": {"value": 0.003}, "machine": {"value": 0.04}}]
    shares = measured_shares({"signals": {"signals": rows}})
    text = "\ufffd p\u0430ypal"
    found = {signal.name: signal for signal in find_signals(text, normalize(text), shares)}
    assert (found["homoglyphs"].human_share, found["homoglyphs"].machine_share) == (0.003, 0.04)
    assert found["unreadable_characters"].human_share is None
    assert found["unreadable_characters"].machine_share is None
    assert measured_shares({}) == {}


@pytest.mark.parametrize(
    "piece",
    [
        *("\n", "U.S.\n\n", "Dr. \n", "а", "aé", "aа ", "\u200b", "a\u200b", "[your ", "as an ai "),
        *(
            '." ',
            "-",
            "a ",
            "A ",
            "a b ",
            '"a b c d e," he said. ',
            "“",
            '"',
            "Aa ",
            "A. ",
            "\ufffd",
        ),
    ],
)
def test_hostile_text_takes_linear_time(piece):
    def seconds(size: int) -> float:
        text = piece * (size // len(piece)) + "é"
        normalized = normalize(text)
        started = time.thread_time()
        find_signals(text, normalized)
        return time.thread_time() - started

    seconds(20_000)
    assert seconds(200_000) < 20 * seconds(20_000) + 0.5  # quadratic would be 100 times
