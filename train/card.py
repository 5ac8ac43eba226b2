"""The model card: the bundle's README.md, filled from its manifest and what was measured.

Written last, after measuring. Every figure on it comes from the manifest; the prose has
none of its own, so the card cannot claim what nobody measured, and `--check` proves that
the committed card is what the manifest gives. The metadata at the top is Hugging Face's
(model-index), written by hand here so that it does not move with that library's versions.

    python -m train.card --bundle model/checkpoint
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from model.bundle import WEIGHTS_FILE, load_bundle
from model.errors import RespunError
from train.gist import one_minute
from train.tables import (
    CALIBRATION_INTRO,
    KINDS_INTRO,
    PARAPHRASE_NOTE,
    attacks_intro,
    calibration_table,
    confusion_table,
    human_table,
    kept_outlets_table,
    length_lines_table,
    machine_table,
    passages_note,
    passages_table,
    render_targets,
    render_wins,
    robustness_table,
    rows_of,
    signals_intro,
    signals_table,
    standard_rows,
    variants_table,
)

CARD_FILE = "README.md"
BASE_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
WORST_ROWS = 10
_INDEXED: tuple[tuple[str, str], ...] = (
    ("overall", "all"),
    ("slice", "frontier"),
    ("slice", "corpus"),
    ("slice", "outlet"),
)
"""Rows that the metadata holds: the main results, as the hub lists them."""
WORST_LEAST_TEXTS = 50

_EPILOG = """\
examples:
  python -m train.card --bundle build/minilm/bundle
  python -m train.card --check

exit codes: 0 done, 1 out of date or no usable bundle, 2 wrong usage
"""

Json = Mapping[str, Any]

_PURPOSE = """\
Tells how likely it is that a machine wrote or rewrote an English news article, how sure one
may be, and which passages say so. It scores on a plain CPU, offline.

## What it is for

- A second opinion for moderators and newsroom staff on one article: a reason to look closer.
- Sorting a crawl or a queue, so that people read first what most needs reading.
- A starting point for training on a corpus of your own.

## What it is not for

- Proof. A score is no evidence of who wrote a text; do not accuse or punish by it alone.
- Other languages, and other genres: essays, fiction, code, chat, poems. Their scores mean little.
- Truth. A machine's text may be accurate and a person's text false; this reads wording only.
- Short texts: below {minimum_words} words it gives no score."""

_USE = """\
## Use

```python
from serve import Scorer

result = Scorer.load().score([text])[0]
print(result.verdict, result.score, result.p_human)
```

`model.safetensors` and `config.json` load as a token classifier (`BertForTokenClassification`)
to train on; a document's logits are the mean over its tokens, and the calibration that turns
them into the score is in `respun.json`."""

_LIMITS = """\
- The false-alarm rates above hold for human articles like those measured. On outlets, decades or
  genres unlike them, draw the thresholds on your own human texts (`python -m train.recalibrate`).
- Text that a machine polished lightly, keeping the author's sentences, differs little from the
  author's own; see the rows by operation and by kept wording.
- Whoever rewrites by hand, mixes sources or uses tools newer than the training data can pass as
  human. A low score clears nobody.
- Corpora differ in format as well as in style. Layout and typography are removed before scoring;
  the baselines beside the encoder show how much is left that words alone explain."""


def render_card(manifest: Json, measured: Json) -> str:
    """The card of a manifest and what was measured, as `--record` and the export keep it."""
    report = measured.get("test") or measured.get("dev")
    purpose = _PURPOSE.format(minimum_words=manifest["minimum_words"])
    parts = [
        _metadata(manifest, report),
        f"# {manifest['name']} {manifest['version']}",
        "## In one minute",
        one_minute(manifest, measured),
        "## What it does",
        purpose,
        "## How often it errs, and on whom",
        *_promises(manifest, measured.get("threshold")),
        *_errors(report),
        *_variants(manifest, measured.get("variants")),
        *_passages(manifest, measured.get("passages")),
        *_attacks(manifest, measured.get("attacks")),
        *_signals(measured.get("signals")),
        "## How it was measured",
        *_method(manifest, report),
        "## Training data",
        *_training_data(report),
        "## Training",
        *_records(manifest),
        "## Limits",
        _LIMITS,
        _USE,
    ]
    return "\n\n".join(parts) + "\n"


def bundle_card(folder: Path) -> str:
    """The card that the bundle's manifest gives."""
    manifest = load_bundle(folder).manifest.to_dict()
    return render_card(manifest, manifest["measured"])


