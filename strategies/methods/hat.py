"""Hard attention to the task: a gate on every unit, learned with the weights, for each task.

Serra, Suris, Miron & Karatzoglou 2018, "Overcoming Catastrophic Forgetting with Hard Attention to
the Task" (ICML). A gate is a sigmoid that hardens while the task is trained.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.clock import Clock, EpochClock
from strategies.entry import Entry, Explanation
from strategies.pruning.masks import Masks, union
from strategies.pruning.weight_count import WeightsInUse, count_weights, network_in_use
from strategies.search_space import Range
from strategies.subnetworks.task_subnetworks import Subnetworks
from strategies.subnetworks.unit_gates import gated, gated_layers, weight_masks

STEEPEST = 50.0
"""Where the argument of the sigmoid is cut for the compensation, as in the paper."""

FARTHEST = 6.0
"""How far from 0 an embedding may move, as in the paper."""


class HAT(Subnetworks, SupervisedTemplate):
    """Weights between units that an earlier task uses are held; each task has gates of its own.

    A gate is sigmoid(s * embedding) of its unit, with s from 1 / `hardest` to `hardest` over the
    task's training; when the task is done it is open or closed. So earlier tasks stay
    bit-identical. Gates are a bit per unit and task.

    Args:
        sparsity: strength of the penalty on open units that no earlier task uses, at least 0.
        hardest: the last s, above 1.
        gate_learning_rate: of the embeddings, by plain gradient descent, above 0.
    """

    @template_first
    def __init__(
        self,
        *,
        sparsity: float = 0.75,
        hardest: float = 400.0,
        gate_learning_rate: float = 0.05,
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not sparsity >= 0:
            raise ValueError(f"sparsity must be at least 0, got {sparsity}")
        if not hardest > 1:
            raise ValueError(f"hardest must be above 1, got {hardest}")
        if not gate_learning_rate > 0:
            raise ValueError(f"gate_learning_rate must be above 0, got {gate_learning_rate}")
        super().__init__(**base_kwargs)
        if not self.weights:
            raise ValueError("model must have a linear or convolutional layer to gate, got none")
        self.begin("task", None)
        self.layers = gated_layers(self.model, self.weights)
        self.sparsity = sparsity
        self.hardest = hardest
        self.gate_learning_rate = gate_learning_rate
        self.budget_clock = budget_clock or EpochClock()
        self.packed: list[Masks] = []
        """The open units of each finished task, by the name of their layer's weight."""
        self.embeddings: dict[str, Tensor] = {}
        """Of the task in training, one for each unit."""
        self._taken: Masks = {}

    @property
    def masks(self) -> list[Masks]:
        """The weights that each finished task is answered with, in order of training."""
        return [weight_masks(self.weights, self.layers, gates) for gates in self.packed]

    @property
    def progress(self) -> float:
        """Spent fraction of the current experience's share."""
        return self.budget_clock.progress

    def steepness(self) -> float:
        """The s of now: it grows evenly with progress."""
        share = min(1.0, self.progress)
        return 1 / self.hardest + (self.hardest - 1 / self.hardest) * share

    def open_units(self) -> Masks:
        """The gates of the task in training, as hard as they will be."""
        return {name: e.detach() > 0 for name, e in self.embeddings.items()}

    def soft_gates(self) -> dict[str, Tensor]:
        """The gates of the task in training as they stand, each in [0, 1]."""
        s = self.steepness()
        return {name: torch.sigmoid(s * e) for name, e in self.embeddings.items()}

    def subnetwork(self, task: int) -> dict[str, Tensor]:
        """The tensors that make the open units of finished `task`, counted from 0."""
        weights = {name: weight.detach() for name, weight in self.weights.items()}
        return gated({**weights, **self.private[task]}, self.layers, self.packed[task])

    def training_subnetwork(self) -> dict[str, Tensor]:
        """Every tensor that makes a unit, times its gate."""
        scaled = {name for layer in self.layers.values() for name in layer.scaled}
        own = {n: p for n, p in self.model.named_parameters() if n in scaled | self.layers.keys()}
        gates = self.soft_gates() if self.is_training else self.open_units()
        return gated(own, self.layers, gates)

    def optimizer_step(self) -> None:
        """Step weights and embeddings; what may not move is put back."""
        s = self.steepness()
        super().optimizer_step()
        with torch.no_grad():
            for embedding in self.embeddings.values():
                if embedding.grad is not None:
                    step = compensated(embedding.grad, embedding, s, self.hardest)
                    embedding.sub_(self.gate_learning_rate * step).clamp_(-FARTHEST, FARTHEST)
                    embedding.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Everything that a new strategy of the same model needs to go on between experiences."""
        return {**super().state_dict(), "packed": self.packed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`, which is copied."""
        super().load_state_dict(state)
        self.packed = copy.deepcopy(state["packed"])

    def _view(self, task: int) -> dict[str, Tensor]:
        return self.subnetwork(task)

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self.budget_clock.begin(self.train_epochs * len(self.dataloader))
        units = {n: w.new_empty(self.layers[n].units).float() for n, w in self.weights.items()}
        self.embeddings = {n: torch.randn_like(u).requires_grad_() for n, u in units.items()}
        self._taken = union(self.packed, units)
        anchors = {n: w.detach().clone() for n, w in self.weights.items()}
        held_ = {n: ~m for n, m in union(self.masks, self.weights).items()} if self.packed else {}
        self.train_only(held_, {n: anchors[n] for n in held_})

    def _before_backward(self, **kwargs: Any) -> None:
        super()._before_backward(**kwargs)
        self.loss += self.sparsity * newly_open(self.soft_gates(), self._taken)

    def _after_training_iteration(self, **kwargs: Any) -> None:
        self.budget_clock.step()
        super()._after_training_iteration(**kwargs)

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        self.packed.append(self.open_units())
        self.embeddings, self._taken = {}, {}


