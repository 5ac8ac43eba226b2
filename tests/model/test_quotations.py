"""Toy texts: who is named beside a quotation, and who is not."""

from __future__ import annotations

import time

import pytest

from model.quotations import unattributed_quotations

FIRST = '"The water came up to the window in an hour,"'
SECOND = '"Nobody told us to leave the valley,"'


def _quoted(text: str) -> list[str]:
    return [text[start:end] for start, end in unattributed_quotations(text)]


@pytest.mark.parametrize(
    "text",
    [
        f"{FIRST} one resident said. Rain fell. {SECOND} said another.",
        f"{FIRST} analysts said.\n\nRain fell on Tuesday.\n\n{SECOND} an official added.",
        f"{FIRST} he said. Rain fell. {SECOND} he added.",  # nobody was introduced
    ],
)
def test_speakers_without_a_name_are_found(text):
    assert _quoted(text) == [FIRST, SECOND]


@pytest.mark.parametrize(
    "text",
    [
        f"{FIRST} said Ruth Pell. Rain fell. {SECOND} one resident said.",
        f"{FIRST} analysts said. Mayor Pell was there. {SECOND} a resident said.",
        f"{FIRST} Pell said. Rain fell. {SECOND} she added.",
        f"Ruth Pell keeps a shop. Rain fell. It fell. {FIRST} she said. {SECOND} she said.",
        f"STEVE GOLDMAN, STRATEGIST: {FIRST} Rain fell. {SECOND} said another.",
        f"{FIRST} one resident said.",  # a single one
        f"She reads {FIRST} and {SECOND} to the children.",  # nobody speaks
        f'It is a "no-fly zone", officials said. {FIRST} said another.',  # a term
        f"{FIRST} one resident said. {SECOND} said another.".lower(),  # hides names
        "",
    ],
)
def test_named_speakers_and_other_quotations_are_not(text):
    assert _quoted(text) == []


def test_curly_marks_and_open_ends_count():
    text = (
        "😀 “The water came up to the window in an hour,” one resident said.\r\n\r\n"
        "“Nobody told us to leave the valley\n\n“or where to go at night,” said another."
    )
    assert [piece[:4] for piece in _quoted(text)] == ["“The", "“Nob", "“or "]
    assert not any(piece.endswith("\n") for piece in _quoted(text))


def test_a_word_without_end_is_read_in_linear_time():
    started = time.monotonic()
    found = unattributed_quotations(f"{FIRST} one said. {SECOND} one said. " + "Xa’" * 200_000)
    assert len(found) == 2
    assert time.monotonic() - started < 20  # hours, were it read anew from each of its letters
