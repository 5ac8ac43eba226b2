"""Robustness: what is still found of a bundle's machine texts after an attack, and at what cost.

Beside `train.measure`, which reads texts as they are, and `train.variants`, which changes what no
one attacks. Every attack of `train.attacks` is made on one fixed sample, and the lines stay where
they are: those frozen in the bundle. Each row is compared with the same texts unattacked, pair by
pair, which tells a change of two points where two samples of this size could not tell ten.

Scoring is what costs. A text is looked up by what the encoder reads of it, so that an attack that
the normaliser undoes costs nothing, and so that a changed attack is scored anew. The rows without
the normaliser say what it is worth; nothing is ever served that way.

    python -m train.robustness --bundle model/checkpoint --data build/corpus --split test
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, load_bundle
from model.errors import ConfigError
from model.labels import GENERATED, HUMAN, NEWS, REWRITTEN
from model.policies import DEFAULT_POLICY
from train.attacks import ATTACKS, attack
from train.commands import Command, run
from train.measure import (
    GRADED_OVERLAP,
    Mask,
    Scores,
    Texts,
    named,
    read_texts,
    without_nan,
)
from train.metrics.functions import paired_difference, rate
from train.variants import first_words

if TYPE_CHECKING:
    from model.document import Document

CLEAN = "none"
PARAPHRASE = "paraphrase"
DIPPER = "dipper"
"""The operation of the texts that stand for a paraphrase by a model, RAID's eleventh attack."""
PLAIN_ATTACKS: tuple[str, ...] = (
    *("homoglyph", "zero_width_space", "whitespace", "quotes_and_dashes", "html_residue"),
)
"""Those that a normaliser is there to undo."""
HUMANS_PER_MACHINE = 2
"""At 1% false alarms it takes many humans to see that rate doubled."""
MOST_LOST = 0.03
"""The target: the share of machine texts that an attack may hide."""
MOST_TIMES = 2.0
"""The target: flagged humans under attack, for each one flagged without."""
PASSAGE_WORDS = (60, 120)
"""Words of another's article that are glued on, fewest and most."""
_SEED = "robustness"


@dataclass(frozen=True)
class RobustnessOptions:
    """What to measure, and where things lie."""

    bundle: Path
    data: Path
    output: Path
    split: str = "test"
    texts: int = 200
    """Machine texts of the sample; there are twice as many human ones."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An attack at a strength, and whether the normaliser comes before the encoder."""

    attack: str
    strength: float
    normalized: bool = True


@dataclass(frozen=True)
class Version:
    """Texts of the sample as a trial leaves them; `indices` say which of the sample they are."""

    trial: Trial
    indices: NDArray[np.intp]
    texts: list[str]
    keys: list[str]
    """Equal where the encoder reads the same."""


@dataclass(frozen=True)
class Said:
    """What the bundle says of each text of a version."""

    scores: Scores
    flagged: Mask


TRIALS: Mapping[str, tuple[Trial, ...]] = MappingProxyType(
    {
        "standard": tuple(Trial(name, entry.strengths[0]) for name, entry in ATTACKS.items()),
        "strengths": tuple(
            Trial(name, strength)
            for name, entry in ATTACKS.items()
            for strength in entry.strengths[1:]
        ),
        "plain": (
            Trial(CLEAN, 0.0, normalized=False),
            *(Trial(name, ATTACKS[name].strengths[0], normalized=False) for name in PLAIN_ATTACKS),
        ),
    }
)
"""The three tables of the report, row by row."""


def choose(texts: Texts, machine: int, human: int) -> Mask:
    """The texts of the sample: news, as evenly over the corpora as these have texts.

    Machine texts are rewritten or generated, not spun, and less than `GRADED_OVERLAP` of their
    original. Each corpus gives one text a round, in the order of its ids' hashes, until there are
    enough; so a small corpus gives all it has, and a smaller sample is part of a larger one.
    """
    from train.scores import cache_key

    order = sorted(range(len(texts.ids)), key=lambda index: cache_key(texts.ids[index]))
    news = np.isin(texts.columns["domain"], NEWS)
    graded = texts.overlap >= GRADED_OVERLAP
    keep = np.zeros(len(texts.ids), dtype=bool)
    for labels, count in (((REWRITTEN, GENERATED), machine), ((HUMAN,), human)):
        fit = news & ~graded & np.isin(texts.columns["label"], labels)
        rounds: Counter[str] = Counter()
        ranked = []
        for index in order:
            if fit[index]:
                corpus = str(texts.columns["corpus"][index])
                ranked.append((rounds[corpus], index))
                rounds[corpus] += 1
        ranked.sort(key=lambda entry: entry[0])  # stable: by hash within a round
        keep[[index for _, index in ranked[:count]]] = True
    return keep


