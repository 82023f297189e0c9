"""The same stream at several widths of its transitions: rows side by side, by accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.config.own_tables import is_own_table
from bench.config.stream_options import split_id
from bench.ranking.leaderboard import Leaderboard, Row
from bench.ranking.pools import PoolKey


@dataclass(frozen=True)
class Fading:
    """Leaderboards that differ in `sigma` alone.

    Attributes:
        benchmark: its id without sigma.
        boards: by sigma, ascending, at least two.
        rows: by label and sigma, of each that ran at two widths at least; the most accurate at the
            largest sigma first, and last who did not run there.
    """

    benchmark: str
    boards: Mapping[float, Leaderboard]
    rows: Mapping[str, Mapping[float, Row]]

    @property
    def key(self) -> PoolKey:
        """Of the leaderboard with the smallest sigma."""
        return next(iter(self.boards.values())).key


def fading(leaderboards: Sequence[Leaderboard]) -> list[Fading]:
    """Every stream of which a row ran at several sigma, under otherwise equal conditions."""
    found: dict[str, dict[float, Leaderboard]] = {}
    names: dict[str, str] = {}
    for leaderboard in leaderboards:
        key = leaderboard.key
        if is_own_table(key.benchmark):
            continue
        base, options = split_id(key.benchmark)
        text = replace(options, sigma=0.0).text()
        name = f"{base}?{text}" if text else base
        same = key.model_copy(update={"benchmark": name}).model_dump_json()
        names[same] = name
        found.setdefault(same, {})[options.sigma] = leaderboard
    every = [(names[same], dict(sorted(own.items()))) for same, own in found.items()]
    return [Fading(name, boards, rows) for name, boards in every if (rows := _rows(boards))]


def _rows(boards: Mapping[float, Leaderboard]) -> Mapping[str, Mapping[float, Row]]:
    by_label: dict[str, dict[float, Row]] = {}
    for sigma, board in boards.items():
        for row in board.every_row:
            by_label.setdefault(row.label, {})[sigma] = row
    several = {label: own for label, own in by_label.items() if len(own) > 1}
    widest = max(boards)

    def place(label: str) -> tuple[bool, float, str]:
        last = several[label].get(widest)
        return last is None, 0.0 if last is None else -last.accuracy.mean, label

    return {label: several[label] for label in sorted(several, key=place)}
