"""Fine-tune the encoder: `python -m train.finetune --config configs/minilm.yaml`.

Reads the data set of `seeds.build`, trains, and hands over to `train.export`, which
calibrates and writes the bundle. accelerate runs the same loop on one CPU, several
processes (`torchrun --nproc_per_node 2 -m train.finetune ...`; `accelerate launch` starts
several on GPUs only) or a GPU. The batch of a step depends on nothing but the seed, the step
and the process, so `--resume` goes on to the very same losses.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.config_file import read_config
from model.errors import ConfigError, RespunError
from train.config import FinetuneConfig

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from train.sampling import Batch

CHECKPOINT = "checkpoint"
NETWORK = "network"
LOG = "log.jsonl"
EXIT_INTERRUPTED = 130  # as shells report SIGINT

_EPILOG = """\
examples:
  python -m train.finetune --config configs/smoke.yaml
  python -m train.finetune --config configs/minilm.yaml --resume
  torchrun --nproc_per_node 2 -m train.finetune --config configs/minilm.yaml

prints the folder of the bundle; progress is in OUTPUT/log.jsonl and OUTPUT/tensorboard.
exit codes: 0 done, 1 the data set lacks something, 2 wrong usage or configuration
"""


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.finetune",
        description="Fine-tune an encoder on the data set of seeds.build and export the bundle.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, help="YAML file, see configs/")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--no-export", action="store_true", help="stop after training")
    options = parser.parse_args(arguments)
    try:
        config = read_config(options.config, FinetuneConfig)
        written = finetune(config, resume=options.resume)
        if os.environ.get("RANK", "0") != "0":
            return 0
        if not options.no_export:
            from train.export import export

            written = export(config)
    except ConfigError as error:
        print(f"train.finetune: {error}", file=sys.stderr)
        return 2
    except RespunError as error:
        print(f"train.finetune: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train.finetune: interrupted; go on with --resume", file=sys.stderr)
        return EXIT_INTERRUPTED
    print(written)
    return 0


@dataclass(slots=True)
class Run:
    """What a training run holds: the parts that a checkpoint saves, and the step."""

    accelerator: Accelerator
    network: Any
    optimizer: Any
    schedule: Any
    data: str
    """Digest of the data set."""
    step: int = 0


def finetune(config: FinetuneConfig, resume: bool = False) -> Path:
    """Train for `config.steps` steps; returns the folder of the trained network.

    Raises ConfigError where there is nothing to resume, or a run to overwrite, and
    CorpusError where the data set lacks texts that training or calibration will need.
    """
    from tqdm import tqdm

    from train.calibrate import check_splits
    from train.corpus import corpus_digest, open_corpus, split_of, trained_before
    from train.network import load_network
    from train.sampling import Sampler, tokenise

    corpus = open_corpus(config.data)
    check_splits(corpus, config.minimum_words, trained_before(config))
    split = split_of(corpus, "train")
    sampler = Sampler({name: split[name] for name in split.column_names if name != "text"}, config)
    _prepare_output(config, resume)
    network, tokenizer = load_network(config)
    run = _start(config, network, corpus_digest(config.data))
    began = [weights.detach().clone() for weights in network.parameters() if config.start_share]
    main_process = run.accelerator.is_main_process
    network_folder = config.output / NETWORK
    if main_process:
        tokenizer.save_pretrained(str(network_folder))
    run.accelerator.wait_for_everyone()
    if resume:
        _load(run, config)
    texts = tokenise(split, config, str(network_folder / "tokenizer.json"))
    watch = _Watch(config, corpus, tokenizer, run)
    watch.describe(sampler, run.data)
    progress = tqdm(
        total=config.steps, initial=run.step, desc="train", disable=None if main_process else True
    )
    for value in _steps(run, config, sampler, texts, tokenizer.pad_token_id):
        watch.step(run, value)
        progress.set_postfix(loss=f"{watch.mean_loss:.3f}")
        progress.update()
    watch.close(run)
    if main_process:
        unwrapped = run.accelerator.unwrap_model(run.network)
        if config.start_share:
            _average(unwrapped, began, config.start_share)
        unwrapped.save_pretrained(str(network_folder), safe_serialization=True)
    run.accelerator.wait_for_everyone()
    return network_folder


def _prepare_output(config: FinetuneConfig, resume: bool) -> None:
    checkpoint = config.output / CHECKPOINT
    if not checkpoint.is_dir() and (_partial(checkpoint) / "run.json").is_file():
        # Killed between the removal of the old checkpoint and the move of the new, whole one.
        with suppress(FileNotFoundError):  # another process was first
            os.replace(_partial(checkpoint), checkpoint)
    if resume and not checkpoint.is_dir():
        raise ConfigError(f"{checkpoint}: no checkpoint to resume; start without --resume")
    if not resume and checkpoint.is_dir():
        raise ConfigError(
            f"{config.output}: holds a run already; add --resume to go on with it, "
            "or remove the folder"
        )
    try:
        config.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be made a folder ({error.strerror})"
        raise ConfigError(f"{config.output}: {problem}; name another output") from error
    if not resume:  # the log of a run that died before its first checkpoint
        (config.output / LOG).unlink(missing_ok=True)


def _partial(checkpoint: Path) -> Path:
    """Where a checkpoint is written before it takes its place."""
    return checkpoint.with_name(checkpoint.name + ".partial")


def _start(config: FinetuneConfig, network: Any, data: str) -> Run:
    import torch
    from accelerate import Accelerator
    from accelerate.utils import set_seed

    set_seed(config.seed)
    if not config.keep_head:
        _reset_head(network, config.seed)
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    accelerator = Accelerator(
        mixed_precision="bf16" if config.precision == "bf16" else "no",
        # Unless told so, accelerate does not join CPU processes, and each would train alone.
        cpu=several and not torch.cuda.is_available(),
    )
    matrices = [weights for weights in network.parameters() if weights.ndim > 1]
    others = [weights for weights in network.parameters() if weights.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(step, config)
    )
    network, optimizer = accelerator.prepare(network, optimizer)
    return Run(accelerator, network, optimizer, schedule, data)


def _average(network: Any, began: Sequence[torch.Tensor], share: float) -> None:
    """Move the weights back towards where they began: they keep more of what they knew then.

    After Wortsman et al. 2022 (WiSE-FT). Not part of a checkpoint, so that a run can go on.
    """
    import torch

    with torch.no_grad():
        for weights, start in zip(network.parameters(), began, strict=True):
            weights.lerp_(start.to(weights.device), share)


def _reset_head(network: Any, seed: int) -> None:
    """Draw the new head from the seed alone, whatever was drawn before it."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        weights = network.classifier.weight
        weights.copy_(torch.randn(weights.shape, generator=generator) * 0.02)
        network.classifier.bias.zero_()


