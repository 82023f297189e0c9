"""Each metric on a matrix whose answer can be worked out by hand."""

import copy
import math

import numpy as np
import pytest
from avalanche.evaluation.metrics import (
    accuracy_metrics,
    bwt_metrics,
    forgetting_metrics,
    forward_transfer_metrics,
)
from avalanche.training.plugins import EvaluationPlugin
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.stats import metrics
from toy import scores, toy_benchmark, toy_strategy

R = np.array([[0.9, 0.2, 0.1], [0.6, 0.8, 0.3], [0.5, 0.4, 0.7]])
JOINT = np.array([[np.nan, np.nan], [0.9, 0.8]])
fractions = arrays(float, (4, 4), elements=st.floats(0, 1))


def test_average_accuracy_is_the_mean_of_the_last_row():
    assert metrics.average_accuracy(R) == pytest.approx((0.5 + 0.4 + 0.7) / 3)


def test_average_incremental_accuracy_weighs_every_experience_alike():
    expected = (0.9 + (0.6 + 0.8) / 2 + (0.5 + 0.4 + 0.7) / 3) / 3
    assert metrics.average_incremental_accuracy(R) == pytest.approx(expected)


def test_forgetting_is_best_minus_last_without_the_last_experience():
    assert metrics.forgetting(R) == pytest.approx(((0.9 - 0.5) + (0.8 - 0.4)) / 2)


def test_forgetting_is_negative_when_the_last_experience_helps_the_past():
    assert metrics.forgetting(np.array([[0.5, 0.0], [0.7, 0.9]])) == pytest.approx(-0.2)


def test_forgetting_needs_nothing_above_the_diagonal():
    lower = np.where(np.tril(np.ones_like(R)) > 0, R, np.nan)
    assert metrics.forgetting(lower) == pytest.approx(metrics.forgetting(R))


def test_backward_transfer_compares_the_end_with_when_it_was_learned():
    assert metrics.backward_transfer(R) == pytest.approx(((0.5 - 0.9) + (0.4 - 0.8)) / 2)


def test_forward_transfer_is_what_is_known_above_chance_before_learning():
    expected = ((0.2 - 0.1) + (0.3 - 0.1)) / 2
    assert metrics.forward_transfer(R, chance=0.1) == pytest.approx(expected)


@given(arrays(float, (3, 4, 4), elements=st.floats(0, 1)))
def test_many_matrices_at_once_have_the_numbers_of_each_alone(matrices):
    of_matrix = (
        metrics.average_accuracy,
        metrics.average_incremental_accuracy,
        metrics.forgetting,
        metrics.backward_transfer,
        lambda accuracy: metrics.forward_transfer(accuracy, chance=0.1),
        metrics.plasticity,
        metrics.stability,
        metrics.forgetting_by_experience,
    )
    matrices[0, 0, 1:] = np.nan  # one run was not tested on what was to come
    for metric in of_matrix:
        alone = [metric(matrix) for matrix in matrices]
        assert metric(matrices) == pytest.approx(np.array(alone), abs=1e-12, nan_ok=True)


def test_an_upper_bound_has_a_final_accuracy_and_nothing_else():
    assert metrics.average_accuracy(JOINT) == pytest.approx(0.85)
    assert math.isnan(metrics.average_incremental_accuracy(JOINT))
    assert math.isnan(metrics.forgetting(JOINT))
    assert math.isnan(metrics.backward_transfer(JOINT))
    assert math.isnan(metrics.forward_transfer(JOINT, chance=0.5))


def test_a_single_experience_has_no_past_and_no_future():
    one = np.array([[0.9]])
    assert metrics.average_incremental_accuracy(one) == 0.9
    assert math.isnan(metrics.forgetting(one))
    assert math.isnan(metrics.backward_transfer(one))
    assert math.isnan(metrics.forward_transfer(one, chance=0.5))


@given(fractions)
def test_forgetting_is_at_least_the_loss_since_learning(matrix):
    assert metrics.forgetting(matrix) >= -metrics.backward_transfer(matrix) - 1e-12


@given(st.floats(0, 1))
def test_a_network_that_never_changes_forgets_nothing(value):
    matrix = np.full((3, 3), value)
    assert metrics.forgetting(matrix) == 0
    assert metrics.backward_transfer(matrix) == 0


def test_anytime_accuracy_is_the_area_under_the_steps():
    curve = [(5.0, 0.6), (10.0, 0.8)]
    expected = 0.25 * 0.1 + 0.25 * 0.6 + 0.5 * 0.8
    assert metrics.anytime_accuracy(curve, budget=20, chance=0.1) == pytest.approx(expected)


def test_anytime_accuracy_ignores_what_came_after_the_budget():
    within = metrics.anytime_accuracy([(10.0, 0.8)], budget=20, chance=0.1)
    assert metrics.anytime_accuracy([(10.0, 0.8), (20.1, 1.0)], budget=20, chance=0.1) == within


def test_anytime_accuracy_of_an_empty_curve_is_not_measured():
    assert math.isnan(metrics.anytime_accuracy([], budget=20, chance=0.1))


