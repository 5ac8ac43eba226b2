"""Calibration keeps its promises: rates, counts, intervals, and a score that rises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from datasets import Dataset, DatasetDict

from model.calibration import length_term, machine_logit, sigmoid
from model.errors import CorpusError
from model.policies import POLICY_RATES, Threshold
from train.calibrate import (
    NEAREST_HUMANS,
    SHOWN_LENGTHS,
    calibrate,
    check_splits,
    fit_calibration,
    human_scores,
    promise,
    promise_by_length,
    promise_by_outlet,
)
from train.metrics.functions import rate

LENGTHS = np.array([40, 99, 100, 300, 799, 800, 5000])


def logits_with(odds: np.ndarray) -> np.ndarray:
    """Mean logits [n, 4] whose machine logit is `odds`."""
    logits = np.zeros((len(odds), 4))
    logits[:, 0] = np.log(3) - odds
    return logits


def toy_logits(count: int, share: float = 0.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Odds, words and classes that follow a line: slope 2 + 0.3 x, intercept -1 + 0.2 x."""
    random = np.random.default_rng(3)
    odds = random.normal(0.5, 1.5, size=4 * count)
    words = random.integers(40, 2000, size=4 * count)
    x = length_term(words)
    machine = random.random(4 * count) < sigmoid((2 + 0.3 * x) * odds - 1 + 0.2 * x)
    # As many of each class as asked, whatever the line gives.
    ours, theirs = np.flatnonzero(machine), np.flatnonzero(~machine)
    chosen = np.concatenate([ours[: int(count * share)], theirs[: int(count * (1 - share))]])
    return odds[chosen], words[chosen], machine[chosen]


def test_the_line_is_found():
    calibration = fit_calibration(*toy_logits(20_000))
    assert calibration.slope == pytest.approx((2, 0.3), abs=0.12)
    scores = sigmoid(calibration.logit(*toy_logits(20_000)[:2]))
    machine = toy_logits(20_000)[2]
    for low in np.arange(0.1, 0.9, 0.2):
        band = (scores >= low) & (scores < low + 0.2)
        assert machine[band].mean() == pytest.approx(scores[band].mean(), abs=0.04)


def test_classes_weigh_the_same_however_many_there_are():
    even = fit_calibration(*toy_logits(20_000))
    rare = fit_calibration(*toy_logits(20_000, share=0.1))
    assert rare.slope == pytest.approx(even.slope, abs=0.2)
    assert rare.intercept == pytest.approx(even.intercept, abs=0.2)


def test_the_score_rises_with_the_logit_at_every_length():
    random = np.random.default_rng(5)
    words = random.integers(40, 5000, size=4000)
    machine = random.random(4000) < 0.5
    # A trap: on short texts the logit points the right way, on long ones the other.
    direction = np.where(words < 2500, 1, -1)
    odds = np.where(machine, 1.0, -1.0) * direction + random.normal(size=4000)
    odds += np.where(machine, 0.8, -0.8)
    for calibration in (
        fit_calibration(odds, words, machine),
        fit_calibration(*toy_logits(4000)),
    ):
        for count in LENGTHS:
            scores = sigmoid(calibration.logit(np.linspace(-4, 4, 50), count))
            assert (np.diff(scores) > 0).all()


@pytest.mark.parametrize("machine", [True, False])
def test_one_class_alone_cannot_be_calibrated(machine):
    with pytest.raises(CorpusError, match="calibration split: needs human and machine texts"):
        fit_calibration(np.array([0.1, 0.2]), np.array([100, 100]), np.array([machine] * 2))


def test_a_threshold_flags_its_share_and_says_of_how_many():
    calibration = fit_calibration(*toy_logits(2000))
    random = np.random.default_rng(1)
    odds, words = random.normal(size=2000), random.integers(40, 2000, size=2000)
    made = promise(calibration, logits_with(odds), words, ["toy"] * len(words))
    scores = calibration.score(logits_with(odds), words)
    reached = {}
    for policy, threshold in made.thresholds.items():
        assert threshold.humans == 2000
        reached[policy] = int((scores >= threshold.value).sum())
        lines = [
            made.human.line(POLICY_RATES[policy], int(count), threshold.value) for count in words
        ]
        flagged = scores >= np.array(lines)
        assert threshold.flagged == flagged.sum()
        assert flagged.mean() <= POLICY_RATES[policy]
        expected = rate(threshold.flagged, 2000)
        assert threshold.interval == (expected.low, expected.high)
    assert reached == {"fpr-5pct": 100, "fpr-1pct": 20, "fpr-0.1pct": 2}


def test_the_promise_holds_among_articles_of_every_length():
    random = np.random.default_rng(2)
    words = np.repeat([60, 600], 1000)
    odds = random.normal(size=2000) + np.where(words < 100, 6.0, 0.0)
    made = promise(fit_calibration(*toy_logits(2000)), logits_with(odds), words, [""] * 2000)
    scores = made.calibration.score(logits_with(odds), words)
    value = made.thresholds["fpr-1pct"].value
    short = words < 100
    assert (scores[short] >= value).mean() > 0.015
    for band, length in ((short, 60), (~short, 600)):
        share = (scores[band] >= made.human.line(0.01, length)).mean()
        assert 0.008 <= share <= 0.01


def test_with_few_humans_no_false_alarm_is_allowed_and_the_interval_says_how_little_that_means():
    odds = np.linspace(-3, 3, 30)
    made = promise(
        fit_calibration(*toy_logits(2000)), logits_with(odds), np.full(30, 300), ["toy"] * 30
    )
    threshold = made.thresholds["fpr-1pct"]
    assert (threshold.humans, threshold.flagged) == (30, 0)
    assert threshold.interval == pytest.approx((0, 0.1157), abs=1e-4)


