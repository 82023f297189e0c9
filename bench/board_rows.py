"""The rows of a leaderboard in its figures: told apart by marker and line as well as by colour."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import seaborn as sns

from bench.ranking import Leaderboard, Row
from bench.text import SCENARIO_NAMES, budget_text

MOST_ROWS = 12
"""More rows than this cannot be told apart in one figure: the first are drawn, and it says so."""
MARKERS = "osD^vP<X>ph*"
LINES = ("-", "--", "-.", ":")
LEGEND_WIDTH = 34
"""Characters of a line beside the axes."""


@dataclass(frozen=True)
class Series:
    """A row that is drawn, its name and what tells it from the others."""

    row: Row
    name: str
    style: dict[str, Any]


def series_of(board: Leaderboard) -> list[Series]:
    """The rows that are drawn, each with its style in every figure of the board."""
    rows = [*board.rows, *board.upper_bounds][:MOST_ROWS]
    colours = sns.color_palette("colorblind", 10)
    styles = (
        {"color": colours[i % 10], "marker": MARKERS[i], "linestyle": LINES[i % 4]}
        for i in range(len(rows))
    )
    return [Series(*one) for one in zip(rows, short_names(rows), styles, strict=True)]


def short_names(rows: Sequence[Row]) -> list[str]:
    """The strategy of each row with what tells it from the others, short; its label if need be."""
    chosen = [json.loads(row.entrant.hyperparameters) for row in rows]
    short = []
    for row, own in zip(rows, chosen, strict=True):
        twins = [c for r, c in zip(rows, chosen, strict=True) if _strategy(r) == _strategy(row)]
        told = [
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in sorted(own.items())
            if any(twin.get(name) != value for twin in twins)
        ]
        short.append(", ".join([_strategy(row), *told]))
    return [
        name if short.count(name) == 1 else row.label for name, row in zip(short, rows, strict=True)
    ]


def title(board: Leaderboard, shown: str) -> str:
    """What a figure shows, over how many seeds and of how many rows."""
    key = board.key
    counts = sorted({len(row.runs) for row in (*board.rows, *board.upper_bounds)})
    n = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    every = len(board.rows) + len(board.upper_bounds)
    part = f", the first {MOST_ROWS} of {every} rows" if every > MOST_ROWS else ""
    what = f"{key.benchmark}, {SCENARIO_NAMES[key.scenario]}, {budget_text(key)}, {key.model}"
    return f"{what}\n{shown} over n = {n} seeds{part}"


def wrapped(name: str, width: int = LEGEND_WIDTH) -> str:
    """A name on lines of at most `width` characters."""
    return textwrap.fill(name, width, subsequent_indent="  ")


def _strategy(row: Row) -> str:
    return row.entrant.strategy
