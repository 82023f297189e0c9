"""Statistics against values worked out by hand, and coverage by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import stats

BOUNDS = {"chance": 0.1, "joint": 0.9}
points = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=8)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_interval_covers_the_mean_of_normal_data_in_95_percent_of_cases(seeds):
    draw = rng(1)
    covered = 0
    for _ in range(1000):
        interval = stats.mean_interval(draw.normal(size=seeds), rng=draw)
        covered += interval.low <= 0 <= interval.high
    assert 0.93 <= covered / 1000 <= 0.97


def test_the_interval_is_seeded_and_holds_the_mean():
    values = [0.1, 0.4, 0.2, 0.9, 0.3]
    first, again = (stats.mean_interval(values, rng=rng()) for _ in range(2))
    assert first == again
    assert first.low < first.mean < first.high
    assert first.mean == pytest.approx(0.38)


def test_one_value_has_a_mean_and_no_interval():
    interval = stats.mean_interval([0.7], rng=rng())
    assert interval.mean == 0.7
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_equal_values_have_an_interval_of_no_width():
    assert stats.mean_interval([0.5] * 5, rng=rng()) == stats.Interval(0.5, 0.5, 0.5)


def test_five_pairs_of_one_sign_have_the_smallest_p_of_all_their_32_flips():
    better = [0.9, 0.8, 0.7, 0.9, 0.8]
    p = stats.paired_sign_flip(better, [value - 0.1 for value in better], rng=rng())
    assert p == 2 / 32


def test_three_differences_1_2_minus_3_are_exceeded_by_all_flips():
    assert stats.paired_sign_flip([1, 2, 0], [0, 0, 3], rng=rng()) == 1


def test_differences_1_1_1_minus_1_by_hand():
    # sums of 4 signs: |sum| >= 2 in all of 16 flips but the 6 that cancel
    assert stats.paired_sign_flip([1, 1, 1, 0], [0, 0, 0, 1], rng=rng()) == pytest.approx(10 / 16)


def test_equal_pairs_and_too_few_pairs_are_never_separated():
    assert stats.paired_sign_flip([0.5] * 6, [0.5] * 6, rng=rng()) == 1
    assert stats.paired_sign_flip([0.9], [0.1], rng=rng()) == 1


def test_pairs_must_match():
    with pytest.raises(ValueError, match="got 2 and 1"):
        stats.paired_sign_flip([1, 2], [1], rng=rng())


def test_holm_by_hand():
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_only_raises_and_keeps_the_order(p_values):
    adjusted = stats.holm(p_values)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    by_p = [a for _, a in sorted(zip(p_values, adjusted, strict=True))]
    assert by_p == sorted(by_p)


def test_nine_comparisons_need_nine_seeds():
    assert stats.seeds_to_separate(9, alpha=0.05) == 9
    assert 9 * 2 ** (1 - 9) <= 0.05 < 9 * 2 ** (1 - 8)


def test_non_domination_ranks_by_hand():
    weights, accuracy = [0.1, 0.5, 0.5, 1.0, 0.1], [0.6, 0.9, 0.6, 0.5, 0.6]
    assert stats.non_domination_ranks(weights, accuracy) == [1, 1, 2, 3, 1]
    assert stats.pareto_front(weights, accuracy) == [True, True, False, False, True]


def test_hypervolume_of_the_corners_and_of_the_middle():
    assert stats.hypervolume([(1e-3, 0.9)], **BOUNDS) == pytest.approx(1)
    assert stats.hypervolume([(1.0, 0.1)], **BOUNDS) == pytest.approx(stats.WORST_HYPERVOLUME)
    assert pytest.approx(0.00826, abs=1e-5) == stats.WORST_HYPERVOLUME
    # 10^-1.5 of the weights is cost 0.5, half way from chance to joint is gain 0.5
    middle = stats.hypervolume([(10**-1.5, 0.5)], **BOUNDS)
    assert middle == pytest.approx(0.6 * 0.6 / 1.21)


def test_hypervolume_of_two_points_counts_what_they_share_once():
    small, good = (1e-3, 0.5), (1.0, 0.9)  # (cost 0, gain 0.5) and (cost 1, gain 1)
    expected = (1.1 * 0.6 + 0.1 * 0.5) / 1.21
    assert stats.hypervolume([good, small], **BOUNDS) == pytest.approx(expected)


@given(points, points)
def test_more_points_never_make_the_hypervolume_smaller(some, more):
    together = stats.hypervolume(some + more, **BOUNDS)
    assert together >= stats.hypervolume(some, **BOUNDS) - 1e-12
    assert 0 <= together <= 1 + 1e-12


@given(points, st.floats(0, 1), st.floats(0, 1))
def test_a_front_that_is_dominated_never_has_the_larger_hypervolume(front, heavier, worse):
    dominated = [(min(1, w + heavier), max(0, a - worse)) for w, a in front]
    assert stats.hypervolume(dominated, **BOUNDS) <= stats.hypervolume(front, **BOUNDS) + 1e-12


@given(points)
def test_points_behind_the_front_add_nothing(some):
    on_front = stats.pareto_front([w for w, _ in some], [a for _, a in some])
    front = [point for point, keep in zip(some, on_front, strict=True) if keep]
    assert stats.hypervolume(front, **BOUNDS) == pytest.approx(stats.hypervolume(some, **BOUNDS))


def test_hypervolume_needs_room_between_chance_and_joint():
    with pytest.raises(ValueError, match="joint must be above chance"):
        stats.hypervolume([(1.0, 0.5)], chance=0.5, joint=0.5)


def test_attainment_is_a_step_and_interpolates_nothing():
    front = [(0.1, 0.5), (0.5, 0.9), (0.2, 0.4)]
    assert stats.attainment(front, 0.1) == 0.5
    assert stats.attainment(front, 0.49) == 0.5
    assert stats.attainment(front, 0.5) == 0.9
    assert math.isnan(stats.attainment(front, 0.09))
