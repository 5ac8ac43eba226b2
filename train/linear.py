"""The word baseline: TF-IDF over word 1-2-grams and a logistic regression.

Nothing is taken for a merit of the encoder before this stands beside it: trained on the
same split, fed the same normalised text, judged at thresholds from the same humans. Like
the encoder it reads a long text in even windows and averages their logits, because it is
trained on crops and TF-IDF weights drift with length. Saved as safetensors and JSON.

    python -m train.linear --config configs/linear.yaml
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from model.config_file import read_config
from model.errors import BundleError, ConfigError, RespunError
from model.labels import HUMAN
from model.text import normalize
from model.windows import cut_windows
from train.features import FeatureDirection, feature_table, fit_directions

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import CountVectorizer

T = TypeVar("T")

_EPILOG = """\
example:
  python -m train.linear --config configs/linear.yaml

exit codes: 0 done, 1 unusable data, 2 wrong usage or configuration
"""
_TOKEN = re.compile(r"\w+|[^\w\s]")
_BATCH_TEXTS = 1000
_WEIGHTS = "linear.safetensors"
_VOCABULARY = "vocabulary.json"
_CARD = "linear.json"  # written last: a folder that has it is whole


class LinearConfig(BaseModel):
    """What `configs/linear.yaml` may say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Field(description="Folder of the data set that seeds.build wrote.")
    output: Path = Field(description="Folder that the model is written to.")
    seed: int = Field(0, description="Draws the crop of each training text.")
    crop_words: int = Field(
        300, ge=20, description="Longest training crop and scoring window, in words."
    )
    min_df: int = Field(5, ge=1, description="Fewest training texts that a term must occur in.")
    max_features: int = Field(
        400_000, ge=1, description="Terms kept, the most frequent first; bounds memory."
    )
    C: float = Field(10.0, gt=0, description="Inverse strength of the L2 penalty.")
    max_iterations: int = Field(300, ge=1, description="Steps of L-BFGS before it gives up.")


@dataclass(frozen=True)
class LinearModel:
    """A fitted word baseline, and the directions of the one-feature baselines."""

    terms: tuple[str, ...]
    idf: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    intercept: float
    window_words: int
    features: Mapping[str, FeatureDirection]
    about: Mapping[str, Any] = field(default_factory=dict)
    """Where it comes from: resolved config, data digest, counts, versions."""

    @classmethod
    def load(cls, folder: Path) -> LinearModel:
        """Read a model that `save` wrote."""
        from safetensors.numpy import load_file

        if not (folder / _CARD).is_file():
            raise BundleError(
                f"{folder}: no word baseline here; train one with python -m train.linear"
            )
        card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
        arrays = load_file(folder / _WEIGHTS)
        return cls(
            terms=tuple(json.loads((folder / _VOCABULARY).read_text(encoding="utf-8"))),
            idf=arrays["idf"],
            coefficients=arrays["coefficients"],
            intercept=card["intercept"],
            window_words=card["window_words"],
            features={name: FeatureDirection(**way) for name, way in card["features"].items()},
            about=card["about"],
        )

    def save(self, folder: Path) -> None:
        """Write the model as safetensors and JSON."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        (folder / _CARD).unlink(missing_ok=True)
        save_file({"idf": self.idf, "coefficients": self.coefficients}, folder / _WEIGHTS)
        _write_json(folder / _VOCABULARY, list(self.terms))
        card = {
            "intercept": self.intercept,
            "window_words": self.window_words,
            "features": {name: asdict(way) for name, way in self.features.items()},
            "about": dict(self.about),
        }
        _write_json(folder / _CARD, card, indent=1)

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Logits, positive for machine; a text's is its windows' mean, weighted by words."""
        logits = np.zeros(len(texts))
        for start in range(0, len(texts), _BATCH_TEXTS):
            batch = texts[start : start + _BATCH_TEXTS]
            logits[start : start + len(batch)] = self._score_batch(batch)
        return logits

    @cached_property
    def sha256(self) -> str:
        """A digest of everything that the scores depend on."""
        digest = hashlib.sha256(
            json.dumps([self.terms, self.intercept, self.window_words]).encode()
        )
        digest.update(self.idf.tobytes() + self.coefficients.tobytes())
        return digest.hexdigest()

    def _score_batch(self, texts: Sequence[str]) -> NDArray[np.float64]:
        windows, owners, weights = [], [], []
        for owner, text in enumerate(texts):
            words = normalize(text).text.split()
            for start, end in cut_windows(len(words), self.window_words):
                windows.append(" ".join(words[start:end]))
                owners.append(owner)
                weights.append(end - start)
        if not windows:
            return np.full(len(texts), self.intercept)
        per_window = self._score_windows(windows) * weights
        sums = np.bincount(owners, weights=per_window, minlength=len(texts))
        totals = np.bincount(owners, weights=weights, minlength=len(texts))
        return np.where(totals > 0, sums / np.maximum(totals, 1), self.intercept)

    def _score_windows(self, windows: Sequence[str]) -> NDArray[np.float64]:
        counts = self._vectorizer.transform(windows).tocsr()
        counts.data = (1 + np.log(counts.data)) * self.idf[counts.indices]
        norms = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
        products = np.asarray(counts @ self.coefficients.astype(np.float64)).ravel()
        return np.asarray(products / np.where(norms > 0, norms, 1) + self.intercept)

    @cached_property
    def _vectorizer(self) -> CountVectorizer:
        from sklearn.feature_extraction.text import CountVectorizer

        vocabulary = {term: index for index, term in enumerate(self.terms)}
        return CountVectorizer(analyzer=word_terms, vocabulary=vocabulary, dtype=np.float64)


