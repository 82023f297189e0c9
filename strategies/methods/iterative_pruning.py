"""Iterative magnitude pruning under a time budget: a day, then rounds of prune and retrain."""

from __future__ import annotations

from typing import Any

from strategies.avalanche_signature import template_first
from strategies.clock import Clock
from strategies.pruning.importance import Importance
from strategies.pruning.masks import Schedule, Scope
from strategies.pruning.prune import Pruning, PruningStrategy, Rewind


class IterativePrune(PruningStrategy):
    """Train until `prune_from`, then prune and retrain in `rounds` equal parts of what is left.

    One network for the whole stream: each experience begins with every weight trainable again and
    ends at `density`. To prune within the weights that earlier tasks left free, give `rounds` to
    `PackNet`. Ball, Li, Lamb & Zhang 2020 (arXiv 2010.15187), whose several sleep cycles these are;
    the learning rate within a round is that of Zimmer, Spiegel & Pokutta 2023.

    Args:
        density: kept share of all prunable weights after the last round, in (0, 1].
        prune_from: progress of the first prune, in [0, 1); the night's share is what follows.
        rounds: see `Pruning`.
        scope: see `Pruning`.
        schedule: see `Pruning`.
        importance: see `Pruning`.
        rewind: see `Pruning`.
    """

    @template_first
    def __init__(
        self,
        *,
        rounds: int = 5,
        density: float = 0.05,
        prune_from: float = 0.4,
        scope: Scope = "global",
        schedule: Schedule = "geometric",
        importance: Importance = "magnitude",
        rewind: Rewind = "learning-rate",
        sleep_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 0 < density <= 1:
            raise ValueError(f"density must be in (0, 1], got {density}")
        if not 0 <= prune_from < 1:
            raise ValueError(f"prune_from must be in [0, 1), got {prune_from}")
        super().__init__(
            pruning=Pruning(
                rounds=rounds,
                first=prune_from,
                scope=scope,
                schedule=schedule,
                importance=importance,
                rewind=rewind,
            ),
            sleep_clock=sleep_clock,
            **base_kwargs,
        )
        self.density = density

    def target(self) -> float:
        """The density of every experience."""
        return self.density
