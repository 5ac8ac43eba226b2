"""Batches: the same for the same seed, step and process; balanced, paired, and cut to length."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from model.document import DocumentReader
from model.errors import ConfigError
from train.config import BalanceConfig, FinetuneConfig
from train.sampling import SPLICED, Batch, Sampler, TrainingTexts, groups, tokenise

COLUMNS = ("label", "corpus", "generator", "operation", "domain", "overlap", "story",
           "source")  # fmt: skip
LENGTH = 400
SENTENCE = 20

Rows = list[dict[str, Any]]


def row(label: str, corpus: str = "toy", **more: Any) -> dict[str, Any]:
    """A text of the train split that says only what matters."""
    generator = "" if label == "human" else "toy-1"
    return {
        "label": label, "corpus": corpus, "generator": generator, "operation": "",
        "domain": "news", "overlap": None, "story": "", "source": "", **more,
    }  # fmt: skip


def columns_of(rows: Rows) -> dict[str, list[Any]]:
    return {name: [found[name] for found in rows] for name in COLUMNS}


def texts_of(rows: Rows, length: int = LENGTH) -> TrainingTexts:
    """Tokenised texts whose every token says whose it is: text * 1,000 + position."""
    tokens = [1000 * index + np.arange(length) for index in range(len(rows))]
    return TrainingTexts(
        tokens=np.concatenate(tokens).astype(np.int32),
        starts=np.arange(len(rows) + 1) * length,
        labels=np.array([0 if found["label"] == "human" else 1 for found in rows]),
        ends=np.tile(np.arange(length) % SENTENCE == SENTENCE - 1, len(rows)),
    )


def config_of(**changes: Any) -> FinetuneConfig:
    values = {"name": "toy", "version": "0", "data": "d", "output": "o", "encoder": "e"}
    return FinetuneConfig.model_validate({**values, "steps": 1, "batch_tokens": 2560, **changes})


def drawn(rows: Rows, steps: int = 40, **changes: Any) -> list[int]:
    """The texts that some steps draw: a machine text and its human, in turn."""
    texts = texts_of(rows)
    sampler = Sampler(columns_of(rows), config_of(**changes))
    batches = [sampler.draw(texts, step) for step in range(steps)]
    return [int(crop[0]) // 1000 for batch in batches for crop in batch.crops]


def same(one: Batch, other: Batch) -> bool:
    return one.labels == other.labels and all(
        np.array_equal(first, second) for first, second in zip(one.crops, other.crops, strict=True)
    )


MIXED: Rows = [
    *(row("human", "a", story=f"s{index}") for index in range(30)),
    *(row("rewritten", "a", story=f"s{index}") for index in range(30)),
    *(row("generated", "b", generator=f"toy-{index % 2}") for index in range(10)),
]


def test_a_batch_depends_on_seed_step_and_process_alone():
    texts = texts_of(MIXED)
    sampler = Sampler(columns_of(MIXED), config_of())
    first = sampler.draw(texts, 7)
    for step in range(3):  # what was drawn before leaves no trace
        sampler.draw(texts, step)
    assert same(sampler.draw(texts, 7), first)
    assert same(Sampler(columns_of(MIXED), config_of()).draw(texts, 7), first)
    others = [
        Sampler(columns_of(MIXED), config_of(seed=2)).draw(texts, 7),
        sampler.draw(texts, 8),
        sampler.draw(texts, 7, process=1, processes=2),
    ]
    heads = {tuple(int(crop[0]) for crop in batch.crops) for batch in [first, *others]}
    assert len(heads) == 4


def test_processes_share_the_length_and_the_tokens_of_a_step():
    texts = texts_of(MIXED)
    sampler = Sampler(columns_of(MIXED), config_of())
    for step in range(10):
        whole = sampler.draw(texts, step)
        parts = [sampler.draw(texts, step, process, 2) for process in range(2)]
        assert {len(crop) for part in parts for crop in part.crops} == {len(whole.crops[0])}
        assert len(parts[0].crops) == len(parts[1].crops) == len(whole.crops) // 4 * 2


def test_half_of_every_batch_is_human():
    texts = texts_of(MIXED)
    sampler = Sampler(columns_of(MIXED), config_of())
    for step in range(20):
        labels = sampler.draw(texts, step).labels
        assert labels.count(0) * 2 == len(labels)


def test_crops_are_as_long_as_asked_and_come_from_anywhere():
    texts = texts_of(MIXED)
    config = config_of(minimum_tokens=30, maximum_tokens=126)
    sampler = Sampler(columns_of(MIXED), config)
    crops = [crop for step in range(200) for crop in sampler.draw(texts, step).crops]
    lengths = Counter(len(crop) for crop in crops)
    assert set(lengths) == {30, 46, 62, 78, 94, 110, 126}
    starts = np.array([int(crop[0]) % 1000 for crop in crops if len(crop) == 126])
    assert (starts.min(), starts.max()) == (0, LENGTH - 126)
    for crop in crops:
        assert (np.diff(crop) == 1).all()  # in order, and of one text


def test_a_batch_fills_the_tokens_it_may_have():
    texts = texts_of(MIXED)
    sampler = Sampler(columns_of(MIXED), config_of(batch_tokens=2560))
    for step in range(20):
        batch = sampler.draw(texts, step)
        framed = len(batch.crops[0]) + 2
        assert 2560 - 2 * framed < len(batch.crops) * framed <= 2560


def test_a_short_text_is_drawn_whole():
    texts = texts_of(MIXED, length=20)
    batch = Sampler(columns_of(MIXED), config_of()).draw(texts, 0)
    assert {len(crop) for crop in batch.crops} == {20}


def test_a_corpus_gets_the_share_it_was_given():
    rows = [row("human"), *[row("spun", "big")] * 90, *[row("spun", "small")] * 10]
    found = groups(columns_of(rows), BalanceConfig(shares={"small": 0.4}), False)
    assert {group.name: group.probability for group in found} == pytest.approx(
        {"big toy-1": 0.6, "small toy-1": 0.4}
    )
    machine = drawn(rows, balance={"shares": {"small": 0.4}})[::2]
    assert np.mean([index > 90 for index in machine]) == pytest.approx(0.4, abs=0.08)


def test_a_share_of_a_corpus_that_is_not_there_is_refused():
    rows = columns_of([row("human"), row("spun", "big")])
    with pytest.raises(ConfigError, match=r"no machine text of smal; .* take it out"):
        groups(rows, BalanceConfig(shares={"smal": 0.4}), human=False)


def test_leads_are_as_many_as_asked():
    texts = texts_of(MIXED)
    config = config_of(minimum_tokens=126, maximum_tokens=126, leads=0.4)
    sampler = Sampler(columns_of(MIXED), config)
    crops = [crop for step in range(100) for crop in sampler.draw(texts, step).crops]
    starts = np.array([int(crop[0]) % 1000 for crop in crops])
    assert np.mean(starts == 0) == pytest.approx(0.4, abs=0.06)
    assert starts.max() == LENGTH - 126


def test_splices_are_as_many_as_asked_and_say_whose_every_token_is():
    texts = texts_of(MIXED)
    sampler = Sampler(columns_of(MIXED), config_of(splices=0.4))
    crops = [
        found
        for step in range(100)
        for batch in [sampler.draw(texts, step)]
        for found in zip(batch.crops, batch.labels, batch.token_labels, strict=True)
    ]
    assert np.mean([label == SPLICED for _, label, _ in crops]) == pytest.approx(0.4, abs=0.05)
    both = 0
    for crop, label, tokens in crops:
        assert tokens.tolist() == texts.labels[crop // 1000].tolist()
        writers = set(tokens.tolist())
        both += len(writers) == 2
        assert label == SPLICED or writers == {label}
    assert both > 0.2 * len(crops)


def test_a_share_is_dealt_out_among_the_generators_of_its_corpus():
    rows = [
        row("human"),
        row("spun", "other"),
        *[row("spun", "shared", generator="one")] * 16,
        *[row("spun", "shared", generator="two")] * 4,
    ]
    found = groups(columns_of(rows), BalanceConfig(exponent=0.5, shares={"shared": 0.6}), False)
    probabilities = {group.name: group.probability for group in found}
    assert probabilities == pytest.approx(
        {"other toy-1": 0.4, "shared one": 0.4, "shared two": 0.2}
    )


def test_groups_weigh_by_the_root_of_their_size_and_by_genre():
    rows = [
        *[row("human", "a")] * 9,
        *[row("human", "b")] * 4,
        *[row("human", "b", domain="essay")] * 4,
    ]
    found = groups(columns_of(rows), BalanceConfig(exponent=0.5, other_genres=0.5), human=True)
    probabilities = {group.name: group.probability for group in found}
    assert probabilities == pytest.approx({"a": 3 / 6, "b": 2 / 6, "b other": 1 / 6})


def test_an_outlet_of_some_size_is_a_group_of_its_own():
    rows = [
        *[row("human", "a", source="times")] * 16,
        *[row("human", "a", source="post")] * 9,
        *[row("human", "a", source="gazette")] * 3,
        *[row("human", "a")],
        *[row("rewritten", "a", source="times")] * 4,
    ]
    balance = BalanceConfig(outlets=9)
    found = groups(columns_of(rows), balance, human=True)
    probabilities = {group.name: group.probability for group in found}
    assert probabilities == pytest.approx({"a": 2 / 9, "a times": 4 / 9, "a post": 3 / 9})
    (machine,) = groups(columns_of(rows), balance, human=False)
    assert machine.name == "a toy-1"


def test_shares_that_leave_no_room_are_refused():
    rows = columns_of([row("human"), row("spun", "a"), row("spun", "b"), row("spun", "c")])
    with pytest.raises(ConfigError, match="add up to 1 or more"):
        groups(rows, BalanceConfig(shares={"a": 0.6, "b": 0.4}), human=False)


def test_a_machine_text_brings_its_original():
    pairs = drawn(MIXED, balance={"pairs": 1.0})
    for machine, human in zip(pairs[::2], pairs[1::2], strict=True):
        if MIXED[machine]["story"]:
            assert MIXED[human]["story"] == MIXED[machine]["story"]
        assert MIXED[human]["label"] == "human"
    loners = drawn(MIXED, balance={"pairs": 0.0})
    paired = [
        MIXED[m]["story"] == MIXED[h]["story"]
        for m, h in zip(loners[::2], loners[1::2], strict=True)
    ]
    assert np.mean(paired) < 0.2


def test_copies_and_what_is_excluded_are_never_drawn():
    rows = [
        row("human"),
        row("rewritten", overlap=0.6),
        row("rewritten", overlap=0.61),
        row("rewritten", operation="perturb"),
        row("rewritten", operation="polish"),
        row("rewritten", "other", operation="perturb"),
    ]
    balance = {"maximum_overlap": 0.6, "excluded": ["toy:perturb"]}
    assert set(drawn(rows, balance=balance)) == {0, 1, 4, 5}


@pytest.mark.parametrize("label", ["human", "spun"])
def test_one_side_alone_is_refused(label):
    with pytest.raises(ConfigError, match="train needs human and machine texts"):
        Sampler(columns_of([row(label)] * 3), config_of())


def test_tokens_are_those_of_scoring(toy_rows, tiny_network):
    rows = toy_rows("train")
    texts = tokenise(Dataset.from_list(rows), config_of(), str(tiny_network / "tokenizer.json"))
    reader = DocumentReader.from_file(tiny_network / "tokenizer.json", 158)
    assert len(texts.labels) == len(rows)
    for index, found in enumerate(rows):
        ids = reader.read(found["text"]).token_ids
        assert texts.crop(index, 0, 10**6).tolist() == ids.tolist()
        assert texts.length(index) == len(ids)


def test_the_share_of_texts_that_are_attacked_is_as_asked(toy_rows, tiny_network):
    rows = Dataset.from_list(toy_rows("train"))
    tokenizer = str(tiny_network / "tokenizer.json")
    plain = tokenise(rows, config_of(), tokenizer)
    attacked = tokenise(rows, config_of(attacked=0.5), tokenizer)
    again = tokenise(rows, config_of(attacked=0.5), tokenizer)
    assert np.array_equal(attacked.tokens, again.tokens)
    changed = [
        plain.crop(index, 0, 10**6).tolist() != attacked.crop(index, 0, 10**6).tolist()
        for index in range(len(rows))
    ]
    # Some attacks leave no trace on tokens: layout, invisible characters, case.
    assert 0.05 < np.mean(changed) < 0.7
