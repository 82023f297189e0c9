"""What the number of prune-retrain rounds does: claims C2 to C4, and the adaptive rhythm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations

from bench.formatting.markdown import escape, table
from bench.formatting.numbers import number, percent, points
from bench.papers.ball2020 import analyses
from bench.papers.ball2020.analyses import Move
from bench.papers.declaration import Results
from bench.papers.results import Cell, Experiment, Result, paired_errors
from bench.papers.verdict import Claim, Verdict, at_least, at_most
from bench.stats import hypothesis_tests
from bench.stats.hypothesis_tests import ALPHA
from bench.stats.intervals import Array, generator, mean_interval

BUDGETED, ADAPTIVE = "iterative-prune-budgeted", "iterative-prune-adaptive"
RATIO = 1.6
"""Worst over best error: about 5 % over about 3 %, rounded down."""
BEST = 0.03
SURE = 0.975
"""Share of resamples that must agree on the side to which the best number of rounds moves."""
WITHIN = 0.1
"""Goal of the adaptive rhythm: relative error over the best fixed number of rounds."""

Pair = tuple[str, str]
"""Names of two experiments."""


@dataclass(frozen=True)
class RoundsExperiment(Experiment):
    """Error against the number of rounds, and the adaptive rhythm beside it.

    Attributes:
        simple: whether the task counts as simple.
        control: whether it asks an earlier question again with one setting changed; it is then no
            task or architecture of its own.
    """

    simple: bool = False
    control: bool = False


def rounds_of(cells: Iterable[Cell]) -> list[int]:
    """The number of rounds of each cell."""
    return [int(str(cell.chosen["rounds"])) for cell in cells]


def rounds_and_errors(result: Result) -> tuple[list[int], Array]:
    """The numbers of rounds that were run, and the (seeds, rounds) errors that pair."""
    cells = result.of(BUDGETED)
    return rounds_of(cells), paired_errors(cells)


def rounds_verdicts(results: Results) -> list[Verdict]:
    """The rows of these experiments, by claim."""
    every = list(results.values())
    return [
        *(_matters(result) for result in every),
        *(_best(result) for result in every if _declared(result).simple),
        *(_first_step(result) for result in every if not _declared(result).simple),
        _depends(results),
        _complex_wants_more(results),
        *(_adaptive(result) for result in every),
    ]


def moves_section(results: Results) -> list[str]:
    """A table of how the best number of rounds moves between experiments; empty for no pair."""
    found = moves(results)
    if not found:
        return []
    header = ["first", "second", "best is lower in the second, % of resamples", "the same",
              "higher", "p that the curves differ, Holm"]  # fmt: skip
    cells = [
        [
            escape(results[one].experiment.title),
            escape(results[other].experiment.title),
            *(percent(share) for share in (move.lower, move.same, move.higher)),
            f"{move.p:.2g}",
        ]
        for (one, other), move in found.items()
    ]
    return ["## Does the best number of rounds move?", "", *table(header, cells)]


def moves(results: Results) -> dict[Pair, Move]:
    """How the best number of rounds moves between any two experiments, over their common rounds.

    The p-values are Holm-adjusted over all pairs. An experiment with fewer than two numbers of
    rounds is in no pair, and so is a control.
    """
    every = {
        name: rounds_and_errors(result)
        for name, result in results.items()
        if not _declared(result).control
    }
    found = {}
    for (one, (a, x)), (other, (b, y)) in combinations(every.items(), 2):
        common = sorted(set(a) & set(b))
        if len(common) > 1 and len(x) and len(y):
            first, second = x[:, [a.index(r) for r in common]], y[:, [b.index(r) for r in common]]
            found[one, other] = analyses.move(first, second, rng=generator())
    adjusted = hypothesis_tests.holm([move.p for move in found.values()])
    return {pair: replace(found[pair], p=p) for pair, p in zip(found, adjusted, strict=True)}


def _declared(result: Result) -> RoundsExperiment:
    assert isinstance(result.experiment, RoundsExperiment), "only such are put to this analysis"
    return result.experiment


def _matters(result: Result) -> Verdict:
    simple, (rounds, errors) = _declared(result).simple, rounds_and_errors(result)
    published = (
        "about 5 % error at a poor number, 3 % at the best: 1.7 times"
        if simple
        else "a significant gap from best to worst"
    )
    claim = Claim.of(
        result.experiment, f"{'C2' if simple else 'C3'}, the number of rounds matters", published
    )
    if len(rounds) < 2 or not len(errors):
        return claim.not_run()
    found = analyses.extremes(errors, rng=generator())
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
    claim = Claim.of(result.experiment, "C2, error at the best number of rounds", "about 3 %")
    rounds, errors = rounds_and_errors(result)
    if not len(errors):
        return claim.not_run()
    best = int(errors.mean(axis=0).argmin())
    found = mean_interval(list(errors[:, best]), (0, 1))
    verdict = f"at most {percent(BEST, 0)} %: {at_most(found, BEST)}"
    return claim.answer(f"{points(found)} % at {rounds[best]}", verdict, seeds=len(errors))


def _first_step(result: Result) -> Verdict:
    claim = Claim.of(
        result.experiment, "C3, more rounds are at first worse", "worse at first, not monotone"
    )
    rounds, errors = rounds_and_errors(result)
    if len(rounds) < 2 or not len(errors):
        return claim.not_run()
    found = mean_interval(list(errors[:, 1] - errors[:, 0]))
    measured = f"{points(found)} points of error from {rounds[0]} to {rounds[1]} rounds"
    return claim.answer(measured, f"above 0: {at_least(found, 0.0)}", seeds=len(errors))


def _adaptive(result: Result) -> Verdict:
    goal = f"none: a goal of this project, at most {percent(WITHIN, 0)} % over"
    claim = Claim.of(
        result.experiment, "adaptive rhythm, error over that of the best number of rounds", goal
    )
    cells, own = result.of(BUDGETED), result.of(ADAPTIVE)
    table = paired_errors([*own[:1], *cells])
    if not cells or not own or not len(table):
        return claim.not_run()
    found = analyses.excess(table[:, 0], table[:, 1:], rng=generator())
    measured = f"{points(found, 1)} % over the best of {len(cells)} numbers"
    verdict = f"at most {percent(WITHIN, 0)} %: {at_most(found, WITHIN)}"
    return claim.answer(measured, verdict, seeds=len(table))


def _depends(results: Results) -> Verdict:
    """C3 over all pairs of experiments."""
    found = moves(results)
    text = "C3, the best number depends on task and architecture"
    if not found:
        return _over_all(results, text, "it does").not_run()
    curves = [pair for pair in found if found[pair].p <= ALPHA]
    moved = [pair for pair in found if max(found[pair].lower, found[pair].higher) >= SURE]
    measured = (
        f"curves differ in {len(curves)} of {len(found)} pairs (p at most {ALPHA} after Holm); "
        f"the best number surely moves in {len(moved)} ({percent(SURE)} % of resamples)"
    )
    if moved:
        verdict = f"holds here in {len(moved)} of {len(found)} pairs"
    elif curves:
        verdict = "not settled here: curves differ, but no best number surely moves"
    else:
        verdict = "not seen here"
    claim = _over_all(results, text, "it does")
    return claim.answer(measured, verdict, seeds=_fewest_seeds(results, found))


def _complex_wants_more(results: Results) -> Verdict:
    """C4 over the pairs of a simple task and another."""
    claim = _over_all(
        results, "C4, complex tasks want more rounds than simple ones", "an interaction, in words"
    )
    simple = {name: _declared(result).simple for name, result in results.items()}
    names = {name: result.experiment.title for name, result in results.items()}
    found = {
        pair: move for pair, move in moves(results).items() if simple[pair[0]] > simple[pair[1]]
    }
    if not found:
        return claim.not_run()
    measured = "; ".join(
        f"{names[two]} over {names[one]}: higher in {percent(move.higher, 0)} %, lower in "
        f"{percent(move.lower, 0)} % of resamples"
        for (one, two), move in found.items()
    )
    higher = sum(move.higher >= SURE for move in found.values())
    lower = sum(move.lower >= SURE for move in found.values())
    sides = f"surely higher in {higher}, surely lower in {lower} of {len(found)} pairs"
    if higher == len(found):
        verdict = f"holds here: {sides}"
    elif lower and not higher:
        verdict = f"the opposite is seen here: {sides}"
    else:
        verdict = f"not settled here: {sides}"
    return claim.answer(measured, verdict, seeds=_fewest_seeds(results, found))


def _fewest_seeds(results: Results, pairs: Iterable[Pair]) -> int:
    return min(len(rounds_and_errors(results[name])[1]) for pair in pairs for name in pair)


def _over_all(results: Results, claim: str, published: str) -> Claim:
    """A claim about all experiments, which all differ from the paper's in the same way."""
    return Claim(claim, published, next(iter(results.values())).experiment.differs)
