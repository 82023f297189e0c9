"""Nights of several stages in any order: what sleep is made of, as hyper-parameters.

Robinson et al. 2022, "Continual learning benefits from multiple sleep mechanisms: NREM, REM, and
synaptic downscaling" (arXiv 2209.05245), let a network pass through several stages one after the
other. Which stages there are, and what each takes from which paper, is said where they live; that
any order and any number of nights can be had is ours.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from strategies.avalanche_signature import template_first
from strategies.clock import Clock, EpochClock
from strategies.entry import Entry, Explanation
from strategies.networks.layers import finite
from strategies.networks.tied_decoder import check_can_dream
from strategies.pruning.masks import Masks, Scope, masked
from strategies.pruning.prune import Prune, Pruning, PruningStrategy
from strategies.search_space import STORED, Range, Space
from strategies.sleep_cycle import Night, Stage
from strategies.spiking.parameters import PRESETS, SUITE
from strategies.spiking.sleeping_layers import check_can_sleep
from strategies.stages.align import Align
from strategies.stages.consolidate import Consolidate, check_can_seed
from strategies.stages.downscale import Downscale
from strategies.stages.dream import Curriculum, Dream
from strategies.stages.rehearse import Rehearse
from strategies.stages.replay import Replay


class StagedSleep(PruningStrategy):
    """Days and nights in turn; a night goes through its `stages` from left to right.

    What a stage holds in place, no later stage of the night moves. A stage after which a weight is
    not finite is undone, with a warning; no night follows a day that left such a weight.
    `consolidate` sleeps on every experience, in a network of linear layers only;
    `knowledge-seeding` has its hyper-parameters, here it has their defaults. Of several cycles each
    has a fast network and a slice of its own.

    Args:
        stages: names joined by `+`, each at most once: `prune`, `downscale`, `replay`, `rehearse`,
            `dream`, `consolidate`, `align`. Those that take time share the night equally. In a
            script also stages of one's own.
        cycles: nights per experience, in [1, 1000], each after an equal part of the day.
        night: share of the experience that is night, in (0, 1), if any stage takes time.
        sleep_from: the first experience that is slept on, from 1; earlier ones are all day.
        density: kept share of all prunable weights after the last prune of an experience, in (0,
            1]; what was pruned may grow again in the next experience. A prune before `consolidate`
            is of the fast network.
        scope: see `Pruning`.
        downscale_to: factor of every weight in a night, in (0, 1].
        buffer: stored examples in all, at least 1, for `rehearse`.
        vividness: see `Dream`.
        curriculum: see `Dream`.
        seed: of the spikes of `replay`; None takes torch's initial seed at construction. With it
            among the stages linear layers have no biases, as in `SleepReplay`.
    """

    @template_first
    def __init__(
        self,
        *,
        stages: str | Sequence[Stage] = "prune+downscale+replay+dream",
        cycles: int = 1,
        night: float = 0.8,
        sleep_from: int = 1,
        density: float = 0.5,
        scope: Scope = "global",
        downscale_to: float = 0.98,
        buffer: int = STORED,
        vividness: float = 4.0,
        curriculum: Curriculum = "uniform",
        seed: int | None = None,
        budget_clock: Clock | None = None,
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
        known: dict[str, Callable[[], Stage]] = {
            "prune": Prune,
            "downscale": lambda: Downscale(downscale_to),
            "replay": lambda: Replay(**PRESETS[SUITE], data="current", seed=spikes),
            "rehearse": lambda: Rehearse(buffer),
            "dream": lambda: Dream(vividness=vividness, curriculum=curriculum),
            "consolidate": lambda: Consolidate(vividness=vividness),
            "align": Align,
        }
        made = make_stages(stages, known) if isinstance(stages, str) else list(stages)
        if not all(isinstance(stage, Stage) for stage in made):
            raise ValueError(f"stages must be names joined by + or objects, got {stages!r}")
        check_goes_with_consolidate(made, sleep_from)
        asleep = night if any(stage.takes_time for stage in made) else 0.0
        nights = in_turn(cycles, asleep)
        super().__init__(
            pruning=Pruning(rounds=cycles, first=0.0, scope=scope),
            nights=nights,
            stages=made,
            budget_clock=budget_clock or EpochClock(day=1 - asleep),
            **base_kwargs,
        )
        self.spikes = any(isinstance(stage, Replay) for stage in made)
        if self.spikes:
            check_can_sleep(self.model)
        if any(isinstance(stage, Dream) for stage in made):
            check_can_dream(self.model)
        if any(isinstance(stage, Consolidate) for stage in made):
            check_can_seed(self.model)
        self.density = density
        self.sleep_from = sleep_from

    def target(self) -> float:
        """The density of every experience."""
        return self.density

    def keep(self, kept: Masks) -> None:
        """As the parent; what was held before stays so where it is kept."""
        free = self.trainable(self.weights)
        held = {n: mask & ~free[n] for n, mask in kept.items()}
        values = masked(self.weights, held)
        self.train_only(
            {n: mask & free[n] for n, mask in kept.items()},
            {n: values[n] if mask.any() else None for n, mask in held.items()},
        )

    def check_model_and_optimizer(self, *arguments: Any, **kwargs: Any) -> None:
        """As the template; where `replay` spikes, without biases."""
        super().check_model_and_optimizer(*arguments, **kwargs)
        for layer in self.model.modules():
            if self.spikes and isinstance(layer, nn.Linear) and layer.bias is not None:
                nn.init.zeros_(layer.bias.requires_grad_(False))

    def _sleep_when_due(self, progress: float) -> None:
        if self.clock.train_exp_counter + 1 >= self.sleep_from:
            super()._sleep_when_due(progress)

    def _sleep(self, night: Night) -> None:
        if finite(self.model):
            super()._sleep(night)
        else:
            warnings.warn("weights not finite after the day: no night follows", stacklevel=2)

    def _work(self, stage: Stage, night: Night) -> None:
        before = {n: p.detach().clone() for n, p in self.model.named_parameters()}
        held = self.frozen_entries, self.sparse
        super()._work(stage, night)
        self.hold()
        if not finite(self.model):
            warnings.warn("weights not finite after a stage of sleep: it is undone", stacklevel=2)
            with torch.no_grad():
                for name, parameter in self.model.named_parameters():
                    parameter.copy_(before[name])
            self.frozen_entries, self.sparse = held
            self.optimizer.state.clear()


def in_turn(cycles: int, night: float) -> tuple[Night, ...]:
    """Days and nights of equal length in turn, `night` of the experience in all, in [0, 1).

    Examples:
        >>> [(round(n.start, 2), round(n.end, 2)) for n in in_turn(2, 0.4)]
        [(0.3, 0.5), (0.8, 1.0)]
    """
    return tuple(
        Night((i + 1 - night) / cycles, (i + 1) / cycles, i, cycles) for i in range(cycles)
    )


def make_stages(text: str, known: Mapping[str, Callable[[], Stage]]) -> list[Stage]:
    """The stages that `text` names, in its order.

    Raises:
        ValueError: for a name unknown or repeated.
    """
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


def check_goes_with_consolidate(stages: Sequence[Stage], sleep_from: int) -> None:
    """ValueError where a stage of consolidation cannot do its part among the others."""
    kinds = [type(stage) for stage in stages]
    if Consolidate not in kinds:
        return
    if Dream in kinds[: kinds.index(Consolidate)]:
        raise ValueError("dream must come after consolidate, among what the slow network does")
    if sleep_from > 1:
        raise ValueError(
            "sleep_from must be 1 with consolidate, as nothing is learned without a night, "
            f"got {sleep_from}"
        )


SPACE: Space = {
    "cycles": Range(1, 16, log=True),
    "night": Range(0.3, 0.97),
    "vividness": Range(0.5, 16.0, log=True),
    "curriculum": ("uniform", "reinforced"),
}

MIXES = (
    "prune+downscale+replay+dream",
    "downscale+replay+dream",
    "replay+dream",
    "prune+dream",
    "downscale+dream",
    "dream+replay",
    "dream",
    "replay",
)
"""Orders and mixes of stages without stored examples; none with `consolidate`, which refuses the
convolutions that all of these can do: a study of linear networks can name it."""

ENTRIES = {
    "staged-sleep": Entry(
        factory="strategies.methods.staged_sleep:StagedSleep",
        family="sleep",
        summary=(
            "nights of stages in any order: prune, downscale, replay, rehearse, dream, "
            "consolidate, align"
        ),
        paper="Robinson et al. 2022",
        defaults={"learning_rate": 0.01},
        space={"stages": MIXES, **SPACE, "density": Range(0.1, 1.0)},
        stores="statistics",
        explanation=Explanation(
            does=(
                "Days and nights in turn. A night goes through stages from left to right, in "
                "any order: `prune` by magnitude and `downscale` all weights, which take no "
                "time; spiking `replay`, `rehearse` stored examples and `dream`, which share "
                "the night; `align` the newest classes' outputs. `consolidate` shares it too "
                "and is what `knowledge-seeding` is made of: stages before it work on the small "
                "network of the day, those after it on the large one that answers. From its "
                "defaults it prunes and scales down, as in deep sleep, then replays and dreams, "
                "as in REM sleep."
            ),
            whose=(
                "That sleep has several stages, of which one scales synapses down, is Robinson "
                "et al. 2022; what each stage takes from which paper is said with it. Ours: any "
                "order, any number of nights, and that those stages that take time share it "
                "equally."
            ),
            memory=(
                "Used: every weight that is not zero. Beside them what the stages keep: moments "
                "of the top hidden layer for `dream` and `consolidate`, examples for "
                "`rehearse`. What `consolidate` has masked is zero."
            ),
            use=(
                "To ask what each stage is good for, alone and with others. A stage after which "
                "a weight is not finite is undone."
            ),
        ),
    ),
    "dreaming": Entry(
        factory="strategies.methods.staged_sleep:StagedSleep",
        family="sleep",
        summary="nights of dreams made from the network's own weights, no stored data",
        paper="Behrouz et al. 2026",
        # on images held out of split Fashion-MNIST, as in sleep_replay: 42.5 %, and 23.9 at 0.05
        defaults={"stages": "dream", "night": 0.9, "learning_rate": 0.01},
        space=SPACE,
        stores="statistics",
        explanation=Explanation(
            does=(
                "A short day, then a night in which the network dreams of earlier classes: an "
                "activity of its top hidden layer, drawn for a class, runs backwards through "
                "its own weights down to an image. Dreams, answered as the network that dreamt "
                "them did, are trained on beside the examples of the day, and so is going "
                "backwards."
            ),
            whose=(
                "That a network consolidates by training on what it makes itself, with a policy "
                "over what to dream trained by reinforcement, is Behrouz et al. 2026, for "
                "language models. Ours, since an image classifier cannot be sampled: tied "
                "weights run backwards as in a denoising autoencoder (Vincent et al. 2010), and "
                "what is drawn is a Gaussian at the top hidden layer."
            ),
            memory=(
                "Used: every weight. Beside them the mean activity of each class and one "
                "covariance, a few tens of kilobytes; no example, and a copy of the network "
                "only while an experience lasts."
            ),
            use=(
                "Class-incremental streams in which no example may be stored. Linear layers "
                "with rectifiers between, no normalisation; convolutions below them learn in "
                "the first experience only."
            ),
        ),
    ),
}
