"""Measuring a bundle: encoder, word baseline and one-feature baselines on the same texts.

Every text of a split is scored by the very functions that serve (`model`), then judged
overall and slice by slice at thresholds that were chosen on other humans: the encoder's
are the bundle's, the baselines' are set on the same humans, those of the `threshold`
split. Nothing is weighted; every figure stands beside its counts and its 95% interval.

A row's machine texts are compared with all human texts of the split, since in the wild
nobody knows the corpus. Two exceptions: a length band is compared with the humans of that
band, and a corpus with humans of its own also gets a `within` AUROC, which format cannot
flatter.

    python -m train.measure --bundle model/checkpoint --data build/corpus \\
        --linear build/linear --output build/measure --split test
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, load_bundle, write_manifest
from model.calibration import likeliest_kinds, sigmoid
from model.errors import ConfigError, RespunError
from model.labels import HUMAN, LABELS
from model.policies import DEFAULT_POLICY, POLICY_RATES
from train.calibrate import human_scores
from train.curves import detection_curve, flagged_counts, reliability
from train.features import feature_table
from train.metrics.functions import (
    Estimate,
    Rate,
    auroc,
    brier,
    ece,
    flagged,
    threshold_at_fpr,
)

if TYPE_CHECKING:
    from train.linear import LinearModel

LENGTH_EDGES: tuple[int, ...] = (100, 200, 400, 800)
GRADED_OVERLAP = 0.6
"""The share of the original's wording from which a machine text is one by degree only."""
OVERLAP_EDGES: tuple[float, ...] = (0.1, 0.3, 0.6)
OUTLET_LEAST_HUMANS = 100
WITHIN_LEAST_TEXTS = 20
WIN_LEAST_MACHINE = 50
ROC_KINDS: tuple[str, ...] = ("overall", "slice")
WIN_KINDS: tuple[str, ...] = ("slice", "corpus", "generator", "label", "operation", "length")

ENCODER, LINEAR, FEATURE = "encoder", "linear", "feature"
_FOLDERS: Mapping[str, tuple[str, str]] = {
    "bundle": ("model/checkpoint", "folder of the bundle"),
    "data": ("build/corpus", "folder of the data set"),
    "linear": ("build/linear", "folder of the word baseline, see train.linear"),
    "output": ("build/measure", "folder for the tables and the scores that are kept"),
}
_EPILOG = """\
examples:
  python -m train.measure --bundle build/minilm/bundle --split dev --limit 200
  python -m train.measure --record

prints the tables; they are in OUTPUT/SPLIT.md and OUTPUT/SPLIT.json too.
exit codes: 0 done, 1 no usable bundle or baseline, 2 wrong usage, or other or no data
"""

Mask = NDArray[np.bool_]
Scores = NDArray[np.float64]
Lines = Mapping[str, Scores]


@dataclass(frozen=True)
class Texts:
    """A split in memory, column by column; arrays over the texts."""

    ids: list[str]
    texts: list[str]
    columns: Mapping[str, NDArray[np.str_]]
    """label, corpus, generator, operation, source, domain, story."""
    words: NDArray[np.int64]
    overlap: Scores
    """The share of the human original's wording that was kept; NaN where unknown."""
    slices: list[list[str]]

    @property
    def machine(self) -> Mask:
        """Which texts a machine made."""
        return np.asarray(self.columns["label"] != HUMAN)

    def take(self, chosen: Mask) -> Texts:
        """Only the chosen texts."""
        indices = np.flatnonzero(chosen)
        return Texts(
            ids=[self.ids[index] for index in indices],
            texts=[self.texts[index] for index in indices],
            columns={name: column[chosen] for name, column in self.columns.items()},
            words=self.words[chosen],
            overlap=self.overlap[chosen],
            slices=[self.slices[index] for index in indices],
        )


@dataclass(frozen=True)
class System:
    """What one detector said about each text, and where it draws its lines."""

    scores: Scores
    thresholds: Lines
    """Policy to the line of each text, as `Manifest.line` draws it."""
    probabilities: Scores | None = None
    kinds: NDArray[np.int64] | None = None
    """The likeliest kind of each text, as an index of `LABELS`."""


