"""Where the best value of a hyper-parameter lies in each of several studies, and if it moves.

Pure functions of trials. What is judged is the rank of a trial's error within its own study, which
has one scale in every task and is not ruled by the few trials that failed to learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag
from scipy.stats import rankdata

from bench.study.results import done, points
from bench.study.trials import Trial
from strategies.search_space import Choices, Range, Space

Array = npt.NDArray[np.float64]

RESAMPLES = 1000
PERMUTATIONS = 9999
TRIALS_PER_TERM = 2
"""As many finished trials are needed for each term of the response surface."""


@dataclass(frozen=True)
class Best:
    """The value at which the surface is lowest.

    Attributes:
        low: where 95 % of the resamples have it.
        high: where 95 % of the resamples have it.
    """

    at: float
    low: float
    high: float


@dataclass(frozen=True)
class Movement:
    """How the best value moves from each task to the next harder one, in doublings.

    Attributes:
        p: two-sided, that it moves as much where it acts alike in every task.
    """

    doublings: float
    low: float
    high: float
    p: float


class Response:
    """A quadratic response surface of the rank of the error over a space.

    Of every hyper-parameter a linear and a square term, of choices one for each but the first; of
    `name` also its products with the others'. They are centred over the space, so what is left for
    `name` is its curve averaged over the others. Box & Wilson 1951; of ranks, Conover & Iman 1981.
    """

    def __init__(self, space: Space, trials: Sequence[Trial], name: str) -> None:
        """The surface that these trials give.

        Args:
            trials: `enough` of them.
            name: of a hyper-parameter that is a range.
        """
        finished = done(trials)
        tried = space[name]
        assert isinstance(tried, Range), "only a range has a best value between others"
        self.ranks = (rankdata([-trial.accuracy for trial in finished]) - 0.5) / len(finished)
        self.at = np.array(points(tried), dtype=float)
        self.along = _powers(tried, self.at)
        curve = _powers(tried, np.array([trial.chosen[name] for trial in finished]))
        others = [_terms(space[n], finished, n) for n in space if n != name]
        slopes = [_linear(space[n], finished, n) * curve[:, :1] for n in space if n != name]
        self.others = np.hstack([np.ones((len(finished), 1)), *others, *slopes])
        self.curve = curve

    @property
    def design(self) -> Array:
        """Terms of the others, then the two of the curve, for each trial."""
        return np.hstack([self.others, self.curve])

    def marginal(self) -> Array:
        """Mean rank at each of `at`, in [0, 1] where the best trial is 0."""
        found = np.linalg.pinv(self.design) @ self.ranks
        return found[0] + self.along @ found[-2:]

    def lowest(self, terms: Array) -> Array:
        """The value at which a curve is lowest.

        Args:
            terms: (2, n), of n curves.
        """
        return self.at[np.argmin(self.along @ terms, axis=0)]

    def resampled(self, rng: np.random.Generator) -> Array:
        """Best values of RESAMPLES surfaces, each of as many trials drawn with replacement."""
        rows = rng.integers(len(self.ranks), size=(RESAMPLES, len(self.ranks)))
        terms = np.linalg.pinv(self.design[rows])[:, -2:] @ self.ranks[rows][:, :, None]
        return self.lowest(terms[:, :, 0].T)


def least(space: Space, name: str) -> int:
    """How many finished trials a surface takes."""
    others = [tried for key, tried in space.items() if key != name]
    linear = sum(1 if isinstance(tried, Range) else len(tried) - 1 for tried in others)
    squares = sum(isinstance(tried, Range) for tried in others)
    return TRIALS_PER_TERM * (1 + 2 * linear + squares + 2)


def best(task: Response, rng: np.random.Generator) -> Best:
    """Where the marginal is lowest, by a bootstrap over trials."""
    [at] = task.lowest(np.linalg.pinv(task.design)[-2:] @ task.ranks[:, None])
    low, high = np.quantile(task.resampled(rng), [0.025, 0.975], method="inverted_cdf")
    return Best(float(at), float(low), float(high))


def movement(tasks: Sequence[Response], rng: np.random.Generator) -> Movement:
    """Slope of the best value over the order of the tasks, easiest first, and its test.

    The interval is by a bootstrap over trials. For the test one curve is fitted to all tasks, the
    other hyper-parameters acting on each in its own way; what this leaves unexplained is permuted
    among the trials of each task, and the slope found again. Freedman & Lane 1983.
    """
    projections = [np.linalg.pinv(task.design)[-2:] for task in tasks]
    observed = _slope([
        task.lowest(onto @ task.ranks[:, None])
        for task, onto in zip(tasks, projections, strict=True)
    ])[0]  # fmt: skip
    low, high = np.quantile(_slope([task.resampled(rng) for task in tasks]), [0.025, 0.975])
    alike = np.hstack([
        block_diag(*(task.others for task in tasks)), np.vstack([task.curve for task in tasks])
    ])  # fmt: skip
    ranks = np.concatenate([task.ranks for task in tasks])
    fitted = alike @ (np.linalg.pinv(alike) @ ranks)
    ends = np.cumsum([len(task.ranks) for task in tasks])[:-1]
    moved = [
        task.lowest(onto @ (own[:, None] + _permuted(left, task, rng)))
        for task, onto, own, left in zip(
            tasks, projections, np.split(fitted, ends), np.split(ranks - fitted, ends), strict=True
        )
    ]
    reached = np.abs(_slope(moved)) >= abs(observed) - 1e-12
    p = (1 + reached.sum()) / (1 + PERMUTATIONS)
    return Movement(float(observed), float(low), float(high), float(p))


def _slope(values: Sequence[Array]) -> Array:
    """Least-squares slope of log2 of the values of each task over 0, 1, ..."""
    steps = np.arange(len(values)) - (len(values) - 1) / 2
    return steps @ np.log2(values) / (steps @ steps)


def _permuted(left: Array, task: Response, rng: np.random.Generator) -> Array:
    """Permuted residuals, (trials, PERMUTATIONS), widened by what the fit has taken off them."""
    free = len(left) - task.others.shape[1]
    wider = left * np.sqrt(len(left) / free)
    return rng.permuted(np.tile(wider, (PERMUTATIONS, 1)), axis=1).T


def _powers(tried: Range, values: Array) -> Array:
    """Linear and square term, centred over the range: (n, 2)."""
    low, high, at = np.array(tried.low), np.array(tried.high), values.astype(float)
    if tried.log:
        low, high, at = np.log(low), np.log(high), np.log(at)
    linear = 2 * (at - low) / (high - low) - 1
    return np.stack([linear, linear**2 - 1 / 3], axis=1)


def _terms(tried: Range | Choices, trials: Sequence[Trial], name: str) -> Array:
    if isinstance(tried, Range):
        return _powers(tried, np.array([trial.chosen[name] for trial in trials]))
    return _linear(tried, trials, name)


def _linear(tried: Range | Choices, trials: Sequence[Trial], name: str) -> Array:
    """The linear term, or for each choice but the first whether it is the one, centred."""
    if isinstance(tried, Range):
        return _terms(tried, trials, name)[:, :1]
    chosen = [[trial.chosen[name] == choice for choice in tried[1:]] for trial in trials]
    return np.array(chosen, dtype=float) - 1 / len(tried)
