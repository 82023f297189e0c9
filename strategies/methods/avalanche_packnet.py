"""Avalanche's own PackNet, driven by progress instead of epochs: the peer to compare with.

The masks, the pruning and the freezing are the library's (`avalanche.models.packnet`); only the
moment of the prune is ours, because its trigger is an epoch index that no budget reaches.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import torch
from avalanche.core import SupervisedPlugin
from avalanche.models import MultiTaskModule
from avalanche.models.packnet import (
    PackNetModel,
    PackNetModule,
    PackNetPlugin,
    WeightAndBiasPackNetModule,
)
from avalanche.training.supervised import Naive
from torch import Tensor, nn

from strategies.clock import Clock, EpochClock
from strategies.entry import Entry, Explanation
from strategies.networks.heads import MultiHeadModel
from strategies.pruning.held import counted_apart
from strategies.pruning.weight_count import WeightsInUse, compressed_bytes, network_in_use
from strategies.search_space import DENSITY, Range


class LibraryPackNetModel(MultiTaskModule):
    """The library's PackNetModel around trunk and heads; a task sees only its own head's logits."""

    def __init__(self, model: MultiHeadModel) -> None:
        super().__init__()
        self.packnet = PackNetModel(nn.Sequential(model.trunk, model.head.linear))
        self.head = model.head
        for layer in layers_of(self.packnet):
            # it writes masks through their flattened view, which channels-last tensors lack
            layer.task_index = layer.task_index.contiguous()
            layer.visible_mask = layer.visible_mask.contiguous()
            layer.unfrozen_mask = layer.unfrozen_mask.contiguous()

    def forward(self, x: Tensor, task_labels: Tensor) -> Tensor:
        """(B, C) logits of a batch of one task."""
        return self.head.select(self.packnet(x, task_labels), task_labels)


def layers_of(packnet: PackNetModel) -> list[Any]:
    """The library's wrappers of layers with weights."""
    return [m for m in packnet.modules() if isinstance(m, WeightAndBiasPackNetModule)]


