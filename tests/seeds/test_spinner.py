"""Spun records: they stay with their originals, at the share asked for, of human news alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.spinner import METHODS
from seeds.records import Record
from seeds.spinner import CORPUS, spun_records

TOY = (
    "The governor of the central bank said on Monday that his country would expand trade. "
    "Officials have been discussing the plan for several weeks, he added. "
    "Nobody knows when the larger companies will begin selling oil again."
)
HUMAN = Record(text=TOY, label="human", corpus="toys", story="s", reference="1", source="toynews")


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
