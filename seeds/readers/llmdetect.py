"""Reader of LLMDetect (ZihaoCheng123/LLMDetect): polished, drafted and continued news.

`cross-cultural` is CNN: each article as a human wrote it, polished, drafted anew and
continued. `multi-staged polish` and `variable-length extension` are British and American
newspapers of which the archive holds no original, only an ID that both share.

The one choice: a continuation starts with human words, and `PR` says how many: exactly
round((1 - PR) * words). That prefix becomes the `original`, so that cleaning can cut it. Only
the first three polish rounds are read; rounds four to six nearly repeat the third.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from seeds.archives import Archive
from seeds.readers.formats import json_value
from seeds.records import Record

GENERATOR = "unknown"
"""The archive does not say which model wrote what."""

ROUNDS = ("one", "two", "three")
ROLES = {
    "draft": ("generated", "generate"),
    "revise": ("rewritten", "polish"),
    "continue": ("generated", "continue"),
}


def read(archive: Archive) -> Iterator[Record]:
    """Yield the CNN articles with their versions, the polish rounds and the continuations."""
    for path in archive.paths():
        name = path.rpartition("/")[2].removesuffix(".json")
        if "/cross-cultural/" in path:
            yield from _read_cross_cultural(archive, path)
        elif "/multi-staged polish/" in path and name.rpartition("_")[2] in ROUNDS:
            yield from _read_polished(archive, path)
        elif "/variable-length extension/" in path:
            yield from _read_continued(archive, path)


def human_prefix(text: str, machine_share: float) -> str:
    """The first round((1 - machine_share) * words) words, as they stand in the text."""
    words = list(re.finditer(r"\S+", text))
    count = round((1 - machine_share) * len(words))
    return text[: words[count - 1].end()] if count else ""


def _read_cross_cultural(archive: Archive, path: str) -> Iterator[Record]:
    rows: list[dict[str, Any]] = json_value(archive.read(path))
    humans = {row["article_id"]: row["Text"] for row in rows if row["human"]}
    for index, row in enumerate(rows):
        role = next((role for role in ROLES if row[role]), "")
        label, operation = ROLES.get(role, ("human", ""))
        yield Record(
            text=row["Text"],
            label=label,
            corpus=archive.repository,
            story=f"{archive.repository}:{row['source']}/{row['article_id']}",
            reference=f"{path}#{index}",
            source=row["source"],
            generator=GENERATOR if role else "",
            operation=operation,
            degree=row["PR"] if role == "revise" else None,
            original=humans.get(row["article_id"], "") if role else "",
        )


def _read_polished(archive: Archive, path: str) -> Iterator[Record]:
    for index, row in enumerate(json_value(archive.read(path))):
        yield Record(
            text=row["Text"],
            label="rewritten",
            corpus=archive.repository,
            story=f"{archive.repository}:{row['ID']}",
            reference=f"{path}#{index}",
            generator=GENERATOR,
            operation="polish",
            degree=row["PR"],
        )


def _read_continued(archive: Archive, path: str) -> Iterator[Record]:
    for index, row in enumerate(json_value(archive.read(path))):
        yield Record(
            text=row["Text"],
            label="generated",
            corpus=archive.repository,
            story=f"{archive.repository}:{row['ID']}",
            reference=f"{path}#{index}",
            generator=GENERATOR,
            operation="continue",
            original=human_prefix(row["Text"], row["PR"]),
        )
