"""The measured figures as pictures, drawn from reports alone.

Each function takes a report as `train.measure` and its kin write it, or as a bundle's manifest
keeps it, and computes nothing but places on paper: no text is scored for a picture. Colours are
Okabe and Ito's, which colour-blind readers tell apart; shapes differ too, for print.

matplotlib is used without its `pyplot`, which keeps figures in global state and asks the system
for a screen.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.policies import DEFAULT_POLICY
from train.tables import rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Json = Mapping[str, Any]

BLUE, VERMILLION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
LIGHT = "#BBBBBB"
_DPI = 110
_SYSTEMS: tuple[tuple[str, str, str, str], ...] = (
    ("encoder", "encoder (this model)", BLUE, "o"),
    ("linear", "word 1-2-grams", VERMILLION, "s"),
    ("feature", "best one feature", GREY, "^"),
)
"""Name in a report, name in a legend, colour and marker."""
_LINE_CHARACTERS = 128
_SENTENCES = 9
_DOCUMENTS = 3


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture: its file, the part and the key of it that it is drawn from, what it shows."""

    file: str
    part: str
    needs: str
    caption: str
    draw: Callable[[Json], Figure]
    kind: str = ""
    """The kind of rows that it is of, where it is drawn from rows."""

    def fits(self, reports: Mapping[str, Json]) -> bool:
        """Whether the reports, by part, hold what it shows."""
        report = reports.get(self.part, {})
        found = rows_of(report, self.kind) if self.kind and report else report.get(self.needs)
        return bool(found)


