"""Reader of SheepDog (jiayingwu19/SheepDog): GPT-3.5 restylings of news.

The files are pickles of a dict of lists of plain str and int. The one choice: they are read
by an unpickler that refuses every global, so that loading one can never run code.

`politifact_train` and `politifact_test` are human; the reframings and the adversarial tests
`politifact_*` are made from them, row by row. Of GossipCop and LUN the archive holds the
restylings alone. Tests A and B share their first half (real news in the manner of the
National Enquirer), C and D too (The Sun); A and C share the second (fake news in the manner
of CNN), B and D too (The New York Times). Each text is yielded once.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from typing import Any

from model.errors import CorpusError
from seeds.archives import Archive
from seeds.records import Record

HUMAN_FOLDER = "data/news_articles/"
MACHINE_FOLDERS = ("data/adversarial_test/", "data/reframings/")


class PlainUnpickler(pickle.Unpickler):
    """Loads lists, dicts, strings and numbers; refuses every class and function."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        """Refuse."""
        raise CorpusError(
            f"a pickle asks for {module_name}.{global_name}; only plain lists and strings are"
            " read, so the file is not the pinned one: fetch the archive again"
        )


def read(archive: Archive) -> Iterator[Record]:
    """Yield the human PolitiFact articles, then all restylings."""
    humans: dict[str, list[str]] = {}
    for path in archive.paths():
        if path.startswith(HUMAN_FOLDER):
            humans[_collection(path)] = _texts(archive, path)
    seen: set[str] = set()
    for collection, texts in humans.items():
        path = f"{HUMAN_FOLDER}{collection}.pkl"
        for index, text in enumerate(texts):
            if text in seen:
                continue
            seen.add(text)
            yield Record(
                text=text,
                label="human",
                corpus=archive.repository,
                story=_story(archive, humans, collection, index),
                reference=f"{path}#{index}",
                source=collection.partition("_")[0],
            )
    for path in archive.paths():
        if path.startswith(MACHINE_FOLDERS):
            yield from _read_restyled(archive, path, humans, seen)


def plain(content: bytes) -> Any:
    """The value of a pickle; raises CorpusError where it needs any class or function."""
    return PlainUnpickler(io.BytesIO(content)).load()


def _read_restyled(
    archive: Archive, path: str, humans: dict[str, list[str]], seen: set[str]
) -> Iterator[Record]:
    collection = _collection(path)
    originals = humans.get(collection, [])
    for index, text in enumerate(_texts(archive, path)):
        if text in seen:
            continue
        seen.add(text)
        yield Record(
            text=text,
            label="rewritten",
            corpus=archive.repository,
            story=_story(archive, humans, collection, index),
            reference=f"{path}#{index}",
            source=collection.partition("_")[0],
            generator="gpt-3.5",
            operation="restyle",
            original=originals[index] if originals else "",
        )


def _texts(archive: Archive, path: str) -> list[str]:
    value = plain(archive.read(path))
    texts: list[str] = value["news" if "news" in value else "rewritten"]
    return texts


def _collection(path: str) -> str:
    """`politifact_train` of `.../politifact_train_neutral.pkl`."""
    return "_".join(path.rpartition("/")[2].removesuffix(".pkl").split("_")[:2])


def _story(archive: Archive, humans: dict[str, list[str]], collection: str, index: int) -> str:
    """One key for an article that stands in several places, even in train and test."""
    texts = humans.get(collection)
    if texts:
        first = (
            (name, held.index(texts[index]))
            for name, held in sorted(humans.items())
            if texts[index] in held
        )
        collection, index = next(first)
    return f"{archive.repository}:{collection}#{index}"
