"""The network: batching changes nothing, a document is the mean of its tokens, pins hold."""

from __future__ import annotations

import hashlib
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.document import DocumentReader, mean_logits
from model.errors import ConfigError
from model.windows import frame, pad
from train.config import FinetuneConfig
from train.finetune import _tensors
from train.network import (
    NetworkTokenLogits,
    encoder_location,
    load_network,
    loss,
    mean_token_logits,
    ranking_loss,
    token_loss,
)
from train.sampling import Batch

ROUNDING = 1e-5


def config_of(encoder: Path | str, **changes: Any) -> FinetuneConfig:
    values = {"name": "toy", "version": "0", "data": "d", "output": "o", "steps": 1}
    return FinetuneConfig.model_validate(
        {**values, "encoder": str(encoder), "maximum_tokens": 48, **changes}
    )


@pytest.fixture(scope="module")
def loaded(tiny_network: Path) -> tuple[Any, Any]:
    """The tiny network and its tokenizer, as a run loads them."""
    return load_network(config_of(tiny_network))


@pytest.fixture(scope="module")
def reader(tiny_network: Path) -> DocumentReader:
    return DocumentReader.from_file(tiny_network / "tokenizer.json", 48)


def token_logits(loaded: tuple[Any, Any], batch_tokens: int) -> NetworkTokenLogits:
    network, tokenizer = loaded
    return NetworkTokenLogits(network, tokenizer.pad_token_id, batch_tokens, bf16=False)


def test_padding_and_batching_change_nothing_but_rounding(loaded, reader, toy_article):
    document = reader.read(toy_article)
    ids = document.token_ids.tolist()
    windows = [
        frame(ids[start : start + length], reader.cls_id, reader.sep_id)
        for start, length in ((0, 48), (48, 3), (51, 30), (81, 48), (129, 1))
    ]
    together = token_logits(loaded, 10_000)(windows)
    in_batches = token_logits(loaded, 120)(windows)
    alone = [token_logits(loaded, 10_000)([window])[0] for window in windows]
    for window, *rows in zip(windows, together, in_batches, alone, strict=True):
        assert {row.shape for row in rows} == {(len(window) - 2, 4)}
        assert rows[0] == pytest.approx(rows[2], abs=ROUNDING)
        assert rows[1] == pytest.approx(rows[2], abs=ROUNDING)