def test_humans_are_kept_by_length_with_their_scores():
    calibration = fit_calibration(*toy_logits(2000))
    odds = np.linspace(3, -3, len(LENGTHS))
    human = promise(calibration, logits_with(odds), LENGTHS, [""] * len(LENGTHS)).human
    assert human.nearest == NEAREST_HUMANS
    assert list(human.words) == sorted(LENGTHS)
    scores = calibration.score(logits_with(odds), LENGTHS)
    assert dict(zip(human.words, human.scores, strict=True)) == dict(
        zip(LENGTHS.tolist(), scores.tolist(), strict=True)
    )
    assert human.p_human(1.0, 150) == 1 / 8  # the text itself, of it and seven humans


def test_an_outlet_is_judged_by_lines_drawn_without_it():
    random = np.random.default_rng(4)
    outlets = np.repeat(["plain", "odd", "few"], [900, 100, 9])
    words = np.full(1009, 300)
    scores = random.random(1009) * 0.5 + np.where(outlets == "odd", 0.4, 0.0)
    odd, plain = promise_by_outlet(scores, words, outlets)
    assert (odd["name"], odd["humans"], plain["name"], plain["humans"]) == (
        "odd",
        100,
        "plain",
        900,
    )
    highest = np.sort(scores[outlets != "odd"])[-9]  # (1 + 8) / 910 is below 0.01
    assert odd["fpr"]["fpr-1pct"]["hits"] == (scores[outlets == "odd"] > highest).sum() > 50
    assert plain["fpr"]["fpr-1pct"]["hits"] == 0


def test_every_length_has_its_humans_and_lines():
    scores = np.linspace(0, 1, 1200)
    human = human_scores(scores, np.repeat([60, 900], 600))
    everywhere = {policy: Threshold(0.99, 1200, 0, (0, 1)) for policy in POLICY_RATES}
    rows = promise_by_length(human, everywhere)
    assert [row["words"] for row in rows] == list(SHOWN_LENGTHS)
    short, long = rows[0], rows[-1]
    assert (short["humans"], short["between"], long["between"]) == (600, [60, 60], [900, 900])
    assert long["lines"]["fpr-5pct"] == human.line(0.05, 900)
    assert short["lines"]["fpr-1pct"] < long["lines"]["fpr-5pct"]


# --- over a data set ----------------------------------------------------------------------


def rows_of(*texts: tuple[str, str, int]) -> Dataset:
    """Rows from (label, domain, words)."""
    return Dataset.from_list(
        [
            {"id": str(index), "label": label, "domain": domain, "words": words, "source": "toy"}
            for index, (label, domain, words) in enumerate(texts)
        ]
    )


def toy_splits(**changes: Dataset) -> DatasetDict:
    both = rows_of(*[("human", "news", 90)] * 20, *[("spun", "news", 90)] * 20)
    humans = rows_of(
        *[("human", "news", 90)] * 4,
        ("human", "press-release", 90),
        ("human", "essay", 90),
        ("human", "news", 39),
        ("spun", "news", 90),
    )
    return DatasetDict({"dev": both, "calibration": both, "threshold": humans, **changes})


def compute(split: str, rows: Any) -> np.ndarray:
    """Rows as `train.scores` keeps them: logits and words; machines are told apart."""
    odds = np.array([-1.0 if label == "human" else 1.0 for label in rows["label"]])
    return np.column_stack([logits_with(odds), list(rows["words"])])


def test_thresholds_come_of_human_news_that_is_long_enough():
    asked: dict[str, Any] = {}

    def noting(split: str, rows: Any) -> np.ndarray:
        asked[split] = rows
        return compute(split, rows)

    made = calibrate(noting, toy_splits(), minimum_words=40)
    assert set(asked) == {"calibration", "threshold"}
    assert list(asked["threshold"]["id"]) == ["0", "1", "2", "3", "4"]
    assert made.thresholds["fpr-1pct"].humans == 5
    human, machine = (made.calibration.score(logits_with(np.array([x])), 90) for x in (-1.0, 1.0))
    assert human < 0.5 < machine
    assert machine_logit(logits_with(np.array([0.7]))) == pytest.approx(0.7)


def test_what_the_starting_network_was_trained_on_is_left_out():
    asked: dict[str, list[str]] = {}

    def noting(split: str, rows: Any) -> np.ndarray:
        asked[split] = list(rows["id"])
        return compute(split, rows)

    made = calibrate(noting, toy_splits(), 40, seen=("0", "39"))
    assert "0" not in asked["calibration"] + asked["threshold"]
    assert (len(asked["calibration"]), made.thresholds["fpr-1pct"].humans) == (38, 4)


@pytest.mark.parametrize(
    ("split", "rows", "problem"),
    [
        ("threshold", rows_of(("spun", "news", 90)), "holds no human news text of 40 words"),
        ("threshold", rows_of(("human", "news", 39)), "holds no human news text"),
        ("calibration", rows_of(("human", "news", 90)), "holds no machine news text"),
        ("calibration", rows_of(("spun", "essay", 90)), "holds no human news text"),
        ("dev", rows_of(("spun", "news", 90)), "holds no human news text"),
    ],
)
def test_what_a_split_lacks_is_named(split, rows, problem):
    splits = toy_splits(**{split: rows})
    for attempt in (
        lambda: check_splits(splits, minimum_words=40),
        lambda: calibrate(compute, splits, minimum_words=40),
    ):
        with pytest.raises(CorpusError, match=f"{split} split: {problem}") as caught:
            attempt()
        assert "\n" not in str(caught.value)


def test_splits_that_hold_all_that_is_needed_pass():
    check_splits(toy_splits(), minimum_words=40)
