"""Features are counted as a reader would, and a text without words breaks none."""

from __future__ import annotations

import pytest

from model.features import FEATURE_NAMES, text_features

TEXT = (
    "\u201cIt\u2019s toy text,\u201d she said \u2013 twice.\n\n"
    "A well-known toy (one of 12) follows: is it plain? Yes."
)


def test_counts_by_hand():
    found = text_features(TEXT)
    per_100 = 100 / found["words"]
    assert found["words"] == 16
    assert found["sentence_words"] == pytest.approx(16 / 3)
    once = [
        *("line_breaks", "apostrophes", "commas", "dashes", "hyphens", "colons"),
        *("brackets", "questions", "digits"),
    ]
    assert {name: found[name] for name in once} == pytest.approx(dict.fromkeys(once, per_100))
    assert found["double_quotes"] == pytest.approx(2 * per_100)
    assert found["curly_quotes"] == pytest.approx(3 * per_100)
    assert found["capitals"] == pytest.approx(3 * per_100)


def test_names_and_empty_texts():
    assert tuple(text_features(TEXT)) == FEATURE_NAMES
    for text in ("", "\n", "... 12 !"):
        assert text_features(text)["words"] == 0


def test_type_token_ratio_and_rates_do_not_move_with_length():
    once, often = text_features(TEXT + "\n"), text_features((TEXT + "\n") * 20)
    varied = " ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(300))
    assert text_features(varied)["type_token_ratio"] == 1.0
    assert often["commas"] == pytest.approx(once["commas"])
