"""The tables of a leaderboard's page, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from bench.formatting.markdown import escape, table
from bench.formatting.numbers import percent, points
from bench.leaderboards.column import Column, Table
from bench.leaderboards.columns import columns_of
from bench.ranking.leaderboard import Leaderboard, Row
from bench.ranking.tuning_gain import Gain


def rows_table(name: Table, leaderboard: Leaderboard, *, fronts: bool = False) -> str:
    """A table of every row: those with a place, those without, upper bounds in italics.

    Args:
        name: of the table.
        leaderboard: whose rows.
        fronts: add the front of each strategy with several configurations; the columns must be
            such that a front has them.
    """
    rows = leaderboard.every_row
    columns = columns_of(name, rows)
    cells = [[_cell(column, name, row) for column in columns] for row in rows]
    named = [column.name for column in columns].index("name")
    for row, line in zip(rows, cells, strict=True):
        line[named] = line[named] if row.ranked else f"*{line[named]}*"
    if fronts:
        shown = [cast(Row, front) for front in leaderboard.fronts]
        cells += [[_cell(column, name, front) for column in columns] for front in shown]
    return "\n".join(table([c.heading(name, leaderboard) for c in columns], cells))


def gains_table(found: Sequence[Gain]) -> str:
    """What tuning moved of each strategy."""
    header = ["strategy", "accuracy at the defaults", "tuned", "moved", "score at the defaults",
              "tuned", "moved"]  # fmt: skip
    return "\n".join(table(header, map(_gain, found)))


def _gain(gain: Gain) -> list[str]:
    before, after = gain.default, gain.tuned
    return [
        escape(after.name),
        percent(before.accuracy.mean),
        percent(after.accuracy.mean),
        points(gain.accuracy, 1),
        f"{before.score.mean:.3f}",
        f"{after.score.mean:.3f}",
        f"{gain.score.mean:+.3f} [{gain.score.low:+.3f}, {gain.score.high:+.3f}]",
    ]


def _cell(column: Column, name: Table, row: Row) -> str:
    text = column.text(name, row)
    return escape(text) if isinstance(column.value(row), str) else text
