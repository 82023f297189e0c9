"""PackNet: several tasks in one network, each in weights of its own, found by pruning.

Mallya & Lazebnik, "PackNet: Adding Multiple Tasks to a Single Network by Iterative Pruning",
CVPR 2018. The unfrozen variant is the question of Ball, Li, Lamb & Zhang 2020: what freezing costs.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from strategies.clock import Clock
from strategies.heads import TaskHead, head_tensors
from strategies.masks import Guard, Masks, Scope, union
from strategies.nights import SleepingStrategy, evenly
from strategies.prune import Prune
from strategies.weights import WeightsInUse, count_weights, weights_in_use


class PackNet(SleepingStrategy):
    """Train on the weights that may move, prune to the task's density, retrain, store the mask.

    frozen: True: a task trains and claims only weights that no earlier task claimed, and sees all
        earlier ones; earlier tasks stay bit-identical. False: every weight stays trainable and a
        task claims from all of them; earlier tasks are answered with their own mask on the weights
        as they are now, so forgetting is real.
    density: share of each layer's weights that one task claims, in (0, 1]; fewer where fewer are
        free.
    prune_at: progress at which the task is pruned, in (0, 1); the rest is retraining.

    Biases, normalisation and its statistics are kept per task, as is each task's head. Needs one
    task label per experience.
    """

    def __init__(
        self,
        *,
        frozen: bool = True,
        density: float = 0.05,
        prune_at: float = 0.5,
        scope: Scope = "layer",
        sleep_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 0 < prune_at < 1:
            raise ValueError(f"prune_at must be in (0, 1), got {prune_at}")
        super().__init__(
            nights=evenly(1, first=prune_at),
            stages=[Prune(density, scope)],
            sleep_clock=sleep_clock,
            **base_kwargs,
        )
        if not self.weights:
            raise ValueError("model must have a linear or convolutional layer to prune, got none")
        self.frozen = frozen
        self.masks: list[Masks] = []
        """Entries each finished task is answered with, in order of training."""
        self.private: list[dict[str, Tensor]] = []
        """Biases, normalisation and statistics of each finished task."""
        self.task_of: dict[int, int] = {}
        """Task label to its place in `masks`; a label trained again takes a new place."""
        self._active: Masks = {}
        self._hidden: dict[str, Tensor] = {}
        self._shown: dict[str, Tensor] = {}

    def eligible(self) -> Masks:
        """All weights; when frozen, those that no earlier task claimed."""
        if not self.frozen:
            return super().eligible()
        return {name: ~mask for name, mask in union(self.masks, self.weights).items()}

    def keep(self, kept: Masks) -> None:
        """Claim `kept`; when frozen, the task goes on seeing what earlier tasks claimed."""
        claimed = union(self.masks, self.weights)
        anchors: dict[str, Tensor | None] = {}
        for name, weight in self.weights.items():
            if self.frozen:
                self._active[name] = kept[name] | claimed[name]
                anchors[name] = torch.where(claimed[name], weight.detach(), 0.0)
            else:
                self._active[name] = kept[name]
                anchors[name] = None
                # what only earlier tasks use is out of sight until this one is done
                self._hidden[name] = weight.detach() * (claimed[name] & ~kept[name])
        self.guard(kept, anchors)
        self._guard_heads()

    def train(self, experiences: Any, *args: Any, **kwargs: Any) -> Any:
        """Train on experiences with one task label each; ValueError otherwise, before any work."""
        if isinstance(experiences, Iterable):
            experiences = list(experiences)
            for experience in experiences:
                task_label(experience)
        else:
            task_label(experiences)
        return super().train(experiences, *args, **kwargs)

    def state_dict(self) -> dict[str, Any]:
        """Everything that a new PackNet of the same model needs to go on between experiences."""
        return {
            "model": self.model.state_dict(),
            "masks": self.masks,
            "private": self.private,
            "task_of": self.task_of,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`, which is copied."""
        state = copy.deepcopy(state)
        self.model.load_state_dict(state["model"])
        self.masks, self.private = state["masks"], state["private"]
        self.task_of = state["task_of"]

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self._active, self._hidden = {}, {}
        if self.masks and self.frozen:
            anchors = {n: w.detach().clone() for n, w in self.weights.items()}
            self.guard(self.eligible(), anchors)
        # momentum of the last task's weights would move what it left behind
        self.optimizer.state.clear()
        self._guard_heads()

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        with torch.no_grad():
            for name, hidden in self._hidden.items():
                self.weights[name].add_(hidden)
        self.task_of[task_label(self.experience)] = len(self.masks)
        self.masks.append(self._active)
        self.private.append({n: t.detach().clone() for n, t in self._unshared().items()})
        self._active, self._hidden = {}, {}
        self.guards = []

    def _before_eval_exp(self, **kwargs: Any) -> None:
        super()._before_eval_exp(**kwargs)
        task = self.task_of.get(task_label(self.experience))
        if task is None:
            return  # never trained, or in training for the first time: answered by all weights
        self._shown = {n: t.detach().clone() for n, t in self._everything().items()}
        with torch.no_grad():
            for name, weight in self.weights.items():
                if name in self._hidden:
                    weight.add_(self._hidden[name])
                weight.mul_(self.masks[task][name])
            for name, tensor in self._unshared().items():
                tensor.copy_(self.private[task][name])

    def _after_eval_exp(self, **kwargs: Any) -> None:
        with torch.no_grad():
            for name, shown in self._shown.items():
                self._everything()[name].copy_(shown)
        self._shown = {}
        super()._after_eval_exp(**kwargs)

    def _everything(self) -> dict[str, Tensor]:
        return {**self.weights, **self._unshared()}

    def _unshared(self) -> dict[str, Tensor]:
        """Parameters and buffers that are kept per task: all but matrices, kernels and heads."""
        shared = head_tensors(self.model) | set(self.weights)
        tensors = (*self.model.named_parameters(), *self.model.named_buffers())
        return {name: tensor for name, tensor in tensors if name not in shared}

    def _guard_heads(self) -> None:
        """Hold the rows of every other task's head, which momentum and weight decay would move."""
        task = task_label(self.experience)
        for module in self.model.modules():
            if isinstance(module, TaskHead):
                own = torch.zeros(module.linear.out_features, dtype=torch.bool)
                own[module.rows_of(task)] = True
                for parameter in module.linear.parameters():
                    mask = own.to(parameter.device).view(-1, *[1] * (parameter.dim() - 1))
                    self.guards.append(
                        Guard(parameter, mask.expand_as(parameter), parameter.detach().clone())
                    )


def task_label(experience: Any) -> int:
    """The one task label of an experience; ValueError when it has none or several."""
    labels = list(getattr(experience, "task_labels", []))
    if len(labels) != 1:
        raise ValueError(
            "packnet needs one task label per experience (the task-incremental scenario), "
            f"got {labels or 'none'}"
        )
    return int(labels[0])


@weights_in_use.register
def _(strategy: PackNet) -> WeightsInUse:
    tasks = len(strategy.masks)
    bits = math.ceil(math.log2(tasks + 1)) if strategy.frozen else tasks
    return count_weights(
        strategy.model,
        used=union(strategy.masks, strategy.weights) if tasks else None,
        active=strategy.masks[-1] if tasks else None,
        bits_per_weight=bits,
        private=strategy.private[:-1],  # the last task's are the model's own
        buffer_bytes=0,
    )
