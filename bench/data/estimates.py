"""Numbers to be estimated, as classes: so that any strategy runs on them unchanged.

A number is standardized by the days before and put into one of BINS equal bins. The class is the
bin; an estimate is the mean of what the bins stand for, weighed by their probabilities. Imani &
White 2018 (histogram loss), Farebrother et al. 2024.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

BINS = 41
"""With a quarter of a standard deviation each, estimates on weather, flights and a made-up drift
were within a tenth of those by squared error; more bins did not help, 11 lost a tenth more."""

AT_RULE = 0.5
"""Accuracy of an estimate that errs as much as the best rule without inputs: see
`bench.records.by_day.Losses.accuracy`."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimates:
    """What answers are held against where numbers are to be estimated.

    Attributes:
        values: (N,) the numbers.
        places: (D, BINS) what each bin stands for on each day.
    """

    values: Floats
    places: Floats

    def since(self, row: int, day: int) -> Estimates:
        """Those from a row on, the first of a day."""
        return Estimates(self.values[row:].copy(), self.places[day:].copy())

    def forget(self) -> None:
        """They are known no more."""
        self.values.fill(0)
        self.places.fill(0)


def bins_of(standardized: NDArray[np.float32], most: float) -> NDArray[np.int64]:
    """(N,) the bin of each number.

    Args:
        standardized: (N,), in [-most, most].
        most: where the outermost bins end.
    """
    place = np.floor((standardized.astype(float) + most) / (2 * most) * BINS)
    return np.minimum(place, BINS - 1).astype(np.int64)


def middles(most: float) -> Floats:
    """(BINS,) the middle of each bin, standardized."""
    return ((np.arange(BINS) + 0.5) / BINS * 2 - 1) * most


def estimated(logits: Floats, places: Floats) -> Floats:
    """(N,) the mean of what the bins stand for, weighed by their probabilities.

    Args:
        logits: (N, C) answers, C at least BINS; what is beyond stands for nothing.
        places: (BINS,) what each bin stands for.
    """
    own = logits[:, : len(places)]
    weights = np.exp(own - own.max(axis=1, keepdims=True))
    return (weights @ places) / weights.sum(axis=1)


def losses_of_rules(values: Sequence[Floats], *, first: int = 1) -> Mapping[str, float]:
    """Mean absolute errors of rules that know all days before; the mean over days.

    Args:
        values: of each day.
        first: day that somebody is asked about; at least 1.
    """
    import pandas as pd

    so_far = pd.Series(np.concatenate(values)).expanding().median().to_numpy()
    ends = np.cumsum([len(own) for own in values])
    errors: dict[str, list[float]] = {}
    for day in range(first, len(values)):
        end, before, own = ends[day - 1], values[day - 1], values[day]
        place = np.minimum(np.arange(len(own)), len(before) - 1)
        told = {"value of the day before": before[place], "last value": before[-1]}
        for name, answer in (told | {"median": so_far[end - 1]}).items():
            errors.setdefault(name, []).append(float(np.abs(answer - own).mean()))
    return {name: fmean(every) for name, every in errors.items()}
