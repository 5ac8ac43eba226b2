"""What scoring costs: `python -m serve.bench [FILE]`.

Beside the command line. Start-up and memory are taken from the outside, from whole processes
started anew, since that is what a user of one article pays; latency and throughput from
inside a loaded scorer. Nothing here fails on a slow machine: it prints, and people judge.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import InputError, RespunError
from serve.inputs import read_text

if TYPE_CHECKING:
    from serve.scorer import Scorer

_DOCUMENTS = Path(__file__).parent.parent / "seeds" / "documents"
_STARTS = 5
_WARM_CALLS = 20
_THROUGHPUT_TEXTS = 64


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m serve.bench", description=__doc__)
    parser.add_argument("file", nargs="?", help="the article (default: a seed document)")
    parser.add_argument("--model", metavar="DIR", help="a bundle other than the shipped one")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    try:
        figures = measure(options.file or _seed_document(), options.model)
    except RespunError as error:
        print(f"respun: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            shown = f"{value:.3f}" if isinstance(value, float) else value
            print(f"{name:<28} {shown}")
    return 0


def measure(file: str, model: str | None) -> dict[str, float | int | str]:
    """All figures for one article; seconds, megabytes (10^6 bytes) and words a second."""
    from serve.scorer import Scorer

    text = read_text(file)
    starts = [_start(file, model) for _ in range(_STARTS)]
    started = time.perf_counter()
    scorer = Scorer.load(model)
    load_s = time.perf_counter() - started
    result = scorer.score([text])[0]
    warm_s = statistics.median(_timed(scorer, [text]) for _ in range(_WARM_CALLS))
    many_s = _timed(scorer, [text] * _THROUGHPUT_TEXTS)
    return {
        "article": Path(file).name,
        "words": result.words,
        "model": f"{result.model.name} {result.model.version} {result.model.sha256[:12]}",
        "start_to_answer_s": statistics.median(starts),
        "peak_memory_mb": _peak_memory_mb(),
        "load_s": load_s,
        "warm_latency_s": warm_s,
        "articles_per_s": _THROUGHPUT_TEXTS / many_s,
        "words_per_s": _THROUGHPUT_TEXTS * result.words / many_s,
    }


def _start(file: str, model: str | None) -> float:
    """Seconds from starting the command line to its end, for one article."""
    command = [sys.executable, "-m", "serve.score", file]
    if model is not None:
        command += ["--model", model]
    started = time.perf_counter()
    run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    elapsed = time.perf_counter() - started
    if run.returncode != 0:
        raise InputError(run.stderr.strip().removeprefix("respun: ") or "the command line failed")
    return elapsed


def _timed(scorer: Scorer, texts: Sequence[str]) -> float:
    started = time.perf_counter()
    scorer.score(texts)
    return time.perf_counter() - started


def _peak_memory_mb() -> float:
    """The largest resident size of the command lines that ran, in 10^6 bytes."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6


def _seed_document() -> str:
    documents = sorted(_DOCUMENTS.glob("*.txt"))
    if not documents:
        raise InputError("the seed documents are not installed here; name an article to measure")
    return str(documents[0])


if __name__ == "__main__":
    sys.exit(main())
