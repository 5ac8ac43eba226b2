"""A toy data set and a finished toy run: the tiny network, trained by command and exported.

The run is made once and read by many tests; whoever changes a run copies it first.
"""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from model.config_file import read_config
from train.config import FinetuneConfig

HUMAN_WORDS = ("river", "market", "council", "goat", "rain", "bread")
MACHINE_WORDS = ("pivotal", "landscape", "tapestry", "vibrant", "navigate")
SHARED_WORDS = ("the", "a", "of", "said", "on", "in", ",", ".")
STORIES = {"train": 16, "dev": 10, "calibration": 15, "threshold": 30, "test": 4}

Rows = list[dict[str, Any]]
WriteConfig = Callable[..., Path]
WriteCorpus = Callable[..., Path]


@dataclass(frozen=True)
class ToyRun:
    """A run of `train.finetune` that went to its end."""

    config_file: Path
    config: FinetuneConfig
    stdout: str
    stderr: str

    @property
    def bundle(self) -> Path:
        """The exported bundle."""
        return self.config.output / "bundle"


def _toy_rows(split: str) -> Rows:
    """Stories told by a human and, except in `threshold`, by a machine, with toy words."""
    rows = []
    for story in range(STORIES[split]):
        for machine in (False, True) if split != "threshold" else (False,):
            draw = random.Random(f"{split}{story}{machine}")
            own = MACHINE_WORDS if machine else HUMAN_WORDS
            words = [
                draw.choice(own if draw.random() < 0.4 else SHARED_WORDS)
                for _ in range(42 + 5 * story)
            ]
            rows.append(
                {
                    "id": f"{split}-{story}-{machine}",
                    "text": " ".join(words),
                    "label": ("rewritten", "generated", "spun")[story % 3] if machine else "human",
                    "corpus": "frontier" if story % 4 == 0 else "toy/corpus",
                    "story": f"{split}-{story}",
                    "generator": f"toy-{story % 2}" if machine else "",
                    "operation": "paraphrase" if machine else "",
                    "source": "" if machine else "toy gazette",
                    "domain": "news",
                    "overlap": 0.1 if machine else None,
                    "words": len(words),
                    "slices": ["outlet"],
                }
            )
    return rows


def _write_corpus(folder: Path, **changed: Rows) -> Path:
    """Write the toy data set as `seeds.build` does, some splits with other rows."""
    from datasets import Dataset, DatasetDict

    rows = {split: changed.get(split, _toy_rows(split)) for split in STORIES}
    # Columns come of rows, and an empty split has columns too.
    full = {split: Dataset.from_list(found or _toy_rows(split)) for split, found in rows.items()}
    DatasetDict(
        {split: full[split] if rows[split] else full[split].select([]) for split in rows}
    ).save_to_disk(str(folder))
    (folder / "digest.txt").write_text("d" * 64 + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def toy_rows() -> Callable[[str], Rows]:
    """Gives the rows of one split of the toy data set."""
    return _toy_rows


@pytest.fixture(scope="session")
def write_corpus() -> WriteCorpus:
    """Writes a toy data set into a folder, some splits with other rows."""
    return _write_corpus


@pytest.fixture(scope="session")
def toy_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the toy data set."""
    return _write_corpus(tmp_path_factory.mktemp("toy-corpus") / "corpus")


@pytest.fixture(scope="session")
def write_config(
    tmp_path_factory: pytest.TempPathFactory, tiny_network: Path, toy_corpus: Path
) -> WriteConfig:
    """Writes the YAML file of a toy run, with any key changed; each has its own output."""

    def write(**changes: Any) -> Path:
        folder = tmp_path_factory.mktemp("run")
        values = {
            "name": "toy",
            "version": "0",
            "data": str(toy_corpus),
            "output": str(folder / "out"),
            "encoder": str(tiny_network),
            "steps": 6,
            "batch_tokens": 256,
            "minimum_tokens": 16,
            "maximum_tokens": 48,
            "warmup_steps": 2,
            "dropout": 0.1,  # so that a resumed run must restore the random state, too
            "precision": "fp32",
            "evaluate_steps": 4,
            "evaluate_texts": 12,
            **changes,
        }
        path = folder / "toy.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def toy_run(write_config: WriteConfig) -> ToyRun:
    """A run that nothing disturbed, with all that it printed."""
    from train.finetune import main

    path = write_config()
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        assert main(["--config", str(path)]) == 0, stderr.getvalue()
    return ToyRun(path, read_config(path, FinetuneConfig), stdout.getvalue(), stderr.getvalue())
