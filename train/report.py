"""Everything that is measured of a bundle, again, by one command and into one folder.

Calls the functions that `train.measure` and its kin call, over the bundle as it stands and the data
set as it is pinned; writes each part as JSON and Markdown, draws the pictures, and an index.md over
all. Scores of whole texts are kept (`--cache`) and not computed twice, so an interrupted run soon
comes to where it was; those of sentences are computed anew. Then it holds the figures against
model/floors.json, where asked to.

    python -m train.report --bundle model/checkpoint --data build/corpus --linear build/linear
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from model.bundle import Bundle, load_bundle
from model.errors import ConfigError, RespunError
from train.floors import (
    FLOORS_FILE,
    Fall,
    Floors,
    changelog_line,
    falls,
    figures,
    moved,
    read_floors,
    write_floors,
)
from train.measure import add_folders, named, record, rounded, summarize

_EPILOG = """\
examples:
  python -m train.report --record
  python -m train.report --bundle build/minilm/bundle --check-floors
  python -m train.report --recorded --only test dev

prints index.md; everything is in OUTPUT.
exit codes: 0 done, 1 a figure fell below its floor, or no usable bundle or baseline, 2 wrong usage,
or other or no data
"""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One report: its key in a manifest's `measured`, who measures it, and who renders it."""

    name: str
    title: str
    module: str
    measure: str
    """A function of one argument, whose dataclass says what it wants to know."""
    render: str
    """A function of `train.tables`, or of the module itself."""
    split: str = "test"
    recorded: bool = True
    """Whether the manifest keeps it."""


PARTS: tuple[Part, ...] = (
    Part("test", "The test split", "train.measure", "measure", "render_report"),
    Part("dev", "The dev split", "train.measure", "measure", "render_report", split="dev"),
    Part("variants", "Formats, lengths", "train.variants", "measure_variants", "render_variants"),
    Part("signals", "Signals", "train.signals", "measure_signals", "render_signals"),
    Part("attacks", "Under attack", "train.robustness", "measure_attacks", "render_robustness"),
    Part("passages", "Passages", "train.passages", "measure_passages", "render_passages"),
    Part("open", "Open texts", "train.open_texts", "measure_open", "render_open", recorded=False),
)


@dataclass(frozen=True)
class ReportOptions:
    """What to measure, and where things lie."""

    bundle: Path
    data: Path
    linear: Path
    cache: Path
    output: Path
    only: Sequence[str] = ()
    limit: int | None = None
    threads: int | None = None


def measure_parts(options: ReportOptions) -> Iterator[tuple[Part, Json]]:
    """Measure the chosen parts one after another; each report comes with its part."""
    for part in chosen_parts(options.only):
        print(f"train.report: measuring {part.name}", file=sys.stderr)
        function = getattr(import_module(part.module), part.measure)
        yield part, function(part_options(function, part, options))


def recorded_parts(bundle: Bundle, only: Sequence[str]) -> Iterator[tuple[Part, Json]]:
    """The chosen parts as the bundle's manifest keeps them, those of other weights left out."""
    for part in chosen_parts(only):
        found = bundle.manifest.measured.get(part.name, {})
        weights = found.get("sha256") or found.get("bundle", {}).get("sha256", bundle.sha256)
        if found and weights == bundle.sha256:
            yield part, found
        else:
            print(
                f"train.report: {part.name} is not recorded of these weights and left out",
                file=sys.stderr,
            )


def chosen_parts(only: Sequence[str]) -> list[Part]:
    """The parts with these names, in their order; all where none is named."""
    return [part for part in PARTS if not only or part.name in only]


def part_options(function: Any, part: Part, options: ReportOptions) -> Any:
    """What a part's function takes, filled by the names of its fields; other fields keep theirs."""
    kind = get_type_hints(function)["options"]
    given = {
        "bundle": options.bundle,
        "data": options.data,
        "linear": options.linear,
        "output": options.cache,
        "split": part.split,
        "limit": options.limit,
        "threads": options.threads,
    }
    if options.limit is not None:
        given["texts"] = options.limit
    return kind(**{each.name: given[each.name] for each in fields(kind) if each.name in given})


