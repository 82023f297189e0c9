"""What a leaderboard says in sentences: who leads, how sure that is, and how to read it."""

from __future__ import annotations

import math

from bench.formatting.markdown import escape
from bench.formatting.numbers import percent
from bench.leaderboards.without_inputs import best_rule
from bench.ranking.leaderboard import LISTED_FROM, OTHER_CAPS, Leaderboard, Row
from bench.stats.hypothesis_tests import ALPHA
from bench.stats.rank_intervals import FEWEST_FLIPPED


def leads(leaderboard: Leaderboard) -> str:
    """Who leads by score and by accuracy, by how much, and whether the test sees it."""
    if not leaderboard.rows:
        if not any(row.ranked for row in leaderboard.every_row):
            return "No ranked strategy has a finished run yet."
        return "No row is more accurate than chance."
    first, *others = leaderboard.rows
    text = (
        f"{_called(first)} leads by score: {first.score.mean:.3f}, with "
        f"{percent(first.accuracy.mean)} % accuracy at {percent(first.capacity.mean)} % of the "
        "capacity."
    )
    if others:
        second = others[0]
        ahead = first.score.mean - second.score.mean
        text += f" {_called(second)} is next, {ahead:.3f} behind; {_sureness(first)}"
    best = max(leaderboard.rows, key=lambda row: row.accuracy.mean)
    if best is first:
        text += " It is the most accurate row as well."
    else:
        text += (
            f" {_called(best)} is the most accurate: {percent(best.accuracy.mean)} %, at "
            f"{percent(best.capacity.mean)} % of the capacity."
        )
    return text + _against_floors(leaderboard)


def _against_floors(leaderboard: Leaderboard) -> str:
    """How many rows are better than the best rule that sees no input; nothing where none is."""
    if not leaderboard.floors:
        return ""
    name, share = best_rule(leaderboard)
    rule = escape(name)
    rows = len(leaderboard.rows) + len(leaderboard.unplaced)
    if not leaderboard.nights:
        ranked = (*leaderboard.rows, *leaderboard.unplaced)
        above = sum(row.mean.metrics["near_future_accuracy"] > share for row in ranked)
        return (
            f" On what comes next, {above} of {rows} ranked rows are more accurate than the best "
            f"rule without inputs, {rule}: {percent(share)} %."
        )
    above = sum(row.accuracy.low > share for row in leaderboard.rows)
    return (
        f" {above} of {rows} ranked rows are surely more accurate than the best rule without "
        f"inputs, {rule}: {percent(share)} %."
    )


def _sureness(first: Row) -> str:
    shared = first.ranks["score"][1] - 1
    if not shared:
        return "the test tells the first from every other row."
    return f"{shared} row{'s are' if shared > 1 else ' is'} not told apart from the first."


def _called(row: Row) -> str:
    return f"**{escape(row.name)}**"


def reading(leaderboard: Leaderboard) -> list[str]:
    """How to read the ranks, a claim a sentence."""
    apart, pairs = leaderboard.told_apart["score"]
    found = [
        "Intervals are 95 % over seeds. They do not know of a collapse that no seed showed.",
    ]
    if pairs:
        found.append(
            f"Ranks are intervals that hold for all rows at once. The paired t-test tells {apart} "
            f"of {pairs} pairs apart by score (p at most {ALPHA} after Holm over all pairs)."
        )
        found.append(_second_test(leaderboard))
        found.append(_orders(leaderboard))
    if leaderboard.unplaced:
        found.append("A row that is no more accurate than chance has no rank.")
    if any(row.provisional for row in leaderboard.every_row):
        found.append(f"Provisional: rows with fewer than {LISTED_FROM} seeds.")
    return found


def _second_test(leaderboard: Leaderboard) -> str:
    seeds = max(len(row.runs) for row in leaderboard.rows)
    if seeds < FEWEST_FLIPPED:
        return (
            f"Sign flips (Westfall and Young) could confirm them from {FEWEST_FLIPPED} seeds on; "
            f"there are {seeds}."
        )
    count = len(leaderboard.disagreements)
    if not count:
        return "Sign flips (Westfall and Young) agree on every pair."
    named = "; ".join(
        f"{escape(one)} and {escape(other)}" for one, other in leaderboard.disagreements[:3]
    )
    more = "" if count <= 3 else f"; and {count - 3} more"
    return f"Sign flips (Westfall and Young) disagree on {count} of them: {named}{more}."


def _orders(leaderboard: Leaderboard) -> str:
    """Kendall's tau with accuracy, and with the score under another range of the cap."""
    smallest, largest = OTHER_CAPS
    other = leaderboard.sensitivity
    return (
        f"Kendall's tau of score and accuracy is {_tau(leaderboard.tau)}. With caps from "
        f"{percent(smallest)} to {percent(largest, 0)} % of the dense model instead, tau to this "
        f"order is {_tau(other.tau)} and {escape(other.first)} leads."
    )


def _tau(value: float) -> str:
    return "not defined" if math.isnan(value) else f"{value:.2f}"
