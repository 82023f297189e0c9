"""What PackNet's experiments say: the price of freezing (C1), no forgetting (C9), and its peer."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from bench.formatting.numbers import number, percent, points
from bench.papers import analyses
from bench.papers.results import (
    Cell,
    Result,
    curves,
    most_forgetting,
    paired_errors,
    steps_per_second,
)
from bench.papers.verdict import Claim, Verdict, at_least
from bench.ranking.pools import Seed
from bench.stats.intervals import Interval, generator, mean_interval

FROZEN, LIBRARY = "packnet-frozen", "avalanche-packnet"
MORE = 2.0
"""Published: weights used by frozen over unfrozen for the same accuracy are more than this."""
FASTER = 1.5
"""Goal: training steps per second over the library's."""

READINGS = (
    ("U1, every snapshot counted", "packnet-snapshot", "used_prunable"),
    ("U1, the last task's network alone", "packnet-snapshot", "active"),
    ("U2, final weights", "packnet-unfrozen", "used_prunable"),
    ("U3, final weights with rehearsal", "packnet-rehearsed", "used_prunable"),
    ("ours, final weights with dreams at night", "packnet-dreaming", "used_prunable"),
)
"""What unfrozen may mean: name, strategy, and which weights count."""


def readings_verdicts(results: Mapping[str, Result]) -> list[Verdict]:
    """C1 for each reading of unfrozen.

    Args:
        results: experiments frozen and unfrozen, by name.
    """
    return [_reading(result, *reading) for result in results.values() for reading in READINGS]


def peers_verdicts(results: Mapping[str, Result]) -> list[Verdict]:
    """C9 and the comparison with the library's PackNet.

    Args:
        results: experiments of peers, by name.
    """
    asked = (_forgets_nothing, _accuracy, _speed)
    return [question(result) for question in asked for result in results.values()]


def _reading(result: Result, name: str, strategy: str, count: str) -> Verdict:
    claim = Claim.of(
        result.experiment, f"C1, freezing costs weights, {name}", "more than 2 times the weights"
    )
    one, other = (curves(result.of(s), count) for s in (FROZEN, strategy))
    seeds = sorted(one.keys() & other.keys())
    if not seeds:
        return claim.not_run()
    first, second = ([found[seed] for seed in seeds] for found in (one, other))
    found = analyses.matched_ratio(first, second, rng=generator())
    if not found.seeds:
        nothing = f"none of {found.of} seeds has an accuracy that both reach"
        return claim.answer(nothing, "cannot be said: nothing to match", seeds=found.of)
    measured = (
        f"{number(found.ratio)} times, over {percent(found.low)} to {percent(found.high)} % "
        f"accuracy; {number(found.at_best)} at the highest that both reach; "
        f"{found.seeds} of {found.of} seeds have such accuracies"
    )
    verdict = f"more than {MORE:g} times: {at_least(found.ratio, MORE)}"
    return claim.answer(measured, verdict, seeds=found.seeds)


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
