"""What a strategy does with its weights, its learning rate and its nights, watched as it trains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import torch
from avalanche.core import SupervisedPlugin
from avalanche.models.packnet import WeightAndBiasPackNetModule
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor

from bench.config.budget import Budget
from bench.config.catalogue import find_benchmark
from bench.config.run_config import RunConfig
from bench.runner.meter import Meter
from bench.runner.ready import build
from bench.runner.seeding import seed_everything
from bench.strategy_docs.observed_stage import observe_stages
from strategies import building
from strategies.methods.avalanche_packnet import LibraryPackNet
from strategies.networks.layers import prunable
from strategies.pruning.frozen_weights import FrozenWeights
from strategies.pruning.masks import Masks, union
from strategies.sleep_cycle import SleepingStrategy, Stage
from strategies.subnetworks.task_subnetworks import Subnetworks

BENCHMARK = "split-digits"
EXPERIENCES = 3
"""Of the five of the benchmark: a third shows what is done with two earlier ones."""
STEPS = 200
"""Budget of one experience, on the steps clock."""


@dataclass(frozen=True)
class Shares:
    """Where the weights are, as fractions of all matrices and kernels, heads excluded.

    Attributes:
        copies: copies that earlier experiences are answered with, besides the network.
        held: in use by earlier experiences and not trained.
        shared: in use by earlier experiences and trained all the same.
        own: trained, for the present experience alone; what is missing to 1 + copies is at rest.
    """

    copies: float
    held: float
    shared: float
    own: float


@dataclass(frozen=True)
class Moment:
    """The state at one step.

    Attributes:
        experience: from 0.
        progress: the spent fraction of its budget, in [0, 1].
        rate: the learning rate over the optimizer's at the start of the experience.
    """

    experience: int
    progress: float
    shares: Shares
    rate: float

    @property
    def at(self) -> float:
        """Where it stands in the stream: experiences behind it and progress of this one."""
        return self.experience + self.progress


@dataclass(frozen=True)
class Trace:
    """What was seen of one strategy.

    Attributes:
        nights: from where to where, in the units of `Moment.at`.
        stages: which stage of a night worked from where to where, in the order of their work.
    """

    moments: tuple[Moment, ...]
    nights: tuple[tuple[float, float], ...]
    stages: tuple[tuple[str, float, float], ...] = ()


def trace(name: str) -> Trace:
    """Train strategy `name` from its defaults on the first experiences of the digits and watch.

    In the first scenario it can do, on the steps clock: the same on every call.
    """
    spec = find_benchmark(BENCHMARK)
    assert spec.experiences is not None
    config = RunConfig(
        benchmark=BENCHMARK,
        scenario=building.find(name).scenarios[0],  # type: ignore[arg-type]
        model=spec.model,
        strategy=name,
        budget=Budget(amount=STEPS * spec.experiences, clock="steps"),
        allocation="equal",
    )
    ready = build(config, None, report=lambda progress: None)
    watcher = Watcher(ready.meter)
    ready.strategy.plugins.append(watcher)
    if isinstance(ready.strategy, SleepingStrategy):
        observe_stages(ready.strategy, watcher.observe)
    seed_everything(config.seed("data"))
    for index, experience in enumerate(ready.benchmark.train_stream[:EXPERIENCES]):
        with ready.meter.experience(index):
            ready.strategy.train(experience)
    return Trace(tuple(watcher.moments), tuple(merged(watcher.nights)), tuple(watcher.stages))


class Watcher(SupervisedPlugin):
    """Notes a moment at every step of the optimizer and every night that was charged."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self.moments: list[Moment] = []
        self.nights: list[tuple[float, float]] = []
        self.stages: list[tuple[str, float, float]] = []
        self._meter = meter
        self._finished = -1
        self._night = 0.0
        self._began = 0.0

    def before_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        """Watch this experience's optimizer."""
        self._finished += 1
        self._began = float(self._finished)
        base = strategy.optimizer.param_groups[0]["lr"]

        def note(optimizer: torch.optim.Optimizer, *arguments: Any) -> None:
            self._note(strategy, optimizer.param_groups[0]["lr"] / base)

        self._hook = strategy.optimizer.register_step_pre_hook(note)

    def after_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        """A night that the step ended in is over, and the next step begins."""
        self._end_night()
        self._began = self._finished + self._progress()

    def after_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        """The state that the experience ends in."""
        self._hook.remove()
        self._end_night()
        self._note(strategy, self.moments[-1].rate)

    @contextmanager
    def observe(self, stage: Stage, strategy: SleepingStrategy) -> Iterator[None]:
        """Note from where to where a stage works."""
        began = self._finished + self._progress()
        yield
        name = type(stage).__name__.lower()
        self.stages.append((name, began, self._finished + self._progress()))

    def _note(self, strategy: Any, rate: float) -> None:
        found = anatomy(strategy, self._finished).shares()
        self.moments.append(Moment(self._finished, self._progress(), found, rate))

    def _end_night(self) -> None:
        night = self._meter.seconds["offline"]
        if night > self._night:
            self.nights.append((self._began, self._finished + self._progress()))
        self._night = night

    def _progress(self) -> float:
        return min(1.0, self._meter.progress)


