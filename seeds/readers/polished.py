"""Reader of APT-Eval (ShoumikSaha/ai-polished-text): 300 human texts polished to 11 degrees.

The one choice: light polish is not a plain positive, so every record carries its degree, and
whoever builds a data set decides from which degree on it counts. Percentages are as asked
for; the four words stand for about the share of words that the models changed in the news
texts when asked so. Models do not count: the data set's `overlap` says what a text kept.

The human texts are MixSet's, by the same ids, and share its story keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from seeds.archives import Archive
from seeds.readers.formats import csv_rows
from seeds.records import Record

HUMANS = "data/HWT_original_data.csv"
PATH = re.compile(r"data/polished/polished_texts_(?P<level>\w+)_(?P<model>[a-z0-9]+)\.csv")
GENERATORS = {
    "gpt": "gpt-4o",
    "deepseek": "deepseek-v3",
    "llama": "llama-3-8b",
    "llama2": "llama-2-7b",
    "llama70b": "llama-3.1-70b",
}
DEGREES = {"extreme_minor": 0.2, "minor": 0.35, "slight_major": 0.55, "major": 0.65}


def read(archive: Archive) -> Iterator[Record]:
    """Yield the human texts, then their polished versions that differ from them."""
    humans: dict[str, str] = {}
    for index, row in enumerate(csv_rows(archive.read(HUMANS))):
        humans[row["id"]] = row["generation"]
        yield Record(
            text=row["generation"],
            label="human",
            corpus=archive.repository,
            story=f"mixset:{row['id']}",
            reference=f"{HUMANS}#{index}",
            domain=row["domain"].replace("_", "-"),
        )
    for path in archive.paths():
        match = PATH.fullmatch(path)
        if match:
            degree = _degree(match["level"])
            yield from _read_file(archive, path, GENERATORS[match["model"]], degree, humans)


def _degree(level: str) -> float:
    return int(level) / 100 if level.isdecimal() else DEGREES[level]


def _read_file(
    archive: Archive, path: str, generator: str, degree: float, humans: dict[str, str]
) -> Iterator[Record]:
    for index, row in enumerate(csv_rows(archive.read(path))):
        original = humans[row["id"]]
        if row["generation"].split() == original.split():
            continue
        yield Record(
            text=row["generation"],
            label="rewritten",
            corpus=archive.repository,
            story=f"mixset:{row['id']}",
            reference=f"{path}#{index}",
            generator=generator,
            operation="polish",
            degree=degree,
            domain=row["domain"].replace("_", "-"),
            original=original,
        )
