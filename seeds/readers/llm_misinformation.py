"""Reader of LLMFake (llm-misinformation/llm-misinformation): misinformation by seven LLMs.

Files are `MODEL_generation/SOURCE/..._METHOD_processed.csv`. The one choice: which rows are
the machine's is read from the method. Paraphrases, rewrites and open-ended texts start from
fake news (label 1), manipulations from real news (label 0); in the other rows the column
`synthetic_misinformation` repeats the human text, and they are skipped, as is every row
whose two texts differ by white space alone.

News ids of GossipCop and PolitiFact are those of FakeNewsNet and make the story, shared with
other corpora that keep them. CoAID's articles are lower-cased; as humans they are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from model.errors import CorpusError
from seeds.archives import Archive
from seeds.readers.formats import csv_rows
from seeds.records import Record

METHODS = {
    "paraphrase_generation": ("rewritten", "paraphrase", "1"),
    "rewrite_generation": ("rewritten", "rewrite", "1"),
    "open_ended_generation": ("generated", "generate", "1"),
    "information_manipulation": ("rewritten", "manipulate", "0"),
    "arbitrary_generation": ("generated", "generate", "1"),
    "hallucination": ("generated", "generate", "1"),
}
"""The label, the operation, and the value of `label` in the rows that a machine made."""

LOWER_CASED = {"coaid"}
"""Sources whose articles lost their capitals and commas: no use as human texts."""

PATH = re.compile(r".*/(?P<model>[^/]+)_generation/(?P<source>\w+)/[^/]+_processed\.csv")


def read(archive: Archive) -> Iterator[Record]:
    """Yield every human text once, where it first stands, and every machine text."""
    seen: set[str] = set()
    for path in archive.paths():
        match = PATH.fullmatch(path)
        if match:
            yield from _read_file(archive, path, match, seen)


def _read_file(
    archive: Archive, path: str, match: re.Match[str], seen: set[str]
) -> Iterator[Record]:
    source = match["source"]
    label, operation, machine_label = _method(path)
    for index, row in enumerate(csv_rows(archive.read(path))):
        human = row.get("news_text", "")
        story = _story(archive, source, row) if human else f"{archive.repository}:{path}#{index}"
        if human and story not in seen:
            seen.add(story)
            if source not in LOWER_CASED:
                yield Record(
                    text=human,
                    label="human",
                    corpus=archive.repository,
                    story=story,
                    reference=f"{path}#{index}/news_text",
                    source=source,
                )
        column = "synthetic_misinformation" if human else "synthetic misinformation"
        text = row[column]
        if row["label"] != machine_label or text.split() in ([], human.split()):
            continue
        yield Record(
            text=text,
            label=label,
            corpus=archive.repository,
            story=story,
            reference=f"{path}#{index}/{column}",
            source=source if human else "",
            generator=_generator(match["model"]),
            operation=operation,
            original=human,
        )


def _method(path: str) -> tuple[str, str, str]:
    for method, value in METHODS.items():
        if method in path.rpartition("/")[2]:
            return value
    raise CorpusError(f"{path}: unknown method; add it to seeds/readers/llm_misinformation.py")


def _story(archive: Archive, source: str, row: dict[str, str]) -> str:
    identifier = row["news_id"]
    known = identifier.startswith(source)
    return f"fakenewsnet:{identifier}" if known else f"{archive.repository}:{source}/{identifier}"


def _generator(model: str) -> str:
    """`llama-2-7b` of `llama2_7b`, `vicuna-13b` of `vicuna-v1.3_13b`."""
    if model.startswith("chatgpt"):
        return "gpt-3.5"
    return model.replace("llama2_", "llama-2-").replace("vicuna-v1.3_", "vicuna-")
