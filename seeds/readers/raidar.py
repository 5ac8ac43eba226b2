"""Reader of Raidar (cvlab-columbia/RaidarLLMDetect): Reuters paragraphs, rewritten six ways.

The one choice: the file names are not believed. `Human.json` opens with 387 paragraphs by
Reuters (1996-97) and goes on with 343 by a machine (they quote the Federal Reserve's Powell
and name Facebook); `GPT.json` opens with 365 of doubtful origin in the manner of the same
Reuters articles, which are skipped, and goes on with machine paragraphs. Rewrites are read
only of the human ones.

All paragraphs retell one reporter's few dozen stories on the Internet and bank law, without
saying which, so the whole archive is one story.
"""

from __future__ import annotations

from collections.abc import Iterator

from seeds.archives import Archive
from seeds.readers.formats import json_value
from seeds.records import Record

HUMANS, MACHINES = "News/Human.json", "News/GPT.json"
FIRST_MACHINE_ROW = {HUMANS: 387, MACHINES: 365}
GENERATOR = "gpt-3.5"
OPERATIONS = {
    "Revise this with your best effort": "rewrite",
    "Help me polish this": "polish",
    "Rewrite this for me": "rewrite",
    "Make this fluent while doing minimal change": "polish",
    "Refine this for me please": "polish",
    "Concise this for me and keep all the information": "condense",
}


def read(archive: Archive) -> Iterator[Record]:
    """Yield human paragraphs with their rewrites, and machine paragraphs."""
    seen: set[str] = set()
    for path in (HUMANS, MACHINES):
        for index, row in enumerate(json_value(archive.read(path))):
            reference = f"{path}#{index}"
            text = row["input"]
            if text in seen or not text.strip():
                continue
            seen.add(text)
            if index >= FIRST_MACHINE_ROW[path]:
                yield _generated(archive, text, reference)
            elif path == HUMANS:
                yield _human(archive, text, reference)
                yield from _rewrites(archive, row, reference)


def _story(archive: Archive) -> str:
    return f"{archive.repository}:News"


def _human(archive: Archive, text: str, reference: str) -> Record:
    return Record(
        text=text,
        label="human",
        corpus=archive.repository,
        story=_story(archive),
        reference=f"{reference}/input",
        source="reuters",
    )


def _generated(archive: Archive, text: str, reference: str) -> Record:
    return Record(
        text=text,
        label="generated",
        corpus=archive.repository,
        story=_story(archive),
        reference=f"{reference}/input",
        source="reuters",
        generator=GENERATOR,
        operation="generate",
    )


def _rewrites(archive: Archive, row: dict[str, str], reference: str) -> Iterator[Record]:
    for prompt, operation in OPERATIONS.items():
        if row[prompt].split() == row["input"].split():
            continue
        yield Record(
            text=row[prompt],
            label="rewritten",
            corpus=archive.repository,
            story=_story(archive),
            reference=f"{reference}/{prompt}",
            source="reuters",
            generator=GENERATOR,
            operation=operation,
            original=row["input"],
        )
