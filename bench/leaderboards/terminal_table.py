"""A leaderboard as a compact table for a terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from bench.formatting.numbers import SCENARIO_NAMES
from bench.leaderboards.columns import columns_of
from bench.ranking.leaderboard import Leaderboard
from bench.ranking.pools import budget_text


def terminal_table(leaderboard: Leaderboard) -> Table:
    """The ranking on a screen, in percent, with 95 % intervals; upper bounds dim."""
    key = leaderboard.key
    scenario, chosen = SCENARIO_NAMES[key.scenario], (*key.speedups, *key.augment)
    title = ", ".join([key.benchmark, scenario, budget_text(key), key.model, *chosen])
    table = Table(title=f"{escape(title)}; percent", box=None, title_justify="left")
    rows = leaderboard.every_row
    columns = columns_of("terminal", rows)
    for column in columns:
        named = column.name == "name"
        table.add_column(
            column.heading("terminal", leaderboard),
            justify="left" if named else "right",
            overflow="fold" if named else "ellipsis",
        )
    for row in rows:
        cells = [escape(column.text("terminal", row)) for column in columns]
        table.add_row(*cells, style=None if row.ranked else "dim")
    return table
