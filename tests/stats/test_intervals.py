"""Five values: the studentised bootstrap over all 3125 resamples, none of them drawn."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

from bench.stats import intervals

VALUES = [0.91, 0.9, 0.93, 0.71, 0.88]


def reference(values, level=0.95):
    """The interval written out: every one of the n^n resamples, one after the other."""
    data, n = np.array(values), len(values)
    mean, error = data.mean(), data.std(ddof=1) / n**0.5
    statistics = []
    for one in product(values, repeat=n):
        if len(set(one)) > 1:
            again = np.array(one)
            statistics.append((again.mean() - mean) / (again.std(ddof=1) / n**0.5))
    low, high = np.quantile(statistics, [(1 - level) / 2, (1 + level) / 2])
    half = stats.t.ppf((1 + level) / 2, n - 1)
    below, above = (min(max(half, (half + end) / 2), 1.5 * half) for end in (high, -low))
    return mean - below * error, mean + above * error


@pytest.mark.parametrize("values", [VALUES, [1, 2, 3, 4, 5], [0, 0, 0, 0, 1], [3, 3, 1, 1, 2]])
def test_the_interval_of_five_values_counts_every_resample(values):
    found = intervals.mean_interval(values)
    assert (found.low, found.high) == pytest.approx(reference(values), rel=1e-9)


def test_the_resamples_of_five_are_126_that_stand_for_3125():
    drawn, orders = intervals._all_resamples(5)
    assert drawn.shape == (5, 126)
    assert orders.sum() == 5**5
    assert orders.max() == 120  # each value once


def test_five_values_need_no_random_numbers_and_have_no_order():
    found = intervals.mean_interval(VALUES)
    for order in permutations(VALUES):
        assert intervals.mean_interval(order, rng=np.random.default_rng(1)) == found


def test_more_values_draw_their_resamples():
    values = [0.91, 0.85, 0.93, 0.71, 0.88, 0.8, 0.97, 0.78]
    one, other = (intervals.mean_interval(values, rng=np.random.default_rng(i)) for i in (0, 1))
    assert one != other
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.02)
