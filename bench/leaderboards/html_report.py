"""Every leaderboard of a folder on one HTML page that needs nothing else: no network, no server.

What came from a record is data to the page: the template escapes it, and its script only ever sets
text. Equal records give equal pages.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from bench.config.budget import KINDS
from bench.formatting import plotting
from bench.formatting.markdown import one_line
from bench.formatting.numbers import SCENARIO_NAMES
from bench.leaderboards import figures, page
from bench.leaderboards.tables import rank_interval_text, rank_text
from bench.ranking.admission import Evidence
from bench.ranking.leaderboard import Leaderboard, Row
from bench.ranking.pools import budget_text, seed_text
from bench.ranking.rank import rank_all
from bench.records.schema import RunRecord
from bench.records.store import Stored

TEMPLATE = "report.html"
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
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    names = {item.path: item.path.relative_to(records_root).as_posix() for item in evidence.stored}
    numbers = {item.path: number for number, item in enumerate(evidence.stored)}
    every = rank_all(evidence.stored)
    names_drawn = tuple(page.FIGURES) if figures else drawn(len(every))
    return environment.get_template(TEMPLATE).render(
        leaderboards=[
            _board(leaderboard, i, numbers, names_drawn) for i, leaderboard in enumerate(every, 1)
        ],
        undrawn=[page.FIGURES[name] for name in page.FIGURES if name not in names_drawn],
        records=len(evidence.stored),
        damaged=[evidence.damaged[path] for path in sorted(evidence.damaged)],
        data=_as_script(_data(evidence.stored, names)),
        columns=COLUMNS,
    )


def drawn(count: int) -> tuple[str, ...]:
    """The figures that each of `count` leaderboards shows: all of them, or the first few."""
    return tuple(page.FIGURES)[: MOST_FIGURES // max(count, 1)]


COLUMNS = (
    ("#", "The number that names the row in the figures"),
    ("rank", "Rank; = marks rows that share one, none of them told apart from the row above"),
    ("places", "Between which it stands in 95 % of resamples over seeds"),
    ("strategy", "Strategy, with what differs from its defaults and between rows"),
    ("runs", "Each opens the record of one seed"),
    ("failed", "Runs that failed; they count as worst"),
    ("hypervolume", "Headline: area dominated by (weights, accuracy) within frozen bounds"),
    ("95 % interval", "Over seeds"),
    ("accuracy %", "Final average accuracy"),
    ("95 % interval", "Over seeds"),
    ("weights %", "Weights used, of all"),
    ("layer", "Pareto layer; 1 is the front"),
    ("P(front)", "Probability of being on the front"),
    ("forgetting %", "Best minus last accuracy"),
    ("95 % interval", "Over seeds"),
    ("anytime %", "Area under accuracy over the charged budget"),
    ("plasticity %", "Accuracy just after learning"),
    ("stability %", "Final accuracy of the past"),
    ("charged %", "Charged share of the budget"),
    *((f"{kind} s", f"Charged seconds: {kind}") for kind in KINDS),
)
"""Title and explanation of each column of a leaderboard."""


def _board(
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
        "rows": [_row(number, row, numbers) for number, row in leaderboard.numbered],
        "figures": shown,
        "missing": [str(cell) for cell in leaderboard.missing],
    }


def _row(number: str, row: Row, numbers: dict[Path, int]) -> dict[str, Any]:
    m = row.mean
    seconds = row.seconds
    percents = (m.anytime_accuracy, m.plasticity, m.stability, m.charged)
    cells = [
        _cell(row.hypervolume.mean, 3),
        _ends(row.hypervolume.low, row.hypervolume.high, 1, 3),
        _cell(100 * row.accuracy.mean, 1),
        _ends(row.accuracy.low, row.accuracy.high, 100, 1),
        _cell(100 * m.weights, 2),
        ("-", "")
        if row.non_domination_rank is None
        else (str(row.non_domination_rank), str(row.non_domination_rank)),
        _cell(row.on_front, 2),
        _cell(100 * row.forgetting.mean, 1),
        _ends(row.forgetting.low, row.forgetting.high, 100, 1),
        *(_cell(100 * value, 1) for value in percents),
        *(_cell(seconds.get(kind, math.nan), 2) for kind in KINDS),
    ]
    return {
        "number": number,
        "rank": rank_text(row).replace(" (provisional)", "*"),
        "order": "" if row.rank is None else row.rank,
        "places": (rank_interval_text(row.rank_interval), str(sum(row.rank_interval)))
        if row.rank_interval
        else ("-", ""),
        "label": row.name,
        "ranked": row.ranked,
        "runs": [
            {"text": seed_text(seed), "record": numbers[item.path], "status": item.record.status}
            for seed, item in row.runs.items()
        ],
        "failed": row.failed,
        "cells": cells,
    }


def _cell(value: float, digits: int) -> tuple[str, str]:
    """A number as it is shown and as it is sorted by; a dash, sorted last, if not measured."""
    return ("-", "") if math.isnan(value) else (f"{value:.{digits}f}", f"{value:.{DIGITS}g}")


def _ends(low: float, high: float, scale: float, digits: int) -> tuple[str, str]:
    if math.isnan(low):
        return "-", ""
    text = f"{scale * low:.{digits}f} to {scale * high:.{digits}f}"
    return text, f"{scale * (high - low):.{DIGITS}g}"


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
