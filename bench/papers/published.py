"""Published accuracies beside ours: the rows of the table of claims, and their marks in figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.config.run_config import Value
from bench.formatting.numbers import percent, points
from bench.papers.declaration import Results
from bench.papers.results import Cell, Result
from bench.papers.verdict import Claim, Verdict, at_least, at_most
from bench.stats.intervals import mean_interval


@dataclass(frozen=True)
class PublishedAccuracy:
    """An accuracy that a paper, or a goal of this project, gives to one row of an experiment.

    Attributes:
        published: as a fraction; None for a goal of this project.
        low: the mean should be at least this fraction; None for no such rule.
        high: the mean should be at most this fraction; None for no such rule.
        chosen: hyper-parameters that tell the row from the others of its strategy; None means that
            the suite does not set it.
    """

    experiment: str
    strategy: str
    claim: str
    published: float | None = None
    low: float | None = None
    high: float | None = None
    chosen: Mapping[str, Value] = field(default_factory=dict)

    def of(self, cell: Cell) -> bool:
        """Whether it is given to this row of its experiment."""
        return cell.strategy == self.strategy and has(cell, self.chosen)


def published_verdicts(results: Results, known: Sequence[PublishedAccuracy]) -> list[Verdict]:
    """One row for each accuracy whose experiment is among the results."""
    return [_verdict(results[one.experiment], one) for one in known if one.experiment in results]


def published_of(result: Result, cell: Cell, known: Sequence[PublishedAccuracy]) -> float | None:
    """The published accuracy of a row, as a fraction; None if there is none."""
    for one in known:
        if one.experiment == result.experiment.name and one.of(cell):
            return one.published
    return None


def has(cell: Cell, chosen: Mapping[str, Value]) -> bool:
    """Whether the suite gives a row these hyper-parameters."""
    return all(cell.chosen.get(name) == value for name, value in chosen.items())


def goal_text(low: float | None) -> str:
    """What stands in the place of a published figure where this project sets a goal."""
    assert low is not None, "what nobody published is a goal"
    return f"none: a goal of this project, at least {percent(low)} %"


def _verdict(result: Result, one: PublishedAccuracy) -> Verdict:
    known = goal_text(one.low) if one.published is None else f"{percent(one.published, 2)} %"
    claim = Claim.of(result.experiment, one.claim, known)
    cells = [cell for cell in result.of(one.strategy) if one.of(cell)]
    if not cells:
        return claim.not_run()
    accuracies = [measured.accuracy for measured in cells[0].measured.values()]
    found = mean_interval(accuracies, (0, 1))
    rules = (("at least", one.low, at_least), ("at most", one.high, at_most))
    asked = [
        f"{rule} {percent(end)} %: {answer(found, end)}"
        for rule, end, answer in rules
        if end is not None
    ]
    verdict = "; ".join(asked) or "shown beside it: protocols too far apart for a verdict"
    return claim.answer(f"{points(found)} %", verdict, seeds=len(accuracies))
