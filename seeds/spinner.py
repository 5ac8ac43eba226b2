"""Spun records: human texts of the data set under a synonym spinner, for the label `spun`.

Comes after cleaning, since it spins cleaned human texts of the data set itself, and before
stories are split, so a spun text stays with its original. How a text is spun is
`model.spinner`'s business; which texts and by which method is chosen here.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace

from model.labels import HUMAN, NEWS
from model.spinner import METHODS, spin
from seeds.records import Record

CORPUS = "spinner"
GENERATOR = "wordnet-spinner"


def spun_records(record: Record, share: float) -> Iterator[Record]:
    """The spun version of a cleaned human news text, for a `share` of the texts.

    Which texts, which method and which words are chosen by a hash of the reference, so that
    a build gives the same texts every time.
    """
    if record.label != HUMAN or record.domain not in NEWS:
        return
    name = f"{record.corpus}:{record.reference}"
    chance = random.Random(hashlib.sha256(name.encode()).digest())
    if chance.random() >= share:
        return
    operation = chance.choice(tuple(METHODS))
    yield replace(
        record,
        text=spin(record.text, METHODS[operation], chance),
        label="spun",
        corpus=CORPUS,
        reference=f"{name}/{operation}",
        generator=GENERATOR,
        operation=operation,
        original=record.text,
    )