def compensated(gradient: Tensor, embedding: Tensor, s: float, hardest: float) -> Tensor:
    """The gradient of an embedding as a gate of steepness 1 would have it, times `hardest` over s.

    While s grows, ever fewer embeddings lie where the sigmoid is steep; this takes that out of
    their gradients. Section 2.5 of the paper, eq. 6.

    Args:
        gradient: of the loss, through sigmoid(s * embedding).
        embedding: of that shape.
        s: the steepness now, above 0.
        hardest: the last one.
    """
    steep = torch.cosh((s * embedding).clamp(-STEEPEST, STEEPEST)) + 1
    return gradient * hardest / s * steep / (torch.cosh(embedding) + 1)


def newly_open(gates: Mapping[str, Tensor], taken: Masks) -> Tensor:
    """Mean gate of the units that no earlier task uses, in [0, 1]; 0 where there are none."""
    free = torch.cat([(~taken[name]).float() for name in gates])
    return (torch.cat(list(gates.values())) * free).sum() / free.sum().clamp(min=1)


@network_in_use.register
def _(strategy: HAT) -> WeightsInUse:
    masks = strategy.masks
    counted = count_weights(
        strategy.model,
        used=union(masks, strategy.weights) if masks else None,
        active=masks[-1] if masks else None,
        masks=masks,
        private=strategy.private[:-1],  # the last task's are the model's own
    )
    units = sum(layer.units for layer in strategy.layers.values())
    return replace(counted, mask_bits=len(masks) * units)


ENTRIES = {
    "hat": Entry(
        factory="strategies.methods.hat:HAT",
        family="sparse",
        summary="a learned gate on every unit for each task, weights between used units held",
        paper="Serra et al. 2018",
        scenarios=("task",),
        stores="weights",
        space={
            "sparsity": Range(0.01, 10.0, log=True),
            "hardest": Range(25.0, 1000.0, log=True),
            "gate_learning_rate": Range(0.005, 0.5, log=True),
        },
        explanation=Explanation(
            does=(
                "Each task learns a gate for every unit, a sigmoid that grows ever steeper, with a "
                "penalty on the units that no earlier task uses. When the task is done its gates "
                "are open or closed, and the weights between open units are held. Later tasks use "
                "them and never move them."
            ),
            whose=(
                "The paper's: gates, their steepness, the compensation of their gradients and the "
                "penalty. Ours: steepness grows once over the task's share, where the paper starts "
                "anew in each epoch; gates are made hard and weights held exactly when the task is "
                "done; biases and normalisation are kept for each task. Where the layers are not "
                "in a plain sequence, all weights into an open unit are held."
            ),
            memory=(
                "Used: the weights between open units, and the heads, biases and normalisation of "
                "all tasks. Beside them a bit for each unit and task."
            ),
            use="As `packnet-frozen`, where whole units are to be given to a task.",
        ),
    ),
}
