"""The tables of a leaderboard's page, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from bench.formatting.markdown import escape, record_link, table
from bench.leaderboards.column import Column, Table
from bench.leaderboards.columns import columns_of
from bench.ranking.leaderboard import Leaderboard, Row
from bench.ranking.pools import seed_text


def ranking(leaderboard: Leaderboard, rows: Sequence[tuple[str, Row]], page: Path) -> str:
    """Rank, objectives and tests of each row, and links to its records.

    Args:
        leaderboard: that the rows are of.
        rows: each with the number that names it in figures.
        page: where the table will lie, for the links.
    """
    columns = columns_of("ranking", [row for _, row in rows])
    header = ["#", *(column.heading("ranking", leaderboard) for column in columns), "records"]
    cells = [
        [number, *(_cell(column, "ranking", row) for column in columns), _records(row, page)]
        for number, row in rows
    ]
    return "\n".join(table(header, cells))


def rows_table(name: Table, leaderboard: Leaderboard, *, fronts: bool = False) -> str:
    """One of the other tables: every row, upper bounds in italics.

    Args:
        name: of the table.
        leaderboard: whose rows.
        fronts: add the front of each strategy with several configurations; the columns must be
            such that a front has them.
    """
    rows = [*leaderboard.rows, *leaderboard.upper_bounds]
    columns = columns_of(name, rows)
    cells = [[_cell(column, name, row) for column in columns] for row in rows]
    for row, line in zip(rows, cells, strict=True):
        line[0] = line[0] if row.ranked else f"*{line[0]}*"
    if fronts:
        shown = [cast(Row, front) for front in leaderboard.fronts]
        cells += [[_cell(column, name, front) for column in columns] for front in shown]
    return "\n".join(table([c.heading(name, leaderboard) for c in columns], cells))


def _cell(column: Column, name: Table, row: Row) -> str:
    text = column.text(name, row)
    return escape(text) if isinstance(column.value(row), str) else text


def _records(row: Row, page: Path) -> str:
    return " ".join(
        record_link(seed_text(seed), item.record.status, item.path, page)
        for seed, item in row.runs.items()
    )
