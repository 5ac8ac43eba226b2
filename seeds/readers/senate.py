"""Press releases of US senators, 2004-2008.

One text file a release, `raw/SENATOR/7Apr2005Hatch58.txt`, as scraped: letterheads are part
of the text. The scrapers of some senators lost all punctuation; a model would take its absence
for the mark of a human, so that these releases are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.records import Record

_DATE = re.compile(r"(\d{1,2})([A-Z][a-z]{2})[a-z]*(\d{4})")


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per release that kept its punctuation."""
    for path in archive.paths():
        text = archive.read_text(path).strip()
        if not has_sentences(text):
            continue
        yield Record(
            text=text,
            label=HUMAN,
            corpus=archive.repository,
            story=f"{archive.repository}:{path}",
            reference=path,
            source="senate",
            domain="press-release",
            date=_date(path),
        )


def has_sentences(text: str) -> bool:
    """Whether a text has at least one full stop per sixty words."""
    return text.count(".") * 60 >= len(text.split())


def _date(path: str) -> str:
    """The ISO date in the file's name; empty where it is none."""
    match = _DATE.search(path.split("/")[-1])
    if match is None:
        return ""
    try:
        return datetime.strptime(" ".join(match.groups()), "%d %b %Y").date().isoformat()
    except ValueError:
        return ""
