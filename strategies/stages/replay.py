"""The stage that replays: the network spikes, and its weights learn from who fired."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, Literal, get_args

import torch
from avalanche.benchmarks.utils import AvalancheDataset
from torch import nn
from torch.utils.data import DataLoader

from strategies.networks.layers import shared_head
from strategies.sleep_cycle import Night, SleepingStrategy, Stage
from strategies.spiking.activation_statistics import observe
from strategies.spiking.parameters import SleepParameters
from strategies.spiking.sleeping_layers import sleepers, sleeping_layers
from strategies.spiking.spiking_convolutions import ForwardPass, sleep_through
from strategies.spiking.spiking_layers import Watch, layer_scales, sleep

SleepInput = Literal["mean", "noise"]
Data = Literal["current", "first", "seen"]


class Replay(Stage):
    """The stage that puts layers to sleep, on the mean input of what it observes.

    Args:
        seed: of the input spikes of all nights. All others are those of `SleepReplay`.

    Attributes:
        kinds: the kinds of layers that sleep.
        watch: may be set to what is told of the spikes, see
            `strategies.spiking.spiking_layers.sleep`.
    """

    def __init__(
        self,
        *,
        sleep_steps: int,
        more_steps: int,
        beta: float | Sequence[float],
        data: str,
        scale_input: bool,
        observed: int,
        seed: int,
        sleep_input: SleepInput = "mean",
        convolutions: bool = False,
        **parameters: float,
    ) -> None:
        if data not in get_args(Data):
            raise ValueError(f"data must be 'current', 'first' or 'seen', got {data!r}")
        if sleep_input not in get_args(SleepInput):
            raise ValueError(f"sleep_input must be 'mean' or 'noise', got {sleep_input!r}")
        for name, value in {"more_steps": more_steps, "observed": observed}.items():
            if value < 0:
                raise ValueError(f"{name} must be at least 0, got {value}")
        betas = tuple(beta) if isinstance(beta, Sequence) else (beta,)
        self.parameters = SleepParameters(**parameters, beta=betas, steps=sleep_steps)
        self.more_steps = more_steps
        self.data = data
        self.sleep_input = sleep_input
        self.scale_input = scale_input
        self.observed = observed
        self.convolutions = convolutions
        self.kinds = sleepers(convolutions)
        self.seed = seed
        self.watch: Watch | None = None
        self._seen: list[AvalancheDataset[Any]] = []

    def check_fits(self, model: nn.Module, preset: str) -> None:
        """ValueError unless the constants and the data suit the layers that will sleep."""
        if self.data != "current" and shared_head(model) is None:
            needs = f"data {self.data!r} needs one head for all tasks"
            raise ValueError(f"{needs}, got a head for each")
        try:
            layers = sleeping_layers(model, convolutions=self.convolutions)
            self.parameters.thresholds(layers)
        except ValueError as error:
            raise ValueError(f"preset {preset!r} does not fit the network: {error}") from error

    def ticks(self, strategy: SleepingStrategy) -> int:
        """Steps of a whole night of the current experience: minibatches looked at, then sleep."""
        looks = sum(self._looks(loader) for loader in self._loaders(strategy))
        return looks + self._steps(strategy)

    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """Sleep until the steps are done or the night ends; the weights stay finite."""

        def keep_going() -> bool:
            return strategy.progress < night.end

        minibatches = self._minibatches(strategy)
        seen = observe(strategy, minibatches, keep_going, convolutions=self.convolutions)
        self._remember(strategy)
        if seen.shown is None:
            return
        weights = [layer.weight.detach() for layer in seen.maxima]
        mean = seen.mean_input()
        if self.scale_input:
            mean = mean / mean.max().clamp(min=torch.finfo(mean.dtype).tiny)
        if self.sleep_input == "noise":
            mean = torch.full_like(mean, mean.mean().item())
        fall_asleep = (
            partial(sleep_through, ForwardPass(strategy.model, list(seen.maxima), seen.shown))
            if self.convolutions
            else partial(sleep, weights)
        )
        slept = fall_asleep(
            layer_scales(weights, list(seen.maxima.values()), self.parameters.alpha_scale),
            mean,
            replace(self.parameters, steps=self._steps(strategy)),
            generator=torch.Generator().manual_seed(self._seed_of(strategy, night)),
            keep_going=keep_going,
            tick=strategy.budget_clock.tick,
            watch=self.watch,
        )
        if not all(weight.isfinite().all() for weight in slept.weights):
            warnings.warn("weights not finite after sleep: the night is undone", stacklevel=2)
            return
        with torch.no_grad():
            for layer, weight in zip(seen.maxima, slept.weights, strict=True):
                layer.weight.copy_(weight)

    def _steps(self, strategy: SleepingStrategy) -> int:
        return self.parameters.steps + self.more_steps * int(strategy.clock.train_exp_counter)

    def _loaders(self, strategy: SleepingStrategy) -> list[DataLoader[Any]]:
        """The data to look at, an experience each."""
        current = strategy.experience.dataset
        older = [dataset for dataset in self._seen if dataset is not current]
        shown = older if older and self.data == "first" else [*older, current]
        return [
            DataLoader(
                dataset.eval(),
                strategy.train_mb_size,
                shuffle=self.observed > 0,
                collate_fn=dataset.collate_fn,
            )
            for dataset in shown
        ]

    def _looks(self, loader: DataLoader[Any]) -> int:
        return min(self.observed, len(loader)) if self.observed else len(loader)

    def _minibatches(self, strategy: SleepingStrategy) -> Iterator[Any]:
        for loader in self._loaders(strategy):
            yield from islice(loader, self._looks(loader))

    def _remember(self, strategy: SleepingStrategy) -> None:
        current = strategy.experience.dataset
        wanted = {"current": False, "first": not self._seen, "seen": True}[self.data]
        if wanted and not any(dataset is current for dataset in self._seen):
            self._seen.append(current)

    def _seed_of(self, strategy: SleepingStrategy, night: Night) -> int:
        """A seed for this night that a run resumed after any experience finds again."""
        nights = strategy.clock.train_exp_counter * night.count + night.index
        return (self.seed * 1_000_003 + nights) % 2**63
