"""How conditions, numbers and files are written, on every page and figure alike."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from bench.stats.intervals import Interval

SCENARIO_NAMES = {
    "task": "task-incremental",
    "class": "class-incremental",
    "domain": "domain-incremental",
}


def percent(value: float, digits: int = 1) -> str:
    """A fraction in percent; '-' where not measured."""
    if math.isnan(value):
        return "-"
    text = f"{100 * value:.{digits}f}"
    return text if float(text) else text.lstrip("-")


def range_text(counts: Iterable[int]) -> str:
    """`5`, or `3 to 5` where they differ; 0 for none."""
    found = sorted(set(counts)) or [0]
    return f"{found[0]} to {found[-1]}" if len(found) > 1 else f"{found[0]}"


def settings_text(values: Mapping[str, object]) -> str:
    """`density=0.1, schedule=linear`, with fractions to three digits."""
    shown = {n: f"{v:.3g}" if isinstance(v, float) else v for n, v in values.items()}
    return ", ".join(f"{name}={value}" for name, value in shown.items())


def counted(number: int, what: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def shortened(sentences: Iterable[str], most: int = 3) -> str:
    """The first sentences in order, and how many there are more: `a; b; c; and 197 more`."""
    every = sorted(sentences)
    more = [f"and {len(every) - most} more"] if len(every) > most else []
    return "; ".join([*every[:most], *more])


def relative(path: Path, page: Path) -> Path:
    """`path` as seen from the folder of `page`."""
    return _way(Path.cwd(), path.parent, page.parent) / path.name


@lru_cache(maxsize=1024)
def _way(working: Path, folder: Path, start: Path) -> Path:
    """From `start` to `folder`; many records lie in one folder, and finding the way takes long."""
    return Path(os.path.relpath(folder, start))


def number(found: Interval) -> str:
    """`1.87 [1.60, 2.11]`."""
    ends = "" if math.isnan(found.low) else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.mean:.2f}{ends}"


def points(found: Interval, digits: int = 2) -> str:
    """A fraction and its interval in percent, or percentage points: `2.93 [2.71, 3.15]`."""
    if math.isnan(found.low):
        return percent(found.mean, digits)
    ends = f"[{percent(found.low, digits)}, {percent(found.high, digits)}]"
    return f"{percent(found.mean, digits)} {ends}"
