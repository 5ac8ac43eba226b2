"""What the score hangs on: the same texts in other formats, and cut to a few words.

Beside `train.measure`, which reads texts as they are. A detector that reads writing must hold
when case, layout and quotations go; one that reads format falls. The cuts say from how many
words on the promise is kept, which is what `minimum_words` of a bundle rests on.

    python -m train.variants --bundle model/checkpoint --data build/corpus --split test
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from model.bundle import Bundle, load_bundle
from model.errors import ConfigError
from model.labels import NEWS
from model.policies import DEFAULT_POLICY
from train.commands import Command, run
from train.measure import (
    GRADED_OVERLAP,
    Mask,
    Texts,
    named,
    read_texts,
    without_nan,
)
from train.metrics.functions import auroc, flagged

_QUOTATION = re.compile(r"“[^”\n]{1,800}”|\"[^\"\n]{1,800}\"")
_WORD = re.compile(r"\S+")

VARIANTS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "as given": lambda text: text,
        "case folded": str.lower,
        "layout flattened": lambda text: " ".join(text.split()),
        "quotations masked": lambda text: _QUOTATION.sub('"..."', text),
    }
)
LENGTHS: tuple[int, ...] = (20, 30, 40, 50, 80, 100, 200, 400, 800)
"""Words that are read of texts that have at least as many."""


@dataclass(frozen=True)
class VariantOptions:
    """What to measure, and where things lie."""

    bundle: Path
    data: Path
    output: Path
    split: str = "test"
    texts: int = 500


def first_words(text: str, count: int) -> str:
    """The first `count` words of a text, in its own layout."""
    for index, match in enumerate(_WORD.finditer(text), start=1):
        if index == count:
            return text[: match.end()]
    return text


def sample(texts: Texts, count: int) -> Texts:
    """At most `count` human and `count` machine news texts, chosen by id; machine ones reword."""
    from train.scores import chosen_by_id

    news = np.isin(texts.columns["domain"], NEWS) & ~(texts.overlap >= GRADED_OVERLAP)
    machine = texts.machine
    keep: Mask = np.zeros(len(texts.ids), dtype=bool)
    for side in (True, False):
        members = np.flatnonzero(news & (machine == side)).tolist()
        keep[chosen_by_id(texts.ids, members, count)] = True
    return texts.take(keep)


def measure_variants(options: VariantOptions) -> dict[str, Any]:
    """Score the sample in every variant and length; returns the report."""
    from train.corpus import corpus_digest

    if options.texts < 1:
        raise ConfigError(f"texts is {options.texts}; use 1 or more")
    bundle = load_bundle(options.bundle)
    digest = corpus_digest(options.data)
    seen = bundle.manifest.training.get("trained_before", ())
    texts = read_texts(options.data, options.split, seen)
    texts = sample(texts.take(texts.words >= bundle.manifest.minimum_words), options.texts)
    variants = {
        name: ([change(text) for text in texts.texts], np.ones(len(texts.ids), dtype=bool))
        for name, change in VARIANTS.items()
    }
    lengths = {
        str(count): ([first_words(text, count) for text in texts.texts], texts.words >= count)
        for count in LENGTHS
    }
    report: dict[str, Any] = without_nan(
        {
            "bundle": named(bundle),
            "data_digest": digest,
            "split": options.split,
            "texts": options.texts,
            "variants": _rows(bundle, texts, variants, digest, options),
            "lengths": _rows(bundle, texts, lengths, digest, options),
        }
    )
    return report


def _rows(
    bundle: Bundle,
    texts: Texts,
    versions: Mapping[str, tuple[list[str], Mask]],
    digest: str,
    options: VariantOptions,
) -> list[dict[str, Any]]:
    from train.scores import calibrated_scores, encoder_key, encoder_logits, score_texts

    cache = options.output / "cache" / f"variants-{encoder_key(bundle, digest)}.npz"
    compute = encoder_logits(bundle)
    manifest = bundle.manifest
    rows = []
    for name, (changed, chosen) in versions.items():
        indices = np.flatnonzero(chosen)
        if not len(indices):
            continue
        ids = [f"{texts.ids[index]}#{name}" for index in indices]
        found = score_texts(ids, [changed[index] for index in indices], compute, cache)
        scores = calibrated_scores(bundle, found)
        lines = np.array([manifest.line(DEFAULT_POLICY, int(words)) for words in found[:, -1]])
        machine = texts.machine[indices]
        rows.append(
            {
                "name": name,
                "machine": int(machine.sum()),
                "human": int((~machine).sum()),
                "auroc": asdict(auroc(machine, scores)),
                "tpr": asdict(flagged(scores[machine], lines[machine])),
                "fpr": asdict(flagged(scores[~machine], lines[~machine])),
            }
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    from train.tables import render_variants

    command = Command(
        module="train.variants",
        name="variants",
        description="Measure a bundle on the same texts in other formats and lengths.",
        options=VariantOptions,
        measure=measure_variants,
        render=render_variants,
        texts="texts of each class that are read",
    )
    return run(command, arguments)


if __name__ == "__main__":
    sys.exit(main())
