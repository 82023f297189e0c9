"""Sleep replay consolidation: at night the network replays by itself, from no stored data.

Tadros, Krishnan, Ramyaa & Bazhenov 2022, "Sleep-like unsupervised replay reduces catastrophic
forgetting in artificial neural networks", Nat. Commun. 13:7742.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from avalanche.models.utils import avalanche_forward
from torch import Tensor, nn

from strategies.clock import Clock, EpochClock
from strategies.nights import Night, SleepingStrategy
from strategies.signature import template_first
from strategies.sleep_parameters import SleepParameters
from strategies.spiking import layer_scales, sleep

OBSERVED_MINIBATCHES = 20
"""Minibatches that show the mean input and the largest outputs; more change neither much."""


class SleepReplay(SleepingStrategy):
    """A short day, then a night in which the linear layers spike on the day's mean input.

    day: progress at which the day ends at the latest, in (0, 1); the rest is the night's.
    day_steps: minibatches after which the day ends in any case, at least 1.
    sleep_steps: steps of the night, at least 1; then the experience is over, its share spent or
        not, since more training would undo the night.
    rate, inc, dec, patch: see `SleepParameters`; the mean input is scaled to a maximum of 1.
    beta: threshold of every layer, or one for each, as a fraction of its normalised maximum, above
        0; the paper's `beta / alpha_scale`.
    seed: of the input spikes; None takes torch's initial seed at construction.

    The linear layers in the order of the forward pass sleep, the heads in use among them; layers
    before the first, such as convolutions, stay awake and are its input. As in the paper sleeping
    layers have no bias: theirs are set to zero and stay there, because biases learned by day
    silence the earlier classes and no sleep moves them. Mean input and largest outputs come from
    the current experience alone, where the paper takes them from all data seen so far.
    """

    @template_first
    def __init__(
        self,
        *,
        day: float = 0.5,
        day_steps: int = 500,
        sleep_steps: int = 20_000,
        rate: float = 240.0,
        inc: float = 0.003,
        dec: float = 0.001,
        beta: float | Sequence[float] = 0.7,
        patch: float = 0.4,
        seed: int | None = None,
        sleep_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 0 < day < 1:
            raise ValueError(f"day must be in (0, 1), got {day}")
        if day_steps < 1:
            raise ValueError(f"day_steps must be at least 1, got {day_steps}")
        if sleep_steps < 1:
            raise ValueError(f"sleep_steps must be at least 1, got {sleep_steps}")
        parameters = SleepParameters(
            rate=rate,
            inc=inc,
            dec=dec,
            beta=tuple(beta) if isinstance(beta, Sequence) else (beta,),
            alpha_scale=1.0,
            steps=sleep_steps,
            patch=patch,
        )
        super().__init__(
            nights=[Night(day, 1.0)],
            stages=[Replay(parameters, torch.initial_seed() if seed is None else seed)],
            sleep_clock=sleep_clock or EpochClock(day=day, night_steps=sleep_steps),
            **base_kwargs,
        )
        check_can_sleep(self.model)
        self.day_steps = day_steps

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        # Avalanche leaves it set when an experience was stopped in its last epoch
        self._stop_training = False
        for layer in self.model.modules():
            if isinstance(layer, nn.Linear) and layer.bias is not None:
                nn.init.zeros_(layer.bias.requires_grad_(False))

    def _sleep_when_due(self, progress: float) -> None:
        day_is_over = self.clock.train_exp_iterations + 1 >= self.day_steps
        super()._sleep_when_due(1.0 if day_is_over else progress)
        if self._slept == len(self.nights):
            self.stop_training()


class Replay:
    """The stage that puts the linear layers to sleep, on the mean input of the experience.

    seed: of the input spikes of all nights.
    """

    def __init__(self, parameters: SleepParameters, seed: int) -> None:
        self.parameters = parameters
        self.seed = seed

    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """Sleep until the steps are done or the night ends; the weights stay finite."""

        def keep_going() -> bool:
            return strategy.progress < night.end

        seen = observe(strategy, keep_going)
        if not seen.maxima:
            return
        layers = list(seen.maxima)
        parameters = self.parameters
        weights = [layer.weight.detach().cpu() for layer in layers]
        mean = seen.mean_input()
        slept = sleep(
            weights,
            layer_scales(weights, list(seen.maxima.values()), parameters.alpha_scale),
            mean / mean.max().clamp(min=torch.finfo(mean.dtype).tiny),
            parameters,
            generator=torch.Generator().manual_seed(self._seed_of(strategy, night)),
            keep_going=keep_going,
            tick=strategy.sleep_clock.tick,
        )
        if not all(weight.isfinite().all() for weight in slept.weights):
            warnings.warn("weights not finite after sleep: the night is undone", stacklevel=2)
            return
        with torch.no_grad():
            for layer, weight in zip(layers, slept.weights, strict=True):
                layer.weight.copy_(weight)

    def _seed_of(self, strategy: SleepingStrategy, night: Night) -> int:
        """A seed for this night that a run resumed after any experience finds again."""
        nights = strategy.clock.train_exp_counter * night.count + night.index
        return (self.seed * 1_000_003 + nights) % 2**63


class Observer:
    """A forward hook that notes what linear layers take in and give out.

    maxima: the largest output of each layer, at least 0, in the order of the forward pass.
    """

    def __init__(self) -> None:
        self.maxima: dict[nn.Linear, float] = {}
        self._sum: Tensor | None = None
        self._samples = 0
        self._shape: torch.Size | None = None

    def __call__(self, layer: nn.Linear, inputs: tuple[Tensor], output: Tensor) -> None:
        """Note one call of `layer`: (B, in) inputs, (B, out) output."""
        if layer not in self.maxima:
            self._check_follows(layer)
        if not self.maxima or layer is next(iter(self.maxima)):
            sums = inputs[0].double().sum(0)
            self._sum = sums if self._sum is None else self._sum + sums
            self._samples += len(inputs[0])
        self.maxima[layer] = max(self.maxima.get(layer, 0.0), output.max().item())

    def saw(self, x: Tensor) -> None:
        """A minibatch of the model's own input: an image that reaches the first layer stays one."""
        self._shape = x.shape[1:]

    def mean_input(self) -> Tensor:
        """Mean input of the first layer, in the shape of an image if it is one."""
        assert self._sum is not None
        assert self._shape is not None
        mean = (self._sum / self._samples).float().cpu()
        is_image = len(self._shape) > 1 and self._shape.numel() == mean.numel()
        return mean.reshape(self._shape) if is_image else mean

    def _check_follows(self, layer: nn.Linear) -> None:
        before = list(self.maxima)[-1:]
        if before and before[0].out_features != layer.in_features:
            raise ValueError(
                "linear layers must feed each other to sleep, "
                f"got {layer} after {before[0]}; one task per experience, one head per task"
            )


