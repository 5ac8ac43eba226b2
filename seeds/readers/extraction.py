"""Article extraction benchmark: 181 pages of 150 sites, 2019, with their body as marked by hand.

One JSON object: page id to {articleBody, url}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.outlets import outlet
from seeds.readers.dates import is_before_machines, url_date
from seeds.records import Record

_PATH = "ground-truth.json"


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per page."""
    for index, page in enumerate(json.loads(archive.read(_PATH)).values()):
        date = url_date(page["url"])
        if not is_before_machines(date):
            continue
        yield Record(
            text=page["articleBody"].strip(),
            label=HUMAN,
            corpus=archive.repository,
            story=f"{archive.repository}:{_PATH}#{index}",
            reference=f"{_PATH}#{index}",
            source=outlet(page["url"]),
            date=date,
        )
