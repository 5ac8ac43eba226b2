"""The project's own frontier rewrites: read whole, one model text each, no original copied."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from model.errors import CorpusError
from model.labels import MACHINE_LABELS
from seeds.clean import refuse
from seeds.readers import rewrites

PUBLISHABLE = ("Kmahmoudi/Tehran-Times-Dataset:", "lintool/GrimmerSenatePressReleases:")


def test_every_rewrite_is_usable_and_of_a_publishable_source():
    records = list(rewrites.read())
    assert len(records) >= 600
    assert len({record.reference for record in records}) == len(records)
    assert len({record.text for record in records}) == len(records)
    for record in records:
        assert record.label in MACHINE_LABELS
        assert record.story.startswith(PUBLISHABLE), record.reference
        assert refuse(record.text, 40) is None, record.reference


def test_the_card_counts_what_the_file_holds():
    card = rewrites.FOLDER.joinpath("README.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", card, re.MULTILINE))
    counted = Counter(record.operation for record in rewrites.read())
    assert {name: int(count) for name, count in table.items()} == counted
    total = f"{sum(counted.values()):,} rewrites"
    assert total in card


def test_a_lost_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rewrites, "FOLDER", tmp_path)
    with pytest.raises(CorpusError, match=r"seeds/rewrites/rewrites\.jsonl: .*; restore the file"):
        list(rewrites.read())


def test_a_damaged_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first = rewrites.FOLDER.joinpath(rewrites.FILE).read_text(encoding="utf-8").split("\n")[0]
    monkeypatch.setattr(rewrites, "FOLDER", tmp_path)
    for damaged in (first[:50], "{}", "[]"):
        (tmp_path / rewrites.FILE).write_text(f"{first}\n{damaged}\n", encoding="utf-8")
        with pytest.raises(CorpusError, match=r"line 2: not a rewrite; restore the file"):
            list(rewrites.read())


def test_lines_hold_what_the_card_says():
    first = rewrites.FOLDER.joinpath(rewrites.FILE).read_text(encoding="utf-8").splitlines()[0]
    fields = "id label operation voice layout generator source_repository source_path text"
    assert list(json.loads(first)) == fields.split()
