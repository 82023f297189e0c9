"""How conditions, numbers and files are written, on every page and figure alike."""

from __future__ import annotations

import math
import os
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
    return "-" if math.isnan(value) else f"{100 * value:.{digits}f}"


def relative(path: Path, page: Path) -> Path:
    """`path` as seen from the folder of `page`."""
    return Path(os.path.relpath(path, page.parent))
