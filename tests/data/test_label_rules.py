"""Rules that see labels and no inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.label_rules import floors_by_day, floors_of_next

days_of_labels = st.lists(
    st.lists(st.integers(0, 2), min_size=1, max_size=5), min_size=2, max_size=8
)


@given(days_of_labels)
def test_rules_without_inputs_know_the_days_before_alone(days):
    found = floors_by_day([np.array(day) for day in days], classes=3)
    right = dict.fromkeys(found, 0)
    for number in range(1, len(days)):
        past = [label for day in days[:number] for label in day]
        most = max(range(3), key=lambda label: (past.count(label), -label))
        for place, label in enumerate(days[number]):
            here = [day[place] for day in days[:number] if place < len(day)]
            often = max(range(3), key=lambda k: (here.count(k), -k)) if here else most
            before = days[number - 1]
            right["majority"] += most == label
            right["majority of the place"] += often == label
            right["day before"] += before[min(place, len(before) - 1)] == label
            right["last label"] += before[-1] == label
    asked = sum(map(len, days[1:]))
    assert found == {name: count / asked for name, count in right.items()}


def test_on_the_next_experience_a_rule_answers_with_one_label_of_those_before():
    trained = [np.array(own) for own in ([0, 0, 0, 1], [1, 1, 2], [2, 2, 0])]
    tested = [np.array(own) for own in ([0, 1], [0, 1, 1, 2], [1, 1, 1, 0])]
    assert floors_of_next(trained, tested) == {
        "majority": pytest.approx((1 / 4 + 1 / 4) / 2),  # 0 both times, the smallest of two
        "experience before": pytest.approx((1 / 4 + 3 / 4) / 2),  # 0, then 1
    }


def test_a_single_experience_has_no_next_one():
    assert floors_of_next([np.array([0, 1])], [np.array([0])]) == {}
