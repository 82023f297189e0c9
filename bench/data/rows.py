"""Rows in the order of time, as a reader gives them, and those of a table of a user's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.config.own_tables import OwnTable, dates_of, days_of, read_frame

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 1_000
"""Values of a label above which it is a number, and no class."""

LARGEST = 1e100
"""Numbers to be estimated are within this: their squares are summed."""


@dataclass(frozen=True)
class Rows:
    """What a reader gives, in the order of time.

    Attributes:
        columns: (N, F) float64, what is known of a row when it is to be answered.
        labels: (N,) what is to be told: int64 classes 0..K-1, or float64 numbers.
        days: (N,) int64 from 0, ascending; every day has a row.
    """

    columns: NDArray[np.float64]
    labels: NDArray[np.int64] | NDArray[np.float64]
    days: NDArray[np.int64]

    @property
    def estimated(self) -> bool:
        """Whether what is to be told is a number, and no class."""
        return self.labels.dtype.kind == "f"


@dataclass(frozen=True)
class OwnRows:
    """The rows of a table of a user's own.

    Attributes:
        rows: with its labels numbered in their order.
        names: of the inputs: every column but those that the id names.
        gaps: dates between the first and the last without a row.
    """

    rows: Rows
    names: tuple[str, ...]
    gaps: int

    def notes(self) -> list[str]:
        """What one should know before one believes a number from them, in sentences."""
        found = []
        labels, estimated = self.rows.labels, self.rows.estimated
        asked, tells = ("target", _follows) if estimated else ("label", _tells)
        for name, column in zip(self.names, self.rows.columns.T, strict=True):
            if (column == column[0]).all():
                found.append(f"{name!r} is constant: it tells nothing")
            elif (np.diff(column) > 0).all():
                found.append(f"{name!r} only rises, as a number of the row does: drop={name}")
            elif tells(column, labels):
                found.append(f"{name!r} tells the {asked}: drop={name}, unless it is known before")
            elif tells(column[:-1], labels[1:]):
                found.append(f"{name!r} tells the next {asked}: drop={name}, unless it is known")
        if self.gaps:
            found.append(
                f"{self.gaps} dates between the first and the last have no row: no night is theirs"
            )
        return found


def own_rows(table: OwnTable) -> OwnRows:
    """The rows of a table, read once while the file stays as it is.

    Raises:
        ValueError: for a file, a column or a value that cannot be; names it and its row.
    """
    return _read(table, table.state)


@lru_cache(maxsize=4)
def _read(table: OwnTable, state: tuple[int, int] | None) -> OwnRows:
    """The rows of the file in this state."""
    frame = read_frame(table)
    days = days_of(table, frame)
    names = [name for name in frame.columns if name not in table.columns]
    if not names:
        raise ValueError(f"{table.path} must have a column besides those of its id, got none")
    columns = np.stack([_input(table, frame[name]) for name in names], axis=1)
    asked = frame[table.label]
    labels = _target(table, asked) if table.estimated else _labels(table, asked)
    return OwnRows(Rows(columns, labels, days), tuple(names), _gaps(table, frame))


def _input(table: OwnTable, column: pd.Series[Any]) -> NDArray[np.float64]:
    """A column of inputs."""
    return _numbers(
        table, column, f"number what it says, or leave it out by drop={column.name}",
        "fill it by what was known then, or leave the column out",
    )  # fmt: skip


def _target(table: OwnTable, column: pd.Series[Any]) -> NDArray[np.float64]:
    """Numbers that are to be estimated."""
    values = _numbers(table, column, f"of classes, say label={column.name}", "leave its row out")
    far = np.flatnonzero(np.abs(values) > LARGEST)
    if far.size:
        raise ValueError(
            f"{table.label!r} of {table.path} must hold numbers in [-{LARGEST:g}, {LARGEST:g}], "
            f"got {values[far[0]]:g} in row {far[0] + 1}"
        )
    if (values == values[0]).all():
        raise ValueError(
            f"{table.label!r} of {table.path} must have numbers that differ, got {values[0]:g} in "
            "every row"
        )
    return values


def _numbers(
    table: OwnTable, column: pd.Series[Any], of_text: str, of_gap: str
) -> NDArray[np.float64]:
    """A column as numbers.

    Args:
        of_text: what can be done about text.
        of_gap: what can be done about a number that is missing.
    """
    import pandas as pd

    where = f"{column.name!r} of {table.path}"
    texts = pd.to_numeric(column, errors="coerce").isna() & column.notna()
    if texts.any():
        row = int(texts.to_numpy().argmax())
        raise ValueError(
            f"{where} must hold numbers, got {column.iloc[row]!r} in row {row + 1}: {of_text}"
        )
    values = pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise ValueError(
            f"{where} must have a finite number in every row, got {values[wrong[0]]} in row "
            f"{int(wrong[0]) + 1}: {of_gap}"
        )
    return values


def _labels(table: OwnTable, column: pd.Series[Any]) -> NDArray[np.int64]:
    """Labels from 0, in the order of what they are called."""
    where = f"{table.label!r} of {table.path}"
    missing = np.flatnonzero(column.isna().to_numpy())
    if missing.size:
        raise ValueError(
            f"{where} must have a value in every row, got none in row {missing[0] + 1}"
        )
    called = np.array([str(value) for value in column]) if column.dtype == object else column
    values, labels = np.unique(np.asarray(called), return_inverse=True)
    if not 2 <= len(values) <= MOST_CLASSES:
        raise ValueError(
            f"{where} must have 2 to {MOST_CLASSES} values, got {len(values)}: they are classes. "
            f"Of numbers that are to be estimated, say target={table.label}"
        )
    return labels.astype(np.int64)


def _tells(column: NDArray[np.float64], labels: NDArray[Any]) -> bool:
    """Whether each class has a range of values that it shares with no other."""
    ranges = sorted(
        (own.min(), own.max())
        for label in np.unique(labels)
        if (own := column[labels == label]).size
    )
    return len(ranges) > 1 and all(high < low for (_, high), (low, _) in pairwise(ranges))


def _follows(column: NDArray[np.float64], target: NDArray[Any]) -> bool:
    """Whether the one never falls, or never rises, where the other rises."""
    steps = np.diff(column[np.lexsort((column, target))])
    falling = np.diff(column[np.lexsort((-column, target))])
    return bool(steps.size) and bool((steps >= 0).all() or (falling <= 0).all())


def _gaps(table: OwnTable, frame: pd.DataFrame) -> int:
    """Dates without a row, where days are dates."""
    if table.day is not None:
        return 0
    dates = np.unique(dates_of(table, frame))
    return int((dates[-1] - dates[0]).astype(int)) + 1 - len(dates)
