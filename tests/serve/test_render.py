from __future__ import annotations

import re
from dataclasses import replace

import pytest

from model.passages import Passage
from model.result import ModelName, Result, ThresholdUsed
from model.signals import MAX_SPANS, Signal
from serve.render import explanation, printable, summary

TEXT = "First it rained. Then the sun came out over the old harbour wall. It was warm."
RESULT = Result(
    id="a.txt",
    score=0.75,
    verdict="machine",
    p_human=0.0123456,
    kinds={"human": 0.25, "rewritten": 0.25, "generated": 0.25, "spun": 0.25},
    machine_share=0.625,
    passages=(Passage(0, 16, 0.9, 3), Passage(17, 65, 0.55, 10), Passage(66, 78, 0.1, 3)),
    signals=(),
    words=16,
    tokens=20,
    windows=1,
    language="en",
    threshold=ThresholdUsed("fpr-1pct", 0.6),
    model=ModelName("respun-tiny", "0.0.1", "0" * 64),
)
UNSCORED = replace(
    RESULT, score=None, p_human=None, machine_share=None, passages=(), verdict="too_short"
)
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def _explained(result: Result, text: str = TEXT, colour: bool = False, width: int = 80) -> str:
    return "\n".join(explanation(result, text, colour, width))


def test_a_summary_says_verdict_score_share_and_name():
    assert summary(RESULT).split() == ["machine", "0.7500", "p=0.0123", "a.txt"]
    assert summary(replace(RESULT, p_human=None)).split() == ["machine", "0.7500", "a.txt"]


def test_a_summary_says_why_there_is_no_score():
    line = summary(replace(UNSCORED, reason="3 words, and at least 40 are needed"))
    assert line.split(maxsplit=3)[:3] == ["too_short", "-", "a.txt"]
    assert line.endswith("a.txt (3 words, and at least 40 are needed)")


def test_names_stand_in_one_column():
    foreign = replace(UNSCORED, verdict="unsupported_language", reason="it reads as 'de'")
    short = replace(UNSCORED, reason="3 words")
    lines = [RESULT, replace(RESULT, verdict="uncertain", p_human=None), short, foreign]
    assert len({summary(result).index("a.txt") for result in lines}) == 1


@pytest.mark.parametrize(("score", "shown"), [(0.0, "0.0001"), (1.0, "0.9999"), (0.5, "0.5000")])
def test_no_score_is_shown_as_certain(score, shown):
    assert summary(replace(RESULT, score=score)).split()[1] == shown


def test_what_could_steer_a_terminal_is_not_printed():
    hostile = "a\x1b[31m\r\nb\u202ec\x07\x9b2J\ud800 \u2028d"
    assert printable(hostile) == "a\ufffd[31m b\ufffdc\ufffd\ufffd2J\ufffd d"
    assert "\x1b" not in summary(replace(RESULT, id=hostile))
    text = hostile + TEXT[len(hostile) :]
    signal = Signal("odd", "odd", 1, ((0, len(hostile)),))
    shown = _explained(replace(RESULT, signals=(signal,)), text)
    assert not set(shown.replace("\n", "")) & set("\x1b\r\x07\x9b\u202e\ud800\u2028")


def test_passages_that_reach_the_threshold_are_marked():
    shown = _explained(RESULT).split("\n")
    assert shown[0] == "  * 0.9000  First it rained."
    assert shown[1] == "    0.5500  Then the sun came out over the old harbour wall."
    assert shown[2] == "    0.1000  It was warm."
    assert shown[3].endswith("(fpr-1pct, 0.6000): 62% of the words")
    assert len(shown) == 4


def test_colour_adds_escapes_and_changes_no_character():
    plain, coloured = _explained(RESULT), _explained(RESULT, colour=True)
    assert "\x1b" not in plain
    assert ESCAPE.sub("", coloured) == plain
    flagged, likely, human = coloured.split("\n")[:3]
    shades = [ESCAPE.findall(line) for line in (flagged, likely, human)]
    assert shades[0] != shades[1] != []
    assert shades[2] == []
    assert all(found[-1] == "\x1b[0m" for found in shades[:2])  # no shade runs on


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("width", [40, 60, 120])
def test_sentences_are_wrapped_to_the_terminal(width, colour):
    text = " ".join(["harbour"] * 60)
    result = replace(RESULT, passages=(Passage(0, len(text), 0.9, 60),))
    *lines, _ = _explained(result, text, colour, width).split("\n")
    assert max(len(ESCAPE.sub("", line)) for line in lines) <= width
    assert " ".join(ESCAPE.sub("", line)[12:] for line in lines) == text


def test_signals_show_what_was_found_and_where():
    text = "co\u200bu\u200bncil " + "Sure! Here's the text you asked for, " * 3
    signals = (
        Signal("invisible_characters", "characters that no reader sees", 2, ((2, 3), (4, 5))),
        Signal("assistant_residue", "words that an assistant adds", 1, ((10, 110),)),
    )
    shown = _explained(replace(UNSCORED, signals=signals), text).split("\n")
    assert shown[0] == "  signal: invisible_characters x2, characters that no reader sees"
    assert shown[1:3] == ['      2-3: "\\u200b"', '      4-5: "\\u200b"']
    assert shown[3].startswith("  signal: assistant_residue x1, ")
    assert shown[4] == f'      10-110: "{text[10:60]}..."'


def test_a_flooded_text_stays_a_few_lines():
    signal = Signal("odd_spaces", "odd", 5_000, ((0, 1),) * MAX_SPANS)
    shown = _explained(replace(UNSCORED, signals=(signal,))).split("\n")
    assert len(shown) == 7
    assert shown[-1].strip() == "and 4995 more"
