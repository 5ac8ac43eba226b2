"""Reader of the frontier rewrites: news rewritten by a frontier model, one line each.

`story` is the key under which the reader of the source's own archive yields the human
original (`OWNER/NAME:PATH`), so a rewrite and its original always fall on one side of a
split. The voice and the layout that a text was written in are not kept: the layout is
balanced on purpose and must not become a feature.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from seeds.archives import Archive
from seeds.records import Record

PATH = "frontier.jsonl"


def read(archive: Archive) -> Iterator[Record]:
    """Yield every rewrite, with the label and the operation that the file states."""
    for line in archive.read(PATH).decode("utf-8").splitlines():
        row = json.loads(line)
        yield Record(
            text=row["text"],
            label=row["label"],
            corpus=archive.repository,
            story=f"{row['source_repository']}:{row['source_path']}",
            reference=f"{PATH}#{row['id']}",
            generator=row["generator"],
            operation=row["operation"],
        )
