"""The record: one text with its label and where it comes from.

Readers yield records with the text as the archive holds it; cleaning, splitting and
writing come after, in `seeds.build`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One text of a corpus.

    `story` is shared by an original and everything made from it. Where the human original
    lies in a pinned archive it is `OWNER/NAME:PATH` (or `OWNER/NAME:PATH#N` for the N-th
    element of a file), in other corpora any key that is unique across corpora.
    """

    text: str
    label: str
    corpus: str
    """The archive's repository, OWNER/NAME, or the name a user gave."""
    story: str
    reference: str
    """Where this very text lies: PATH, PATH#N or PATH#N/COLUMN inside the archive."""
    source: str = ""
    """The outlet that published the human text or its original, e.g. `cnn`; empty if unknown."""
    generator: str = ""
    """The machine, e.g. `gpt-4o`; empty for human texts."""
    operation: str = ""
    """What the machine was asked for, e.g. `paraphrase`, `polish`; empty for human texts."""
    degree: float | None = None
    """The share of the text that the corpus says was changed, 0 to 1; None if it does not say."""
    domain: str = "news"
    """`news`, `press-release`, or another genre."""
    date: str = ""
    """ISO date of publication, as far as known."""
    original: str = ""
    """The human text that this one was made from, if the archive holds it."""
