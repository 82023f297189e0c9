"""Names that stand beside their points."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.transforms import Bbox

from bench.formatting.label_places import Surroundings, beside, column

POINTS = st.lists(st.tuples(st.floats(10, 290), st.floats(10, 290)), max_size=8)


def around(points):
    discs = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in points]
    return Surroundings(discs, [], Bbox([(0, 0), (300, 300)]), 6)


@settings(max_examples=15, deadline=None)
@given(POINTS)
def test_a_name_covers_no_name_and_no_point(points):
    surroundings = around(points)
    found = beside(points, [(60, 10)] * len(points), surroundings)
    boxes = [place.box for place in found if place is not None]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for box in boxes:
        assert not box.count_overlaps(surroundings.taken)
        assert 0 <= box.x0 < box.x1 <= 300
        assert 0 <= box.y0 < box.y1 <= 300


def test_a_lone_name_stands_at_the_right_of_its_point_and_at_the_left_if_that_is_the_edge():
    [place] = beside([(100, 100)], [(60, 10)], around([(100, 100)]))
    assert place.box.bounds == pytest.approx((106, 95, 60, 10))
    [place] = beside([(280, 100)], [(60, 10)], around([(280, 100)]))
    assert place.box.bounds == pytest.approx((214, 95, 60, 10))


def test_what_has_no_room_finds_no_place():
    assert beside([(100, 100)], [(400, 10)], around([(100, 100)])) == [None]


def test_names_of_a_column_stand_where_they_should_or_next_to_each_other():
    assert column([10, 10, 10], [20, 50, 80], (0, 100)) == pytest.approx([20, 50, 80])
    assert column([10, 10, 10], [50, 50, 50], (0, 100)) == pytest.approx([40, 50, 60])
    assert column([10, 20], [-5, 0], (0, 100)) == pytest.approx([5, 20])
    assert column([], [], (0, 100)) == []


@given(st.lists(st.floats(-50, 150), min_size=1, max_size=10))
def test_names_of_a_column_keep_their_order_and_distance(wanted):
    middles = column([10] * len(wanted), sorted(wanted), (0, 100))
    assert np.diff(middles).min(initial=10) >= 10 - 1e-6
    assert middles[0] >= 5 - 1e-6
    assert middles[-1] <= 95 + 1e-6
