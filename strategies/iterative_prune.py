"""Iterative magnitude pruning under a time budget: a day, then rounds of prune and retrain."""

from __future__ import annotations

from typing import Any

from strategies.clock import Clock
from strategies.masks import Scope
from strategies.nights import SleepingStrategy, evenly
from strategies.prune import Prune


class IterativePrune(SleepingStrategy):
    """Train until `prune_from`, then prune and retrain in `rounds` equal parts of what is left.

    rounds: prune-retrain rounds in each experience, in [1, 1000]; each removes the same share of
        the weights that are left, so that the last one reaches `density`.
    density: kept share of all prunable weights, in (0, 1].
    prune_from: progress of the first prune, in [0, 1).
    scope: rank over the whole network (`global`) or within each `layer`.

    One network for the whole stream: each experience begins with every weight trainable again and
    ends at `density`. Ball, Li, Lamb & Zhang 2020 (arXiv 2010.15187), whose several sleep cycles
    these are; the geometric schedule is that of Han et al. 2015.
    """

    def __init__(
        self,
        *,
        rounds: int = 5,
        density: float = 0.05,
        prune_from: float = 0.4,
        scope: Scope = "global",
        sleep_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 1 <= rounds <= 1000:
            raise ValueError(f"rounds must be in [1, 1000], got {rounds}")
        if not 0 <= prune_from < 1:
            raise ValueError(f"prune_from must be in [0, 1), got {prune_from}")
        super().__init__(
            nights=evenly(rounds, first=prune_from),
            stages=[Prune(density, scope)],
            sleep_clock=sleep_clock,
            **base_kwargs,
        )
        if not self.weights:
            raise ValueError("model must have a linear or convolutional layer to prune, got none")
