"""Reuters-21578: agency news of 1987.

SGML files of a thousand articles. Only the body is read: the headlines are in capitals.
Bodies are hard-wrapped, with four spaces where a paragraph starts; both are undone.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import datetime

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.records import Record

_ARTICLE = re.compile(r"<REUTERS\b.*?</REUTERS>", re.DOTALL)
_BODY = re.compile(r"<BODY>(.*?)</BODY>", re.DOTALL)
_DATE = re.compile(r"<DATE>\s*(\d+-[A-Z]{3}-\d{4})")


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per article that has a body."""
    for path in archive.paths():
        document = archive.read(path).decode("latin-1")
        for index, article in enumerate(_ARTICLE.findall(document)):
            body = _BODY.search(article)
            if body is None:
                continue
            yield Record(
                text=_unwrap(html.unescape(body[1])),
                label=HUMAN,
                corpus=archive.repository,
                story=f"{archive.repository}:{path}#{index}",
                reference=f"{path}#{index}",
                source="reuters",
                date=_date(article),
            )


def _unwrap(body: str) -> str:
    body = re.sub(r"[\x00-\x08\x0b-\x1f]", "", body.replace("\r", ""))
    paragraphs = (" ".join(part.split()) for part in re.split(r"\n {4}", body))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _date(article: str) -> str:
    match = _DATE.search(article)
    return datetime.strptime(match[1].title(), "%d-%b-%Y").date().isoformat() if match else ""
