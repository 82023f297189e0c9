"""What experiments on sleep say: accuracies beside published ones, and beside controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.config.run_config import Value
from bench.formatting.numbers import percent, points
from bench.papers.declaration import Results
from bench.papers.published import PublishedAccuracy, goal_text, has, published_verdicts
from bench.papers.results import Cell, Result, paired_errors
from bench.papers.verdict import Claim, Verdict, at_least
from bench.stats.intervals import Interval, mean_interval

SLEEPING = ("sleep-replay", "staged-sleep", "dreaming", "knowledge-seeding", "icarl-sleep")
"""Strategies that sleep and are no controls."""

CONTROLS: tuple[Mapping[str, Value], ...] = (
    {"inc": 0.0},
    {"sleep_input": "noise"},
    {"sleep_from": 5},
    {"sleep_from": 6},
    {"stages": "rehearse"},
)
"""What makes a control of one that sleeps: only weakened weights, noise for input, a night after
the last of five experiences only, none at all, a night of stored examples alone."""

BEST = {"mnist-budget": 0.75}
"""Accuracy that the best that sleeps should reach, by experiment: a goal of this project."""


PUBLISHED = (
    PublishedAccuracy("mnist-sequential", "naive", "C5, training forgets", 0.1949, 0.18, 0.20),
    PublishedAccuracy("mnist-joint", "joint", "C5, all data at once", 0.9802, 0.975),
    PublishedAccuracy("mnist-joint-long", "joint", "C5, all data at once", 0.9802, 0.975),
    PublishedAccuracy(
        "mnist-sleep",
        "sleep-replay",
        "C5, sleep that sees all past data recovers",
        0.4847,
        0.485,
        chosen={"data": "seen"},
    ),
    PublishedAccuracy(
        "mnist-sleep",
        "sleep-replay",
        "sleep that sees no past data recovers",
        None,
        0.57,
        chosen={"data": "current", "inc": None, "sleep_input": None, "sleep_from": None},
    ),
    PublishedAccuracy("cifar10-sequential", "naive", "C5, training forgets", 0.1901, high=0.20),
    PublishedAccuracy(
        "cifar10-sleep",
        "sleep-replay",
        "C5, sleep that sees the first task's data recovers",
        0.4455,
        0.445,
        chosen={"data": "first"},
    ),
    PublishedAccuracy(
        "cifar10-sleep-tuned",
        "sleep-replay",
        "C5, sleep tuned here that sees the first task's data recovers",
        0.4455,
        0.445,
        chosen={"data": "first"},
    ),
    PublishedAccuracy("mnist-icarl", "icarl", "C6, iCaRL with 100 stored examples", 0.655),
    PublishedAccuracy(
        "mnist-icarl", "icarl-sleep", "C6, iCaRL with 100 stored examples and sleep", 0.781
    ),
)
"""Class-incremental accuracies, those of the paper and the goals set here."""


def sleep_verdicts(results: Results) -> list[Verdict]:
    """The rows of these experiments, by claim."""
    every = list(results.values())
    return [
        *published_verdicts(results, PUBLISHED),
        *(_best(result, goal) for name, goal in BEST.items() if (result := results.get(name))),
        *(
            _above(result, cell, others)
            for result in every
            for cell in result.cells
            if sleeps(cell) and (others := _others(result, cell))
        ),
    ]


def sleeps(cell: Cell) -> bool:
    """Whether a row sleeps and is no control of those that do."""
    return cell.strategy in SLEEPING and not any(has(cell, control) for control in CONTROLS)


def _best(result: Result, goal: float) -> Verdict:
    claim = Claim.of(result.experiment, "the best that sleeps, nothing stored", goal_text(goal))
    cells = [cell for cell in result.cells if sleeps(cell) and cell.runs]
    if not cells:
        return claim.not_run()
    found = {cell.label: mean_interval([1 - e for e in cell.errors()], (0, 1)) for cell in cells}
    best = max(cells, key=lambda cell: found[cell.label].mean)
    measured = (
        f"{points(found[best.label])} % by {best.label}, chosen among {len(cells)} on the test"
    )
    verdict = f"at least {percent(goal)} %: {at_least(found[best.label], goal)}"
    return claim.answer(measured, verdict, seeds=len(best.runs))


def _above(result: Result, cell: Cell, others: Sequence[Cell]) -> Verdict:
    """A row that sleeps against each that does not, or is a control, and stores as much."""
    claim = Claim.of(
        result.experiment, f"{cell.label} against controls and what does not sleep", "none"
    )
    found: dict[str, Interval] = {}
    seeds = []
    for other in others:
        errors = paired_errors([cell, other])
        if len(errors):
            differences = list(errors[:, 1] - errors[:, 0])
            found[other.label] = mean_interval(differences)
            seeds.append(len(errors))
    if not found:
        return claim.not_run()
    shown = ", ".join(f"{points(one)} {label}" for label, one in found.items())
    measured = f"points of accuracy above {shown}"
    return claim.answer(measured, _settled(found), seeds=min(seeds))


def _settled(found: Mapping[str, Interval]) -> str:
    """Which differences, by the name of the other, lie surely on one side, in words."""
    sides = {
        "surely above": [label for label, one in found.items() if one.low > 0],
        "surely below": [label for label, one in found.items() if one.high < 0],
    }
    settled = {label for labels in sides.values() for label in labels}
    sides["not settled against"] = [label for label in found if label not in settled]
    every = f"all {len(found)}" if len(found) > 1 else ""
    return "; ".join(
        f"{side} {every if every and len(labels) == len(found) else ' and '.join(labels)}"
        for side, labels in sides.items()
        if labels
    )


def _others(result: Result, cell: Cell) -> Sequence[Cell]:
    return [
        other
        for other in result.cells
        if not sleeps(other) and other.strategy != "joint" and _stored(other) == _stored(cell)
    ]


def _stored(cell: Cell) -> Value:
    """How many examples a row stores in all; None if it sets no number."""
    return cell.chosen.get("mem_size", cell.chosen.get("buffer"))