def draw_all(reports: Mapping[str, Json], folder: Path) -> list[Plot]:
    """Write every picture that the reports, by part, allow as PNG; returns those written."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [plot for plot in PLOTS if plot.fits(reports)]
    for plot in drawn:
        # Without the library's version and the time, equal reports give equal files.
        plot.draw(reports[plot.part]).savefig(
            folder / plot.file, dpi=_DPI, metadata={"Software": None}
        )
    return drawn


def calibration_figure(report: Json) -> Figure:
    """Predicted probability against the share that was machine, and how many texts stand where."""
    figure = _figure(6.6, 6.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], color=LIGHT, linestyle="--", label="perfect")
    named = {row["name"]: row for row in report["reliability"]}
    lines = (
        ("all", "encoder", "encoder, all texts", BLUE, "o"),
        ("all, rewording", "encoder", "encoder, without light edits", GREEN, "D"),
        ("all", "linear", "word 1-2-grams, all texts", VERMILLION, "s"),
    )
    for name, system, label, colour, marker in lines:
        bins = named.get(name, {}).get(system, [])
        above.plot(
            [each["predicted"] for each in bins],
            [each["observed"] for each in bins],
            color=colour,
            marker=marker,
            markersize=5,
            label=label,
        )
    above.set(ylabel="share that was machine", xlim=(0, 1), ylim=(0, 1))
    bins = named["all"]["encoder"]
    middles = [(each["from"] + each["to"]) / 2 for each in bins]
    width = 0.4 * (bins[0]["to"] - bins[0]["from"])
    for side, shift, colour in (("machine", -0.5, BLUE), ("human", 0.5, LIGHT)):
        places = [middle + shift * width for middle in middles]
        counts = [each[side] for each in bins]
        below.bar(places, counts, width=width, color=colour, label=f"{side} texts")
    below.set(
        yscale="log", ylabel="texts (log)", xlabel="score (probability of machine, even odds)"
    )
    below.set_ylim(bottom=0.7)  # a bar of one text must not vanish
    _legend(figure, above, below)
    _title(above, "Calibration, in bins of score", _counted(report))
    return figure


def roc_figure(report: Json) -> Figure:
    """Detection against false alarms on a log axis: all machine texts, and the frontier slice."""
    wanted = (("overall", "all"), ("slice", "frontier"))
    curves = [row for row in report["roc"] if (row["kind"], row["name"]) in wanted]
    figure = _figure(1.2 + 4.4 * len(curves), 4.9)
    panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    names = {"overall": "All machine texts", "slice": "Rewrites by a frontier model"}
    for axes, row in zip(panels, curves, strict=True):
        for system, label, colour, marker in _SYSTEMS:
            if system not in row["tpr"]:
                continue
            # A log axis has no place for no false alarm at all: the curve starts at one.
            points = [
                (count / row["human"], share)
                for count, share in zip(row["flagged"], row["tpr"][system], strict=True)
                if count
            ]
            axes.plot(*zip(*points, strict=True), color=colour, label=label, linewidth=1.8)
            for false_alarms, found in _operating(report, row, system):
                axes.plot(false_alarms, found, color=colour, marker=marker, markersize=7, mec="w")
        axes.axvline(0.01, color=GREY, linestyle="--", linewidth=1, label="1%")
        axes.set(xscale="log", xlim=(0.5 / row["human"], 1), ylim=(0, 1.02))
        axes.set_xlabel("human texts flagged (FPR, log axis)")
        axes.grid(color="#EEEEEE")
        counts = f"{row['machine']:,} machine and {row['human']:,} human texts"
        _title(axes, names[row["kind"]], f"{counts}; best feature: {row['best_feature']}")
        _in_percent(axes.xaxis, axes.yaxis)
    panels[0].plot([], [], "o", color=GREY, label="frozen thresholds")
    panels[0].set_ylabel("machine texts found (TPR)")
    _legend(figure, *panels)
    return figure


def length_figure(report: Json) -> Figure:
    """Detection, and false alarms, by length."""
    rows = rows_of(report, "length")
    figure = _figure(7.4, 6.5)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(5, 3))
    _points(above, rows, "tpr")
    _points(below, rows, "fpr")
    above.set(ylabel="machine texts found (TPR)", ylim=(0, 1))
    below.set_ylabel("human texts flagged (FPR)")
    below.set_ylim(bottom=0)
    below.axhline(0.01, color=GREY, linestyle="--", linewidth=1, label="promised: 1%")
    _bands(below, rows, "words")
    _legend(figure, above, below)
    _in_percent(above.yaxis, below.yaxis)
    _title(above, "Detection by length, at the threshold for 1% false alarms", _counted(report))
    return figure


def editing_figure(report: Json) -> Figure:
    """Detection by how much of a human original's wording a machine kept."""
    rows = rows_of(report, "overlap")
    figure = _figure(7.4, 4.9)
    axes = figure.subplots()
    _points(axes, rows, "tpr")
    axes.plot(
        range(len(rows)),
        [row["cells"]["encoder"]["tpr"]["fpr-5pct"]["value"] for row in rows],
        color=GREEN,
        marker="D",
        linestyle=":",
        label="encoder, at 5% false alarms",
    )
    axes.set(ylabel="machine texts found (TPR)", ylim=(0, 1))
    _bands(axes, rows, "share of the original's 5-word sequences kept", human=False)
    _legend(figure, axes)
    _in_percent(axes.yaxis)
    texts = sum(row["machine"] for row in rows)
    _title(
        axes,
        "Detection by degree of editing, at the threshold for 1% false alarms",
        f"{report['split']} split, {texts:,} machine texts whose human original is known",
    )
    return figure