@torch.no_grad()
def observe(strategy: SleepingStrategy, keep_going: Callable[[], bool]) -> Observer:
    """Show the network a part of the current experience and note what its linear layers see."""
    observer = Observer()
    hooks = [
        module.register_forward_hook(observer)
        for module in strategy.model.modules()
        if isinstance(module, nn.Linear)
    ]
    training = strategy.model.training
    strategy.model.eval()
    try:
        for count, (x, *_, tasks) in enumerate(strategy.dataloader):
            if count == OBSERVED_MINIBATCHES or not keep_going():
                break
            observer.saw(x)
            avalanche_forward(strategy.model, x.to(strategy.device), tasks.to(strategy.device))
            strategy.sleep_clock.tick()
    finally:
        strategy.model.train(training)
        for hook in hooks:
            hook.remove()
    return observer


def check_can_sleep(model: nn.Module) -> None:
    """ValueError unless the model ends in linear layers, with nothing else that learns between."""
    linear = False
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            linear = True
        elif linear and any(True for _ in module.parameters(recurse=False)):
            kind = type(module).__name__
            raise ValueError(
                f"after its first linear layer a model must have only linear ones that learn "
                f"to sleep, got {kind} {name!r}"
            )
    if not linear:
        raise ValueError("model must have a linear layer to put to sleep, got none")
