"""Pruning one network for a whole stream: every experience begins with all weights trainable."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from strategies.clock import Clock
from strategies.pruning.prune import Pruning, PruningStrategy

Freed = Literal["drawn", "zero"]
"""What an experience finds in the weights that the one before has pruned."""


class WholeNetworkPruning(PruningStrategy):
    """Prunes to the same density in every experience, whatever the experiences before kept.

    Args:
        density: kept share of all prunable weights at the end, in (0, 1].
        freed: `drawn`: the next experience finds pruned weights drawn anew, as those of a new
            layer. `zero`: it finds zeros. Where classes change, the few units that are left die
            one after the other then, and among zeros none comes back.
        pruning: when and how.

    Raises:
        ValueError: for what cannot be.
    """

    def __init__(
        self,
        *,
        density: float,
        freed: Freed,
        pruning: Pruning,
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 0 < density <= 1:
            raise ValueError(f"density must be in (0, 1], got {density}")
        if freed not in get_args(Freed):
            raise ValueError(f"freed must be 'drawn' or 'zero', got {freed!r}")
        super().__init__(pruning=pruning, budget_clock=budget_clock, **base_kwargs)
        self.density, self.freed = density, freed

    def target(self) -> float:
        """The density of every experience."""
        return self.density

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        if self.freed == "drawn" and self.clock.train_exp_counter:
            draw_zeros(self.weights)


@torch.no_grad()
def draw_zeros(weights: Mapping[str, Tensor]) -> None:
    """Draw every weight that is zero from what torch draws a new layer from, in place.

    Args:
        weights: of two dimensions or more, that of the outputs first.
    """
    for weight in weights.values():
        fresh = nn.init.kaiming_uniform_(torch.empty_like(weight), a=math.sqrt(5))
        weight.copy_(torch.where(weight == 0, fresh, weight))