def learning_rate_factor(step: int, config: FinetuneConfig) -> float:
    """Linear warm-up, then half a cosine down to zero at the last step."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    rest = max(1, config.steps - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - config.warmup_steps) / rest)))


def _steps(
    run: Run, config: FinetuneConfig, sampler: Any, texts: Any, pad_id: int
) -> Iterator[float]:
    """Take the remaining steps; yields each step's loss."""
    import torch

    from train.network import loss, mean_token_logits, token_loss
    from train.sampling import SPLICED

    run.network.train()
    accelerator = run.accelerator
    special = _special_ids(config)
    while run.step < config.steps:
        batch = sampler.draw(texts, run.step, accelerator.process_index, accelerator.num_processes)
        ids, mask, tokens, labels = _tensors(batch, pad_id, special, accelerator.device)
        with accelerator.autocast():
            logits = run.network(input_ids=ids, attention_mask=mask).logits
        whole = labels != SPLICED
        value = logits.new_zeros((), dtype=torch.float32)
        if bool(whole.any()):
            means = mean_token_logits(logits[whole], tokens[whole] >= 0)
            own = loss(means, labels[whole], config.kind_weight, config.rank_weight)
            value = value + whole.float().mean() * own
        if not bool(whole.all()):
            spliced = token_loss(logits[~whole], tokens[~whole])
            value = value + (~whole).float().mean() * spliced
        accelerator.backward(value)
        accelerator.clip_grad_norm_(run.network.parameters(), 1.0)
        run.optimizer.step()
        run.optimizer.zero_grad()
        run.schedule.step()
        run.step += 1
        if not torch.isfinite(value):
            raise ConfigError(f"loss is {value.item()} at step {run.step}; lower learning_rate")
        yield float(value.item())


def _special_ids(config: FinetuneConfig) -> tuple[int, int]:
    from model.document import DocumentReader

    reader = DocumentReader.from_file(
        config.output / NETWORK / "tokenizer.json", config.maximum_tokens
    )
    return reader.cls_id, reader.sep_id


