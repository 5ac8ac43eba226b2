"""Floors: what a bundle must not fall below, pinned in a file that is lowered only on purpose.

`model/floors.json` holds a floor for every main figure, with the data digest and the weights that
gave it. It ships, beside the bundle and not in it: an export writes the bundle anew, and must not
reset what it is held to. Whoever trains other weights asks `python -m train.report --check-floors`
whether they may take the place of these.

A floor lies a little under what was measured, since int8 kernels differ between processors in the
third digit and one text more or less is no fall. It rises with what is measured, and never falls
by itself: lowering one takes a flag, an entry in the file and a line in CHANGELOG.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from model.bundle import DEFAULT_FOLDER
from model.errors import ConfigError
from model.policies import DEFAULT_POLICY
from train.open_texts import HUMAN, SEED_DOCUMENTS
from train.tables import rows_of

FLOORS_FILE = DEFAULT_FOLDER.parent / "floors.json"
MAIN_ROWS: Mapping[str, tuple[str, ...]] = {
    "overall": ("all",),
    "slice": ("frontier", "generator", "corpus", "operation"),
    "label": ("rewritten", "generated", "spun"),
    "overlap": ("<0.1", "0.1-0.3", "0.3-0.6"),
    "length": ("<100", "100-200", "200-400", "400-800", ">=800"),
}
"""Kind and names of the rows whose AUROC and detection rate have a floor."""
HUMAN_ROWS: Mapping[str, tuple[str, ...]] = {
    "overall": ("all",),
    "domain": ("news", "press-release"),
    "slice": ("outlet",),
    "length": ("<100",),
}
"""Those whose false alarms have a ceiling."""

_AREA, _DETECTED, _FLAGGED, _SCORE, _EXACT = 0.002, 0.01, 0.002, 0.01, 0.0
"""How far a floor lies from what was measured."""
_FEW = 0.02  # of rates over some hundreds of texts
_ROUNDING = 5e-5 + 1e-9  # limits are kept to four decimals

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure that may not fall or, where it is a `ceiling`, not rise."""

    name: str
    """Part, figure and row, as in "test: AUROC, slice frontier"."""
    value: float
    slack: float
    ceiling: bool = False

    @property
    def limit(self) -> float:
        """The floor that this figure gives, to four decimals."""
        limit = self.value + (self.slack if self.ceiling else -self.slack)
        return round(min(1.0, max(0.0, limit)), 4)

    def keeps(self, limit: float) -> bool:
        """Whether the figure is on the right side of a limit, which is rounded."""
        if self.ceiling:
            return self.value <= limit + _ROUNDING
        return self.value >= limit - _ROUNDING


