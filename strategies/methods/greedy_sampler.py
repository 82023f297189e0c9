"""GDumb: store examples greedily, and for every answer train a new network on them alone.

Prabhu, Torr & Dokania, "GDumb: A Simple Approach that Questions Our Progress in Continual
Learning", ECCV 2020.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from avalanche.training.storage_policy import ClassBalancedBuffer
from avalanche.training.templates import SupervisedTemplate
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from strategies.avalanche_signature import template_first
from strategies.clock import Clock, EpochClock
from strategies.entry import Baseline, Entry
from strategies.search_space import STORED, STORED_SPACE

Start = tuple[float, float]
"""Mean and standard deviation of the first weights of a layer."""


class GDumb(SupervisedTemplate):
    """Each experience adds its examples to the store; then training starts over, on the store.

    Each class so far has an equal share of the store, filled at random. The learning rate falls
    along half a cosine to a hundredth, once in each experience; the paper's falls several times.
    New weights have the mean and the deviation that those of their layer had at first, which takes
    two numbers to know, where the library's own keeps a copy of the network.

    Args:
        mem_size: stored examples in all, at least 1.
        budget_clock: tells the progress of the current experience; None makes one from epochs.
    """

    @template_first
    def __init__(
        self,
        *,
        mem_size: int = STORED,
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if mem_size < 1:
            raise ValueError(f"mem_size must be at least 1, got {mem_size}")
        super().__init__(**base_kwargs)
        self.stored = ClassBalancedBuffer(mem_size)
        self.budget_clock = budget_clock or EpochClock()
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.starts: dict[str, Start] = {}

    def _after_train_dataset_adaptation(self, **kwargs: Any) -> None:
        super()._after_train_dataset_adaptation(**kwargs)
        self.stored.post_adapt(self, self.experience)
        self.adapted_dataset = self.stored.buffer.train()
        tasks = len(self.adapted_dataset.targets_task_labels.uniques)
        if self.train_mb_size < tasks:  # a minibatch has examples of each
            raise ValueError(
                f"batch_size must be at least the number of tasks, {tasks}, "
                f"got {self.train_mb_size}"
            )

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self.budget_clock.begin(self.train_epochs * len(self.dataloader))
        for name, weight in self.model.named_parameters():
            if name not in self.starts:
                first = weight.detach()
                self.starts[name] = first.mean().item(), first.std(correction=0).item()
        draw_weights(self.model, self.starts)
        self.optimizer.state.clear()

    def _before_update(self, **kwargs: Any) -> None:
        super()._before_update(**kwargs)
        height = annealed(self.budget_clock.progress)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * height

    def _after_training_iteration(self, **kwargs: Any) -> None:
        self.budget_clock.step()
        super()._after_training_iteration(**kwargs)


FLOOR = 0.01
"""Share of the learning rate that an experience ends with; the paper's 0.0005 of 0.05."""


def annealed(progress: float) -> float:
    """Half a cosine from 1 at progress 0 to `FLOOR` at progress 1."""
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


def draw_weights(model: nn.Module, starts: Mapping[str, Start]) -> None:
    """Give `model` new weights, normal as `starts` says, and statistics of nothing."""
    for name, weight in model.named_parameters():
        mean, deviation = starts[name]
        with torch.no_grad():
            weight.normal_().mul_(deviation).add_(mean)
    for module in model.modules():
        if isinstance(module, _NormBase):
            module.reset_running_stats()


ENTRIES = {
    "gdumb": Entry(
        factory="strategies.methods.greedy_sampler:GDumb",
        family="replay",
        summary="a new network for each experience, trained on stored examples alone",
        paper="Prabhu et al. 2020",
        space={"mem_size": STORED_SPACE},
        stores="examples",
        balances_tasks=True,
        explanation=Baseline(
            does=(
                "Stores as many examples of each class as of any other. In every experience the "
                "network starts over, and trains on stored examples alone. So it cannot learn from "
                "what it did not store, nor go on from what it learned: in a short budget it falls "
                "below plain training. On held-out data of permuted MNIST, domain-incremental, it "
                "reached 37.2 % in 1,000 steps, where `naive` had 50.0 %; with 5,000 stored "
                "examples 45.8 %, and in 8,000 steps 58.9 %. One seed each."
            ),
            memory="the stored examples",
        ),
    ),
}