def _tensors(
    batch: Batch, pad_id: int, special: tuple[int, int], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, attention mask and labels of tokens [B, T], labels of crops [B].

    Special tokens and padding have the label -100.
    """
    import torch

    from model.windows import frame, pad

    windows = [frame(crop.tolist(), *special) for crop in batch.crops]
    ids, mask = pad(windows, pad_id)
    tokens = np.full_like(ids, -100)
    for row, labels in enumerate(batch.token_labels):
        tokens[row, 1 : len(labels) + 1] = labels
    arrays = (ids, mask, tokens, batch.labels)
    ids_, mask_, tokens_, labels_ = (torch.as_tensor(array, device=device) for array in arrays)
    return ids_, mask_, tokens_, labels_


# --- checkpoints -------------------------------------------------------------------------


def _save(run: Run, config: FinetuneConfig) -> None:
    """Write a checkpoint beside the last one, then take its place: never half of one."""
    run.accelerator.wait_for_everyone()
    target = config.output / CHECKPOINT
    partial = _partial(target)
    if run.accelerator.is_main_process:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    run.accelerator.wait_for_everyone()
    run.accelerator.save_state(str(partial))
    if run.accelerator.is_main_process:
        state = {"step": run.step, "schedule": run.schedule.state_dict()}
        state["schedule"].pop("lr_lambdas", None)
        state |= {"data": run.data, "config": config.model_dump(mode="json")}
        (partial / "run.json").write_text(json.dumps(state), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        os.replace(partial, target)
    run.accelerator.wait_for_everyone()


def _load(run: Run, config: FinetuneConfig) -> None:
    folder = config.output / CHECKPOINT
    state = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    changed = [
        key
        for key, value in config.model_dump(mode="json", exclude={"output"}).items()
        if state["config"].get(key) != value
    ]
    if state.get("data", run.data) != run.data and "data" not in changed:
        changed.append("data")
    if changed:
        raise ConfigError(
            f"{folder}: was made with another {', '.join(changed)}; restore the configuration "
            "and the data, or start anew in another output folder"
        )
    run.accelerator.load_state(str(folder))
    run.schedule.load_state_dict({**run.schedule.state_dict(), **state["schedule"]})
    run.step = state["step"]


# --- watching ----------------------------------------------------------------------------


class _Watch:
    """Log, TensorBoard, looks at dev, and checkpoints: all that happens between steps."""

    def __init__(self, config: FinetuneConfig, corpus: Any, tokenizer: Any, run: Run) -> None:
        self._config = config
        self._main = run.accelerator.is_main_process
        self._saved_at = time.monotonic()
        self._started_at = time.monotonic()
        self.mean_loss = math.nan
        if self._main:
            from torch.utils.tensorboard import SummaryWriter

            from train.develop import DevSet

            self._board = SummaryWriter(str(config.output / "tensorboard"))
            self._dev = DevSet(corpus, config, tokenizer)

    def describe(self, sampler: Any, data: str) -> None:
        """Write down what will be drawn, before the first step."""
        shares = {
            side: {group.name: [len(group.members), round(group.probability, 4)] for group in found}
            for side, found in (("human", sampler.human), ("machine", sampler.machine))
        }
        self._log({"data": data, "groups": shares})

    def step(self, run: Run, loss: float) -> None:
        """Note one step; looks at dev and saves when it is time."""
        self.mean_loss = loss if math.isnan(self.mean_loss) else 0.98 * self.mean_loss + 0.02 * loss
        rate = run.schedule.get_last_lr()[0]
        seconds = round(time.monotonic() - self._started_at, 1)
        self._log({"step": run.step, "loss": loss, "learning_rate": rate, "seconds": seconds})
        if self._main:
            self._board.add_scalar("train/loss", loss, run.step)
            self._board.add_scalar("train/learning_rate", rate, run.step)
        if run.step % self._config.evaluate_steps == 0 and run.step < self._config.steps:
            self._evaluate(run)
        if time.monotonic() - self._saved_at > 60 * self._config.checkpoint_minutes:
            _save(run, self._config)
            self._saved_at = time.monotonic()

    def close(self, run: Run) -> None:
        """The last look and the last checkpoint."""
        self._evaluate(run)
        _save(run, self._config)
        if self._main:
            self._board.close()

    def _evaluate(self, run: Run) -> None:
        if not self._main:
            return
        metrics = self._dev.measure(run.accelerator.unwrap_model(run.network))
        self._log({"step": run.step, "dev": metrics})
        for name, value in metrics.items():
            self._board.add_scalar(f"dev/{name}", value, run.step)

    def _log(self, entry: dict[str, Any]) -> None:
        if self._main:
            with (self._config.output / LOG).open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")


if __name__ == "__main__":
    sys.exit(main())
