"""What tuning moved: every row of a tuned leaderboard beside the same strategy at its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.ranking.leaderboard import Leaderboard, Measure, Row
from bench.ranking.pools import Seed
from bench.stats.intervals import Interval, mean_interval


@dataclass(frozen=True)
class Gain:
    """What tuning moved of one strategy, paired over the seeds that both rows have.

    Attributes:
        default: the row at the defaults.
        tuned: the row of the tuned leaderboard.
        accuracy: of the differences of final average accuracy, tuned less default.
        score: the same of the score.
    """

    default: Row
    tuned: Row
    accuracy: Interval
    score: Interval


def gains(leaderboard: Leaderboard) -> list[Gain]:
    """Of each strategy with one tuned row and a row at its defaults, in the order of the rows.

    None for a leaderboard that is not tuned, or has none of the defaults to compare with.
    """
    if leaderboard.defaults is None:
        return []
    at_defaults = {
        row.configuration.strategy: row
        for row in leaderboard.defaults.every_row
        if row.configuration.hyperparameters == "{}"
    }
    return [
        _gain(at_defaults[row.configuration.strategy], row)
        for row in leaderboard.every_row
        if row.configuration.strategy in at_defaults
    ]


def _gain(default: Row, tuned: Row) -> Gain:
    return Gain(default, tuned, _moved(default, tuned, "accuracy"), _moved(default, tuned, "score"))


def _moved(default: Row, tuned: Row, measure: Measure) -> Interval:
    before: Mapping[Seed, float] = default.by(measure)
    after = tuned.by(measure)
    return mean_interval(
        [after[seed] - before[seed] for seed in sorted(before.keys() & after.keys())], (-1, 1)
    )
