"""Strategies over leaderboards: who stands where, what the data separate, and whether it moves.

Task- and class-incremental streams are different problems and never share a summary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from bench.ranking.leaderboard import Leaderboard, Ranks, Row
from bench.ranking.pools import PoolKey, Seed
from bench.ranking.scores import round_significant
from bench.stats.intervals import Interval, mean_interval
from bench.stats.rank_intervals import rank_intervals

LEAST_SEEDS = 5
"""Rows of fewer seeds do not count."""
LEAST = 0.5
"""A leaderboard counts that has at least this share of the rows of the largest one."""

Pair = tuple[str, str]
Block = tuple[str, Seed]
"""Benchmark and seed: budgets of one benchmark share their seeds and are no new evidence."""


@dataclass(frozen=True)
class Standing:
    """A strategy over the leaderboards that count.

    Attributes:
        rows: by the leaderboard's place among them, where the strategy has one row or one at its
            defaults.
        mean: of the score over benchmarks, the budgets of each averaged before.
        ranks: first and last that it may have; None where it did not run in all of them.
    """

    strategy: str
    rows: Mapping[int, Row]
    mean: float
    ranks: Ranks | None = None


@dataclass(frozen=True)
class Agreement:
    """How far the order of strategies is the same under two budgets of one stream.

    Attributes:
        first: the leaderboards, the smaller budget first.
        second: the leaderboards, the smaller budget first.
        strategies: that ran under both.
        same: share of their pairs that stand in the same order by mean score, of those that
            are not equal under both.
        reversed: pairs whose first strategy is surely ahead under the first budget, the whole
            interval of the paired difference above 0, and surely behind under the second.
    """

    first: Leaderboard
    second: Leaderboard
    strategies: int
    same: float
    reversed: list[Pair]


def agreements(leaderboards: Sequence[Leaderboard]) -> list[Agreement]:
    """Neighbouring budgets of each stream that differ in nothing else, the smaller ones first."""
    found = []
    for group in _streams(leaderboards):
        for first, second in pairwise(sorted(group, key=_amount)):
            rows = {n: own for n, own in _rows([first, second]).items() if len(own) == 2}
            if len(rows) > 1:
                found.append(_agreement(first, second, rows))
    return found


def counted(leaderboards: Sequence[Leaderboard]) -> list[Leaderboard]:
    """Those large enough to compare strategies over: one of few rows would leave most out.

    Rows of few seeds do not count, and of the tables of one stream under one budget only the
    largest does: neither another machine nor one seed of everything may thin out the ranks.
    """
    sizes = [(len(_listed(leaderboard)), len(leaderboard.records)) for leaderboard in leaderboards]
    best: dict[tuple[str, str, str], int] = {}
    for number, leaderboard in enumerate(leaderboards):
        where = (leaderboard.key.benchmark, leaderboard.key.scenario, leaderboard.key.budget)
        if where not in best or sizes[number] > sizes[best[where]]:
            best[where] = number
    most = max((rows for rows, _ in sizes), default=0)
    kept = [number for number in sorted(best.values()) if sizes[number][0] >= LEAST * max(most, 1)]
    return [leaderboards[number] for number in kept]


def _listed(leaderboard: Leaderboard) -> list[Row]:
    """The rows of enough seeds."""
    rows = (*leaderboard.rows, *leaderboard.unplaced)
    return [row for row in rows if len(row.runs) >= LEAST_SEEDS]


def standings(leaderboards: Sequence[Leaderboard]) -> list[Standing]:
    """Every strategy of these leaderboards, those of all of them ranked, best first.

    Ranks are intervals, as in a leaderboard, over pairs of benchmark and seed. What is said holds
    for these benchmarks.
    """
    rows = _rows(leaderboards)
    whole = [name for name, own in rows.items() if len(own) == len(leaderboards)]
    scores = {name: _scores(own, leaderboards) for name, own in rows.items()}
    means = {name: _mean(found) for name, found in scores.items()}
    whole.sort(key=lambda name: (-means[name], name))
    blocks = sorted({block for name in whole for block in scores[name]})
    table = [[scores[name].get(block, math.nan) for name in whole] for block in blocks]
    ranks = rank_intervals(np.array(table, dtype=float).reshape(len(blocks), len(whole)))
    found = [Standing(n, rows[n], means[n], own) for n, own in zip(whole, ranks, strict=True)]
    rest = sorted(rows.keys() - set(whole), key=lambda name: (-len(rows[name]), name))
    return [*found, *(Standing(name, rows[name], means[name]) for name in rest)]


def _rows(leaderboards: Sequence[Leaderboard]) -> dict[str, dict[int, Row]]:
    """The row by which each strategy stands in each leaderboard: its only one, or its defaults.

    Of rows with enough seeds.
    """
    found: dict[str, dict[int, Row]] = {}
    for number, leaderboard in enumerate(leaderboards):
        rows = _listed(leaderboard)
        for strategy in dict.fromkeys(row.configuration.strategy for row in rows):
            own = [row for row in rows if row.configuration.strategy == strategy]
            if len(own) > 1:
                own = [row for row in own if row.configuration.hyperparameters == "{}"]
            if len(own) == 1:
                found.setdefault(strategy, {})[number] = own[0]
    return found


def _scores(rows: Mapping[int, Row], leaderboards: Sequence[Leaderboard]) -> dict[Block, float]:
    """The score of each benchmark and seed, the mean over its budgets."""
    values: dict[Block, list[float]] = {}
    for number, row in rows.items():
        for seed, score in row.by("score").items():
            values.setdefault((leaderboards[number].key.benchmark, seed), []).append(score)
    return {block: math.fsum(own) / len(own) for block, own in values.items()}


def _mean(scores: Mapping[Block, float]) -> float:
    """Over benchmarks, each the mean of its seeds."""
    by_benchmark: dict[str, list[float]] = {}
    for (benchmark, _), score in scores.items():
        by_benchmark.setdefault(benchmark, []).append(score)
    means = [math.fsum(own) / len(own) for own in by_benchmark.values()]
    return round_significant(math.fsum(means) / len(means))


def _streams(leaderboards: Sequence[Leaderboard]) -> list[list[Leaderboard]]:
    """Leaderboards whose conditions are equal but for the budget."""
    found: dict[PoolKey, list[Leaderboard]] = {}
    for leaderboard in leaderboards:
        whole = leaderboard.key.model_copy(update={"budget": ""})
        found.setdefault(whole, []).append(leaderboard)
    return list(found.values())


def _amount(leaderboard: Leaderboard) -> float:
    return leaderboard.records[0].record.config.budget.amount


def _agreement(
    first: Leaderboard, second: Leaderboard, rows: Mapping[str, Mapping[int, Row]]
) -> Agreement:
    same, ordered, turned = 0, 0, []
    pairs = list(combinations(sorted(rows), 2))
    for one, other in pairs:
        leads = [_lead(rows[one][number], rows[other][number]) for number in (0, 1)]
        same += leads[0].mean * leads[1].mean > 0
        ordered += any(lead.mean for lead in leads)
        if leads[0].low > 0 > leads[1].high:
            turned.append((one, other))
        if leads[0].high < 0 < leads[1].low:
            turned.append((other, one))
    return Agreement(first, second, len(rows), same / max(ordered, 1), turned)


def _lead(one: Row, other: Row) -> Interval:
    """By how much the score of a row is above that of another, paired by seed."""
    first, second = one.by("score"), other.by("score")
    differences = [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]
    return mean_interval(differences)
