"""What experiments over the number of rounds say: claims C2 to C4, and the adaptive rhythm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

from bench import claims, stats
from bench.claims import Move
from bench.pages import percent
from bench.ranking import ALPHA
from bench.results import Result, paired_errors
from bench.stats import Array
from bench.wording import (
    Claim,
    Verdict,
    at_least,
    at_most,
    generator,
    number,
    points,
    share_interval,
)

BUDGETED, ADAPTIVE = "iterative-prune-budgeted", "iterative-prune-adaptive"
RATIO = 1.6
"""Worst over best error: about 5 % over about 3 %, rounded down."""
BEST = 0.03
SURE = 0.975
"""Share of resamples that must agree on the side to which the best number of rounds moves."""
WITHIN = 0.1
"""Goal of the adaptive rhythm: relative error over the best fixed number of rounds."""

Results = Mapping[str, Result]
Pair = tuple[str, str]


def rounds_and_errors(result: Result) -> tuple[list[int], Array]:
    """The numbers of rounds that were run, and the (seeds, rounds) errors that pair."""
    cells = result.of(BUDGETED)
    return [int(str(cell.varied["rounds"])) for cell in cells], paired_errors(cells)


def rounds_verdicts(results: Results) -> list[Verdict]:
    """The rows of experiments over rounds. results: these experiments by name."""
    rows = [_matters(result) for result in results.values()]
    rows += [_best(result) for result in results.values() if result.experiment.simple]
    rows += [_first_step(result) for result in results.values() if not result.experiment.simple]
    return [*rows, *_moves(results), *(_adaptive(result) for result in results.values())]


def moves(results: Results) -> dict[Pair, Move]:
    """How the best number of rounds moves between any two experiments, over their common rounds.

    The p-values are Holm-adjusted over all pairs. An experiment with fewer than two numbers of
    rounds is in no pair.
    """
    every = {name: rounds_and_errors(result) for name, result in results.items()}
    found = {}
    for (one, (a, x)), (other, (b, y)) in combinations(every.items(), 2):
        common = sorted(set(a) & set(b))
        if len(common) > 1 and len(x) and len(y):
            first, second = x[:, [a.index(r) for r in common]], y[:, [b.index(r) for r in common]]
            found[one, other] = claims.move(first, second, rng=generator())
    adjusted = stats.holm([move.p for move in found.values()])
    return {pair: replace(found[pair], p=p) for pair, p in zip(found, adjusted, strict=True)}


def _matters(result: Result) -> Verdict:
    simple, (rounds, errors) = result.experiment.simple, rounds_and_errors(result)
    published = (
        "about 5 % error at a poor number, 3 % at the best: 1.7 times"
        if simple
        else "a significant gap from best to worst"
    )
    claim = Claim(result, f"{'C2' if simple else 'C3'}, the number of rounds matters", published)
    if len(rounds) < 2 or not len(errors):
        return claim.not_run()
    found = claims.extremes(errors, rng=generator())
    measured = (
        f"of {', '.join(map(str, rounds))} rounds {rounds[found.worst]} is worst and "
        f"{rounds[found.best]} best: {number(found.ratio)} times the error; "
        f"p = {found.p_any:.2g} that any differ, {found.p_pair:.2g} for this pair alone"
    )
    if found.p_any > ALPHA:
        verdict = f"not seen here: no number of rounds is told apart (p above {ALPHA})"
    elif simple:
        verdict = f"a gap is there (p at most {ALPHA}); at least {RATIO} times: " + at_least(
            found.ratio, RATIO
        )
    else:
        verdict = f"holds here: a gap is there (p at most {ALPHA})"
    return claim.answer(measured, verdict, seeds=len(errors))


def _best(result: Result) -> Verdict:
    claim = Claim(result, "C2, error at the best number of rounds", "about 3 %")
    rounds, errors = rounds_and_errors(result)
    if not len(errors):
        return claim.not_run()
    best = int(errors.mean(axis=0).argmin())
    found = share_interval(list(errors[:, best]))
    verdict = f"at most {percent(BEST, 0)} %: {at_most(found, BEST)}"
    return claim.answer(f"{points(found)} % at {rounds[best]}", verdict, seeds=len(errors))


def _first_step(result: Result) -> Verdict:
    claim = Claim(result, "C3, more rounds are at first worse", "worse at first, not monotone")
    rounds, errors = rounds_and_errors(result)
    if len(rounds) < 2 or not len(errors):
        return claim.not_run()
    found = stats.mean_interval(list(errors[:, 1] - errors[:, 0]), rng=generator())
    measured = f"{points(found)} points of error from {rounds[0]} to {rounds[1]} rounds"
    return claim.answer(measured, f"above 0: {at_least(found, 0.0)}", seeds=len(errors))


def _adaptive(result: Result) -> Verdict:
    goal = f"none: a goal of this project, at most {percent(WITHIN, 0)} % over"
    claim = Claim(result, "adaptive rhythm, error over that of the best number of rounds", goal)
    cells, own = result.of(BUDGETED), result.of(ADAPTIVE)
    table = paired_errors([*own[:1], *cells])
    if not cells or not own or not len(table):
        return claim.not_run()
    found = claims.excess(table[:, 0], table[:, 1:], rng=generator())
    measured = f"{points(found, 1)} % over the best of {len(cells)} numbers"
    verdict = f"at most {percent(WITHIN, 0)} %: {at_most(found, WITHIN)}"
    return claim.answer(measured, verdict, seeds=len(table))


def _moves(results: Results) -> list[Verdict]:
    """C3 over all pairs, and C4 over those of a simple task and another."""
    found = moves(results)
    if not found:
        return []
    names = {name: result.experiment.title for name, result in results.items()}
    depends = [pair for pair in found if found[pair].p <= ALPHA]
    moved = [pair for pair in found if max(found[pair].lower, found[pair].higher) >= SURE]
    seeds = min(len(rounds_and_errors(results[name])[1]) for pair in found for name in pair)
    settled = f"the best number surely moves in {len(moved)}"
    verdict = (
        f"holds here: {settled} of {len(found)} pairs"
        if moved
        else f"the curves differ, but {settled} pairs"
        if depends
        else "not seen here"
    )
    rows = [
        _over_all(
            results,
            "C3, the best number depends on task and architecture",
            "it does",
            f"curves differ in {len(depends)} of {len(found)} pairs (p at most {ALPHA} after "
            f"Holm); {settled} ({percent(SURE)} % of resamples)",
            verdict,
            seeds,
        )
    ]
    graded = [p for p in found if results[p[0]].experiment.simple > results[p[1]].experiment.simple]
    if graded:
        higher = [pair for pair in graded if found[pair].higher >= SURE]
        lower = [pair for pair in graded if found[pair].lower >= SURE]
        measured = "; ".join(
            f"{names[two]} over {names[one]}: higher in {percent(found[one, two].higher, 0)} %, "
            f"lower in {percent(found[one, two].lower, 0)} % of resamples"
            for one, two in graded
        )
        verdict = f"surely higher in {len(higher)}, surely lower in {len(lower)} of {len(graded)}"
        holds = len(higher) == len(graded)
        rows.append(
            _over_all(
                results,
                "C4, complex tasks want more rounds than simple ones",
                "an interaction, in words only",
                measured,
                f"{'holds here: ' if holds else 'not settled here: '}{verdict} pairs",
                seeds,
            )
        )
    return rows


def _over_all(
    results: Results, claim: str, published: str, measured: str, verdict: str, seeds: int
) -> Verdict:
    """A row over all experiments, told apart from those of one."""
    example = Claim(next(iter(results.values())), claim, published)
    row = example.answer(measured, verdict, seeds=seeds)
    return replace(row, claim=claim)
