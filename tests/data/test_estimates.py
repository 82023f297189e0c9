"""Numbers to be estimated, as classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.estimates import BINS, bins_of, estimated, losses_of_rules, middles

MOST = 5.0


def test_bins_are_equal_and_end_at_the_most():
    width = 2 * MOST / BINS
    np.testing.assert_allclose(np.diff(middles(MOST)), width)
    assert middles(MOST)[0] == pytest.approx(-MOST + width / 2)
    assert middles(MOST)[BINS // 2] == pytest.approx(0)
    ends = np.array([-MOST, 0, MOST], dtype=np.float32)
    assert bins_of(ends, MOST).tolist() == [0, BINS // 2, BINS - 1]


@given(st.floats(-MOST, MOST, width=32))
def test_a_number_is_within_half_a_bin_of_the_middle_of_its_own(value):
    [own] = bins_of(np.array([value], dtype=np.float32), MOST)
    assert abs(middles(MOST)[own] - value) <= MOST / BINS * 1.00001


def test_an_estimate_is_the_mean_weighed_by_probabilities():
    places = np.linspace(10, 20, BINS)
    logits = np.full((3, BINS + 2), -1e9)
    logits[0, 4] = 1e9
    logits[1, [0, BINS - 1]] = [np.log(3), 0]
    logits[2] = 0
    logits[:, BINS:] = 1e9  # stands for nothing
    np.testing.assert_allclose(estimated(logits, places), [places[4], 12.5, 15])


def test_rules_miss_by_what_is_counted_by_hand():
    found = losses_of_rules([np.array([1.0, 3.0]), np.array([2.0, 2.0, 8.0]), np.array([4.0])])
    assert found == {
        "value of the day before": ((1 + 1 + 5) / 3 + 2) / 2,  # 1, 3, 3 and 2
        "last value": ((1 + 1 + 5) / 3 + 4) / 2,  # 3 and 8
        "median": ((0 + 0 + 6) / 3 + 2) / 2,  # 2 and 2
    }
