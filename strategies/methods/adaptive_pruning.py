"""Pruning at a rhythm of its own: the network's recovery from a prune says when the next is due."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

import torch
from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.clock import Clock
from strategies.entry import Entry, Explanation
from strategies.pruning.importance import Importance
from strategies.pruning.masks import Masks, Scope, geometric
from strategies.pruning.prune import Pruning, Rewind
from strategies.pruning.whole_network import Freed, WholeNetworkPruning
from strategies.search_space import CRITERION, DENSITY, REWIND, Range
from strategies.sleep_cycle import Night

FIRST_ROUNDS = 10
"""Rounds that the first prune is planned for, when no recovery has been seen yet."""

MOST_ROUNDS = 32
"""No round is shorter than this part of the night: tiny prunes heal at once and ask for more."""

SMOOTHING = 0.9
"""Share of the old level in the running mean of the training loss."""

MOST_UNREAD = 1000
"""Losses of minibatches that are held before they are read: each keeps half a KiB of a GPU."""


class AdaptivePrune(WholeNetworkPruning):
    """Train until `prune_from`, then prune and retrain in as many rounds as recovery allows.

    A prune raises the training loss; its half-life is the progress until half of that rise is gone.
    Each prune plans the rounds that are left: as many as fit, at `half_lives` times the median
    half-life so far, each removing the same share of the survivors. So the density falls
    geometrically with progress whatever the number of rounds, and the last round ends with the
    experience. Damage that is not half gone by the end of its round counts with the whole round.
    Nothing is searched; only the loss of the minibatches that are trained on anyway is read.

    Args:
        density: kept share of all prunable weights at the end, in (0, 1].
        prune_from: progress of the first prune, in [0, 1).
        half_lives: length of a round in half-lives of the damage, above 0.
        scope: see `Pruning`.
        importance: see `Pruning`.
        rewind: see `Pruning`.
        freed: see `WholeNetworkPruning`.
    """

    @template_first
    def __init__(
        self,
        *,
        density: float = 0.05,
        prune_from: float = 0.4,
        half_lives: float = 16.0,
        scope: Scope = "layer-adaptive",
        importance: Importance = "magnitude",
        rewind: Rewind = "learning-rate",
        freed: Freed = "drawn",
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 0 <= prune_from < 1:
            raise ValueError(f"prune_from must be in [0, 1), got {prune_from}")
        if not half_lives > 0:
            raise ValueError(f"half_lives must be above 0, got {half_lives}")
        how = Pruning(rounds=1, first=prune_from, scope=scope, importance=importance, rewind=rewind)
        super().__init__(
            density=density, freed=freed, pruning=how, budget_clock=budget_clock, **base_kwargs
        )
        self.half_lives = half_lives

    def density_after(self, night: Night) -> float:
        """The first of the geometric steps from the present density to the target."""
        return geometric(self.density, night.count - night.index, self._kept)[0]

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self._kept = 1.0
        self._recovery = Recovery()
        first = self.pruning.first
        self.nights = (Night(first, first, 0, FIRST_ROUNDS),)

    def _after_training_iteration(self, **kwargs: Any) -> None:
        self._recovery.see(self.loss.detach(), self.progress)
        super()._after_training_iteration(**kwargs)

    def _after_training_exp(self, **kwargs: Any) -> None:
        if self._slept < self.nights[-1].count:  # cut by the budget: the rest is pruned at once
            last = Night(1.0, 1.0, self._slept, self._slept + 1)
            self.nights = (*self.nights[: self._slept], last)
        super()._after_training_exp(**kwargs)
        self._recovery = Recovery()

    def _sleep_when_due(self, progress: float) -> None:
        if self._slept < len(self.nights) and progress >= self.nights[self._slept].start:
            night = self.nights[self._slept]
            left = 1 - progress
            rounds = self._rounds_left(progress) if night.index else night.count
            planned = [
                Night(progress + r * left / rounds, progress, night.index + r, night.index + rounds)
                for r in range(min(rounds, 2))
            ]
            self.nights = (*self.nights[: night.index], *planned)
            super()._sleep_when_due(progress)
            self._recovery.pruned(progress)

    def _rounds_left(self, progress: float) -> int:
        """How many rounds fit from here to the end, this one among them."""
        length = self.half_lives * self._recovery.half_life(progress)
        shortest = (1 - self.pruning.first) / MOST_ROUNDS
        return max(1, round((1 - progress) / max(length, shortest)))

    def keep(self, kept: Masks) -> None:
        """As the parent, and note the density."""
        super().keep(kept)
        total = sum(mask.numel() for mask in kept.values())
        self._kept = sum(int(mask.sum()) for mask in kept.values()) / total


class Recovery:
    """How fast the training loss comes back down after a prune.

    Losses are noted as they come and read many at a time: reading one waits for the device.
    """

    def __init__(self) -> None:
        self._unread: list[tuple[Tensor, float]] = []
        self._level: float | None = None
        self._half_way: float | None = None
        self._start = math.nan
        self._half_lives: list[float] = []
        self._recovering = False

    def see(self, loss: Tensor, progress: float) -> None:
        """The loss of one more minibatch, one value; the first after a prune shows the damage."""
        self._unread.append((loss, progress))
        if len(self._unread) == MOST_UNREAD:
            self._read()

    def pruned(self, progress: float) -> None:
        """A prune was done now."""
        self._read()
        self._start, self._half_way, self._recovering = progress, None, True

    def half_life(self, progress: float) -> float:
        """Median progress until half of a damage was gone, the present one's so far among them."""
        self._read()
        now = [progress - self._start] if self._recovering else []
        return median([*self._half_lives, *now])

    def _read(self) -> None:
        unread, self._unread = self._unread, []
        if unread:
            losses = torch.cat([loss.flatten() for loss, _ in unread]).tolist()
            for loss, (_, progress) in zip(losses, unread, strict=True):
                self._follow(loss, progress)

    def _follow(self, loss: float, progress: float) -> None:
        if self._half_way is None and not math.isnan(self._start):
            self._half_way = ((self._level or 0.0) + loss) / 2
            self._level = loss
        before = loss if self._level is None else self._level
        self._level = SMOOTHING * before + (1 - SMOOTHING) * loss
        if self._recovering and self._half_way is not None and self._level <= self._half_way:
            self._half_lives.append(progress - self._start)
            self._recovering = False


ENTRIES = {
    "iterative-prune-adaptive": Entry(
        factory="strategies.methods.adaptive_pruning:AdaptivePrune",
        family="sparse",
        summary="rounds of prune and retrain as the network recovers, no number given",
        paper="Ball et al. 2020",
        space={
            "density": DENSITY,
            "prune_from": Range(0.05, 0.9),
            **CRITERION,
            **REWIND,
            "half_lives": Range(2.0, 64.0, log=True),
        },
        explanation=Explanation(
            does=(
                "As `iterative-prune-budgeted` without a number of rounds. A prune raises the "
                "training loss; how long half of that rise lasts tells how long a round should "
                "be, and so how many rounds fit into what is left of the budget. The number "
                "differs from one experience to the next."
            ),
            whose=(
                "The question of how many rounds are best is that of Ball et al. 2020; the "
                "answer from the network's own recovery is ours."
            ),
            memory="As `iterative-prune-budgeted`.",
            use=(
                "As `iterative-prune-budgeted`, where trying numbers of rounds would cost more "
                "than it gains."
            ),
        ),
    ),
}
