"""A user's own corpus: every format, and an error that helps for every mistake."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from model.errors import ConfigError, CorpusError
from seeds.readers.user import UserCorpus, read
from seeds.records import Record

COLUMNS = {"text": "body", "label": "who"}
LABELS = {"person": "human", "bot": "rewritten"}
ROWS = [
    {"body": "A toy, by hand.", "who": "person", "made_by": "", "key": "s1"},
    {"body": "A toy\nby machine.", "who": "bot", "made_by": "gpt-toy", "key": "s1"},
]


def corpus(**changes: Any) -> UserCorpus:
    fields = {"name": "ours", "kind": "csv", "path": "x", "columns": COLUMNS, "labels": LABELS}
    return UserCorpus.model_validate(fields | changes)


def write_jsonl(path: Path, rows: Sequence[object]) -> str:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return str(path)


def read_all(tmp_path: Path, rows: Sequence[object], **changes: Any) -> list[Record]:
    path = write_jsonl(tmp_path / "rows.jsonl", rows)
    return list(read(corpus(kind="jsonl", path=path, **changes)))


def fails(message: str, user_corpus: UserCorpus) -> None:
    with pytest.raises(CorpusError, match=message) as error:
        list(read(user_corpus))
    assert "\n" not in str(error.value)


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        '\ufeffbody,who,made_by\r\n"A ""toy"",\r\nby hand.",person,\r\nA\u2028toy.,bot,gpt-toy\r\n',
        encoding="utf-8",
        newline="",
    )
    columns = COLUMNS | {"generator": "made_by"}
    first, second = read(corpus(path=str(path), columns=columns))
    assert first.text == 'A "toy",\r\nby hand.'
    assert second.text == "A\u2028toy."
    assert (first.label, second.label) == ("human", "rewritten")
    assert (first.generator, second.generator) == ("", "gpt-toy")
    assert first.corpus == "ours"
    assert first.reference == "rows.csv#0"
    assert first.story == "ours:rows.csv#0"


def test_csv_with_a_long_article(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("body,who\n" + "toy " * 50_000 + ",bot\n", encoding="utf-8")
    (record,) = read(corpus(path=str(path)))
    assert len(record.text) == 200_000


def test_jsonl_with_every_column(tmp_path: Path) -> None:
    row = {
        "body": "A toy\u2028by machine.",
        "who": "bot",
        "key": 7,
        "site": "https://www.nytimes.com/x",
        "made_by": "gpt-toy",
        "how": "polish",
        "day": "2024-05-01",
    }
    columns = COLUMNS | {
        "story": "key",
        "source": "site",
        "generator": "made_by",
        "operation": "how",
        "date": "day",
    }
    human = {"body": "By hand.", "who": "person", "key": 7}
    machine, original = read_all(tmp_path, [row, human], columns=columns)
    assert machine == Record(
        text="A toy\u2028by machine.",
        label="rewritten",
        corpus="ours",
        story="ours:7",
        reference="rows.jsonl#0",
        source="nytimes",
        generator="gpt-toy",
        operation="polish",
        date="2024-05-01",
    )
    assert original.story == machine.story
    assert original.generator == ""


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "rows.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    columns = COLUMNS | {"story": "key"}
    records = list(read(corpus(kind="parquet", path=str(path), columns=columns)))
    assert [record.label for record in records] == ["human", "rewritten"]
    assert {record.story for record in records} == {"ours:s1"}

    path.write_bytes(b"PAR1 broken")
    fails("rows.parquet: not readable as Parquet", corpus(kind="parquet", path=str(path)))


def test_folder_with_one_label(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.txt").write_text("Toy b.", encoding="utf-8")
    (tmp_path / "sub" / "a.txt").write_text("Toy a.", encoding="utf-8")
    (tmp_path / "notes.md").write_text("Not read.", encoding="utf-8")
    ours = corpus(kind="folder", path=str(tmp_path), columns=None, labels={}, label="human")
    records = list(read(ours))
    assert [record.reference for record in records] == ["b.txt", "sub/a.txt"]
    assert {record.label for record in records} == {"human"}
    assert records[1].story == "ours:sub/a.txt"


def test_folder_with_a_label_per_subfolder(tmp_path: Path) -> None:
    for name in LABELS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("Toy.", encoding="utf-8")
    ours = corpus(kind="folder", path=str(tmp_path), columns=None)
    assert [record.label for record in read(ours)] == ["rewritten", "human"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.txt").write_text("Toy.", encoding="utf-8")
    fails("a.txt: label 'other' is not mapped; add it to `labels` of ours", ours)


def test_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"body": datasets.Value("string"), "who": datasets.ClassLabel(names=["person", "bot"])}
    )
    rows = datasets.Dataset.from_list(
        [{"body": "A toy.", "who": 1}, {"body": "By hand.", "who": 0}], features=features
    )
    asked: list[object] = []

    def load_dataset(path: str, *, split: str, revision: str | None) -> object:
        asked.append((path, split, revision))
        return rows

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    ours = corpus(kind="hub", path="someone/toys", split="test", revision="abc")
    records = list(read(ours))
    assert asked == [("someone/toys", "test", "abc")]
    assert [record.label for record in records] == ["rewritten", "human"]
    assert records[0].reference == "test#0"

    def refuse(path: str, *, split: str, revision: str | None) -> object:
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    fails(r"someone/toys: cannot be loaded from the hub \(ConnectionError: no route\)", ours)


def test_numbers_and_booleans_serve_as_labels(tmp_path: Path) -> None:
    rows = [{"body": "Toy.", "who": who} for who in (0, 1, True)]
    labels = {"0": "human", "1": "generated", "true": "spun"}
    records = read_all(tmp_path, rows, labels=labels)
    assert [record.label for record in records] == ["human", "generated", "spun"]
    assert corpus(labels={0: "human"}).labels == {"0": "human"}
    assert corpus(labels={True: "spun"}).labels == {"true": "spun"}


def test_our_own_label_words_need_no_mapping(tmp_path: Path) -> None:
    (record,) = read_all(tmp_path, [{"body": "Toy.", "who": "spun"}], labels={})
    assert record.label == "spun"


def test_one_label_for_all(tmp_path: Path) -> None:
    (record,) = read_all(tmp_path, [{"body": "Toy."}], columns={"text": "body"}, label="human")
    assert record.label == "human"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"body": "Toy.", "who": "alien"}, "row 2: label 'alien' is not mapped; add it to"),
        ({"body": "Toy.", "who": None}, "row 2: label '' is not mapped"),
        ({"body": "Toy."}, r"row 2: no column 'who'; correct `columns` \(there are: body\)"),
        ({"who": "bot"}, "row 2: no column 'body'"),
        ({"body": "  ", "who": "bot"}, "row 2: column 'body' holds no text; fill it or remove"),
        ({"body": None, "who": "bot"}, "row 2: column 'body' holds no text"),
        (["Toy."], "line 2: not a JSON object; write one object a line"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: object, message: str) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", [ROWS[0], row])
    fails(f"rows.jsonl, {message}", corpus(kind="jsonl", path=path))


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"body": "Toy."\n', encoding="utf-8")
    fails("broken.jsonl, line 1: not JSON", corpus(kind="jsonl", path=str(broken)))

    latin = tmp_path / "latin.csv"
    latin.write_bytes("body,who\ncafé,person\n".encode("latin-1"))
    fails("latin.csv: not UTF-8 at byte 12; save the file as", corpus(path=str(latin)))

    quotes = tmp_path / "quotes.csv"
    quotes.write_text('body,who\n"Toy" "again",person\n', encoding="utf-8")
    fails("quotes.csv: not valid CSV", corpus(path=str(quotes)))

    for kind in ("csv", "jsonl", "parquet"):
        fails("none: no such file", corpus(kind=kind, path=str(tmp_path / "none")))

    folder = {"kind": "folder", "columns": None}
    fails("none: no such folder", corpus(**folder, path=str(tmp_path / "none")))
    (tmp_path / "empty").mkdir()
    fails("empty: holds no .txt file", corpus(**folder, path=str(tmp_path / "empty")))
    (tmp_path / "empty" / "a.txt").touch()
    fails(r"a\.txt: is empty", corpus(**folder, path=str(tmp_path / "empty")))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": {"bot": "robot"}}, "ours: 'robot' is no label; use one of human, rewritten"),
        ({"label": "robot"}, "'robot' is no label"),
        ({"label": "human"}, "give either `label` or `columns.label`, and not both"),
        ({"columns": {"text": "body"}}, "give either `label` or `columns.label`"),
        ({"columns": None}, "nothing says where the text is; give `columns`"),
        ({"kind": "folder"}, "a folder has no columns; remove `columns`"),
        ({"kind": "folder", "columns": None, "labels": {}}, "`labels` for its sub-folders"),
    ],
)
def test_a_bad_config_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        corpus(**changes)


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        corpus(colour="red")
    with pytest.raises(ValidationError, match="colour"):
        corpus(columns=COLUMNS | {"colour": "red"})
