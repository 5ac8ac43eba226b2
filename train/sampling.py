"""Batches: which texts a step sees, and which part of each.

Between the data set and the network. A batch is a pure function of (seed, step, process),
so a resumed run sees the very same batches and no loader state needs saving. Half of each
batch is human. The machine half is drawn group by group, so that no corpus rules by its
size; each machine text brings, where it can, its human original into the same batch, so
that the story itself says nothing about the label.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.errors import ConfigError
from model.labels import HUMAN, LABEL_IDS, NEWS
from train.config import BalanceConfig, FinetuneConfig
from train.splices import sentence_ends, spliced_crop

if TYPE_CHECKING:
    from datasets import Dataset


LENGTH_STEP = 16
"""Tokens between one length of crops and the next."""

SPLICED = -1
"""The label of a crop that both a human and a machine wrote."""


@dataclass(frozen=True, slots=True)
class TrainingTexts:
    """The tokenised train split; text `i` has tokens `tokens[starts[i]:starts[i + 1]]`."""

    tokens: NDArray[np.int32]
    starts: NDArray[np.int64]
    labels: NDArray[np.int64]
    ends: NDArray[np.bool_]
    """Which tokens end a sentence."""

    def length(self, index: int) -> int:
        """Number of tokens of one text."""
        return int(self.starts[index + 1] - self.starts[index])

    def crop(self, index: int, start: int, length: int) -> NDArray[np.int32]:
        """A part of one text's tokens."""
        begin = int(self.starts[index]) + start
        return self.tokens[begin : min(begin + length, int(self.starts[index + 1]))]


@dataclass(frozen=True, slots=True)
class Group:
    """Texts that are drawn alike, and the probability of drawing from them."""

    name: str
    members: NDArray[np.int64]
    probability: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Crops of one length class with their labels; lists, not yet padded."""

    crops: list[NDArray[np.int32]]
    labels: list[int]
    """Of a whole crop; SPLICED where it has no one writer."""
    token_labels: list[NDArray[np.int64]]
    """Of each token; the crop's own, where it has one writer."""

    def add(self, crop: NDArray[np.int32], label: int, tokens: NDArray[np.int64]) -> None:
        """Put one more crop into the batch."""
        self.crops.append(crop)
        self.labels.append(label)
        self.token_labels.append(tokens)


