"""Reader of DetectRL (NLP2CT/DetectRL): four domains, four LLMs, prompts and attacks.

Rows carry no id, so the story is recovered from the layout. Outside `Multi_Domain`, every
file has four equal quarters, one a domain, and in each of them the rows of one label and one
LLM stand in a fixed order: row j of `direct_prompt_test` and row j of
`paraphrase_polish_llm_test` tell the same story, and row j of `paraphrase_polish_human_test`
rewrites human row j. The mixed files (`Multi_Domain`, `*_attacks_*`) draw from a larger pool
without order; their rows are joined to a story by equal text, else by the rare words they
share (on this data the right story scores about 0.4, a stranger about 0.1).

The one choice: labels are read from `data_type`, not from `label`. In the `*_Human` files the
rows labelled `human` are machine paraphrases of human text. Each text is yielded once.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from model.errors import CorpusError
from seeds.archives import Archive
from seeds.readers.formats import json_value
from seeds.records import Record

# in the order of the quarters; keys are the data_type of the human rows
DOMAINS = {"abstract": "academic", "document": "news", "story": "fiction", "content": "review"}
MULTI_DOMAIN = {
    "arxiv": "abstract",
    "xsum": "document",
    "writing_prompt": "story",
    "yelp_review": "content",
}
GENERATORS = {
    "ChatGPT": "gpt-3.5",
    "Google-PaLM": "palm",
    "Claude-instant": "claude-instant",
    "Llama-2-70b": "llama-2-70b",
}
SAME_STORY = 0.25
"""The least share of rare-word weight at which a row of a mixed file joins a story."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file, with what the layout says about it."""

    text: str
    kind: str
    """`human`, or the data_type of a machine row."""
    llm: str
    domain: str
    """A key of DOMAINS."""
    reference: str
    position: str
    """The place in the fixed order; empty in the mixed files."""


def read(archive: Archive) -> Iterator[Record]:
    """Yield every distinct text, humans first."""
    paths = [path for path in archive.paths() if path.endswith("_test.json")]
    rows = [row for path in sorted(paths, key=_is_mixed) for row in _rows(archive, path)]
    rows.sort(key=lambda row: (not row.position, row.kind != "human"))
    for domain in DOMAINS:
        yield from _read_domain(archive.repository, [row for row in rows if row.domain == domain])


class Stories:
    """Stories by rare words: finds the one that a text shares most with."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._counts: Counter[str] = Counter()
        self._total = 0
        for text in texts:
            self._counts.update(_words(text))
            self._total += 1
        # words of more texts than this are weighed, but not searched by
        self._common = max(20, self._total // 50)
        self._texts: list[tuple[str, str, float]] = []
        self._holders: dict[str, list[int]] = defaultdict(list)

    def add(self, story: str, text: str) -> None:
        """Remember a text as one of the story's."""
        weights = self._weights(text)
        for word in weights:
            if self._counts[word] <= self._common:
                self._holders[word].append(len(self._texts))
        self._texts.append((story, text, sum(weights.values())))

    def nearest(self, text: str) -> tuple[float, str, str]:
        """The share of weight in common with the nearest text, its story, that text."""
        weights = self._weights(text)
        shared: dict[int, float] = defaultdict(float)
        for word, weight in weights.items():
            for holder in self._holders.get(word, ()):
                shared[holder] += weight
        total = sum(weights.values())
        scored = (
            (weight / max(1e-9, min(total, self._texts[holder][2])), holder)
            for holder, weight in shared.items()
        )
        score, holder = max(scored, default=(0.0, -1))
        return (score, *self._texts[holder][:2]) if holder >= 0 else (0.0, "", "")

    def _weights(self, text: str) -> dict[str, float]:
        return {word: math.log(self._total / max(1, self._counts[word])) for word in _words(text)}


def _read_domain(repository: str, rows: list[Row]) -> Iterator[Record]:
    stories, humans = Stories(row.text for row in rows), Stories(row.text for row in rows)
    by_position = {row.position: row for row in reversed(rows) if row.kind == "human"}
    seen: set[str] = set()
    for row in rows:
        text = row.text.strip()
        if not text or text in seen:
            continue
        seen.add(text)
        story, original = f"{repository}:{row.position}", ""
        if not row.position:
            score, nearest, _ = stories.nearest(row.text)
            story = nearest if score >= SAME_STORY else f"{repository}:{row.reference}"
        if row.kind == "human":
            humans.add(story, row.text)
        elif _is_of_human(row.kind):
            original = _original(row, by_position, humans)
        stories.add(story, row.text)
        yield _record(repository, row, story, original)


def _original(row: Row, by_position: dict[str, Row], humans: Stories) -> str:
    if row.position:
        human = by_position.get(row.position)
        return human.text if human else ""
    score, _, text = humans.nearest(row.text)
    return text if score >= SAME_STORY else ""


def _record(repository: str, row: Row, story: str, original: str) -> Record:
    label, operation, generator = _made_by(row.kind, row.llm)
    return Record(
        text=row.text,
        label=label,
        corpus=repository,
        story=story,
        reference=row.reference,
        source="bbc" if row.domain == "document" else "",
        generator=generator,
        operation=operation,
        domain=DOMAINS[row.domain],
        original=original,
    )


def _made_by(kind: str, llm: str) -> tuple[str, str, str]:
    """The label, the operation and the generator of a row."""
    if kind == "human":
        return "human", "", ""
    # whatever they started from, these two leave their own traces
    if "dipper" in kind:
        return "spun", "dipper", "dipper"
    if "back_translation" in kind:
        return "spun", "backtranslate", "translator"
    if kind.startswith("adversarial"):
        return "spun", "perturb", GENERATORS[llm]
    if "polish" in kind:
        return "rewritten" if _is_of_human(kind) else "generated", "polish", GENERATORS[llm]
    if kind == "prompt_SICO":
        return "generated", "evade", GENERATORS[llm]
    if kind in {"direct_prompt", "prompt_few_shot"}:
        return "generated", "generate", GENERATORS[llm]
    raise CorpusError(f"data_type {kind!r} is unknown; add it to seeds/readers/detectrl.py")


def _rows(archive: Archive, path: str) -> Iterator[Row]:
    entries = json_value(archive.read(path))
    name = path.rpartition("/")[2]
    only = next((key for part, key in MULTI_DOMAIN.items() if f"domains_{part}" in name), "")
    places: Counter[tuple[str, str, str]] = Counter()
    for index, entry in enumerate(entries):
        data_type, llm = entry["data_type"], entry["llm_type"]
        domain = only or list(DOMAINS)[index * len(DOMAINS) // len(entries)]
        kind = "human" if data_type in DOMAINS else data_type
        if kind == "human" and data_type != domain:
            raise CorpusError(
                f"{path}#{index}: a {data_type} where a {domain} should stand;"
                " the layout has changed, pin the old commit"
            )
        side = "human" if kind == "human" or _is_of_human(kind) else "llm"
        places[domain, side, llm] += 1
        place = f"{domain}/{side}/{llm}/{places[domain, side, llm] - 1}"
        yield Row(
            text=entry["text"],
            kind=kind,
            llm=llm,
            domain=domain,
            reference=f"{path}#{index}",
            position="" if _is_mixed(path) else place,
        )


def _is_mixed(path: str) -> bool:
    return "Multi_Domain/" in path or "_attacks_" in path.rpartition("/")[2]


def _is_of_human(kind: str) -> bool:
    return kind.endswith("_human")


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9']+", text.lower()))
