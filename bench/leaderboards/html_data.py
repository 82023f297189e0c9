"""What the HTML page knows: its boards, their rows and the details of every record, as JSON.

What many share is there once, in `shared`; others say its place in that list.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from bench.formatting.markdown import one_line
from bench.formatting.numbers import SCENARIO_NAMES
from bench.leaderboards import page
from bench.leaderboards.column import Column, Table, measured
from bench.leaderboards.columns import columns_of
from bench.leaderboards.sentences import leads, reading
from bench.ranking.leaderboard import Leaderboard, Row
from bench.ranking.pools import PoolKey, budget_text, differing_fields, seed_text
from bench.ranking.rank import rank_all
from bench.ranking.scores import Bounds, Scores
from bench.records.collection import without_collection
from bench.records.schema import RunRecord
from bench.records.store import Stored
from bench.stats.intervals import Interval
from bench.stats.score import LARGEST, SMALLEST, normalised_accuracy

TABLES: dict[Table, str] = {
    "ranking": "Ranking",
    "sizes": "Size and memory",
    "learning": "Learning",
    "shares": "Accuracy by weights",
    "needed": "Weights by accuracy",
    "cost": "Cost",
    "sources": "Sources",
    "chosen": "Tuned to",
}
"""Short title of each choice of columns."""
CAPTIONS: dict[Table, str] = {"ranking": "Ranking by score", **page.SECTIONS}
"""What the columns of a choice are."""
DIGITS = 6
"""Significant digits of the numbers on the page; the records themselves have all."""

NOT_SHOWN = {"charged_by_experience", "steps_by_experience", "longest_step", "median_step"}
"""Of the cost of a run, what its record alone tells."""


class Shared(list[Any]):
    """Values that are written once."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, int] = {}

    def place(self, value: Any) -> int:
        """Where `value` lies in this list, at its end if it is new."""
        text = json.dumps(value)
        if text not in self._places:
            self._places[text] = len(self)
            self.append(value)
        return self._places[text]

    def packed(self, value: Any) -> Any:
        """`value`, rounded, each dictionary as `{"k": place of its names, "v": its values}`."""
        if isinstance(value, dict):
            parts = [self.packed(one) for one in value.values()]
            return {"k": self.place(list(value)), "v": parts}
        if isinstance(value, (list, tuple)):
            return [self.packed(one) for one in value]
        return _number(value) if isinstance(value, float) else value


@without_collection()
def report_data(stored: Sequence[Stored], records_root: Path) -> dict[str, Any]:
    """All of it: `boards` and `records`, with numbers to six digits and nothing but JSON."""
    shared = Shared()
    numbers = {item.path: number for number, item in enumerate(stored)}
    every = rank_all(stored)
    boards = [_board(one, _like(one.key, every), numbers, shared) for one in every]
    records = [
        _details(item.record, item.path.relative_to(records_root).as_posix(), shared)
        for item in stored
    ]
    return {
        "caps": [SMALLEST, LARGEST],
        "boards": boards,
        "records": [shared.packed(one) for one in records],
        "shared": shared,
    }


def _like(key: PoolKey, every: Sequence[Leaderboard]) -> list[PoolKey]:
    """The pools of the same benchmark, scenario and budget, which share a choice."""
    return [one.key for one in every if _choice(one.key) == _choice(key)]


def _choice(key: PoolKey) -> tuple[str, str, str]:
    return key.benchmark, SCENARIO_NAMES[key.scenario], budget_text(key)


def _board(
    leaderboard: Leaderboard, like: Sequence[PoolKey], numbers: dict[Path, int], shared: Shared
) -> dict[str, Any]:
    key, bounds = leaderboard.key, leaderboard.bounds
    rows = leaderboard.every_row
    tables = {name: own for name in TABLES if (own := columns_of(name, rows))}
    headings = [
        [
            TABLES[name],
            CAPTIONS[name],
            [[c.name, c.heading(name, leaderboard), c.meaning] for c in columns],
        ]
        for name, columns in tables.items()
    ]
    found = {
        "choice": [*_choice(key), _conditions(key, like)],
        "leads": _spans(leads(leaderboard)),
        "reading": [_spans(sentence) for sentence in reading(leaderboard)],
        "facts": {name: one_line(fact) for name, fact in page.facts(leaderboard).items()},
        "chance": None if math.isnan(bounds.chance) else bounds.chance,
        "joint": bounds.joint if bounds.frozen else None,
        "tables": shared.place(headings),
        "rows": [_row(row, bounds, tables, numbers) for row in rows],
        "records": [numbers[item.path] for item in leaderboard.records],
        "missing": [str(cell) for cell in leaderboard.missing],
    }
    rounded: dict[str, Any] = _rounded(found)
    return rounded


