from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

from model.passages import Passage
from model.result import ModelName, Result, ThresholdUsed
from model.signals import Signal
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
    threshold=ThresholdUsed("fpr-1pct", 0.6, 0.6),
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
    for result in (replace(RESULT, signals=(signal,)), replace(UNSCORED, signals=(signal,))):
        for colour in (False, True):
            shown = ESCAPE.sub("", _explained(result, text, colour))
            assert not set(shown.replace("\n", "")) & set("\x1b\r\x07\x9b\u202e\ud800\u2028")


# --- Explaining without colours -----------------------------------------------------------------


def test_without_colours_each_sentence_has_its_score_beside_it():
    assert _explained(RESULT).split("\n") == [
        "  [.90] First it rained.",
        "   .55  Then the sun came out over the old harbour wall.",
        "   .10  It was warm.",
        "",
        "  marked: 1 of 3 sentences, 19% of the words; each scores 0.6000 or more",
        "  p 0.0123: about 1 in 81 human articles of like length score as high",
    ]


def test_no_sentence_is_shown_as_certain():
    passages = (Passage(0, 16, 1.0, 3), Passage(17, 65, 0.0, 10))
    shown = _explained(replace(RESULT, passages=passages)).split("\n")
    assert [line[:7] for line in shown[:2]] == ["  [.99]", "   .01 "]


def test_signals_are_bracketed_where_they_are():
    text = "It r\u200bai\u200bned.\r\n\r\nThe U.S.\nArmy p\u0430id\u2009it, 👩\u200d👧 cafe\u0301."
    passages = (Passage(0, 12, 0.9, 2), Passage(16, len(text), 0.1, 7))
    signals = (
        Signal("split_words", "invisible", 2, ((4, 5), (7, 8))),
        Signal("homoglyphs", "look-alikes", 1, ((30, 34),)),
        Signal("odd_spaces", "spaces", 1, ((34, 35),)),
        Signal("broken_sentences", "breaks", 1, ((20, 25),)),
    )
    shown = _explained(replace(RESULT, passages=passages, signals=signals), text).split("\n")
    assert shown[:3] == [
        "  [.90] It r[split_words: ·ai·]ned.",
        "",
        "   .10  The [broken_sentences: U.S.↵] Army [homoglyphs: p\u0430id][odd_spaces: ␣]it,",
    ]
    assert shown[3] == "        👩\u200d👧 cafe\u0301."


def test_signals_may_lie_in_one_another_and_across_sentences():
    inner, outer = Signal("inner", "", 1, ((6, 8),)), Signal("outer", "", 1, ((0, 21),))
    shown = _explained(replace(RESULT, signals=(inner, outer))).split("\n")
    assert shown[0] == "  [.90] [outer: First [inner: it] rained.]"
    assert shown[1].startswith("   .55  [outer: Then] the sun")


def test_a_text_without_a_score_is_shown_with_its_signals_alone():
    text = "Sure! Here's\n  \nthe text."
    signals = (Signal("assistant_residue", "words that an assistant adds", 1, ((0, 12),)),)
    assert _explained(replace(UNSCORED, signals=signals), text).split("\n") == [
        "  [assistant_residue: Sure! Here's]",
        "",
        "  the text.",
        "",
        "  signal assistant_residue, once: words that an assistant adds",
        '      0-12: "Sure! Here\'s"',
    ]
    assert _explained(UNSCORED, text) == ""


# --- Explaining with colours --------------------------------------------------------------------


def test_with_colours_the_text_flows_in_its_own_paragraphs():
    text = TEXT[:65] + "\r\n\r\n" + TEXT[66:]
    passages = (*RESULT.passages[:2], Passage(69, 81, 0.1, 3))
    shown = _explained(replace(RESULT, passages=passages), text, colour=True, width=42).split("\n")
    assert [ESCAPE.sub("", line) for line in shown[:5]] == [
        "  First it rained. Then the sun came out",
        "  over the old harbour wall.",
        "",
        "  It was warm.",
        "",
    ]
    flagged, likely = ESCAPE.findall(shown[0])[::2]
    assert (flagged, likely) == ("\x1b[30;48;5;209m", "\x1b[30;48;5;230m")
    assert shown[0].startswith(
        f"  {flagged}First it rained.\x1b[0m {likely}Then"
    )  # no shade between
    assert shown[1] == f"  {likely}over the old harbour wall.\x1b[0m"  # nor over the margin
    assert shown[3] == "  It was warm."


