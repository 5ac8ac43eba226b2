"""Near-duplicates: found whatever the order and typography, and joined into clusters."""

from __future__ import annotations

import random
from itertools import permutations

import numpy as np

from seeds.near_duplicates import MAX_WORDS, PERMUTATIONS, Clusters, near_duplicates, signature

VOCABULARY = [f"{first}{second}" for first in "bdgklmnprst" for second in ("a", "en", "ol", "ux")]


def toy_text(seed: int, words: int = 200) -> str:
    """Words without sense, drawn by a seed."""
    return " ".join(random.Random(seed).choices(VOCABULARY, k=words))


def pairs(texts: list[str], threshold: float = 0.5) -> set[tuple[int, int]]:
    return set(near_duplicates((signature(text).hashvalues for text in texts), threshold))


def test_a_signature_is_the_texts_own() -> None:
    values = signature(toy_text(1)).hashvalues
    assert values.shape == (PERMUTATIONS,)
    assert np.array_equal(values, signature(toy_text(1)).hashvalues)
    assert not np.array_equal(values, signature(toy_text(2)).hashvalues)


def test_a_signature_is_pinned() -> None:
    # It must not depend on the process, the machine or a new release of the library.
    assert signature("A toy text of no more than nine words.").hashvalues[:3].tolist() == [
        2508039400,
        2184506198,
        814740708,
    ]


def test_case_punctuation_and_layout_do_not_count() -> None:
    plain = toy_text(1)
    dressed = "“" + plain.upper().replace(" ", ",\n\n", 40) + "”"
    assert np.array_equal(signature(plain).hashvalues, signature(dressed).hashvalues)


def test_the_estimate_is_near_the_truth() -> None:
    first, second = toy_text(1, 300), toy_text(2, 100)
    # 296 shingles, of which 196 also stand in the other's 296
    mixed = " ".join(first.split()[:200]) + " " + second
    same = np.mean(signature(first).hashvalues == signature(mixed).hashvalues)
    assert abs(same - 196 / 396) < 0.2


def test_only_the_first_words_count() -> None:
    long = toy_text(1, MAX_WORDS)
    assert pairs([long, long + " " + toy_text(2, MAX_WORDS)]) == {(0, 1)}


def test_near_duplicates_are_found_and_others_are_not() -> None:
    original = toy_text(1)
    changed = original.replace(original.split()[100], "changed", 1)
    longer = original + " " + toy_text(3, 20)
    texts = [toy_text(4), original, toy_text(5), changed, longer, original]
    assert pairs(texts) == {(1, 3), (1, 4), (3, 4), (1, 5), (3, 5), (4, 5)}


def test_the_threshold_counts() -> None:
    original = toy_text(1)
    changed = " ".join(original.split()[:160]) + " " + toy_text(2, 40)  # two in three the same
    assert pairs([original, changed], threshold=0.4) == {(0, 1)}
    assert pairs([original, changed], threshold=0.95) == set()


def test_a_text_shorter_than_a_shingle_has_a_signature_too() -> None:
    assert pairs(["one two", "One, two.", "three"]) == {(0, 1)}


# --- clusters ----------------------------------------------------------------------------


def test_a_key_alone_is_its_own_cluster() -> None:
    assert Clusters().name("b") == "b"


def test_joining_carries_over() -> None:
    clusters = Clusters()
    clusters.join(("d", "e"))
    clusters.join(("b", "c"))
    assert clusters.name("e") == "d"
    clusters.join(("c", "e"))
    assert {clusters.name(key) for key in "bcde"} == {"b"}
    assert clusters.name("a") == "a"


def test_names_do_not_depend_on_the_order() -> None:
    joins = [("a", "b"), ("b", "c"), ("d", "e"), ("e", "c"), ("f", "f")]
    for order in permutations(joins):
        clusters = Clusters()
        for first, second in order:
            clusters.join((second, first))
        assert [clusters.name(key) for key in "abcdef"] == ["a"] * 5 + ["f"]