@dataclass(frozen=True, slots=True)
class Group:
    """The texts of one row: its machine texts, its humans, and the humans to beat."""

    kind: str
    name: str
    machine: Mask
    human: Mask
    reference: Mask


@dataclass(frozen=True, slots=True)
class Cell:
    """One system on one row."""

    auroc: Estimate
    within: Estimate | None
    """AUROC against the humans of the same corpus, where there are enough."""
    tpr: dict[str, Rate]
    fpr: dict[str, Rate]


@dataclass(frozen=True, slots=True)
class Row:
    """One slice of the split, as each system did on it."""

    kind: str
    name: str
    machine: int
    human: int
    cells: dict[str, Cell]
    best_feature: str
    """The feature with the highest AUROC on this row, its direction fixed in training."""


def read_texts(data: Path, split: str, seen: Collection[str] = ()) -> Texts:
    """Read a split of the data set into memory, but for the texts whose id is in `seen`."""
    from train.corpus import open_corpus, split_of, without

    rows = without(split_of(open_corpus(data), split), seen)
    names = ("label", "corpus", "generator", "operation", "source", "domain", "story")
    return Texts(
        ids=list(rows["id"]),
        texts=list(rows["text"]),
        columns={name: np.array([value or "" for value in rows[name]], str) for name in names},
        words=np.array(list(rows["words"]), dtype=np.int64),
        overlap=np.array([math.nan if v is None else v for v in rows["overlap"]], dtype=float),
        slices=[list(value or ()) for value in rows["slices"]],
    )


def limit_cells(texts: Texts, limit: int) -> Mask:
    """At most `limit` texts of each corpus x label x generator x operation, chosen by id."""
    from train.scores import cache_key

    taken: Counter[tuple[str, ...]] = Counter()
    keep = np.zeros(len(texts.ids), dtype=bool)
    names = ("corpus", "label", "generator", "operation")
    for index in sorted(range(len(texts.ids)), key=lambda i: cache_key(texts.ids[i])):
        cell = tuple(str(texts.columns[name][index]) for name in names)
        keep[index] = taken[cell] < limit
        taken[cell] += 1
    return keep


def groups(texts: Texts) -> Iterator[Group]:
    """Every row that the tables have, in their order."""
    machine, human = texts.machine, ~texts.machine
    everything = np.ones(len(machine), dtype=bool)
    yield Group("overall", "all", machine, human, human)
    for name, chosen in _memberships(texts.slices):
        yield Group("slice", name, machine & chosen, human & chosen, human)
    for kind in ("corpus", "generator", "label", "operation", "domain"):
        for name, chosen in _values(texts.columns[kind]):
            yield Group(kind, name, machine & chosen, human & chosen, human)
    for name, chosen in _bands(texts.words, LENGTH_EDGES):
        yield Group("length", name, machine & chosen, human & chosen, human & chosen)
    for name, chosen in _bands(texts.overlap, OVERLAP_EDGES):
        yield Group("overlap", name, machine & chosen, human & ~everything, human)
    for name, chosen in _values(texts.columns["source"]):
        if (human & chosen).sum() >= OUTLET_LEAST_HUMANS:
            yield Group("outlet", name, machine & ~everything, human & chosen, human)


def measure_rows(
    texts: Texts, encoder: System, linear: System | None, features: Mapping[str, System]
) -> list[Row]:
    """Judge every system on every row; rows without a text are left out."""
    rows = []
    for group in groups(texts):
        if not (group.machine.any() or group.human.any()):
            continue
        cells = {ENCODER: _cell(encoder, group)}
        if linear is not None:
            cells[LINEAR] = _cell(linear, group)
        best = _best_feature(features, group)
        if best:
            cells[FEATURE] = _cell(features[best], group)
        counts = int(group.machine.sum()), int(group.human.sum())
        rows.append(Row(group.kind, group.name, *counts, cells, best))
    return rows