def test_with_colours_signals_are_underlined():
    signal = Signal("odd", "an oddity", 1, ((11, 18),))
    shown = _explained(replace(RESULT, signals=(signal,)), colour=True)
    shade, line, reset = "\x1b[30;48;5;209m", "\x1b[4m", "\x1b[0m"
    assert f"  {shade}First it ra{reset}{shade}{line}ined.{reset} " in shown
    assert "signal odd (underlined), once: an oddity" in shown


def test_with_colours_a_scale_says_what_the_shades_mean():
    (scale,) = (line for line in _explained(RESULT, colour=True).split("\n") if "from:" in line)
    assert ESCAPE.sub("", scale).split() == ["scores", "from:", "0.50", "0.60"]
    assert "\x1b" not in _explained(RESULT)


# --- Lines --------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("width", [40, 60, 120])
def test_everything_is_wrapped_to_the_terminal(width, colour):
    text = " ".join(["harbour", "x" * 130, "é" * 3, "東京" * 40] * 9)
    signals = (Signal("odd_spaces", "spaces that nobody types", 1, ((7, 8),)),)
    passages = (Passage(0, len(text), 0.9, 36),)
    lines = _explained(replace(RESULT, passages=passages, signals=signals), text, colour, width)
    bare = [ESCAPE.sub("", line) for line in lines.split("\n")]
    columns = [sum(2 if "東" <= c <= "鿿" or c == "京" else 1 for c in line) for line in bare]
    assert max(columns) <= width
    shown = "".join("".join(line.split()) for line in bare[: bare.index("")])
    assert shown.replace("[.90]", "").replace("[odd_spaces:␣]", "␣") == "".join(
        text.replace(" ", "␣", 1).split()
    )


def test_marks_and_joined_emoji_take_no_columns():
    text = ("cafe\u0301 " * 40).strip()
    result = replace(RESULT, passages=(Passage(0, len(text), 0.9, 40),))
    first = _explained(result, text, width=48).split("\n")[0]
    assert first == "  [.90] " + " ".join(["cafe\u0301"] * 8)


def test_a_flooded_text_takes_linear_time_and_a_short_legend():
    text = "a\u200b" * 200_000
    signal = Signal("odd_spaces", "odd", 200_000, tuple((2 * i + 1, 2 * i + 2) for i in range(100)))
    passages = (Passage(0, len(text), 0.9, 1),)
    started = time.thread_time()
    shown = _explained(replace(RESULT, passages=passages, signals=(signal,)), text).split("\n")
    assert time.thread_time() - started < 10
    assert len(shown[shown.index("") :]) == 8
    assert shown[-1].strip() == "and 199,997 more"


# --- What it means ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p_human", "words"),
    [
        (7 / 2381, "about 1 in 340 human articles"),
        (1 / 1602, "fewer than 1 in 1,602 human articles"),
        (0.6214, "about 62% of human articles of like length score as high"),
        (1.0, "about 100% of human articles"),
        (None, "p is not known"),
    ],
)
def test_p_is_put_in_words(p_human, words):
    assert words in _explained(replace(RESULT, p_human=p_human))


def test_a_signal_comes_with_what_it_is_worth():
    signal = Signal("odd", "an oddity", 1, ((0, 5),), 0.00312, 0.04)
    assert "an oddity; in 0.31% of human and 4% of machine articles" in _explained(
        replace(RESULT, signals=(signal,))
    )
    never = replace(signal, human_share=0.0, machine_share=0.25)
    assert "in under 0.01% of human and 25% of machine" in _explained(
        replace(RESULT, signals=(never,))
    )


def test_signals_show_what_was_found_and_where():
    text = "co\u200bu\u200bncil " + "Sure! Here's the text you asked for, " * 3
    signals = (
        Signal("split_words", "words broken up", 2, ((2, 3), (4, 5))),
        Signal("assistant_residue", "words that an assistant adds", 1, ((10, 110),)),
    )
    shown = _explained(replace(UNSCORED, signals=signals), text).split("\n")
    assert shown[shown.index("") + 1 :] == [
        "  signal split_words, 2 times: words broken up",
        '      2-3: "\\u200b"',
        '      4-5: "\\u200b"',
        "  signal assistant_residue, once: words that an assistant adds",
        f'      10-110: "{text[10:60]}..."',
    ]
