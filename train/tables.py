"""The measured tables as Markdown: for the terminal, for a file, for the model card.

Reads the report that `measure` writes as JSON and computes nothing but differences of
typography, so a table can be made again from a report kept anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SYSTEMS: tuple[str, ...] = ("encoder", "linear", "feature")
HEADINGS: Mapping[str, str] = {
    "overall": "Overall",
    "slice": "Held-out slices",
    "label": "By label",
    "corpus": "By corpus",
    "generator": "By generator",
    "operation": "By operation",
    "length": "By length in words",
    "overlap": "By share of the human original's wording that was kept",
    "domain": "By domain",
    "outlet": "False alarms by outlet",
}
HUMAN_KINDS: tuple[str, ...] = ("domain", "outlet")

KINDS_INTRO = (
    "The kind that the encoder finds likeliest of the four, among all texts of each label. Below "
    "its threshold a text is called human all the same."
)
CALIBRATION_INTRO = (
    "ECE with human and machine texts weighing the same in all, as the score supposes; the last "
    "rows leave out machine texts that kept most of the human original's wording, whose label "
    "is a matter of degree."
)

PARAPHRASE_NOTE = (
    "The last row stands for RAID's eleventh attack, which takes a language model: the split's own "
    "news texts that DIPPER paraphrased. They are other texts, so nothing is paired and no change "
    "is given. * Human texts under a synonym spinner are worded by a machine: what is flagged of "
    "them is no false alarm, and does not count as one. What comes before or after a text is a "
    "passage of up to 120 words, at most half as long as the text, of a human article on another "
    "story; a machine's text counts as machine all the same."
)

Json = Mapping[str, Any]


def render_report(report: Json) -> str:
    """The whole report as Markdown."""
    parts = [f"# Measured on the {report['split']} split", render_intro(report)]
    for kind, heading in HEADINGS.items():
        rows = rows_of(report, kind)
        if rows:
            table = human_table(rows) if kind in HUMAN_KINDS else machine_table(rows)
            parts += [f"## {heading}", table]
    parts += ["## Kinds", KINDS_INTRO, confusion_table(report["kinds"])]
    parts += ["## Calibration", CALIBRATION_INTRO, calibration_table(report["calibration"])]
    parts += ["## Encoder against word baseline", render_wins(report["wins"])]
    return "\n\n".join(parts) + "\n"


def render_intro(report: Json) -> str:
    """What was measured, on what, and how to read it."""
    counts, bundle = report["texts"], report["bundle"]
    lines = [
        f"Weights `{bundle['name']}` {bundle['version']}, sha256 `{bundle['sha256']}`.",
        f"Data digest `{report['data_digest']}`.",
        f"{counts['human']:,} human and {counts['machine']:,} machine texts; "
        f"{report['too_short']:,} more were too short to score.",
        "The encoder's thresholds are the bundle's; the baselines' were fixed on "
        f"{report['threshold_humans']:,} other human texts (split `threshold`). A threshold "
        "keeps its rate among texts of like length.",
        "AUROC is against all human texts of the split (a length band: against those of that "
        "band; `within`: against the corpus's own). `one feature` is the row's strongest single "
        "feature in hindsight, its direction fixed in training. Brackets: 95% intervals.",
    ]
    if report["limit"]:
        lines.append(
            f"Subsampled: at most {report['limit']:,} texts per corpus, label, generator and "
            "operation, chosen by id."
        )
    return "\n".join(lines)


def rows_of(report: Json, kind: str) -> list[Json]:
    """The rows of one kind, in their order."""
    return [row for row in report["rows"] if row["kind"] == kind]


def machine_table(rows: Sequence[Json]) -> str:
    """Rows with machine texts: AUROC and detection rates, system beside system."""
    within = any(_get(row, "encoder", "within") for row in rows)
    header = ["", "machine", "human", "AUROC encoder", "linear", "one feature"]
    header += ["within: encoder", "linear"] if within else []
    header += ["TPR 1%: encoder", "linear", "one feature"]
    header += ["TPR 5%: encoder", "linear", "TPR 0.1%: encoder", "linear"]
    header += ["FPR 1%: encoder", "linear"]
    return _table(header, (_machine_cells(row, within) for row in rows))


def human_table(rows: Sequence[Json]) -> str:
    """Rows about human texts: the share flagged at each threshold."""
    header = ["", "human", "FPR 5%: encoder", "linear", "FPR 1%: encoder", "linear"]
    header += ["FPR 0.1%: encoder", "linear"]
    policies = ("fpr-5pct", "fpr-1pct", "fpr-0.1pct")
    body = []
    for row in rows:
        cells = [row["name"], f"{row['human']:,}"]
        for policy in policies:
            cells += [
                share(
                    _get(row, system, "fpr", policy),
                    policy == "fpr-1pct" and system == "encoder",
                )
                for system in SYSTEMS[:2]
            ]
        body.append(cells)
    return _table(header, body)


def calibration_table(rows: Sequence[Json]) -> str:
    """ECE and Brier score, overall and by length."""
    header = ["words", "machine", "human", "ECE encoder", "linear", "Brier encoder", "linear"]
    body = []
    for row in rows:
        cells = [row["name"], f"{row['machine']:,}", f"{row['human']:,}"]
        for figure in ("ece", "brier"):
            cells += [area(row.get(system, {}).get(figure)) for system in SYSTEMS[:2]]
        body.append(cells)
    return _table(header, body)


def length_lines_table(rows: Sequence[Json]) -> str:
    """The lines of the promise, by length, and how many humans are behind each."""
    header = ["words", "nearest human articles", "their words", *rows[0]["lines"]]
    return _table(
        header,
        (
            [
                f"{row['words']:,}",
                f"{row['humans']:,}",
                "{:,} to {:,}".format(*row["between"]),
                *(f"{line:.4f}" for line in row["lines"].values()),
            ]
            for row in rows
        ),
    )


def kept_outlets_table(rows: Sequence[Json]) -> str:
    """False alarms at each held-back outlet, at lines drawn from the others."""
    policies = list(rows[0]["fpr"]) if rows else []
    header = ["outlet", "human articles", *(f"FPR {policy}" for policy in policies)]
    return _table(
        header,
        (
            [
                row["name"],
                f"{row['humans']:,}",
                *(share(row["fpr"][policy], policy == "fpr-1pct") for policy in policies),
            ]
            for row in rows
        ),
    )


def confusion_table(confusion: Json) -> str:
    """True label by likeliest kind, as shares of the row."""
    kinds = list(confusion["kinds"])
    body = [
        [label, f"{sum(counts):,}", *(_percent(count / sum(counts)) for count in counts)]
        for label, counts in confusion["counts"].items()
        if sum(counts)
    ]
    return _table(["label", "texts", *(f"said {kind}" for kind in kinds)], body)


def leave_out_table(rows: Sequence[Json]) -> str:
    """What was found of each group, by models trained with it and without it."""
    header = ["left out", "machine", "human"]
    for figure in ("AUROC", "TPR 1%"):
        header += [
            f"{figure}: encoder with", "without", f"{figure}: words with", "without"
        ]  # fmt: skip
    body = []
    for row in rows:
        cells = [row["name"], f"{row['machine']:,}", f"{row['human']:,}"]
        for figure, show in (("auroc", area), ("tpr", share)):
            for system in SYSTEMS[:2]:
                for trained in ("with", "without"):
                    cells.append(show(row[system][trained][figure], trained == "without"))
        body.append(cells)
    return _table(header, body)


def _weights_and_data(report: Json) -> str:
    """What a report is of."""
    bundle = report["bundle"]
    return (
        f"Weights `{bundle['name']}` {bundle['version']}, sha256 `{bundle['sha256']}`. "
        f"Data digest `{report['data_digest']}`."
    )


def render_variants(report: Json) -> str:
    """The report of `train.variants` as Markdown."""
    parts = [
        f"# The {report['split']} split in other formats and lengths",
        _weights_and_data(report),
        "## Formats",
        variants_table(report["variants"], "format"),
        "## The first words alone",
        variants_table(report["lengths"], "words read"),
    ]
    return "\n\n".join(parts) + "\n"


def variants_table(rows: Sequence[Json], what: str) -> str:
    """One row for each version of the same texts."""
    header = [what, "machine", "human", "AUROC", "TPR 1%", "FPR 1%"]
    return _table(
        header,
        (
            [
                row["name"],
                f"{row['machine']:,}",
                f"{row['human']:,}",
                area(row["auroc"]),
                share(row["tpr"]),
                share(row["fpr"]),
            ]
            for row in rows
        ),
    )


def render_passages(report: Json) -> str:
    """The report of `train.passages` as Markdown."""
    parts = [
        f"# Passages of the {report['split']} split",
        _weights_and_data(report),
        passages_note(report),
        passages_table(report["rows"]),
    ]
    return "\n\n".join(parts) + "\n"


def passages_note(report: Json) -> str:
    """What the mark does on articles that humans wrote alone, and how to read the table."""
    human = report["human"]
    return (
        f"A passage is marked from a score of {report['threshold']:.2f} on. Of the sentences of "
        f"{human['articles']:,} human articles, {share(human['marked'])} are marked. Below, "
        "articles that a human and a machine wrote, spliced sentence by sentence: AUROC of the "
        "sentences, beside that of window scores spread over their sentences and of the word "
        "baseline; how far `machine_share` is off on average, and how far, were it always said "
        "to be a half (`by score`: did every word count by its sentence's score); and how often "
        "the change of writers, where there is one, is found within one sentence. Intervals take "
        "sentences for independent, which those of one article are not: they are too narrow."
    )


def passages_table(rows: Sequence[Json]) -> str:
    """One row for each group of spliced articles."""
    header = [
        *("articles", "number", "sentences", "AUROC", "windows", "words"),
        *("share off by", "by score", "a half", "change found"),
    ]
    return _table(
        header,
        (
            [
                row["name"],
                f"{row['articles']:,}",
                f"{row['sentences']:,}",
                *(area(row["auroc"][system]) for system in ("encoder", "windows", "linear")),
                f"{row['share_error']:.3f}",
                f"{row['share_error_expected']:.3f}",
                f"{row['share_error_of_half']:.3f}",
                share(row["boundary"]) if row["boundary"] else "–",
            ]
            for row in rows
        ),
    )


def render_robustness(report: Json) -> str:
    """The report of `train.robustness` as Markdown."""
    parts = [
        f"# The {report['split']} split under attack",
        f"{_weights_and_data(report)} {report['scored']:,} different readings were scored.",
        attacks_intro(report),
        "## At the standard strengths",
        robustness_table(standard_rows(report)),
        PARAPHRASE_NOTE,
        render_targets(report),
        "## At other strengths",
        f"The same machine texts, and {report['strengths'][0]['human']:,} of the human ones.",
        robustness_table(report["strengths"]),
        "## Without the normaliser",
        "The texts of the last table at the standard strengths, as the tokenizer alone would read "
        "them; compared with the clean texts as they are served.",
        robustness_table(report["plain"]),
        "## The sample",
        sample_table(report["corpora"]),
    ]
    return "\n\n".join(parts) + "\n"


def attacks_intro(report: Json) -> str:
    """What was attacked, and how to read the tables."""
    clean = report["clean"]
    return (
        f"{clean['machine']:,} machine texts (news, rewritten or generated) and "
        f"{clean['human']:,} human ones of the {report['split']} split, drawn evenly over the "
        "corpora, each under every attack, at the frozen 1% line. Change: against the same texts "
        "unattacked, in percentage points, with Newcombe's 95% interval of a paired difference. "
        "Flagged: human texts under attack / the same texts unattacked, and how many times as "
        "many. Score: the mean change. Unchanged: texts in which the attack found nothing to "
        "change. Read alike: texts that reach the encoder as if unattacked, the unchanged among "
        "them. A text that becomes too short for a score is not flagged."
    )


def standard_rows(report: Json) -> list[Json]:
    """The rows of the first table: clean, under each attack, and the paraphrases."""
    return [report["clean"], *report["standard"], report["paraphrase"]]


def robustness_table(rows: Sequence[Json]) -> str:
    """One row for each attack on the same texts; brackets: 95% intervals."""
    header = ["attack", "strength", "TPR 1%", "change in points", "FPR 1%", "flagged"]
    header += ["score, machine", "score, human", "unchanged", "read alike"]
    return _table(header, map(_robustness_cells, rows))


def sample_table(corpora: Json) -> str:
    """Texts of the sample by corpus."""
    return _table(
        ["corpus", "machine", "human"],
        (
            [name, f"{counts['machine']:,}", f"{counts['human']:,}"]
            for name, counts in corpora.items()
        ),
    )


def render_targets(report: Json) -> str:
    """Which attacks miss the targets at their standard strength."""
    targets = report["targets"]
    rows = {row["attack"]: row for row in report["standard"]}
    lost = [f"{name} ({_points(rows[name]['change'])})" for name in targets["lost"]]
    alarms = [f"{name} ({_times(rows[name])})" for name in targets["alarms"]]
    return "\n".join(
        [
            "Targets, by what was counted and not by the intervals' ends:",
            "",
            f"- every attack but paraphrase at most {100 * targets['most_lost']:g} points below "
            f"clean: {_missed(lost)}",
            f"- human false alarms at most {targets['most_times']:g} times those without the "
            f"attack: {_missed(alarms)}",
        ]
    )


def render_signals(report: Json) -> str:
    """The report of `train.signals` as Markdown."""
    parts = [
        f"# Signals in the news of the {report['split']} split",
        f"Data digest `{report['data_digest']}`.",
        signals_intro(report),
        signals_table(report["signals"]),
    ]
    return "\n\n".join(parts) + "\n"


def signals_intro(report: Json) -> str:
    """In how many texts the signals were looked for, and which cannot be counted there."""
    return (
        f"How many of {report['human']:,} human and {report['machine']:,} machine news texts show "
        "each signal at all. What the cleaning of the data set takes out (tags of HTML, an "
        "assistant's own words, blanks of a template) cannot be counted in it. Cleaning takes "
        "control characters, byte order marks and the full-width style of letters and spaces, "
        "too: signals that these are part of are counted without them."
    )


def signals_table(rows: Sequence[Json]) -> str:
    """One row for each signal: the share of human and of machine texts that show it."""
    header = ["signal", "human texts", "share", "machine texts", "share"]
    return _table(
        header,
        (
            [
                row["name"],
                f"{row['human']['hits']:,}",
                share(row["human"]),
                f"{row['machine']['hits']:,}",
                share(row["machine"]),
            ]
            for row in rows
        ),
    )


def render_wins(wins: Json) -> str:
    """On how many slices the encoder is ahead, and the list of those where it is not."""
    text = (
        f"Of {wins['slices']} different slices with at least 50 machine texts, the encoder is "
        f"ahead of the word baseline on {wins['auroc']} by AUROC and on {wins['tpr']} by TPR at "
        "the 1% threshold."
    )
    names = {"auroc": "AUROC", "tpr": "TPR"}
    behind = [
        f"- {item['kind']} {item['name']} ({names[item['figure']]})" for item in wins["behind"]
    ]
    return "\n".join([text, "", "Level or behind on:", "", *behind] if behind else [text])


def area(estimate: Json | None, interval: bool = True) -> str:
    """A value between 0 and 1 to three places, with its interval."""
    if estimate is None or estimate["value"] is None:
        return "-"
    text = _short(estimate["value"])
    return f"{text} [{_short(estimate['low'])}, {_short(estimate['high'])}]" if interval else text


def share(rate: Json | None, interval: bool = True) -> str:
    """A rate as a percentage, with its interval."""
    if rate is None or rate["value"] is None:
        return "-"
    text = _percent(rate["value"])
    return f"{text} [{_percent(rate['low'])}, {_percent(rate['high'])}]" if interval else text


def _machine_cells(row: Json, within: bool) -> list[str]:
    cells = [row["name"], f"{row['machine']:,}", f"{row['human']:,}"]
    cells += [area(_get(row, system, "auroc"), system == "encoder") for system in SYSTEMS[:2]]
    cells.append(_with_name(area(_get(row, "feature", "auroc"), False), row["best_feature"]))
    if within:
        cells += [area(_get(row, system, "within"), False) for system in SYSTEMS[:2]]
    default = [_get(row, system, "tpr", "fpr-1pct") for system in SYSTEMS]
    cells += [share(default[0]), share(default[1], False), share(default[2], False)]
    for policy in ("fpr-5pct", "fpr-0.1pct"):
        cells += [share(_get(row, system, "tpr", policy), False) for system in SYSTEMS[:2]]
    false_alarms = [_get(row, system, "fpr", "fpr-1pct") for system in SYSTEMS[:2]]
    return [*cells, share(false_alarms[0]), share(false_alarms[1], False)]


def _robustness_cells(row: Json) -> list[str]:
    moved = row.get("score_change", {})
    return [
        row["attack"],
        f"{row['strength']:g}" if row.get("strength") else "-",
        share(row["tpr"]),
        _points(row.get("change")),
        share(row["fpr"]) + ("*" if row.get("rewords") else ""),
        _times(row) if "clean_fpr" in row else "-",
        _signed(moved.get("machine"), 3),
        _signed(moved.get("human"), 3),
        _percent_or_dash(row.get("unchanged")),
        _percent_or_dash(row.get("read_alike")),
    ]


def _missed(names: Sequence[str]) -> str:
    return f"missed by {', '.join(names)}." if names else "met by all."


def _times(row: Json) -> str:
    """Flagged humans under attack and without, and the ratio where there is one."""
    counts = f"{row['fpr']['hits']} / {row['clean_fpr']['hits']}"
    return counts if row["times"] is None else f"{counts} ({row['times']:.2f})"


def _points(difference: Json | None) -> str:
    """A difference of shares in percentage points, with its interval."""
    if difference is None or difference["value"] is None:
        return "-"
    value, low, high = (_signed(100 * difference[end], 1) for end in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _signed(value: float | None, places: int) -> str:
    """A change with its sign; none where it rounds to nothing."""
    if value is None:
        return "-"
    rounded = round(value, places) + 0.0  # no minus before a zero
    return f"{rounded:+.{places}f}" if rounded else f"{rounded:.{places}f}"


def _percent_or_dash(value: float | None) -> str:
    return "-" if value is None else _percent(value)


def _with_name(text: str, name: str) -> str:
    return f"{text} ({name})" if name else text


def _get(row: Json, system: str, *path: str) -> Json | None:
    found: Any = row["cells"].get(system)
    for key in path:
        found = found.get(key) if found else None
    return found if found else None


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in lines
    )


def _short(value: float) -> str:
    """0.987 as .987, and 1 as 1."""
    text = f"{value:.3f}"
    return "1" if text == "1.000" else text.removeprefix("0")


def _percent(value: float) -> str:
    """Two places below 10%, so that 0.05% does not read as 0.1%."""
    return f"{100 * value:.2f}%" if value < 0.1 else f"{100 * value:.1f}%"
