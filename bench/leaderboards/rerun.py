"""A row run again on the steps clock, and whether it gives the matrices of its records.

On the steps clock a configuration determines its matrix. A run of another clock can be repeated if
all that its strategy knew of the clock was where to stop: with as many steps in each experience.
A strategy that places its nights by progress had them where the time fell, which no record tells.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.executor.executor import Executor
from bench.executor.processes import answer
from bench.formatting.numbers import percent
from bench.ranking.leaderboard import Row
from bench.ranking.paired_comparison import find_row
from bench.ranking.pools import budget_text, differences, seed_text
from bench.ranking.rank import rank_all
from bench.records import environment
from bench.records.schema import RunRecord
from bench.records.store import Store, Stored
from strategies import building

ELSEWHERE = 0.05
"""Most that an accuracy may differ where machine or versions do: rounding there is another."""


@dataclass(frozen=True)
class Rerun:
    """One run and its repetition.

    Attributes:
        most: what an accuracy may differ; None: it is not judged.
    """

    then: RunRecord
    now: RunRecord
    most: float | None

    @property
    def ok(self) -> bool:
        """Whether the repetition came about and gives matrix and weights, where it is judged."""
        if self.now.status != "ok" or self.most is None:
            return self.now.status == "ok"
        return self._largest() <= self.most and self._weights_apart() <= self.most

    def sentence(self) -> str:
        """What came out, in words."""
        seed = seed_text((self.then.config.base_seed, self.then.config.repetition))
        if self.now.status != "ok":
            return f"seed {seed}: the re-run is {self.now.status}: {self.now.reason}"
        largest, weights = self._largest(), self._weights_apart()
        if self.most is None:
            final = [percent(float(_matrix(one)[-1].mean())) for one in (self.then, self.now)]
            return (
                f"seed {seed}: final average accuracy {final[0]} % then, {final[1]} % now; "
                "not judged, its steps by the clock are not those of the record"
            )
        if weights > self.most:
            used = [f"{one.weights[-1].used:,}" for one in (self.then, self.now)]
            return f"seed {seed}: weights in use {used[0]} then, {used[1]} NOW"
        if largest == 0:
            return f"seed {seed}: the same matrix"
        verdict = "within" if self.ok else "MORE THAN"
        allowed = f"{100 * self.most:g} points"
        return f"seed {seed}: accuracies differ by up to {100 * largest:.3g}, {verdict} {allowed}"

    def _weights_apart(self) -> float:
        """Difference of the weights in use, as a share of the model."""
        then, now = (one.weights[-1] for one in (self.then, self.now))
        return abs(then.used - now.used) / max(then.total, 1)

    def _largest(self) -> float:
        then, now = _matrix(self.then), _matrix(self.now)
        if then.shape != now.shape or (np.isnan(then) != np.isnan(now)).any():
            return float("inf")
        return float(np.nanmax(np.abs(then - now)))


def choose(stored: Sequence[Stored], name: str) -> Row:
    """The row of that label or strategy.

    Raises:
        ValueError: unless one leaderboard has it.
    """
    found = {
        leaderboard.key: row
        for leaderboard in rank_all(stored)
        if (row := find_row(leaderboard.every_row, name))
    }
    if len(found) != 1:
        where = [f"{k.benchmark}, {k.scenario}, {budget_text(k)}, {k.model}" for k in found]
        apart = f" ({differences(list(found))})" if len(set(where)) < len(where) else ""
        raise ValueError(
            f"--rerun must name a row of one leaderboard, {name!r} is in: "
            f"{'; '.join(where) or 'none'}{apart}; choose with --benchmark, --scenario and --budget"
        )
    return next(iter(found.values()))


def rerun(row: Row, *, jobs: int, data_root: Path, command: str) -> list[Rerun]:
    """Every run of the row that is `ok`, again.

    Raises:
        ValueError: if none is or one cannot be built.
    """
    records = [item.record for item in row.runs.values() if item.record.status == "ok"]
    if not records:
        raise ValueError(f"a row to re-run must have a run that is ok, {row.label} has none")
    seen = answer(_sees_clock, [row.configuration.strategy])
    configs = [on_steps(record, sees_clock=seen) for record in records]
    with tempfile.TemporaryDirectory(prefix="sleepbench-rerun-") as folder:
        executor = Executor(Store(Path(folder)), jobs=jobs, data_root=data_root, command=command)
        made = {record.digest: record for record in executor.run(configs)}
    found = []
    for then, config in zip(records, configs, strict=True):
        now = made[config.digest]
        found.append(Rerun(then, now, _most(then, now) if repeats(then, seen) else None))
    return found


def repeats(record: RunRecord, sees_clock: bool) -> bool:
    """Whether the steps clock can repeat a run: it ran on it, or tells all that its clock did."""
    if record.config.budget.clock == "steps":
        return True
    if record.ranked and record.outcome is not None and record.outcome.days is not None:
        return False  # no record tells the steps of every night
    return not sees_clock and record.cost is not None and bool(record.cost.steps_by_experience)


def on_steps(record: RunRecord, *, sees_clock: bool) -> RunConfig:
    """The configuration that takes as many steps, in each experience if that repeats the run."""
    config, cost = record.config, record.cost
    assert cost is not None, "a run that is ok has its cost"
    if config.budget.clock == "steps":
        return config
    budget = Budget(amount=sum(cost.steps.values()), clock="steps")
    changed: dict[str, object] = {"budget": budget}
    steps = cost.steps_by_experience or []
    if repeats(record, sees_clock) and len(steps) > 1 and all(steps):
        changed["allocation"] = ",".join(map(str, steps))
    return config.model_copy(update=changed)


def _sees_clock(strategy: str) -> bool:
    return building.sees_clock(building.find(strategy))


def _most(then: RunRecord, now: RunRecord) -> float:
    """No difference under equal conditions; rounding on other machines, versions or on a GPU."""
    here = environment.fingerprint(environment.machine())
    same = then.environment.fingerprint == here and then.config.device == "cpu"
    return 0.0 if same and then.environment.versions == now.environment.versions else ELSEWHERE


def _matrix(record: RunRecord) -> np.ndarray:
    assert record.outcome is not None, "a run that is ok has its outcome"
    return np.array(record.outcome.accuracy, dtype=float)