@dataclass(frozen=True)
class Floors:
    """What stands in the file."""

    data_digest: str = ""
    sha256: str = ""
    """The weights that were measured when the file was last written."""
    version: str = ""
    rewrites: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Ids of the rewrites of the small slice, see `train.open_texts`."""
    floors: Mapping[str, float] = field(default_factory=dict)
    ceilings: Mapping[str, float] = field(default_factory=dict)
    lowered: Sequence[Json] = ()
    """Every lowering there ever was: version, figure, from, to."""


@dataclass(frozen=True, slots=True)
class Fall:
    """A figure on the wrong side of its limit; `found` is None where it was not measured."""

    name: str
    limit: float
    found: float | None
    ceiling: bool

    def __str__(self) -> str:
        found = "is not measured any more" if self.found is None else f"is {self.found:.4f}"
        return f"{self.name} {found} ({'ceiling' if self.ceiling else 'floor'} {self.limit:.4f})"


def figures(reports: Mapping[str, Json]) -> Iterator[Figure]:
    """Every figure with a floor, from reports by part: as written, or as a manifest keeps them."""
    for part, read in _READERS.items():
        if part in reports:
            for figure in read(reports[part]):
                yield replace(figure, name=f"{part}: {figure.name}")


def falls(floors: Floors, found: Iterable[Figure], parts: Iterable[str]) -> list[Fall]:
    """The limits of these parts that are not kept, in the order of the file."""
    known = {figure.name: figure for figure in found}
    wanted = tuple(f"{part}: " for part in parts)
    fallen = []
    for ceiling, limits in ((False, floors.floors), (True, floors.ceilings)):
        for name, limit in limits.items():
            figure = known.get(name)
            if name.startswith(wanted) and (figure is None or not figure.keeps(limit)):
                fallen.append(Fall(name, limit, figure.value if figure else None, ceiling))
    return fallen


def moved(floors: Floors, found: Sequence[Figure], fallen: Sequence[Fall], version: str) -> Floors:
    """The floors after a measurement: raised where it allows, lowered where it is among `fallen`.

    What was not measured keeps its limit, unless it is among `fallen`: then it goes.
    """
    gone = {fall.name for fall in fallen}
    entries = [
        {"version": version, "figure": fall.name, "from": fall.limit, "to": _limit(fall, found)}
        for fall in fallen
    ]
    limits = []
    for ceiling, old in ((False, floors.floors), (True, floors.ceilings)):
        new = {name: limit for name, limit in old.items() if name not in gone}
        better = min if ceiling else max
        for figure in found:
            if figure.ceiling == ceiling:
                limit = new.get(figure.name, figure.limit)
                new[figure.name] = better(limit, figure.limit)
        limits.append(new)
    return replace(
        floors, floors=limits[0], ceilings=limits[1], lowered=[*floors.lowered, *entries]
    )


def changelog_line(lowered: Json) -> str:
    """The line that CHANGELOG.md must have for a lowered floor."""
    to = "none" if lowered["to"] is None else f"{lowered['to']:.4f}"
    return f"Floor lowered: {lowered['figure']}, {lowered['from']:.4f} to {to}."


def read_floors(path: Path) -> Floors:
    """Read the file, or no floors where there is none; raises ConfigError where it is damaged."""
    if not path.is_file():
        return Floors()
    try:
        return Floors(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path}: not a file of floors ({error}); restore it") from error


def write_floors(path: Path, floors: Floors) -> None:
    """Write the file."""
    values = {name: getattr(floors, name) for name in Floors.__dataclass_fields__}
    text = json.dumps(values, indent=1, ensure_ascii=False) + "\n"
    temporary = path.with_suffix(".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _limit(fall: Fall, found: Sequence[Figure]) -> float | None:
    return next((figure.limit for figure in found if figure.name == fall.name), None)


def _split_figures(report: Json) -> Iterator[Figure]:
    for kind, names in MAIN_ROWS.items():
        for row in _named(rows_of(report, kind), names):
            cell, where = row["cells"]["encoder"], _where(row)
            yield from _defined(f"AUROC, {where}", cell.get("auroc"), _AREA)
            yield from _defined(
                f"TPR {DEFAULT_POLICY}, {where}", cell["tpr"].get(DEFAULT_POLICY), _DETECTED
            )
    for row in _named(rows_of(report, "slice"), ("seeds",)):
        found = row["cells"]["encoder"]["tpr"].get(DEFAULT_POLICY)
        yield from _defined(f"TPR {DEFAULT_POLICY}, {_where(row)}", found, _EXACT)
    for kind, names in HUMAN_ROWS.items():
        for row in _named(rows_of(report, kind), names):
            for policy, rate in row["cells"]["encoder"]["fpr"].items():
                if policy == DEFAULT_POLICY or kind == "overall":
                    yield from _defined(f"FPR {policy}, {_where(row)}", rate, _FLAGGED, True)
    for row in _named(report["calibration"], ("all", "all, rewording")):
        yield from _defined(f"ECE, {row['name']}", row["encoder"]["ece"], _AREA, True)


def _variant_figures(report: Json) -> Iterator[Figure]:
    for table, what in (("variants", ""), ("lengths", "first ")):
        for row in report[table]:
            yield from _defined(f"AUROC, {what}{row['name']}", row["auroc"], _AREA)


def _attack_figures(report: Json) -> Iterator[Figure]:
    for row in report["standard"]:
        yield from _defined(f"TPR {DEFAULT_POLICY}, {row['attack']}", row["tpr"], _FEW)
        if not row["rewords"]:
            yield from _defined(
                f"FPR {DEFAULT_POLICY}, {row['attack']}", row["fpr"], _DETECTED, True
            )


def _passage_figures(report: Json) -> Iterator[Figure]:
    yield from _defined("human sentences marked", report["human"]["marked"], _FLAGGED, True)
    for row in _named(report["rows"], ("all", "frontier", "older generators")):
        name = row["name"]
        yield from _defined(f"sentence AUROC, {name}", row["auroc"]["encoder"], _AREA)
        yield Figure(f"machine share off by, {name}", row["share_error"], _SCORE, True)
        yield from _defined(f"change of writers found, {name}", row["boundary"], _FEW)


def _open_figures(report: Json) -> Iterator[Figure]:
    for row in report["rows"]:
        human = row["name"] == HUMAN
        slack = _EXACT if row["name"] == SEED_DOCUMENTS else _FEW
        yield from _defined(f"flagged, {row['name']}", row["flagged"], slack, human)
        yield Figure(f"mean score, {row['name']}", row["mean"], _SCORE, human)


def _defined(
    name: str, estimate: Json | None, slack: float, ceiling: bool = False
) -> Iterator[Figure]:
    """The figure of an estimate, or nothing where it counts nothing."""
    if estimate and estimate["value"] is not None:
        yield Figure(name, estimate["value"], slack, ceiling)


_READERS = {
    "test": _split_figures,
    "dev": _split_figures,
    "variants": _variant_figures,
    "attacks": _attack_figures,
    "passages": _passage_figures,
    "open": _open_figures,
}


def _named(rows: Iterable[Json], names: Sequence[str]) -> Iterator[Json]:
    return (row for row in rows if row["name"] in names)


def _where(row: Json) -> str:
    return str(row["name"]) if row["kind"] == "overall" else f"{row['kind']} {row['name']}"
