"""CIS530P: crime reports of US local papers and broadcasters, 2013-2019.

Three JSON lists of {text, publish_date}; each text is one paragraph, its outlet unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.readers.dates import is_before_machines, iso_date
from seeds.records import Record


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per element of the lists."""
    for path in archive.paths():
        for index, article in enumerate(json.loads(archive.read(path))):
            date = iso_date(article["publish_date"] or "")
            if not is_before_machines(date):
                continue
            yield Record(
                text=article["text"].strip(),
                label=HUMAN,
                corpus=archive.repository,
                story=f"{archive.repository}:{path}#{index}",
                reference=f"{path}#{index}",
                date=date,
            )