def _conditions(key: PoolKey, like: Sequence[PoolKey]) -> str:
    """What tells the pool from those with the same choice; empty if there are none."""
    told = [
        ("tuned" if key.tuned else "defaults") if name == "tuned" else f"{name} {value}"
        for name in differing_fields(like)
        for value in [getattr(key, name)]
    ]
    return one_line(", ".join(told).replace("_", " "))


def _row(
    row: Row, bounds: Bounds, tables: Mapping[Table, list[Column]], numbers: dict[Path, int]
) -> dict[str, Any]:
    """A row: its cells by table, and of each run what it counts within a cap.

    `stored` is None where nothing tells how many examples it keeps.
    """
    accuracy = row.accuracy
    return {
        "name": one_line(row.name),
        "family": row.family,
        "stored": row.mean.stored_examples,
        "ranked": row.ranked,
        "accuracy": [accuracy.mean, accuracy.low, accuracy.high],
        "capacity": row.capacity.mean,
        "memory": row.mean.memory,
        "score": row.score.mean,
        "runs": [
            [seed_text(seed), numbers[item.path], *_counted(row.scores[seed], bounds)]
            for seed, item in row.runs.items()
        ],
        "cells": [
            [_cell(column, name, row) for column in columns] for name, columns in tables.items()
        ],
    }


def _counted(found: Scores, bounds: Bounds) -> list[float]:
    """Normalised accuracy, capacity and memory of a run; a failed one has reached nothing."""
    if math.isnan(found.accuracy) or math.isnan(bounds.chance):
        return [0.0, found.capacity, found.memory]
    gain = normalised_accuracy(found.accuracy, chance=bounds.chance, joint=bounds.joint)
    return [gain, found.capacity, found.memory]


def _cell(column: Column, table: Table, row: Row) -> list[Any]:
    """The text, and the number it is sorted by; none where the text is, or nothing measured."""
    value, text = column.value(row), one_line(column.text(table, row))
    if isinstance(value, str) or not measured(value):
        return [text]
    # of two ranks the first counts, then the second
    number = value[0] + value[1] / 10**4 if isinstance(value, tuple) else value
    return [text, number.mean if isinstance(number, Interval) else number]


def _details(record: RunRecord, path: str, shared: Shared) -> dict[str, Any]:
    config = record.config.model_dump(mode="json", exclude={"repetition"})
    environment = record.environment.model_dump(
        mode="json", exclude={"started", "ended", "command", "calibration"}
    )
    identity = {"ruleset": record.ruleset, "benchmark version": record.benchmark_version}
    found: dict[str, Any] = {
        "path": path,
        "status": record.status,
        "reason": record.reason,
        "seed": record.config.repetition,
        "attempt": record.attempt,
        "started": record.environment.started.isoformat(timespec="seconds"),
        "configuration": shared.place(identity | config),
        "hyper-parameters": shared.place(dict(record.resolved)),
        "environment": shared.place(environment),
    }
    if record.cost is not None:
        found["cost"] = record.cost.model_dump(mode="json", exclude=NOT_SHOWN)
    if record.outcome is not None and record.outcome.days is None:
        found["matrix"] = record.outcome.accuracy
        found["curve"] = record.outcome.curve
    if record.weights:
        last = record.weights[-1].model_dump(mode="json")
        used = [one.used for one in record.weights]
        found["weights"] = {"used after each experience": used, **last}
    return found


def _spans(markdown: str) -> list[list[Any]]:
    """A sentence as `[text, whether it is strong]`, its escapes undone."""
    spans, strong = [], False
    for token in MarkdownIt("commonmark").parseInline(markdown)[0].children or []:
        if token.type in ("strong_open", "strong_close"):
            strong = token.type == "strong_open"
        elif token.content:
            spans.append([token.content, strong])
    return spans


def _number(value: float) -> float | None:
    """The same to DIGITS; None if it is not a number."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _rounded(value: Any) -> Any:
    """The same with every number to DIGITS."""
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(one) for one in value]
    return value
