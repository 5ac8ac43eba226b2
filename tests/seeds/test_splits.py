"""Splits: the same every time, whole stories on one side, the strictest wish wins."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from seeds.splits import SEEDS, SPLITS, SplitConfig, cluster_split, held_out, story_split

STORIES = [f"toy:{number}" for number in range(4000)]


def config(**changes: Any) -> SplitConfig:
    shares = {"seed": 1, "dev": 0.05, "calibration": 0.1, "test": 0.2}
    return SplitConfig.model_validate(shares | changes)


def test_a_story_always_gets_the_same_split() -> None:
    first = [story_split(story, config()) for story in STORIES]
    assert first == [story_split(story, config()) for story in STORIES]
    assert [story_split(story, config()) for story in reversed(STORIES)] == first[::-1]


def test_the_split_of_a_name_is_pinned() -> None:
    # Whoever changes these changes every published data set.
    splits = {name: story_split(name, config()) for name in STORIES[1:9]}
    assert splits == {
        "toy:1": "test",
        "toy:2": "test",
        "toy:3": "train",
        "toy:4": "calibration",
        "toy:5": "train",
        "toy:6": "train",
        "toy:7": "train",
        "toy:8": "train",
    }


def test_stories_are_shared_out_as_asked() -> None:
    counts = Counter(story_split(story, config()) for story in STORIES)
    assert set(counts) == {"train", "dev", "calibration", "test"}  # no story falls on threshold
    for split, share in (("train", 0.65), ("dev", 0.05), ("calibration", 0.1), ("test", 0.2)):
        assert counts[split] / len(STORIES) == pytest.approx(share, abs=0.02)


def test_thresholds_may_have_a_share_too() -> None:
    counts = Counter(story_split(story, config(threshold=0.1)) for story in STORIES)
    assert counts["threshold"] / len(STORIES) == pytest.approx(0.1, abs=0.02)


def test_a_seed_shuffles_the_stories() -> None:
    moved = [story_split(name, config()) != story_split(name, config(seed=2)) for name in STORIES]
    assert sum(moved) > len(STORIES) / 4


def test_a_bigger_share_of_test_only_takes_from_the_others() -> None:
    for story in STORIES:
        if story_split(story, config()) == "test":
            assert story_split(story, config(test=0.4)) == "test"


def test_what_nothing_holds_out_is_split_by_its_story() -> None:
    for story in STORIES[:50]:
        found = cluster_split(story, {"toys", "games"}, {"", "toynews"}, config())
        assert found == story_split(story, config())


@pytest.mark.parametrize("split", SPLITS)
def test_a_named_outlet_or_corpus_goes_where_it_is_asked_to(split: str) -> None:
    by_outlet = config(outlets={split: ["toynews"]})
    by_corpus = config(corpora={split: ["owner/toys"]})
    for story in STORIES[:50]:
        assert cluster_split(story, {"games"}, {"toynews", "other"}, by_outlet) == split
        assert cluster_split(story, {"owner/toys", "games"}, {"other"}, by_corpus) == split


def test_the_strictest_split_wins() -> None:
    wishes = config(
        outlets={split: [f"{split}news"] for split in SPLITS}, corpora={"threshold": ["owner/toys"]}
    )
    for nearer, further in pairwise(SPLITS):
        sources = {f"{nearer}news", f"{further}news"}
        assert cluster_split("toy:1", {"games"}, sources, wishes) == further
    assert cluster_split("toy:1", {"owner/toys"}, {"devnews"}, wishes) == "threshold"
    assert cluster_split("toy:1", {"owner/toys"}, {"testnews"}, wishes) == "test"


def test_the_seed_documents_are_a_test_whatever_is_asked() -> None:
    everything_trains = config(
        dev=0, calibration=0, test=0, corpora={"train": [SEEDS, "toys"]}, outlets={"train": [""]}
    )
    assert cluster_split("seeds:toy", {SEEDS, "toys"}, {""}, everything_trains) == "test"


def test_machines_are_held_out_by_generator_or_operation() -> None:
    wishes = config(held_out_generators=["gpt-toy"], held_out_operations=["owner/toys:spin"])
    assert held_out("gpt-toy", "any", "any", wishes)
    assert held_out("other", "owner/toys", "spin", wishes)
    assert not held_out("other", "owner/games", "spin", wishes)
    assert not held_out("other", "owner/toys", "polish", wishes)
    assert not held_out("", "owner/toys", "", wishes)


@pytest.mark.parametrize(
    "changes", [{"test": 0.6}, {"dev": -0.1}, {"seed": None}, {"treshold": 0.1}, {"outlets": 3}]
)
def test_a_wrong_configuration_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(**changes)