def write_card(folder: Path) -> None:
    """Write the bundle's card anew."""
    (folder / CARD_FILE).write_text(bundle_card(folder), encoding="utf-8")


def is_current(folder: Path) -> bool:
    """Whether the card that lies in the bundle is the one its manifest gives."""
    path = folder / CARD_FILE
    return path.is_file() and path.read_text(encoding="utf-8") == bundle_card(folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.card",
        description="Write the model card of a bundle, or check it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        default=Path("model/checkpoint"),
        help="folder of the bundle; default model/checkpoint",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when the card is out of date"
    )
    options = parser.parse_args(arguments)
    card = options.bundle / CARD_FILE
    try:
        if options.check:
            if is_current(options.bundle):
                return 0
            print(
                f"train.card: {card} is out of date; run python -m train.card "
                f"--bundle {options.bundle}",
                file=sys.stderr,
            )
            return 1
        write_card(options.bundle)
    except RespunError as error:
        print(f"train.card: {error}", file=sys.stderr)
        return 1
    print(card)
    return 0


def _metadata(manifest: Json, report: Json | None) -> str:
    """The YAML block that the Hugging Face hub reads."""
    lines = [
        "---",
        "language: en",
        "license: apache-2.0",
        "library_name: onnx",
        "pipeline_tag: text-classification",
        f"base_model: {manifest['training'].get('base_model', BASE_MODEL)}",
        "tags:",
        "- machine-generated-text-detection",
        "- news",
        "- onnx",
    ]
    if report is not None:
        lines += ["model-index:", f"- name: {manifest['name']}", "  results:"]
        for kind, name in _INDEXED:
            for row in rows_of(report, kind):
                if row["name"] == name:
                    lines += _indexed(report, row)
    return "\n".join([*lines, "---"])


def _indexed(report: Json, row: Json) -> list[str]:
    """One result of the model-index: a row of the report, and its figures."""
    name = row["name"] if row["kind"] == "overall" else f"{row['kind']}-{row['name']}"
    return [
        "  - task:",
        "      type: text-classification",
        "      name: machine-rewritten news detection",
        "    dataset:",
        "      type: respun",
        "      name: respun corpus",
        f"      config: {name}",
        f"      split: {report['split']}",
        f'      revision: "{report["data_digest"]}"',
        "    metrics:",
        *(
            f"    - type: {kind}\n      name: {name}\n      value: {value}"
            for kind, name, value in _headline(report, row)
        ),
    ]


def _headline(report: Json, row: Json) -> list[tuple[str, str, float]]:
    """The figures of a row for the model-index: type, name, value."""
    cell = row["cells"]["encoder"]
    found = []
    if "auroc" in cell:
        found.append(("roc_auc", "AUROC", cell["auroc"]["value"]))
    for policy, rate in cell["tpr"].items():
        found.append(("recall", f"TPR at the {policy} threshold", rate["value"]))
    for policy, rate in cell["fpr"].items():
        found.append(("false_positive_rate", f"FPR at the {policy} threshold", rate["value"]))
    if row["kind"] != "overall":
        return found
    calibration = report["calibration"][0]["encoder"]
    if calibration["ece"]["value"] is not None:
        found.append(("ece", "expected calibration error", calibration["ece"]["value"]))
    return [*found, ("brier_score", "Brier score", calibration["brier"]["value"])]