def measure_calibration(texts: Texts, systems: Mapping[str, System]) -> list[dict[str, Any]]:
    """ECE and Brier score of the systems that give probabilities, overall and by length."""
    machine = texts.machine
    bands = [("all", np.ones(len(machine), dtype=bool)), *_bands(texts.words, LENGTH_EDGES)]
    # A machine text that kept most of its original is one by degree, which no probability of
    # a yes or no can meet; so every row stands a second time without those.
    plain = ~(texts.overlap >= GRADED_OVERLAP)
    bands += [(f"{name}, rewording", chosen & plain) for name, chosen in bands]
    table = []
    for name, chosen in bands:
        if not chosen.any():
            continue
        row: dict[str, Any] = {"name": name}
        row |= {"machine": int(machine[chosen].sum()), "human": int((~machine)[chosen].sum())}
        for system, said in systems.items():
            if said.probabilities is not None:
                pair = machine[chosen], said.probabilities[chosen]
                row[system] = {
                    "ece": asdict(ece(*pair, even=True)),
                    "brier": asdict(brier(*pair)),
                }
        table.append(row)
    return table


def measure_reliability(texts: Texts, systems: Mapping[str, System]) -> list[dict[str, Any]]:
    """The bins behind a reliability diagram, of the systems that give probabilities.

    Twice, as in `measure_calibration`: with and without texts that kept most of their original.
    """
    everything = np.ones(len(texts.ids), dtype=bool)
    plain = ~(texts.overlap >= GRADED_OVERLAP)
    return [
        {
            "name": name,
            **{
                system: list(reliability(texts.machine[chosen], said.probabilities[chosen]))
                for system, said in systems.items()
                if said.probabilities is not None
            },
        }
        for name, chosen in (("all", everything), ("all, rewording", plain))
    ]


def measure_roc(
    texts: Texts, encoder: System, linear: System, features: Mapping[str, System]
) -> list[dict[str, Any]]:
    """ROC curves of all machine texts and of each held-out slice, against all humans."""
    table = []
    for group in groups(texts):
        least = 1 if group.kind == "overall" else WIN_LEAST_MACHINE
        if group.kind not in ROC_KINDS or group.machine.sum() < least:
            continue
        best = _best_feature(features, group)
        systems = {ENCODER: encoder, LINEAR: linear}
        systems |= {FEATURE: features[best]} if best else {}
        humans = int(group.reference.sum())
        counts = flagged_counts(humans)
        table.append(
            {
                "kind": group.kind,
                "name": group.name,
                "machine": int(group.machine.sum()),
                "human": humans,
                "best_feature": best,
                "flagged": counts,
                "tpr": {
                    name: detection_curve(
                        said.scores[group.machine], said.scores[group.reference], counts
                    )
                    for name, said in systems.items()
                },
            }
        )
    return table


def confusion(texts: Texts, encoder: System) -> dict[str, Any]:
    """True label by likeliest kind, in texts; the kinds in the order of `LABELS`."""
    said = np.asarray(encoder.kinds)
    return {
        "kinds": list(LABELS),
        "counts": {
            label: np.bincount(
                said[texts.columns["label"] == label], minlength=len(LABELS)
            ).tolist()
            for label in LABELS
        },
    }


def count_wins(texts: Texts, rows: Sequence[Row]) -> dict[str, Any]:
    """On how many slices the encoder is ahead of the word baseline, and where it is not.

    Slices with at least 50 machine texts; rows that hold the same machine texts (a corpus
    of one generator) count once.
    """
    members = {(g.kind, g.name): g.machine.tobytes() for g in groups(texts)}
    seen: set[bytes] = set()
    won = {"auroc": 0, "tpr": 0}
    behind: list[dict[str, str]] = []
    for row in rows:
        key = members[row.kind, row.name]
        if not _counts_for_wins(row) or key in seen:
            continue
        seen.add(key)
        for figure, ahead in _ahead(row).items():
            won[figure] += ahead
            if not ahead:
                behind.append({"kind": row.kind, "name": row.name, "figure": figure})
    return {"slices": len(seen), **won, "behind": behind}