def attacks_figure(report: Json) -> Figure:
    """Detection and false alarms of the same texts as they are and under each attack."""
    rows = sorted(report["standard"], key=lambda row: row["tpr"]["value"])
    clean = report["clean"]
    figure = _figure(9.2, 1.7 + 0.29 * len(rows))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    for axes, rate in ((left, "tpr"), (right, "fpr")):
        for place, row in enumerate(rows):
            before, after = clean[rate]["value"], row[rate]["value"]
            if rate == "fpr" and row["rewords"]:
                continue  # a human text that a machine reworded is no false alarm
            axes.plot([before, after], [place, place], color=LIGHT, linewidth=3, zorder=1)
            _interval(axes, row[rate], place, VERMILLION)
            axes.plot(before, place, marker="o", mfc="w", mec=BLUE, markersize=10, zorder=3)
            axes.plot(after, place, marker="o", color=VERMILLION, mec="w", markersize=7, zorder=4)
        axes.grid(axis="x", color="#EEEEEE")
    names = [f"{row['attack'].replace('_', ' ')} ({row['strength']:g})" for row in rows]
    left.set_yticks(range(len(rows)), names)
    left.plot([], [], "o", mfc="w", mec=BLUE, markersize=10, label="as they are")
    left.plot(
        [], [], "o", color=VERMILLION, mec="w", markersize=7, label="under attack (95% interval)"
    )
    left.set(xlabel="machine texts found (TPR)", xlim=(0, 1))
    right.set(xlabel="human texts flagged (FPR)")
    right.set_xlim(left=-0.04 * right.get_xlim()[1])
    right.axvline(0.01, color=GREY, linestyle="--", linewidth=1, label="promised: 1%")
    _in_percent(left.xaxis, right.xaxis)
    _legend(figure, left, right)
    _title(
        left,
        "Found under attack, at 1% false alarms",
        f"{report['split']} split, the same {clean['machine']:,} machine texts each time",
    )
    _title(right, "False alarms under attack", f"the same {clean['human']:,} human texts")
    return figure


def outlets_figure(report: Json) -> Figure:
    """False alarms at each outlet with enough human texts to tell."""
    rows = rows_of(report, "outlet")
    rows = sorted(rows, key=lambda row: row["cells"]["encoder"]["fpr"][DEFAULT_POLICY]["value"])
    figure = _figure(7.4, 1.5 + 0.27 * len(rows))
    axes = figure.subplots()
    for place, row in enumerate(rows):
        rate = row["cells"]["encoder"]["fpr"][DEFAULT_POLICY]
        broken = rate["low"] > 0.01
        _interval(axes, rate, place, VERMILLION if broken else BLUE)
        marker, colour = ("s", VERMILLION) if broken else ("o", BLUE)
        axes.plot(rate["value"], place, marker=marker, color=colour, mec="w", markersize=7)
    axes.axvline(0.01, color=GREY, linestyle="--", linewidth=1, label="promised: 1%")
    axes.plot([], [], "o", color=BLUE, label="within chance of it")
    axes.plot([], [], "s", color=VERMILLION, label="above it beyond chance")
    axes.set_yticks(range(len(rows)), [f"{row['name']} ({row['human']:,})" for row in rows])
    axes.set_xlabel("human texts flagged (FPR), with 95% interval")
    axes.set_xlim(left=-0.003)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    _legend(figure, axes)
    axes.grid(axis="x", color="#EEEEEE")
    _in_percent(axes.xaxis)
    texts = sum(row["human"] for row in rows)
    _title(
        axes,
        "False alarms by outlet, at the threshold for 1%",
        f"{report['split']} split, {texts:,} human texts of {len(rows)} outlets (texts of each)",
    )
    return figure


def sentences_figure(report: Json) -> Figure:
    """The first sentences of some documents, each shaded by its score."""
    lines = list(_sentence_lines(report["documents"][:_DOCUMENTS]))
    figure = _figure(9.4, 0.6 + 0.17 * len(lines))
    axes = figure.subplots()
    for place, (text, score, first) in enumerate(lines):
        if score is None:
            axes.text(0.0, place, text, weight="bold", va="center", fontsize=9)
            continue
        top = place - (0.4 if first else 0.5)  # a white line between sentences
        axes.axhspan(top, place + 0.5, 0.055, 1, color=_shade(score), linewidth=0)
        axes.text(0.06, place, text, va="center", fontsize=8.5)
        if first:
            axes.text(0.048, place, f"{score:.2f}", va="center", ha="right", fontsize=8.5)
    axes.set(xlim=(0, 1), ylim=(len(lines) - 1.0, -0.6))
    axes.set_axis_off()
    _title(
        axes,
        "Sentence by sentence: the darker, the likelier a machine's",
        f"the first {_SENTENCES} sentences of {min(_DOCUMENTS, len(report['documents']))} seed "
        "documents, all of them machine-made; before each its score, 0 to 1",
    )
    return figure


