"""Reader of Ship of Theseus (tripto03/Ship_of_theseus_paraphrased_copus): tech news in brief.

Six older LLMs go on from the first 30 tokens or so of a TLDR news item. The one choice: the
human item that shares the key is each text's original, so that cleaning can cut the copied
start. Of the three files, only the news is read.
"""

from __future__ import annotations

from collections.abc import Iterator

from seeds.archives import Archive
from seeds.readers.formats import csv_rows
from seeds.records import Record

PATH = "train_datasets/tldr_train.csv"
GENERATORS = {
    "OpenAI": "gpt-3.5",
    "LLAMA": "llama",
    "PaLM": "palm",
    "Tsinghua": "glm",
    "BigScience": "bigscience",
    "Eleuther-AI": "eleuther-ai",
}


def read(archive: Archive) -> Iterator[Record]:
    """Yield the human items and the machines' continuations."""
    rows = csv_rows(archive.read(PATH))
    humans = {row["key"]: row["text"] for row in rows if row["source"] == "Human"}
    for index, row in enumerate(rows):
        machine = row["source"] != "Human"
        original = humans.get(row["key"], "") if machine else ""
        if row["text"].split() == original.split():
            continue
        yield Record(
            text=row["text"],
            label="generated" if machine else "human",
            corpus=archive.repository,
            story=f"{archive.repository}:{row['key']}",
            reference=f"{PATH}#{index}",
            source="tldr",
            generator=GENERATORS[row["source"]] if machine else "",
            operation="continue" if machine else "",
            original=original,
        )
