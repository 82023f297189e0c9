"""Statistics against values worked out by hand, and coverage by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.stats import hypothesis_tests, intervals, pareto

BOUNDS = {"chance": 0.1, "joint": 0.9}
points = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=8)


def rng(seed=0):
    return np.random.default_rng(seed)


SHAPES = {
    "normal": (lambda draw, n: draw.normal(size=n), 0),
    "uniform": (lambda draw, n: draw.random(n), 0.5),
    "accuracies that crowd below 1": (lambda draw, n: draw.beta(20, 2, n), 20 / 22),
    "accuracies around 80 %": (lambda draw, n: draw.beta(8, 2, n), 0.8),
    "few weights": (lambda draw, n: draw.beta(2, 20, n), 2 / 22),
    "heavy tails": (lambda draw, n: draw.standard_t(3, n), 0),
    "lognormal": (lambda draw, n: np.exp(0.3 * draw.normal(size=n)), math.exp(0.045)),
}


def coverage(shape, seeds, interval, cases=1500):
    """Share of cases in which the interval of `seeds` values holds the mean of their shape."""
    sample, mean = SHAPES[shape]
    draw = rng(7)
    covered = 0
    for _ in range(cases):
        found = interval(sample(draw, seeds), draw)
        covered += found.low <= mean <= found.high
    return covered / cases


def ours(values, draw):
    return intervals.mean_interval(values, rng=draw)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_interval_covers_the_mean_at_five_seeds_in_94_to_98_percent_of_cases(shape):
    assert 0.935 <= coverage(shape, 5, ours, cases=3000) <= 0.98


@pytest.mark.parametrize("seeds", [3, 4, 7, 10])
@pytest.mark.parametrize("shape", ["normal", "accuracies that crowd below 1"])
def test_the_interval_holds_its_coverage_from_three_to_ten_seeds(shape, seeds):
    least = 0.93 if seeds >= intervals.STUDENTISED_FROM else 0.91
    assert least <= coverage(shape, seeds, ours, cases=1000) <= 0.98


def test_the_plain_percentile_bootstrap_does_not_hold_it():
    def percentile(values, draw):
        means = values[draw.integers(0, len(values), (400, len(values)))].mean(axis=1)
        return intervals.Interval(0, *np.quantile(means, [0.025, 0.975]))

    assert coverage("normal", 5, percentile, cases=1000) < 0.87


def test_one_seed_that_differs_does_not_make_the_interval_narrower_than_students():
    found = intervals.mean_interval([0.9, 0.9, 0.9, 0.9, 0.5], rng=rng())
    half = 2.776 * 0.08  # t with 4 degrees of freedom; standard error of the mean
    assert found.low <= 0.82 - half + 1e-4
    assert found.high >= 0.82 + half - 1e-4


def test_the_interval_is_seeded_and_holds_the_mean():
    values = [0.1, 0.4, 0.2, 0.9, 0.3]
    first, again = (intervals.mean_interval(values, rng=rng()) for _ in range(2))
    assert first == again
    assert first.low < first.mean < first.high
    assert first.mean == pytest.approx(0.38)


def test_one_value_has_a_mean_and_no_interval():
    interval = intervals.mean_interval([0.7], rng=rng())
    assert interval.mean == 0.7
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_what_was_not_measured_has_no_mean():
    assert math.isnan(intervals.mean_interval([0.5, math.nan] * 3, rng=rng()).mean)


def test_equal_values_have_an_interval_of_no_width():
    assert intervals.mean_interval([0.5] * 5, rng=rng()) == intervals.Interval(0.5, 0.5, 0.5)


def test_the_ends_are_cut_to_what_can_be_and_the_mean_stays():
    values = [0.9, 1.0, 1.0, 1.0, 0.6]
    free, cut = intervals.mean_interval(values), intervals.mean_interval(values, within=(0.85, 1))
    assert free.low < 0.85
    assert free.high > 1
    assert cut == intervals.Interval(free.mean, 0.85, 1.0)
    assert intervals.mean_interval(values, rng=intervals.generator()) == free


def test_five_pairs_of_one_sign_have_the_smallest_p_of_all_their_32_flips():
    better = [0.9, 0.8, 0.7, 0.9, 0.8]
    p = hypothesis_tests.paired_sign_flip(better, [value - 0.1 for value in better], rng=rng())
    assert p == 2 / 32


def test_three_differences_1_2_minus_3_are_exceeded_by_all_flips():
    assert hypothesis_tests.paired_sign_flip([1, 2, 0], [0, 0, 3], rng=rng()) == 1


def test_differences_1_1_1_minus_1_by_hand():
    # sums of 4 signs: |sum| >= 2 in all of 16 flips but the 6 that cancel
    assert hypothesis_tests.paired_sign_flip(
        [1, 1, 1, 0], [0, 0, 0, 1], rng=rng()
    ) == pytest.approx(10 / 16)


def test_equal_pairs_and_too_few_pairs_are_never_separated():
    assert hypothesis_tests.paired_sign_flip([0.5] * 6, [0.5] * 6, rng=rng()) == 1
    assert hypothesis_tests.paired_sign_flip([0.9], [0.1], rng=rng()) == 1


def test_many_pairs_are_tested_by_random_flips():
    draw = rng(3)
    noise = draw.normal(size=30)
    assert hypothesis_tests.paired_sign_flip(noise + 2, [0.0] * 30, rng=rng()) == 1 / (
        1 + hypothesis_tests.FLIPS
    )
    # twenty differences of one, five of them negative: P(|sum of 20 signs| >= 10) by the binomial
    ones = [1.0] * 15 + [-1.0] * 5
    exact = 2 * sum(math.comb(20, k) for k in range(6)) / 2**20
    assert hypothesis_tests.paired_sign_flip(ones, [0.0] * 20, rng=rng()) == pytest.approx(
        exact, abs=0.007
    )


def test_pairs_must_match():
    with pytest.raises(ValueError, match="got 2 and 1"):
        hypothesis_tests.paired_sign_flip([1, 2], [1], rng=rng())


def test_holm_by_hand():
    assert hypothesis_tests.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert hypothesis_tests.holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_only_raises_and_keeps_the_order(p_values):
    adjusted = hypothesis_tests.holm(p_values)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    by_p = [a for _, a in sorted(zip(p_values, adjusted, strict=True))]
    assert by_p == sorted(by_p)


def test_non_domination_ranks_by_hand():
    weights, accuracy = [0.1, 0.5, 0.5, 1.0, 0.1], [0.6, 0.9, 0.6, 0.5, 0.6]
    assert pareto.non_domination_ranks(weights, accuracy) == [1, 1, 2, 3, 1]
    assert pareto.pareto_front(weights, accuracy) == [True, True, False, False, True]


def test_hypervolume_of_the_corners_and_of_the_middle():
    assert pareto.hypervolume([(1e-3, 0.9)], **BOUNDS) == pytest.approx(1)
    assert pareto.hypervolume([(1.0, 0.1)], **BOUNDS) == pytest.approx(pareto.WORST_HYPERVOLUME)
    assert pytest.approx(0.00826, abs=1e-5) == pareto.WORST_HYPERVOLUME
    # 10^-1.5 of the weights is cost 0.5, half way from chance to joint is gain 0.5
    middle = pareto.hypervolume([(10**-1.5, 0.5)], **BOUNDS)
    assert middle == pytest.approx(0.6 * 0.6 / 1.21)


def test_hypervolume_of_two_points_counts_what_they_share_once():
    small, good = (1e-3, 0.5), (1.0, 0.9)  # (cost 0, gain 0.5) and (cost 1, gain 1)
    expected = (1.1 * 0.6 + 0.1 * 0.5) / 1.21
    assert pareto.hypervolume([good, small], **BOUNDS) == pytest.approx(expected)


@given(points, points)
def test_more_points_never_make_the_hypervolume_smaller(some, more):
    together = pareto.hypervolume(some + more, **BOUNDS)
    assert together >= pareto.hypervolume(some, **BOUNDS) - 1e-12
    assert 0 <= together <= 1 + 1e-12


@given(points, st.floats(0, 1), st.floats(0, 1))
def test_a_front_that_is_dominated_never_has_the_larger_hypervolume(front, heavier, worse):
    dominated = [(min(1, w + heavier), max(0, a - worse)) for w, a in front]
    assert pareto.hypervolume(dominated, **BOUNDS) <= pareto.hypervolume(front, **BOUNDS) + 1e-12


@given(points)
def test_points_behind_the_front_add_nothing(some):
    on_front = pareto.pareto_front([w for w, _ in some], [a for _, a in some])
    front = [point for point, keep in zip(some, on_front, strict=True) if keep]
    assert pareto.hypervolume(front, **BOUNDS) == pytest.approx(pareto.hypervolume(some, **BOUNDS))


def test_hypervolume_needs_room_between_chance_and_joint():
    with pytest.raises(ValueError, match="joint must be above chance"):
        pareto.hypervolume([(1.0, 0.5)], chance=0.5, joint=0.5)


def test_attainment_is_a_step_and_interpolates_nothing():
    front = [(0.1, 0.5), (0.5, 0.9), (0.2, 0.4)]
    assert pareto.attainment(front, 0.1) == 0.5
    assert pareto.attainment(front, 0.49) == 0.5
    assert pareto.attainment(front, 0.5) == 0.9
    assert math.isnan(pareto.attainment(front, 0.09))


def test_weights_needed_is_the_least_share_that_is_accurate_enough():
    front = [(0.1, 0.5), (0.5, 0.9), (0.7, 0.9)]
    assert pareto.weights_needed(front, 0.5) == 0.1
    assert pareto.weights_needed(front, 0.51) == 0.5
    assert math.isnan(pareto.weights_needed(front, 0.91))


@given(points, st.floats(0, 1))
def test_weights_needed_and_attainment_are_inverse_steps(some, accuracy):
    needed = pareto.weights_needed(some, accuracy)
    if not math.isnan(needed):
        assert pareto.attainment(some, needed) >= accuracy


def test_probability_of_improvement_by_hand():
    # 3 > 1, 3 > 2, 2 > 1 and 2 = 2 of the four pairs
    assert hypothesis_tests.probability_of_improvement([2, 3], [1, 2]) == pytest.approx(3.5 / 4)
    assert hypothesis_tests.probability_of_improvement([1], [2]) == 0
    assert math.isnan(hypothesis_tests.probability_of_improvement([], [2]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.lists(st.floats(0, 1), min_size=1))
def test_one_of_two_is_better_or_they_are_equal(first, second):
    there = hypothesis_tests.probability_of_improvement(first, second)
    assert there + hypothesis_tests.probability_of_improvement(second, first) == pytest.approx(1)


def test_who_is_always_on_the_front_has_probability_one():
    weights = [[0.1] * 5, [0.5] * 5, [0.5] * 5]
    accuracy = [[0.5] * 5, [0.9] * 5, [0.4] * 5]
    assert pareto.front_probabilities(weights, accuracy, rng=rng()) == [1, 1, 0]


def test_two_equal_entries_are_on_the_front_together():
    found = pareto.front_probabilities([[0.1, 0.2, 0.3]] * 2, [[0.5, 0.7, 0.9]] * 2, rng=rng())
    assert found == [1, 1]


def test_a_coin_decides_who_of_two_is_on_the_front():
    # the first has the mean of three fair draws from 0 and 1, the second always 0.5
    accuracy = [[0.0, 1.0, 0.0, 1.0], [0.5] * 4]
    first, second = pareto.front_probabilities([[1.0] * 4] * 2, accuracy, rng=rng())
    # of four draws six in sixteen are two ones: then both are on
    assert first == pytest.approx(11 / 16, abs=0.03)
    assert second == pytest.approx(11 / 16, abs=0.03)


few = st.lists(
    st.lists(st.tuples(st.sampled_from([0.1, 0.2, 1.0]), st.sampled_from([0.3, 0.6, 0.9])),
             min_size=1, max_size=3),
    min_size=1, max_size=5,
)  # fmt: skip


@given(few)
def test_entries_without_spread_are_on_the_front_as_the_layers_say(entries):
    points = [entry[0] for entry in entries]
    found = pareto.front_probabilities(
        [[w] * 3 for w, _ in points], [[a] * 3 for _, a in points], rng=rng()
    )
    assert found == list(map(float, pareto.pareto_front(*zip(*points, strict=True))))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12))
def test_kendalls_tau_is_that_of_scipy_with_its_ties(pairs):
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    theirs = stats.kendalltau(first, second).statistic if len(pairs) > 1 else math.nan
    assert hypothesis_tests.kendall_tau(first, second) == pytest.approx(theirs, nan_ok=True)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.floats(0.5, 1))
def test_the_ends_of_resamples_are_the_quantiles_of_numpy(values, upper):
    theirs = np.quantile(values, [1 - upper, upper])
    assert intervals._ends(np.array(values), upper) == pytest.approx(theirs, abs=1e-12)