def write_part(part: Part, report: Json, folder: Path) -> None:
    """Write a part as JSON and as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=1, ensure_ascii=False)
    (folder / f"{part.name}.json").write_text(text + "\n", encoding="utf-8")
    module = import_module("train.tables")
    render = getattr(module, part.render, None) or getattr(import_module(part.module), part.render)
    (folder / f"{part.name}.md").write_text(render(report), encoding="utf-8")


def record_part(part: Part, report: Json, folder: Path) -> None:
    """Keep a part in the bundle's manifest and its card, as its own command would."""
    if part.recorded:
        keep = summarize if part.measure == "measure" else rounded
        record(folder, part.name, keep(report))


def render_index(reports: Mapping[str, Json], pictures: Sequence[Any], floors: str) -> str:
    """The page over all parts: what was measured, the pictures, and how the floors stand."""
    first = next(iter(reports.values()))
    bundle = first["bundle"]
    lines = [
        f"# Everything measured of {bundle['name']} {bundle['version']}",
        f"Weights sha256 `{bundle['sha256']}`, data digest `{first['data_digest']}`. Made by "
        "`python -m train.report`.",
        "\n".join(
            f"- {part.title}: [tables]({part.name}.md), [figures]({part.name}.json)"
            for part in PARTS
            if part.name in reports
        ),
    ]
    for picture in pictures:
        name = picture.file.removesuffix(".png")
        lines.append(f"![{name}](plots/{picture.file})\n\n{picture.caption}")
    if floors:
        lines += ["## Floors", floors]
    return "\n\n".join(lines) + "\n"


def judge_floors(floors: Floors, reports: Mapping[str, Json]) -> list[Fall]:
    """The floors of the reported parts that are not kept; raises ConfigError on other data."""
    _check_written(floors)
    digest = _digest(reports)
    if digest != floors.data_digest:
        raise ConfigError(
            f"{FLOORS_FILE}: floors of other data ({floors.data_digest[:12]}) say nothing of these "
            f"({digest[:12]}); write new ones with --write-floors"
        )
    return falls(floors, figures(reports), reports)


def new_floors(floors: Floors, reports: Mapping[str, Json], lowering: bool) -> Floors:
    """The floors that these reports give; raises ConfigError where one would fall unasked."""
    found = list(figures(reports))
    digest = _digest(reports)
    # Floors of other data that nothing replaces would look like floors of these.
    parts = reports if digest == floors.data_digest else [part.name for part in PARTS]
    fallen = falls(floors, found, parts)
    if fallen and not lowering:
        raise ConfigError(
            f"{len(fallen)} floors would be lowered ({'; '.join(map(str, fallen))}); "
            "find out why, or add --lower-floors"
        )
    bundle = next(iter(reports.values()))["bundle"]
    ids = reports.get("open", {}).get("rewrites", floors.rewrites)
    return replace(
        moved(floors, found, fallen, bundle["version"]),
        data_digest=digest,
        sha256=bundle["sha256"],
        version=bundle["version"],
        rewrites=ids,
    )


