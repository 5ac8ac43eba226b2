"""Reuters financial news of 2006-2013.

One file an article in a folder per day: header lines that start with `--`, then the body,
hard-wrapped in the older files. The wrapping is undone; a blank line ends a paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.readers.dates import is_before_machines, iso_date
from seeds.records import Record


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per article that has a body."""
    for path in archive.paths():
        date = iso_date(path.split("/")[-2])
        text = _body(archive.read_text(path))
        if text and is_before_machines(date):
            yield Record(
                text=text,
                label=HUMAN,
                corpus=archive.repository,
                story=f"{archive.repository}:{path}",
                reference=path,
                source="reuters",
                date=date,
            )


def _body(document: str) -> str:
    lines = document.splitlines()
    start = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
    paragraphs = re.split(r"\n[ \t]*\n", "\n".join(lines[start:]))
    unwrapped = (" ".join(paragraph.split()) for paragraph in paragraphs)
    return "\n\n".join(paragraph for paragraph in unwrapped if paragraph)
