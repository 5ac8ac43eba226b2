"""The small slice: chosen the same each time, held back first, scored as the scorer scores."""

from __future__ import annotations

from pathlib import Path

import pytest

from serve import Scorer
from train import open_texts
from train.open_texts import HELD_BACK, HUMAN, SPUN, TRAINED, OpenOptions, choose_rewrites


def test_rewrites_that_were_held_back_come_first():
    names = [f"rewrites-{index:04}" for index in range(200)]
    few = choose_rewrites(names, set(names[2:]))
    assert few[HELD_BACK] == names[:2]
    assert len(few[TRAINED]) == 58
    assert choose_rewrites(names[::-1], set(names[2:])) == few
    many = choose_rewrites(names, set(names[100:]))
    assert (len(many[HELD_BACK]), many[TRAINED]) == (60, [])
    assert not set(many[HELD_BACK]) & set(names[100:])


def test_the_texts_are_there_and_long_enough():
    articles = open_texts.human_articles()
    assert len(articles) == len(set(articles)) == 60
    assert min(len(article.split()) for article in articles) >= 40
    assert len(open_texts.seed_documents()) == 5
    assert len(open_texts.read_rewrites()) == 1730
    assert open_texts.spun(articles[0]) == open_texts.spun(articles[0]) != articles[0]


def test_the_report_says_what_the_scorer_says(
    tiny_bundle, write_corpus, toy_rows, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(open_texts, "ARTICLES", 2)
    monkeypatch.setattr(open_texts, "REWRITES", 3)
    known = sorted(open_texts.read_rewrites())
    rows = toy_rows("train")
    rows[0]["id"] = f"rewrites:rewrites.jsonl#{known[0]}"
    data = write_corpus(tmp_path / "corpus", train=rows)
    report = open_texts.measure_open(OpenOptions(tiny_bundle, data))
    assert known[0] not in report["rewrites"][HELD_BACK]
    assert [row["name"] for row in report["rows"]] == [
        open_texts.SEED_DOCUMENTS,
        HELD_BACK,
        HUMAN,
        SPUN,
    ]
    scorer = Scorer.load(tiny_bundle)
    groups = open_texts.open_texts(report["rewrites"])
    for row in report["rows"]:
        results = scorer.score(groups[row["name"]])
        scores = [result.score or 0.0 for result in results]
        assert row["mean"] == pytest.approx(sum(scores) / len(scores), abs=1e-6)
        assert row["flagged"]["hits"] == sum(result.verdict == "machine" for result in results)
    for found, text in zip(report["documents"], open_texts.seed_documents().values(), strict=True):
        (result,) = scorer.score([text], explain=True)
        assert found["score"] == pytest.approx(result.score, abs=1e-6)
        assert [each["text"] for each in found["sentences"]] == [
            text[passage.start : passage.end] for passage in result.passages
        ]
    table = open_texts.render_open(report)
    assert "| human articles | 2 |" in table
    assert "trained on |" not in table