def baseline_systems(
    texts: Texts, fixing: Texts, linear: LinearModel, linear_scores: tuple[Scores, Scores]
) -> tuple[System, dict[str, System]]:
    """The word baseline and each feature, with thresholds set on the humans of `fixing`."""
    there, here = linear_scores
    human = ~fixing.machine
    fixing_words = fixing.words[human]
    word = System(here, _lines(there[human], fixing_words, texts.words), sigmoid(here))
    fixing_table = feature_table(text for text, h in zip(fixing.texts, human, strict=True) if h)
    features = {}
    for name, values in feature_table(texts.texts).items():
        way = linear.features[name].direction
        lines = _lines(way * fixing_table[name], fixing_words, texts.words)
        features[name] = System(way * values, lines)
    return word, features


@dataclass(frozen=True)
class MeasureOptions:
    """What to measure, and where things lie."""

    bundle: Path
    data: Path
    linear: Path
    output: Path
    split: str = "test"
    limit: int | None = None
    threads: int | None = None


def measure(options: MeasureOptions) -> dict[str, Any]:
    """Score and judge a split; returns the report that is written as JSON."""
    from train.corpus import corpus_digest
    from train.linear import LinearModel

    bundle, linear = load_bundle(options.bundle), LinearModel.load(options.linear)
    digest = corpus_digest(options.data)
    _check_same_data(digest, linear, options)
    seen = bundle.manifest.training.get("trained_before", ())
    texts = read_texts(options.data, options.split, seen)
    fixing = read_texts(options.data, "threshold", seen)
    long_enough = texts.words >= bundle.manifest.minimum_words
    keep = long_enough & (limit_cells(texts, options.limit) if options.limit else long_enough)
    fixing_long_enough = fixing.words >= bundle.manifest.minimum_words
    texts, fixing = texts.take(keep), fixing.take(~fixing.machine & fixing_long_enough)
    encoder = _encoder_system(bundle, texts, digest, options)
    word, features = _baselines(linear, texts, fixing, digest, options)
    rows = measure_rows(texts, encoder, word, features)
    report = {
        "bundle": named(bundle),
        "data_digest": digest,
        "split": options.split,
        "limit": options.limit,
        "texts": {"human": int((~texts.machine).sum()), "machine": int(texts.machine.sum())},
        "too_short": int((~long_enough).sum()),
        "threshold_humans": len(fixing.ids),
        "rows": [asdict(row) for row in rows],
        "calibration": measure_calibration(texts, {ENCODER: encoder, LINEAR: word}),
        "reliability": measure_reliability(texts, {ENCODER: encoder, LINEAR: word}),
        "roc": measure_roc(texts, encoder, word, features),
        "wins": count_wins(texts, rows),
        "kinds": confusion(texts, encoder),
        "training_texts": count_training_texts(options.data),
    }
    cleaned: dict[str, Any] = without_nan(report)
    return cleaned


def count_training_texts(data: Path) -> dict[str, dict[str, int]]:
    """Texts of the train split: corpus to label to count."""
    from train.corpus import open_corpus, split_of

    rows = split_of(open_corpus(data), "train")
    counted = Counter(zip(rows["corpus"], rows["label"], strict=True))
    table: dict[str, dict[str, int]] = {}
    for (corpus, label), count in sorted(counted.items()):
        table.setdefault(corpus, {})[label] = count
    return table


def named(bundle: Bundle) -> dict[str, str]:
    """The weights that a report is of."""
    manifest = bundle.manifest
    return {"name": manifest.name, "version": manifest.version, "sha256": bundle.sha256}


def record(folder: Path, name: str, kept: Mapping[str, Any]) -> None:
    """Keep what was measured in the bundle's manifest, under a name, and rewrite the card."""
    from train.card import write_card

    manifest = load_bundle(folder).manifest
    measured = {**manifest.measured, name: dict(kept)}
    write_manifest(folder, replace(manifest, measured=measured))
    write_card(folder)


