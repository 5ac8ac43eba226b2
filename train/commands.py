"""The command line of everything that measures a bundle on a sample and records it.

`train.variants`, `train.signals`, `train.robustness` and `train.passages` differ in what they
measure; how they are asked, where they write and how they fail is one thing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from model.errors import ConfigError, RespunError
from train.measure import add_folders, record, rounded

_EPILOG = """\
example:
  python -m {module} --split test --record

prints the tables; they are in OUTPUT/{name}.md and OUTPUT/{name}.json too.
exit codes: 0 done, 1 no usable bundle or baseline, 2 wrong usage, or other or no data
"""


@dataclass(frozen=True, slots=True)
class Command:
    """What one measuring command does."""

    module: str
    """As in `python -m module`."""
    name: str
    """Of its files, and of its record in a manifest's `measured`."""
    description: str
    options: type
    """Dataclass of what `measure` takes: the folders, `split` and, where asked, `texts`."""
    measure: Callable[[Any], dict[str, Any]]
    render: Callable[[dict[str, Any]], str]
    folders: Sequence[str] = ("bundle", "data", "output")
    texts: str = ""
    """What `--texts` counts; empty where there is no such option."""


def run(command: Command, arguments: Sequence[str] | None) -> int:
    """Parse, measure, write and, where asked, record; returns the exit status."""
    values = vars(_parser(command).parse_args(arguments))
    recording = values.pop("record")
    options: Any = command.options(**values)
    try:
        report = command.measure(options)
        options.output.mkdir(parents=True, exist_ok=True)
        text = json.dumps(report, indent=1, ensure_ascii=False)
        (options.output / f"{command.name}.json").write_text(text + "\n", encoding="utf-8")
        tables = command.render(report)
        (options.output / f"{command.name}.md").write_text(tables, encoding="utf-8")
        if recording:
            record(options.bundle, command.name, rounded(report))
    except RespunError as error:
        print(f"{command.module}: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except OSError as error:
        print(f"{command.module}: {error}; check --output", file=sys.stderr)
        return 1
    print(tables, end="")
    return 0


def _parser(command: Command) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {command.module}",
        description=command.description,
        epilog=_EPILOG.format(module=command.module, name=command.name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_folders(parser, *command.folders)
    parser.add_argument(
        "--split", choices=("dev", "test"), default="test", help="what to measure on; default test"
    )
    if command.texts:
        (default,) = (each.default for each in fields(command.options) if each.name == "texts")
        parser.add_argument(
            "--texts", type=int, default=default, help=f"{command.texts}; default {default}"
        )
    parser.add_argument(
        "--record", action="store_true", help="keep the result in the bundle and its card"
    )
    return parser
