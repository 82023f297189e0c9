"""Leaderboards as LaTeX tables in the style of the booktabs package, to be included in a paper."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from bench.formatting.markdown import one_line
from bench.formatting.numbers import SCENARIO_NAMES, percent
from bench.ranking.leaderboard import LISTED_FROM, Leaderboard, Row
from bench.ranking.pools import budget_text, differing_fields
from bench.stats.intervals import Interval

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
}  # fmt: skip
HEADER = ("rank", "strategy", r"$n$", "hypervolume", r"accuracy, \%", r"forgetting, \%",
          r"weights, \%", "layer")  # fmt: skip


def escape(text: object) -> str:
    """Text of a record as LaTeX that typesets it, on one line; nothing in it is a command.

    Letters that not every LaTeX has are question marks.
    """
    plain = one_line(text).encode("ascii", "replace").decode()
    return re.sub(r'[\\{}&%$#_~^<>|"]', lambda found: SPECIAL[found[0]], plain)


def page_tex(leaderboards: Sequence[Leaderboard]) -> str:
    """One table for each leaderboard, upper bounds below a rule; intervals are 95 % over seeds."""
    keys = [leaderboard.key for leaderboard in leaderboards]
    names = differing_fields(keys)
    lines = [r"% Generated from records, never edited. Needs \usepackage{booktabs}."]
    for number, leaderboard in enumerate(leaderboards, start=1):
        conditions = [f"{name} {getattr(leaderboard.key, name)}" for name in names]
        lines += ["", *_table(leaderboard, conditions, number if len(leaderboards) > 1 else None)]
    return "\n".join(lines) + "\n"


def _table(leaderboard: Leaderboard, conditions: Sequence[str], number: int | None) -> list[str]:
    key = leaderboard.key
    what = [key.benchmark, SCENARIO_NAMES[key.scenario], budget_text(key), key.model, *conditions]
    label = re.sub(r"[^A-Za-z0-9]+", "-", f"{key.benchmark}-{key.scenario}-{budget_text(key)}")
    bodies = [rows for rows in (leaderboard.rows, leaderboard.upper_bounds) if rows]
    lines = [
        r"\begin{table}",
        r"  \centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"  \caption{{{escape(', '.join(what))}. Means with 95~\% intervals over $n$ seeds; "
        rf"{_notes(leaderboard)}}}",
        rf"  \label{{tab:{label}{'' if number is None else f'-{number}'}}}",
        r"  \begin{tabular}{rlrlllrr}",
        r"    \toprule",
        f"    {_line(HEADER)}",
    ]
    for rows in bodies:
        lines += [r"    \midrule", *(f"    {_line(_cells(row))}" for row in rows)]
    return [*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]


def _notes(leaderboard: Leaderboard) -> str:
    low, high = (
        rf"{percent(value)}~\%" for value in (leaderboard.bounds.chance, leaderboard.bounds.joint)
    )
    notes = [
        rf"weights in \% of the model's. Hypervolume between chance, {low}, "
        rf"and joint training, {high}{'' if leaderboard.bounds.frozen else ' as none is frozen'}. "
        "Layer 1 is the Pareto front. Of the rows of one rank, marked =, none was told apart from "
        "the one above."
    ]
    if leaderboard.rows and leaderboard.upper_bounds:
        notes.append("Below the rule: upper bounds, which see all data at once.")
    if leaderboard.common:
        notes.append(f"In every row {escape(leaderboard.common)}.")
    if any(row.provisional for row in (*leaderboard.rows, *leaderboard.upper_bounds)):
        notes.append(f"$^*$ provisional: fewer than {LISTED_FROM} seeds.")
    if any(row.failed for row in leaderboard.rows):
        notes.append("Failed runs count as worst: their number stands beside $n$.")
    return " ".join(notes)


def _cells(row: Row) -> list[str]:
    failed = f" ({row.failed} failed)" if row.failed else ""
    return [
        "--" if row.rank is None else row.rank_text,
        escape(row.name),
        f"{len(row.runs)}{'$^*$' if row.provisional else ''}{failed}",
        _with_ends(row.hypervolume, lambda value: f"{value:.3f}"),
        _with_ends(row.accuracy, percent),
        _with_ends(row.forgetting, percent),
        _weights(row.weights),
        "--" if row.non_domination_rank is None else str(row.non_domination_rank),
    ]


def _weights(found: Interval) -> str:
    """Most rows use as many at every seed."""
    ends = {percent(value, 2) for value in (found.mean, found.low, found.high)} - {"-"}
    if len(ends) <= 1:
        return _minus(percent(found.mean, 2))
    return _with_ends(found, lambda value: percent(value, 2))


def _with_ends(found: Interval, shown: Callable[[float], str]) -> str:
    if math.isnan(found.low):
        return _minus(shown(found.mean))
    mean, low, high = (_minus(shown(value)) for value in (found.mean, found.low, found.high))
    return f"{mean} [{low}, {high}]"


def _minus(text: str) -> str:
    if text in ("-", "nan"):
        return "--"
    return f"${text}$" if text.startswith("-") else text


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
