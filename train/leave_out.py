"""What is found of a writer that was never seen: leave one out, train, and look at it.

For each named group of machine texts (a generator's family, a corpus) encoder and word
baseline are trained anew on everything else, and judged on the group's dev texts beside
models that were trained just as long with the group. The short runs are far from the shipped
weights; what counts is the difference between the two columns. A finished fold is kept; one
that was cut short begins anew.

    python -m train.leave_out --config configs/leave-out.yaml
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from model.config_file import read_config
from model.errors import ConfigError, RespunError
from model.labels import HUMAN, NEWS
from train.config import FinetuneConfig
from train.linear import LinearConfig
from train.measure import without_nan
from train.scores import chosen_by_id

EXIT_INTERRUPTED = 130  # as shells report SIGINT
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
    encoder: Path = Field(description="YAML file of the encoder's runs, from a base encoder on.")
    linear: Path = Field(description="YAML file of the word baseline; its data are not used.")
    steps: int = Field(ge=1, description="Steps of each encoder run, a tenth of them warm-up.")
    texts: int = Field(
        20_000, ge=2, description="Texts of train that a fold draws from, chosen by id."
    )
    humans: int = Field(
        1000, ge=2, description="Human dev texts that all folds are judged by, chosen by id."
    )
    groups: Mapping[Annotated[str, Field(pattern=r"^\w[\w.-]*$")], Group] = Field(
        min_length=1, description="Name to what is left out."
    )


@dataclass(frozen=True)
class Plan:
    """What every fold shares."""

    output: Path
    encoder: FinetuneConfig
    linear: LinearConfig
    corpus: Any
    dev: Any
    digest: str
    texts: int

    def about(self, group: Group) -> str:
        """Everything that a fold's scores depend on."""
        parts = (group, self.encoder, self.linear)
        settings = [part.model_dump(mode="json") for part in parts]
        return json.dumps([self.digest, self.texts, list(self.dev["id"]), *settings])


def leave_out(config: LeaveOutConfig) -> list[dict[str, Any]]:
    """Train every fold that is not there yet; returns a row for each group.

    Raises ConfigError where a group has too few dev texts to be judged by.
    """
    from train.corpus import corpus_digest, open_corpus, split_of

    encoder = read_config(config.encoder, FinetuneConfig)
    if encoder.keep_head:
        raise ConfigError(
            f"{config.encoder}: goes on from a network that has seen every group; "
            "name a run from a base encoder"
        )
    if EVERYTHING in config.groups:
        raise ConfigError(f"groups: {EVERYTHING!r} means that nothing is left out; rename it")
    corpus = open_corpus(encoder.data)
    digest = corpus_digest(encoder.data)
    dev = _judges(split_of(corpus, "dev"), config)
    members = {name: _members(dev, group) for name, group in config.groups.items()}
    for name, chosen in members.items():
        if chosen.sum() < LEAST_TEXTS:
            raise ConfigError(
                f"groups.{name}: dev holds {chosen.sum()} news texts of it, fewer than "
                f"{LEAST_TEXTS}; widen the group or leave it out"
            )
    plan = Plan(
        config.output,
        encoder.model_copy(
            update={
                "steps": config.steps,
                "warmup_steps": config.steps // 10,
                "evaluate_steps": config.steps,
                "evaluate_texts": 100,  # a look that nobody needs here
            }
        ),
        read_config(config.linear, LinearConfig),
        corpus,
        dev,
        digest,
        config.texts,
    )
    scores = {
        name: _fold(name, group, plan)
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


def _judges(dev: Any, config: LeaveOutConfig) -> Any:
    """The dev news texts of any group, and as many humans as asked for."""
    names = ("label", "corpus", "generator", "domain")
    machine, human = [], []
    for index, (label, corpus, generator, domain) in enumerate(
        zip(*(dev[name] for name in names), strict=True)
    ):
        if domain not in NEWS:
            continue
        if label == HUMAN:
            human.append(index)
        elif any(group.holds(corpus, generator) for group in config.groups.values()):
            machine.append(index)
    return dev.select(sorted(machine + chosen_by_id(dev["id"], human, config.humans)))


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


def _fold(name: str, group: Group, plan: Plan) -> dict[str, NDArray[np.float64]]:
    """Both systems' scores of the dev texts, trained without the group; kept on disk."""
    folder = plan.output / name
    kept = folder / "scores.npz"
    if kept.is_file():
        with np.load(kept, allow_pickle=False) as stored:
            if str(stored["about"]) == plan.about(group):
                return {system: stored[system] for system in ("encoder", "linear")}
    data = folder / "data"
    if folder.is_dir() and not (kept.is_file() or data.is_dir()):
        raise ConfigError(f"{folder}: is no fold of ours; name another output, or remove it")
    shutil.rmtree(folder, ignore_errors=True)
    rows = plan.corpus["train"]
    kept_rows = np.flatnonzero(~_members(rows, group)).tolist()
    rows = rows.select(sorted(chosen_by_id(rows["id"], kept_rows, plan.texts)))
    type(plan.corpus)({**plan.corpus, "train": rows}).save_to_disk(str(data))
    (data / "digest.txt").write_text(f"{plan.digest} without {name}\n", encoding="utf-8")
    encoder = _encoder_scores(plan, rows, data, folder / "encoder")
    linear = _linear_scores(plan.dev, rows, plan.linear, plan.digest)
    temporary = folder / "scores.part.npz"
    np.savez(temporary, about=np.array(plan.about(group)), encoder=encoder, linear=linear)
    temporary.replace(kept)
    for used in (data, folder / "encoder"):
        shutil.rmtree(used, ignore_errors=True)
    return {"encoder": encoder, "linear": linear}


def _encoder_scores(plan: Plan, rows: Any, data: Path, output: Path) -> NDArray[np.float64]:
    from transformers import AutoModelForTokenClassification

    from model.calibration import machine_logit
    from model.document import DocumentReader, mean_logits
    from train.finetune import finetune
    from train.network import NetworkTokenLogits

    machines = {
        corpus
        for corpus, label in zip(rows["corpus"], rows["label"], strict=True)
        if label != HUMAN
    }
    balance = plan.encoder.balance
    shares = {corpus: share for corpus, share in balance.shares.items() if corpus in machines}
    config = plan.encoder.model_copy(
        update={
            "data": data,
            "output": output,
            "balance": balance.model_copy(update={"shares": shares}),
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
    documents = [reader.read(text) for text in plan.dev["text"]]
    logits = [mean_logits(each) for each in reader.logits(documents, compute)]
    return machine_logit(np.stack(logits))


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
        rows = without_nan(leave_out(config))
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
    except KeyboardInterrupt:
        print("train.leave_out: interrupted; finished folds are kept", file=sys.stderr)
        return EXIT_INTERRUPTED
    print(table, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
