"""Strategies over leaderboards: who counts, what pairs, and what the test separates."""

import pytest

from bench.ranking.across_benchmarks import agreements, counted, standings
from bench.ranking.rank import rank
from factories import as_stored, make_record, make_runs


def leaderboard(*groups):
    return rank(as_stored([record for group in groups for record in group]))


def two_rows(benchmark="split-mnist", amount=20, good=0.9, poor=0.5):
    where = {"benchmark": benchmark, "budget": {"amount": amount}}
    return leaderboard(
        make_runs("good", accuracy=good, **where), make_runs("poor", accuracy=poor, **where)
    )


def one_of_noise(benchmark, amount=20):
    """A lead of 0.1 with so much noise that five seeds do not settle it and ten do."""
    where = {"benchmark": benchmark, "budget": {"amount": amount}}
    leads = (-0.05, 0.05, 0.1, 0.15, 0.25)
    good = [make_record("good", s, accuracy=0.5 + lead, **where) for s, lead in enumerate(leads)]
    return leaderboard(good, [make_record("poor", s, accuracy=0.5, **where) for s in range(5)])


def test_seeds_of_several_benchmarks_separate_what_five_seeds_cannot():
    alone = standings([one_of_noise("split-mnist")])
    assert [(one.strategy, one.ranks) for one in alone] == [("good", (1, 2)), ("poor", (1, 2))]
    both = standings([one_of_noise("split-mnist"), one_of_noise("split-digits")])
    assert [one.ranks for one in both] == [(1, 1), (2, 2)]


def test_budgets_of_one_benchmark_are_no_new_evidence():
    both = standings([one_of_noise("split-mnist"), one_of_noise("split-mnist", amount=60)])
    assert [one.ranks for one in both] == [(1, 2), (1, 2)]


def test_a_benchmark_with_many_budgets_counts_once_in_the_mean():
    leaderboards = [
        two_rows(good=0.9),
        two_rows(amount=60, good=0.9),
        two_rows("split-digits", good=0.7),
    ]
    (good, _) = standings(leaderboards)
    of = [next(row for row in b.rows if row.label == "good").score.mean for b in leaderboards]
    assert good.mean == pytest.approx(((of[0] + of[1]) / 2 + of[2]) / 2)


def test_a_strategy_that_did_not_run_everywhere_has_no_rank():
    first = leaderboard(make_runs("everywhere"), make_runs("once", accuracy=0.9))
    second = leaderboard(make_runs("everywhere", benchmark="split-digits"))
    found = standings([first, second])
    assert [(one.strategy, one.ranks, set(one.rows)) for one in found] == [
        ("everywhere", (1, 1), {0, 1}), ("once", None, {0})
    ]  # fmt: skip


def test_a_strategy_stands_by_its_defaults_or_by_its_only_row():
    tuned = make_runs("tuned", accuracy=0.9, hyperparameters={"density": 0.1})
    first = leaderboard(make_runs("tuned", accuracy=0.5), tuned)
    second = leaderboard(
        make_runs("tuned", benchmark="split-digits", hyperparameters={"density": 0.3})
    )
    (one,) = standings([first, second])
    assert [one.rows[0].label, one.rows[1].label] == ["tuned", "tuned (density=0.3)"]
    ambiguous = leaderboard(tuned, make_runs("tuned", hyperparameters={"density": 0.2}))
    assert standings([ambiguous]) == []


def test_leaderboards_of_few_rows_do_not_count():
    large = leaderboard(*(make_runs(f"s{i}") for i in range(5)))
    small = leaderboard(*(make_runs(f"s{i}", benchmark="split-digits") for i in range(2)))
    assert counted([large, small]) == [large]
    assert counted([]) == []


def test_rows_of_few_seeds_and_tables_of_other_machines_thin_out_no_ranks():
    first = leaderboard(*(make_runs(f"s{i}") for i in range(4)))
    second = leaderboard(*(make_runs(f"s{i}", benchmark="split-digits") for i in range(4)))
    few = leaderboard(*(make_runs(f"s{i}", 1, benchmark="split-cifar10") for i in range(4)))
    elsewhere = leaderboard(*(make_runs(f"s{i}", cpu="other") for i in range(3)))
    assert counted([first, second, few, elsewhere]) == [first, second]
    assert counted([elsewhere, second, first]) == [second, first]
    assert counted([few]) == []
    provisional = leaderboard(make_runs("s0"), make_runs("s1", 3))
    assert [one.strategy for one in standings([provisional])] == ["s0"]


def test_a_difference_against_the_order_separates_nothing():
    everywhere = {"a": 0.5, "b": 0.52}
    digits = {"benchmark": "split-digits"}
    mnist = leaderboard(*(make_runs(n, 8, accuracy=a) for n, a in everywhere.items()))
    lucky = [make_record("a", s, accuracy=0.97, **digits) for s in range(8, 14)]
    other = leaderboard(lucky, make_runs("b", 6, accuracy=0.52, **digits))
    first, second = standings([mnist, other])
    assert (first.strategy, second.strategy) == ("a", "b")
    assert second.ranks[0] == 1  # it is ahead at each of the 14 seeds that both have


class TestBudgets:
    def test_what_is_equal_under_both_is_in_no_order(self):
        leaderboards = [
            leaderboard(
                *(make_runs(n, accuracy=a, budget={"amount": amount}) for n, a in rows.items())
            )
            for amount, rows in (
                (20, {"a": 0.9, "b": 0.5, "c": 0.5}),
                (60, {"a": 0.9, "b": 0.5, "c": 0.5}),
            )
        ]
        (one,) = agreements(leaderboards)
        assert (one.strategies, one.same) == (3, 1.0)

    def test_a_pair_that_changes_places_is_named_as_it_was(self):
        short = two_rows(good=0.9, poor=0.5)
        long = two_rows(amount=60, good=0.5, poor=0.9)
        (one,) = agreements([long, short])
        assert (one.first, one.second, one.strategies) == (short, long, 2)
        assert (one.same, one.reversed) == (0.0, [("good", "poor")])
        (again,) = agreements([short, two_rows(amount=60)])
        assert (again.same, again.reversed) == (1.0, [])

    def test_what_one_budget_does_not_settle_is_not_reversed(self):
        where = {"budget": {"amount": 60}}
        noisy = [make_record("good", s, accuracy=0.1 + 0.2 * s, **where) for s in range(5)]
        long = leaderboard(noisy, make_runs("poor", accuracy=0.52, **where))
        (one,) = agreements([two_rows(), long])
        assert (one.same, one.reversed) == (0.0, [])

    def test_only_budgets_of_one_stream_are_compared_each_with_the_next(self):
        leaderboards = [two_rows(amount=n) for n in (60, 6, 20)] + [two_rows("split-digits")]
        found = agreements(leaderboards)
        amounts = [(a.first.key.budget, a.second.key.budget) for a in found]
        assert amounts == [("6s", "20s"), ("20s", "60s")]
