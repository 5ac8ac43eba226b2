"""Short legs from one network, each with one thing changed, judged on the same dev texts.

    python -m train.trials --config configs/trials.yaml

What a change of the loss or of the sampling is worth before a long run is spent on it: every
trial goes on from the same weights, sees the batches of the same seeds, and differs from
`control` in one thing. Its scores of dev are kept, so a stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from model.config_file import read_config
from model.errors import ConfigError, RespunError
from model.labels import NEWS
from train.config import FinetuneConfig

if TYPE_CHECKING:
    import torch

    from train.sampling import Batch, Sampler, TrainingTexts

Name = Literal["control", "graded", "contrastive", "heads", "mined", "taught", "unpaired"]


class TrialsConfig(BaseModel):
    """Which trials, and how long each is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output: Path = Field(description="Folder of the trials' scores and the table.")
    run: Path = Field(description="YAML file of the run whose data, batches and loss they share.")
    network: Path = Field(description="Folder of the network that every trial goes on from.")
    linear: Path = Field(description="YAML file of the word baseline, for `taught`.")
    seed: int = Field(5, description="Draws batches and new heads.")
    steps: int = Field(400, ge=1, description="Steps of each trial, a tenth of them warm-up.")
    trials: tuple[Name, ...] = Field(description="In the order in which they are run.")
    contrastive_weight: float = Field(0.2, ge=0, description="Weight of the contrastive loss.")
    temperature: float = Field(0.1, gt=0, description="Of the contrastive loss.")
    head_weight: float = Field(0.1, ge=0, description="Weight of each of the two extra heads.")
    mined_share: float = Field(
        0.3, ge=0, le=1, description="Share of the unpaired humans that are drawn from the mined."
    )
    mined_texts: int = Field(2000, ge=1, description="The highest-scored humans of train.")
    taught_share: float = Field(
        0.3, ge=0, le=1, description="Share of the teacher in the target; the rest is the label."
    )


@dataclass(frozen=True)
class Facts:
    """What trials know of each text of train, by its index."""

    overlap: NDArray[np.float64]
    """5-grams shared with the original; 0 where it is unknown."""
    generators: NDArray[np.int64]
    operations: NDArray[np.int64]
    words: Callable[[], NDArray[np.float64]]
    """The word baseline's log-odds, from a fit on the half that does not hold the text."""
    lead_scores: Callable[[], NDArray[np.float64]]
    """The starting network's log-odds of the first window of each human text."""


class Trial:
    """One leg: how it draws, and what its loss is."""

    def __init__(self, name: Name, config: TrialsConfig, facts: Facts, network: Any) -> None:
        import torch
        from torch import nn

        self.name, self.config, self.facts, self.network = name, config, facts, network
        width = network.config.hidden_size
        torch.manual_seed(config.seed)
        self.extra = nn.ModuleDict()
        if name == "contrastive":
            self.extra["projection"] = nn.Linear(width, 128)
        if name == "heads":
            self.extra["generator"] = nn.Linear(width, int(facts.generators.max()) + 1)
            self.extra["operation"] = nn.Linear(width, int(facts.operations.max()) + 1)
        self.teacher = facts.words() if name == "taught" else None

    def loss(
        self,
        run: FinetuneConfig,
        hidden: torch.Tensor,
        means: torch.Tensor,
        labels: torch.Tensor,
        texts: NDArray[np.int64],
    ) -> torch.Tensor:
        """Loss of whole crops: pooled states [B, H], mean logits [B, 4], labels [B]."""
        import torch
        from torch.nn import functional

        from train.network import loss, ranking_loss

        if self.name not in ("graded", "taught"):
            value = loss(means, labels, run.kind_weight, run.rank_weight)
        else:
            machine = labels > 0
            odds = torch.logsumexp(means[:, 1:], dim=1) - means[:, 0]
            targets = machine.float()
            if self.name == "graded":
                targets = targets * torch.as_tensor(
                    1 - self.facts.overlap[texts], dtype=torch.float32
                )
            else:
                words = torch.as_tensor(self.teacher[texts], dtype=torch.float32)  # type: ignore[index]
                teacher = torch.sigmoid(odds.detach() + words)
                share = self.config.taught_share
                targets = (1 - share) * targets + share * teacher
            value = functional.binary_cross_entropy_with_logits(odds, targets)
            if bool(machine.any()):
                kinds = functional.cross_entropy(means[machine][:, 1:], labels[machine] - 1)
                value = value + run.kind_weight * kinds
            plain = machine if self.name == "taught" else machine & (targets >= 0.7)
            if bool(plain.any()) and not bool(machine.all()):
                value = value + run.rank_weight * ranking_loss(odds[plain], odds[~machine])
        if self.name == "contrastive":
            points = functional.normalize(self.extra["projection"](hidden), dim=1)
            value = value + self.config.contrastive_weight * contrastive_loss(
                points, labels > 0, self.config.temperature
            )
        if self.name == "heads" and bool((labels > 0).any()):
            machine = labels > 0
            chosen = texts[machine.numpy()]
            for head, truth in (
                ("generator", self.facts.generators),
                ("operation", self.facts.operations),
            ):
                own = functional.cross_entropy(
                    self.extra[head](hidden[machine]), torch.as_tensor(truth[chosen])
                )
                value = value + self.config.head_weight * own
        return value


