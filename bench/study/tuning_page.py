"""The page of a tuning: what every search found, and what it cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.formatting.numbers import percent, settings_text
from bench.study.pages import Page, amount, cost
from bench.study.study import Study
from bench.study.trials import Trial

CAPTION = (
    "What each search had found after each trial: crosses are trials, the dashed line is the best "
    "of all strategies"
)
"""Of the one figure, `history`."""


@dataclass(frozen=True)
class TunedStrategy:
    """What the search of one strategy found.

    Attributes:
        default: the trial at the defaults; None if it did not finish.
        best: None if no trial finished.
    """

    study: Study
    trials: Sequence[Trial]
    default: Trial | None
    best: Trial | None


def page_of(found: Sequence[TunedStrategy]) -> Page:
    """What every search found, charged and took."""
    study = found[0].study
    spent = sum(cost(one.trials) for one in found)
    taken = sum(core_seconds(one) for one in found)
    judged = study.objectives[0]
    count = sum(len(one.trials) for one in found)
    return Page(
        title=f"Tuning on {study.benchmark}, {study.scenario}-incremental, {study.budget}",
        facts=[
            f"Every strategy was searched alike, and judged by its {judged} on "
            f"{percent(study.validation, 0)} % of the training data, held out.",
            f"The searches charged {amount(study, spent)} in all. Their {count} trials took "
            f"{hours(taken)}, evaluation included.",
        ],
        header=["strategy", "trials", "stopped", "failed", f"{judged} at the defaults", judged,
                "accuracy, %", "charged", "core-hours", "chosen"],
        rows=[_row(one) for one in found],
        figures={"history": CAPTION} if any(one.best for one in found) else {},
    )  # fmt: skip


def core_seconds(one: TunedStrategy) -> float:
    """How long its runs had their cores, from start to end, times the cores of a run."""
    runs = [record.environment for trial in one.trials for record in trial.records]
    return one.study.threads * math.fsum((e.ended - e.started).total_seconds() for e in runs)


def hours(core_seconds: float) -> str:
    """`1.25 core-hours`, to three digits."""
    return f"{core_seconds / 3600:.3g} core-hours"


def _row(one: TunedStrategy) -> list[str]:
    states = [trial.state for trial in one.trials]
    return [
        one.study.strategy,
        str(len(states)),
        str(states.count("stopped")),
        str(states.count("failed")),
        _value(one.default),
        _value(one.best),
        percent(one.best.accuracy) if one.best else "-",
        amount(one.study, cost(one.trials)),
        f"{core_seconds(one) / 3600:.3g}",
        settings_text(one.best.chosen) if one.best else "-",
    ]


def _value(trial: Trial | None) -> str:
    return f"{trial.values[0]:.3f}" if trial and trial.values else "-"
