"""Fair comparison in continual learning: every strategy under the same budget, on one leaderboard.

`bench.run` makes one run, `bench.run_suite` a grid of them, `bench.load` reads them as a pandas
frame, `bench.leaderboard` ranks them, and `bench.compare` sets two beside each other.
`bench.load_network` gives the network of a run that was saved.
Importing this costs nothing: torch and pandas come with the first call.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.api import compare, leaderboard, load, load_network, run, run_suite
    from bench.config.executors import Place
    from bench.config.suite import Suite

__all__ = ["Place", "Suite", "compare", "leaderboard", "load", "load_network", "run", "run_suite"]

_HOMES = {"Place": "bench.config.executors", "Suite": "bench.config.suite"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "bench.api")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
