"""Scoring a split once: the encoder's logits and the baselines' scores, kept on disk.

Scoring is what measuring costs (20,000 articles are 20 minutes of two cores), so what a
system said about a text is kept in an `.npz` under a key that covers everything it depends
on: weights, tokenizer, windows, normaliser, data. Kept are raw logits, not scores, so that
a new calibration needs no second reading. An interrupted run goes on where it was.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.bundle import SCORING_FILES, Bundle
from model.labels import LABELS
from model.text import NORMALIZER_VERSION

if TYPE_CHECKING:
    from datasets import Dataset

    from model.document import Document

_BATCH_TEXTS = 128
_FLUSH_SECONDS = 60

Compute = Callable[[Sequence[str]], NDArray[np.float64]]
"""Texts in, one row of numbers for each out: float64 [texts, width]."""


def cache_key(*parts: object) -> str:
    """Sixteen hex digits that change when any part does."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def chosen_by_id(ids: Sequence[str], indices: Iterable[int], count: int) -> list[int]:
    """At most `count` of the indices, by a hash of their ids: the same texts every time."""
    return sorted(indices, key=lambda index: cache_key(ids[index]))[:count]


def encoder_key(bundle: Bundle, data_digest: str) -> str:
    """The key of everything that the encoder's logits of a text depend on."""
    manifest = bundle.manifest
    files = (manifest.files[name] for name in SCORING_FILES["cpu"])
    return cache_key(*files, manifest.max_tokens, NORMALIZER_VERSION, data_digest)


def encoder_logits(
    bundle: Bundle, threads: int | None = None, read: Callable[[str], Document] | None = None
) -> Compute:
    """Rows of the document's mean logits and its words as calibration counts them: [5].

    `read` stands in for the way that serves, to measure what a step of it is worth.
    """
    from model.document import DocumentReader, mean_logits
    from model.encoder import Encoder

    reader = DocumentReader.from_file(bundle.tokenizer_file, bundle.manifest.max_tokens)
    encoder = Encoder(bundle.encoder_file(), threads=threads)

    def compute(texts: Sequence[str]) -> NDArray[np.float64]:
        documents = [(read or reader.read)(text) for text in texts]
        rows = np.empty((len(texts), len(LABELS) + 1))
        for row, document, logits in zip(
            rows, documents, reader.logits(documents, encoder.token_logits), strict=True
        ):
            row[:-1] = mean_logits(logits)
            row[-1] = document.words
        return rows

    return compute


def split_logits(
    bundle: Bundle, data_digest: str, cache: Path
) -> Callable[[str, Dataset], NDArray[np.float64]]:
    """Rows of `encoder_logits` for some texts of a split, by its name; kept in `cache`."""
    compute, key = encoder_logits(bundle), encoder_key(bundle, data_digest)
    return lambda split, rows: score_texts(
        rows["id"], rows["text"], compute, cache / f"{split}-{key}.npz"
    )


def calibrated_scores(bundle: Bundle, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The bundle's scores from rows of `encoder_logits`: [n, 5] to [n]."""
    return bundle.manifest.calibration.score(rows[:, :-1], rows[:, -1])


def score_texts(
    ids: Sequence[str], texts: Sequence[str], compute: Compute, cache: Path
) -> NDArray[np.float64]:
    """Each text's row, in order: from the cache where it is there, else computed and kept."""
    known = _read_cache(cache)
    missing = [index for index, name in enumerate(ids) if name not in known]
    saved_at = time.monotonic()
    for start in _batches(len(missing), cache.stem):
        batch = missing[start : start + _BATCH_TEXTS]
        rows = compute([texts[index] for index in batch])
        known.update(zip((ids[index] for index in batch), rows, strict=True))
        if time.monotonic() - saved_at > _FLUSH_SECONDS:
            _write_cache(cache, known)
            saved_at = time.monotonic()
    if missing:
        _write_cache(cache, known)
    return np.stack([known[name] for name in ids]) if len(ids) else np.empty((0, 0))


def _batches(count: int, what: str) -> Sequence[int]:
    from tqdm import tqdm

    starts = range(0, count, _BATCH_TEXTS)
    bar: Sequence[int] = tqdm(starts, desc=what, disable=not sys.stderr.isatty())
    return bar


def _read_cache(cache: Path) -> dict[str, NDArray[np.float64]]:
    if not cache.is_file():
        return {}
    with np.load(cache, allow_pickle=False) as stored:
        return dict(zip(stored["ids"].tolist(), stored["rows"], strict=True))


def _write_cache(cache: Path, known: dict[str, NDArray[np.float64]]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    temporary = cache.with_suffix(".part.npz")
    np.savez(temporary, ids=np.array(list(known)), rows=np.stack(list(known.values())))
    temporary.replace(cache)
