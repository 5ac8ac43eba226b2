from __future__ import annotations

import time

import numpy as np
import pytest

from model.bundle import load_bundle
from model.document import DocumentReader
from model.passages import (
    Passage,
    PassageCalibration,
    find_passages,
    machine_share,
    sentence_logits,
    sentences,
)

NOTHING = (0.0, 0.0)
CALIBRATION = PassageCalibration((1.0, 0.0), NOTHING, NOTHING, NOTHING, threshold=0.5)


def _cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        "The U.S.\nPresident spoke.",
        "So said Dr.\n\nElena Morales of the institute.",
        "So said Dr.\r\n\r\nElena Morales of the institute.",
        "They met at 5 p.m.\nMonday in the hall.",
    ],
)
def test_a_line_break_after_an_abbreviation_does_not_split(text):
    assert _cut(text) == [text]


def test_sentences_are_cut_and_trimmed():
    text = "  Headline\r\n\r\nHe left. \U0001f600 She, too!\n\nWhy?  "
    assert _cut(text) == ["Headline", "He left.", "\U0001f600 She, too!", "Why?"]
    assert _cut("") == _cut(" \n\n ") == []


def test_a_lone_surrogate_does_not_stop_the_reading():
    assert _cut("One \ud800 two. Three.") == ["One \ud800 two.", "Three."]


def test_long_texts_are_cut_like_short_ones():
    sentence = "The council met again on Tuesday. "
    text = sentence * 3000
    found = sentences(text)
    assert found == [
        (start, start + len(sentence) - 1) for start in range(0, len(text), len(sentence))
    ]


def test_an_open_quotation_without_end_is_cut_in_linear_time():
    text = "“He went and went and went. " * 20_000  # minutes, were it read as one
    started = time.monotonic()
    assert len(sentences(text)) > 1
    assert time.monotonic() - started < 20


def test_each_sentence_is_scored_by_its_own_tokens(tiny_bundle):
    reader = DocumentReader.from_file(load_bundle(tiny_bundle).tokenizer_file, 62)
    text = "\ufeffHe le\u200bft.\r\n\r\n\u200b\u200b\n\nCafe\u0301 \U0001f600 burned down."
    document = reader.read(text)
    second = text.index("Cafe")
    logits = np.zeros((len(document.token_ids), 4), dtype=np.float32)
    for index, start in enumerate(document.token_starts):
        at_second = document.normalized.offsets[start] >= second
        logits[index, 0] = -20.0 if at_second else 20.0
    passages = find_passages(document, logits, CALIBRATION)
    assert [text[p.start : p.end].strip("\ufeff\u200b") for p in passages] == [
        "He le\u200bft.",
        "Cafe\u0301 \U0001f600 burned down.",
    ]
    assert [round(passage.score) for passage in passages] == [0, 1]
    assert [passage.words for passage in passages] == [2, 4]


def test_the_share_counts_words():
    passages = [Passage(0, 1, 0.9, 30), Passage(1, 2, 0.5, 10), Passage(2, 3, 0.1, 60)]
    assert machine_share(passages, 0.5) == pytest.approx(0.4)
    assert machine_share([], 0.5) == 0.0


def test_a_score_weighs_the_sentence_its_neighbours_and_the_document(tiny_bundle):
    reader = DocumentReader.from_file(load_bundle(tiny_bundle).tokenizer_file, 62)
    document = reader.read("One here. Two go there. Three.")
    odds = {"one here.": 1.0, "two go there.": -2.0, "three.": 4.0}
    counts = [len(reader.read(text).token_ids) for text in odds]
    assert sum(counts) == len(document.token_ids)
    # With three like machine logits, machine against human is log 3 above their distance.
    logits = np.zeros((sum(counts), 4), dtype=np.float32)
    logits[:, 0] = -np.repeat(list(odds.values()), counts)
    spans, rows = sentence_logits(document, logits)
    assert [document.text[start:end].lower() for start, end in spans] == list(odds)
    first, second, third = odds.values()
    around = (first * counts[0] + third * counts[2]) / (counts[0] + counts[2])
    whole = np.average([first, second, third], weights=counts)
    expected = [[first, second, whole], [second, around, whole], [third, second, whole]]
    assert rows - np.log(3) == pytest.approx(np.array(expected), abs=1e-6)
    line = PassageCalibration((0.5, 0.1), (0.25, 0.0), (2.0, -0.2), (-1.0, 0.3), threshold=0.5)
    passages = find_passages(document, logits, line)
    doublings = np.log2(3 / 20)  # of three words, and a sentence of 20 is the reference
    odds_of_second = (
        (0.5 + 0.1 * doublings) * rows[1, 0]
        + 0.25 * rows[1, 1]
        + (2.0 - 0.2 * doublings) * rows[1, 2]
        + (-1.0 + 0.3 * doublings)
    )
    assert passages[1].score == pytest.approx(1 / (1 + np.exp(-odds_of_second)))


def test_a_lone_sentence_is_its_own_neighbour(tiny_bundle):
    reader = DocumentReader.from_file(load_bundle(tiny_bundle).tokenizer_file, 62)
    document = reader.read("Alone.")
    logits = np.ones((len(document.token_ids), 4), dtype=np.float32)
    _, rows = sentence_logits(document, logits)
    assert rows.tolist() == [pytest.approx([np.log(3)] * 3)]
    assert sentence_logits(reader.read(""), np.zeros((0, 4), dtype=np.float32))[0] == []
