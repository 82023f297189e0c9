"""A stream by day and night: the rows of a day are answered as they come, and trained on at night.

A day's experience holds its rows but for those that are held out, by which it shows what is
remembered of each month. So a strategy may have every input by day, and most labels by night.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from avalanche.benchmarks import DatasetExperience, EagerCLStream
from numpy.typing import NDArray
from torch import Tensor

from bench.config.datasets import MONTH
from bench.data.estimates import Estimates
from bench.data.experiences import make_scenario
from bench.data.image_dataset import ImageDataset
from bench.data.images import Images
from bench.data.tables import Earlier, TableData

HELD_OUT = 0.1
"""Share of the rows of a day that no night has, one row at least of two or more."""


@dataclass(frozen=True)
class Days:
    """How the rows of a stream by day and night come.

    Attributes:
        seen: the rows of all days, with the labels that a night has and 0 for the others.
        labels: (N,) int64, all of them.
        held: what is held out of the months, with its labels.
        rows: of each day.
        kept: of each day, int64, those of its rows that its night has.
        questions: of each day an experience of its rows in order, without labels.
        estimates: what answers are held against where numbers are to be estimated; None of classes.
        earlier: of days before the first of them; None where there are none.
    """

    seen: Images
    labels: Tensor
    held: Images
    rows: tuple[range, ...]
    kept: tuple[Tensor, ...]
    questions: EagerCLStream
    estimates: Estimates | None = None
    earlier: Earlier | None = None

    @property
    def first_asked(self) -> int:
        """The first of the days that is asked about: the second, if nothing is known before."""
        return 0 if self.earlier else 1

    def forget_labels(self) -> None:
        """What is held out is known no more."""
        self.labels.zero_()
        if self.estimates is not None:
            self.estimates.forget()
        for own in () if self.earlier is None else (*self.earlier.labels, *self.earlier.values):
            own.fill(0)
        self.held.labels.zero_()

    def forget_days(self, *, examined_elsewhere: bool) -> None:
        """No day has come yet, whoever still refers to what lay here.

        Args:
            examined_elsewhere: what is held out is asked in another process than this one.
        """
        self.seen.images.zero_()
        self.seen.labels.zero_()
        if examined_elsewhere:
            self.held.images.zero_()


@dataclass(frozen=True)
class NightStream:
    """The experiences of a stream by day and night.

    Attributes:
        train: an experience for each day: what its night is to learn from.
        test: an experience for each month, of what was held out on its days.
        days: how they come.
    """

    train: EagerCLStream
    test: EagerCLStream
    days: Days


def nights_of(table: TableData, seed: int | Sequence[int]) -> NightStream:
    """The stream of a table.

    Args:
        table: in the order of time.
        seed: of the draw of what is held out.
    """
    generator = np.random.default_rng(seed)
    days = tuple(table.rows(day) for day in range(len(table.ends)))
    # the table itself and no copy of it, so that forgetting the one forgets the other
    seen = Images(table.features[:, None, None, :], table.labels.clone())
    asked = Images(seen.images, torch.zeros_like(seen.labels))  # the inputs are the same tensor
    kept, held = [], []
    for rows in days:
        number = max(round(HELD_OUT * len(rows)), int(len(rows) > 1))
        out = np.zeros(len(rows), dtype=bool)
        out[generator.permutation(len(rows))[:number]] = True
        every = np.arange(rows.start, rows.stop)
        kept.append(every[~out])
        held.append(every[out])
    trained = ImageDataset.of(seen, filled_later=True)
    out_of_months = Images(seen.images.clone(), table.labels.clone())
    tested = ImageDataset.of(out_of_months)
    blank = ImageDataset.of(asked)
    firsts = range(0, len(days), MONTH)
    months = [np.concatenate(held[first : first + MONTH]) for first in firsts]
    classes = list(range(table.classes))
    seen.labels[np.concatenate(held)] = 0
    return NightStream(
        train=_stream("train", trained, kept, classes),
        test=_stream("test", tested, months, classes),
        days=Days(
            seen=seen,
            labels=table.labels.clone(),
            held=out_of_months,
            rows=days,
            kept=tuple(map(torch.from_numpy, kept)),
            questions=_stream("days", blank, days, classes),
            estimates=table.estimates,
            earlier=table.earlier,
        ),
    )


def _stream(
    name: str, whole: ImageDataset, rows: Sequence[NDArray[np.int64] | range], classes: list[int]
) -> EagerCLStream:
    """A stream of experiences with some of the rows each."""
    parts = [whole.subset([int(row) for row in own]) for own in rows]
    return make_scenario({name: parts}, [classes] * len(parts), task_labels=False).streams[name]


def all_days(questions: EagerCLStream) -> DatasetExperience:
    """One experience of the rows of all days, in order and without labels."""
    parts = [one.dataset for one in questions]
    classes = list(questions[0].classes_in_this_experience)
    whole = type(parts[0])(parts)
    return make_scenario({"days": [whole]}, [classes], task_labels=False).streams["days"][0]
