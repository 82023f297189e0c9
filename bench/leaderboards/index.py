"""The index of all leaderboards, as Markdown: where they are, and what they say together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.formatting.markdown import escape, files_left_out, link, table
from bench.formatting.numbers import SCENARIO_NAMES, percent, range_text
from bench.formatting.templates import template
from bench.leaderboards.column import first_to_last
from bench.leaderboards.fading_table import fading_parts
from bench.leaderboards.page import Folders
from bench.ranking.across_benchmarks import Standing, agreements, counted, standings
from bench.ranking.fading import fading
from bench.ranking.leaderboard import Leaderboard, Row
from bench.ranking.pools import budget_text

TEMPLATE = Path(__file__).with_name("index.md.jinja")
Placed = tuple[Path, Leaderboard]
"""A leaderboard and its page, relative to the index."""


def index_markdown(
    pages: Sequence[tuple[Path, Sequence[Leaderboard]]], damaged: Sequence[str], *, folders: Folders
) -> str:
    """The list of all pages, and what they say together.

    Args:
        pages: (path relative to the index, what stands there).
        damaged: sentences about files left out.
        folders: of the records and the pages, for the command.
    """
    every = [(path, leaderboard) for path, own in pages for leaderboard in own]
    header = ["benchmark", "scenario", "budget", "rows", "seeds of a row", "failed runs",
              "leads by score"]  # fmt: skip
    return template(TEMPLATE).render(
        command=folders.command,
        pages="\n".join(table(header, [_page_row(path, own) for path, own in pages])),
        standings=list(_standings(every)),
        fading=list(fading_parts(fading([own for _, own in every]), folders)),
        budgets=_budgets([leaderboard for _, leaderboard in every]),
        left_out=files_left_out(damaged),
    )


def _page_row(path: Path, leaderboards: Sequence[Leaderboard]) -> list[str]:
    key = leaderboards[0].key
    rows = [row for one in leaderboards for row in (*one.rows, *one.unplaced)]
    leaders = [_first(leaderboard) for leaderboard in leaderboards if leaderboard.rows]
    return [
        f"[{escape(key.benchmark)}]({link(path)})",
        SCENARIO_NAMES[key.scenario],
        budget_text(key),
        str(len(rows)),
        range_text([len(row.runs) for row in rows]),
        str(sum(row.failed for row in rows)),
        escape("; ".join(leaders)),
    ]


def _standings(leaderboards: Sequence[Placed]) -> Iterator[dict[str, object]]:
    """What is said of every strategy over the leaderboards of each scenario that has several."""
    for scenario in sorted({leaderboard.key.scenario for _, leaderboard in leaderboards}):
        own = [one for _, one in leaderboards if one.key.scenario == scenario]
        large = {id(one) for one in counted(own)}
        shown = [number for number, (_, one) in enumerate(leaderboards) if id(one) in large]
        if len(shown) < 2:
            continue
        found = standings([leaderboards[number][1] for number in shown])
        columns = [_column(leaderboards[number][0], number, leaderboards) for number in shown]
        header = ["rank", "strategy", "mean", *columns]
        cells = [_standing_row(one, len(shown)) for one in found]
        yield {
            "scenario": SCENARIO_NAMES[scenario],
            "ranked": sum(one.ranks is not None for one in found),
            "table": "\n".join(table(header, cells)),
        }


def _standing_row(one: Standing, count: int) -> list[str]:
    return [
        "-" if one.ranks is None else first_to_last(one.ranks),
        escape(one.strategy),
        "-" if one.ranks is None else f"{one.mean:.3f}",
        *(_in_summary(one.rows.get(number)) for number in range(count)),
    ]


def _budgets(leaderboards: Sequence[Leaderboard]) -> str:
    """The table of whether the order of strategies depends on the budget; empty for one budget."""
    header = ["benchmark", "scenario", "budgets", "strategies", "pairs in the same order, %",
              "surely reversed", "ahead under the first and behind under the second"]  # fmt: skip
    cells = [
        [
            escape(one.first.key.benchmark),
            SCENARIO_NAMES[one.first.key.scenario],
            f"{budget_text(one.first.key)}, {budget_text(one.second.key)}",
            str(one.strategies),
            percent(one.same),
            str(len(one.reversed)),
            escape("; ".join(f"{ahead} and {behind}" for ahead, behind in one.reversed)) or "-",
        ]
        for one in agreements(leaderboards)
    ]
    return "\n".join(table(header, cells)) if cells else ""


def _first(leaderboard: Leaderboard) -> str:
    """The first row, and how many others may have its rank."""
    first = leaderboard.rows[0]
    sharing = first.ranks["score"][1] - 1
    return f"{first.name}{f', not told apart from {sharing}' if sharing else ''}"


def _in_summary(row: Row | None) -> str:
    return "-" if row is None else f"{row.score.mean:.3f}"


def _column(path: Path, number: int, leaderboards: Sequence[Placed]) -> str:
    """The page that holds a leaderboard, with the place of the leaderboard on it if it has many."""
    own = [i for i, (other, _) in enumerate(leaderboards) if other == path]
    place = f", table {own.index(number) + 1}" if len(own) > 1 else ""
    return f"[{escape(path.with_suffix('').as_posix())}]({link(path)}){place}"
