"""Tehran Times: world affairs in English written by non-native reporters.

One text file an article, without title or date. Files are numbered in order of publication,
and number 479300 appeared in December 2022: what follows may be machine-written. The site's licence
line, which ends every file, is taken off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.records import Record

FIRST_DOUBTFUL = 479300
_LICENCE = re.compile(r"\s*All Content by Mehr News Agency is licensed under [^\n]*\Z")


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per article from before December 2022."""
    for path in archive.paths():
        number = re.search(r"_news_(\d+)_", path)
        if number is None or int(number[1]) >= FIRST_DOUBTFUL:
            continue
        yield Record(
            text=_LICENCE.sub("", archive.read_text(path).strip()),
            label=HUMAN,
            corpus=archive.repository,
            story=f"{archive.repository}:{path}",
            reference=path,
            source="tehrantimes",
        )
