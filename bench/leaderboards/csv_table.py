"""Leaderboards as CSV at full precision, and as a compact table for a terminal."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from bench.config.budget import KINDS
from bench.formatting.numbers import SCENARIO_NAMES, percent, relative
from bench.ranking.leaderboard import LEVELS, SHARES, Leaderboard, Row
from bench.ranking.pools import budget_text
from bench.stats.intervals import Interval

Cell = str | int | float | bool | None


def page_csv(leaderboards: Sequence[Leaderboard], *, page: Path) -> str:
    """One line for each row of the leaderboards, upper bounds included; fractions, never percent.

    Not measured is an empty cell.

    Args:
        page: where the file will lie, for the paths of the records.
    """
    lines = [
        _line(leaderboard, row, page)
        for leaderboard in leaderboards
        for row in (*leaderboard.rows, *leaderboard.upper_bounds)
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(lines[0] if lines else ["benchmark"])
    writer.writerows([_cell(value) for value in line.values()] for line in lines)
    return text.getvalue()


def terminal_table(leaderboard: Leaderboard) -> Table:
    """The ranking on a screen: accuracy with half the width of its 95 % interval, in percent."""
    key = leaderboard.key
    scenario, chosen = SCENARIO_NAMES[key.scenario], (*key.speedups, *key.augment)
    title = ", ".join([key.benchmark, scenario, budget_text(key), key.model, *chosen])
    table = Table(title=f"{escape(title)}; percent", box=None, title_justify="left")
    table.add_column("rank", justify="right")
    table.add_column("strategy", overflow="fold")
    for name in ("accuracy", "forgetting", "weights", "hypervolume", "charged", "seeds"):
        table.add_column(name, justify="right")
    for row in (*leaderboard.rows, *leaderboard.upper_bounds):
        table.add_row(*_terminal_cells(row), style=None if row.ranked else "dim")
    return table


def _terminal_cells(row: Row) -> Iterable[str]:
    half = (row.accuracy.high - row.accuracy.low) / 2
    spread = "" if math.isnan(half) else f" ± {percent(half)}"
    failed = f" ({row.failed} failed)" if row.failed else ""
    yield row.rank_text
    yield escape(row.label)
    yield percent(row.accuracy.mean) + spread
    yield percent(row.mean.forgetting)
    yield percent(row.mean.weights)
    yield f"{row.hypervolume.mean:.3f}"
    yield percent(row.mean.charged)
    yield f"{len(row.runs)}{failed}"


def _line(leaderboard: Leaderboard, row: Row, page: Path) -> dict[str, Cell]:
    line: dict[str, Cell] = {
        name: " ".join(value) if isinstance(value, tuple) else value
        for name, value in asdict(leaderboard.key).items()
    }
    del line["chance"]  # stands beside joint
    line |= {
        "strategy": row.configuration.strategy,
        "hyperparameters": row.configuration.hyperparameters,
        "resolved": row.configuration.resolved,
        "label": row.label,
        "ranked": row.ranked,
        "rank": row.rank,
        "place_low": row.rank_interval[0] if row.rank_interval else None,
        "place_high": row.rank_interval[1] if row.rank_interval else None,
        "provisional": row.provisional,
        "p_above_holm": row.p_above,
        "p_row_above_better": row.improvement,
        "pareto_layer": row.non_domination_rank,
        "p_on_front": row.on_front,
        "seeds": len(row.runs),
        "failed": row.failed,
    }
    for name in ("accuracy", "weights", "hypervolume", "forgetting"):
        interval: Interval = getattr(row, name)
        line |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
    line |= {name: value for name, value in asdict(row.mean).items() if name not in line}
    for share, value in zip(SHARES, row.attained, strict=True):
        line[f"accuracy_at_{percent(share, 0)}_percent"] = value
    for level, value in zip(LEVELS, row.needed, strict=True):
        line[f"weights_at_{percent(level, 0)}_percent_of_joint"] = value
    seconds = row.seconds
    line |= {f"seconds_{kind}": seconds.get(kind, math.nan) for kind in KINDS}
    line |= {"charged_most": row.most_charged}
    line |= asdict(leaderboard.bounds)
    line["records"] = " ".join(relative(i.path, page).as_posix() for i in row.runs.values())
    return line


def _cell(value: Cell) -> str:
    """One cell; text that a spreadsheet would run as a formula is made text by an apostrophe."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return f"'{value}" if re.match(r"\s*[=+\-@＝＋－＠]|[\t\r\n]", value) else value
    return repr(value)
