"""Two strategies, or two folders of records, side by side: paired by seed, in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.markup import escape
from rich.table import Table

from bench.config.run_config import suggest
from bench.formatting.numbers import SCENARIO_NAMES
from bench.ranking import pools
from bench.ranking.leaderboard import Row
from bench.ranking.pools import PoolError, PoolKey, Seed, budget_text
from bench.ranking.rank import rank_all
from bench.ranking.scores import Scores
from bench.records.store import Stored
from bench.stats import hypothesis_tests
from bench.stats.hypothesis_tests import ALPHA
from bench.stats.intervals import Interval, mean_interval
from bench.stats.rank_intervals import paired_t


@dataclass(frozen=True)
class Compared:
    """One number of a run that is compared.

    Attributes:
        name: as the column of a leaderboard is called.
        title: as the table calls it.
        value: of the scores of a run.
        higher_is_better: else lower is.
        points: whether it is shown in percentage points, else as it is.
    """

    name: str
    title: str
    value: Callable[[Scores], float]
    higher_is_better: bool
    points: bool = True

    def shown(self, value: float) -> str:
        """The value as a page prints it."""
        if math.isnan(value):
            return "-"
        return f"{100 * value:.2f}" if self.points else f"{value:.4f}"


COMPARED = (
    Compared("score", "score", lambda run: run.score, True, points=False),
    Compared("accuracy", "final average accuracy, %", lambda run: run.accuracy, True),
    Compared("capacity", "capacity, %", lambda run: run.capacity, False),
    Compared("memory_score", "memory score", lambda run: run.memory_score, True, points=False),
    Compared(
        "average_incremental_accuracy",
        "average incremental accuracy, %",
        lambda run: run.metrics["average_incremental_accuracy"],
        True,
    ),
    Compared(
        "anytime_accuracy", "anytime accuracy, %", lambda run: run.metrics["anytime_accuracy"], True
    ),
    Compared("forgetting", "forgetting, %", lambda run: run.metrics["forgetting"], False),
    Compared("charged", "charged, % of budget", lambda run: run.charged, False),
)
"""What is compared, the headline first."""


@dataclass(frozen=True)
class Difference:
    """One score of two rows over the seeds at which both were measured.

    Attributes:
        difference: first less second, with its interval.
        alone: p-value of the paired t-test.
        p: the same, adjusted for all differences shown together.
        improvement: probability that a run of the first is the better one.
    """

    score: Compared
    pairs: int
    first: float
    second: float
    difference: Interval
    alone: float
    p: float
    improvement: float

    @property
    def verdict(self) -> str:
        """Which one is better, as far as the paired test tells."""
        if not self.pairs:
            return "not measured in both"
        if self.difference.mean == 0 and self.p == 1:
            return "no difference"
        if self.p > ALPHA:
            return "too few seeds to tell" if self.pairs < 2 else "not told apart"
        better = (self.difference.mean > 0) == self.score.higher_is_better
        return "first better" if better else "second better"


@dataclass(frozen=True)
class Comparison:
    """Two rows of one pool, or of two pools that agree in all but where the records lie."""

    where: str
    first: str
    second: str
    seeds: int
    failed: tuple[int, int]
    differences: tuple[Difference, ...]
    tests: int
    """How many p-values were adjusted together, by Holm."""

    def sentence(self) -> str:
        """The comparison of the headline in words."""
        headline = self.differences[0]
        found, pairs = headline.difference, headline.pairs
        if not pairs:
            return f"{self.where}: {self.first} and {self.second} have no seed in common."
        text = (
            f"{self.where}: {self.first} has a score of {headline.first:.3f}, {self.second} "
            f"of {headline.second:.3f}; the difference is {found.mean:+.3f}"
        )
        if not math.isnan(found.low):
            text += f" [{found.low:+.3f}, {found.high:+.3f}]"
        text += f" over {pairs} paired seed{'' if pairs == 1 else 's'}, p = {headline.p:.3g} "
        text += (
            f"after Holm over {self.tests} tests, {headline.alone:.3g} if it were the only one. "
        )
        if headline.p <= ALPHA:
            return text + f"The paired test separates them (p at most {ALPHA})."
        return text + "The paired test does not separate them."


def compare_strategies(stored: Sequence[Stored], first: str, second: str) -> list[Comparison]:
    """Two rows in each leaderboard that has both.

    Args:
        first: a label, or a strategy with one row in the leaderboard.
        second: a label, or a strategy with one row in the leaderboard.

    Raises:
        ValueError: names a row that there is not.
    """
    found = []
    every = rank_all(stored)
    labels = {row.label for leaderboard in every for row in leaderboard.every_row}
    for leaderboard in every:
        rows = leaderboard.every_row
        one, other = (find_row(rows, name) for name in (first, second))
        if one is not None and one is other:
            raise ValueError(f"two rows can be compared, got {one.label} twice")
        if one is not None and other is not None:
            found.append((_where(leaderboard.key), one, other, one.label, other.label))
    if not found:
        for name in (first, second):
            if not any(label == name or label.startswith(f"{name} (") for label in labels):
                raise ValueError(suggest("strategy in these records", name, labels))
        raise ValueError(f"{first} and {second} must be in one leaderboard, found none with both")
    return _compared(found)


def compare_folders(first: Sequence[Stored], second: Sequence[Stored]) -> list[Comparison]:
    """Each row that two sets of records have in common.

    Raises:
        PoolError: names the fields that differ.
    """
    there = {leaderboard.key: leaderboard for leaderboard in rank_all(second)}
    found = []
    for leaderboard in rank_all(first):
        if leaderboard.key not in there:
            continue
        twins = {row.label: row for row in there[leaderboard.key].every_row}
        for row in leaderboard.every_row:
            if row.label in twins:
                names = f"{row.label}, first folder", f"{row.label}, second folder"
                found.append((_where(leaderboard.key), row, twins[row.label], *names))
    if not found:
        keys = [*pools.pools(first), *pools.pools(second)]
        raise PoolError(f"the folders must share a row; {pools.differences(keys)}")
    return _compared(found)


def table(comparison: Comparison) -> Table:
    """One comparison for a terminal; P(better) is the probability that a run of the first is."""
    c = comparison
    failed = f"; failed runs {c.failed[0]} and {c.failed[1]}" if any(c.failed) else ""
    title = f"{c.where}: {c.first} (first) and {c.second} (second), {c.seeds} paired seeds{failed}"
    found = Table(title=escape(title), title_justify="left", box=None)
    found.add_column("score", no_wrap=True)
    for name in ("first", "second", "first - second", "95 % interval", "p alone", "p", "P(better)"):
        found.add_column(name, justify="right")
    found.add_column("verdict", overflow="fold")
    for one in c.differences:
        show, ends = one.score.shown, one.difference
        interval = f"[{show(ends.low)}, {show(ends.high)}]" if not math.isnan(ends.low) else "-"
        found.add_row(
            one.score.title,
            show(one.first),
            show(one.second),
            show(ends.mean),
            escape(interval),
            f"{one.alone:.3g}" if one.pairs else "-",
            f"{one.p:.3g}" if one.pairs else "-",
            f"{one.improvement:.2f}" if one.pairs else "-",
            one.verdict,
        )
    return found


def _compared(found: Sequence[tuple[str, Row, Row, str, str]]) -> list[Comparison]:
    """The comparisons, with p-values adjusted over all of their differences together."""
    every = [
        [_difference(one, other, score) for score in COMPARED] for _, one, other, _, _ in found
    ]
    raw = [d.alone for differences in every for d in differences if d.pairs]
    adjusted = iter(hypothesis_tests.holm(raw))
    result = []
    for (where, one, other, first, second), differences in zip(found, every, strict=True):
        with_p = tuple(_adjusted(d, next(adjusted)) if d.pairs else d for d in differences)
        seeds = len(one.runs.keys() & other.runs.keys())
        failed = one.failed, other.failed
        result.append(Comparison(where, first, second, seeds, failed, with_p, len(raw)))
    return result


def _difference(one: Row, other: Row, score: Compared) -> Difference:
    values = _paired(one, other, score)
    first, second = [pair[0] for pair in values], [pair[1] for pair in values]
    if not values:
        nothing = Interval(math.nan, math.nan, math.nan)
        return Difference(score, 0, math.nan, math.nan, nothing, 1.0, 1.0, math.nan)
    better = hypothesis_tests.probability_of_improvement(first, second)
    return Difference(
        score,
        pairs=len(values),
        first=float(np.mean(first)),
        second=float(np.mean(second)),
        difference=mean_interval([a - b for a, b in values]),
        alone=(p := paired_t(first, second)),
        p=p,
        improvement=better if score.higher_is_better else 1 - better,
    )


def _paired(one: Row, other: Row, score: Compared) -> list[tuple[float, float]]:
    """(first, second) of the seeds at which both rows measured it."""
    seeds: list[Seed] = sorted(one.scores.keys() & other.scores.keys())
    pairs = [(score.value(one.scores[s]), score.value(other.scores[s])) for s in seeds]
    return [(a, b) for a, b in pairs if not (math.isnan(a) or math.isnan(b))]


def _adjusted(difference: Difference, p: float) -> Difference:
    return replace(difference, p=p)


def find_row(rows: Sequence[Row], name: str) -> Row | None:
    """The row of that label, or the only one of that strategy.

    Raises:
        ValueError: names several.
    """
    for row in rows:
        if row.label == name:
            return row
    own = [row for row in rows if row.configuration.strategy == name]
    if len(own) > 1:
        labels = "; ".join(repr(row.label) for row in own)
        raise ValueError(f"{name} must be one row, there are several: {labels}")
    return own[0] if own else None


def _where(key: PoolKey) -> str:
    return ", ".join([key.benchmark, SCENARIO_NAMES[key.scenario], budget_text(key), key.model])
