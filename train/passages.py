"""Passages: fitted and measured on articles that both a human and a machine wrote.

`train.export` fits the line from token logits to a passage's score on spliced articles of the
calibration split, and sets the mark by the human articles of the threshold split. This command
measures both on others, beside the word baseline sentence by sentence and beside window scores
spread over their sentences.

    python -m train.passages --bundle model/checkpoint --data build/corpus --linear build/linear
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import load_bundle
from model.calibration import machine_logit, sigmoid
from model.document import Document, DocumentReader
from model.encoder import Encoder, TokenLogits
from model.errors import ConfigError
from model.labels import HUMAN, NEWS
from model.passages import (
    Passage,
    PassageCalibration,
    find_passages,
    machine_share,
    passage_terms,
    sentence_logits,
    token_starts,
)
from model.text import count_words
from train.commands import Command, run
from train.measure import OVERLAP_EDGES, named, without_nan
from train.metrics.functions import auroc, flagged
from train.splices import SHAPES, SplicedArticle, spliced_articles, whole_articles

if TYPE_CHECKING:
    from train.linear import LinearModel

HUMAN_MARKED = 0.025
"""Share of the sentences of human articles that are marked; what is promised is 3%."""
FIT_ARTICLES, MARK_ARTICLES = 600, 600
FRONTIER: tuple[str, ...] = ("frontier", "rewrites")
_BATCH_TEXTS = 64
_SHARE_EDGES = (0.2, 0.4, 0.6, 0.8)

Values = NDArray[np.float64]


# --- Fitting ------------------------------------------------------------------------------


def fit_passages(
    splits: Any, reader: DocumentReader, compute: TokenLogits, minimum_words: int
) -> PassageCalibration:
    """Fit the line on articles of two writers and of one, set the mark by human ones.

    `splits` by name. Sentences weigh alike; the articles of one writer say what a document
    without a second one looks like.
    """
    from sklearn.linear_model import LogisticRegression

    fitting = splits["calibration"]
    articles = [
        *spliced_articles(fitting, FIT_ARTICLES),
        *whole_articles(fitting, FIT_ARTICLES // 2),
    ]
    terms, machine = [], []
    texts = [article.text for article in articles]
    for article, (document, logits) in zip(articles, _read(texts, reader, compute), strict=True):
        spans, rows = sentence_logits(document, logits)
        words = [count_words(document.text[start:end]) for start, end in spans]
        terms.append(passage_terms(rows, words))
        machine += [article.is_machine(*span) for span in spans]
    # The terms hold the intercept.
    line = LogisticRegression(C=100.0, max_iter=3000, fit_intercept=False)
    line.fit(np.concatenate(terms), machine)
    pairs = line.coef_[0].reshape(2, 4).T.tolist()
    own, beside, whole, intercept = ((now, more) for now, more in pairs)
    unmarked = PassageCalibration(own, beside, whole, intercept, 0.5)
    humans = human_articles(splits["threshold"], MARK_ARTICLES, minimum_words)
    said = [passage.score for passage in _passages(humans, reader, compute, unmarked)]
    mark = float(np.quantile(said, 1 - HUMAN_MARKED))
    return replace(unmarked, threshold=max(unmarked.threshold, mark))


def _passages(
    texts: Sequence[str],
    reader: DocumentReader,
    compute: TokenLogits,
    calibration: PassageCalibration,
) -> Iterator[Passage]:
    """The passages of all texts, as they are served."""
    for document, logits in _read(texts, reader, compute):
        yield from find_passages(document, logits, calibration)


def human_articles(rows: Any, count: int, minimum_words: int) -> list[str]:
    """At most `count` human news articles of a split, chosen by id."""
    from train.scores import chosen_by_id

    columns = zip(*(rows[name] for name in ("label", "domain", "words")), strict=True)
    humans = [
        index
        for index, (label, domain, words) in enumerate(columns)
        if label == HUMAN and domain in NEWS and words >= minimum_words
    ]
    return [rows[index]["text"] for index in chosen_by_id(rows["id"], humans, count)]


def _read(
    texts: Sequence[str], reader: DocumentReader, compute: TokenLogits
) -> Iterator[tuple[Document, NDArray[np.float32]]]:
    """Documents with the logits of their tokens, in order."""
    for start in range(0, len(texts), _BATCH_TEXTS):
        documents = [reader.read(text) for text in texts[start : start + _BATCH_TEXTS]]
        yield from zip(documents, reader.logits(documents, compute), strict=True)


# --- Measuring ----------------------------------------------------------------------------


@dataclass(frozen=True)
class PassageOptions:
    """What to measure, and where things lie."""

    bundle: Path
    data: Path
    linear: Path
    output: Path
    split: str = "test"
    texts: int = 500


@dataclass(frozen=True, slots=True)
class Judged:
    """One spliced article as it was scored: arrays over its passages."""

    article: SplicedArticle
    machine: NDArray[np.bool_]
    scores: Values
    words: Values
    spread: Values
    """The machine logit of the window that most of a passage's tokens lie in."""
    linear: Values
    """The word baseline's logit of the passage alone."""
    share: float
    """The machine share that is served."""
    boundary_error: int | None
    """Passages between the found and the true change of writers, where there is one change."""


