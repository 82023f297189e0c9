"""Points of a space: which were tried, and which of a grid comes next."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from bench.study.space import grid
from bench.study.workers import retried
from strategies.search_space import Space


def same_point(trial: optuna.Trial, before: Sequence[FrozenTrial]) -> int | None:
    """Number of an earlier trial at the same point; None if there is none but what is retried."""
    again = retried(before)
    for other in before:
        tried = other.state != TrialState.WAITING and other.number not in again
        if tried and other.params == trial.params:
            return other.number
    return None


def queue_grid(index: optuna.Study, space: Space, before: Sequence[FrozenTrial]) -> bool:
    """Put the next untried point of the grid into the queue; False when all were tried.

    In an order shuffled once, so that a search that is cut short has seen all of the space.
    """
    if any(t.state == TrialState.WAITING for t in before):
        return True
    tried = {_text(t.params) for t in before}
    values = grid(space)
    points = [dict(zip(values, point, strict=True)) for point in product(*values.values())]
    random.Random("grid").shuffle(points)
    left = next((point for point in points if _text(point) not in tried), None)
    if left is None:
        return False
    index.enqueue_trial(left)
    return True


def _text(point: Mapping[str, Any]) -> str:
    return repr(sorted(point.items()))


def grid_size(space: Space) -> int:
    """How many points the grid has."""
    return math.prod(len(values) for values in grid(space).values())
