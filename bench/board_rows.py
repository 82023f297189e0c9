"""The rows of a leaderboard in its figures, each by the number that it has in all of them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from bench.ranking import Leaderboard, Row
from bench.text import SCENARIO_NAMES, budget_text

MOST_ROWS = 36
"""More rows than this make a figure too tall to read: the first are drawn, and it says so."""
NAME_WIDTH = 34
"""Characters of a line of names."""


@dataclass(frozen=True)
class Entry:
    """A row that is drawn: its place in the table, a letter for an upper bound, and its name."""

    row: Row
    number: str
    name: str

    @property
    def title(self) -> str:
        """The number and the name, on lines that fit a panel."""
        return wrapped(f"{self.number} {self.name}", 26)


def entries_of(board: Leaderboard) -> list[Entry]:
    """The rows that are drawn, best first, upper bounds last."""
    names = short_names([row for _, row in board.numbered])
    drawn = zip(board.numbered, names, strict=True)
    return [Entry(row, number, name) for (number, row), name in drawn][:MOST_ROWS]


def short_names(rows: Sequence[Row]) -> list[str]:
    """The strategy of each row and what not all rows share, short; its label if need be."""
    common = shared(rows)
    short = []
    for row in rows:
        told = [
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in sorted(_chosen(row).items())
            if name not in common
        ]
        short.append(", ".join([row.entrant.strategy, *told]))
    return [
        name if short.count(name) == 1 else row.label for name, row in zip(short, rows, strict=True)
    ]


def shared(rows: Sequence[Row]) -> dict[str, object]:
    """The hyper-parameters that are set to the same in every row."""
    every = [_chosen(row) for row in rows]
    first = every[0] if every else {}
    return {n: v for n, v in first.items() if all(n in one and one[n] == v for one in every)}


def title(board: Leaderboard, shown: str) -> str:
    """What a figure shows, over how many seeds and of how many rows."""
    key = board.key
    counts = sorted({len(row.runs) for row in (*board.rows, *board.upper_bounds)})
    n = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    count = len(board.rows) + len(board.upper_bounds)
    part = f", the first {MOST_ROWS} of {count} rows" if count > MOST_ROWS else ""
    what = f"{key.benchmark}, {SCENARIO_NAMES[key.scenario]}, {budget_text(key)}, {key.model}"
    common = shared([*board.rows, *board.upper_bounds]).items()
    settings = ", ".join(f"{name} {value}" for name, value in sorted(common))
    every = f"\nevery row: {settings}" if settings else ""
    return plain(f"{what}{every}\n{shown} over n = {n} seeds{part}")


def plain(text: str) -> str:
    """Text in which no dollar begins a formula."""
    return text.replace("$", r"\$")


def wrapped(name: str, width: int = NAME_WIDTH) -> str:
    """A name on lines of at most `width` characters, of a long one the beginning."""
    return plain(textwrap.fill(textwrap.shorten(name, 6 * width), width, subsequent_indent="  "))


def _chosen(row: Row) -> dict[str, object]:
    chosen: dict[str, object] = json.loads(row.entrant.hyperparameters)
    return chosen
