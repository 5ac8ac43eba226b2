"""What is found of a writer that was never seen: leave one out, train, and look at it.

For each named group of machine texts (a generator's family, a corpus) encoder and word
baseline are trained anew on everything else, and judged on the group's dev texts beside
models that were trained just as long with the group. The short runs are far from the shipped
weights; what counts is the difference between the two columns. A finished fold is kept, so
an interrupted command goes on where it was.

    python -m train.leave_out --config configs/leave-out.yaml
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from model.config_file import read_config
from model.errors import ConfigError, RespunError
from model.labels import HUMAN
from train.calibrate import NEWS
from train.config import FinetuneConfig
from train.linear import LinearConfig

EVERYTHING = "nothing"
"""The fold that leaves nothing out, which every other is compared with."""
LEAST_TEXTS = 20

_EPILOG = """\
example:
  python -m train.leave_out --config configs/leave-out.yaml

prints the table; it is in OUTPUT/leave-out.md and OUTPUT/leave-out.json too.
exit codes: 0 done, 1 the data set lacks something, 2 wrong usage or configuration
"""


class Group(BaseModel):
    """Machine texts that are left out together: those of any of these."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpora: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()

    def holds(self, corpus: str, generator: str) -> bool:
        """Whether a machine text of this corpus and generator belongs to the group."""
        return corpus in self.corpora or generator in self.generators


class LeaveOutConfig(BaseModel):
    """Which groups, and how each fold is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output: Path = Field(description="Folder of the folds and the table.")
    encoder: Path = Field(description="YAML file of the encoder's runs; its output is not used.")
    linear: Path = Field(description="YAML file of the word baseline; likewise.")
    steps: int = Field(ge=1, description="Steps of each encoder run.")
    groups: Mapping[str, Group] = Field(description="Name to what is left out.")


def leave_out(config: LeaveOutConfig) -> list[dict[str, Any]]:
    """Train every fold that is not there yet; returns a row for each group.

    Raises ConfigError where a group has too few dev texts to be judged by.
    """
    from train.corpus import corpus_digest, open_corpus, split_of

    encoder = read_config(config.encoder, FinetuneConfig)
    linear = read_config(config.linear, LinearConfig)
    if EVERYTHING in config.groups:
        raise ConfigError(f"groups: {EVERYTHING!r} means that nothing is left out; rename it")
    corpus = open_corpus(encoder.data)
    digest = corpus_digest(encoder.data)
    dev = split_of(corpus, "dev")
    dev = dev.select([index for index, domain in enumerate(dev["domain"]) if domain in NEWS])
    members = {name: _members(dev, group) for name, group in config.groups.items()}
    for name, chosen in members.items():
        if chosen.sum() < LEAST_TEXTS:
            raise ConfigError(
                f"groups.{name}: dev holds {chosen.sum()} news texts of it, fewer than "
                f"{LEAST_TEXTS}; widen the group or leave it out"
            )
    scores = {
        name: _fold(name, group, corpus, dev, digest, config, encoder, linear)
        for name, group in ((EVERYTHING, Group()), *config.groups.items())
    }
    human = np.asarray([label == HUMAN for label in dev["label"]])
    return [
        {
            "name": name,
            "machine": int(chosen.sum()),
            "human": int(human.sum()),
            **{
                system: {
                    "with": _judged(scores[EVERYTHING][system], chosen, human),
                    "without": _judged(scores[name][system], chosen, human),
                }
                for system in ("encoder", "linear")
            },
        }
        for name, chosen in members.items()
    ]


def _members(rows: Any, group: Group) -> NDArray[np.bool_]:
    return np.asarray(
        [
            label != HUMAN and group.holds(corpus, generator)
            for label, corpus, generator in zip(
                rows["label"], rows["corpus"], rows["generator"], strict=True
            )
        ]
    )


def _judged(
    scores: NDArray[np.float64], machine: NDArray[np.bool_], human: NDArray[np.bool_]
) -> dict[str, Any]:
    """AUROC, and TPR at the 1% line of the dev humans themselves."""
    from train.metrics.functions import auroc, tpr_at_own_fpr

    both = machine | human
    given = machine[both], scores[both]
    return {"auroc": asdict(auroc(*given)), "tpr": asdict(tpr_at_own_fpr(*given, fpr=0.01))}


def _fold(
    name: str,
    group: Group,
    corpus: Any,
    dev: Any,
    digest: str,
    config: LeaveOutConfig,
    encoder: FinetuneConfig,
    linear: LinearConfig,
) -> dict[str, NDArray[np.float64]]:
    """Both systems' scores of the dev texts, trained without the group; kept on disk."""
    folder = config.output / name
    kept = folder / "scores.npz"
    about = json.dumps([digest, group.model_dump(mode="json"), config.steps])
    if kept.is_file():
        with np.load(kept, allow_pickle=False) as stored:
            if str(stored["about"]) == about:
                return {system: stored[system] for system in ("encoder", "linear")}
    shutil.rmtree(folder, ignore_errors=True)
    rows = corpus["train"]
    rows = rows.select(np.flatnonzero(~_members(rows, group)).tolist())
    data = folder / "data"
    type(corpus)({**corpus, "train": rows}).save_to_disk(str(data))
    (data / "digest.txt").write_text(f"{digest} without {name}\n", encoding="utf-8")
    found = {
        "encoder": _encoder_scores(dev, encoder, data, folder / "encoder", config.steps),
        "linear": _linear_scores(dev, rows, linear, digest),
    }
    shutil.rmtree(folder)
    folder.mkdir(parents=True)
    np.savez(kept, about=np.array(about), encoder=found["encoder"], linear=found["linear"])
    return found


