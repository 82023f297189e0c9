"""Every leaderboard of a folder on one HTML page that needs nothing else: no network, no server.

What came from a record is data to the page: the template escapes it, and its script only ever sets
text. Equal records give equal pages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bench.formatting import plotting
from bench.formatting.markdown import one_line
from bench.formatting.numbers import SCENARIO_NAMES
from bench.formatting.templates import template
from bench.leaderboards import figures, page
from bench.leaderboards.column import Column, measured
from bench.leaderboards.columns import columns_of
from bench.ranking.admission import Evidence
from bench.ranking.leaderboard import Leaderboard, Row
from bench.ranking.pools import budget_text, seed_text
from bench.ranking.rank import rank_all
from bench.records.schema import RunRecord
from bench.records.store import Stored
from bench.stats.intervals import Interval

TEMPLATE = Path(__file__).with_name("report.html")
MOST_FIGURES = 24
"""A page has no more figures: with many leaderboards each shows only the first kinds."""
DIGITS = 6
"""Significant digits of the numbers of a record on the page; the record itself has all."""


def report_html(evidence: Evidence, *, records_root: Path, figures: bool = False) -> str:
    """The page.

    Args:
        records_root: where the records were read, for the paths by which it names them.
        figures: all of them, however many leaderboards there are, which takes seconds for each.
    """
    names = {item.path: item.path.relative_to(records_root).as_posix() for item in evidence.stored}
    numbers = {item.path: number for number, item in enumerate(evidence.stored)}
    every = rank_all(evidence.stored)
    names_drawn = tuple(page.FIGURES) if figures else drawn(len(every))
    return template(TEMPLATE).render(
        leaderboards=[
            _section(leaderboard, i, numbers, names_drawn) for i, leaderboard in enumerate(every, 1)
        ],
        undrawn=[page.FIGURES[name] for name in page.FIGURES if name not in names_drawn],
        records=len(evidence.stored),
        damaged=[evidence.damaged[path] for path in sorted(evidence.damaged)],
        data=_as_script(_data(evidence.stored, names)),
    )


def drawn(count: int) -> tuple[str, ...]:
    """The figures that each of `count` leaderboards shows: all of them, or the first few."""
    return tuple(page.FIGURES)[: MOST_FIGURES // max(count, 1)]


def _section(
    leaderboard: Leaderboard, number: int, numbers: dict[Path, int], chosen: Sequence[str]
) -> dict[str, Any]:
    key = leaderboard.key
    shown = [
        {"caption": page.FIGURES[name], "svg": Markup(plotting.inline_svg(figure))}
        for name, figure in figures.figures(leaderboard, chosen)
    ]
    return {
        "id": f"leaderboard-{number}",
        "title": f"{key.benchmark}, {SCENARIO_NAMES[key.scenario]}, "
        f"{budget_text(key)}, {key.model}",
        "facts": [(name, one_line(value)) for name, value in page.facts(leaderboard).items()],
        "columns": [
            {"name": c.name, "title": c.heading("html", leaderboard), "meaning": c.meaning}
            for c in columns_of("html", [*leaderboard.rows, *leaderboard.upper_bounds])
        ],
        "rows": [_row(number, row, numbers) for number, row in leaderboard.numbered],
        "figures": shown,
        "missing": [str(cell) for cell in leaderboard.missing],
    }


def _row(number: str, row: Row, numbers: dict[Path, int]) -> dict[str, Any]:
    return {
        "number": number,
        "ranked": row.ranked,
        "runs": [
            {"text": seed_text(seed), "record": numbers[item.path], "status": item.record.status}
            for seed, item in row.runs.items()
        ],
        "cells": [
            {"column": column.name, "text": column.text("html", row), "order": _order(column, row)}
            for column in columns_of("html", [row])
        ],
    }


def _order(column: Column, row: Row) -> str:
    """What a cell is sorted by: its value, none if it was not measured, which sorts last."""
    value = column.value(row)
    if isinstance(value, str):
        return value
    number = sum(value) if isinstance(value, tuple) else value
    number = number.mean if isinstance(number, Interval) else number
    return f"{number:.{DIGITS}g}" if number is not None and measured(number) else ""


def _data(stored: Sequence[Stored], names: dict[Path, str]) -> dict[str, Any]:
    """What the script shows of each record; what many records share is there once."""
    shared: dict[str, int] = {}

    def once(value: Any) -> int:
        return shared.setdefault(json.dumps(value, sort_keys=True), len(shared))

    records = [_details(item.record, names[item.path], once) for item in stored]
    return {"shared": [json.loads(text) for text in shared], "records": records}


def _details(record: RunRecord, path: str, once: Any) -> dict[str, Any]:
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
        "configuration": once(identity | config),
        "hyper-parameters": once(record.resolved),
        "environment": once(environment),
    }
    if record.cost is not None:
        found["cost"] = record.cost.model_dump(mode="json", exclude={"charged_by_experience"})
    if record.outcome is not None:
        found["matrix"] = record.outcome.accuracy
        found["curve"] = record.outcome.curve
    if record.weights:
        last = record.weights[-1].model_dump(mode="json")
        found["weights"] = {
            "used after each experience": [one.used for one in record.weights], **last
        }  # fmt: skip
    shown = _rounded(found)
    assert isinstance(shown, dict), "a dictionary stays one"
    return shown


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(one) for one in value]
    return value


def _as_script(data: dict[str, Any]) -> Markup:
    """JSON for the inside of a script element, which no text in it can end."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
