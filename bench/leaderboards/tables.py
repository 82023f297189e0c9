"""The tables of a leaderboard's page, in Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from bench.config.budget import KINDS
from bench.formatting.markdown import escape, record_link, table
from bench.formatting.numbers import percent
from bench.ranking.leaderboard import SHARES, Front, Leaderboard, Row, levels
from bench.ranking.pools import seed_text
from bench.stats.intervals import Interval


def ranking(rows: Sequence[tuple[str, Row]], page: Path) -> list[str]:
    """Rank, objectives and tests of each row, and links to its records from where the page lies.

    Args:
        rows: each with the number that names it in figures.
    """
    header = ["#", "rank", "places", "strategy", "seeds", "failed", "hypervolume",
              "p against row above, Holm", "P(row above better)", "Pareto layer", "P(on front)",
              "accuracy, %", "weights used, %", "of prunable, %", "records"]  # fmt: skip
    cells = [
        [
            number,
            rank_text(row),
            "-" if row.rank_interval is None else rank_interval_text(row.rank_interval),
            escape(row.name),
            str(len(row.runs)),
            f"{row.failed}/{len(row.runs)}",
            _number_with(row.hypervolume),
            "-" if math.isnan(row.p_above) else f"{row.p_above:.3g}",
            _probability(row.improvement),
            "-"
            if row.non_domination_rank is None
            else f"{row.non_domination_rank}{' (front)' if row.non_domination_rank == 1 else ''}",
            _probability(row.on_front),
            _percent_with(row.accuracy),
            _weights(row.weights),
            percent(row.mean.weights_prunable, 2),
            " ".join(
                record_link(seed_text(seed), item.record.status, item.path, page)
                for seed, item in row.runs.items()
            ),
        ]
        for number, row in rows
    ]
    return table(header, cells)


def learning(rows: Sequence[Row]) -> list[str]:
    """What each row learned and forgot, in percent."""
    header = ["strategy", "final average accuracy", "average incremental accuracy",
              "anytime accuracy", "forgetting (max minus last)", "backward transfer",
              "forward transfer", "plasticity", "stability"]  # fmt: skip
    cells = []
    for row in rows:
        m = row.mean
        cells.append(
            [
                _name(row),
                _percent_with(row.accuracy),
                *map(percent, (m.average_incremental_accuracy, m.anytime_accuracy)),
                _percent_with(row.forgetting),
                *map(percent, (m.backward_transfer, m.forward_transfer, m.plasticity, m.stability)),
            ]
        )
    return table(header, cells)


def shares(leaderboard: Leaderboard) -> list[str]:
    """The accuracy that is reached within each share of the weights, in percent."""
    header = ["strategy", "hypervolume", *(f"at {percent(share, 0)} %" for share in SHARES)]
    cells = [
        [_name(row), _number_with(row.hypervolume), *map(percent, row.attained)]
        for row in (*leaderboard.rows, *leaderboard.upper_bounds)
    ]
    cells += [
        [
            _front(front),
            _number_with(front.hypervolume),
            *map(percent, front.attained),
        ]
        for front in leaderboard.fronts
    ]
    return table(header, cells)


def needed(leaderboard: Leaderboard) -> list[str]:
    """The share of the weights that it takes to reach each accuracy, in percent."""
    header = ["strategy", *(f"for {percent(level)} %" for level in levels(leaderboard.bounds))]
    rows = [*leaderboard.rows, *leaderboard.upper_bounds]
    cells = [[_name(row), *(percent(share, 2) for share in row.needed)] for row in rows]
    cells += [[_front(front), *(percent(share, 2) for share in front.needed)]
              for front in leaderboard.fronts]  # fmt: skip
    return table(header, cells)


def cost(rows: Sequence[Row]) -> list[str]:
    """What each row was charged, and what it keeps beside its weights."""
    header = ["strategy", "charged, % of budget", "most charged", "CPU share, %", "weights in all",
              "buffer, bytes", "artifact, bytes"]  # fmt: skip
    cells = []
    for row in rows:
        m = row.mean
        counts = (m.weights_total, m.buffer_bytes, m.artifact_bytes)
        shown = ["-" if math.isnan(count) else f"{count:,.0f}" for count in counts]
        percents = map(percent, (m.charged, row.most_charged, m.cpu_share))
        cells.append([_name(row), *percents, *shown])
    searched = [_search_charged(row) for row in rows]
    if any(searched):  # a row that a search chose says what that cost
        unit = "steps" if _budget_in_steps(rows[0]) else "s"
        header.append(f"its search charged, {unit}")
        for cell, charged in zip(cells, searched, strict=True):
            cell.append(f"{charged:,.0f}" if charged else "-")
    return table(header, cells)


def seconds(rows: Sequence[Row]) -> list[str]:
    """Charged seconds of each row by kind."""
    cells = []
    for row in rows:
        found = row.seconds
        shown = [f"{found[kind]:.2f}" if kind in found else "-" for kind in KINDS]
        cells.append([_name(row), *shown])
    return table(["strategy", *KINDS], cells)


def rank_text(row: Row) -> str:
    """The rank, or a dash, whether others share it, and whether it is provisional."""
    return f"{row.rank_text} (provisional)" if row.provisional else row.rank_text


def rank_interval_text(places: tuple[int, int]) -> str:
    """`3`, or `3 to 5`."""
    first, last = places
    return str(first) if first == last else f"{first} to {last}"


def _name(row: Row) -> str:
    return escape(row.name) if row.ranked else f"*{escape(row.name)}*"


def _front(front: Front) -> str:
    return f"{escape(front.strategy)}, front of its {front.configurations} configurations"


def _probability(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _percent_with(interval: Interval) -> str:
    if math.isnan(interval.low):
        return percent(interval.mean)
    return f"{percent(interval.mean)} [{percent(interval.low)}, {percent(interval.high)}]"


def _weights(interval: Interval) -> str:
    """Most rows use as many at every seed."""
    text = percent(interval.mean, 2)
    ends = [percent(end, 2) for end in (interval.low, interval.high)]
    return text if ends in ([text, text], ["-", "-"]) else f"{text} [{', '.join(ends)}]"


def _number_with(interval: Interval) -> str:
    if math.isnan(interval.low):
        return f"{interval.mean:.3f}"
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _search_charged(row: Row) -> float:
    return max(item.record.config.search_charged for item in row.runs.values())


def _budget_in_steps(row: Row) -> bool:
    return next(iter(row.runs.values())).record.config.budget.clock == "steps"
