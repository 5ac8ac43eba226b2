"""The spinner: words are replaced at the rate asked for, inflections kept, the same every time."""

from __future__ import annotations

import random
import re

import pytest

from model.spinner import Method, spin, synonyms

TOY = (
    "The governor of the central bank said on Monday that his country would expand trade. "
    "Officials have been discussing the plan for several weeks, he added. "
    "Nobody knows when the larger companies will begin selling oil again."
)


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
