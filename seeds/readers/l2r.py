"""Reader of L2R (ranhli/l2r_data): 200 human texts in each of 21 domains, rewritten whole.

`DOMAIN/human.json` and `DOMAIN/MODEL.json` are lists of strings in the same order, but for
Gemini's lists, which lack the texts that the model refused. The one choice: a list shorter
than the human one is aligned in order by word overlap (the best monotonous assignment), so
that one missing text does not shift all that follow.

Left out: `TravelTourism`, a copy of `TechnicalWriting`, `Code`, and rewrites that changed
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from seeds.archives import Archive
from seeds.readers.formats import json_value
from seeds.records import Record

GENERATORS = {
    "GPT-3-Turbo": "gpt-3.5",
    "GPT-4o": "gpt-4o",
    "Gemini-1.5-Pro": "gemini-1.5-pro",
    "Llama-3-70B": "llama-3-70b",
}
LEFT_OUT = {"Code", "TravelTourism"}
NEWS = "NewsArticle"


def read(archive: Archive) -> Iterator[Record]:
    """Yield the human texts of every domain and their rewrites."""
    for path in archive.paths():
        domain, _, name = path.partition("/")
        if name == "human.json" and domain not in LEFT_OUT:
            yield from _read_domain(archive, domain)


def align(rewrites: Sequence[str], originals: Sequence[str]) -> list[int]:
    """The index of the original of each rewrite, strictly rising.

    Both lists are in the same order, `rewrites` with gaps. Maximises the sum of the word
    overlaps; O(len(originals) * gaps) comparisons.
    """
    gaps = len(originals) - len(rewrites)
    words_of_originals = [_words(text) for text in originals]
    # best[g]: the greatest sum for the rewrites so far when g originals were skipped
    best = [0.0] * (gaps + 1)
    choices: list[list[int]] = []
    for position, rewrite in enumerate(rewrites):
        words = _words(rewrite)
        row: list[int] = []
        for gap in range(gaps + 1):
            taken = best[gap] + _overlap(words, words_of_originals[position + gap])
            fewer = row and best[gap - 1] >= taken
            best[gap] = best[gap - 1] if fewer else taken
            row.append(row[-1] if fewer else gap)
        choices.append(row)
    gap = gaps
    indices: list[int] = []
    for position in reversed(range(len(rewrites))):
        gap = choices[position][gap]
        indices.append(position + gap)
    return indices[::-1]


def _read_domain(archive: Archive, domain: str) -> Iterator[Record]:
    humans: list[str] = json_value(archive.read(f"{domain}/human.json"))
    genre = "news" if domain == NEWS else domain.lower()
    source = "bbc" if domain == NEWS else ""
    # some texts stand twice in a list: they are one story
    first = {text: index for index, text in reversed(list(enumerate(humans)))}
    stories = [f"{archive.repository}:{domain}/human.json#{first[text]}" for text in humans]
    for index, text in enumerate(humans):
        if first[text] == index:
            yield Record(
                text=text,
                label="human",
                corpus=archive.repository,
                story=stories[index],
                reference=f"{domain}/human.json#{index}",
                source=source,
                domain=genre,
            )
    for model, generator in GENERATORS.items():
        path = f"{domain}/{model}.json"
        rewrites: list[str] = json_value(archive.read(path))
        for number, index in enumerate(align(rewrites, humans)):
            if rewrites[number].split() == humans[index].split():
                continue
            yield Record(
                text=rewrites[number],
                label="rewritten",
                corpus=archive.repository,
                story=stories[index],
                reference=f"{path}#{number}",
                source=source,
                generator=generator,
                operation="rewrite",
                domain=genre,
                original=humans[index],
            )


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def _overlap(words: frozenset[str], others: frozenset[str]) -> float:
    return len(words & others) / max(1, len(words | others))
