"""Days come in order, and labels after the answers."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
import torch

from bench.data.estimates import BINS
from bench.data.nights import nights_of
from bench.data.rows import Rows
from bench.data.tables import table_of
from bench.runner.desk import Desk


@pytest.fixture
def opened():
    made = []

    def open_desk(hindsight: bool = False):
        generator = np.random.default_rng(0)
        labels = generator.integers(0, 2, 24)
        rows = Rows(generator.normal(size=(24, 2)), labels, np.arange(24) // 6)
        days = nights_of(table_of(rows), 0).days
        desk = Desk(days, classes=2, hindsight=hindsight)
        days.forget_labels()
        days.forget_days(examined_elsewhere=True)
        made.append(desk)
        return desk, days, torch.from_numpy(labels)

    yield open_desk
    for desk in made:
        desk.close()


def answering(labels: torch.Tensor) -> np.ndarray:
    return np.eye(2)[labels.numpy()]


def test_inputs_come_first_and_labels_once_the_day_is_answered(opened):
    desk, days, labels = opened()
    desk.open(0)
    assert days.seen.images[:6].any()
    assert not days.seen.images[6:].any()
    desk.close_day(0, None)
    assert torch.equal(days.seen.labels[days.kept[0]], labels[days.kept[0]])
    held = sorted(set(range(6)) - set(days.kept[0].tolist()))
    assert not days.seen.labels[held].any()
    desk.open(1)
    assert not days.seen.labels[6:].any()
    desk.close_day(1, answering(labels[6:12]))
    assert torch.equal(days.seen.labels[days.kept[1]], labels[days.kept[1]])


def test_the_marks_are_the_shares_of_right_answers_from_the_second_day_on(opened):
    desk, _, labels = opened()
    for day, right in enumerate([0, 6, 3, 0]):
        desk.open(day)
        own = labels[6 * day : 6 * day + 6].clone()
        own[right:] = 1 - own[right:]
        desk.close_day(day, answering(own) if day else None)
    marks = desk.marks()
    assert marks.accuracy == [1.0, 0.5, 0.0]
    assert marks.losses is None
    assert set(marks.floors) == {
        "majority",
        "majority of the place",
        "day before",
        "last label",
    }


@pytest.mark.parametrize(
    ("move", "message"),
    [
        (lambda desk: desk.open(2), "day 1 must be answered before day 2 begins"),
        (lambda desk: desk.open(0), "must be answered before day 0 begins"),
        (lambda desk: desk.close_day(1, None), "day 1 must be answered before its labels are told"),
        (lambda desk: desk.close_day(1, np.zeros((5, 2))), r"answers must be 6 rows .* \(5, 2\)"),
        (lambda desk: desk.close_day(1, np.zeros((6, 1))), r"at least 2 logits, got \(6, 1\)"),
        (lambda desk: desk.close_day(2, np.zeros((6, 2))), "day 2 must be opened first"),
        (lambda desk: desk.close_day(-1, np.zeros((6, 2))), "day -1 must be opened first"),
        (lambda desk: desk._ask(["close", 0.5]), "day 0.5 must be opened first"),
        (lambda desk: desk.close_day(0, np.zeros((6, 2))), "day 0 is answered once"),
        (lambda desk: desk.marks(), "every day must be answered before the marks are told"),
    ],
)
def test_nothing_is_told_out_of_order(opened, move, message):
    desk, days, _ = opened()
    desk.open(0)
    desk.close_day(0, None)
    desk.open(1)
    with pytest.raises(ValueError, match=message):
        move(desk)
    assert not days.seen.labels[6:].any()


def test_a_day_is_answered_once(opened):
    desk, _, labels = opened()
    desk.open(0)
    desk.close_day(0, None)
    desk.open(1)
    desk.close_day(1, np.zeros((6, 2)))
    with pytest.raises(ValueError, match="day 1 is answered once"):
        desk.close_day(1, answering(labels[6:12]))


def test_an_upper_bound_has_all_labels_first(opened):
    desk, days, labels = opened(hindsight=True)
    for day in range(4):
        desk.open(day)
        desk.close_day(day, None)
    kept = torch.cat(list(days.kept))
    assert torch.equal(days.seen.labels[kept], labels[kept])
    for day in range(1, 4):
        desk.close_day(day, answering(labels[6 * day : 6 * day + 6]))
    assert desk.marks().accuracy == [1.0, 1.0, 1.0]


def test_estimates_are_marked_by_their_losses_and_numbers_are_kept_here_alone():
    generator = np.random.default_rng(0)
    values = generator.normal(size=24)
    rows = Rows(generator.normal(size=(24, 2)), values, np.arange(24) // 6)
    days = nights_of(table_of(rows), 0).days
    estimates = days.estimates
    places = estimates.places.copy()
    with closing(Desk(days, classes=BINS, hindsight=False)) as desk:
        days.forget_labels()
        days.forget_days(examined_elsewhere=True)
        assert not estimates.values.any()
        assert not estimates.places.any()
        told = np.full((6, BINS), -np.inf)
        told[:, 7] = 0.0
        for day in range(4):
            desk.open(day)
            desk.close_day(day, told if day else None)
        losses = desk.marks().losses
    expected = [np.abs(places[day, 7] - values[6 * day : 6 * day + 6]).mean() for day in (1, 2, 3)]
    np.testing.assert_allclose(losses.by_day, expected)
    assert set(losses.floors) == {"value of the day before", "last value", "median"}


def test_a_desk_that_is_gone_is_told(opened):
    desk, _, _ = opened()
    desk._process.kill()
    desk._process.join()
    with pytest.raises(RuntimeError, match="the process that brings the days is gone"):
        desk.open(0)
