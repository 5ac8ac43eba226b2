"""Article-Bias-Prediction: US news of 2001-2020 from some hundred outlets.

One JSON file an article. Its `content` was tokenised for another model; only
`content_original` has the wording and paragraphs as published.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.outlets import outlet
from seeds.readers.dates import is_before_machines, iso_date, url_date
from seeds.records import Record


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per article; the domain, not the byline, names the outlet."""
    for path in archive.paths():
        article = json.loads(archive.read(path))
        date = iso_date(article["date"]) or url_date(article["url"])
        if not is_before_machines(date):
            continue
        yield Record(
            text=article["content_original"].strip(),
            label=HUMAN,
            corpus=archive.repository,
            story=f"{archive.repository}:{path}",
            reference=path,
            source=outlet(article["source_url"] or article["source"]),
            date=date,
        )
