"""The small slice: texts that anyone may hold, so that a test can score them with no data set.

The archives behind the data set may not be passed on, so `train.measure` runs only where they
are. These texts come with the repository or with a package that its `train` extra names: the
seed documents, sixty texts of seeds/rewrites, as many human articles, and their spins. They are
too few to say how good a bundle is. They tell when code, weights or a processor change what
it says.

The human articles are those of Lee, Pincombe and Welsh (2005), news of the Australian Broadcasting
Corporation of 2001, which gensim ships for its own tests; no split of the data set holds any. They
are spun by a method that is held out of training. Rewrites are held back where there are enough;
those that trained are a group of their own, and only guard against a change.
"""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, load_bundle
from model.errors import CorpusError
from model.policies import DEFAULT_POLICY
from train.measure import named, without_nan
from train.metrics.functions import flagged
from train.tables import share

SEEDS = Path(__file__).parents[1] / "seeds"
"""The package's folder; read as data, never imported."""
REWRITES = ARTICLES = 60
SPIN = "synonyms-60"
SPLIT = "test"
SEED_DOCUMENTS, HELD_BACK, TRAINED = "seed documents", "rewrites held back", "rewrites trained on"
HUMAN, SPUN = "human articles", "spins of them"
MACHINE: tuple[str, ...] = (SEED_DOCUMENTS, HELD_BACK, TRAINED, SPUN)

_ARTICLES_FILE = "test/test_data/lee_background.cor"
_ID_PREFIX = "rewrites:rewrites.jsonl#"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class OpenOptions:
    """Which bundle, and the data set that says which rewrites it was trained on."""

    bundle: Path
    data: Path