PLOTS: tuple[Plot, ...] = (
    Plot(
        "calibration.png",
        "test",
        "reliability",
        "Reliability: of the texts that were given a score, the share that a machine made, human "
        "and machine texts weighing the same in all. Light edits: machine texts that kept six "
        "tenths of the human original's wording or more, whose label is a matter of degree.",
        calibration_figure,
    ),
    Plot(
        "roc.png",
        "test",
        "roc",
        "ROC at low false-alarm rates. Lines: one threshold for all lengths. Markers: the frozen "
        "thresholds for 0.1%, 1% and 5%, which move with the length. Dashed: 1%.",
        roc_figure,
    ),
    Plot(
        "lengths.png",
        "test",
        "rows",
        "Detection and false alarms by length in words. Bars: 95% intervals.",
        length_figure,
        kind="length",
    ),
    Plot(
        "editing.png",
        "test",
        "rows",
        "Detection by the share of the human original's wording that the machine kept. Bars: 95% "
        "intervals.",
        editing_figure,
        kind="overlap",
    ),
    Plot(
        "outlets.png",
        "test",
        "rows",
        "False alarms at each outlet of the test split with at least 100 human texts.",
        outlets_figure,
        kind="outlet",
    ),
    Plot(
        "attacks.png",
        "attacks",
        "standard",
        "The same texts as they are and under each attack, at its standard strength. A synonym "
        "spinner's human texts are worded by a machine, so they are no false alarms.",
        attacks_figure,
    ),
    Plot(
        "sentences.png",
        "open",
        "documents",
        "Seed documents sentence by sentence, as `respun --explain` scores them.",
        sentences_figure,
    ),
)


def latency_figure(figures: Json) -> Figure:
    """Time for one text by its length, from what `serve.bench` measured."""
    rows = figures["latency"]
    words = [row["words"] for row in rows]
    figure = _figure(7.4, 4.9)
    axes = figure.subplots()
    for name, label, colour, marker in (
        ("p50_s", "median", BLUE, "o"),
        ("p99_s", "99th percentile", VERMILLION, "s"),
    ):
        times = [1e3 * row[name] for row in rows]
        axes.plot(words, times, color=colour, marker=marker, label=label)
    slope = 1e3 * rows[-1]["p50_s"] / words[-1]
    proportional = [slope * count for count in words]
    axes.plot(words, proportional, color=GREY, linestyle="--", label="in proportion to length")
    axes.set(xscale="log", yscale="log", xlabel="words", ylabel="milliseconds")
    axes.set_xticks(words, [f"{count:,}" for count in words])
    axes.minorticks_off()
    axes.grid(color=LIGHT, linewidth=0.5)
    _legend(figure, axes)
    machine = figures["machine"]
    _title(axes, "Time to score one text", f"{machine['cpu']}, {machine['cores']} cores")
    return figure


