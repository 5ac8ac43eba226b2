"""Reader of MixSet (Dongping-Chen/MixSet): 300 human texts revised by GPT-4 and Llama-2-70B.

The one choice: a file is read only if its rows start from a human text (`HWT_sentence`);
`MGT_*` and `*_humanize` start from machine text. `complete` copies the
start of the human text and goes on: generated, with the original to cut by.

APT-Eval polishes the same 300 texts and its reader uses the same story keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from seeds.archives import Archive
from seeds.readers.formats import json_value
from seeds.records import Record

HUMANS = "data/selected_pure_data/HWT_original_data.json"
FOLDER = "data/MixSet/separated_files/"
GENERATORS = {"gpt4": "gpt-4", "2llama": "llama-2-70b"}
OPERATIONS = {
    "rewrite": ("rewritten", "rewrite"),
    "polish_token": ("rewritten", "polish"),
    "polish_sentence": ("rewritten", "polish"),
    "complete": ("generated", "complete"),
}


def read(archive: Archive) -> Iterator[Record]:
    """Yield the human texts, then what was made from them."""
    for index, row in enumerate(json_value(archive.read(HUMANS))):
        yield Record(
            text=row["HWT_sentence"],
            label="human",
            corpus=archive.repository,
            story=f"mixset:{row['id']}",
            reference=f"{HUMANS}#{index}",
            domain=row["category"].replace("_", "-"),
        )
    for path in archive.paths():
        model, _, operation = path.rpartition("/")[2].removesuffix(".json").partition("_")
        if path.startswith(FOLDER) and model in GENERATORS and operation in OPERATIONS:
            yield from _read_file(archive, path, GENERATORS[model], *OPERATIONS[operation])


def _read_file(
    archive: Archive, path: str, generator: str, label: str, operation: str
) -> Iterator[Record]:
    for index, row in enumerate(json_value(archive.read(path))):
        text = next(value for name, value in row.items() if name.endswith("_output"))
        if text.strip() == row["HWT_sentence"].strip():
            continue
        yield Record(
            text=text,
            label=label,
            corpus=archive.repository,
            story=f"mixset:{row['id']}",
            reference=f"{path}#{index}",
            generator=generator,
            operation=operation,
            domain=row["category"].replace("_", "-"),
            original=row["HWT_sentence"],
        )
