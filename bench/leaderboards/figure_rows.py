"""The rows of a leaderboard in its figures, each by its name."""

from __future__ import annotations

import textwrap

from bench.formatting.numbers import SCENARIO_NAMES, range_text
from bench.ranking.leaderboard import Leaderboard, Row
from bench.ranking.pools import budget_text

MOST_ROWS = 36
"""More rows than this make a figure too tall to read: the first are drawn, and it says so."""
NAME_WIDTH = 26
"""Characters of a line of names."""
TITLE_WIDTH = 104
"""Characters of a line of a figure's title."""


def drawn_rows(leaderboard: Leaderboard) -> tuple[Row, ...]:
    """Best first, upper bounds last."""
    return leaderboard.every_row[:MOST_ROWS]


def title(leaderboard: Leaderboard, shown: str) -> str:
    """What a figure shows, over how many seeds and of how many rows."""
    key, rows = leaderboard.key, leaderboard.every_row
    n, count = range_text(len(row.runs) for row in rows), len(rows)
    part = f", the first {MOST_ROWS} of {count} rows" if count > MOST_ROWS else ""
    what = f"{key.benchmark}, {SCENARIO_NAMES[key.scenario]}, {budget_text(key)}, {key.model}"
    every = [f"every row: {leaderboard.common}"] if leaderboard.common else []
    lines = [what, *every, f"{shown} over n = {n} seeds{part}"]
    return plain("\n".join(textwrap.fill(line, TITLE_WIDTH) for line in lines))


def plain(text: str) -> str:
    """Text in which no dollar begins a formula."""
    return text.replace("$", r"\$")


def wrapped(name: str, width: int = NAME_WIDTH) -> str:
    """A name on lines of at most `width` characters, of a long one the beginning."""
    return plain(textwrap.fill(textwrap.shorten(name, 6 * width), width, subsequent_indent="  "))
