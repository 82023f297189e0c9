"""One night of a network that spikes in its sleep: who fired, and what became of its weights."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from avalanche.models.utils import avalanche_forward
from torch import Tensor, nn

from bench.config.run_config import RunConfig
from bench.runner.ready import build
from bench.runner.seeding import seed_everything
from bench.strategy_docs.observed_stage import observe_stages
from strategies.sleep_cycle import SleepingStrategy, Stage
from strategies.spiking.spiking_layers import Spikes
from strategies.stages.replay import Replay


@dataclass(frozen=True)
class Layer:
    """A layer in one night.

    Attributes:
        spikes: (N, 2), step and neuron of each.
        neurons: how many there are.
        before: the weights that enter it, flat; empty for the input.
        after: the weights that enter it, flat; empty for the input.
    """

    name: str
    neurons: int
    spikes: npt.NDArray[np.int64]
    before: npt.NDArray[np.float32]
    after: npt.NDArray[np.float32]


@dataclass(frozen=True)
class NightTrace:
    """A night from the input to the output.

    Attributes:
        steps: how long it was.
        experience: from 0.
    """

    layers: tuple[Layer, ...]
    steps: int
    experience: int


def trace_night(config: RunConfig, *, experience: int, data_root: Path | None = None) -> NightTrace:
    """Train `config` up to and with `experience`, from 0, and watch its last night.

    Raises:
        ValueError: if the strategy has no stage of sleep replay, or the stream no such experience.
    """
    ready = build(config, data_root, report=lambda progress: None)
    strategy, stream = ready.strategy, ready.benchmark.train_stream
    if not 0 <= experience < len(stream):
        raise ValueError(f"experience must be in [1, {len(stream)}], got {experience + 1}")
    stages = strategy.stages if isinstance(strategy, SleepingStrategy) else ()
    if not any(isinstance(stage, Replay) for stage in stages):
        raise ValueError(f"strategy must sleep with a stage of replay, got {config.strategy}")
    recorder = SpikeRecorder()
    observe_stages(strategy, recorder.observe)
    seed_everything(config.seed("data"))
    for index in range(experience + 1):
        with ready.meter.experience(index):
            strategy.train(stream[index])
    return recorder.night(experience)


class SpikeRecorder:
    """Records the spikes and the weights of each night of sleep replay; the last one stays."""

    def __init__(self) -> None:
        self._spikes: dict[int, list[Tensor]] = {}
        self._neurons: list[int] = []
        self._before: list[Tensor] = []
        self._after: list[Tensor] = []

    @contextmanager
    def observe(self, stage: Stage, strategy: SleepingStrategy) -> Iterator[None]:
        """Record the stage, if it is sleep replay."""
        if not isinstance(stage, Replay):
            yield
            return
        self._spikes = {}
        self._neurons = _neurons(strategy, stage)
        self._before = _weights(strategy, stage)
        stage.watch = self._note
        yield
        stage.watch = None
        self._after = _weights(strategy, stage)

    def _note(self, layer: int, spikes: Spikes) -> None:
        self._spikes.setdefault(layer, []).append(torch.stack(spikes, 1).cpu())

    def night(self, experience: int) -> NightTrace:
        """What was noted.

        Raises:
            ValueError: if no night came.
        """
        if not self._spikes:
            rule = "budget and strategy must give a night of replay"
            raise ValueError(f"{rule} to experience {experience + 1}, got none")
        names = ["input", *(f"hidden {i}" for i in range(1, len(self._before))), "output"]
        layers = []
        for number, (name, size) in enumerate(zip(names, self._neurons, strict=True)):
            noted = self._spikes.get(number, [])
            spikes = torch.cat(noted) if noted else torch.zeros((0, 2), dtype=torch.long)
            before, after = (
                known[number - 1].flatten() if number else torch.zeros(0)
                for known in (self._before, self._after)
            )
            layers.append(Layer(name, size, spikes.numpy(), before.numpy(), after.numpy()))
        return NightTrace(tuple(layers), 1 + int(layers[0].spikes[:, 0].max()), experience)


def _weights(strategy: SleepingStrategy, stage: Replay) -> list[Tensor]:
    """Copies of the matrices and kernels that sleep, in the order in which they were registered."""
    modules = strategy.model.modules()
    weights = (module.weight for module in modules if isinstance(module, stage.kinds))
    return [weight.detach().cpu().clone() for weight in weights if isinstance(weight, Tensor)]


@torch.no_grad()
def _neurons(strategy: SleepingStrategy, stage: Replay) -> list[int]:
    """Inputs of the first layer that sleeps, then the neurons of each."""
    sizes: list[int] = []

    def note(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        sizes.extend([] if sizes else [inputs[0].numel()])
        sizes.append(output.numel())

    model = copy.deepcopy(strategy.model).eval()
    for module in model.modules():
        if isinstance(module, stage.kinds):
            module.register_forward_hook(note)
    x, _, task = strategy.experience.dataset[0]
    avalanche_forward(model, x[None].to(strategy.device), torch.tensor([task]).to(strategy.device))
    return sizes
