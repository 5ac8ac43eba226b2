"""Reader of F3 (mickeymst/F3): GPT-3.5 paraphrases (`real`) and perturbations (`fake`) of news.

A machine row holds its human source, so the story is the digest of that text; human rows use
the same key and pair wherever the archive holds both. The one choice: only `news article`
rows are read, and of the humans only those from before ChatGPT that are not lower-cased,
which leaves out CoAID. CoAID's machine rows stay; their originals are lower-cased.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from seeds.archives import Archive
from seeds.readers.formats import csv_rows
from seeds.records import Record

SOURCES = {
    "CoAID": "coaid",
    "FakeNewsNet_Gossipcop": "gossipcop",
    "FakeNewsNet_Politifacts": "politifact",
}
OPERATIONS = {"real": "paraphrase", "fake": "perturb"}


def read(archive: Archive) -> Iterator[Record]:
    """Yield human and machine news, each distinct text once."""
    seen: set[str] = set()
    for path in archive.paths():
        if not path.endswith(".csv"):
            continue
        for index, row in enumerate(csv_rows(archive.read(path))):
            if row["article_type"] != "news article" or row["pre_post_GPT"] != "pre-GPT":
                continue
            machine = "ai_content" in row
            text = row["ai_content"] if machine else row["content"]
            if text in seen or (not machine and text == text.lower()):
                continue
            seen.add(text)
            reference = f"{path}#{index}"
            yield _machine(archive, row, reference) if machine else _human(archive, row, reference)


def _human(archive: Archive, row: dict[str, str], reference: str) -> Record:
    return Record(
        text=row["content"],
        label="human",
        corpus=archive.repository,
        story=_story(archive, row["content"]),
        reference=reference,
        source=SOURCES[row["dataset_source"]],
    )


def _machine(archive: Archive, row: dict[str, str], reference: str) -> Record:
    return Record(
        text=row["ai_content"],
        label="rewritten",
        corpus=archive.repository,
        story=_story(archive, row["human_content"]),
        reference=reference,
        source=SOURCES[row["dataset_source"]],
        generator="gpt-3.5",
        operation=OPERATIONS[row["ai_generated_label"]],
        original=row["human_content"],
    )


def _story(archive: Archive, human: str) -> str:
    words = " ".join(human.lower().split())
    return f"{archive.repository}:{hashlib.sha256(words.encode()).hexdigest()[:16]}"
