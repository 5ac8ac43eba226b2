"""A user's own corpus: CSV, JSONL, Parquet, a folder of text files, or a Hugging Face data set.

What lets a team retrain on its own texts without writing a reader: a config says which
column is what and which of its label words is which of ours. Nothing is guessed and nothing
skipped: a row that does not fit stops the build with its number, because a silently dropped
or mislabelled part would only show in the figures.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from model.errors import ConfigError, CorpusError
from model.labels import HUMAN, LABELS
from seeds.outlets import outlet
from seeds.readers.dates import iso_date
from seeds.records import Record

Row = Mapping[str, Any]


class Columns(BaseModel):
    """Which column, or JSON key, holds what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(description="The article's text.")
    label: str | None = Field(None, description="Who wrote it, in the words of `labels`.")
    story: str | None = Field(
        None, description="A key that an original and everything made from it share."
    )
    source: str | None = Field(None, description="The outlet, by name or address.")
    generator: str | None = Field(
        None, description="The machine that wrote it; `unknown` where a machine text has none."
    )
    operation: str | None = Field(None, description="What the machine was asked for.")
    date: str | None = Field(None, description="The date of publication.")


class UserCorpus(BaseModel):
    """Where a user's corpus lies and how to read it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="The corpus's name in the data set.")
    kind: Literal["csv", "jsonl", "parquet", "folder", "hub"] = Field(
        description="The format; `folder` holds .txt files, `hub` is a Hugging Face data set."
    )
    path: str = Field(min_length=1, description="The file or folder, or the data set's id.")
    revision: str | None = Field(None, description="hub: the commit to pin.")
    split: str = Field("train", description="hub: the split to read.")
    columns: Columns | None = Field(None, description="Not for `folder`.")
    labels: dict[str, str] = Field(
        default_factory=dict,
        description="Their label words to ours; in a folder, the sub-folders' names.",
    )
    label: str | None = Field(None, description="One label for all, instead of a column.")
    licence: str = Field("none stated", description="The texts' licence, for the data card.")

    @field_validator("labels", mode="before")
    @classmethod
    def _label_words(cls, labels: Any) -> Any:
        # YAML reads 0, 1 and true as numbers and booleans
        if not isinstance(labels, dict):
            return labels
        return {_words(theirs): ours for theirs, ours in labels.items()}

    @model_validator(mode="after")
    def _check(self) -> UserCorpus:
        for label in [*self.labels.values(), *([self.label] if self.label else [])]:
            if label not in LABELS:
                raise ConfigError(
                    f"{self.name}: {label!r} is no label; use one of {', '.join(LABELS)}"
                )
        if self.kind == "folder":
            if self.columns:
                raise ConfigError(f"{self.name}: a folder has no columns; remove `columns`")
            has_column = bool(self.labels)
        else:
            if self.columns is None:
                raise ConfigError(f"{self.name}: nothing says where the text is; give `columns`")
            has_column = self.columns.label is not None
        if has_column == (self.label is not None):
            where = "`labels` for its sub-folders" if self.kind == "folder" else "`columns.label`"
            raise ConfigError(f"{self.name}: give either `label` or {where}, and not both")
        return self


def read(corpus: UserCorpus) -> Iterator[Record]:
    """Yield one record per row or file, in the corpus's own order.

    Raises CorpusError for what cannot be read, naming the file, the row (from 1) and the
    remedy.
    """
    if corpus.kind == "folder":
        yield from _read_folder(corpus)
        return
    rows = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet, "hub": _hub}[corpus.kind]
    name = corpus.split if corpus.kind == "hub" else Path(corpus.path).name
    for index, row in enumerate(rows(corpus)):
        yield _record(corpus, row, f"{name}#{index}", f"{corpus.path}, row {index + 1}")


def _record(corpus: UserCorpus, row: Row, reference: str, place: str) -> Record:
    """The record of one row; `place` names it in errors."""
    columns = corpus.columns
    assert columns is not None  # UserCorpus checks it
    named = columns.model_dump(exclude={"text", "label"}, exclude_none=True)
    fields = {field: _words(_cell(row, column, place)) for field, column in named.items()}
    text = _cell(row, columns.text, place)
    if not isinstance(text, str) or not text.strip():
        raise CorpusError(
            f"{place}: column {columns.text!r} holds no text; fill it or remove the row"
        )
    label = corpus.label or _label(corpus, _cell(row, columns.label or "", place), place)
    return Record(
        text=text,
        label=label,
        corpus=corpus.name,
        story=f"{corpus.name}:{fields.get('story') or reference}",
        reference=reference,
        source=outlet(fields.get("source", "")),
        generator=fields.get("generator") or _unnamed(label),
        operation=fields.get("operation", ""),
        date=iso_date(fields.get("date", "")),
    )


def _read_folder(corpus: UserCorpus) -> Iterator[Record]:
    """One record per .txt file; with `labels`, the first sub-folder tells the label."""
    folder = Path(corpus.path)
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder; correct `path` of {corpus.name}")
    paths = sorted(folder.rglob("*.txt"))
    if not paths:
        raise CorpusError(f"{folder}: holds no .txt file; correct `path` of {corpus.name}")
    for path in paths:
        reference = path.relative_to(folder).as_posix()
        parts = reference.split("/")
        text = _open_text(path)
        if not text.strip():
            raise CorpusError(f"{path}: is empty; fill it or remove it")
        label = corpus.label or _label(corpus, parts[0] if parts[1:] else None, str(path))
        yield Record(
            text=text,
            label=label,
            corpus=corpus.name,
            story=f"{corpus.name}:{reference}",
            reference=reference,
            generator=_unnamed(label),
        )


def _csv(corpus: UserCorpus) -> Iterator[Row]:
    csv.field_size_limit(2**31 - 1)  # the default refuses long articles
    text = io.StringIO(_open_text(Path(corpus.path)), newline="")
    try:
        yield from csv.DictReader(text, strict=True)
    except csv.Error as error:
        raise CorpusError(
            f"{corpus.path}: not valid CSV ({error}); quote fields with commas or line breaks"
        ) from error


def _jsonl(corpus: UserCorpus) -> Iterator[Row]:
    assert corpus.columns is not None
    named = corpus.columns.model_dump(exclude={"text", "label", "story"}, exclude_none=True)
    # human rows commonly leave out the keys that only machine rows have
    optional = dict.fromkeys(named.values())
    # not splitlines(): JSON strings may hold U+2028 and its like
    for number, line in enumerate(_open_text(Path(corpus.path)).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise CorpusError(
                f"{corpus.path}, line {number}: not JSON ({error.msg}); write one object a line"
            ) from error
        if not isinstance(row, dict):
            raise CorpusError(
                f"{corpus.path}, line {number}: not a JSON object; write one object a line"
            )
        yield {**optional, **row}


def _parquet(corpus: UserCorpus) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    _check_file(Path(corpus.path))
    try:
        with pyarrow.parquet.ParquetFile(corpus.path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except pyarrow.ArrowInvalid as error:
        problem = str(error).splitlines()[0]
        raise CorpusError(
            f"{corpus.path}: not readable as Parquet ({problem}); write it again"
        ) from error


def _hub(corpus: UserCorpus) -> Iterator[Row]:
    import datasets

    try:
        rows = datasets.load_dataset(corpus.path, split=corpus.split, revision=corpus.revision)
    except Exception as error:  # the library raises whatever its parts do
        problem = f"{type(error).__name__}: {error}".splitlines()[0]
        raise CorpusError(
            f"{corpus.path}: cannot be loaded from the hub ({problem});"
            f" check `path`, `split` and `revision` of {corpus.name}, and the connection"
        ) from error
    column = corpus.columns.label if corpus.columns else None
    names = getattr((rows.features or {}).get(column), "names", None)
    for row in rows:
        # class labels are stored as numbers; `labels` speaks of their names
        if names and row[column] is not None:
            row = {**row, column: names[row[column]]}
        yield row


def _cell(row: Row, column: str, place: str) -> Any:
    if column not in row:
        known = ", ".join(str(name) for name in row)
        raise CorpusError(f"{place}: no column {column!r}; correct `columns` (there are: {known})")
    return row[column]


def _label(corpus: UserCorpus, value: Any, place: str) -> str:
    """Our label for theirs; a word of ours needs no mapping."""
    word = _words(value)
    label = corpus.labels.get(word, word)
    if label not in LABELS:
        raise CorpusError(
            f"{place}: label {word!r} is not mapped; add it to `labels` of {corpus.name}"
        )
    return label


def _unnamed(label: str) -> str:
    """The generator of a text whose corpus names none."""
    return "" if label == HUMAN else "unknown"


def _words(value: Any) -> str:
    """A cell as text: true and false as JSON spells them, dates in ISO form, None empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise CorpusError(f"{path}: no such file; correct `path`")


def _open_text(path: Path) -> str:
    _check_file(path)
    try:
        # newline="": a line break inside a quoted CSV field stays as it is
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8"
        ) from error
    except OSError as error:
        raise CorpusError(
            f"{path}: cannot be read ({error.strerror}); check its permissions"
        ) from error