def merged(nights: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Nights that follow one another without a day between them as one.

    >>> merged([(0.1, 0.2), (0.2, 0.3), (0.5, 0.6)])
    [(0.1, 0.3), (0.5, 0.6)]
    """
    found: list[tuple[float, float]] = []
    for start, end in nights:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


@dataclass(frozen=True)
class Anatomy:
    """The prunable weights of a network at one moment.

    Attributes:
        earlier: those that answer earlier experiences.
        trained: those that a step may move.
        copies: how many weights are stored besides the network.
    """

    weights: Mapping[str, Tensor]
    earlier: Masks
    trained: Masks
    copies: int = 0

    def shares(self) -> Shares:
        """The counts, as fractions of the weights of the network."""
        total = sum(w.numel() for w in self.weights.values())
        counts = [0, 0, 0]
        for name, weight in self.weights.items():
            earlier, trained = self.earlier[name], self.trained[name]
            held = earlier & ~trained & (weight != 0)
            for i, mask in enumerate((held, earlier & trained, trained & ~earlier)):
                counts[i] += int(mask.sum())
        return Shares(self.copies / total, *(count / total for count in counts))


@singledispatch
def anatomy(strategy: SupervisedTemplate, finished: int) -> Anatomy:
    """What `strategy` does with its weights now, `finished` experiences behind it.

    Without masks the whole network answers every experience.
    """
    weights = prunable(strategy.model)
    earlier = {n: torch.full_like(w, finished > 0, dtype=torch.bool) for n, w in weights.items()}
    return Anatomy(weights, earlier, _trainable(strategy, weights))


@anatomy.register
def _(strategy: Subnetworks, finished: int) -> Anatomy:
    weights = strategy.weights
    whole = [any(name in weights for name in own) for own in strategy.private]
    earlier = union([m for m, copy in zip(strategy.masks, whole, strict=True) if not copy], weights)
    with torch.no_grad():
        view = strategy.training_subnetwork()
    trained = {
        name: free & ((view[name] != 0) | earlier[name]) if name in view else free
        for name, free in _trainable(strategy, weights).items()
    }
    copies = sum(
        int(t.count_nonzero()) for p in strategy.private for n, t in p.items() if n in weights
    )
    return Anatomy(weights, earlier, trained, copies)


@anatomy.register
def _(strategy: LibraryPackNet, finished: int) -> Anatomy:
    packnet = strategy.model.packnet
    layers = {
        name: module
        for name, module in packnet.named_modules()
        if isinstance(module, WeightAndBiasPackNetModule)
        and module.wrappee is not strategy.model.head.linear
    }
    return Anatomy(
        weights={name: layer.wrappee.weight for name, layer in layers.items()},
        earlier={name: layer.task_index < finished for name, layer in layers.items()},
        trained={name: layer.task_index == finished for name, layer in layers.items()},
    )


def _trainable(strategy: SupervisedTemplate, weights: Mapping[str, Tensor]) -> Masks:
    """The entries that the strategy does not hold in place."""
    if isinstance(strategy, FrozenWeights):
        return strategy.trainable(weights)
    return {name: torch.ones_like(w, dtype=torch.bool) for name, w in weights.items()}