@pytest.mark.parametrize("matrix", [np.ones((2, 3)), np.ones(3), np.ones((0, 0))])
def test_only_square_matrices_are_accepted(matrix):
    with pytest.raises(ValueError, match="square matrices"):
        metrics.average_accuracy(matrix)


def test_percent_is_refused():
    with pytest.raises(ValueError, match="fractions"):
        metrics.average_accuracy(np.array([[98.0]]))


def test_plasticity_is_the_accuracy_just_after_learning():
    assert metrics.plasticity(R) == pytest.approx((0.9 + 0.8 + 0.7) / 3)


def test_stability_is_what_the_past_keeps_at_the_end():
    assert metrics.stability(R) == pytest.approx((0.5 + 0.4) / 2)
    assert math.isnan(metrics.stability(np.array([[0.9]])))


@given(fractions)
def test_stability_less_plasticity_of_the_past_is_backward_transfer(matrix):
    before_last = matrix[:-1, :-1]
    gap = metrics.stability(matrix) - metrics.plasticity(before_last)
    assert gap == pytest.approx(metrics.backward_transfer(matrix))


def test_forgetting_by_experience_by_hand():
    assert metrics.forgetting_by_experience(R)[:2] == pytest.approx([0.9 - 0.5, 0.8 - 0.4])
    assert math.isnan(metrics.forgetting_by_experience(R)[2])
    assert np.isnan(metrics.forgetting_by_experience(JOINT)).all()


def test_luck_before_an_experience_was_learned_is_no_forgetting():
    lucky = np.array([[0.9, 0.99, 0.1], [0.9, 0.8, 0.1], [0.9, 0.8, 0.7]])
    assert metrics.forgetting_by_experience(lucky)[:2] == pytest.approx([0, 0])


@pytest.fixture(scope="module")
def run_beside_avalanche():
    """Avalanche's own metrics and our matrix of one run, and the accuracies before training."""
    benchmark = toy_benchmark("domain", experiences=4)
    own = (forgetting_metrics, bwt_metrics, forward_transfer_metrics)
    evaluator = EvaluationPlugin(
        accuracy_metrics(experience=True, stream=True),
        *(metric(experience=True, stream=True) for metric in own),
        loggers=[],
    )
    strategy = toy_strategy("naive", benchmark, epochs=2, seed=2, evaluator=evaluator)
    strategy.eval_every = 0  # forward transfer asserts that there is an evaluation before training
    strategy.eval(benchmark.test)
    before = scores(copy.deepcopy(strategy), benchmark).accuracy
    matrix, found = [], []
    for experience in benchmark.train:
        strategy.train(experience)
        found.append(strategy.eval(benchmark.test))
        matrix.append(scores(copy.deepcopy(strategy), benchmark).accuracy)
    assert len(np.unique(matrix)) > 4  # or equal metrics would prove little
    return np.array(matrix), found, before


def avalanches(found, name, end=""):
    """The one metric of this name; `name/…/Exp00j` may name a task between."""
    [value] = [v for key, v in found.items() if key.startswith(name) and key.endswith(end)]
    return value


def test_every_entry_of_the_matrix_is_avalanches_accuracy(run_beside_avalanche):
    matrix, found, _ = run_beside_avalanche
    theirs = [[avalanches(row, "Top1_Acc_Exp", f"Exp00{j}") for j in range(4)] for row in found]
    assert matrix == pytest.approx(np.array(theirs))
    assert metrics.plasticity(matrix) == pytest.approx(np.diag(theirs).mean())


def test_final_average_and_transfer_are_avalanches_on_the_same_run(run_beside_avalanche):
    matrix, found, before = run_beside_avalanche
    final = found[-1]
    # experiences of one size, so that its mean over samples is ours over experiences
    assert metrics.average_accuracy(matrix) == pytest.approx(avalanches(final, "Top1_Acc_Stream"))
    assert metrics.backward_transfer(matrix) == pytest.approx(avalanches(final, "StreamBWT"))
    # Avalanche subtracts what the untrained network knew, ours the accuracy of chance
    untrained = float(np.mean(before[1:]))
    theirs = avalanches(final, "StreamForwardTransfer")
    assert metrics.forward_transfer(matrix, chance=untrained) == pytest.approx(theirs)


def test_avalanches_forgetting_counts_from_learning_and_ours_from_the_best(run_beside_avalanche):
    matrix, found, _ = run_beside_avalanche
    theirs = avalanches(found[-1], "StreamForgetting")
    assert theirs == pytest.approx(-metrics.backward_transfer(matrix))
    assert metrics.forgetting(matrix) >= theirs - 1e-9


def test_the_near_future_is_the_entry_after_the_diagonal():
    R = np.array([[0.9, 0.4, 0.1], [0.8, 0.9, 0.6], [0.7, 0.8, 0.9]])
    assert metrics.near_future_accuracy(R) == pytest.approx(0.5)
    assert math.isnan(metrics.near_future_accuracy(R[:1, :1]))


def test_a_mean_change_leaves_the_first_experience_out():
    assert metrics.mean_change([0.7, 0.1, 0.3]) == pytest.approx(0.2)
    assert math.isnan(metrics.mean_change([0.7]))
