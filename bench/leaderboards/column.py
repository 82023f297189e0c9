"""What a column of a leaderboard is, and how its values are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.formatting.numbers import percent
from bench.ranking.leaderboard import Leaderboard, Row
from bench.stats.intervals import Interval

Table = Literal[
    "ranking",
    "sizes",
    "learning",
    "shares",
    "needed",
    "cost",
    "sources",
    "chosen",
    "latex",
    "terminal",
]
Value = str | float | Interval | tuple[int, int] | None
Title = str | Callable[[Leaderboard], str]

IN_PERCENT: tuple[Table, ...] = ("learning", "shares", "needed", "terminal")
"""Tables whose title says that numbers without another unit are in percent."""
ENDS = ("_low", "_high")
"""Ends of the names of the CSV columns of a pair."""
INTERVAL = ("", *ENDS)
"""The same of a mean with its interval."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a leaderboard, wherever it is shown.

    Attributes:
        name: in TABLES and in the CSV table.
        title: in every other table.
        meaning: its formula or explanation, as Markdown.
        source: the paper that defines it.
        value: of a row, at full precision: NaN or None where it was not measured.
        form: a value as text.
        unit: follows the title, but for % in a table whose own title says that it is in percent.
        csv: ends of the names of the CSV columns that the value fills, none for no column.
        titles: the title in a table that calls it otherwise.
        shown: the text of a row in a table that writes it otherwise.
        optional: whether tables leave it out where no row has a value.
    """

    name: str
    title: str
    meaning: str
    value: Callable[[Row], Value]
    form: Callable[[Value], str] = str
    source: str = ""
    unit: str = ""
    csv: tuple[str, ...] = ("",)
    titles: Mapping[Table, Title] = field(default_factory=dict)
    shown: Mapping[Table, Callable[[Row], str]] = field(default_factory=dict)
    optional: bool = False

    def heading(self, table: Table, leaderboard: Leaderboard) -> str:
        """The title in a table, with its unit unless that is percent and the table says so."""
        title = self.titles.get(table)
        if title is not None:
            return title if isinstance(title, str) else title(leaderboard)
        alone = not self.unit or (self.unit == "%" and table in IN_PERCENT)
        return self.title if alone else f"{self.title}, {self.unit}"

    def text(self, table: Table, row: Row) -> str:
        """The cell of a row in a table, not escaped; a dash where nothing was measured."""
        if table in self.shown:
            return self.shown[table](row)
        value = self.value(row)
        return self.form(value) if measured(value) else "-"

    def csv_cells(self, row: Row) -> dict[str, Value]:
        """The value by the names of its CSV columns."""
        value = self.value(row)
        if isinstance(value, Interval):
            parts: tuple[Value, ...] = (value.mean, value.low, value.high)
        else:
            parts = value if isinstance(value, tuple) else (value,) * len(self.csv)
        names = (f"{self.name}{end}" for end in self.csv)
        return dict(zip(names, parts, strict=True)) if self.csv else {}


def measured(value: Value) -> bool:
    """Whether there is a value to show."""
    mean = value.mean if isinstance(value, Interval) else value
    return mean is not None and not (isinstance(mean, float) and math.isnan(mean))


def percents(digits: int = 1, *, collapse: bool = False) -> Callable[[Value], str]:
    """The form of fractions in percent.

    Args:
        digits: after the point.
        collapse: leave out an interval whose ends print as its mean does.
    """
    return _numbers(lambda value: percent(value, digits), collapse)


def numbers(form: str) -> Callable[[Value], str]:
    """The form of numbers by a format specification such as `.3f`."""
    return _numbers(lambda value: format(value, form), False)


def _numbers(show: Callable[[float], str], collapse: bool) -> Callable[[Value], str]:
    def form(value: Value) -> str:
        if not isinstance(value, Interval):
            assert isinstance(value, float | int), f"a number is to be shown, got {value!r}"
            return show(value)
        mean, low, high = show(value.mean), show(value.low), show(value.high)
        if math.isnan(value.low) or (collapse and mean == low == high):
            return mean
        return f"{mean} [{low}, {high}]"

    return form


def first_to_last(value: Value) -> str:
    """The form of a pair of ranks: `3`, or `3 to 5`."""
    assert isinstance(value, tuple), f"a pair of ranks is to be shown, got {value!r}"
    first, last = value
    return f"{first}" if first == last else f"{first} to {last}"
