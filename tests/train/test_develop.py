"""The look at dev: a fixed sample, half human, judged by the scores that serving gives."""

from __future__ import annotations

import pytest
from datasets import load_from_disk

from model.calibration import machine_logit
from model.document import DocumentReader, mean_logits
from train.develop import DevSet, sample
from train.metrics.functions import auroc
from train.network import NetworkTokenLogits, load_network


def test_a_sample_is_half_human_evenly_spaced_and_in_order():
    labels = ["human"] * 100 + ["spun"] * 300
    chosen = sample(labels, 40)
    assert chosen == sorted(chosen)
    assert sum(labels[index] == "human" for index in chosen) == 20
    assert len(chosen) == 40
    assert (chosen[0], chosen[20]) == (0, 100)
    assert sample(labels, 1000) == list(range(400))
    assert sample(["human", "spun"], 1) == [0, 1]


@pytest.fixture(scope="module")
def network(toy_run):
    """A network with a random head, and its tokenizer."""
    return load_network(toy_run.config)


def test_it_judges_the_scores_of_the_texts_themselves(toy_run, network):
    corpus = load_from_disk(str(toy_run.config.data))
    config = toy_run.config.model_copy(update={"evaluate_texts": 100})
    found = DevSet(corpus, config, network[1]).measure(network[0])
    reader = DocumentReader.from_file(toy_run.config.output / "network" / "tokenizer.json", 48)
    compute = NetworkTokenLogits(network[0], network[1].pad_token_id, 256, bf16=False)
    dev = corpus["dev"]
    documents = [reader.read(text) for text in dev["text"]]
    scores = machine_logit([mean_logits(rows) for rows in reader.logits(documents, compute)])
    machine = [label != "human" for label in dev["label"]]
    assert found["all/auroc"] == pytest.approx(auroc(machine, scores).value)
    frontier = [
        not is_machine or corpus == "frontier"
        for is_machine, corpus in zip(machine, dev["corpus"], strict=True)
    ]
    pairs = [(m, s) for m, s, kept in zip(machine, scores, frontier, strict=True) if kept]
    assert found["frontier/auroc"] == pytest.approx(auroc(*zip(*pairs, strict=True)).value)
    assert set(found) == {
        "all/auroc", "all/tpr_at_1pct", "frontier/auroc", "frontier/tpr_at_1pct",
    }  # fmt: skip


def test_without_frontier_texts_only_the_whole_is_judged(toy_run, network):
    corpus = load_from_disk(str(toy_run.config.data))
    dev = corpus["dev"]
    others = [index for index, name in enumerate(dev["corpus"]) if name != "frontier"]
    corpus["dev"] = dev.select(others)
    found = DevSet(corpus, toy_run.config, network[1]).measure(network[0])
    assert set(found) == {"all/auroc", "all/tpr_at_1pct"}
