"""The seed documents: five machine spins of one news story, the project's own test.

They ship with the repository, so this reader needs no archive. The manifest beside them
labels each and pins its bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from model.errors import CorpusError
from seeds.records import Record

CORPUS = "seeds"
FOLDER = Path(__file__).parent.parent / "documents"


def read() -> Iterator[Record]:
    """Yield the documents in order; raises CorpusError where one differs from its pin."""
    manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    for entry in manifest["documents"]:
        data = (FOLDER / entry["file"]).read_bytes()
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise CorpusError(
                f"seeds/documents/{entry['file']}: differs from its sha256 in manifest.json; "
                "restore the file"
            )
        yield Record(
            text=data.decode("utf-8"),
            label=entry["label"],
            corpus=CORPUS,
            story=entry["story"],
            reference=entry["file"],
            generator=entry["generator"],
            operation=entry["operation"],
        )
