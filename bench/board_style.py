"""How the figures of a leaderboard look: one ink, readable in grey, on light and dark pages."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import seaborn as sns

from bench.stats import Interval

INK = "#01527f"
"""Of what a figure is about; everything else is grey."""

Array = npt.NDArray[np.float64]


def style() -> Any:
    """The context in which axes and their text are made."""
    return sns.axes_style("whitegrid", {"font.family": "DejaVu Sans"})


def in_percent(found: Interval) -> Interval:
    """The interval of a fraction in percent."""
    return Interval(100 * found.mean, 100 * found.low, 100 * found.high)


def ends(interval: Interval) -> Array:
    """(2, 1) distances of the ends from the mean, 0 where there are none."""
    found = [[interval.mean - interval.low], [interval.high - interval.mean]]
    return np.maximum(np.nan_to_num(np.array(found)), 0)
