"""The size score by hand, and as the expectation over random caps that it is said to be."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats.score import collapsed, front_score, normalised_accuracy, size_score

BOUNDS = {"chance": 0.1, "joint": 0.9}
fractions = st.floats(0, 1)
sizes = st.floats(0, 100)
points = st.lists(st.tuples(fractions, sizes), max_size=6)


def expected_within_a_random_cap(some, smallest=0.01, largest=10.0, caps=20_000):
    """Mean, over caps drawn log-uniformly, of the best normalised accuracy within: midpoints."""
    log_caps = np.log(smallest) + (np.arange(caps) + 0.5) / caps * np.log(largest / smallest)
    best = np.zeros(caps)
    for accuracy, size in some:
        gain = min(max((accuracy - 0.1) / 0.8, 0), 1)
        best = np.maximum(best, np.where(max(size, smallest) <= np.exp(log_caps), gain, 0))
    return best.mean()


@pytest.mark.parametrize(
    ("accuracy", "size", "expected"),
    [
        (0.9, 1.0, 1 / 3),
        (0.9, 0.1, 2 / 3),
        (0.9, 0.01, 1),
        (0.9, 0.0, 1),
        (0.5, 1.0, 1 / 6),
        (1.0, 1.0, 1 / 3),
        (0.1, 0.01, 0),
        (0.0, 0.01, 0),
        (0.9, 10.0, 0),
        (0.9, math.inf, 0),
    ],
)
def test_size_score_by_hand(accuracy, size, expected):
    assert size_score(accuracy, size, **BOUNDS) == pytest.approx(expected)


@given(fractions, sizes)
def test_a_score_is_a_fraction(accuracy, size):
    assert 0 <= size_score(accuracy, size, **BOUNDS) <= 1


@given(fractions, sizes, fractions, sizes)
def test_more_accurate_and_smaller_never_scores_less(accuracy, size, loss, more):
    worse = size_score(max(accuracy - loss, 0), size + more, **BOUNDS)
    assert size_score(accuracy, size, **BOUNDS) >= worse


@given(fractions, sizes)
def test_the_score_is_the_expected_accuracy_within_a_random_cap(accuracy, size):
    integral = expected_within_a_random_cap([(accuracy, size)])
    assert size_score(accuracy, size, **BOUNDS) == pytest.approx(integral, abs=1e-4)


@given(points)
def test_the_front_score_is_that_of_the_best_point_within_each_cap(some):
    integral = expected_within_a_random_cap(some)
    assert front_score(some, **BOUNDS) == pytest.approx(integral, abs=5e-4)


@given(points)
def test_the_caps_may_have_another_range(some):
    integral = expected_within_a_random_cap(some, 0.001, 1.0)
    found = front_score(some, smallest=0.001, largest=1.0, **BOUNDS)
    assert found == pytest.approx(integral, abs=5e-4)


def test_the_front_score_of_two_points_by_hand():
    # from 1/10 on half of the gain, from the dense size on all of it: (1/3 * 1/2) + (1/3 * 1)
    assert front_score([(0.9, 1.0), (0.5, 0.1)], **BOUNDS) == pytest.approx(1 / 2)


@given(fractions, sizes)
def test_of_one_point_it_is_the_size_score(accuracy, size):
    one = size_score(accuracy, size, **BOUNDS)
    assert front_score([(accuracy, size)], **BOUNDS) == pytest.approx(one)


@given(points, points)
def test_a_further_point_never_lowers_the_front_score(some, more):
    together = front_score(some + more, **BOUNDS)
    assert 0 <= front_score(some, **BOUNDS) <= together + 1e-12 <= 1 + 1e-9


def test_no_point_scores_nothing():
    assert front_score([], **BOUNDS) == 0


def test_what_was_not_measured_has_no_score():
    assert math.isnan(normalised_accuracy(math.nan, **BOUNDS))
    assert math.isnan(size_score(math.nan, 1.0, **BOUNDS))
    assert math.isnan(size_score(0.5, math.nan, **BOUNDS))
    assert math.isnan(front_score([(0.5, 1.0), (0.9, math.nan)], **BOUNDS))


def test_bounds_sizes_and_ranges_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="joint must be above chance"):
        size_score(0.5, 1.0, chance=0.5, joint=0.5)
    with pytest.raises(ValueError, match="size must be at least 0, got -1"):
        size_score(0.5, -1.0, **BOUNDS)
    with pytest.raises(ValueError, match="smallest must be in"):
        size_score(0.5, 1.0, smallest=1.0, largest=1.0, **BOUNDS)


def test_collapsed_runs_are_below_half_of_the_median():
    assert collapsed([0.8, 0.82, 0.78, 0.3, 0.8]) == 1
    assert collapsed([0.8, 0.8, 0.8, 0.0, 0.39]) == 2
    assert collapsed([0.8, 0.8, 0.8, 0.4]) == 0  # half is not below half
    assert collapsed([0.8, math.nan, 0.8, 0.1]) == 1


def test_nothing_collapses_where_there_is_nothing():
    assert collapsed([]) == collapsed([math.nan]) == collapsed([0.0] * 9 + [1.0]) == 0


@given(st.lists(fractions, min_size=1))
def test_at_most_half_of_the_runs_have_collapsed(gains):
    assert collapsed(gains) <= len(gains) / 2
