"""Analyses of claims, exact where the answer is known and by coverage where it is not."""

import math

import numpy as np
import pytest

from bench.papers.ball2020 import analyses


def rng():
    return np.random.default_rng(0)


class TestExtremes:
    def test_seeds_that_agree_leave_no_doubt(self):
        errors = np.tile([0.05, 0.03, 0.04], (5, 1))
        found = analyses.extremes(errors, rng=rng())
        assert (found.best, found.worst) == (1, 0)
        assert found.ratio.mean == pytest.approx(5 / 3)
        assert (found.ratio.low, found.ratio.high) == pytest.approx((5 / 3, 5 / 3))
        assert found.p_pair == 2 / 2**5
        assert found.p_any < 0.01

    def test_one_seed_has_a_ratio_and_no_interval(self):
        found = analyses.extremes(np.array([[0.04, 0.02]]), rng=rng())
        assert found.ratio.mean == pytest.approx(2)
        assert math.isnan(found.ratio.low)
        assert (found.p_pair, found.p_any) == (1, 1)

    def test_settings_without_a_difference_are_told_apart_no_more_often_than_they_may(self):
        draw = np.random.default_rng(1)
        told = [
            analyses.settings_differ(draw.uniform(0.02, 0.04, (5, 6)), rng=rng()) for _ in range(60)
        ]
        assert sum(p <= 0.05 for p in told) <= 7  # 60 draws at 5 %: more than 7 in 1 of 100 cases

    def test_the_unpaid_pair_is_told_apart_too_often_which_is_why_both_are_printed(self):
        draw = np.random.default_rng(1)
        found = [analyses.extremes(draw.uniform(0.02, 0.04, (8, 6)), rng=rng()) for _ in range(40)]
        assert sum(one.p_pair <= 0.05 for one in found) > 2 * sum(
            one.p_any <= 0.05 for one in found
        )

    def test_the_interval_of_the_ratio_covers_the_truth_though_the_pair_was_selected(self):
        draw, truth = np.random.default_rng(2), np.array([0.05, 0.04, 0.031, 0.03, 0.031, 0.034])
        covered = 0
        for _ in range(100):
            errors = truth * draw.normal(1, 0.05, (5, 6))
            found = analyses.extremes(errors, rng=draw).ratio
            covered += found.low <= truth.max() / truth.min() <= found.high
        assert covered >= 90


class TestMoves:
    def test_the_best_setting_of_seeds_that_agree_is_always_the_same(self):
        errors = np.tile([0.05, 0.03, 0.04], (4, 1))
        assert analyses.best_shares(errors, rng=rng()).tolist() == [0, 1, 0]

    def test_two_seeds_that_disagree_share_the_resamples(self):
        errors = np.array([[0.01, 0.02], [0.05, 0.02]])
        # drawn twice the first seed: column 0; mixed or twice the second: column 1
        first, second = analyses.best_shares(errors, rng=rng())
        assert first == pytest.approx(1 / 4, abs=0.03)
        assert first + second == 1

    def test_a_best_that_moves_up(self):
        low, high = np.tile([0.03, 0.05, 0.09], (5, 1)), np.tile([0.4, 0.3, 0.2], (5, 1))
        found = analyses.move(low, high, rng=rng())
        assert (found.lower, found.same, found.higher) == (0, 0, 1)
        assert found.p == 2 / math.comb(10, 5)

    def test_a_harder_task_of_the_same_shape_is_no_interaction(self):
        errors = np.tile([0.03, 0.05, 0.09], (5, 1))
        assert analyses.interaction(errors, 4 * errors, rng=rng()) == 1

    def test_many_seeds_are_dealt_at_random(self):
        up, down = np.tile([0.1, 0.2], (10, 1)), np.tile([0.2, 0.1], (10, 1))
        assert analyses.interaction(up, down, rng=rng()) < 0.001  # 2 of 184,756 splits


class TestExcess:
    def test_relative_to_the_best_of_the_settings(self):
        found = analyses.excess(np.full(5, 0.033), np.tile([0.05, 0.03], (5, 1)), rng=rng())
        assert (found.mean, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))

    def test_a_better_one_is_below_zero(self):
        found = analyses.excess(np.full(5, 0.015), np.tile([0.05, 0.03], (5, 1)), rng=rng())
        assert found.mean == pytest.approx(-0.5)


class TestMatchedRatio:
    def test_twice_the_weights_at_every_accuracy(self):
        cheap = [(100, 0.8), (200, 0.9), (400, 0.95)]
        dear = [(2 * weights, accuracy) for weights, accuracy in cheap]
        found = analyses.matched_ratio([dear] * 3, [cheap] * 3, rng=rng())
        assert (found.ratio.mean, found.ratio.low, found.at_best.mean) == pytest.approx((2, 2, 2))
        assert (found.low, found.high) == pytest.approx((0.8, 0.95))
        assert (found.seeds, found.of) == (3, 3)

    def test_log_weights_are_interpolated_over_accuracy(self):
        # matched from 0.85 to 0.9; at 0.85 the first is half way from 100 to 400: 200
        found = analyses.matched_ratio(
            [[(100, 0.8), (400, 0.9)]], [[(100, 0.85), (100 + 1e-9, 0.9)]], rng=rng()
        )
        assert found.at_best.mean == pytest.approx(4)
        assert found.ratio.mean == pytest.approx(math.sqrt(2 * 4))
        assert math.isnan(found.ratio.low)

    def test_without_a_common_accuracy_there_is_no_ratio(self):
        low, high = [(100, 0.5), (200, 0.6)], [(100, 0.7), (200, 0.8)]
        found = analyses.matched_ratio([low, low], [high, low], rng=rng())
        assert (found.seeds, found.of, found.ratio.mean) == (1, 2, pytest.approx(1))
        nothing = analyses.matched_ratio([low], [high], rng=rng())
        assert nothing.seeds == 0
        assert math.isnan(nothing.ratio.mean)

    def test_points_that_a_cheaper_one_reaches_are_not_on_the_envelope(self):
        points = [(400, 0.9), (100, 0.8), (200, 0.7), (100, 0.6), (300, 0.8)]
        assert analyses.envelope(points) == [(100, 0.8), (400, 0.9)]