def summarize(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report as a manifest keeps it: the same keys, only what the card shows.

    Five decimals; intervals for the encoder only, of rates at the default threshold only.
    """
    kept = {name: value for name, value in report.items() if name != "bundle"}
    kept["rows"] = [
        {**row, "cells": {name: _compact(cell, name) for name, cell in row["cells"].items()}}
        for row in report["rows"]
    ]
    summary: dict[str, Any] = rounded({"sha256": report["bundle"]["sha256"], **kept})
    return summary


def add_folders(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the options that say where bundle, data, baseline and output lie, by name."""
    for name in names:
        default, help_ = _FOLDERS[name]
        parser.add_argument(
            f"--{name}", type=Path, default=Path(default), help=f"{help_}; default {default}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.measure",
        description="Measure a bundle beside its baselines, overall and by slice.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_folders(parser, *_FOLDERS)
    parser.add_argument(
        "--split", choices=("dev", "test"), default="test", help="what to measure on; default test"
    )
    parser.add_argument(
        "--limit", type=int, help="at most this many texts per corpus, label, generator, operation"
    )
    parser.add_argument("--threads", type=int, help="windows scored at once; default all cores")
    parser.add_argument(
        "--record", action="store_true", help="keep the result in the bundle and its card"
    )
    values = vars(parser.parse_args(arguments))
    recording = values.pop("record")
    options = MeasureOptions(**values)
    try:
        report = measure(options)
        written = _write(report, options.output)
        if recording:
            record(options.bundle, str(report["split"]), summarize(report))
    except RespunError as error:
        print(f"train.measure: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except OSError as error:
        print(f"train.measure: {error}; check --output", file=sys.stderr)
        return 1
    print(written.read_text(encoding="utf-8"), end="")
    return 0


def _write(report: Mapping[str, Any], output: Path) -> Path:
    from train.tables import render_report

    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=1, ensure_ascii=False)
    (output / f"{report['split']}.json").write_text(text + "\n", encoding="utf-8")
    written = output / f"{report['split']}.md"
    written.write_text(render_report(report), encoding="utf-8")
    return written


def _check_same_data(digest: str, linear: LinearModel, options: MeasureOptions) -> None:
    if linear.about.get("data_digest") != digest:
        raise ConfigError(
            f"{options.linear}: trained on other data than {options.data} holds; "
            "run python -m train.linear again"
        )
    if options.limit is not None and options.limit < 1:
        raise ConfigError(f"limit is {options.limit}; use 1 or more, or leave it out")


def _encoder_system(bundle: Bundle, texts: Texts, digest: str, options: MeasureOptions) -> System:
    from train.scores import calibrated_scores, encoder_key, encoder_logits, score_texts

    cache = options.output / "cache" / f"{ENCODER}-{encoder_key(bundle, digest)}.npz"
    rows = score_texts(texts.ids, texts.texts, encoder_logits(bundle, options.threads), cache)
    scores = calibrated_scores(bundle, rows)
    lines = {
        policy: np.array([bundle.manifest.line(policy, int(words)) for words in texts.words])
        for policy in bundle.manifest.thresholds
    }
    return System(scores, lines, scores, likeliest_kinds(rows[:, :-1], scores))


def _baselines(
    linear: LinearModel, texts: Texts, fixing: Texts, digest: str, options: MeasureOptions
) -> tuple[System, dict[str, System]]:
    from train.scores import cache_key, score_texts

    cache = options.output / "cache" / f"{LINEAR}-{cache_key(linear.sha256, digest)}.npz"
    both = score_texts(
        [*fixing.ids, *texts.ids],
        [*fixing.texts, *texts.texts],
        lambda batch: linear.score(batch)[:, None],
        cache,
    )[:, 0]
    return baseline_systems(
        texts, fixing, linear, (both[: len(fixing.ids)], both[len(fixing.ids) :])
    )


def _counts_for_wins(row: Row) -> bool:
    compared = LINEAR in row.cells and not math.isnan(row.cells[ENCODER].auroc.value)
    return compared and row.kind in WIN_KINDS and row.machine >= WIN_LEAST_MACHINE


def _ahead(row: Row) -> dict[str, bool]:
    """Whether the encoder is strictly ahead, by AUROC and by TPR at the default threshold."""
    ours, theirs = row.cells[ENCODER], row.cells[LINEAR]
    return {
        "auroc": ours.auroc.value > theirs.auroc.value,
        "tpr": ours.tpr[DEFAULT_POLICY].value > theirs.tpr[DEFAULT_POLICY].value,
    }


def _cell(system: System, group: Group) -> Cell:
    own, machine = system.scores[group.human], system.scores[group.machine]
    within = None
    if group.kind == "corpus" and min(len(own), len(machine)) >= WITHIN_LEAST_TEXTS:
        within = _area(machine, own)
    return Cell(
        auroc=_area(machine, system.scores[group.reference]),
        within=within,
        tpr={
            name: flagged(machine, lines[group.machine])
            for name, lines in system.thresholds.items()
        },
        fpr={name: flagged(own, lines[group.human]) for name, lines in system.thresholds.items()},
    )


def _area(machine: Scores, human: Scores) -> Estimate:
    is_machine = np.arange(len(machine) + len(human)) < len(machine)
    return auroc(is_machine, np.concatenate([machine, human]))


def _best_feature(features: Mapping[str, System], group: Group) -> str:
    """The strongest feature in hindsight; "" where there is nothing to compare."""
    areas = {
        name: _area(system.scores[group.machine], system.scores[group.reference]).value
        for name, system in features.items()
    }
    areas = {name: area for name, area in areas.items() if not math.isnan(area)}
    return max(areas, key=areas.__getitem__) if areas else ""


def _lines(human: Scores, human_words: NDArray[np.int64], words: NDArray[np.int64]) -> Lines:
    """Policy to the line of each text: what `Manifest.line` is to the encoder."""
    by_length = human_scores(human, human_words)
    lines = {}
    for policy, rate in POLICY_RATES.items():
        unknown = threshold_at_fpr(human, rate)
        lines[policy] = np.array([by_length.line(rate, int(count), unknown) for count in words])
    return lines


def _values(column: NDArray[np.str_]) -> Iterator[tuple[str, Mask]]:
    for name in np.unique(column).tolist():
        if name:
            yield name, np.asarray(column == name)


def _memberships(slices: Sequence[Sequence[str]]) -> Iterator[tuple[str, Mask]]:
    for name in sorted({name for names in slices for name in names}):
        yield name, np.array([name in names for names in slices], dtype=bool)


def _bands(values: NDArray[Any], edges: Sequence[float]) -> Iterator[tuple[str, Mask]]:
    """The bands between the edges; a NaN lies in none."""
    bounds = [-math.inf, *edges, math.inf]
    for low, high in pairwise(bounds):
        name = f"<{high}" if low == -math.inf else f">={low}" if high == math.inf else ""
        yield name or f"{low}-{high}", np.asarray((values >= low) & (values < high))


def without_nan(value: Any) -> Any:
    """The same structure with None for what is not a number, which JSON does not know."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _compact(cell: Mapping[str, Any], system: str) -> dict[str, Any]:
    """A cell without what is undefined on its row, nor intervals that no card shows."""

    def short(estimate: Mapping[str, float], interval: bool) -> dict[str, float]:
        names = ("value", "low", "high") if interval else ("value",)
        return {name: estimate[name] for name in names}

    ours = system == ENCODER
    areas = {name: cell[name] for name in ("auroc", "within")}
    compact: dict[str, Any] = {
        name: short(found, ours) for name, found in areas.items() if found and _defined(found)
    }
    for name in ("tpr", "fpr"):
        rates = {policy: rate for policy, rate in cell[name].items() if _defined(rate)}
        compact[name] = {p: short(r, ours and p == DEFAULT_POLICY) for p, r in rates.items()}
    return compact


def _defined(estimate: Mapping[str, float | None]) -> bool:
    return estimate["value"] is not None


def rounded(value: Any) -> Any:
    """The same structure with floats to five decimals: no card shows more."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 5) if isinstance(value, float) else value


if __name__ == "__main__":
    sys.exit(main())
