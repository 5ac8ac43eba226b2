"""The spinner: words are replaced at the rate asked for, inflections kept, the same every time."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from seeds.records import Record
from seeds.spinner import CORPUS, METHODS, Method, spin, spun_records, synonyms

TOY = (
    "The governor of the central bank said on Monday that his country would expand trade. "
    "Officials have been discussing the plan for several weeks, he added. "
    "Nobody knows when the larger companies will begin selling oil again."
)
HUMAN = Record(text=TOY, label="human", corpus="toys", story="s", reference="1", source="toynews")


@pytest.mark.parametrize(
    ("word", "expected"),
    [("weeks", "workweeks"), ("discussing", "discoursing"), ("larger", "bigger")],
)
def test_a_synonym_keeps_the_inflection(word, expected):
    assert expected in synonyms(word)


def test_names_short_words_and_unknown_words_stay():
    assert synonyms("xqzzt") == ()
    spun = spin("Big Monday in Paris: we go, he is ok.", Method(1.0), random.Random(1))
    assert spun == "Big Monday in Paris: we go, he is ok."


def test_more_words_change_at_a_higher_rate():
    changed = [
        sum(
            old != new
            for seed in range(20)
            for old, new in zip(
                TOY.split(), spin(TOY, Method(rate), random.Random(seed)).split(), strict=True
            )
        )
        for rate in (0.0, 0.2, 0.6, 1.0)
    ]
    assert changed[0] == 0
    assert changed == sorted(set(changed))


def test_sentences_change_places_and_none_is_lost():
    sentences = re.split(r"(?<=\.) ", TOY)
    orders = set()
    for seed in range(10):
        moved = re.split(r"(?<=\.) ", spin(TOY, Method(0.0, shuffle=True), random.Random(seed)))
        assert sorted(moved) == sorted(sentences)
        orders.add(tuple(moved))
    assert len(orders) == 2


def test_a_spun_record_stays_with_its_original():
    (spun,) = spun_records(HUMAN, 1.0)
    assert (spun.label, spun.corpus, spun.story, spun.source) == ("spun", CORPUS, "s", "toynews")
    assert spun.operation in METHODS
    assert spun.original == TOY
    assert spun.text != TOY
    assert list(spun_records(HUMAN, 1.0)) == [spun]


def test_the_share_is_kept_and_only_human_news_is_spun():
    records = [replace(HUMAN, reference=str(number)) for number in range(400)]
    share = sum(len(list(spun_records(record, 0.25))) for record in records) / 400
    assert share == pytest.approx(0.25, abs=0.07)
    assert not list(spun_records(replace(HUMAN, label="rewritten"), 1.0))
    assert not list(spun_records(replace(HUMAN, domain="fiction"), 1.0))
