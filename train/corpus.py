"""Reading the data set that `seeds.build` wrote.

The one place in `train` that knows where it lies and how it names itself.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import ConfigError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

    from train.config import FinetuneConfig

SPLITS: tuple[str, ...] = ("train", "dev", "calibration", "threshold", "test")


def open_corpus(folder: Path) -> DatasetDict:
    """Open the splits of the data set in `folder` that hold rows, which stay on disk."""
    _check_folder(folder)
    from datasets import DatasetDict, load_from_disk

    # The library writes a split without rows as a folder that it cannot read back.
    filled = [name for name in SPLITS if any((folder / name).glob("*.arrow"))]
    return DatasetDict({name: load_from_disk(str(folder / name)) for name in filled})


def corpus_digest(folder: Path) -> str:
    """The data set's sha256, as `seeds.build` wrote it down."""
    _check_folder(folder)
    path = folder / "digest.txt"
    if not path.is_file():
        raise ConfigError(f"{path}: missing, so the data cannot be named; build the data set again")
    return path.read_text(encoding="utf-8").strip()


def trained_before(config: FinetuneConfig) -> frozenset[str]:
    """The ids that `config.trained_before` lists."""
    if config.trained_before is None:
        return frozenset()
    try:
        text = config.trained_before.read_text(encoding="utf-8")
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise ConfigError(f"{config.trained_before}: {problem}; restore the file") from error
    return frozenset(filter(None, text.splitlines()))


def _check_folder(folder: Path) -> None:
    if not (folder / "dataset_dict.json").is_file():
        raise ConfigError(
            f"{folder}: no data set here; write one with python -m seeds.build --config ..."
        )


def split_of(corpus: DatasetDict, name: str) -> Dataset:
    """One split, or an error that lists those there are."""
    if name not in corpus:
        raise ConfigError(
            f"{name}: no such split in the data set, or an empty one; it has {', '.join(corpus)}"
        )
    return corpus[name]


def without(rows: Dataset, seen: Collection[str]) -> Dataset:
    """The rows whose id is not in `seen`."""
    if not seen:
        return rows
    return rows.select([index for index, name in enumerate(rows["id"]) if name not in seen])