def contrastive_loss(
    points: torch.Tensor, machine: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Supervised contrastive loss of unit vectors [B, D] of two classes [B].

    After Khosla et al. 2020, the sum over positives outside the logarithm.
    """
    import torch

    similar = points @ points.T / temperature
    itself = torch.eye(len(points), dtype=torch.bool)
    similar = similar.masked_fill(itself, -math.inf)
    log_share = similar - torch.logsumexp(similar, dim=1, keepdim=True)
    positive = (machine[:, None] == machine[None, :]) & ~itself
    counts = positive.sum(1)
    sums = log_share.masked_fill(~positive, 0.0).sum(1)
    return -(sums[counts > 0] / counts[counts > 0]).mean()


def _settings(name: Name, run: FinetuneConfig) -> FinetuneConfig:
    balance = run.balance
    if name == "graded":
        excluded = tuple(each for each in balance.excluded if not each.startswith("spinner"))
        balance = balance.model_copy(update={"maximum_overlap": 1.0, "excluded": excluded})
    if name == "unpaired":
        balance = balance.model_copy(update={"pairs": 0.0})
    return run.model_copy(update={"balance": balance})


def _mine(sampler: Sampler, facts: Facts, config: TrialsConfig) -> None:
    """Have a share of the humans drawn from those that the network takes for machines most."""
    from dataclasses import replace

    from train.sampling import Group

    scores = facts.lead_scores()
    humans = np.flatnonzero(np.isfinite(scores))
    hardest = humans[np.argsort(-scores[humans])[: config.mined_texts]]
    share = config.mined_share
    sampler.human = [
        *(replace(group, probability=(1 - share) * group.probability) for group in sampler.human),
        Group("mined", np.sort(hardest), share),
    ]
    sampler._human_probabilities = [group.probability for group in sampler.human]


def train(
    name: Name,
    config: TrialsConfig,
    run: FinetuneConfig,
    rows: Mapping[str, Any],
    texts: TrainingTexts,
    facts: Facts,
) -> Any:
    """The network after one trial's leg."""
    import torch

    from train.finetune import _special_ids, _tensors, learning_rate_factor
    from train.network import load_network, mean_token_logits, token_loss
    from train.sampling import SPLICED, Sampler

    run = _settings(name, run)
    network, tokenizer = load_network(run)
    tokenizer.save_pretrained(str(run.output / "network"))
    sampler = Sampler(rows, run)
    if name == "mined":
        _mine(sampler, facts, config)
    trial = Trial(name, config, facts, network)
    parameters: list[Any] = [*network.parameters(), *trial.extra.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": [each for each in parameters if each.ndim > 1]},
            {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=run.learning_rate,
        weight_decay=run.weight_decay,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(step, run)
    )
    special = _special_ids(run)
    network.train()
    began, mean = time.monotonic(), math.nan
    for step in range(run.steps):
        batch: Batch = sampler.draw(texts, step)
        ids, mask, tokens, labels = _tensors(
            batch, tokenizer.pad_token_id, special, torch.device("cpu")
        )
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = network(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        logits, states = output.logits, output.hidden_states[-1]
        whole = labels != SPLICED
        value = logits.new_zeros((), dtype=torch.float32)
        if bool(whole.any()):
            content = tokens[whole] >= 0
            own = trial.loss(
                run,
                mean_token_logits(states[whole], content),
                mean_token_logits(logits[whole], content),
                labels[whole],
                np.asarray(batch.texts)[whole.numpy()],
            )
            value = value + whole.float().mean() * own
        if not bool(whole.all()):
            spliced = token_loss(logits[~whole], tokens[~whole])
            value = value + (~whole).float().mean() * spliced
        value.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        if not torch.isfinite(value):
            raise ConfigError(f"{name}: loss is {value.item()} at step {step}")
        mean = value.item() if math.isnan(mean) else 0.98 * mean + 0.02 * value.item()
        if (step + 1) % 50 == 0:
            seconds = time.monotonic() - began
            print(f"{name} {step + 1}/{run.steps} loss {mean:.3f} {seconds:.0f} s", file=sys.stderr)
    return network


def _dev_scores(network: Any, run: FinetuneConfig, documents: Any, reader: Any) -> Any:
    from model.calibration import machine_logit
    from model.document import mean_logits
    from train.network import NetworkTokenLogits

    compute = NetworkTokenLogits(
        network, network.config.pad_token_id or 0, run.batch_tokens, run.precision == "bf16"
    )
    return machine_logit(
        np.stack([mean_logits(each) for each in reader.logits(documents, compute)])
    )


def _facts(rows: Mapping[str, Any], split: Any, config: TrialsConfig, run: Any, texts: Any) -> Any:
    def numbered(column: Sequence[Any]) -> NDArray[np.int64]:
        return np.unique([str(each) for each in column], return_inverse=True)[1].astype(np.int64)

    def kept(name: str, compute: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
        file = config.output / f"{name}.npy"
        if not file.is_file():
            np.save(file, compute())
        return np.asarray(np.load(file))

    def words() -> NDArray[np.float64]:
        from train.linear import LinearConfig, fit_linear

        linear = read_config(config.linear, LinearConfig)
        halves = np.asarray([hash_of(story) % 2 for story in split["story"]])
        scores = np.empty(len(split))
        for half in (0, 1):
            fitted = split.select(np.flatnonzero(halves != half).tolist())
            columns = list(fitted.select_columns(["id", "text", "label"]))
            model = fit_linear(columns, linear, {"data_digest": f"half {half}"})
            others = np.flatnonzero(halves == half)
            scores[others] = model.score(list(split.select(others.tolist())["text"]))
        return scores

    def lead_scores() -> NDArray[np.float64]:
        from model.calibration import machine_logit
        from model.windows import frame
        from train.finetune import _special_ids
        from train.network import NetworkTokenLogits, load_network

        network, tokenizer = load_network(run)
        compute = NetworkTokenLogits(network, tokenizer.pad_token_id, run.batch_tokens, True)
        special = _special_ids(run)
        scores = np.full(len(split), np.nan)
        humans = np.flatnonzero(texts.labels == 0)
        windows = [
            frame(texts.crop(index, 0, run.maximum_tokens).tolist(), *special) for index in humans
        ]
        scores[humans] = machine_logit(np.stack([each.mean(0) for each in compute(windows)]))
        return scores

    overlap = np.asarray([each or 0.0 for each in rows["overlap"]], dtype=float)
    return Facts(
        overlap,
        numbered(rows["generator"]),
        numbered(rows["operation"]),
        lambda: kept("words", words),
        lambda: kept("leads", lead_scores),
    )


def hash_of(text: str) -> int:
    """A number that is the same on every machine."""
    import hashlib

    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def trials(config: TrialsConfig) -> None:
    """Run every trial that is not there yet."""
    import pickle

    from model.document import DocumentReader
    from train.corpus import open_corpus, split_of
    from train.sampling import tokenise

    run = read_config(config.run, FinetuneConfig).model_copy(
        update={
            "output": config.output / "work",
            "encoder": str(config.network),
            "seed": config.seed,
            "steps": config.steps,
            "warmup_steps": config.steps // 10,
        }
    )
    (run.output / "network").mkdir(parents=True, exist_ok=True)
    corpus = open_corpus(run.data)
    split = split_of(corpus, "train")
    rows = {name: split[name] for name in split.column_names if name != "text"}
    tokenizer_file = str(config.network / "tokenizer.json")
    cached = config.output / "texts.pickle"
    if cached.is_file():
        texts = pickle.loads(cached.read_bytes())
    else:
        texts = tokenise(split, run, tokenizer_file)
        cached.write_bytes(pickle.dumps(texts))
    (run.output / "network" / "tokenizer.json").write_bytes(Path(tokenizer_file).read_bytes())
    facts = _facts(rows, split, config, run, texts)
    judged: list[str] = []
    labels: list[tuple[str, ...]] = []
    for name in ("dev", "calibration", "threshold"):
        part = corpus[name]
        for text, label, source, operation, domain, words, overlap in zip(
            *(
                part[key]
                for key in ("text", "label", "corpus", "operation", "domain", "words", "overlap")
            ),
            strict=True,
        ):
            if (
                domain in NEWS
                and words >= run.minimum_words
                and (name == "dev" or source == "frontier")
            ):
                judged.append(text)
                labels.append((name, label, source, operation or "", str(words), str(overlap)))
    (config.output / "judged.json").write_text(json.dumps(labels))
    reader = DocumentReader.from_file(Path(tokenizer_file), run.maximum_tokens)
    documents = [reader.read(text) for text in judged]
    for name in ("start", *config.trials):
        file = config.output / f"{name}.npy"
        if file.is_file():
            continue
        if name == "start":
            from train.network import load_network

            network = load_network(run)[0]
        else:
            network = train(name, config, run, rows, texts, facts)  # type: ignore[arg-type]
            network.save_pretrained(str(config.output / "networks" / name))
        np.save(file, _dev_scores(network, run, documents, reader))
        print(f"{name} done {time.strftime('%H:%M')}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m train.trials", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        trials(read_config(options.config, TrialsConfig))
    except RespunError as error:
        print(f"train.trials: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
