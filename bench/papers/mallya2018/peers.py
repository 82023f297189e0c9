"""PackNet here and the library's own: what is forgotten (C9), how accurate, how fast."""

from __future__ import annotations

import math

import numpy as np

from bench.formatting.numbers import number, points
from bench.papers.declaration import Results
from bench.papers.results import (
    Cell,
    Result,
    most_forgetting,
    paired_errors,
    steps_per_second,
)
from bench.papers.verdict import Claim, Verdict, at_least
from bench.ranking.pools import Seed
from bench.stats.intervals import Interval, mean_interval

FROZEN, LIBRARY = "packnet-frozen", "avalanche-packnet"
FASTER = 1.5
"""Goal: training steps per second over the library's."""


def peers_verdicts(results: Results) -> list[Verdict]:
    """The rows of these experiments, by claim."""
    asked = (_forgets_nothing, _accuracy, _speed)
    return [question(result) for question in asked for result in results.values()]


def _forgets_nothing(result: Result) -> Verdict:
    claim = Claim.of(
        result.experiment, "C9, frozen PackNet keeps earlier tasks exactly", "no change at all"
    )
    changes = most_forgetting(result.of(FROZEN))
    if not changes:
        return claim.not_run()
    exact = sum(change == 0 for change in changes)
    verdict = "holds here, exactly" if exact == len(changes) else "does not hold here"
    measured = f"in {exact} of {len(changes)} runs no accuracy changed after it was learned"
    seeds = {seed for cell in result.of(FROZEN) for seed in cell.runs}
    return claim.answer(measured, verdict, seeds=len(seeds))


def _accuracy(result: Result) -> Verdict:
    claim = Claim.of(
        result.experiment, "as accurate as the library's PackNet", "none: a goal of this project"
    )
    shown, found, seeds = [], [], 0
    for own, peer in _pairs(result):
        errors = paired_errors([own, peer])
        if len(errors):
            found.append(mean_interval(list(errors[:, 1] - errors[:, 0])))
            shown.append(f"{points(found[-1])} at {_varied(own)}")
            seeds = min(seeds or len(errors), len(errors))
    if not found:
        return claim.not_run()
    level, below = sum(one.mean >= 0 for one in found), sum(one.high < 0 for one in found)
    verdict = (
        f"at or above in the mean at {level} of {len(found)} settings, surely below at {below}"
    )
    measured = f"points of accuracy above it: {', '.join(shown)}"
    return claim.answer(measured, verdict, seeds=seeds)


def _speed(result: Result) -> Verdict:
    goal = f"none: a goal of this project, at least {FASTER:g} times"
    claim = Claim.of(result.experiment, "faster than the library's PackNet", goal)
    logs: dict[Seed, list[float]] = {}
    for own, peer in _pairs(result):
        fast, slow = steps_per_second(own), steps_per_second(peer)
        for seed in fast.keys() & slow.keys():
            logs.setdefault(seed, []).append(math.log(fast[seed] / slow[seed]))
    if not logs:
        return claim.not_run()
    means = [float(np.mean(logs[seed])) for seed in sorted(logs)]
    found = mean_interval(means)
    ratio = Interval(*(math.exp(end) for end in (found.mean, found.low, found.high)))
    measured = f"{number(ratio)} times its training steps per second"
    verdict = f"at least {FASTER:g} times: {at_least(ratio, FASTER)}"
    return claim.answer(measured, verdict, seeds=len(logs))


def _pairs(result: Result) -> list[tuple[Cell, Cell]]:
    """Each cell of PackNet here with the library's that agrees in what is varied for both."""
    return [
        (own, peer)
        for own in result.of(FROZEN)
        for peer in result.of(LIBRARY)
        if peer.varied.items() <= own.varied.items()
    ]


def _varied(cell: Cell) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(cell.varied.items()))
