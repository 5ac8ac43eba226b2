from __future__ import annotations

import math

import numpy as np
import pytest

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
    humans = HumanScores(edges=(100, 200), scores=((0.1, 0.2, 0.3), (0.5, 0.5), ()))
    assert humans.p_human(0.2, 99) == pytest.approx(3 / 4)  # itself, 0.2 and 0.3
    assert humans.p_human(0.9, 99) == pytest.approx(1 / 4)
    assert humans.p_human(0.5, 100) == pytest.approx(1)
    assert humans.p_human(0.5, 200) is None


def test_the_line_of_a_rate_is_where_p_human_falls_to_it():
    scores = tuple(index / 1000 for index in range(200))
    humans = HumanScores(edges=(100, 200), scores=(scores, scores[:9], ()))
    line = humans.line(0.05, 60)
    at, below = humans.p_human(line, 60), humans.p_human(math.nextafter(line, 0), 60)
    assert at is not None
    assert below is not None
    assert at <= 0.05 < below
    assert sum(score >= line for score in scores) == 9  # (1 + 9) / 201 is below 0.05
    assert humans.line(0.01, 60) == math.nextafter(scores[-2], 1)  # (1 + 1) / 201
    assert humans.line(0.05, 150) > max(scores[:9])  # nine humans cannot promise 5%
    assert humans.line(0.05, 150, unknown=0.9) == 0.9
    assert humans.line(0.05, 500) == -math.inf
    assert humans.line(0.05, 500, unknown=0.9) == 0.9
