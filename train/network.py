"""The network in training: a BERT-like encoder with one linear head on every token.

A document's logits are the mean over its tokens. So the score of a document, of a window
and of a sentence are averages of the same numbers, and the evidence for a passage costs no
second pass. The class is the ecosystem's own (AutoModelForTokenClassification), so that its
loaders read what we ship.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.errors import ConfigError
from model.labels import LABEL_IDS, LABELS
from model.windows import run_in_batches
from train.config import FinetuneConfig

if TYPE_CHECKING:
    import torch

_PACKAGE = "package:"


def encoder_location(encoder: str) -> str:
    """The folder or Hugging Face id that `encoder` of a configuration means."""
    if not encoder.startswith(_PACKAGE):
        # An id of the hub has one slash at most.
        is_path = encoder.startswith(("/", ".")) or encoder.count("/") > 1
        if is_path and not Path(encoder).is_dir():
            raise ConfigError(
                f"encoder {encoder}: no such folder; name a folder or id, or run the "
                "configuration that writes it first"
            )
        return encoder
    package, _, folder = encoder.removeprefix(_PACKAGE).partition("/")
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ConfigError(
            f"encoder {encoder}: package {package} is not installed; "
            "install respun[train], or name another encoder"
        )
    location = Path(found.submodule_search_locations[0]) / folder
    if not location.is_dir():
        raise ConfigError(f"encoder {encoder}: {package} holds no folder {folder}; correct it")
    return str(location)


def load_network(config: FinetuneConfig) -> tuple[Any, Any]:
    """The encoder and its tokenizer, with its own head, or one to be drawn anew.

    Weights are safetensors only. Raises ConfigError where the encoder is not there or not the
    one that was pinned.
    """
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    quiet_transformers()
    location = encoder_location(config.encoder)
    pinned: dict[str, Any] = {"revision": config.revision, "trust_remote_code": False}
    try:
        _check_pin(location, config)
        tokenizer = AutoTokenizer.from_pretrained(location, **pinned)
        network, loading = AutoModelForTokenClassification.from_pretrained(
            location,
            output_loading_info=True,
            use_safetensors=True,
            attn_implementation="eager",  # on CPU its backward is twice as fast as sdpa's
            num_labels=len(LABELS),
            id2label=dict(enumerate(LABELS)),
            label2id=LABEL_IDS,
            hidden_dropout_prob=config.dropout,
            attention_probs_dropout_prob=config.dropout,
            classifier_dropout=config.dropout,
            **pinned,
        )
    except OSError as error:
        problem = str(error).splitlines()[0]
        raise ConfigError(f"encoder {config.encoder}: {problem}; name a folder or id") from error
    if config.keep_head and any("classifier" in name for name in loading["missing_keys"]):
        raise ConfigError(f"encoder {config.encoder}: has no trained head; drop keep_head")
    _check_length(network, config)
    return network, tokenizer


def quiet_transformers() -> None:
    """Errors only, since that a new head is new is no news; and bars on a terminal only."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    if not sys.stderr.isatty():
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def _check_pin(location: str, config: FinetuneConfig) -> None:
    """Refuse an encoder whose weights are not those that the configuration pins."""
    from transformers.utils.hub import cached_file

    if not config.encoder_sha256:
        return
    # The file in the folder, or in the hub's cache, and downloaded into it where need be.
    weights = cached_file(location, "model.safetensors", revision=config.revision)
    with Path(str(weights)).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != config.encoder_sha256:
        raise ConfigError(
            f"encoder {config.encoder}: its sha256 is {found}, not the pinned one; "
            "install the pinned version or correct encoder_sha256"
        )


def _check_length(network: Any, config: FinetuneConfig) -> None:
    """Refuse windows, two special tokens on top, that are longer than the encoder reads."""
    longest = getattr(network.config, "max_position_embeddings", None)
    if longest and config.maximum_tokens + 2 > longest:
        raise ConfigError(
            f"encoder {config.encoder}: reads {longest} tokens at a time; "
            f"set maximum_tokens to {longest - 2} or less"
        )


def mean_token_logits(logits: torch.Tensor, content: torch.Tensor) -> torch.Tensor:
    """Mean over content tokens: logits [B, T, 4] and mask [B, T] to [B, 4], float32."""
    mask = content.unsqueeze(-1).to(torch_float32())
    return (logits.float() * mask).sum(1) / mask.sum(1).clamp(min=1)


def torch_float32() -> torch.dtype:
    """float32, without importing torch when this module is read."""
    import torch

    return torch.float32


def loss(
    logits: torch.Tensor, labels: torch.Tensor, kind_weight: float, rank_weight: float = 0.0
) -> torch.Tensor:
    """Human against machine, which kind of machine, and ranking: logits [B, 4], labels [B]."""
    import torch
    from torch.nn import functional

    machine = labels != LABEL_IDS["human"]
    odds = torch.logsumexp(logits[:, 1:], dim=1) - logits[:, 0]
    total = functional.binary_cross_entropy_with_logits(odds, machine.float())
    if kind_weight and bool(machine.any()):
        kinds = functional.cross_entropy(logits[machine][:, 1:], labels[machine] - 1)
        total = total + kind_weight * kinds
    if rank_weight and bool(machine.any()) and not bool(machine.all()):
        total = total + rank_weight * ranking_loss(odds[machine], odds[~machine])
    return total


def token_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Human against machine, token by token: logits [B, T, 4], labels [B, T], -100 for none.

    Every crop weighs the same, however long it is.
    """
    import torch
    from torch.nn import functional

    values = logits.float()
    odds = torch.logsumexp(values[..., 1:], dim=-1) - values[..., 0]
    known = (labels >= 0).float()
    machine = (labels > LABEL_IDS["human"]).float()
    each = functional.binary_cross_entropy_with_logits(odds, machine, reduction="none")
    return ((each * known).sum(1) / known.sum(1).clamp(min=1)).mean()


def ranking_loss(machine: torch.Tensor, human: torch.Tensor) -> torch.Tensor:
    """How far machine texts fail to stand above the highest humans: log-odds [M] and [H].

    A logistic loss on the distance to the soft maximum of the humans' log-odds: what counts
    at a low false-alarm rate are the few humans that look most like machines.
    """
    import torch
    from torch.nn import functional

    highest = torch.logsumexp(human, dim=0) - math.log(len(human))
    return functional.softplus(highest - machine).mean()


class NetworkTokenLogits:
    """The network as a `TokenLogits`: what the bundle's encoder is in serving.

    Windows of like length share a batch; padding is masked, so batching changes nothing
    but rounding.
    """

    def __init__(self, network: Any, pad_id: int, batch_tokens: int, bf16: bool) -> None:
        self._network = network
        self._pad_id = pad_id
        self._batch_tokens = batch_tokens
        self._bf16 = bf16

    def __call__(self, windows: Iterable[Sequence[int]]) -> list[NDArray[np.float32]]:
        """Framed windows of T ids each to float32 [T - 2, 4] each."""
        return run_in_batches(list(windows), self._batch_tokens, self._pad_id, self._run)

    def _run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        import torch

        device = self._network.device
        was_training = self._network.training
        self._network.eval()
        with (
            torch.inference_mode(),
            torch.autocast(device.type, dtype=torch.bfloat16, enabled=self._bf16),
        ):
            output = self._network(
                input_ids=torch.from_numpy(ids).to(device),
                attention_mask=torch.from_numpy(mask).to(device),
            )
        self._network.train(was_training)
        return np.asarray(output.logits.float().cpu().numpy())
