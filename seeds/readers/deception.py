"""FakeNewsAMT and Celebrity: pairs of a true and a false story, all by human hands.

One text file an article: headline, blank line, body. The false half of FakeNewsAMT are
crowd workers' rewrites of the true half: hard negatives, human all the same. A pair is one
story.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.records import Record


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per article, without its headline."""
    for path in archive.paths():
        document = archive.read_text(path).replace("\r", "").strip()
        headline, _, body = document.partition("\n")
        yield Record(
            text=body.strip() or headline,
            label=HUMAN,
            corpus=archive.repository,
            story=f"{archive.repository}:{re.sub('fake(?=[/.])', 'legit', path)}",
            reference=path,
        )