def report(options: ReportOptions, recorded: bool, recording: bool) -> dict[str, Json]:
    """Measure, or read what was recorded, and write every part; returns the reports by name."""
    bundle = load_bundle(options.bundle)
    source = recorded_parts(bundle, options.only) if recorded else measure_parts(options)
    reports: dict[str, Json] = {}
    for part, found in source:
        reports[part.name] = {"bundle": named(bundle), **found}
        write_part(part, reports[part.name], options.output)
        if recording:
            record_part(part, found, options.bundle)
    if not reports:
        raise ConfigError(f"{options.bundle}: nothing is recorded of these weights; measure them")
    return reports


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        _check_usage(options)
        return _run(options)
    except RespunError as error:
        print(f"train.report: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except OSError as error:
        print(f"train.report: {error}; check --output and --cache", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    from train.plots import draw_all

    chosen = ReportOptions(
        **{each.name: getattr(options, each.name) for each in fields(ReportOptions)}
    )
    floors = read_floors(FLOORS_FILE)  # first: nobody measures for hours to learn it is damaged
    if options.check_floors and not options.write_floors:
        _check_written(floors)
    reports = report(chosen, options.recorded, options.record)
    pictures = draw_all(reports, options.output / "plots")
    if options.write_floors:
        written = new_floors(floors, reports, options.lower_floors)
        write_floors(FLOORS_FILE, written)
        for entry in written.lowered[len(floors.lowered) :]:
            print(f"for CHANGELOG.md: - {changelog_line(entry)}", file=sys.stderr)
        floors = written
    fallen = judge_floors(floors, reports) if options.check_floors else []
    state = _floors_state(floors, fallen) if options.check_floors else ""
    index = render_index(reports, pictures, state)
    (options.output / "index.md").write_text(index, encoding="utf-8")
    print(index, end="")
    for fall in fallen:
        print(f"train.report: {fall}", file=sys.stderr)
    return 1 if fallen else 0


def _check_written(floors: Floors) -> None:
    if not floors.data_digest:
        raise ConfigError(f"{FLOORS_FILE}: no floors yet; write them with --write-floors")


def _digest(reports: Mapping[str, Json]) -> str:
    """The digest of the data that all reports are of; raises ConfigError where they differ."""
    digests = sorted({str(report["data_digest"]) for report in reports.values()})
    if len(digests) > 1:
        raise ConfigError(
            f"the reports are of different data ({', '.join(digest[:12] for digest in digests)}); "
            "measure all of them again"
        )
    return digests[0]


def _floors_state(floors: Floors, fallen: Sequence[Fall]) -> str:
    if not fallen:
        return f"All kept; they were last set by version {floors.version}."
    return "\n".join(f"- {fall}" for fall in fallen)


def _check_usage(options: argparse.Namespace) -> None:
    if options.lower_floors and not options.write_floors:
        raise ConfigError("--lower-floors only says what --write-floors may do; add that")
    if options.recorded and options.record:
        raise ConfigError("--recorded measures nothing that --record could keep; leave out one")
    if options.limit is not None and options.limit < 1:
        raise ConfigError(f"limit is {options.limit}; use 1 or more, or leave it out")
    if options.limit is not None and (options.write_floors or options.check_floors):
        raise ConfigError("floors hold for all texts; leave out --limit")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m train.report",
        description="Measure everything again, draw it, and hold it against the floors.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_folders(parser, "bundle", "data", "linear")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path("build/measure"),
        help="folder of the scores that are kept; default build/measure, train.measure's own",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/report"),
        help="folder for tables, pictures and index.md; default build/report",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[part.name for part in PARTS],
        default=[],
        metavar="PART",
        help=f"these parts alone: {', '.join(part.name for part in PARTS)}",
    )
    parser.add_argument(
        "--limit", type=int, help="for a trial: texts of each cell, or of each class"
    )
    parser.add_argument("--threads", type=int, help="texts read at once; default one per core")
    parser.add_argument(
        "--recorded", action="store_true", help="measure nothing: take what the manifest keeps"
    )
    parser.add_argument(
        "--record", action="store_true", help="keep every part in the bundle and its card"
    )
    parser.add_argument(
        "--check-floors", action="store_true", help=f"exit 1 where a figure fell ({FLOORS_FILE})"
    )
    parser.add_argument(
        "--write-floors", action="store_true", help="raise the floors to what was measured"
    )
    parser.add_argument(
        "--lower-floors", action="store_true", help="let --write-floors lower them, too"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
