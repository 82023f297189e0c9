"""Rows in the order of time: read from a table, and standardized by what was seen before.

Nothing of a row depends on a row of the same day or of a later one, but for its own columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.config.datasets import TABLES
from bench.config.own_tables import is_own_table, own_table
from bench.data.estimates import BINS, Estimates, bins_of, middles
from bench.data.presence import DataError, check_data, data_root, remedy
from bench.data.rows import Rows, own_rows
from strategies.import_path import imported

MOST = 5.0
"""Standardized features are cut at so many standard deviations."""


@dataclass(frozen=True, eq=False)
class Earlier:
    """What rules may know of days that are not among those of a table.

    Attributes:
        labels: of each of these days.
        values: of each, numbers that were to be estimated; none of classes.
        content_hash: what the table had when it ended with these days.
    """

    labels: list[NDArray[np.int64]]
    values: list[NDArray[np.float64]]
    content_hash: str


@dataclass(frozen=True, eq=False)
class TableData:
    """A table as strategies see it.

    Attributes:
        features: (N, F) float32, standardized, in [-MOST, MOST].
        labels: (N,) int64, 0..K-1.
        ends: of each day the row behind its last.
        classes: K.
        content_hash: SHA-256 of columns, labels and days.
        estimates: of numbers that are to be estimated, whose bins the labels are; None of classes.
        earlier: of the days before the first; None where there are none.
    """

    features: Tensor
    labels: Tensor
    ends: tuple[int, ...]
    classes: int
    content_hash: str
    estimates: Estimates | None = None
    earlier: Earlier | None = None

    def rows(self, day: int) -> range:
        """The rows of a day."""
        return range(self.ends[day - 1] if day else 0, self.ends[day])


def load_table(name: str, root: Path | None = None, *, first: int = 0) -> TableData:
    """The table `name`, a key of `TABLES`, or that of a user's own id.

    Args:
        name: of the table.
        root: where the data sets lie.
        first: day that it begins with, standardized by those before it.

    Raises:
        DataError: for missing or damaged data.
        ValueError: for a table of the user's own that cannot be.
    """
    if is_own_table(name):
        return table_of(own_rows(own_table(name)).rows, first=first)
    root, known = data_root(root), TABLES[name]
    check_data(name, root)
    files = [root / file for file in known.files]
    for file, md5 in zip(files, known.files.values(), strict=True):
        if not file.is_file():
            raise DataError(f"{file} must be a file, got a folder")
        found = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        if found != md5:
            raise DataError(
                f"{file} must be the published file with md5 {md5}, got md5 {found}. "
                f"{remedy(name, root)}"
            )
    rows: Rows = imported("reader", known.reader)(files)
    return table_of(rows, first=first)


def _hash(rows: Rows, number: int) -> str:
    """SHA-256 of the first `number` rows."""
    digest = hashlib.sha256()
    for array in (rows.columns[:number], rows.labels[:number], rows.days[:number]):
        digest.update(f"{array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def table_of(rows: Rows, *, first: int = 0) -> TableData:
    """The rows, standardized.

    Args:
        rows: of all days.
        first: day that the table begins with.

    Raises:
        ValueError: if there is no such day.
    """
    days = np.arange(rows.days[-1] + 1)
    ends = np.searchsorted(rows.days, days, side="right")
    labels, estimates = rows.labels, None
    if rows.estimated:
        labels, estimates = _estimates(rows.labels.astype(float), ends)
    whole = TableData(
        features=torch.from_numpy(standardized(rows.columns, ends)),
        labels=torch.from_numpy(labels),
        ends=tuple(ends.tolist()),
        classes=int(labels.max()) + 1 if estimates is None else BINS,
        content_hash=_hash(rows, len(labels)),
        estimates=estimates,
    )
    return _since(whole, first, _hash(rows, int(ends[first - 1]))) if first else whole


def _since(whole: TableData, first: int, earlier_hash: str) -> TableData:
    """A table without the days before the first; nothing of their inputs is kept."""
    if first >= len(whole.ends):
        raise ValueError(f"a table must have more than {first} days, got {len(whole.ends)}")
    start = whole.ends[first - 1]
    before = [slice(rows.start, rows.stop) for rows in map(whole.rows, range(first))]
    labels, estimates = whole.labels.numpy(), whole.estimates
    values = [] if estimates is None else [estimates.values[rows].copy() for rows in before]
    return replace(
        whole,
        features=whole.features[start:].clone(),
        labels=whole.labels[start:].clone(),
        ends=tuple(end - start for end in whole.ends[first:]),
        estimates=None if estimates is None else estimates.since(start, first),
        earlier=Earlier([labels[rows].copy() for rows in before], values, earlier_hash),
    )


def _estimates(
    values: NDArray[np.float64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Estimates]:
    """The bins of numbers, and what answers are held against."""
    known = _known(values[:, None], ends)
    places = values[0] + known.mean + known.spread * middles(MOST)
    return bins_of(standardized(values[:, None], ends)[:, 0], MOST), Estimates(values, places)


def standardized(columns: NDArray[np.float64], ends: NDArray[np.int64]) -> NDArray[np.float32]:
    """(N, F) columns less their mean over the days before, over their standard deviation there.

    The first day, which nothing was seen before and which nobody is asked about, has its own. A
    column that was constant so far is 0. What is further than MOST is cut.

    Args:
        columns: (N, F), finite.
        ends: of each day the row behind its last.
    """
    known, sizes = _known(columns, ends), np.diff(ends, prepend=0)
    apart = columns - columns[0] - np.repeat(known.mean, sizes, axis=0)
    spread = np.repeat(known.spread, sizes, axis=0)
    found = np.divide(apart, spread, out=np.zeros_like(apart), where=spread > 0)
    return np.clip(found, -MOST, MOST).astype(np.float32)


@dataclass(frozen=True)
class _Known:
    """What the days before tell of each column on a day.

    Attributes:
        mean: (D, F), less the first row.
        spread: (D, F) standard deviations; 0 of what was constant so far.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]