def word_terms(text: str) -> list[str]:
    """The lower-cased word 1-2-grams of a normalised text; punctuation marks are words."""
    tokens = _TOKEN.findall(text.lower())
    return tokens + [f"{left} {right}" for left, right in pairwise(tokens)]


def fit_linear(
    rows: Sequence[Mapping[str, Any]], config: LinearConfig, about: Mapping[str, Any]
) -> LinearModel:
    """Train the baselines on rows with `id`, `text` and `label`, classes weighing the same."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    is_machine = np.array([row["label"] != HUMAN for row in rows])
    if is_machine.all() or not is_machine.any():
        raise ConfigError(f"{config.data}: the train split needs both human and machine texts")
    vectorizer = TfidfVectorizer(
        analyzer=word_terms,
        min_df=config.min_df,
        max_features=config.max_features,
        sublinear_tf=True,
        dtype=np.float32,
    )
    matrix = vectorizer.fit_transform(_progress(_crops(rows, config), len(rows), "terms"))
    regression = LogisticRegression(
        C=config.C, class_weight="balanced", tol=1e-5, max_iter=config.max_iterations
    )
    regression.fit(matrix, is_machine)
    counts = {"human": int((~is_machine).sum()), "machine": int(is_machine.sum())}
    table = feature_table(_progress((row["text"] for row in rows), len(rows), "features"))
    return LinearModel(
        terms=tuple(vectorizer.get_feature_names_out().tolist()),
        idf=vectorizer.idf_.astype(np.float32),
        coefficients=regression.coef_[0].astype(np.float32),
        intercept=float(regression.intercept_[0]),
        window_words=config.crop_words,
        features=fit_directions(table, is_machine),
        about={**about, "texts": counts, "iterations": int(regression.n_iter_[0])},
    )


def crop(text: str, words: int, key: str) -> str:
    """At most `words` consecutive words of a text, normalised; `key` alone decides which.

    Cut before it is normalised, which is the slow part and does not care.
    """
    pieces = text.split()
    start = random.Random(key).randint(0, max(0, len(pieces) - words))
    return normalize(" ".join(pieces[start : start + words])).text


def train(config: LinearConfig) -> LinearModel:
    """Fit on the data set's train split and write the model to `config.output`."""
    from train.corpus import corpus_digest, open_corpus, split_of

    digest = corpus_digest(config.data)
    rows = split_of(open_corpus(config.data), "train").select_columns(["id", "text", "label"])
    about = {
        "config": config.model_dump(mode="json"),
        "data_digest": digest,
        "versions": _versions(),
    }
    fitted = fit_linear(list(rows), config, about)
    fitted.save(config.output)
    return fitted


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m train.linear",
        description="Train the word 1-2-gram and one-feature baselines on the train split.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, help="e.g. configs/linear.yaml")
    options = parser.parse_args(arguments)
    try:
        config = read_config(options.config, LinearConfig)
        fitted = train(config)
    except RespunError as error:
        print(f"train.linear: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except OSError as error:
        print(f"train.linear: {error}; check `output`", file=sys.stderr)
        return 1
    best = max(fitted.features.items(), key=lambda item: item[1].auroc)
    print(f"terms      {len(fitted.terms):,}")
    print(f"texts      {fitted.about['texts']}")
    print(f"iterations {fitted.about['iterations']}")
    print(f"features   best on train: {best[0]}, AUROC {best[1].auroc:.3f}")
    print(f"written    {config.output}")
    return 0


def _crops(rows: Iterable[Mapping[str, Any]], config: LinearConfig) -> Iterator[str]:
    for row in rows:
        yield crop(row["text"], config.crop_words, f"{config.seed}:{row['id']}")


def _progress(items: Iterable[T], total: int, what: str) -> Iterable[T]:
    """A progress bar where someone watches."""
    from tqdm import tqdm

    bar: Iterable[T] = tqdm(items, total=total, desc=what, disable=not sys.stderr.isatty())
    return bar


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("scikit-learn", "numpy", "scipy")}


def _write_json(path: Path, value: Any, indent: int | None = None) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
