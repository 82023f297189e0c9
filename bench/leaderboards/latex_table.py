"""Leaderboards as LaTeX tables in the style of the booktabs package, to be included in a paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bench.formatting.markdown import one_line
from bench.formatting.numbers import SCENARIO_NAMES, percent
from bench.formatting.templates import template
from bench.leaderboards.column import Column
from bench.leaderboards.columns import columns_of
from bench.ranking.leaderboard import LISTED_FROM, Leaderboard, Row
from bench.ranking.pools import budget_text, differing_fields

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
}  # fmt: skip
TEMPLATE = Path(__file__).with_name("leaderboard.tex.jinja")
RIGHT = ("rank", "seeds", "capacity", "rank_by_accuracy", "rank_by_memory")
"""Columns whose cells stand at the right; every other one at the left."""


def escape(text: object) -> str:
    """Text of a record as LaTeX that typesets it, on one line; nothing in it is a command.

    Letters that not every LaTeX has are question marks.
    """
    plain = one_line(text).encode("ascii", "replace").decode()
    return re.sub(r'[\\{}&%$#_~^<>|"]', lambda found: SPECIAL[found[0]], plain)


def page_tex(leaderboards: Sequence[Leaderboard]) -> str:
    """A table for each leaderboard, upper bounds below a rule; intervals are 95 % over seeds."""
    names = differing_fields([leaderboard.key for leaderboard in leaderboards])
    parts = []
    for number, leaderboard in enumerate(leaderboards, start=1):
        conditions = [f"{name} {getattr(leaderboard.key, name)}" for name in names]
        end = f"-{number}" if len(leaderboards) > 1 else ""
        parts.append(_part(leaderboard, conditions, end))
    return template(TEMPLATE).render(parts=parts)


def _part(leaderboard: Leaderboard, conditions: Sequence[str], end: str) -> dict[str, object]:
    key = leaderboard.key
    what = [key.benchmark, SCENARIO_NAMES[key.scenario], budget_text(key), key.model, *conditions]
    label = re.sub(r"[^A-Za-z0-9]+", "-", f"{key.benchmark}-{key.scenario}-{budget_text(key)}")
    columns = columns_of("latex", leaderboard.every_row)
    placed = (*leaderboard.rows, *leaderboard.unplaced)
    bodies = [rows for rows in (placed, leaderboard.upper_bounds) if rows]
    return {
        "caption": rf"{escape(', '.join(what))}. Means with 95~\% intervals over $n$ seeds; "
        f"{_notes(leaderboard)}",
        "label": label + end,
        "alignment": "".join("r" if column.name in RIGHT else "l" for column in columns),
        "header": [c.heading("latex", leaderboard).replace("%", r"\%") for c in columns],
        "bodies": [[[_cell(column, row) for column in columns] for row in rows] for rows in bodies],
    }


def _notes(leaderboard: Leaderboard) -> str:
    low, high = (
        rf"{percent(value)}~\%" for value in (leaderboard.bounds.chance, leaderboard.bounds.joint)
    )
    notes = [
        rf"accuracy and capacity in \%. The score is the expected share of the way from chance, "
        rf"{low}, to joint training, {high}"
        f"{'' if leaderboard.bounds.frozen else ' as none is frozen'}, under a log-uniform cap of "
        r"the capacity from 1 to 1000~\% of the dense model. Ranks are simultaneous 95~\% "
        "intervals by score, accuracy and memory score."
    ]
    if leaderboard.rows and leaderboard.upper_bounds:
        notes.append("Below the rule: upper bounds, which see all data at once.")
    if leaderboard.common:
        notes.append(f"In every row {escape(leaderboard.common)}.")
    if any(row.provisional for row in leaderboard.every_row):
        notes.append(f"$^*$ provisional: fewer than {LISTED_FROM} seeds.")
    if any(row.failed for row in leaderboard.rows):
        notes.append("Failed runs count as worst: their number stands beside $n$.")
    return " ".join(notes)


def _cell(column: Column, row: Row) -> str:
    text = column.text("latex", row)
    if isinstance(column.value(row), str):
        return escape(text)
    return "--" if text == "-" else re.sub(r"(?<![\d$])-[\d.]+", r"$\g<0>$", text)
