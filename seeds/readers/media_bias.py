"""BASIL: 300 articles in triplets, the same event by NYT, Fox News and HuffPost, 2010-2019.

One JSON file an article, its body a list of paragraphs, each a list of sentences. The three
articles on one event are one story.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.outlets import outlet
from seeds.readers.dates import is_before_machines, iso_date
from seeds.records import Record


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per article."""
    for path in archive.paths():
        article = json.loads(archive.read(path))
        date = iso_date(article["date"])
        if not is_before_machines(date):
            continue
        yield Record(
            text="\n\n".join(" ".join(sentences) for sentences in article["body-paragraphs"]),
            label=HUMAN,
            corpus=archive.repository,
            story=f"{archive.repository}:{path.rsplit('_', 1)[0]}",
            reference=path,
            source=outlet(article["source"]),
            date=date,
        )
