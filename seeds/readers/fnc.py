"""Fake News Challenge: 2,500 reports of rumours, collected in 2014-2015.

CSV files of `Body ID,articleBody`. Several articles tell the same rumour, and the files that
say which are not all in the archive, so that only the search for near-duplicates finds them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from model.labels import HUMAN
from seeds.archives import Archive
from seeds.records import Record

# test_bodies.csv repeats competition_test_bodies.csv
_FILES = ("train_bodies.csv", "competition_test_bodies.csv")


def read(archive: Archive) -> Iterator[Record]:
    """Yield one record per row."""
    for path in _FILES:
        rows = csv.DictReader(io.StringIO(archive.read_text(path), newline=""))
        for index, row in enumerate(rows):
            yield Record(
                text=row["articleBody"].strip(),
                label=HUMAN,
                corpus=archive.repository,
                story=f"{archive.repository}:{path}#{index}",
                reference=f"{path}#{index}",
            )
