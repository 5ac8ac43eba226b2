"""The seed documents: present, unaltered, labelled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.errors import CorpusError
from model.labels import MACHINE_LABELS
from seeds.readers import documents

FOLDER = documents.FOLDER


def test_the_manifest_lists_every_document() -> None:
    entries = json.loads(FOLDER.joinpath("manifest.json").read_text("utf-8"))["documents"]
    listed = [entry["file"] for entry in entries]
    present = [path.name for path in FOLDER.iterdir() if path.name.endswith(".txt")]
    assert sorted(present) == sorted(listed)
    assert len(listed) == 5
    assert len({entry["differs"] for entry in entries}) == 5


def test_they_are_one_story_by_machines() -> None:
    records = list(documents.read())
    assert {record.label for record in records} <= set(MACHINE_LABELS)
    assert {record.story for record in records} == {"seeds:syria-strike"}
    assert len({record.text for record in records}) == 5
    assert all(len(record.text.split()) > 400 for record in records)


def test_an_altered_document_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in FOLDER.iterdir():
        # an editor that trims trailing blank lines would alter some of them
        (tmp_path / path.name).write_bytes(path.read_bytes().rstrip())
    monkeypatch.setattr(documents, "FOLDER", tmp_path)
    with pytest.raises(CorpusError, match=r"000_\w+\.txt: ") as error:
        list(documents.read())
    assert "\n" not in str(error.value)
