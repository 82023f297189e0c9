"""What rules reach that see labels and no inputs: who is not above them has learned nothing.

Labels repeat themselves in time, so that such a rule is right more often than by chance (Hammoud et
al. 2023).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = Sequence[NDArray[np.int64]]
"""Of each day or experience, in order."""


def floors_by_day(labels: Labels, classes: int, *, first: int = 1) -> Mapping[str, float]:
    """Shares of right answers of rules that know all days before.

    Args:
        labels: of each day.
        classes: number of classes.
        first: day that somebody is asked about; at least 1.
    """
    places = max(map(len, labels))
    by_place = np.zeros((places, classes), dtype=np.int64)
    right = dict.fromkeys(("majority", "majority of the place", "day before", "last label"), 0)
    asked = 0
    for day, own in enumerate(labels):
        if day >= first:
            before, place = labels[day - 1], np.arange(len(own))
            overall = by_place.sum(0).argmax()
            known = by_place[place].sum(1) > 0
            answers = {
                "majority": np.full(len(own), overall),
                "majority of the place": np.where(known, by_place[place].argmax(1), overall),
                "day before": before[np.minimum(place, len(before) - 1)],
                "last label": np.full(len(own), before[-1]),
            }
            for name, answer in answers.items():
                right[name] += int((answer == own).sum())
            asked += len(own)
        by_place[np.arange(len(own)), own] += 1
    return {name: number / asked for name, number in right.items()}


def labels_of(stream: Iterable[Any]) -> Labels:
    """The targets of each experience of a stream."""
    return [np.array([int(y) for y in one.dataset.targets]) for one in stream]


def floors_of_next(trained: Labels, tested: Labels) -> Mapping[str, float]:
    """Mean accuracy on the next experience of rules that know the labels of all before it.

    Args:
        trained: of each experience of the training stream.
        tested: of each of the test stream.

    Returns:
        By rule; none for a single experience.
    """
    if len(trained) < 2:
        return {}
    classes = 1 + max(int(own.max()) for own in (*trained, *tested))
    counts = np.stack([np.bincount(own, minlength=classes) for own in trained[:-1]])
    answers = {"majority": counts.cumsum(0).argmax(1), "experience before": counts.argmax(1)}
    return {
        name: fmean(float(np.mean(own == one)) for own, one in zip(tested[1:], told, strict=True))
        for name, told in answers.items()
    }
