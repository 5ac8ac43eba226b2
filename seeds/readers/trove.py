"""Australian press releases, speeches and interviews about refugees, from Trove.

One text file a document, named by date and author, extracted from PDF. Before 1993 the texts
are OCR of scans, full of broken words, and are left out. Interviews and speeches are marked
as `transcript`: nobody wrote them as news.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.readers.dates import is_before_machines, iso_date
from seeds.records import Record

FIRST_TYPED = "1993"
_SPEAKER = re.compile(
    r"^\s*(?:JOURNALIST|QUESTION|REPORTER|INTERVIEWER|PRESENTER|COMPERE|[A-Z][A-Z' .-]{3,40})\s*:",
    re.MULTILINE,
)
_TRANSCRIPT = re.compile(
    r"\b(?:transcript|doorstop|interview|E\s*&\s*O\s*E|check against delivery|speech|address to)\b",
    re.IGNORECASE,
)


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per document from 1993 to November 2022."""
    for path in archive.paths():
        date = iso_date(path.split("/")[-1])
        if not (date >= FIRST_TYPED and is_before_machines(date)):
            continue
        text = archive.read_text(path).strip()
        yield Record(
            text=text,
            label=HUMAN,
            corpus=archive.repository,
            story=f"{archive.repository}:{path}",
            reference=path,
            source="auparliament",
            domain="transcript" if is_transcript(text) else "press-release",
            date=date,
        )


def is_transcript(text: str) -> bool:
    """Whether a document is spoken word: so announced in its head, or four speakers' turns."""
    return bool(_TRANSCRIPT.search(text[:400])) or len(_SPEAKER.findall(text)) >= 4
