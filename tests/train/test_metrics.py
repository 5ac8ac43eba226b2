"""The metrics agree with scikit-learn, with textbook values, and with themselves."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from train.features import feature_table, fit_directions
from train.metrics import METRICS, functions, load_metric

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sample() -> tuple[np.ndarray, np.ndarray]:
    """400 toy outcomes and probabilities, with ties."""
    random = np.random.default_rng(7)
    is_machine = random.random(400) < 0.4
    logits = random.normal(size=400) + 1.5 * is_machine - 0.5
    return is_machine, np.round(1 / (1 + np.exp(-logits)), 2)


def test_auroc_equals_sklearn(sample):
    estimate = functions.auroc(*sample)
    assert estimate.value == pytest.approx(roc_auc_score(*sample), abs=1e-12)
    assert estimate.low < estimate.value < estimate.high


def test_auroc_interval_agrees_with_a_bootstrap(sample):
    is_machine, scores = sample
    random = np.random.default_rng(0)
    machine, human = scores[is_machine], scores[~is_machine]
    outcome = np.arange(len(scores)) < len(machine)
    draws = [
        roc_auc_score(
            outcome,
            np.concatenate(
                [random.choice(machine, len(machine)), random.choice(human, len(human))]
            ),
        )
        for _ in range(400)
    ]
    estimate = functions.auroc(*sample)
    assert np.percentile(draws, [2.5, 97.5]) == pytest.approx(
        [estimate.low, estimate.high], abs=0.012
    )


def test_auroc_of_perfect_and_of_missing_classes():
    perfect = functions.auroc([0] * 10 + [1] * 30, [0.1] * 10 + [0.9] * 30)
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(0.6915, abs=1e-3)  # all of 10, Clopper-Pearson
    assert math.isnan(functions.auroc([1, 1], [0.1, 0.9]).value)


def test_rate_has_the_exact_interval():
    measured = functions.rate(5, 100)
    assert (measured.value, measured.hits, measured.count) == (0.05, 5, 100)
    assert (measured.low, measured.high) == pytest.approx((0.01643, 0.11283), abs=1e-4)
    assert functions.rate(0, 50).low == 0.0
    assert functions.rate(50, 50).high == 1.0
    assert math.isnan(functions.rate(0, 0).value)


@pytest.mark.parametrize(
    ("both", "first", "second", "neither", "expected"),
    [
        # Cavo et al. and Bentur et al., as R's contingencytables gives them (Fagerland et al.)
        (59, 6, 16, 80, (-0.0621, -0.1186, -0.0046)),
        (1, 1, 7, 12, (-0.2857, -0.5069, -0.0256)),
    ],
)
def test_a_paired_difference_has_newcombes_interval(both, first, second, neither, expected):
    after = [True] * (both + first) + [False] * (second + neither)
    before = [True] * both + [False] * first + [True] * second + [False] * neither
    found = functions.paired_difference(after, before)
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=1e-4)
    turned = functions.paired_difference(before, after)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


def test_a_paired_difference_where_nothing_changed_or_nothing_is():
    same = functions.paired_difference([True] * 90 + [False] * 10, [True] * 90 + [False] * 10)
    assert same.value == 0
    assert -0.04 < same.low < 0 < same.high < 0.04
    assert functions.paired_difference([True] * 9, [True] * 9).value == 0
    assert math.isnan(functions.paired_difference([], []).value)


@pytest.mark.parametrize("fpr", [0.05, 0.01, 0.001])
def test_threshold_keeps_its_promise_and_is_the_lowest(sample, fpr):
    is_machine, scores = sample
    human = scores[~is_machine]
    line = functions.threshold_at_fpr(human, fpr)
    assert (human >= line).mean() <= fpr
    below = human[human < line].max()
    assert (human >= below).mean() > fpr


def test_tpr_at_own_fpr_is_the_point_on_the_roc_curve(sample):
    is_machine, scores = sample
    false_alarms, found, _ = roc_curve(is_machine, scores, drop_intermediate=False)
    estimate = functions.tpr_at_own_fpr(is_machine, scores, fpr=0.05)
    assert estimate.value == found[false_alarms <= 0.05].max()
    assert estimate.low <= estimate.value <= estimate.high
    assert estimate == functions.tpr_at_own_fpr(is_machine, scores, fpr=0.05)


def test_frozen_threshold_ignores_the_humans_of_the_set(sample):
    is_machine, scores = sample
    measured = functions.tpr_at_threshold(is_machine, scores, 0.8)
    assert measured == functions.tpr_at_threshold(is_machine, scores * is_machine, 0.8)
    assert measured.hits == (scores[is_machine] >= 0.8).sum()
    assert functions.fpr_at_threshold(is_machine, scores, 0.8).count == (~is_machine).sum()


def test_brier_equals_sklearn(sample):
    estimate = functions.brier(*sample)
    assert estimate.value == pytest.approx(brier_score_loss(*sample), abs=1e-12)
    assert estimate.low < estimate.value < estimate.high


def test_ece_by_hand():
    # One bin of four at 0.9, three of them machine: |0.9 - 0.75|.
    assert functions.ece([1, 1, 1, 0], [0.9] * 4).value == pytest.approx(0.15)
    # Two bins, weighted by size: (2 * |0.1 - 0| + 2 * |0.9 - 0.5|) / 4.
    assert functions.ece([0, 0, 1, 0], [0.1, 0.1, 0.9, 0.9]).value == pytest.approx(0.25)
    assert functions.ece([1, 0], [1.0, 0.0]).value == 0.0


def test_ece_at_even_odds_does_not_depend_on_how_many_of_each_there_are():
    rare = functions.ece([1, *[0] * 9], [0.5] * 10, even=True).value
    assert rare == pytest.approx(functions.ece([1, 0], [0.5, 0.5]).value) == pytest.approx(0)
    assert functions.ece([1, *[0] * 9], [0.5] * 10).value == pytest.approx(0.4)
    assert np.isnan(functions.ece([0, 0], [0.5, 0.5], even=True).value)


@pytest.mark.parametrize("name", METRICS)
def test_modules_are_evaluates_and_give_what_the_functions_give(sample, name):
    is_machine, scores = sample
    module = load_metric(name)
    result = module.compute(predictions=scores, references=is_machine.astype(int))
    key = "tpr" if name == "tpr_at_fpr" else name
    function = functions.tpr_at_own_fpr if key == "tpr" else getattr(functions, name)
    options = {"fpr": 0.01} if key == "tpr" else {}
    expected = function(is_machine, scores, **options)
    assert (result[key], result["low"], result["high"]) == (
        expected.value,
        expected.low,
        expected.high,
    )


def test_tpr_module_takes_a_frozen_threshold(sample):
    is_machine, scores = sample
    result = load_metric("tpr_at_fpr").compute(
        predictions=scores, references=is_machine.astype(int), threshold=0.8
    )
    assert result["threshold"] == 0.8
    assert result["tpr"] == functions.tpr_at_threshold(is_machine, scores, 0.8).value


def test_evaluate_loads_a_module_by_path_offline(tmp_path):
    program = (
        "import evaluate\n"
        f"module = evaluate.load({str(ROOT / 'train' / 'metrics' / 'auroc')!r})\n"
        "print(module.compute(predictions=[0.2, 0.4, 0.9], references=[0, 1, 1])['auroc'])\n"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == "1.0", done.stderr


def test_feature_directions_are_fixed_by_the_training_texts():
    few_commas = "A toy sentence without pause. It goes on and on."
    many_commas = "A toy, a sentence, with pauses. It goes, and stops, and goes."
    table = feature_table([few_commas, few_commas, many_commas, many_commas])
    is_machine = np.array([True, True, False, False])
    directions = fit_directions(table, is_machine)
    assert (directions["commas"].direction, directions["commas"].auroc) == (-1, 1.0)
    assert fit_directions(table, ~is_machine)["commas"].direction == 1
    assert table["commas"].tolist() == [0.0, 0.0, *[pytest.approx(400 / 12)] * 2]