def _figure(width: float, height: float) -> Figure:
    """A sheet of so many inches, laid out so that nothing overlaps."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _title(axes: Axes, title: str, counts: str) -> None:
    """A title and, under it, what was counted; set in points, whatever the height."""
    for text, rise, size, weight, colour in (
        (title, 20, 11, "bold", "black"),
        (counts, 6, 9, "normal", GREY),
    ):
        axes.annotate(
            text,
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, rise),
            textcoords="offset points",
            fontsize=size,
            weight=weight,
            color=colour,
        )


def _legend(figure: Figure, *panels: Axes) -> None:
    """One legend under all panels, where it hides nothing."""
    named: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    figure.legend(
        named.values(), named.keys(), loc="outside lower center", ncols=3, frameon=False, fontsize=9
    )


def _counted(report: Json) -> str:
    counts = report["texts"]
    both = f"{counts['human']:,} human and {counts['machine']:,} machine texts"
    return f"{report['split']} split, {both}"


def _points(axes: Axes, rows: Sequence[Json], rate: str) -> None:
    """The rate of encoder and words on each row that has it, side by side."""
    for shift, (system, label, colour, marker) in zip((-0.06, 0.06), _SYSTEMS[:2], strict=True):
        found = [
            (place + shift, row["cells"][system][rate][DEFAULT_POLICY])
            for place, row in enumerate(rows)
            if _value(row, system, rate, DEFAULT_POLICY) is not None
        ]
        for place, estimate in found:
            _interval(axes, estimate, place, colour, upright=True)
        axes.plot(
            [place for place, _ in found],
            [estimate["value"] for _, estimate in found],
            color=colour,
            marker=marker,
            label=label,
        )
    axes.grid(axis="y", color="#EEEEEE")


def _interval(axes: Axes, estimate: Json, place: float, colour: str, upright: bool = False) -> None:
    """A bar from end to end of an interval; a manifest keeps none for the baselines."""
    if "low" in estimate:
        draw = axes.vlines if upright else axes.hlines
        draw(place, estimate["low"], estimate["high"], color=colour, linewidth=1.2, zorder=2)


def _bands(axes: Axes, rows: Sequence[Json], unit: str, human: bool = True) -> None:
    """Name the rows along the axis, with their counts."""
    names = [
        f"{row['name']}\n{row['machine']:,} machine"
        + (f"\n{row['human']:,} human" if human else "")
        for row in rows
    ]
    axes.set_xticks(range(len(rows)), names)
    axes.set_xlabel(unit)


def _in_percent(*scales: Any) -> None:
    for scale in scales:
        scale.set_major_formatter(lambda value, _: f"{100 * value:g}%")


def _value(row: Json, system: str, rate: str, policy: str) -> float | None:
    found = row["cells"].get(system, {}).get(rate, {}).get(policy)
    return found["value"] if found else None


def _operating(report: Json, curve: Json, system: str) -> Iterator[tuple[float, float]]:
    """FPR on all humans and TPR on the curve's machine texts, at each frozen threshold."""
    if system == "feature":
        return  # another feature may be the best of each row
    (overall,) = rows_of(report, "overall")
    (own,) = [row for row in rows_of(report, curve["kind"]) if row["name"] == curve["name"]]
    for policy in overall["cells"][system]["fpr"]:
        false_alarms = _value(overall, system, "fpr", policy)
        found = _value(own, system, "tpr", policy)
        if false_alarms and found is not None:
            yield false_alarms, found


def _sentence_lines(documents: Sequence[Json]) -> Iterator[tuple[str, float | None, bool]]:
    """Lines of text, the score of the sentence, and whether one begins; None for headings."""
    for document in documents:
        sentences = document["sentences"]
        yield (
            f"{document['name']}: score {document['score']:.4f}, {len(sentences)} sentences",
            None,
            True,
        )
        for sentence in sentences[:_SENTENCES]:
            plain = " ".join(sentence["text"].split()).replace("$", r"\$")
            for number, line in enumerate(textwrap.wrap(plain, _LINE_CHARACTERS)):
                yield line, sentence["score"], number == 0
        yield "", None, True


def _shade(score: float) -> tuple[float, float, float]:
    """White for 0 to an orange for 1 on which black text reads well."""
    orange = (0.96, 0.62, 0.36)
    red, green, blue = (1 - score * (1 - part) for part in orange)
    return red, green, blue
