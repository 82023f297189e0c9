"""The prune stage: keep the largest weights, at the density that the night's schedule gives."""

from __future__ import annotations

from strategies.masks import Scope, geometric, keep_largest
from strategies.nights import Night, SleepingStrategy


class Prune:
    """Magnitude pruning to `density` over all nights, each removing the same share of survivors.

    density: kept share of the prunable weights after the last night, in (0, 1].
    scope: rank within each `layer`, or over all layers at once (`global`).
    Han et al. 2015; the geometric schedule is that of iterative magnitude pruning.
    """

    def __init__(self, density: float, scope: Scope) -> None:
        if not 0 < density <= 1:
            raise ValueError(f"density must be in (0, 1], got {density}")
        if scope not in ("layer", "global"):
            raise ValueError(f"scope must be 'layer' or 'global', got {scope!r}")
        self.density = density
        self.scope = scope

    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """Choose the weights that survive this night; the strategy holds the others."""
        density = geometric(self.density, night.count)[night.index]
        kept = keep_largest(strategy.weights, strategy.eligible(), density, self.scope)
        strategy.keep(kept)