class ProgressPackNetPlugin(PackNetPlugin):
    """The library's plugin, pruning at a progress of the experience."""

    def __init__(self, *, density: float, prune_at: float, budget_clock: Clock) -> None:
        super().__init__(post_prune_epochs=1, prune_proportion=self._proportion)
        self.density = density
        self.prune_at = prune_at
        self.budget_clock = budget_clock

    def _proportion(self, task: int) -> float:
        """What to prune of the free weights so that `density` of all weights stays."""
        free = 1 - task * self.density
        return max(0.0, 1 - self.density / free) if free > 0 else 1.0

    def before_training(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: phases are no epochs here."""

    def before_training_epoch(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: phases are no epochs here."""

    def before_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        """Reset the optimizer as the library does and start the epoch clock, if it is one."""
        super().before_training_exp(strategy, *args, **kwargs)
        self.budget_clock.begin(strategy.train_epochs * len(strategy.dataloader))

    def after_training_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        """Prune when it is time."""
        self.budget_clock.step()
        if self.budget_clock.progress >= self.prune_at:
            self._prune(strategy)

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        """Freeze; prune first if the budget cut the experience before it."""
        self._prune(strategy)
        super().after_training_exp(strategy, *args, **kwargs)

    def _prune(self, strategy: Any) -> None:
        model = self._get_model(strategy)
        if model.state != PackNetModule.State.POST_PRUNE:
            with self.budget_clock.night():
                # the library refuses a prune unless the task in training is active
                model.activate_task(model.task_count)
                model.prune(self._proportion(model.task_count))

    def _get_model(self, strategy: Any) -> PackNetModule:
        return strategy.model.packnet


def avalanche_packnet(
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    density: float = 0.05,
    prune_at: float = 0.5,
    budget_clock: Clock | None = None,
    plugins: Sequence[SupervisedPlugin] | None = None,
    **base_kwargs: Any,
) -> Naive:
    """The library's PackNet on a `MultiHeadModel`.

    Args:
        density: share of each layer's weights, heads included, that one task claims, in (0, 1].
        prune_at: progress at which the task is pruned, in (0, 1).

    Raises:
        ValueError: for a model it cannot wrap.
    """
    if not isinstance(model, MultiHeadModel):
        raise ValueError(f"model must be a MultiHeadModel, got {type(model).__name__}")
    plugin = ProgressPackNetPlugin(
        density=density, prune_at=prune_at, budget_clock=budget_clock or EpochClock()
    )
    return LibraryPackNet(
        model=LibraryPackNetModel(model),
        optimizer=optimizer,
        plugins=[*(plugins or ()), plugin],
        **base_kwargs,
    )


class LibraryPackNet(Naive):
    """Avalanche's Naive with the library's PackNet inside, so that its weights can be counted."""


def _owners_bytes(layers: list[Any]) -> int:
    """Bytes of the tasks that own the weights, which tell their places as well, after zlib."""
    owners = (layer.task_index.cpu().numpy().astype("uint8").tobytes() for layer in layers)
    return sum(len(zlib.compress(own, 1)) for own in owners)


@network_in_use.register
def _(strategy: LibraryPackNet) -> WeightsInUse:
    packnet = strategy.model.packnet
    layers = layers_of(packnet)
    head = next(layer for layer in layers if layer.wrappee is strategy.model.head.linear)
    trunk = [layer for layer in layers if layer is not head]
    tasks = packnet.task_count

    def used(layer: Any) -> Tensor:
        return (layer.task_index < tasks) & (layer.wrappee.weight.detach() != 0)

    biases = [layer.wrappee.bias for layer in layers if layer.wrappee.bias is not None]
    used_prunable = sum(int(used(layer).sum()) for layer in trunk)
    numel = sum(layer.wrappee.weight.numel() for layer in trunk)
    bits = tasks.bit_length() * sum(layer.wrappee.weight.numel() for layer in layers)
    saved = [*(layer.wrappee.weight.detach() * used(layer) for layer in layers), *biases]
    idle = [layer.wrappee.weight[~used(layer)].count_nonzero() for layer in layers]
    return WeightsInUse(
        total=sum(p.numel() for p in strategy.model.parameters()),
        used=used_prunable
        + int(used(head).sum())
        + sum(int(bias.detach().count_nonzero()) for bias in biases),
        prunable=numel,
        used_prunable=used_prunable,
        active=used_prunable,
        mask_bits=bits,
        buffer_bytes=4 * sum(int(number) for number in idle),
        artifact_bytes=compressed_bytes(saved, places=False) + _owners_bytes(layers),
        stored_examples=0,
    )


@counted_apart.register
def _(strategy: LibraryPackNet) -> Sequence[Any]:
    return list(strategy.model.packnet.buffers())


ENTRIES = {
    "avalanche-packnet": Entry(
        factory="strategies.methods.avalanche_packnet:avalanche_packnet",
        family="sparse",
        summary="Avalanche's own PackNet at the same density, pruned by progress",
        paper="Mallya & Lazebnik 2018",
        scenarios=("task",),
        stores="weights",
        space={"density": DENSITY, "prune_at": Range(0.1, 0.9)},
        explanation=Explanation(
            does=(
                "The PackNet that Avalanche ships, as the peer of `packnet-frozen`: masks, "
                "pruning and freezing are the library's."
            ),
            whose=(
                "Ours is the moment of the prune, at a share of the budget, since the library "
                "counts epochs. It differs from the paper: the heads are pruned and owned as "
                "well, pruned weights keep their value for the next task instead of starting "
                "from zero, and biases stay as the first task left them."
            ),
            memory=(
                "Used: the weights with an owner, heads among them, and the biases. Beside them "
                "the owners, as in `packnet-frozen`."
            ),
            use=(
                "To see that a difference is the method's and not the implementation's. No "
                "batch normalisation."
            ),
        ),
    ),
}