def measure_passages(options: PassageOptions) -> dict[str, Any]:
    """Score spliced and human articles; returns the report."""
    from train.corpus import corpus_digest, open_corpus, split_of, without
    from train.linear import LinearModel

    if options.texts < 1:
        raise ConfigError(f"texts is {options.texts}; use 1 or more")
    bundle, linear = load_bundle(options.bundle), LinearModel.load(options.linear)
    manifest = bundle.manifest
    seen = manifest.training.get("trained_before", ())
    rows = without(split_of(open_corpus(options.data), options.split), seen)
    reader = DocumentReader.from_file(bundle.tokenizer_file, manifest.max_tokens)
    compute = Encoder(bundle.encoder_file()).token_logits
    articles = spliced_articles(rows, options.texts)
    if not articles:
        raise ConfigError(f"{options.split}: no human and machine text of one story to splice")
    judged = [
        _judge(article, document, logits, manifest.passages, linear)
        for article, (document, logits) in zip(
            articles, _read([article.text for article in articles], reader, compute), strict=True
        )
    ]
    humans = human_articles(rows, options.texts, manifest.minimum_words)
    said = [passage.score for passage in _passages(humans, reader, compute, manifest.passages)]
    report: dict[str, Any] = without_nan(
        {
            "bundle": named(bundle),
            "data_digest": corpus_digest(options.data),
            "split": options.split,
            "texts": options.texts,
            "threshold": manifest.passages.threshold,
            "human": {
                "articles": len(humans),
                "marked": asdict(flagged(said, manifest.passages.threshold)),
            },
            "rows": [_row(name, members) for name, members in _groups(judged) if members],
        }
    )
    return report


def _judge(
    article: SplicedArticle,
    document: Document,
    logits: NDArray[np.float32],
    calibration: PassageCalibration,
    linear: LinearModel,
) -> Judged:
    passages = find_passages(document, logits, calibration)
    machine = np.array([article.is_machine(each.start, each.end) for each in passages])
    scores = np.array([each.score for each in passages])
    boundary = article.boundary
    return Judged(
        article=article,
        machine=machine,
        scores=scores,
        words=np.array([each.words for each in passages], dtype=float),
        spread=_spread(document, logits, passages),
        linear=linear.score([article.text[each.start : each.end] for each in passages]),
        share=machine_share(passages, calibration.threshold),
        boundary_error=None
        if boundary is None
        else abs(_change(scores) - sum(each.start < boundary for each in passages)),
    )


def _spread(document: Document, logits: NDArray[np.float32], passages: Sequence[Passage]) -> Values:
    """Each passage's score, were only the windows scored: that of its middle token's window."""
    means = [machine_logit(logits[start:end].mean(0)) for start, end in document.windows]
    ends = [end for _, end in document.windows]
    starts = token_starts(document)
    middles = [
        (np.searchsorted(starts, each.start) + np.searchsorted(starts, each.end) - 1) // 2
        for each in passages
    ]
    return np.array(
        [float(means[int(np.searchsorted(ends, middle, "right"))]) for middle in middles]
    )


def _change(scores: Values) -> int:
    """The passage at which one change of writers, either way, explains the scores best."""
    bounded = np.clip(scores, 0.01, 0.99)
    odds = np.log(bounded / (1 - bounded))
    before = np.concatenate([[0.0], odds.cumsum()])[1:-1]  # summed up to each possible change
    return 1 + int(np.abs(2 * before - odds.sum()).argmax()) if len(before) else 0


def _groups(judged: Sequence[Judged]) -> Iterator[tuple[str, list[Judged]]]:
    """Names and members of the table's rows, in order."""
    yield "all", list(judged)
    yield "frontier", [each for each in judged if each.article.corpus in FRONTIER]
    yield "older generators", [each for each in judged if each.article.corpus not in FRONTIER]
    for shape in SHAPES:
        yield shape, [each for each in judged if each.article.shape == shape]
    for low, high in pairwise((0.0, *_SHARE_EDGES, 1.0)):
        members = [each for each in judged if low <= each.article.machine_share < high]
        yield f"machine share {low:.0%} to {high:.0%}", members
    for low, high in pairwise((0.0, *OVERLAP_EDGES)):
        members = [each for each in judged if low <= each.article.overlap < high]
        yield f"kept wording {low:.0%} to {high:.0%}", members
    for corpus in sorted({each.article.corpus for each in judged}):
        yield corpus, [each for each in judged if each.article.corpus == corpus]


def _row(name: str, judged: Sequence[Judged]) -> dict[str, Any]:
    """What was found in a group of spliced articles."""
    machine = np.concatenate([found.machine for found in judged])
    scores = {
        "encoder": np.concatenate([found.scores for found in judged]),
        "windows": np.concatenate([sigmoid(found.spread) for found in judged]),
        "linear": np.concatenate([sigmoid(found.linear) for found in judged]),
    }
    errors = np.array([abs(found.share - found.article.machine_share) for found in judged])
    expected = np.array(
        [
            abs(np.average(found.scores, weights=found.words) - found.article.machine_share)
            for found in judged
        ]
    )
    guess = np.array([abs(0.5 - found.article.machine_share) for found in judged])
    changes = [found.boundary_error for found in judged if found.boundary_error is not None]
    return {
        "name": name,
        "articles": len(judged),
        "sentences": len(machine),
        "machine": int(machine.sum()),
        "auroc": {system: asdict(auroc(machine, said)) for system, said in scores.items()},
        "share_error": float(errors.mean()),
        "share_error_expected": float(expected.mean()),
        "share_error_of_half": float(guess.mean()),
        "boundary": asdict(flagged(-np.array(changes, dtype=float), -1.0)) if changes else None,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    from train.tables import render_passages

    command = Command(
        module="train.passages",
        name="passages",
        description="Measure a bundle's passages on articles that two writers share.",
        options=PassageOptions,
        measure=measure_passages,
        render=render_passages,
        folders=("bundle", "data", "linear", "output"),
        texts="articles of each sort",
    )
    return run(command, arguments)


if __name__ == "__main__":
    sys.exit(main())