def _encoder_scores(
    dev: Any, config: FinetuneConfig, data: Path, output: Path, steps: int
) -> NDArray[np.float64]:
    from transformers import AutoModelForTokenClassification

    from model.calibration import machine_logit
    from model.document import DocumentReader, mean_logits
    from train.finetune import finetune
    from train.network import NetworkTokenLogits

    shares = {
        corpus: share
        for corpus, share in config.balance.shares.items()
        if corpus in set(_machine_corpora(data))
    }
    config = config.model_copy(
        update={
            "data": data,
            "output": output,
            "steps": steps,
            "evaluate_steps": steps,
            "balance": config.balance.model_copy(update={"shares": shares}),
        }
    )
    source = finetune(config)
    network = AutoModelForTokenClassification.from_pretrained(
        source, use_safetensors=True, attn_implementation="eager"
    )
    reader = DocumentReader.from_file(source / "tokenizer.json", config.maximum_tokens)
    compute = NetworkTokenLogits(
        network,
        network.config.pad_token_id or 0,
        config.batch_tokens,
        config.precision == "bf16",
    )
    documents = [reader.read(text) for text in dev["text"]]
    logits = [mean_logits(each) for each in reader.logits(documents, compute)]
    return machine_logit(np.stack(logits))


def _machine_corpora(data: Path) -> list[str]:
    from train.corpus import open_corpus

    rows = open_corpus(data)["train"]
    return [
        corpus
        for corpus, label in zip(rows["corpus"], rows["label"], strict=True)
        if label != HUMAN
    ]


def _linear_scores(dev: Any, rows: Any, config: LinearConfig, digest: str) -> NDArray[np.float64]:
    from train.linear import fit_linear

    columns = rows.select_columns(["id", "text", "label"])
    return fit_linear(list(columns), config, {"data_digest": digest}).score(list(dev["text"]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    from train.tables import leave_out_table

    parser = argparse.ArgumentParser(
        prog="python -m train.leave_out",
        description="Train without each group of machine texts, and measure what is found of it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, help="e.g. configs/leave-out.yaml")
    options = parser.parse_args(arguments)
    try:
        config = read_config(options.config, LeaveOutConfig)
        rows = leave_out(config)
        text = json.dumps(rows, indent=1)
        (config.output / "leave-out.json").write_text(text + "\n", encoding="utf-8")
        table = leave_out_table(rows) + "\n"
        (config.output / "leave-out.md").write_text(table, encoding="utf-8")
    except ConfigError as error:
        print(f"train.leave_out: {error}", file=sys.stderr)
        return 2
    except RespunError as error:
        print(f"train.leave_out: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"train.leave_out: {error}; check `output`", file=sys.stderr)
        return 1
    print(table, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
