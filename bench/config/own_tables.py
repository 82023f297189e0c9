"""Tables of a user's own: `csv:market.csv?time=when&label=up&drop=price`.

A table is a benchmark by its id, which says what its columns are. Its rows are in the order of
time; they make days, and a night follows each.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

import numpy as np
from numpy.typing import NDArray

from strategies.suggestions import suggest

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("csv", "parquet")
"""What a file may be, as its id begins."""

SEPARATORS = (";", "\t")
"""What may stand between the columns of a CSV file whose header has no comma."""

_PARQUET = b"PAR1"
"""How a Parquet file begins."""

_OFFSET = re.compile(r" ?(?:Z|[+-]\d\d:?\d\d)$")
"""By how much the clock of a time differs from UTC."""

ASKED = ("label", "target")
"""What names the column that is to be told: one of classes, or one of numbers."""

OPTIONS = ("time", *ASKED, "day", "drop")
FORMS = tuple(f"{kind}:PATH?time=COLUMN&label=COLUMN" for kind in KINDS)


@dataclass(frozen=True)
class OwnTable:
    """Which file, and what its columns are.

    Attributes:
        kind: one of KINDS.
        path: of the file.
        time: the column that rows are in the order of; of dates or numbers.
        label: the column that is to be told.
        day: the column of which each day has a value of its own; None: the date of `time`.
        drop: columns that are not known when a row is to be answered.
        estimated: whether what is to be told is a number, and no class.
    """

    kind: str
    path: str
    time: str
    label: str
    day: str | None = None
    drop: tuple[str, ...] = ()
    estimated: bool = False

    @property
    def asked(self) -> str:
        """The option that names the column that is to be told."""
        return ASKED[self.estimated]

    @property
    def id(self) -> str:
        """As a benchmark is called."""
        told = [("time", self.time), (self.asked, self.label)]
        told += [] if self.day is None else [("day", self.day)]
        told += [("drop", name) for name in self.drop]
        query = "&".join(f"{option}={quote(name, safe=' /:.()')}" for option, name in told)
        return f"{self.kind}:{self.path}?{query}"

    @property
    def state(self) -> tuple[int, int] | None:
        """By which a file that has changed is known; None where there is none."""
        path = Path(self.path)
        about = path.stat() if path.is_file() else None
        return None if about is None else (about.st_mtime_ns, about.st_size)

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that have a name in the id."""
        return (self.time, self.label, *([] if self.day is None else [self.day]), *self.drop)


def is_own_table(name: str) -> bool:
    """Whether the id of a benchmark is that of a table of a user's own."""
    kind, colon, _ = name.partition(":")
    return bool(colon) and kind in KINDS


@lru_cache(maxsize=256)
def own_table(name: str) -> OwnTable:
    """What an id says; the file is not looked at.

    Raises:
        ValueError: for an unknown option, or one that is missing or empty.
    """
    base, _, query = name.partition("?")
    kind, _, path = base.partition(":")
    given: dict[str, list[str]] = {option: [] for option in OPTIONS}
    for option, column in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True):
        if option not in given:
            raise ValueError(suggest("option of a table", option, OPTIONS))
        if not column:
            raise ValueError(f"{option} must be the name of a column, got none in {name!r}")
        given[option].append(column)
    asked = [option for option in ASKED if given[option]]
    if not given["time"]:
        raise ValueError(f"time must be given for a table, {' or '.join(FORMS)}; got {name!r}")
    if len(asked) != 1:
        raise ValueError(
            f"label, of classes, or target, of numbers, must be given for a table, "
            f"{' or '.join(FORMS)}; got {' and '.join(asked) or 'neither'} in {name!r}"
        )
    for option in ("time", *ASKED, "day"):
        if len(given[option]) > 1:
            raise ValueError(f"{option} must be given once, got {given[option]}")
    if not path:
        raise ValueError(f"a table must be {' or '.join(FORMS)}, got {name!r}")
    table = OwnTable(
        kind, path, given["time"][0], given[asked[0]][0], next(iter(given["day"]), None),
        tuple(sorted(set(given["drop"]))), estimated=asked[0] == "target",
    )  # fmt: skip
    if table.label in (table.time, table.day, *table.drop):
        raise ValueError(f"{asked[0]} must name a column that no other option names, got {name!r}")
    return table


def read_frame(table: OwnTable) -> pd.DataFrame:
    """All columns of the file.

    Raises:
        ValueError: for a file that is none, or a column that it has not.
    """
    import pandas as pd

    path = Path(table.path)
    if not path.is_file():
        got = "a folder" if path.is_dir() else "none there"
        raise ValueError(f"{path} must be a file, got {got}")
    try:
        if table.kind == "csv":
            names = pd.read_csv(path, nrows=0).columns
            between = next((s for s in SEPARATORS if len(names) == 1 and s in names[0]), ",")
            frame = pd.read_csv(path, sep=between, low_memory=False)
        else:
            frame = pd.read_parquet(path)
    except ImportError as error:
        raise ValueError(f"{path} needs pyarrow: pip install 'sleepbench[parquet]'") from error
    except Exception as error:  # whatever a damaged file makes of a reader
        raise ValueError(
            f"{path} must be a {table.kind} file, got {_instead(path, table.kind, error)}"
        ) from error
    frame.columns = [str(name) for name in frame.columns]
    for name in table.columns:
        if name not in frame.columns:
            raise ValueError(suggest(f"column of {path}", name, frame.columns))
    return frame


