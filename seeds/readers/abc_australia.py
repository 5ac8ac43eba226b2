"""ABC Rural and Science (Australia, 2006), as NLTK packs them.

A zip with two text files: a paragraph a line, a blank line between stories, and between a
story and its next section. Lines that end without a full stop are headlines, captions and
cross-heads, and are dropped; a section goes with the story that it continues.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.records import Record

_PATH = "packages/corpora/abc.zip"
_SENTENCE_END = re.compile(r"[.!?]['\")\u2019\u201d]*$")
SECTION_WORDS = 3
"""A heading of at most this many words opens a section, a longer one a story."""


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per story."""
    with zipfile.ZipFile(io.BytesIO(archive.read(_PATH))) as package:
        for name in ("rural.txt", "science.txt"):
            document = package.read(f"abc/{name}").decode("cp1252", "replace")
            for index, text in enumerate(_stories(document)):
                yield Record(
                    text=text,
                    label=HUMAN,
                    corpus=archive.repository,
                    story=f"{archive.repository}:{_PATH}/{name}#{index}",
                    reference=f"{_PATH}/{name}#{index}",
                    source="abcaustralia",
                    date="2006",
                )


def _stories(document: str) -> Iterator[str]:
    """The stories' texts, each with the sections that follow it."""
    paragraphs: list[str] = []
    for block in re.split(r"\n\s*\n", document.replace("\r", "")):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        if not lines:
            continue
        is_section = not _SENTENCE_END.search(lines[0]) and len(lines[0].split()) <= SECTION_WORDS
        if paragraphs and not is_section:
            yield "\n\n".join(paragraphs)
            paragraphs = []
        paragraphs += [line for line in lines if _SENTENCE_END.search(line)]
    if paragraphs:
        yield "\n\n".join(paragraphs)
