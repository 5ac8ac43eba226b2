"""Named invariants of a data set, checked at the end of every build.

Each is a function from the columns to a line that says what broke, or None. A build whose
data breaks one fails: a leak between splits is worth more than the time it took.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from model.errors import CorpusError
from model.labels import HUMAN, LABELS
from seeds.readers.dates import is_before_machines
from seeds.splits import SEEDS, SPLITS, SplitConfig, held_out

Columns = Mapping[str, list[Any]]


def check(columns: Columns, config: SplitConfig) -> None:
    """Raise CorpusError that names the first invariant that does not hold."""
    for name, invariant in INVARIANTS.items():
        problem = invariant(columns, config)
        if problem:
            raise CorpusError(f"invariant '{name}' does not hold: {problem}; nothing was written")


def _unique_ids(columns: Columns, config: SplitConfig) -> str | None:
    seen: set[str] = set()
    for value in columns["id"]:
        if value in seen:
            return f"{value} stands twice"
        seen.add(value)
    return None


def _known_values(columns: Columns, config: SplitConfig) -> str | None:
    for identity, label, split in zip(
        columns["id"], columns["label"], columns["split"], strict=True
    ):
        if label not in LABELS or split not in SPLITS:
            return f"{identity} has label {label!r} in split {split!r}"
    return None


def _stories_on_one_side(columns: Columns, config: SplitConfig) -> str | None:
    sides: dict[str, str] = {}
    for story, split in zip(columns["story"], columns["split"], strict=True):
        if sides.setdefault(story, split) != split:
            return f"story {story} lies in {sides[story]} and {split}"
    return None


def _named_on_their_side(columns: Columns, config: SplitConfig) -> str | None:
    for column, wanted in (("source", config.outlets), ("corpus", config.corpora)):
        sides = {name: split for split, names in wanted.items() for name in names}
        for identity, name, split in zip(
            columns["id"], columns[column], columns["split"], strict=True
        ):
            if SPLITS.index(split) < SPLITS.index(sides.get(name, split)):
                return f"{identity} of {column} {name} lies in {split}"
    return None


def _held_out_only_in_test(columns: Columns, config: SplitConfig) -> str | None:
    for identity, corpus, generator, operation, split in zip(
        *(columns[name] for name in ("id", "corpus", "generator", "operation", "split")),
        strict=True,
    ):
        if held_out(generator, corpus, operation, config) and split != "test":
            return f"{identity} is held out and lies in {split}"
    return None


def _seeds_only_in_test(columns: Columns, config: SplitConfig) -> str | None:
    for identity, corpus, split in zip(
        columns["id"], columns["corpus"], columns["split"], strict=True
    ):
        if corpus == SEEDS and split != "test":
            return f"{identity} lies in {split}"
    return None


def _humans_have_no_machine(columns: Columns, config: SplitConfig) -> str | None:
    for identity, label, generator in zip(
        columns["id"], columns["label"], columns["generator"], strict=True
    ):
        if (label == HUMAN) != (generator == ""):
            return f"{identity} has label {label} and generator {generator!r}"
    return None


def _humans_before_machines(columns: Columns, config: SplitConfig) -> str | None:
    for identity, label, date in zip(columns["id"], columns["label"], columns["date"], strict=True):
        if label == HUMAN and not is_before_machines(date):
            return (
                f"{identity} is called human and dated {date}; correct its label, or, where a "
                "person wrote it for certain, leave the column of dates out"
            )
    return None


def _threshold_outlets_are_new(columns: Columns, config: SplitConfig) -> str | None:
    if config.threshold:
        return None  # a share of all stories was asked for, not outlets
    rows = list(zip(columns["source"], columns["label"], columns["split"], strict=True))
    held_back = {name for name, label, split in rows if split == "threshold" and label == HUMAN}
    for name, _, split in rows:
        used = name and name in held_back and SPLITS.index(split) < SPLITS.index("threshold")
        if used:
            return f"outlet {name} sets thresholds and lies in {split}"
    return None


def _texts_differ_across_splits(columns: Columns, config: SplitConfig) -> str | None:
    homes: dict[str, set[str]] = defaultdict(set)
    for text, split in zip(columns["text"], columns["split"], strict=True):
        homes[text].add(split)
    for text, splits in homes.items():
        if len(splits) > 1:
            return f"the text that begins {text[:40]!r} lies in {sorted(splits)}"
    return None


INVARIANTS: Mapping[str, Callable[[Columns, SplitConfig], str | None]] = {
    "ids are unique": _unique_ids,
    "labels and splits are known": _known_values,
    "a story lies on one side": _stories_on_one_side,
    "a named outlet or corpus is no nearer to training than asked": _named_on_their_side,
    "a held-out generator or operation is in test only": _held_out_only_in_test,
    "the story of the seed documents is in test only": _seeds_only_in_test,
    "a human text has no generator, a machine text has one": _humans_have_no_machine,
    "no human text is younger than November 2022": _humans_before_machines,
    "an outlet that sets thresholds does nothing else": _threshold_outlets_are_new,
    "no text lies in two splits": _texts_differ_across_splits,
}
