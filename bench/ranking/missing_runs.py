"""What the boards of a folder still lack until every row has enough seeds, and what it costs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.config.run_config import RunConfig
from bench.ranking import configurations, pools
from bench.ranking.configurations import Configuration, counted, run_command
from bench.ranking.leaderboard import LISTED_FROM
from bench.ranking.pools import PoolKey, Seed
from bench.records.schema import RunRecord
from bench.records.store import Stored

Cells = Mapping[Seed, Sequence[Stored]]


@dataclass(frozen=True)
class Board:
    """The state of one board.

    Attributes:
        key: its conditions.
        rows: configurations that were run.
        seeds: of each row, those that have a result.
        statuses: how many records have each status.
        missing: runs until each row has the seeds that are wanted.
        hours: what they take, one after the other; NaN where no run has told its cost.
        commands: what makes them; runs that are there already are skipped.
    """

    key: PoolKey
    rows: int
    seeds: tuple[int, ...]
    statuses: Mapping[str, int]
    missing: int
    hours: float
    commands: tuple[str, ...]


def boards(stored: Iterable[Stored], *, seeds: int = LISTED_FROM) -> list[Board]:
    """Every board of these records; trials and the like, ranked nowhere, are left out.

    Args:
        stored: the records.
        seeds: how many each row should have.
    """
    ranked = [item for item in stored if item.record.config.rankable]
    return [_board(key, members, seeds) for key, members in pools.pools(ranked).items()]


def _board(key: PoolKey, members: Sequence[Stored], wanted: int) -> Board:
    grid = configurations.by_configuration(members)
    there = {one: sum(counted(own) is not None for own in cells.values())
             for one, cells in grid.items()}  # fmt: skip
    lacking = {one: max(0, wanted - count) for one, count in there.items()}
    missing = sum(lacking.values())
    return Board(
        key=key,
        rows=len(grid),
        seeds=tuple(there.values()),
        statuses=Counter(item.record.status for item in members),
        missing=missing,
        hours=missing * _seconds([item.record for item in members]) / 3600 if missing else 0.0,
        commands=tuple(_commands({one: grid[one] for one in grid if lacking[one]}, wanted)),
    )


def _commands(grid: Mapping[Configuration, Cells], wanted: int) -> list[str]:
    """One for all strategies that have the same hyper-parameters and differ in nothing else."""
    together: dict[str, list[RunConfig]] = {}
    for cells in grid.values():
        config = next(iter(cells.values()))[0].record.config
        alike = config.model_copy(update={"strategy": "", "repetition": 0})
        together.setdefault(alike.digest, []).append(config)
    found = []
    for configs in together.values():
        last = configs[0].model_copy(update={"repetition": wanted - 1})
        found.append(run_command(last, [config.strategy for config in configs]))
    return found


def _seconds(records: Sequence[RunRecord]) -> float:
    """Mean seconds of a run from start to end; NaN if none has a cost."""
    told = [record.cost.accounted_seconds for record in records if record.cost is not None]
    return math.fsum(told) / len(told) if told else math.nan
