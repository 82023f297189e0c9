"""Pruning at night: how it is done, the stage that does it, and what holds the pruned weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from strategies.clock import Clock
from strategies.networks.layers import prunable
from strategies.pruning.frozen_weights import FrozenWeights
from strategies.pruning.importance import Importance, scores
from strategies.pruning.masks import SCHEDULES, Masks, Schedule, Scope, keep_largest
from strategies.sleep_cycle import Night, SleepingStrategy, Stage, evenly

Rewind = Literal["none", "learning-rate", "weights"]

EARLY = 0.1
"""Share of the day after which the weights are noted that rewinding goes back to."""


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """When and how a strategy prunes within one experience.

    Attributes:
        rounds: prune-retrain rounds, in [1, 1000]; they share what follows the first prune equally.
        first: progress of the first prune, in [0, 1); the rest of the experience is the night's.
        schedule: densities after each round: `geometric` removes the same share of the survivors
            each time, `linear` the same number, `cubic` much at first and little at the end.
        importance: `magnitude`, or the sensitivity of the loss, `snip` or `taylor`, measured on the
            experience's own minibatches and charged as night.
        scope: rank within each `layer`, over all layers at once (`global`), or over all layers by
            what a weight is of its layer (`layer-adaptive`; Lee et al. 2021), which empties none.
        rewind: `none` retrains at the optimizer's learning rate as it stands; `learning-rate`
            restarts it in each round and lets it fall linearly to zero within the round (Renda,
            Frankle & Carbin 2020; Zimmer, Spiegel & Pokutta 2023); `weights` also puts the
            survivors back to what they were a tenth into the day (Frankle et al. 2019).

    Raises:
        ValueError: for what cannot be.
    """

    rounds: int
    first: float
    scope: Scope
    schedule: Schedule = "geometric"
    importance: Importance = "magnitude"
    rewind: Rewind = "none"

    def __post_init__(self) -> None:
        if not 1 <= self.rounds <= 1000:
            raise ValueError(f"rounds must be in [1, 1000], got {self.rounds}")
        if not 0 <= self.first < 1:
            raise ValueError(f"the first prune must be in [0, 1), got {self.first}")
        kinds = {"scope": Scope, "schedule": Schedule, "importance": Importance, "rewind": Rewind}
        for name, kind in kinds.items():
            *others, last = (repr(choice) for choice in get_args(kind))
            if getattr(self, name) not in get_args(kind):
                choices = f"{', '.join(others)} or {last}"
                raise ValueError(f"{name} must be {choices}, got {getattr(self, name)!r}")


class Prune(Stage):
    """The stage: keep what matters most, at the density that is due after this night."""

    takes_time: bool = False

    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """Choose the weights that survive this night; the strategy holds the others."""
        assert isinstance(strategy, PruningStrategy), type(strategy)
        how = strategy.pruning
        values = scores(how.importance, strategy, strategy.weights, strategy.budget_clock)
        density = strategy.density_after(night)
        kept = keep_largest(values, strategy.eligible(), density, how.scope)
        strategy.rewind()
        strategy.keep(kept)


class PruningStrategy(FrozenWeights, SleepingStrategy):
    """A day, then rounds of prune and retrain; a subclass says how much and what may be pruned.

    Args:
        pruning: when and how.
        nights: those that the rounds of `pruning` are, as many; without duration when not given.
        stages: what a night does, a prune stage among it or not.

    Raises:
        ValueError: for a model with nothing to prune.
    """

    def __init__(
        self,
        *,
        pruning: Pruning,
        nights: Sequence[Night] | None = None,
        stages: Sequence[Stage] = (Prune(),),
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        super().__init__(
            nights=evenly(pruning.rounds, first=pruning.first) if nights is None else nights,
            stages=stages,
            budget_clock=budget_clock,
            **base_kwargs,
        )
        self.pruning = pruning
        self._early: dict[str, Tensor] = {}
        if not self.weights:
            raise ValueError("model must have a linear or convolutional layer to prune, got none")

    @property
    def weights(self) -> dict[str, nn.Parameter]:
        """The prunable parameters by name."""
        return prunable(self.model)

    def target(self) -> float:
        """Kept share of all prunable weights after the last round, in (0, 1]."""
        raise NotImplementedError

    def room(self) -> float:
        """Share of all prunable weights that the first round may choose from."""
        return 1.0

    def density_after(self, night: Night) -> float:
        """Kept share of all prunable weights after this night's prune."""
        target = self.target()
        densities = SCHEDULES[self.pruning.schedule]
        return densities(target, night.count, max(target, self.room()))[night.index]

    def eligible(self) -> Masks:
        """Entries that a prune may choose from: all of them."""
        return {n: torch.ones_like(w, dtype=torch.bool) for n, w in self.weights.items()}

    def keep(self, kept: Masks) -> None:
        """Set every other prunable weight to zero and hold it there until the experience ends."""
        self.train_only(kept, dict.fromkeys(kept))

    def optimizer_step(self) -> None:
        """Step at the round's learning rate."""
        groups = self.optimizer.param_groups
        rates = [group["lr"] for group in groups]
        for group in groups:
            group["lr"] = group["lr"] * self._annealing()
        super().optimizer_step()
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate

    def _annealing(self) -> float:
        """Factor of the learning rate: falls from 1 to 0 within each round, 1 by day."""
        if self.pruning.rewind == "none" or not self._slept:
            return 1.0
        start = self.nights[self._slept - 1].start
        end = self.nights[self._slept].start if self._slept < len(self.nights) else 1.0
        return min(1.0, max(0.0, (end - self.progress) / (end - start)))

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self._early = {}

    def _after_training_iteration(self, **kwargs: Any) -> None:
        if self.pruning.rewind == "weights":
            self._note_early_weights()
        super()._after_training_iteration(**kwargs)

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        self._early = {}

    def _note_early_weights(self) -> None:
        if not self._early and self.progress >= EARLY * self.pruning.first:
            self._early = {n: p.detach().clone() for n, p in self.model.named_parameters()}

    @torch.no_grad()
    def rewind(self) -> None:
        """Put parameters back to what they were early in the day, if noted; moments are gone."""
        parameters = dict(self.model.named_parameters())
        for name, early in self._early.items():
            parameters[name].copy_(early)
        if self._early:
            self.optimizer.state.clear()
