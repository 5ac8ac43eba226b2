"""The top of the model card: what a reader must know who gives it one minute.

Every figure comes from the manifest, and a line whose figure was not measured, or was measured
of other weights, is left out. What it says is said again below, with every slice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from model.bundle import WEIGHTS_FILE
from model.policies import DEFAULT_POLICY
from train.tables import area, rows_of, share

LEAST_TEXTS = 50
"""Machine texts from which a generator may be called the one that is missed most."""

_NAMES: Mapping[tuple[str, str], str] = {
    ("slice", "frontier"): "rewrites by a frontier model, of stories it never saw",
    ("label", "rewritten"): "rewritten texts of all sorts",
    ("label", "generated"): "generated texts",
    ("label", "spun"): "spun texts",
}
"""Rows that say what is found, in their order, and how a reader would name them."""

Json = Mapping[str, Any]


def one_minute(manifest: Json, measured: Json) -> str:
    """The lines, as a Markdown list."""
    weights = manifest["files"][WEIGHTS_FILE]
    report = measured.get("test") or measured.get("dev") or {}
    lines = [
        "**For** a second opinion on one English news article of "
        f"{manifest['minimum_words']} words or more, and for sorting a queue that people then "
        "read. **Not for** proof of who wrote a text, for other languages, or for other genres."
    ]
    if report.get("sha256") == weights:
        for write in (_found, _missed, _accused, _short, _beside):
            lines += write(report)
    for part, write in (("attacks", _attacked), ("passages", _passages)):
        if measured.get(part, {}).get("bundle", {}).get("sha256") == weights:
            lines += write(measured[part])
    if report.get("sha256") == weights:
        lines += _measured(report)
    return "\n".join(f"- {line}" for line in lines)


def _found(report: Json) -> Iterator[str]:
    found = [
        f"{_rate(row, 'tpr')} of {row['machine']:,} {_NAMES[row['kind'], row['name']]}"
        for kind, name in _NAMES
        for row in _named(report, kind, name)
        if row["machine"]
    ]
    if found:
        yield f"**Finds**, where it may accuse one human in a hundred: {'; '.join(found)}."


def _missed(report: Json) -> Iterator[str]:
    for row in _named(report, "overlap", ">=0.6"):
        worst = _least(report, "generator")
        more = (
            f"; of {worst['machine']:,} by {worst['name']} {_rate(worst, 'tpr')}" if worst else ""
        )
        yield (
            f"**Misses** what is lightly edited: of {row['machine']:,} machine texts that kept six "
            f"tenths of the author's wording or more it finds {_rate(row, 'tpr')}{more}."
        )


def _accused(report: Json) -> Iterator[str]:
    rows = _named(report, "domain", "news") or _named(report, "overall", "all")
    parts = [f"{_rate(row, 'fpr', True)} of {row['human']:,} human articles" for row in rows]
    parts += [
        f"{_rate(row, 'fpr', True)} of {row['human']:,} at outlets it was not trained on"
        for row in _named(report, "slice", "outlet")
    ]
    outlets = rows_of(report, "outlet")
    if outlets:
        worst = max(outlets, key=lambda row: _value(row, "fpr"))
        parts.append(
            f"most often {worst['name']}: {_rate(worst, 'fpr', True)} of {worst['human']:,}"
        )
    yield f"**Accuses wrongly** {', '.join(parts)} (95% intervals)."


def _short(report: Json) -> Iterator[str]:
    for row in _named(report, "length", "<100"):
        if row["machine"] and row["human"]:
            yield (
                f"**Below 100 words** it finds {_rate(row, 'tpr')} and accuses "
                f"{_rate(row, 'fpr', True)} of {row['human']:,} humans."
            )


def _beside(report: Json) -> Iterator[str]:
    for row in _named(report, "overall", "all"):
        words = row["cells"].get("linear")
        if row["machine"] and row["human"] and words:
            encoder = row["cells"]["encoder"]
            yield (
                f"**Beside it**, words alone (a 1-2-gram logistic regression trained on the same "
                f"texts) find {share(words['tpr'][DEFAULT_POLICY], False)} where it finds "
                f"{_rate(row, 'tpr')}; AUROC {area(words['auroc'], False)} and "
                f"{area(encoder['auroc'], False)}."
            )


def _attacked(report: Json) -> Iterator[str]:
    clean, rows = report["clean"], report["standard"]
    worst = min(rows, key=lambda row: row["tpr"]["value"])
    yield (
        f"**Under attack** the share that is found goes from {share(clean['tpr'], False)} to "
        f"{share(worst['tpr'], False)} at worst ({worst['attack'].replace('_', ' ')}, of "
        f"{len(rows)} attacks on {clean['machine']:,} texts)."
    )


def _passages(report: Json) -> Iterator[str]:
    for row in report["rows"]:
        if row["name"] == "all":
            human = report["human"]
            yield (
                f"**Sentences** of {row['articles']:,} articles that a human and a machine wrote "
                f"are told apart with AUROC {area(row['auroc']['encoder'], False)}; of those of "
                f"{human['articles']:,} human articles {share(human['marked'], False)} are marked."
            )


def _measured(report: Json) -> Iterator[str]:
    counts = report["texts"]
    yield (
        f"**Measured** on {counts['human']:,} human and {counts['machine']:,} machine texts (split "
        f"`{report['split']}`) that trained and calibrated nothing, at thresholds frozen on "
        f"{report['threshold_humans']:,} other human articles. `python -m train.report` makes "
        "every figure anew, with pictures."
    )


def _least(report: Json, kind: str) -> Json | None:
    """The row of a kind of which the smallest share is found."""
    rows = [row for row in rows_of(report, kind) if row["machine"] >= LEAST_TEXTS]
    return min(rows, key=lambda row: _value(row, "tpr"), default=None)


def _named(report: Json, kind: str, name: str) -> Sequence[Json]:
    return [row for row in rows_of(report, kind) if row["name"] == name]


def _value(row: Json, name: str) -> float:
    return float(row["cells"]["encoder"][name][DEFAULT_POLICY]["value"])


def _rate(row: Json, name: str, interval: bool = False) -> str:
    return share(row["cells"]["encoder"][name][DEFAULT_POLICY], interval)
