"""What a page tells of a stream by day and night."""

from __future__ import annotations

from bench.config.budget import Budget
from bench.formatting.numbers import percent
from bench.ranking.leaderboard import Leaderboard

RULES = {
    "day before": "the label at the same time of the day before",
    "majority of the place": "the label that was most frequent at that time of day",
    "majority": "the label that was most frequent",
    "last label": "the last label known",
}
"""Rules that see labels and no inputs, in words."""


def best_rule(leaderboard: Leaderboard) -> tuple[str, float]:
    """The best rule that sees no input, in words, and its accuracy by day."""
    name, share = max(leaderboard.floors.items(), key=lambda item: item[1])
    return RULES.get(name, name), share


def night_facts(leaderboard: Leaderboard) -> dict[str, str]:
    """Its nights, what accuracy is there, and what rules without inputs reach, by name."""
    floors = leaderboard.floors
    if not floors:
        return {}
    best_first = sorted(floors.items(), key=lambda item: -item[1])
    return {
        "nights": _nights(leaderboard),
        "accuracy": "by day, before the labels of the day are told; an upper bound answers in "
        "hindsight",
        "accuracy by day without inputs": ", ".join(
            f"{RULES.get(name, name)} {percent(share)} %" for name, share in best_first
        ),
    }


def _nights(leaderboard: Leaderboard) -> str:
    """How many, and the budget of each."""
    number, key = leaderboard.nights, leaderboard.key
    if key.allocation != "equal":
        return f"{number}, each with a share of the budget"
    whole = Budget.parse(key.budget)
    unit = " steps" if whole.clock == "steps" else " s"
    return f"{number}, each of {whole.amount / number:.4g}{unit}"