class Sampler:
    """Draws the batch of a step."""

    def __init__(self, rows: Mapping[str, Sequence[Any]], config: FinetuneConfig) -> None:
        """`rows` are the columns of the train split, in the order of the tokenised texts."""
        self._config = config
        self.human = groups(rows, config.balance, human=True)
        self.machine = groups(rows, config.balance, human=False)
        if not self.human or not self.machine:
            raise ConfigError(
                f"{config.data}: train needs human and machine texts; add a corpus of either"
            )
        self._originals = _originals(rows)
        self._human_probabilities = [group.probability for group in self.human]
        self._machine_probabilities = [group.probability for group in self.machine]

    def draw(self, texts: TrainingTexts, step: int, process: int = 0, processes: int = 1) -> Batch:
        """The batch of `step` on one of several processes."""
        config = self._config
        # All processes share the length of a step, so that none waits for another.
        length = _crop_length(np.random.default_rng([config.seed, step]), config)
        chance = np.random.default_rng([config.seed, step, process])
        pairs = max(1, config.batch_tokens // (length + 2) // 2 // processes)
        batch = Batch([], [], [])
        for _ in range(pairs):
            machine = self._member(chance, self.machine, self._machine_probabilities)
            originals = self._originals.get(machine)
            if originals is not None and chance.random() < config.balance.pairs:
                human = int(originals[chance.integers(len(originals))])
            else:
                human = self._member(chance, self.human, self._human_probabilities)
            # No draw where no splices are asked for: older runs stay what they were.
            if config.splices and chance.random() < config.splices:
                for _ in range(2):
                    crop, labels = spliced_crop(texts, (machine, human), length, chance)
                    batch.add(crop, SPLICED, labels)
                continue
            for index in (machine, human):
                crop = _crop(texts, index, length, config.leads, chance)
                label = int(texts.labels[index])
                batch.add(crop, label, np.full(len(crop), label))
        return batch

    @staticmethod
    def _member(
        chance: np.random.Generator, choices: list[Group], probabilities: list[float]
    ) -> int:
        group = choices[chance.choice(len(choices), p=probabilities)]
        return int(group.members[chance.integers(len(group.members))])


def groups(rows: Mapping[str, Sequence[Any]], balance: BalanceConfig, human: bool) -> list[Group]:
    """The groups of one side, with probabilities that sum to 1."""
    members: dict[tuple[str, str, bool], list[int]] = defaultdict(list)
    names = ("label", "corpus", "generator", "operation", "domain", "overlap")
    outlets = _outlets(rows, balance) if human and balance.outlets else None
    for index, (label, corpus, generator, operation, domain, overlap) in enumerate(
        zip(*(rows[name] for name in names), strict=True)
    ):
        if (label == HUMAN) != human or f"{corpus}:{operation}" in balance.excluded:
            continue
        if overlap is not None and overlap > balance.maximum_overlap:
            continue
        writer = outlets[index] if outlets else generator
        members[corpus, writer, domain in NEWS].append(index)
    shares = {} if human else _present_shares(members, balance)
    free = 1 - sum(shares.values())
    weights = {key: _weight(key, len(found), balance) for key, found in members.items()}
    fixed = _totals(weights, shares)
    total = sum(weight for key, weight in weights.items() if key[0] not in shares)
    return [
        Group(
            name=" ".join(part for part in (key[0], key[1], "" if key[2] else "other") if part),
            members=np.asarray(found),
            probability=shares[key[0]] * weights[key] / fixed[key[0]]
            if key[0] in shares
            else free * weights[key] / total,
        )
        for key, found in sorted(members.items())
    ]


def _outlets(rows: Mapping[str, Sequence[Any]], balance: BalanceConfig) -> list[str]:
    """Each text's outlet, where its corpus holds enough human texts of it."""
    found = list(zip(rows["corpus"], rows["source"], strict=True))
    counts = Counter(
        outlet for outlet, label in zip(found, rows["label"], strict=True) if label == HUMAN
    )
    return [outlet[1] if counts[outlet] >= balance.outlets else "" for outlet in found]


def _present_shares(
    members: Mapping[tuple[str, str, bool], list[int]], balance: BalanceConfig
) -> dict[str, float]:
    corpora = {key[0] for key in members}
    for corpus in balance.shares:
        if corpus not in corpora:
            raise ConfigError(
                f"balance.shares: the train split holds no machine text of {corpus}; "
                "build it into the data set, or take it out of balance.shares"
            )
    shares = dict(balance.shares)
    if not corpora - set(shares):  # nothing else to draw from: the shares are all there is
        whole = sum(shares.values())
        return {corpus: share / whole for corpus, share in shares.items()}
    if sum(shares.values()) >= 1:
        raise ConfigError("balance.shares add up to 1 or more; leave room for other corpora")
    return shares


def _weight(key: tuple[str, str, bool], count: int, balance: BalanceConfig) -> float:
    factor = 1.0 if key[2] else balance.other_genres
    return float(factor * count**balance.exponent)


def _totals(
    weights: Mapping[tuple[str, str, bool], float], shares: Mapping[str, float]
) -> dict[str, float]:
    totals: dict[str, float] = defaultdict(float)
    for key, weight in weights.items():
        if key[0] in shares:
            totals[key[0]] += weight
    return totals


def _originals(rows: Mapping[str, Sequence[Any]]) -> dict[int, NDArray[np.int64]]:
    """The human texts of each machine text's story, where there are any."""
    humans: dict[str, list[int]] = defaultdict(list)
    for index, (label, story) in enumerate(zip(rows["label"], rows["story"], strict=True)):
        if label == HUMAN:
            humans[story].append(index)
    return {
        index: np.asarray(humans[story])
        for index, (label, story) in enumerate(zip(rows["label"], rows["story"], strict=True))
        if label != HUMAN and story in humans
    }


def _crop_length(chance: np.random.Generator, config: FinetuneConfig) -> int:
    """Half of the steps read full windows, the others one of a few shorter lengths.

    Few, since every new shape of a batch is compiled anew by the CPU's matrix library.
    """
    longest = config.maximum_tokens
    if chance.random() < 0.5:
        return longest
    shorter = np.arange(longest, config.minimum_tokens - 1, -LENGTH_STEP)
    return int(shorter[chance.integers(len(shorter))])


def _crop(
    texts: TrainingTexts, index: int, length: int, leads: float, chance: np.random.Generator
) -> NDArray[np.int32]:
    room = texts.length(index) - length
    start = 0
    # No draw where no leads are asked for: the batches of older runs stay what they were.
    if room > 0 and not (leads and chance.random() < leads):
        start = int(chance.integers(room + 1))
    return texts.crop(index, start, length)


def tokenise(split: Dataset, config: FinetuneConfig, tokenizer_file: str) -> TrainingTexts:
    """Read every text of the train split through the same path as in scoring."""
    from concurrent.futures import ProcessPoolExecutor

    from tokenizers import Tokenizer
    from tqdm import tqdm

    columns = (split["id"], split["text"], split["label"])
    size = 500
    starts = range(0, len(split), size)
    lengths: list[int] = []
    parts: list[NDArray[np.int32]] = []
    with ProcessPoolExecutor(
        2, initializer=_open_reader, initargs=(tokenizer_file, config)
    ) as pool:
        batches = (
            list(zip(*(c[start : start + size] for c in columns), strict=True)) for start in starts
        )
        read = pool.map(_token_ids, batches)
        for ids in tqdm(read, total=len(starts), desc="read", disable=None):
            lengths += [len(each) for each in ids]
            parts += ids
    tokens = np.concatenate(parts)
    return TrainingTexts(
        tokens=tokens,
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        labels=np.asarray([LABEL_IDS[label] for label in split["label"]]),
        ends=sentence_ends(tokens, Tokenizer.from_file(tokenizer_file)),
    )


_reader: Any = None
_config: Any = None


def _open_reader(tokenizer_file: str, config: FinetuneConfig) -> None:
    global _reader, _config
    from pathlib import Path

    from model.document import DocumentReader

    _reader = DocumentReader.from_file(Path(tokenizer_file), config.maximum_tokens)
    _config = config


def _token_ids(rows: list[tuple[str, str, str]]) -> list[NDArray[np.int32]]:
    return [
        np.asarray(_reader.read(_seen(name, text, label)).token_ids, dtype=np.int32)
        for name, text, label in rows
    ]


def _seen(name: str, text: str, label: str) -> str:
    """The text as training sees it: attacked for a share of the texts, else as it is."""
    seed = f"{_config.seed}:{name}"
    if not _config.attacked or random.Random(seed).random() >= _config.attacked:
        return text
    from train.attacks import augmented

    return augmented(text, label, seed)
