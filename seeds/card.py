"""The data card: what a data set holds, what was removed, and what leaks.

Written by every build beside the data, from the data. The leak table is the part to read
first: a single surface feature that tells human from machine on its own is a sign that a
model may learn the file format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from model.features import FEATURE_NAMES, text_features
from model.labels import HUMAN
from seeds import spinner
from seeds.readers import documents, rewrites
from seeds.splits import SPLITS

LEAK_SAMPLE = 4000
"""Texts per class and split that suffice for two digits in the leak table."""


def write_card(path: Path, columns: Mapping[str, list[Any]], facts: Mapping[str, Any]) -> None:
    """Write the card of a data set whose columns and build facts are given."""
    sections = [
        "# Data card",
        f"{len(columns['id'])} texts, digest `{facts['digest']}`. Made by "
        "`python -m seeds.build`; the resolved configuration is in `build.json`.",
        "## Splits and labels",
        _cross_table(columns, "label"),
        "## Corpora",
        _cross_table(columns, "corpus"),
        "## Generators",
        _cross_table(columns, "generator", machines_only=True),
        "## Operations",
        _cross_table(columns, "operation", machines_only=True),
        "## Domains",
        _cross_table(columns, "domain"),
        "## Held-out slices of test",
        _slice_table(columns),
        "## One-feature leaks",
        "AUROC of one surface feature of the cleaned text between human and machine, in the "
        f"better direction, over every n-th text, {LEAK_SAMPLE} of a class or more where there "
        "are so many; 0.5 is no leak. Line breaks, and the shape of quotation marks and dashes, "
        "do not reach the encoder, which reads normalised text; their number does.",
        _leak_table(columns),
        "## What cleaning did",
        _removed_table(facts["removed"]),
        "## Licences and sources",
        _licence_table(Counter(columns["corpus"]), facts["config"]["corpora"]),
    ]
    path.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def _cross_table(columns: Mapping[str, list[Any]], name: str, machines_only: bool = False) -> str:
    counts: Counter[tuple[str, str]] = Counter()
    for value, split, label in zip(columns[name], columns["split"], columns["label"], strict=True):
        if not (machines_only and label == HUMAN):
            counts[value, split] += 1
    values = sorted({value for value, _ in counts})
    rows = [
        [value or "(none)", *(counts[value, split] for split in SPLITS),
         sum(counts[value, split] for split in SPLITS)]
        for value in values
    ]  # fmt: skip
    return _table([name, *SPLITS, "all"], rows)


def _slice_table(columns: Mapping[str, list[Any]]) -> str:
    counts: Counter[tuple[str, bool]] = Counter()
    for slices, label in zip(columns["slices"], columns["label"], strict=True):
        counts.update((name, label == HUMAN) for name in slices)
    names = sorted({name for name, _ in counts})
    return _table(
        ["slice", "human", "machine"],
        [[name, counts[name, True], counts[name, False]] for name in names],
    )


def _leak_table(columns: Mapping[str, list[Any]]) -> str:
    cells: dict[str, list[str]] = {name: [] for name in FEATURE_NAMES}
    for split in SPLITS:
        human, machine = _sample(columns, split)
        measured = [text_features(text) for text in human + machine]
        truth = [0] * len(human) + [1] * len(machine)
        for name in FEATURE_NAMES:
            cells[name].append(_leak([features[name] for features in measured], truth))
    return _table(["feature", *SPLITS], [[name, *values] for name, values in cells.items()])


def _leak(values: Sequence[float], truth: Sequence[int]) -> str:
    """AUROC in the better direction; a dash where a split lacks a class."""
    from sklearn.metrics import roc_auc_score

    if len(set(truth)) < 2:
        return "-"
    value = float(roc_auc_score(truth, values))
    return f"{max(value, 1 - value):.3f}"


def _sample(columns: Mapping[str, list[Any]], split: str) -> tuple[list[str], list[str]]:
    """Evenly spaced human and machine texts of one split."""
    classes: tuple[list[str], list[str]] = ([], [])
    for text, label, where in zip(columns["text"], columns["label"], columns["split"], strict=True):
        if where == split:
            classes[label != HUMAN].append(text)
    human, machine = (texts[:: max(1, len(texts) // LEAK_SAMPLE)] for texts in classes)
    return human, machine


def _removed_table(removed: Mapping[str, Mapping[str, int]]) -> str:
    reasons = sorted({reason for counts in removed.values() for reason in counts} - {"read"})
    corpora = sorted(removed)
    total = ["all", *(sum(removed[c].get(reason, 0) for c in corpora) for reason in reasons)]
    rows = [
        [corpus, *(removed[corpus].get(reason, 0) for reason in ["read", *reasons])]
        for corpus in corpora
    ]
    read = sum(removed[corpus].get("read", 0) for corpus in corpora)
    rows.append([total[0], read, *total[1:]])
    return _table(["corpus", "read", *reasons], rows)


_OWN_LICENCES: Mapping[str, tuple[str, str]] = {
    rewrites.CORPUS: ("CC BY 4.0", "seeds/rewrites"),
    spinner.CORPUS: ("as the text that each was spun from", "seeds/spinner.py"),
    documents.CORPUS: ("the seed documents of this project", "seeds/documents"),
}
"""What the project brings itself: licence, and where it lies."""


def _licence_table(texts: Mapping[str, int], own: Sequence[Mapping[str, Any]]) -> str:
    """Where the texts came from: pinned corpora, and those of the configuration."""
    from seeds.archives import pins

    rows = [
        [pin.repository, texts[pin.repository], pin.commit[:12], pin.licence, pin.citation]
        for pin in pins().values()
        if pin.repository in texts
    ]
    rows += [
        [name, texts[name], "", licence, citation]
        for name, (licence, citation) in _OWN_LICENCES.items()
        if name in texts
    ]
    rows += [
        [corpus["name"], texts[corpus["name"]], "", corpus["licence"], ""]
        for corpus in own
        if corpus["name"] in texts
    ]
    return _table(["corpus", "texts", "commit", "licence", "cite"], rows)