def test_padding_is_at_the_end_and_masked():
    ids, mask = pad([[1, 2, 3], [4]], pad_id=9)
    assert ids.tolist() == [[1, 2, 3], [4, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_document_logits_are_the_mean_over_content_tokens():
    logits = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    content = torch.tensor([[0, 1, 1], [0, 1, 0]])
    expected = [logits[0, 1:].mean(0).tolist(), logits[1, 1].tolist()]
    assert mean_token_logits(logits, content).tolist() == expected
    nothing = mean_token_logits(logits, torch.zeros(2, 3, dtype=torch.int64))
    assert nothing.tolist() == [[0.0] * 4] * 2


def test_a_step_sees_the_logits_that_scoring_gives(loaded, reader, toy_article):
    network, tokenizer = loaded
    documents = [reader.read(text) for text in (toy_article[:40], toy_article[50:70])]
    assert [len(document.windows) for document in documents] == [1, 1]
    batch = Batch([], [], [])
    for label, document in enumerate(documents):
        crop = np.array(document.token_ids, np.int32)
        batch.add(crop, label, np.full(len(crop), label))
    special = (reader.cls_id, reader.sep_id)
    tensors = _tensors(batch, tokenizer.pad_token_id, special, torch.device("cpu"))
    ids, mask, tokens, labels = tensors
    network.eval()
    with torch.inference_mode():
        trained = mean_token_logits(network(input_ids=ids, attention_mask=mask).logits, tokens >= 0)
    scored = [mean_logits(rows) for rows in reader.logits(documents, token_logits(loaded, 10_000))]
    assert trained.numpy() == pytest.approx(np.stack(scored), abs=ROUNDING)
    assert labels.tolist() == [0, 1]
    for row, document in enumerate(documents):
        own = tokens[row][tokens[row] >= 0].tolist()
        assert own == [row] * len(document.token_ids)


def test_scoring_leaves_a_network_in_training_as_it_was(loaded, reader):
    network, _ = loaded
    for training in (True, False):
        network.train(training)
        token_logits(loaded, 100)([frame([7, 8], reader.cls_id, reader.sep_id)])
        assert network.training is training


def test_the_loss_of_tokens_by_hand():
    logits = torch.zeros(2, 3, 4)  # odds of 3:1 for machine
    labels = torch.tensor([[-100, 0, 2], [-100, 1, -100]])
    human, machine = -math.log(1 / 4), -math.log(3 / 4)
    expected = ((human + machine) / 2 + machine) / 2
    assert token_loss(logits, labels).item() == pytest.approx(expected)


def test_the_loss_by_hand():
    # Human at odds of 1:3 against the machine labels, and a machine text likewise.
    logits = torch.zeros(2, 4)
    labels = torch.tensor([0, 2])
    binary = -(math.log(1 / 4) + math.log(3 / 4)) / 2
    assert loss(logits, labels, 0.0).item() == pytest.approx(binary)
    assert loss(logits, labels, 0.5).item() == pytest.approx(binary + 0.5 * math.log(3))
    # Kinds are told apart among machine texts alone: with none, there is nothing to add.
    assert loss(logits[:1], labels[:1], 0.5).item() == pytest.approx(-math.log(1 / 4))
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    machine = math.log(math.exp(1) + math.exp(2) + math.exp(3))
    expected = math.log(1 + math.exp(-machine)) + 0.3 * (machine - 2.0)
    assert loss(logits, torch.tensor([2]), 0.3).item() == pytest.approx(expected, rel=1e-6)


def test_an_encoder_that_is_not_the_pinned_one_is_refused(tiny_network):
    weights = (tiny_network / "model.safetensors").read_bytes()
    assert load_network(config_of(tiny_network, encoder_sha256=hashlib.sha256(weights).hexdigest()))
    with pytest.raises(ConfigError, match="not the pinned one"):
        load_network(config_of(tiny_network, encoder_sha256="0" * 64))


def test_a_pin_without_weights_is_refused(tiny_network, tmp_path):
    folder = Path(shutil.copytree(tiny_network, tmp_path / "bare"))
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"model\.safetensors"):
        load_network(config_of(folder, encoder_sha256="0" * 64))


def test_pickled_weights_are_not_read(tiny_network, tmp_path, loaded):
    folder = Path(shutil.copytree(tiny_network, tmp_path / "pickled"))
    (folder / "model.safetensors").unlink()
    torch.save(loaded[0].state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="name a folder or id"):
        load_network(config_of(folder))


def test_windows_longer_than_the_encoder_reads_are_refused(tiny_network):
    assert load_network(config_of(tiny_network, maximum_tokens=62))
    with pytest.raises(ConfigError, match="set maximum_tokens to 62 or less"):
        load_network(config_of(tiny_network, maximum_tokens=63))


def test_where_an_encoder_lies():
    assert encoder_location("owner/name") == "owner/name"
    folder = Path(encoder_location("package:train/metrics"))
    assert (folder / "functions.py").is_file()
    with pytest.raises(ConfigError, match=r"not installed; install respun\[train\]"):
        encoder_location("package:no_such_package/model")
    with pytest.raises(ConfigError, match="train holds no folder nowhere"):
        encoder_location("package:train/nowhere")
    with pytest.raises(ConfigError, match=r"encoder \./nowhere: no such folder"):
        encoder_location("./nowhere")


def test_ranking_counts_the_highest_human():
    machine = torch.tensor([2.0, 4.0])
    apart = ranking_loss(machine, torch.tensor([-8.0, -9.0]))
    one_high = ranking_loss(machine, torch.tensor([3.0, -9.0]))
    assert float(apart) < 1e-3 < 0.3 < float(one_high)
    # With one human it is the logistic loss on the distance.
    alone = ranking_loss(torch.tensor([1.0]), torch.tensor([3.0]))
    assert float(alone) == pytest.approx(math.log1p(math.exp(2.0)))


def test_ranking_is_part_of_the_loss_where_both_sides_are_there():
    logits = torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]])
    both, humans = torch.tensor([0, 1]), torch.tensor([0, 0])
    odds = torch.logsumexp(logits[:, 1:], dim=1) - logits[:, 0]
    added = loss(logits, both, 0.0, rank_weight=0.5) - loss(logits, both, 0.0)
    assert float(added) == pytest.approx(0.5 * float(ranking_loss(odds[1:], odds[:1])))
    assert float(loss(logits, humans, 0.0, 0.5)) == float(loss(logits, humans, 0.0))