def _promises(manifest: Json, kept: Json | None) -> list[str]:
    lines = [
        "| threshold | over all lengths | human articles it was chosen on | of them flagged "
        "| false-alarm rate, 95% interval |",
        "| --- | --- | --- | --- | --- |",
    ]
    for policy, line in manifest["thresholds"].items():
        low, high = (f"{100 * end:.2f}%" for end in line["interval"])
        lines.append(
            f"| {policy} | {line['value']:.4f} | {line['humans']:,} | {line['flagged']:,} "
            f"| {low} to {high} |"
        )
    parts = [
        "A threshold is a promise about false alarms, chosen on human articles that neither "
        "trained nor calibrated anything, and kept among articles of like length:",
        "\n".join(lines),
    ]
    if kept:
        parts += [
            "What an article must score to be flagged, by its length in words:",
            length_lines_table(kept["lengths"]),
            "`p_human` and these lines are split-conformal, among the held-back articles nearest "
            "in length (for 0.1% the nearest thousand): for a human article that is exchangeable "
            "with those it is compared with, the chance of a `p_human` of at most 1% is at most "
            "1%, whatever the scores. Nothing is promised where articles are not exchangeable, and "
            "those of a new kind of outlet are not: `python -m train.recalibrate` draws the lines "
            "on articles of your own.",
        ]
        if kept["outlets"]:
            parts += [
                "What that costs shows where each held-back outlet meets lines drawn from the "
                "others alone:",
                kept_outlets_table(kept["outlets"]),
                _broken(kept["outlets"]),
            ]
    return parts


def _broken(outlets: Sequence[Json]) -> str:
    """Which outlets' false alarms are above the promised 1%, beyond chance."""
    broken = [row["name"] for row in outlets if row["fpr"]["fpr-1pct"]["low"] > 0.01]
    if not broken:
        return "At none of them is the rate of the 1% threshold above 1% beyond chance."
    return f"The 1% promise was broken, beyond chance, at: {', '.join(broken)}."


def _errors(report: Json | None) -> list[str]:
    if report is None:
        return [
            "Beyond that, these weights have not been measured yet (`python -m train.measure`)."
        ]
    counts = report["texts"]
    parts = [
        f"Measured on the {report['split']} split, {counts['human']:,} human and "
        f"{counts['machine']:,} machine texts. `encoder` is this model; `linear` is a word "
        "1-2-gram logistic regression trained on the same split; `one feature` is the strongest "
        "single number (words, commas, ...) in hindsight. TPR: the share of machine texts "
        "flagged; FPR: the share of human texts flagged; brackets: 95% intervals.",
    ]
    kinds = ("overall", "slice", "label", "operation", "overlap", "length", "corpus")
    rows = [_labelled(row) for kind in kinds for row in rows_of(report, kind)]
    parts.append(machine_table(rows))
    parts += _worst(
        "The generators it misses most, at the 1% threshold:",
        [row for row in rows_of(report, "generator") if row["machine"] >= WORST_LEAST_TEXTS],
        machine_table,
        key=lambda row: row["cells"]["encoder"]["tpr"]["fpr-1pct"]["value"],
    )
    parts += _false_alarms(report)
    parts += [
        f"Kinds. {KINDS_INTRO}",
        confusion_table(report["kinds"]),
        f"Calibration (the score as a probability at even odds). {CALIBRATION_INTRO}",
        calibration_table(report["calibration"]),
    ]
    return [*parts, render_wins(report["wins"])]


def _variants(manifest: Json, report: Json | None) -> list[str]:
    if report is None or report["bundle"]["sha256"] != manifest["files"][WEIGHTS_FILE]:
        return []
    return [
        f"The same {report['split']} news texts, up to {report['texts']:,} of each class, in other "
        f"formats (`python -m train.variants --texts {report['texts']} --record`):",
        variants_table(report["variants"], "format"),
        "And cut to their first words, each row of the texts that have as many:",
        variants_table(report["lengths"], "words read"),
    ]


def _passages(manifest: Json, report: Json | None) -> list[str]:
    if report is None or report["bundle"]["sha256"] != manifest["files"][WEIGHTS_FILE]:
        return []
    return [
        "## Passages",
        "How well the sentences of a machine are told from those of a human in one article "
        f"(`python -m train.passages --texts {report['texts']} --record`).",
        passages_note(report),
        passages_table(report["rows"]),
    ]


def _attacks(manifest: Json, report: Json | None) -> list[str]:
    if report is None or report["bundle"]["sha256"] != manifest["files"][WEIGHTS_FILE]:
        return []
    return [
        "## Under attack",
        "What is still found when somebody wants the text to pass as human: RAID's attacks at its "
        "own rates, and what happens to news on its way "
        f"(`python -m train.robustness --texts {report['texts']} --record`, which prints other "
        "strengths, too).",
        attacks_intro(report),
        *_attacked_in_training(manifest),
        robustness_table(standard_rows(report)),
        PARAPHRASE_NOTE,
        render_targets(report),
    ]


