"""Progress in plain files, a row for each number: what pandas reads and a spreadsheet opens."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from bench.loggers.logger import LoggedRun, Logger
from bench.records.store import write_atomically

HEADER = ("charged", "quantity", "value")


class CsvLogger(Logger):
    """One file for each run."""

    def begin(self, run: LoggedRun, charged: float) -> None:
        """Make the run's file; of one that goes on what is void is taken out."""
        path = self._file(run)
        kept = _rows_before(path, charged) if charged and path.is_file() else ()
        write_atomically(path, _lines([HEADER, *kept]))

    def log(self, run: LoggedRun, charged: float, values: Mapping[str, float]) -> None:
        """Write a row for each number."""
        with self._file(run).open("a", newline="", encoding="utf-8") as file:
            file.write(_lines((charged, name, value) for name, value in values.items()))

    def end(self, run: LoggedRun, status: str) -> None:
        """Nothing: the record says how it ended."""

    def _file(self, run: LoggedRun) -> Path:
        return self._folder / f"{run.id}.csv"


def _lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _rows_before(path: Path, charged: float) -> Iterator[list[str]]:
    """The rows of a file that were told earlier; a torn one is left out."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.reader(file):
            try:
                at, _, _ = float(row[0]), row[1], float(row[2])
            except (ValueError, IndexError):  # the header is none, either
                continue
            if at < charged:
                yield row