def _known(columns: NDArray[np.float64], ends: NDArray[np.int64]) -> _Known:
    """Of (N, F) columns, on each day."""
    moved = columns - columns[0]  # so that the sums of a constant column are exactly 0
    count = ends[:-1].astype(float)[:, None]
    sums, squares = (np.cumsum(part, axis=0)[ends[:-1] - 1] for part in (moved, moved**2))
    mean = sums / count
    spread = np.sqrt(np.maximum(squares / count - mean**2, 0))
    mean, spread = (np.concatenate([part[:1], part]) for part in (mean, spread))
    largest = np.maximum.accumulate(np.abs(moved), axis=0)[ends[:-1] - 1]
    largest = np.concatenate([largest[:1], largest])
    return _Known(mean, np.where(spread <= 1e-9 * largest, 0.0, spread))


def elec2(files: Sequence[Path]) -> Rows:
    """The electricity market of New South Wales: 944 days of 48 half-hours.

    The label says whether the price is above its mean over the 48 half-hours before. So the price
    of the moment is no feature: it would tell the label. A row has the time of day, demand, price
    and demand of the neighbouring state, and the transfer between both; of the same half-hour a day
    before it has these, the price and the label; and it has the mean price of the day before. On
    the first day they are those of its first half-hour, and its own mean.
    """
    table = np.loadtxt(files[0], delimiter=",", skiprows=1)
    period, price, demand, their_price, their_demand, transfer, label = table.T
    moment = [demand, their_price, their_demand, transfer]
    means = np.repeat(price.reshape(-1, _HALF_HOURS).mean(axis=1), _HALF_HOURS)
    day_before = [
        np.concatenate([np.full(_HALF_HOURS, column[0]), column[:-_HALF_HOURS]])
        for column in (*moment, price, label, means)
    ]
    return Rows(
        columns=np.stack([period, *moment, *day_before], axis=1),
        labels=label.astype(np.int64),
        days=np.arange(len(label), dtype=np.int64) // _HALF_HOURS,
    )


_HALF_HOURS = 48
