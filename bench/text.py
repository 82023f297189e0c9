"""How conditions, numbers and files are written, on every page and figure alike."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

from bench.pools import PoolKey

SCENARIO_NAMES = {
    "task": "task-incremental",
    "class": "class-incremental",
    "domain": "domain-incremental",
}


def budget_text(key: PoolKey) -> str:
    """The budget, with its clock where the unit does not tell it: `20s`, `20s-cpu`, `500steps`."""
    return f"{key.budget}-cpu" if key.clock == "cpu" else key.budget


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


def relative(path: Path, page: Path) -> Path:
    """`path` as seen from the folder of `page`."""
    return Path(os.path.relpath(path, page.parent))
