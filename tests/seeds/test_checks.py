"""The invariants: sound data pass, and each named one catches data that break it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from model.errors import CorpusError
from seeds.checks import INVARIANTS, check
from seeds.splits import SplitConfig

CONFIG = SplitConfig(
    seed=1,
    dev=0.1,
    calibration=0.1,
    test=0.1,
    corpora={"test": ("owner/test",)},
    outlets={"threshold": ("quietnews",)},
    held_out_generators=("gpt-hidden",),
    held_out_operations=("owner/toys:spin",),
)

HUMAN = {
    "id": "h", "text": "By hand.", "label": "human", "corpus": "owner/toys", "source": "toynews",
    "generator": "", "operation": "", "date": "2014-05-01", "story": "s1", "split": "train",
}  # fmt: skip
MACHINE = HUMAN | {
    "id": "m", "text": "By machine.", "label": "rewritten", "generator": "gpt-toy",
    "operation": "polish", "date": "2024-05-01",
}  # fmt: skip
TEST = {"story": "s2", "split": "test"}


def columns(*rows: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in HUMAN}


SOUND = (
    HUMAN,
    MACHINE,
    HUMAN | TEST | {"id": "t1", "text": "T1.", "corpus": "owner/test"},
    MACHINE | TEST | {"id": "t2", "text": "T2.", "generator": "gpt-hidden"},
    MACHINE | TEST | {"id": "t3", "text": "T3.", "operation": "spin"},
    MACHINE | TEST | {"id": "t4", "text": "T4.", "corpus": "seeds", "generator": "unknown"},
    # further from training than asked: a story that it shares with a test outlet
    HUMAN | TEST | {"id": "t5", "text": "T5.", "source": "quietnews"},
    HUMAN | {"id": "q", "text": "Q.", "source": "quietnews", "split": "threshold", "story": "s3"},
    HUMAN | {"id": "n", "text": "N.", "source": "heldnews", "split": "threshold", "story": "s5"},
    HUMAN | {"id": "u", "text": "U.", "date": "", "story": "s4", "split": "dev"},
)

BROKEN: dict[str, list[Mapping[str, Any]]] = {
    "ids are unique": [{"text": "Another.", "story": "s1"}],
    "labels and splits are known": [{"label": "robot"}, {"split": "validation"}],
    "a story lies on one side": [{"id": "x", "split": "dev"}],
    "a named outlet or corpus is no nearer to training than asked": [
        {"id": "x", "source": "quietnews"},
        {"id": "x", "source": "quietnews", "split": "calibration", "story": "s9"},
        {"id": "x", "corpus": "owner/test"},
        {"id": "x", "corpus": "owner/test", "split": "threshold", "story": "s9"},
    ],
    "a held-out generator or operation is in test only": [
        {"id": "x", "generator": "gpt-hidden", "label": "spun"},
        {"id": "x", "operation": "spin", "generator": "gpt-toy", "label": "spun"},
    ],
    "the story of the seed documents is in test only": [
        {"id": "x", "corpus": "seeds", "label": "rewritten", "generator": "unknown"}
    ],
    "a human text has no generator, a machine text has one": [
        {"id": "x", "generator": "gpt-toy"},
        {"id": "x", "label": "generated"},
    ],
    "no human text is younger than November 2022": [
        {"id": "x", "date": "2022-12-01"},
        {"id": "x", "date": "2024"},
    ],
    "an outlet that sets thresholds does nothing else": [
        {"id": "x", "source": "heldnews", "split": "dev", "story": "s9", "text": "X."}
    ],
    "no text lies in two splits": [{"id": "x", "split": "dev", "story": "s9"}],
}


def test_sound_data_pass() -> None:
    check(columns(*SOUND), CONFIG)


def test_every_invariant_is_tried() -> None:
    assert list(BROKEN) == list(INVARIANTS)


@pytest.mark.parametrize(
    ("name", "change"), [(name, change) for name, changes in BROKEN.items() for change in changes]
)
def test_broken_data_fail_with_a_line_that_names_the_invariant(
    name: str, change: dict[str, Any]
) -> None:
    broken = columns(*SOUND, HUMAN | change)
    assert INVARIANTS[name](broken, CONFIG)
    with pytest.raises(CorpusError, match=r"invariant '.*' does not hold: .*nothing was"):
        check(broken, CONFIG)


def test_the_first_broken_invariant_is_the_one_named() -> None:
    with pytest.raises(CorpusError, match="'ids are unique' does not hold: h stands twice; no"):
        check(columns(*SOUND, HUMAN | {"label": "robot"}), CONFIG)


def test_each_row_that_breaks_one_is_named() -> None:
    broken = columns(*SOUND, HUMAN | {"id": "x", "date": "2023-01-02"})
    with pytest.raises(CorpusError, match="x is called human and dated 2023-01-02"):
        check(broken, CONFIG)
