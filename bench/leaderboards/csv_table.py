"""Leaderboards as a CSV table, or a pandas frame, at full precision."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.formatting.numbers import relative
from bench.leaderboards.columns import COLUMNS
from bench.ranking.leaderboard import Leaderboard, Row

if TYPE_CHECKING:
    import pandas as pd  # importing it takes half a second, which no page needs

_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")


def frame(leaderboards: Sequence[Leaderboard], *, page: Path) -> pd.DataFrame:
    """One line for each row of the leaderboards, upper bounds included; fractions, never percent.

    Not measured is NaN or None.

    Args:
        leaderboards: in the order of the lines.
        page: where the table will lie, for the paths of the records.
    """
    import pandas as pd

    lines = _lines(leaderboards, page)
    return pd.DataFrame(lines, dtype=object)  # a rank stays whole where an upper bound has none


def page_csv(leaderboards: Sequence[Leaderboard], *, page: Path) -> str:
    """The frame as text; an empty cell was not measured.

    Args:
        leaderboards: in the order of the lines.
        page: where the file will lie, for the paths of the records.
    """
    lines = _lines(leaderboards, page)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]) if lines else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _written(cell) for name, cell in line.items()} for line in lines)
    return text.getvalue()


def _lines(leaderboards: Sequence[Leaderboard], page: Path) -> list[dict[str, Any]]:
    return [
        {**key, **_cells(row), **bounds, "records": _records(row, page)}
        for leaderboard in leaderboards
        for key, bounds in [(_key(leaderboard), asdict(leaderboard.bounds))]
        for row in leaderboard.every_row
    ]


def _key(leaderboard: Leaderboard) -> dict[str, Any]:
    return {
        name: " ".join(value) if isinstance(value, tuple) else value
        for name, value in leaderboard.key.model_dump().items()
        if name != "chance"  # stands beside joint
    }


def _cells(row: Row) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for column in COLUMNS.values():
        cells |= column.csv_cells(row)
    return cells


def _records(row: Row, page: Path) -> str:
    return " ".join(relative(item.path, page).as_posix() for item in row.runs.values())


def _written(cell: Any) -> Any:
    """The cell, empty for NaN; an apostrophe before what a spreadsheet would run as a formula."""
    if isinstance(cell, str):
        return f"'{cell}" if _FORMULA.match(cell) else cell
    return "" if cell != cell else cell
