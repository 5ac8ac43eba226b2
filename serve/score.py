"""The command line: `python -m serve.score FILE...`, installed as `respun`.

Results go to standard output, everything else to standard error. Inputs are read by a thread
of their own into a short queue, and whatever waits there is scored together: constant memory
over any number of texts, all cores busy on a file, and an answer at once on a slow pipe.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import shutil
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from model.errors import ConfigError, InputError, RespunError
from model.policies import DEFAULT_POLICY, parse_choice
from model.result import Result, TextId
from serve.inputs import Item, open_json_lines, read_json_lines, read_texts
from serve.progress import Progress
from serve.render import explanation, printable, summary

if TYPE_CHECKING:
    from serve.scorer import Scorer

EXIT_DONE, EXIT_INPUT_FAILED, EXIT_USAGE, EXIT_FLAGGED = 0, 1, 2, 3
EXIT_INTERRUPTED, EXIT_PIPE_CLOSED = 130, 141  # as shells report SIGINT and SIGPIPE

_QUEUED_TEXTS = 64
_BATCH_CHARACTERS = 1_000_000
_EPILOG = """\
examples:
  respun article.txt                          one line: verdict, score, p, name
  respun --explain article.txt                sentence by sentence, with signals
  curl -s https://example.org/a.txt | respun -
  respun --json *.txt | jq .score             one JSON object a line
  respun --jsonl crawl.jsonl > scores.jsonl   {"id": ..., "text": ...} a line
  respun --threshold fpr-0.1pct --fail-on machine drafts/*.txt

The score is the probability that a machine made the text; p the share of human
articles of like length that score at least as high. The threshold is a promise
about false alarms: fpr-1pct flags one human article in a hundred. Texts under 40
words and texts not in English get no score, and the line says so.

exit codes:
  0  done
  1  some input failed (the rest was scored), or the weights cannot be used
  2  wrong usage
  3  --fail-on machine, and a text was one, whether or not another failed
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    try:
        return _run(_parse(arguments))
    except RespunError as error:
        _complain(error)
        return EXIT_USAGE if isinstance(error, ConfigError) else EXIT_INPUT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _abandon_output()
        return EXIT_PIPE_CLOSED


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="respun",
        description="Score news articles: how likely did a machine write or rewrite them?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE", help="text files; - is standard input")
    add("--json", action="store_true", help="print one JSON object per input, one a line")
    add("--jsonl", metavar="PATH", help="score JSON lines from a file, or from - ; prints JSON")
    add(
        "--threshold",
        type=_threshold,
        default=DEFAULT_POLICY,
        metavar="fpr-1pct|fpr-5pct|fpr-0.1pct|NUMBER",
        help=f"when a score means machine (default {DEFAULT_POLICY})",
    )
    add("--explain", action="store_true", help="show the passages and signals behind a score")
    add("--model", metavar="DIR", help="a bundle other than the one that ships with respun")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to run (default cpu)")
    add("--fail-on", choices=("machine",), help="exit with 3 if any text is found to be one")
    add("--version", action="store_true", help="print the versions of respun and of its weights")
    options = parser.parse_args(arguments)
    if not options.version and bool(options.files) == (options.jsonl is not None):
        parser.error("name files to score (- for standard input), or use --jsonl, not both")
    if options.files.count("-") > 1:
        parser.error("standard input (-) can be read only once")
    return options


def _threshold(value: str) -> str | float:
    try:
        return parse_choice(value)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _run(options: argparse.Namespace) -> int:
    if sys.stdout is None:
        raise ConfigError("standard output is closed; send it somewhere, as in `> scores.txt`")
    # Names and texts may hold what the terminal's encoding lacks: escape it, never crash.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if options.version:
        _write([_version(options.model)])
        return EXIT_DONE
    if options.jsonl is not None:
        name = "standard input" if options.jsonl == "-" else options.jsonl
        lines = read_json_lines(open_json_lines(options.jsonl), name)
        return _score_all(lines, None, options)
    return _score_all(read_texts(options.files), len(options.files), options)


def _score_all(items: Iterable[Item], total: int | None, options: argparse.Namespace) -> int:
    """Score everything in order, complain about what fails, and sum it up in an exit code."""
    scorer: Scorer | None = None
    failed = flagged = False
    with Progress(total) as progress:
        for batch in _batches(items):
            texts: list[tuple[TextId, str]] = []
            for item in batch:
                if isinstance(item, InputError):
                    failed = True
                    with progress.wiped():
                        _complain(item)
                else:
                    texts.append(item)
            if texts:
                scorer = scorer or _load(options)
                results = scorer.score(texts, explain=options.explain)
                with progress.wiped():
                    _write(_lines(results, texts, options))
                flagged = flagged or any(result.verdict == "machine" for result in results)
            progress.advance(len(batch))
    if flagged and options.fail_on == "machine":
        return EXIT_FLAGGED
    return EXIT_INPUT_FAILED if failed else EXIT_DONE


def _load(options: argparse.Namespace) -> Scorer:
    from serve.scorer import Scorer

    return Scorer.load(options.model, device=options.device, threshold=options.threshold)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """What a reading thread has ready: one item at least, all that wait at most.

    A batch is also full at `_BATCH_CHARACTERS`: while texts are scored, they take many times
    their size in memory.
    """
    waiting: queue.Queue[Item | BaseException | None] = queue.Queue(_QUEUED_TEXTS)

    def read() -> None:
        try:
            for item in items:
                waiting.put(item)
        except BaseException as error:  # handed to the main thread, which raises it
            waiting.put(error)
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        batch: list[Item] = []
        characters = 0
        entry = waiting.get()
        while isinstance(entry, tuple | InputError):
            batch.append(entry)
            characters += len(entry[1]) if isinstance(entry, tuple) else 0
            full = len(batch) == _QUEUED_TEXTS or characters >= _BATCH_CHARACTERS
            if full or waiting.empty():
                break
            entry = waiting.get()
        if batch:
            yield batch
        if entry is None:
            return
        if isinstance(entry, BaseException) and not isinstance(entry, InputError):
            raise entry


def _lines(
    results: Sequence[Result], texts: Sequence[tuple[TextId, str]], options: argparse.Namespace
) -> Iterator[str]:
    as_json = options.json or options.jsonl
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size().columns
    for result, (_, text) in zip(results, texts, strict=True):
        if as_json:
            yield json.dumps(result.to_dict())
            continue
        yield summary(result)
        if options.explain:
            yield from explanation(result, text, colour, width)


def _write(lines: Iterable[str]) -> None:
    """Print to standard output, and know at once whether it takes them."""
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _abandon_output()
        raise RespunError(
            f"standard output: cannot be written ({error.strerror}); "
            "make room, or send the results elsewhere"
        ) from error


def _abandon_output() -> None:
    """Keep Python from flushing what is left to a reader that is gone, at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _version(model: str | None) -> str:
    from importlib.metadata import PackageNotFoundError, version

    from model.bundle import load_bundle

    try:
        own = version("respun")
    except PackageNotFoundError:
        own = "(a checkout, not installed)"
    bundle = load_bundle(model, verify=False)
    manifest = bundle.manifest
    return f"respun {own}, weights {manifest.name} {manifest.version} sha256 {bundle.sha256}"


def _complain(error: RespunError) -> None:
    print(f"respun: {printable(str(error))}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