def _attacked_in_training(manifest: Json) -> list[str]:
    """That the attacks are no news to these weights, where they are none."""
    attacked = manifest["training"].get("config", {}).get("attacked")
    if not attacked:
        return []
    return [
        f"These weights know the attacks: in their last run {100 * attacked:g}% of the training "
        "texts were read under one of them (none with a human's paragraph glued on, no human text "
        "under the spinner). Against attacks of other kinds they may lose more."
    ]


def _signals(report: Json | None) -> list[str]:
    if report is None:
        return []
    return [
        "## Signals",
        "Traces that a result lists beside the score, which they never move "
        "(`python -m train.signals --record`).",
        signals_intro(report),
        signals_table(report["signals"]),
    ]


def _false_alarms(report: Json) -> list[str]:
    domains = [row for row in rows_of(report, "domain") if row["human"]]
    parts = ["False alarms by kind of text:", human_table(domains)] if domains else []
    return parts + _worst(
        "The outlets with the most false alarms at the 1% threshold "
        f"(of {len(rows_of(report, 'outlet'))} with enough human texts to tell):",
        rows_of(report, "outlet"),
        human_table,
        key=lambda row: -row["cells"]["encoder"]["fpr"]["fpr-1pct"]["value"],
    )


def _worst(title: str, rows: Sequence[Json], table: Any, key: Any) -> list[str]:
    return [title, table(sorted(rows, key=key)[:WORST_ROWS])] if rows else []


def _labelled(row: Json) -> Json:
    """The row with its kind in its name, for a table that mixes kinds."""
    return row if row["kind"] == "overall" else {**row, "name": f"{row['kind']}: {row['name']}"}


def _method(manifest: Json, report: Json | None) -> list[str]:
    parts = [
        "Every text went through the functions that serve, with the int8 ONNX weights, sha256 "
        f"`{manifest['files'][WEIGHTS_FILE]}`."
    ]
    if report is None:
        return parts
    parts.append(
        "Command: `python -m train.measure --bundle model/checkpoint --data build/corpus "
        f"--linear build/linear --split {report['split']}"
        + (f" --limit {report['limit']}" if report["limit"] else "")
        + f" --record`, on the data set with digest `{report['data_digest']}`. AUROC is against "
        "all human texts of the split (a length band: against the humans of that band; `within`: "
        "against those of the same corpus)."
    )
    if report["limit"]:
        parts.append(
            f"Subsampled: at most {report['limit']:,} texts per corpus, label, generator and "
            "operation, chosen by id."
        )
    if report["sha256"] != manifest["files"][WEIGHTS_FILE]:
        parts.append(
            f"**These figures belong to other weights (sha256 `{report['sha256']}`): "
            "measure again.**"
        )
    return parts


def _training_data(report: Json | None) -> list[str]:
    table = report["training_texts"] if report else {}
    if not table:
        return ["Not recorded."]
    labels = sorted({label for counts in table.values() for label in counts})
    lines = [
        "| corpus | " + " | ".join(labels) + " |",
        "| --- |" + " --- |" * len(labels),
        *(
            _count_line(corpus, (counts.get(label, 0) for label in labels))
            for corpus, counts in table.items()
        ),
        _count_line(
            "all", (sum(counts.get(label, 0) for counts in table.values()) for label in labels)
        ),
    ]
    return ["Texts of the train split, by corpus and label:", "\n".join(lines)]


def _count_line(name: str, counts: Iterable[int]) -> str:
    return f"| {name} | " + " | ".join(f"{count:,}" for count in counts) + " |"


def _records(manifest: Json) -> list[str]:
    """What the manifest says of the run and of the export, key by key."""
    parts = [_listed(manifest["training"])] if manifest["training"] else ["Not recorded."]
    if manifest["parity"]:
        parts += [
            "Agreement of the exported weights with the trained encoder:",
            _listed(manifest["parity"]),
        ]
    return parts


def _listed(values: Json) -> str:
    return "\n".join(
        # A list of many ids is for the manifest; how many they are is for people.
        f"- {name}: {len(value):,} texts" if name == "trained_before" else f"- {name}: `{value}`"
        for name, value in _flat(values)
    )


def _flat(values: Json, prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


if __name__ == "__main__":
    sys.exit(main())
