from __future__ import annotations

import time

import pytest

from model.signals import MAX_SPANS, SIGNAL_NAMES, find_signals


def _found(text: str) -> dict[str, list[str]]:
    return {
        signal.name: [text[start:end] for start, end in signal.spans]
        for signal in find_signals(text)
    }


@pytest.mark.parametrize(
    ("text", "name", "pieces"),
    [
        ("mis\u200bsile \u202e strike", "invisible_characters", ["\u200b", "\u202e"]),
        ("hidden\U000e0041\U000e0042 text", "invisible_characters", ["\U000e0041\U000e0042"]),
        ("at p\u0430ypal \u0410pple", "homoglyphs", ["p\u0430ypal", "\u0410pple"]),
        ("in \U0001d41b\U0001d428\U0001d425\U0001d41d type", "homoglyphs", ["𝐛𝐨𝐥𝐝"]),
        ("thin\u2009space\u202fhere", "odd_spaces", ["\u2009", "\u202f"]),
        ("The U.S.\nPresident spoke.", "broken_sentences", ["U.S.\n"]),
        ("said Dr.\r\n\r\nElena Morales.", "broken_sentences", ["Dr.\r\n\r\n"]),
        ("As an AI language model, I think.", "assistant_residue", ["As an AI language model, I"]),
        ("Sure! Here’s the text.", "assistant_residue", ["Sure! Here’s"]),
        ("End.\n\nI hope this helps!", "assistant_residue", ["I hope this helps"]),
        ("**Rewritten article:** Today", "assistant_residue", ["**Rewritten article:"]),
        ("I'm sorry, but I can't do it.", "refusal", ["I'm sorry, but I can't"]),
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
        "They left the U.S.\nThe next day they returned.",
        "He runs as an AI researcher. The [Organization of Islamic Cooperation] met [sources].",
        "A page that was\nwrapped at a column, as Sen.\nTrent Lott knows, is\nno sign of it",
    ],
)
def test_innocent_text_gives_no_signal(text):
    assert _found(text) == {}


def test_a_flooded_text_stays_a_small_result():
    (signal,) = find_signals("a\u200b" * 5_000)
    assert signal.count == 5_000
    assert len(signal.spans) == MAX_SPANS


@pytest.mark.parametrize(
    "piece", ["\n", "U.S.\n\n", "Dr. \n", "а", "aé", "\u200b", "[your ", "as an ai ", '." ', "-"]
)
def test_hostile_text_takes_linear_time(piece):
    def seconds(size: int) -> float:
        started = time.process_time()
        find_signals(piece * (size // len(piece)) + "é")
        return time.process_time() - started

    seconds(20_000)
    assert seconds(200_000) < 20 * seconds(20_000) + 0.5  # quadratic would be 100 times
