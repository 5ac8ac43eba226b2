"""Reading the data set that `seeds.build` wrote.

The one place in `train` that knows where it lies and how it names itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import ConfigError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

SPLITS: tuple[str, ...] = ("train", "dev", "calibration", "threshold", "test")


def open_corpus(folder: Path) -> DatasetDict:
    """Open the data set in `folder`; its rows stay on disk until read."""
    if not (folder / "dataset_dict.json").is_file():
        raise ConfigError(
            f"{folder}: no data set here; write one with python -m seeds.build --config ..."
        )
    from datasets import load_from_disk

    return load_from_disk(str(folder))


def corpus_digest(folder: Path) -> str:
    """The data set's sha256, as `seeds.build` wrote it down."""
    path = folder / "digest.txt"
    if not path.is_file():
        raise ConfigError(f"{path}: missing, so the data cannot be named; build the data set again")
    return path.read_text(encoding="utf-8").strip()


def split_of(corpus: DatasetDict, name: str) -> Dataset:
    """One split, or an error that lists those there are."""
    if name not in corpus:
        raise ConfigError(f"{name}: no such split in the data set; it has {', '.join(corpus)}")
    return corpus[name]
