from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.calibration import (
    Calibration,
    HumanScores,
    kind_probabilities,
    length_term,
    machine_logit,
    sigmoid,
)

CALIBRATION = Calibration(slope=(2.0, 0.5), intercept=(-1.0, 0.25))


def test_the_machine_labels_count_together():
    logits = np.log([[0.4, 0.3, 0.2, 0.1]])
    assert machine_logit(logits)[0] == pytest.approx(math.log(0.6 / 0.4))
    assert machine_logit([1000.0, 0.0, 0.0, 0.0]) == pytest.approx(math.log(3) - 1000)


def test_the_line_moves_with_the_length():
    assert CALIBRATION.logit(0.7, 300) == pytest.approx(2.0 * 0.7 - 1.0)
    assert CALIBRATION.logit(0.7, 600) == pytest.approx(2.5 * 0.7 - 0.75)
    assert length_term(1) == -3
    assert length_term(10**6) == 3
    assert length_term(0) == -3


def test_one_document_and_an_array_of_them_agree():
    logits = np.random.default_rng(0).normal(size=(5, 4))
    words = np.array([50, 100, 300, 900, 5000])
    together = CALIBRATION.score(logits, words)
    alone = [
        float(CALIBRATION.score(row, int(count))) for row, count in zip(logits, words, strict=True)
    ]
    assert together == pytest.approx(alone, abs=1e-15)


def test_the_logistic_function_has_no_edges():
    assert sigmoid([-1e9, 0.0, 1e9]).tolist() == [0.0, 0.5, 1.0]


def test_kinds_add_up_and_share_the_score():
    kinds = kind_probabilities(np.array([5.0, 1.0, 1.0, -50.0]), 0.8)
    assert list(kinds) == ["human", "rewritten", "generated", "spun"]
    assert sum(kinds.values()) == pytest.approx(1)
    assert kinds["human"] == pytest.approx(0.2)
    assert kinds["rewritten"] == pytest.approx(kinds["generated"]) == pytest.approx(0.4)


def test_p_human_counts_humans_of_like_length():
    humans = HumanScores((50, 60, 70, 400, 500), (0.2, 0.1, 0.3, 0.5, 0.5), nearest=3)
    assert humans.p_human(0.2, 55) == pytest.approx(3 / 4)  # itself, 0.2 and 0.3
    assert humans.p_human(0.9, 1) == pytest.approx(1 / 6)  # none of the three, nor of the five
    assert humans.p_human(0.4, 9000) == pytest.approx(3 / 4)  # itself and two of 70, 400, 500
    assert HumanScores((), (), nearest=3).p_human(0.5, 200) is None


def test_a_p_of_a_thousandth_takes_a_thousand_articles():
    scores = tuple(index / 2000 for index in range(1500))
    humans = HumanScores(tuple(range(100, 1600)), scores, nearest=100)
    highest = max(scores[humans.like(150, 0.001)])
    assert humans.p_human(1.0, 150) == 1 / 1000
    assert humans.p_human(math.nextafter(highest, 1), 150) == 1 / 1000
    assert humans.p_human(highest, 150) == 1 / 101  # above the nearest hundred, and no more


@given(
    st.lists(st.integers(1, 3000), min_size=1, max_size=60).map(sorted),
    st.integers(1, 4000),
    st.integers(1, 70),
)
def test_those_of_like_length_are_the_nearest_by_ratio(known, words, nearest):
    found = HumanScores(tuple(known), (0.5,) * len(known), nearest).like(words)
    inside, outside = known[found], known[: found.start] + known[found.stop :]
    assert len(inside) >= min(nearest, len(known))
    off = [abs(math.log(other / words)) for other in inside]
    assert all(
        abs(math.log(other / words)) >= sorted(off)[:nearest][-1] - 1e-9 for other in outside
    )
    outermost = {inside[0], inside[-1]}
    assert not outermost & set(outside)
    assert sum(other not in outermost for other in inside) < nearest


def test_the_lines_are_those_of_every_length():
    random = np.random.default_rng(3)
    words = np.sort(random.integers(40, 400, size=200))
    humans = HumanScores(tuple(words.tolist()), tuple(random.random(200).tolist()), nearest=40)
    lines = dict(humans.lines(0.05))
    assert min(lines) == 1
    assert len(lines) > 5
    for count in range(1, 500):
        assert lines[max(start for start in lines if start <= count)] == humans.line(0.05, count)


def test_the_line_of_a_rate_is_where_p_human_falls_to_it():
    scores = tuple(index / 1000 for index in range(200))
    humans = HumanScores((60,) * 200, scores, nearest=100)
    line = humans.line(0.05, 60)
    at, below = humans.p_human(line, 60), humans.p_human(math.nextafter(line, 0), 60)
    assert at is not None
    assert below is not None
    assert at <= 0.05 < below
    assert sum(score >= line for score in scores) == 9  # (1 + 9) / 201 is below 0.05
    assert humans.line(0.01, 60) == math.nextafter(scores[-2], 1)  # (1 + 1) / 201
    few = HumanScores((60,) * 9, scores[:9], nearest=100)
    assert few.line(0.05, 150) > max(scores[:9])  # nine humans cannot promise 5%
    assert few.line(0.05, 150, unknown=0.9) == 0.9
    none = HumanScores((), (), nearest=100)
    assert none.line(0.05, 500) == -math.inf
    assert none.line(0.05, 500, unknown=0.9) == 0.9