def opening(text: str, most: int) -> str:
    """The first sentences of a text, until they hold 60 words; cut after `most` words."""
    from model.passages import sentences
    from model.text import count_words

    text = text.strip()
    least = min(PASSAGE_WORDS[0], most)
    ends = (end for _, end in sentences(text) if count_words(text[:end]) >= least)
    return first_words(text[: next(ends, len(text))], most)


def human_passages(texts: Texts) -> list[str]:
    """For each text, the opening of a human's article on another story, drawn by id.

    At most half as long as the text, so that what a machine made of the whole is two thirds at
    least. Raises ConfigError where the sample holds no such article.
    """
    from train.scores import cache_key

    humans = sorted(np.flatnonzero(~texts.machine), key=lambda index: cache_key(texts.ids[index]))
    stories = texts.columns["story"]
    passages = []
    for index, name in enumerate(texts.ids):
        start = int(cache_key(name, _SEED), 16) % max(1, len(humans))
        turned = [*humans[start:], *humans[:start]]
        other = next((other for other in turned if stories[other] != stories[index]), None)
        if other is None:
            raise ConfigError(
                f"{name}: the sample has no human article on another story to glue on; "
                "raise --texts, or measure another split"
            )
        most = max(1, min(PASSAGE_WORDS[1], int(texts.words[index]) // 2))
        passages.append(opening(texts.texts[other], most))
    return passages


def plain_reader(bundle: Bundle) -> Callable[[str], Document]:
    """Reads texts as `DocumentReader` does but for the normaliser: they are tokenised as given."""
    from model.document import DocumentReader
    from model.text import NormalizedText

    reader = DocumentReader.from_file(bundle.tokenizer_file, bundle.manifest.max_tokens)

    def read(text: str) -> Document:
        places = range(len(text) + 1)
        return reader.read_normalized(text, NormalizedText(text, places[:-1], places[1:]))

    return read


def measure_attacks(options: RobustnessOptions) -> dict[str, Any]:
    """Attack and score the sample in every way; returns the report."""
    from train.corpus import corpus_digest

    if options.texts < 1:
        raise ConfigError(f"texts is {options.texts}; use 1 or more")
    bundle = load_bundle(options.bundle)
    digest = corpus_digest(options.data)
    seen = bundle.manifest.training.get("trained_before", ())
    texts = read_texts(options.data, options.split, seen)
    texts = texts.take(texts.words >= bundle.manifest.minimum_words)
    paraphrased = texts.take(_paraphrased(texts))
    humans = HUMANS_PER_MACHINE * options.texts
    texts = texts.take(choose(texts, options.texts, humans))
    fewer = choose(texts, options.texts, humans // 2)
    other = _version(Trial(CLEAN, 0.0), paraphrased, np.arange(len(paraphrased.ids)), [])
    versions = [*_versions(texts, fewer), other]
    pairs = list(zip(versions, _judge(bundle, versions, digest, options), strict=True))
    clean, *attacked, (_, other_said) = pairs
    rows = (_row(texts, clean, pair) for pair in attacked)
    tables = {name: list(islice(rows, len(trials))) for name, trials in TRIALS.items()}
    report: dict[str, Any] = without_nan(
        {
            "bundle": named(bundle),
            "data_digest": digest,
            "split": options.split,
            "texts": options.texts,
            "corpora": _count_corpora(texts),
            "scored": len({(v.trial.normalized, key) for v in versions for key in v.keys}),
            "clean": _rates(CLEAN, texts.machine, clean[1]),
            PARAPHRASE: _rates(PARAPHRASE, paraphrased.machine, other_said),
            **tables,
            "targets": missed_targets(tables["standard"]),
        }
    )
    return report


def verdicts(bundle: Bundle, rows: Sequence[NDArray[np.float64]]) -> Said:
    """What rows of `encoder_logits` mean at the default policy; each row [5]."""
    from train.scores import calibrated_scores

    if not rows:
        return Said(np.zeros(0), np.zeros(0, dtype=bool))
    found = np.stack(rows)
    manifest, words = bundle.manifest, found[:, -1]
    scores = calibrated_scores(bundle, found)
    lines = np.array([manifest.line(DEFAULT_POLICY, int(count)) for count in words])
    # What an attack leaves too short gets no score, so it is not flagged.
    return Said(scores, (scores >= lines) & (words >= manifest.minimum_words))


def missed_targets(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Which attacks miss the targets at their standard strength, by what was counted."""
    return {
        "most_lost": MOST_LOST,
        "most_times": MOST_TIMES,
        # The share is of whole texts, so what is just met is not missed by a rounding error.
        "lost": [row["attack"] for row in rows if row["change"]["value"] < -MOST_LOST - 1e-9],
        "alarms": [
            row["attack"]
            for row in rows
            if not row["rewords"] and row["fpr"]["hits"] > MOST_TIMES * row["clean_fpr"]["hits"]
        ],
    }


def _paraphrased(texts: Texts) -> Mask:
    news = np.isin(texts.columns["domain"], NEWS) & ~(texts.overlap >= GRADED_OVERLAP)
    return np.asarray(news & (texts.columns["operation"] == DIPPER))


def _versions(texts: Texts, fewer: Mask) -> list[Version]:
    """The clean texts, then those of each trial: all at standard strengths, else the fewer."""
    from tqdm import tqdm

    passages = human_passages(texts)
    trials = [(Trial(CLEAN, 0.0), True)]
    trials += [(trial, name == "standard") for name, rows in TRIALS.items() for trial in rows]
    everything, half = np.arange(len(texts.ids)), np.flatnonzero(fewer)
    return [
        _version(trial, texts, everything if standard else half, passages)
        for trial, standard in tqdm(trials, desc="attacks", disable=not sys.stderr.isatty())
    ]


def _version(
    trial: Trial, texts: Texts, indices: NDArray[np.intp], passages: Sequence[str]
) -> Version:
    from model.text import normalize
    from train.scores import cache_key

    changed = [texts.texts[index] for index in indices]
    if trial.attack != CLEAN:
        changed = [
            attack(text, trial.attack, trial.strength, _SEED, passages[index])
            for text, index in zip(changed, indices, strict=True)
        ]
    read = [normalize(text).text for text in changed] if trial.normalized else changed
    return Version(trial, indices, changed, [cache_key(text) for text in read])


def _judge(
    bundle: Bundle, versions: Sequence[Version], digest: str, options: RobustnessOptions
) -> list[Said]:
    """Score what the versions hold, each reading once; in the order of the versions."""
    from train.scores import encoder_key, encoder_logits, score_texts

    known: dict[tuple[bool, str], NDArray[np.float64]] = {}
    for normalized, name in ((True, "attacks"), (False, "attacks-plain")):
        wanted = {
            key: text
            for version in versions
            if version.trial.normalized == normalized
            for key, text in zip(version.keys, version.texts, strict=True)
        }
        compute = encoder_logits(bundle, read=None if normalized else plain_reader(bundle))
        cache = options.output / "cache" / f"{name}-{encoder_key(bundle, digest)}.npz"
        found = score_texts(list(wanted), list(wanted.values()), compute, cache)
        known.update(zip(((normalized, key) for key in wanted), found, strict=True))
    return [
        verdicts(bundle, [known[version.trial.normalized, key] for key in version.keys])
        for version in versions
    ]


def _row(texts: Texts, before: tuple[Version, Said], after: tuple[Version, Said]) -> dict[str, Any]:
    (clean, clean_said), (version, said) = before, after
    trial, indices = version.trial, version.indices
    machine = texts.machine[indices]
    was, moved = clean_said.flagged[indices], said.scores - clean_said.scores[indices]
    rates = _rates(trial.attack, machine, said)
    hits, clean_fpr = rates["fpr"]["hits"], _share(was[~machine])
    pairs = list(enumerate(indices))
    return {
        **rates,
        "strength": trial.strength,
        "rewords": trial.attack != CLEAN and ATTACKS[trial.attack].rewords,
        "change": asdict(paired_difference(said.flagged[machine], was[machine])),
        "clean_fpr": clean_fpr,
        "times": hits / clean_fpr["hits"] if clean_fpr["hits"] else None,
        "score_change": {"machine": _mean(moved[machine]), "human": _mean(moved[~machine])},
        "unchanged": _mean([version.texts[i] == clean.texts[j] for i, j in pairs]),
        "read_alike": _mean([version.keys[i] == clean.keys[j] for i, j in pairs]),
    }


def _rates(name: str, machine: Mask, said: Said) -> dict[str, Any]:
    return {
        "attack": name,
        "machine": int(machine.sum()),
        "human": int((~machine).sum()),
        "tpr": _share(said.flagged[machine]),
        "fpr": _share(said.flagged[~machine]),
    }


def _share(flagged: Mask) -> dict[str, Any]:
    return asdict(rate(int(flagged.sum()), len(flagged)))


def _mean(values: Sequence[bool] | Scores) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _count_corpora(texts: Texts) -> dict[str, dict[str, int]]:
    """Texts of the sample: corpus to class to count."""
    counted = Counter(zip(texts.columns["corpus"].tolist(), texts.machine.tolist(), strict=True))
    return {
        corpus: {"machine": counted[corpus, True], "human": counted[corpus, False]}
        for corpus in sorted({name for name, _ in counted})
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    from train.tables import render_robustness

    command = Command(
        module="train.robustness",
        name="attacks",
        description="Measure a bundle on texts that were changed to pass as human.",
        options=RobustnessOptions,
        measure=measure_attacks,
        render=render_robustness,
        texts="machine texts that are attacked, and twice as many human ones",
    )
    return run(command, arguments)


if __name__ == "__main__":
    sys.exit(main())
