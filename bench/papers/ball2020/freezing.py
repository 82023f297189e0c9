"""What freezing costs, claim C1, for each reading of what unfrozen means."""

from __future__ import annotations

from bench.formatting.numbers import number, percent
from bench.papers.ball2020 import analyses
from bench.papers.declaration import Results
from bench.papers.results import Result, curves
from bench.papers.verdict import Claim, Verdict, at_least
from bench.stats.intervals import generator

FROZEN = "packnet-frozen"
MORE = 2.0
"""Published: weights used by frozen over unfrozen for the same accuracy are more than this."""

READINGS = (
    ("U1, every snapshot counted", "packnet-snapshot", "used_prunable"),
    ("U1, the last task's network alone", "packnet-snapshot", "active"),
    ("U2, final weights", "packnet-unfrozen", "used_prunable"),
    ("U3, final weights with rehearsal", "packnet-rehearsed", "used_prunable"),
    ("ours, final weights with dreams at night", "packnet-dreaming", "used_prunable"),
)
"""What unfrozen may mean: name, strategy, and which weights count."""


def freezing_verdicts(results: Results) -> list[Verdict]:
    """The rows of these experiments, one for each reading of unfrozen."""
    return [_reading(result, *reading) for result in results.values() for reading in READINGS]


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