def open_texts(ids: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Texts by group, without the empty groups; `ids` are those of `choose_rewrites`."""
    rewrites = read_rewrites()
    articles = human_articles()
    texts = {
        SEED_DOCUMENTS: list(seed_documents().values()),
        HELD_BACK: [rewrites[name] for name in ids[HELD_BACK]],
        TRAINED: [rewrites[name] for name in ids[TRAINED]],
        HUMAN: articles,
        SPUN: [spun(article) for article in articles],
    }
    return {name: group for name, group in texts.items() if group}


def seed_documents() -> dict[str, str]:
    """The five spins of the seed story, by file name."""
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted((SEEDS / "documents").glob("*.txt"))
    }


def read_rewrites() -> dict[str, str]:
    """Every text of seeds/rewrites by its id."""
    # Not `splitlines`: a text may hold other line ends.
    lines = (SEEDS / "rewrites" / "rewrites.jsonl").read_text(encoding="utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    return {row["id"]: row["text"] for row in rows}


def human_articles() -> list[str]:
    """Sixty human news articles of 80 to 620 words, as gensim carries them."""
    package = importlib.util.find_spec("gensim")  # found, not imported
    if package is None or package.origin is None:
        raise CorpusError(
            'gensim: carries human articles and is missing; pip install -e ".[train]"'
        )
    lines = (Path(package.origin).parent / _ARTICLES_FILE).read_text(encoding="utf-8").splitlines()
    # Three hundred, in no order that is known; every fifth spreads over all of them.
    return [line.strip() for line in lines if line.strip()][::5][:ARTICLES]


def spun(article: str) -> str:
    """An article under the synonym spinner, the same every time."""
    from model.spinner import METHODS, spin

    return spin(article, METHODS[SPIN], random.Random(article))


def choose_rewrites(names: Collection[str], trained: Collection[str]) -> dict[str, list[str]]:
    """Sixty rewrites by a hash of their ids: held back, and as many more that trained as it takes.

    `names` are all ids of seeds/rewrites, `trained` those that the weights have seen.
    """
    from train.scores import cache_key

    order = sorted(names, key=cache_key)
    held_back = [name for name in order if name not in trained][:REWRITES]
    seen = [name for name in order if name in trained][: REWRITES - len(held_back)]
    return {HELD_BACK: sorted(held_back), TRAINED: sorted(seen)}


def trained_rewrites(data: Path, bundle: Bundle) -> set[str]:
    """Ids of the rewrites that trained the bundle: of the train split, and of runs before."""
    from train.corpus import open_corpus, split_of

    seen = {*split_of(open_corpus(data), "train")["id"]}
    seen.update(bundle.manifest.training.get("trained_before", ()))
    return {name.removeprefix(_ID_PREFIX) for name in seen if name.startswith(_ID_PREFIX)}


def judge(name: str, scores: Sequence[float], lines: Sequence[float]) -> dict[str, Any]:
    """The row of a group of texts: how many are flagged, and their scores in short."""
    return {
        "name": name,
        "machine": name in MACHINE,
        "texts": len(scores),
        "flagged": asdict(flagged(scores, lines)),
        "mean": float(np.mean(scores)),
        "lowest": float(np.min(scores)),
        "highest": float(np.max(scores)),
    }


def measure_open(options: OpenOptions) -> dict[str, Any]:
    """Score every group, and the seed documents sentence by sentence; returns the report."""
    from train.corpus import corpus_digest

    bundle = load_bundle(options.bundle)
    manifest = bundle.manifest
    ids = choose_rewrites(read_rewrites(), trained_rewrites(options.data, bundle))
    rows = []
    for name, texts in open_texts(ids).items():
        scores, words = _scores(bundle, texts)
        lines = [manifest.line(DEFAULT_POLICY, int(count)) for count in words]
        rows.append(judge(name, scores.tolist(), lines))
    report: dict[str, Any] = without_nan(
        {
            "bundle": named(bundle),
            "data_digest": corpus_digest(options.data),
            "rewrites": ids,
            "rows": rows,
            "documents": list(_documents(bundle)),
        }
    )
    return report


def render_open(report: Json) -> str:
    """The report as Markdown."""
    bundle = report["bundle"]
    parts = [
        "# Texts that come with the repository and its packages",
        f"Weights `{bundle['name']}` {bundle['version']}, sha256 `{bundle['sha256']}`.",
        "Too few to say how good the weights are: they tell when something changes what these say. "
        "Rewrites that were trained on are a group of their own. Flagged: at the threshold for 1% "
        "false alarms, with its 95% interval.",
        "\n".join(_table(report["rows"])),
    ]
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[Json]) -> Iterator[str]:
    yield "| texts | number | flagged | mean score | lowest | highest |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in rows:
        scores = " | ".join(f"{row[name]:.3f}" for name in ("mean", "lowest", "highest"))
        yield f"| {row['name']} | {row['texts']} | {share(row['flagged'])} | {scores} |"


def _scores(
    bundle: Bundle, texts: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Calibrated scores and words of texts: two arrays [texts]."""
    from train.scores import calibrated_scores, encoder_logits

    rows = encoder_logits(bundle)(texts)
    return calibrated_scores(bundle, rows), rows[:, -1]


def _documents(bundle: Bundle) -> Iterator[dict[str, Any]]:
    """Each seed document with its score and its sentences with theirs."""
    from model.document import DocumentReader, mean_logits
    from model.encoder import Encoder
    from model.passages import find_passages

    manifest = bundle.manifest
    reader = DocumentReader.from_file(bundle.tokenizer_file, manifest.max_tokens)
    documents = {name: reader.read(text) for name, text in seed_documents().items()}
    logits = reader.logits(list(documents.values()), Encoder(bundle.encoder_file()).token_logits)
    for (name, document), found in zip(documents.items(), logits, strict=True):
        passages = find_passages(document, found, manifest.passages)
        yield {
            "name": name,
            "score": float(manifest.calibration.score(mean_logits(found), document.words)),
            "sentences": [
                {"text": document.text[each.start : each.end], "score": each.score}
                for each in passages
            ],
        }
