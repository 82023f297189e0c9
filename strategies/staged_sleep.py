"""Nights of several stages in any order: what sleep is made of, as hyper-parameters.

Robinson et al. 2022, "Continual learning benefits from multiple sleep mechanisms: NREM, REM, and
synaptic downscaling" (arXiv 2209.05245), let a network pass through several stages one after the
other. Which stages there are, and what each takes from which paper, is said where they live; that
any order and any number of nights can be had is ours.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from strategies.align import Align
from strategies.clock import Clock, EpochClock
from strategies.downscale import Downscale
from strategies.dream import Curriculum, Dream
from strategies.masks import Scope
from strategies.nights import Night, Stage
from strategies.prune import Prune, Pruning, PruningStrategy
from strategies.rehearsal import Rehearse
from strategies.signature import template_first
from strategies.sleep_parameters import PRESETS, SUITE
from strategies.sleep_replay import Replay
from strategies.sleeping_layers import check_can_sleep
from strategies.topdown import check_can_dream


class StagedSleep(PruningStrategy):
    """Days and nights in turn; a night goes through its `stages` from left to right.

    stages: names joined by `+`, each at most once: `prune`, `downscale`, `replay`, `rehearse`,
        `dream`, `align`. Those that take time share the night equally.
    cycles: nights per experience, in [1, 1000], each after an equal part of the day.
    night: share of the experience that is night, in (0, 1), if any stage takes time.
    sleep_from: the first experience that is slept on, from 1; earlier ones are all day.
    density: kept share of all prunable weights after the last prune of an experience, in (0, 1];
        what was pruned may grow again in the next experience.
    scope: see `Pruning`.
    downscale_to: factor of every weight in a night, in (0, 1].
    buffer: stored examples in all, at least 1, for `rehearse`.
    vividness, curriculum: see `Dream`.
    seed: of the spikes of `replay`; None takes torch's initial seed at construction. With it among
        the stages linear layers have no biases, as in `SleepReplay`.

    A night after which a weight is not finite is undone, with a warning.
    """

    @template_first
    def __init__(
        self,
        *,
        stages: str = "prune+downscale+replay+dream",
        cycles: int = 1,
        night: float = 0.8,
        sleep_from: int = 1,
        density: float = 0.5,
        scope: Scope = "global",
        downscale_to: float = 0.98,
        buffer: int = 100,
        vividness: float = 4.0,
        curriculum: Curriculum = "uniform",
        seed: int | None = None,
        sleep_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 1 <= cycles <= 1000:
            raise ValueError(f"cycles must be in [1, 1000], got {cycles}")
        if not 0 < night < 1:
            raise ValueError(f"night must be in (0, 1), got {night}")
        if sleep_from < 1:
            raise ValueError(f"sleep_from must be at least 1, got {sleep_from}")
        if not 0 < density <= 1:
            raise ValueError(f"density must be in (0, 1], got {density}")
        spikes = torch.initial_seed() if seed is None else seed
        made = make_stages(
            stages,
            {
                "prune": Prune,
                "downscale": lambda: Downscale(downscale_to),
                "replay": lambda: Replay(**PRESETS[SUITE], data="current", seed=spikes),
                "rehearse": lambda: Rehearse(buffer),
                "dream": lambda: Dream(vividness=vividness, curriculum=curriculum),
                "align": Align,
            },
        )
        asleep = night if any(stage.takes_time for stage in made) else 0.0
        nights = in_turn(cycles, asleep)
        super().__init__(
            pruning=Pruning(rounds=cycles, first=0.0, scope=scope),
            nights=nights,
            stages=made,
            sleep_clock=sleep_clock or EpochClock(day=1 - asleep),
            **base_kwargs,
        )
        self.spikes = any(isinstance(stage, Replay) for stage in made)
        if self.spikes:
            check_can_sleep(self.model)
        if any(isinstance(stage, Dream) for stage in made):
            check_can_dream(self.model)
        self.density = density
        self.sleep_from = sleep_from

    def target(self) -> float:
        """The density of every experience."""
        return self.density

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        for layer in self.model.modules():
            if self.spikes and isinstance(layer, nn.Linear) and layer.bias is not None:
                nn.init.zeros_(layer.bias.requires_grad_(False))

    def _sleep_when_due(self, progress: float) -> None:
        if self.clock.train_exp_counter + 1 >= self.sleep_from:
            super()._sleep_when_due(progress)

    def _sleep(self, night: Night) -> None:
        before = {n: p.detach().clone() for n, p in self.model.named_parameters()}
        super()._sleep(night)
        if not all(parameter.isfinite().all() for parameter in self.model.parameters()):
            warnings.warn("weights not finite after sleep: the night is undone", stacklevel=2)
            with torch.no_grad():
                for name, parameter in self.model.named_parameters():
                    parameter.copy_(before[name])
            self.optimizer.state.clear()


def in_turn(cycles: int, night: float) -> tuple[Night, ...]:
    """Days and nights of equal length in turn, `night` of the experience in all, in [0, 1).

    >>> [(round(n.start, 2), round(n.end, 2)) for n in in_turn(2, 0.4)]
    [(0.3, 0.5), (0.8, 1.0)]
    """
    return tuple(
        Night((i + 1 - night) / cycles, (i + 1) / cycles, i, cycles) for i in range(cycles)
    )


def make_stages(text: str, known: Mapping[str, Callable[[], Stage]]) -> list[Stage]:
    """The stages that `text` names, in its order; ValueError for a name unknown or repeated."""
    names = text.split("+")
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, list(known), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            choices = ", ".join(sorted(known))
            raise ValueError(f"unknown stage {name!r} in {text!r}{hint} Known: {choices}")
        if names.count(name) > 1:
            raise ValueError(f"stages must name each stage at most once, got {text!r}")
    return [known[name]() for name in names]
