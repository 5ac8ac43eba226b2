"""What scoring costs on this machine: `python -m serve.bench [FILE]`.

Beside the command line. Start-up and memory are taken from the outside, from whole processes
started anew, since that is what a user of one article pays; latency and throughput from inside
a loaded scorer, over texts of seed documents cut to a length. With `--compare` the same texts go
through the pipeline that one would otherwise write, and through nothing but the encoder's matrix
products, which is as fast as this runtime can be here (both in `train.compare`, which needs the
`train` extra). Nothing here fails on a slow machine: it prints, and people judge.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import InputError, RespunError
from serve.inputs import read_text

if TYPE_CHECKING:
    from serve.scorer import Scorer

_DOCUMENTS = Path(__file__).parent.parent / "seeds" / "documents"
_STARTS = 20
_CALLS = 100
_LENGTHS = (50, 100, 200, 500, 1_000, 2_000, 5_000)
_TEXT_WORDS = 600
_BATCHES = (1, 8, 64)
_EPILOG = """\
examples:
  python -m serve.bench                       about two minutes
  python -m serve.bench --compare --plot latency.png
  python -m serve.bench --json article.txt > figures.json
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m serve.bench",
        description="Measure what scoring costs here: start-up, latency, throughput, memory.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", nargs="?", help="the article that a start answers (default: a seed document)")
    add("--model", metavar="DIR", help="a bundle other than the shipped one")
    add("--compare", action="store_true", help="beside a transformers pipeline and the limit")
    add("--plot", metavar="PNG", help="draw latency against length (needs the train extra)")
    add("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    try:
        figures = measure(options.file or str(_seeds()[0]), options.model, options.compare)
        if options.plot:
            _run_module("train.compare", "--plot", options.plot, stdin=json.dumps(figures))
    except RespunError as error:
        print(f"respun: {error}", file=sys.stderr)
        return 1
    print(json.dumps(figures) if options.json else "\n".join(_table(figures)))
    return 0


def measure(file: str, model: str | None, compare: bool = False) -> dict[str, Any]:
    """All figures; times in seconds, sizes in megabytes (10^6 bytes), rates a second."""
    from model.encoder import usable_cores
    from serve.scorer import Scorer

    article = read_text(file)
    command = ["serve.score", file, *(["--model", model] if model is not None else [])]
    starts = [_timed(lambda: _run_module(*command)) for _ in range(_STARTS)]
    peak_memory = _peak_memory_mb()
    started = time.perf_counter()
    scorer = Scorer.load(model)
    load = time.perf_counter() - started
    result = scorer.score([article])[0]
    cores = usable_cores()
    alone = Scorer.load(model, threads=1)
    texts = list(islice(_texts(_TEXT_WORDS), _BATCHES[-1]))
    throughput = [_throughput(alone, texts, 1)]
    if cores > 1:
        throughput.append(_throughput(scorer, texts, cores))
    figures: dict[str, Any] = {
        "machine": {"cpu": _cpu(), "cores": cores, "python": platform.python_version()},
        "model": f"{result.model.name} {result.model.version} {result.model.sha256[:12]}",
        "start": {
            "article": Path(file).name,
            "words": result.words,
            "runs": len(starts),
            "median_s": statistics.median(starts),
            "lowest_s": min(starts),
            "highest_s": max(starts),
            "peak_memory_mb": peak_memory,
            "load_s": load,
        },
        "latency": [_latency(scorer, words) for words in _LENGTHS],
        "throughput": throughput,
        "batches": [_throughput(scorer, texts[:size], cores) for size in _BATCHES],
        "reading": _reading(alone, texts),
    }
    if compare:
        figures["compare"] = _compare(texts, file, model, figures)
    return figures


def _latency(scorer: Scorer, words: int) -> dict[str, float]:
    """One text at a time, each another: median and 99th percentile."""
    texts = _texts(words)
    times = sorted(_timed(lambda: scorer.score([next(texts)])) for _ in range(_CALLS))
    return {
        "words": words,
        "p50_s": statistics.median(times),
        "p99_s": times[min(len(times) - 1, round(0.99 * len(times)))],
    }


def _throughput(scorer: Scorer, texts: Sequence[str], threads: int) -> dict[str, float]:
    """All texts in one call, the best of three."""
    results = scorer.score(texts)
    seconds = min(_timed(lambda: scorer.score(texts)) for _ in range(3))
    return {
        "threads": threads,
        "texts": len(texts),
        "words": statistics.mean(result.words for result in results),
        "texts_per_s": len(texts) / seconds,
        "words_per_s": sum(result.words for result in results) / seconds,
        "tokens_per_s": sum(result.tokens for result in results) / seconds,
    }


def _reading(scorer: Scorer, texts: Sequence[str]) -> dict[str, float]:
    """What share of the time goes into tokenising, and into all but the encoder."""
    from model.document import DocumentReader
    from model.text import normalize

    reader: DocumentReader = scorer._reader
    whole = min(_timed(lambda: scorer.score(texts)) for _ in range(3))
    normalized = [normalize(text) for text in texts]
    pairs = list(zip(texts, normalized, strict=True))
    tokenising = _timed(lambda: [reader.read_normalized(*pair) for pair in pairs])
    documents = [reader.read(text) for text in texts]
    encoder = scorer._encoder
    encoding = min(
        _timed(lambda: list(reader.logits(documents, encoder.token_logits))) for _ in range(3)
    )
    tokens = sum(len(document.token_ids) for document in documents)
    return {
        "tokenising_share": tokenising / whole,
        "beside_the_encoder_share": max(0.0, 1 - encoding / whole),
        "encoder_tokens_per_s": tokens / encoding,
    }


def _compare(
    texts: Sequence[str], file: str, model: str | None, figures: dict[str, Any]
) -> dict[str, Any]:
    """The pipeline's figures and the limit, and ours as multiples and shares of them."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as handed:
        json.dump(list(texts), handed)
        handed.flush()
        command = ["train.compare", "--texts", handed.name, "--article", file]
        command += ["--model", model] if model is not None else []
        found: dict[str, Any] = json.loads(_run_module(*command))
    best = max(entry["tokens_per_s"] for entry in found["pipeline"]["batches"])
    one, most = figures["throughput"][0], figures["throughput"][-1]
    work = figures["reading"]["encoder_tokens_per_s"] * found["limit"]["operations_per_token"]
    return {
        **found,
        "starts_times_sooner": found["pipeline"]["start_s"] / figures["start"]["median_s"],
        "throughput_times_the_pipelines": most["tokens_per_s"] / best,
        "share_of_int8_limit": work / found["limit"]["int8_operations_per_s"],
        "cores_over_one": most["tokens_per_s"] / one["tokens_per_s"],
    }


def _table(figures: dict[str, Any]) -> Iterator[str]:
    machine, start, reading = figures["machine"], figures["start"], figures["reading"]
    yield f"{machine['cpu']}, {machine['cores']} cores; {figures['model']}"
    yield ""
    yield (
        f"start to answer       {start['median_s']:.3f} s  (median of {start['runs']} starts, "
        f"{start['lowest_s']:.3f} to {start['highest_s']:.3f}; {start['words']} words)"
    )
    yield f"peak memory           {start['peak_memory_mb']:.0f} MB"
    yield f"load                  {start['load_s']:.3f} s"
    yield ""
    yield "latency      words     p50 ms     p99 ms"
    for row in figures["latency"]:
        yield f"{row['words']:18,}{1e3 * row['p50_s']:11.1f}{1e3 * row['p99_s']:11.1f}"
    yield ""
    yield "throughput   texts    threads    texts/s    words/s   tokens/s"
    for row in [*figures["throughput"], *figures["batches"]]:
        yield (
            f"{row['texts']:18}{row['threads']:11}{row['texts_per_s']:11.1f}"
            f"{row['words_per_s']:11,.0f}{row['tokens_per_s']:11,.0f}"
        )
    yield ""
    yield f"tokenising            {reading['tokenising_share']:.1%} of the time"
    yield f"all but the encoder   {reading['beside_the_encoder_share']:.1%} of the time"
    if "compare" in figures:
        yield from _comparison(figures["compare"])


def _comparison(compare: dict[str, Any]) -> Iterator[str]:
    pipeline, limit = compare["pipeline"], compare["limit"]
    yield ""
    yield f"the pipeline          {pipeline['what']}"
    yield f"  start to answer     {pipeline['start_s']:.2f} s"
    yield f"  peak memory         {pipeline['peak_memory_mb']:.0f} MB"
    for row in pipeline["batches"]:
        yield f"  batches of {row['batch']:<8} {row['tokens_per_s']:,.0f} tokens/s"
    yield (
        f"matrix products       int8 {limit['int8_operations_per_s'] / 1e9:.0f}, "
        f"fp32 {limit['fp32_operations_per_s'] / 1e9:.0f} GOP/s on one core"
    )
    yield ""
    yield f"starts                {compare['starts_times_sooner']:.1f} times sooner"
    yield f"throughput            {compare['throughput_times_the_pipelines']:.1f} times its best"
    yield f"of the int8 limit     {compare['share_of_int8_limit']:.0%}, on one core"
    yield f"all cores over one    {compare['cores_over_one']:.2f}"


def _run_module(module: str, *arguments: str, stdin: str | None = None) -> str:
    """What a module of ours prints, run as a program of its own."""
    command = [sys.executable, "-m", module, *arguments]
    run = subprocess.run(command, input=stdin, capture_output=True, text=True)
    if run.returncode != 0:
        reason = run.stderr.strip().splitlines()[-1:] or [f"{module} failed"]
        raise InputError(reason[0].removeprefix("respun: "))
    return run.stdout


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _texts(words: int) -> Iterator[str]:
    """Texts of that many words, without end; each begins elsewhere in the seed documents."""
    paragraphs = [line for path in _seeds() for line in read_text(str(path)).splitlines()]
    for first in cycle(range(len(paragraphs))):
        following = cycle([*paragraphs[first:], *paragraphs[:first]])
        text: list[str] = []
        left = words
        while left > 0:
            taken = next(following).split()[:left]
            left -= len(taken)
            text.append(" ".join(taken))
        yield "\n".join(text)


def _seeds() -> list[Path]:
    documents = sorted(_DOCUMENTS.glob("*.txt"))
    if not documents:
        raise InputError("the seed documents are not installed here; run it from a checkout")
    return documents


def _peak_memory_mb() -> float:
    """The largest resident size of the command lines that ran, in 10^6 bytes."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6


def _cpu() -> str:
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
