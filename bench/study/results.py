"""What a study found: pure functions of its trials."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.config.run_config import Value
from bench.stats import pareto
from bench.study.study import Study
from bench.study.trials import Trial
from strategies.search_space import Choices, Range, Space

Array = npt.NDArray[np.float64]

LEAST_TRIALS = 10
"""Finished trials that a model of the error needs to say anything."""
TREES, SAMPLES, STEPS = 100, 200, 33
"""Trees of the model; points of the space that a marginal averages over; points of a curve."""


def done(trials: Sequence[Trial]) -> list[Trial]:
    """Those with a result."""
    return [trial for trial in trials if trial.state == "done"]


def best(study: Study, trials: Sequence[Trial]) -> list[Trial]:
    """The trial best by the one objective or, for two, the Pareto front, fewest weights first.

    Of several equal ones the earliest.
    """
    finished = done(trials)
    if not finished:
        return []
    if len(study.objectives) == 1:
        return [max(finished, key=lambda trial: (*(trial.values or ()), -trial.number))]
    front: list[Trial] = []
    for trial in sorted(finished, key=lambda trial: (trial.weights, -trial.accuracy)):
        if not front or trial.accuracy > front[-1].accuracy:
            front.append(trial)
    return front


def drawn(study: Study, trials: Sequence[Trial]) -> list[str]:
    """Names of the figures that the trials are enough for."""
    count = len(done(trials))
    ranges = [tried for tried in study.searched().values() if isinstance(tried, Range)]
    enough = {
        "front": count > 0 and len(study.objectives) > 1,
        "history": count > 0,
        "importances": count >= LEAST_TRIALS,
        "marginals": count >= LEAST_TRIALS,
        "contour": count >= LEAST_TRIALS and len(ranges) > 1,
    }
    return [name for name in enough if enough[name]]


def most_telling(front: Sequence[Trial], *, most: int, chance: float) -> list[Trial]:
    """At most `most` points of a front: those that leave the largest hypervolume, found greedily.

    Args:
        chance: accuracy of guessing, the lower bound of the hypervolume; the upper is 1.
    """
    kept: list[Trial] = []
    while len(kept) < min(most, len(front)):
        left = [trial for trial in front if trial not in kept]
        kept.append(max(left, key=lambda trial: volume([*kept, trial], chance=chance)))
    return sorted(kept, key=lambda trial: trial.weights)


def volume(trials: Sequence[Trial], *, chance: float) -> float:
    """Hypervolume of the trials on held-out data, between chance and 1."""
    points = [(trial.weights, trial.accuracy) for trial in trials]
    return pareto.hypervolume(points, chance=chance, joint=1.0)


def progress(study: Study, trials: Sequence[Trial]) -> list[float]:
    """After each trial the best accuracy so far or, for two objectives, the hypervolume so far."""
    reached, seen, found = math.nan, list[Trial](), []
    least = chance(trials)
    for trial in trials:
        if trial.state == "done":
            seen = best(study, [*seen, trial])
            single = len(study.objectives) == 1 and seen[0].values
            reached = single[0] if single else volume(seen, chance=least)
        found.append(reached)
    return found


def chance(trials: Sequence[Trial]) -> float:
    """Accuracy of guessing."""
    outcomes = (record.outcome for trial in trials for record in trial.records)
    return next((outcome.chance for outcome in outcomes if outcome is not None), 0.0)


@dataclass(frozen=True)
class Marginal:
    """Mean of a number over the space with one hyper-parameter held at each of `at`.

    Attributes:
        low: between which 95 % of the model's trees lie.
        high: between which 95 % of the model's trees lie.
    """

    at: tuple[Value, ...]
    mean: Array
    low: Array
    high: Array


class Surface:
    """A random forest's idea of a number over the whole space, from the trials there are."""

    def __init__(self, space: Space, trials: Sequence[Trial], values: Sequence[float]) -> None:
        """What these numbers give.

        Args:
            values: the number at each trial; at least LEAST_TRIALS.
        """
        assert len(trials) == len(values) >= LEAST_TRIALS, "asked of enough trials only"
        self._space = space
        from sklearn.ensemble import RandomForestRegressor  # slow, and only figures need it

        generator = np.random.default_rng(0)
        points = np.array([_encoded(space, trial) for trial in trials])
        self._forest = RandomForestRegressor(TREES, min_samples_leaf=3, random_state=0)
        self._forest.fit(points, np.asarray(values))
        self._samples = np.concatenate(
            [_random(tried, generator) for tried in space.values()], axis=1
        )

    def marginal(self, name: str) -> Marginal:
        """Over one hyper-parameter."""
        at = points(self._space[name])
        trees = self._averages([{name: value} for value in at])
        low, high = np.quantile(trees, [0.025, 0.975], axis=1)
        return Marginal(tuple(at), trees.mean(axis=1), low, high)

    def plane(self, one: str, other: str) -> tuple[Sequence[Value], Sequence[Value], Array]:
        """Over two: values of each and the mean at each pair, (other, one)."""
        x, y = points(self._space[one])[::2], points(self._space[other])[::2]
        trees = self._averages([{one: a, other: b} for b in y for a in x])
        return x, y, trees.mean(axis=1).reshape(len(y), len(x))

    def _averages(self, held: Sequence[Mapping[str, Value]]) -> Array:
        """Means over the samples with some hyper-parameters held, (len(held), TREES)."""
        samples = np.repeat(self._samples[None], len(held), axis=0)
        for own, point in zip(samples, held, strict=True):
            for name, columns in _columns(self._space):
                if name in point:
                    own[:, columns] = _code(self._space[name], point[name])
        rows = samples.reshape(-1, samples.shape[-1])
        trees = [tree.predict(rows) for tree in self._forest.estimators_]
        return np.stack(trees).reshape(TREES, len(held), SAMPLES).mean(axis=2).T


def points(tried: Range | Choices) -> Sequence[Value]:
    """Values that a curve over a hyper-parameter goes through: STEPS at most, or all choices."""
    if not isinstance(tried, Range):
        return list(tried)
    shares = np.linspace(0, 1, STEPS)
    if tried.log:
        values = tried.low * (tried.high / tried.low) ** shares
    else:
        values = tried.low + (tried.high - tried.low) * shares
    if tried.whole:
        return sorted({int(value) for value in np.rint(values)})
    return [float(value) for value in values]


def _columns(space: Space) -> Iterator[tuple[str, slice]]:
    begin = 0
    for name, tried in space.items():
        width = 1 if isinstance(tried, Range) else len(tried)
        yield name, slice(begin, begin + width)
        begin += width


def _encoded(space: Space, trial: Trial) -> Array:
    return np.concatenate([_code(tried, trial.chosen[name]) for name, tried in space.items()])


def _code(tried: Range | Choices, value: Value) -> Array:
    """Where on its scale a number lies, in [0, 1]; a choice as one of several columns."""
    if not isinstance(tried, Range):
        return np.array([float(value == choice) for choice in tried])
    assert isinstance(value, (int, float)), "a range holds numbers"
    low, high, at = tried.low, tried.high, float(value)
    if tried.log:
        low, high, at = math.log(low), math.log(high), math.log(at)
    return np.array([(at - low) / (high - low)])


def _random(tried: Range | Choices, generator: np.random.Generator) -> Array:
    """SAMPLES codes, evenly distributed over the space."""
    if isinstance(tried, Range):
        return generator.random((SAMPLES, 1))
    return np.eye(len(tried))[generator.integers(len(tried), size=SAMPLES)]