def _instead(path: Path, kind: str, error: Exception) -> str:
    """What lies in the place of a file that no reader of its kind can read."""
    with path.open("rb") as file:
        start = file.read(len(_PARQUET))
    if not start:
        return "an empty one"
    if kind == "csv" and start == _PARQUET:
        return f"Parquet: call it parquet:{path}"
    return "no such: " + " ".join(str(error).split())[:200]


def days_of(table: OwnTable, frame: pd.DataFrame) -> NDArray[np.int64]:
    """(N,) the day of every row, from 0.

    Raises:
        ValueError: for times that are missing, unsorted or the same, and days that come again, or
            of which there are not two.
    """
    if frame.empty:
        raise ValueError(f"{table.path} must have rows, got none")
    times, _ = _times(table, frame[table.time])
    wrong = np.flatnonzero(times[1:] <= times[:-1])
    if wrong.size:
        row = int(wrong[0]) + 1
        before, here = frame[table.time].iloc[row - 1 : row + 1]
        raise ValueError(
            f"rows of {table.path} must be in the order of {table.time!r}, each at a time of its "
            f"own, got {here} in row {row + 1} after {before}"
        )
    days = dates_of(table, frame) if table.day is None else _values(table, frame[table.day])
    firsts = [0, *(np.flatnonzero(days[1:] != days[:-1]) + 1).tolist()]
    seen: dict[Hashable, int] = {}
    for first in firsts:
        if (value := days[first]) in seen:
            raise ValueError(
                f"the rows of a day must stand together in {table.path}, got {value} in row "
                f"{seen[value] + 1} and again in row {first + 1}"
            )
        seen[value] = first
    if len(firsts) < 2:
        raise ValueError(f"{table.path} must have at least 2 days, got 1")
    return np.repeat(np.arange(len(firsts)), np.diff([*firsts, len(days)])).astype(np.int64)


def dates_of(table: OwnTable, frame: pd.DataFrame) -> NDArray[np.datetime64]:
    """(N,) the date of every row, as clocks showed it there.

    Raises:
        ValueError: for times that are numbers.
    """
    _, shown = _times(table, frame[table.time])
    if shown is None:
        raise ValueError(
            f"{table.time!r} of {table.path} holds numbers, so day must name the column of the "
            "days: of Unix seconds, for example, one that holds them divided by 86400 and cut"
        )
    return shown.astype("datetime64[D]")


def count_days(table: OwnTable) -> int:
    """How many days the file has.

    Raises:
        ValueError: for a file that is no table, or whose rows make no days.
    """
    return _count_days(table, table.state)


@lru_cache(maxsize=16)  # asked for every run of a suite
def _count_days(table: OwnTable, state: tuple[int, int] | None) -> int:
    return int(days_of(table, read_frame(table))[-1]) + 1


def _times(
    table: OwnTable, column: pd.Series[Any]
) -> tuple[NDArray[Any], NDArray[np.datetime64] | None]:
    """(N,) moments in the order of which rows are, and what clocks showed; None of numbers."""
    import pandas as pd

    values = _values(table, column)
    if values.dtype.kind in "iuf":
        return values, None
    with_zone = isinstance(column.dtype, pd.DatetimeTZDtype)
    texts = column.astype(str)
    zoned = texts.str.contains(_OFFSET) | with_zone
    shown = (
        column.dt.tz_localize(None)
        if with_zone
        else _dates(texts.str.replace(_OFFSET, "", regex=True))
    )
    wrong = np.flatnonzero((shown.isna() | (zoned != zoned.iloc[0])).to_numpy())
    if wrong.size:
        raise ValueError(
            f"{table.time!r} of {table.path} must hold numbers, or dates as 2024-05-31 17:30, all "
            f"with an offset as +02:00 or none, got {column.iloc[wrong[0]]!r} in row {wrong[0] + 1}"
        )
    moments = _dates(column, utc=True).dt.tz_localize(None) if zoned.iloc[0] else shown
    return moments.to_numpy(), shown.to_numpy()


def _dates(column: pd.Series[Any], *, utc: bool = False) -> pd.Series[Any]:
    """A column as dates, none where it holds something else."""
    import pandas as pd

    return pd.to_datetime(column, format="ISO8601", errors="coerce", utc=utc)


def _values(table: OwnTable, column: pd.Series[Any]) -> NDArray[Any]:
    """The values of a column, none of which is missing."""
    missing = np.flatnonzero(column.isna().to_numpy())
    if missing.size:
        raise ValueError(
            f"{column.name!r} of {table.path} must have a value in every row, got none in row "
            f"{missing[0] + 1}"
        )
    return column.to_numpy()
