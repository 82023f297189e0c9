"""What a page tells of rules that see labels and no inputs, and of how it was asked there."""

from __future__ import annotations

from bench.config.budget import Budget
from bench.formatting.numbers import percent
from bench.ranking.leaderboard import Leaderboard

RULES = {
    "day before": "the label at the same time of the day before",
    "majority of the place": "the label that was most frequent at that time of day",
    "majority": "the label that was most frequent",
    "last label": "the last label known",
    "value of the day before": "the value at the same time of the day before",
    "last value": "the last value known",
    "median": "the median so far",
    "experience before": "the label that was most frequent in the experience before",
}
"""The rules, in words."""


def best_rule(leaderboard: Leaderboard) -> tuple[str, float]:
    """The best rule, in words, and its accuracy."""
    name, share = max(leaderboard.floors.items(), key=lambda item: item[1])
    return RULES.get(name, name), share


def facts_without_inputs(leaderboard: Leaderboard) -> dict[str, str]:
    """What rules reach, and of a stream by day and night how it was asked; by name."""
    if not leaderboard.floors:
        return {}
    best_first = sorted(leaderboard.floors.items(), key=lambda item: -item[1])
    told = ", ".join(f"{RULES.get(name, name)} {percent(share)} %" for name, share in best_first)
    if not leaderboard.nights:
        return {"near-future accuracy without inputs": told}
    asked = "by day, before the labels of the day are told; an upper bound answers in hindsight"
    found = {"nights": _nights(leaderboard), "accuracy": asked}
    if not leaderboard.losses_of_rules:
        return found | {"accuracy by day without inputs": told}
    least_first = sorted(leaderboard.losses_of_rules.items(), key=lambda item: item[1])
    missed = ", ".join(f"{RULES.get(name, name)} {loss:.4g}" for name, loss in least_first)
    return found | {
        "accuracy": f"{asked}. The loss of the best rule without inputs over the sum of that and "
        "the own: 50 % is the rule, 100 % no loss",
        "loss by day without inputs": missed,
    }


def _nights(leaderboard: Leaderboard) -> str:
    """How many, and the budget of each."""
    number, key = leaderboard.nights, leaderboard.key
    if key.allocation != "equal":
        return f"{number}, each with a share of the budget"
    whole = Budget.parse(key.budget)
    unit = " steps" if whole.clock == "steps" else " s"
    return f"{number}, each of {whole.amount / number:.4g}{unit}"
