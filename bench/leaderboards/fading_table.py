"""Where experiences fade: one table, and its figure's place, for each stream at several sigma."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.formatting.markdown import escape, link, table
from bench.formatting.numbers import SCENARIO_NAMES
from bench.leaderboards.column import percents
from bench.leaderboards.page import Folders, stamp
from bench.ranking.fading import Fading
from bench.ranking.pools import budget_text
from bench.records.store import slug

FIGURE = "sigma"
"""What ends the name of the figure's file."""


def fading_parts(found: Sequence[Fading], folders: Folders) -> Iterator[dict[str, str]]:
    """Of each stream its title, its table, and the link to its figure if there is one."""
    shown = percents()
    for one in found:
        header = ["strategy", *(f"sigma {sigma:g}" for sigma in one.boards)]
        cells = [
            [
                escape(label),
                *(
                    "-" if (row := rows.get(sigma)) is None else shown(row.accuracy)
                    for sigma in one.boards
                ),
            ]
            for label, rows in one.rows.items()
        ]
        name = fading_path(one)
        path = name.with_name(f"{name.name}.svg")
        drawn = folders.pages / path
        current = drawn.is_file() and fading_stamp(one) in drawn.read_text(
            encoding="utf-8", errors="replace"
        )
        yield {
            "title": escape(fading_title(one)),
            "table": "\n".join(table(header, cells)),
            "figure": link(path) if current else "",
        }


def fading_title(one: Fading) -> str:
    """The stream and its conditions."""
    key = one.key
    tuned = ", tuned" if key.tuned else ""
    return (
        f"{one.benchmark}, {SCENARIO_NAMES[key.scenario]}, {budget_text(key)}, {key.model}{tuned}"
    )


def fading_path(one: Fading) -> Path:
    """Where its figure lies in the folder of pages, without a suffix."""
    key = one.key
    tuned = "-tuned" if key.tuned else ""
    return Path(slug(one.benchmark)) / (
        f"{key.scenario}-{budget_text(key)}-{key.model}{tuned}-{FIGURE}"
    )


def fading_stamp(one: Fading) -> str:
    """What the figure carries of the records that it was drawn from."""
    every = " ".join(stamp(board) for board in one.boards.values())
    return f"records {hashlib.sha256(every.encode()).hexdigest()[:16]}"
