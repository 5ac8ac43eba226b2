"""Other ways to one score: of a document's windows, and of encoder and words together.

An experiment beside `train.measure`, on dev: would another aggregate than the mean over all
tokens, or the word baseline's logit added to it, find more? What it gave is in
configs/experiments.md.

    python -m train.aggregate --bundle model/checkpoint --data build/corpus --linear build/linear
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, load_bundle
from model.calibration import machine_logit, sigmoid
from model.errors import ConfigError, RespunError
from model.labels import NEWS
from train.measure import Texts, add_folders, read_texts, without_nan

Values = NDArray[np.float64]

WINDOW_WAYS: Mapping[str, Callable[[Values], float]] = MappingProxyType(
    {
        "mean of the windows' probabilities": lambda odds: float(sigmoid(odds).mean()),
        "highest window": lambda odds: float(odds.max()),
        "mean of the higher half": lambda odds: float(np.sort(odds)[len(odds) // 2 :].mean()),
        "first window": lambda odds: float(odds[0]),
    }
)
"""Name to a function of a document's windows' machine logits [windows], in order."""
MEAN = "mean over all tokens (what is served)"
WORD_SHARES: tuple[float, ...] = (0.25, 0.5, 1.0)
"""Weights of the word baseline's logit, both in standard deviations of the human texts."""


def aggregate(bundle: Bundle, texts: Texts, words: Values, cache: Path) -> dict[str, Values]:
    """Each way's score of each text; `words` are the word baseline's logits."""
    from train.scores import score_texts

    rows = score_texts(texts.ids, texts.texts, _compute(bundle), cache)
    ways = dict(zip((MEAN, *WINDOW_WAYS), rows.T, strict=True))
    human = ~texts.machine

    def standard(values: Values) -> Values:
        return np.asarray((values - values[human].mean()) / values[human].std())

    ways |= {
        f"mean over all tokens + {share:g} words": standard(ways[MEAN]) + share * standard(words)
        for share in WORD_SHARES
    }
    return ways | {"words alone": words}


def _compute(bundle: Bundle) -> Callable[[Sequence[str]], Values]:
    from model.document import DocumentReader, mean_logits
    from model.encoder import Encoder

    reader = DocumentReader.from_file(bundle.tokenizer_file, bundle.manifest.max_tokens)
    encoder = Encoder(bundle.encoder_file())

    def compute(texts: Sequence[str]) -> Values:
        documents = [reader.read(text) for text in texts]
        rows = []
        for document, logits in zip(
            documents, reader.logits(documents, encoder.token_logits), strict=True
        ):
            windows = [mean_logits(logits[start:end]) for start, end in document.windows]
            odds = machine_logit(np.stack(windows))
            whole = float(machine_logit(mean_logits(logits)))
            rows.append([whole, *(way(odds) for way in WINDOW_WAYS.values())])
        return np.asarray(rows)

    return compute


def table(texts: Texts, ways: Mapping[str, Values]) -> str:
    """AUROC and TPR at the split's own 1%, on all machine texts and on the frontier ones."""
    from train.metrics.functions import auroc, tpr_at_own_fpr
    from train.tables import area, share

    machine = texts.machine
    frontier = machine & (texts.columns["corpus"] == "frontier")
    lines = [
        "| score | AUROC | TPR 1% | frontier AUROC | frontier TPR 1% |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, scores in ways.items():
        cells = []
        for group in (machine, frontier):
            chosen = group | ~machine
            given = machine[chosen], scores[chosen]
            cells.append(area(without_nan(asdict(auroc(*given)))))
            cells.append(share(without_nan(asdict(tpr_at_own_fpr(*given, fpr=0.01)))))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.aggregate",
        description="Compare ways to make one score of windows and words, on dev.",
        epilog="exit codes: 0 done, 1 no usable bundle or baseline, 2 wrong usage, or no data",
    )
    add_folders(parser, "bundle", "data", "linear", "output")
    options = parser.parse_args(arguments)
    try:
        written = _run(options.bundle, options.data, options.linear, options.output)
    except RespunError as error:
        print(f"train.aggregate: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except OSError as error:
        print(f"train.aggregate: {error}; check --output", file=sys.stderr)
        return 1
    print(written, end="")
    return 0


def _run(folder: Path, data: Path, linear: Path, output: Path) -> str:
    from train.corpus import corpus_digest
    from train.linear import LinearModel
    from train.scores import cache_key, encoder_key

    bundle = load_bundle(folder)
    model = LinearModel.load(linear)
    key = cache_key(encoder_key(bundle, corpus_digest(data)), *WINDOW_WAYS)
    texts = read_texts(data, "dev", bundle.manifest.training.get("trained_before", ()))
    news = np.isin(texts.columns["domain"], NEWS)
    texts = texts.take(news & (texts.words >= bundle.manifest.minimum_words))
    ways = aggregate(
        bundle, texts, model.score(texts.texts), output / "cache" / f"aggregate-{key}.npz"
    )
    return table(texts, ways)


if __name__ == "__main__":
    sys.exit(main())
