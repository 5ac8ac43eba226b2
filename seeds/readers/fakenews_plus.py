"""Reader of PolitiFact++ (mbzuai-nlp/Fakenews-dataset): FakeNewsNet articles and ChatGPT's.

Four files by author and truth: HR and HF are human, MR paraphrases real articles, MF retells
fake ones from their gist. The one choice: the FakeNewsNet id is the story, so that other
corpora that hold the same articles land on the same side of a split.
"""

from __future__ import annotations

from collections.abc import Iterator

from seeds.archives import Archive
from seeds.readers.formats import json_value
from seeds.records import Record

FOLDER = "Dataset/PolitiFact++/"
MACHINE_FILES = {"MR": ("HR", "rewritten", "paraphrase"), "MF": ("HF", "generated", "generate")}
"""The file of the originals, the label and the operation."""


def read(archive: Archive) -> Iterator[Record]:
    """Yield the human articles, then the machine's."""
    humans: dict[str, str] = {}
    for name in ("HR", "HF"):
        for key, row in _rows(archive, name):
            humans.setdefault(f"{name}/{row['id']}", row["text"])
            yield Record(
                text=row["text"],
                label="human",
                corpus=archive.repository,
                story=f"fakenewsnet:{row['id']}",
                reference=f"{FOLDER}{name}.json#{key}",
                source="politifact",
            )
    for name, (human_name, label, operation) in MACHINE_FILES.items():
        for key, row in _rows(archive, name):
            yield Record(
                text=row["text"],
                label=label,
                corpus=archive.repository,
                story=f"fakenewsnet:{row['id']}",
                reference=f"{FOLDER}{name}.json#{key}",
                source="politifact",
                generator="gpt-3.5",
                operation=operation,
                original=humans.get(f"{human_name}/{row['id']}", ""),
            )


def _rows(archive: Archive, name: str) -> Iterator[tuple[str, dict[str, str]]]:
    rows: dict[str, dict[str, str]] = json_value(archive.read(f"{FOLDER}{name}.json"))
    yield from rows.items()
