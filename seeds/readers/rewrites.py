"""The project's own frontier rewrites, `seeds/rewrites/`: openly licensed, with the repository.

Their originals are not copied: `story` names the human article by repository and path, as the
reader of its archive does, so a rewrite and its original always fall on one side of a split.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from model.errors import CorpusError
from seeds.records import Record

CORPUS = "rewrites"
FOLDER = Path(__file__).parent.parent / "rewrites"
FILE = "rewrites.jsonl"


def read() -> Iterator[Record]:
    """Yield the rewrites in order; raises CorpusError where the file is not there."""
    path = FOLDER / FILE
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # a text may hold other line ends
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "is not UTF-8"
        raise CorpusError(
            f"seeds/rewrites/{FILE}: cannot be read ({problem}); restore the file"
        ) from error
    for number, line in enumerate(lines, start=1):
        if line:
            yield _record(line, number)


def _record(line: str, number: int) -> Record:
    try:
        row = json.loads(line)
        return Record(
            text=row["text"],
            label=row["label"],
            corpus=CORPUS,
            story=f"{row['source_repository']}:{row['source_path']}",
            reference=f"{FILE}#{row['id']}",
            generator=row["generator"],
            operation=row["operation"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"seeds/rewrites/{FILE}, line {number}: not a rewrite; restore the file"
        ) from error
