"""PackNet: several tasks in one network, each in weights of its own, found by pruning.

Mallya & Lazebnik, "PackNet: Adding Multiple Tasks to a Single Network by Iterative Pruning",
CVPR 2018. The unfrozen variants are the question of Ball, Li, Lamb & Zhang 2020: what freezing
costs.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.clock import Clock
from strategies.pruning.importance import Importance
from strategies.pruning.masks import Masks, Schedule, Scope, masked, pack, union, unpack
from strategies.pruning.prune import Pruning, PruningStrategy, Rewind
from strategies.pruning.task_ownership import MOST_TASKS, claim, nobody, owned, release, visible
from strategies.pruning.weight_count import (
    WeightsInUse,
    count_weights,
    stored_bytes,
    weights_in_use,
)
from strategies.stages.rehearse import TaskBuffer
from strategies.subnetworks.generated_inputs import dream_loss
from strategies.subnetworks.task_subnetworks import Certainty, Norm, Subnetworks

Unfrozen = Literal["shared", "snapshot", "rehearsed", "dreamed"]
Freed = Literal["zero", "initial"]

STATE = ("owners", "packed", "buffer", "initial")
"""What goes on between experiences, beside what `Subnetworks` keeps."""


class PackNet(Subnetworks, PruningStrategy):
    """Train on the weights that may move, prune to the task's density, retrain, store the mask.

    Args:
        frozen: True: a task trains and claims only weights that no earlier task owns, and sees all
            earlier ones; earlier tasks stay bit-identical. False: every weight stays trainable and
            a task chooses from all of them.
        unfrozen: what earlier tasks are answered with when not frozen. `shared`: their own mask on
            the weights as they are now, so forgetting is real. `snapshot`: the weights as they were
            when the task was done, each snapshot counted. `rehearsed`: as shared, but retraining
            also sees stored examples of earlier tasks, each under its own mask, and moves their
            weights too. `dreamed`: as shared, but the prune puts earlier tasks' weights back to
            what they were, and retraining also sees dreams of earlier tasks:
            `strategies/subnetworks/generated_inputs.py`. The weights before the task are memory
            while it is trained.
        buffer: stored examples in all, at least 1, when rehearsed.
        dream_step: how far a dream leaves the image that it began as, over that image's length, at
            least 0, when dreamed.
        density: share of each layer's weights that one task claims, in (0, 1], or one for each
            task; fewer where fewer are free. A task that finds none free trains its head and
            biases.
        tasks: number of tasks to leave room for; each then claims at most an equal share of what is
            free, so that density 1 gives equal shares and the last task all that is left.
        prune_at: progress of the first prune, in (0, 1); the rest is retraining, in `rounds` parts.
        freed: what a task finds in the weights that no earlier one claimed. `zero`: what the prune
            left, as in the paper, where a task keeps half of a trained network or more. `initial`:
            what they were at construction, without which a network that starts untrained and gives
            a task few weights hardly passes a signal on.
        norm: see `Subnetworks`.
        infer: see `Subnetworks`.
        rounds: see `Pruning`.
        scope: see `Pruning`.
        schedule: see `Pruning`.
        importance: see `Pruning`.
        rewind: see `Pruning`.
    """

    @template_first
    def __init__(
        self,
        *,
        frozen: bool = True,
        unfrozen: Unfrozen = "shared",
        buffer: int = 200,
        dream_step: float = 0.3,
        density: float | Sequence[float] = 0.05,
        tasks: int | None = None,
        prune_at: float = 0.5,
        freed: Freed = "zero",
        rounds: int = 1,
        scope: Scope = "layer",
        schedule: Schedule = "geometric",
        importance: Importance = "magnitude",
        rewind: Rewind = "none",
        norm: Norm = "task",
        infer: Certainty | None = None,
        sleep_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 0 < prune_at < 1:
            raise ValueError(f"prune_at must be in (0, 1), got {prune_at}")
        if unfrozen not in get_args(Unfrozen):
            raise ValueError(f"unfrozen must be one of {get_args(Unfrozen)}, got {unfrozen!r}")
        if freed not in get_args(Freed):
            raise ValueError(f"freed must be one of {get_args(Freed)}, got {freed!r}")
        if buffer < 1:
            raise ValueError(f"buffer must be at least 1, got {buffer}")
        if not dream_step >= 0:
            raise ValueError(f"dream_step must be at least 0, got {dream_step}")
        check_densities(density, tasks, frozen)
        super().__init__(
            pruning=Pruning(
                rounds=rounds,
                first=prune_at,
                scope=scope,
                schedule=schedule,
                importance=importance,
                rewind=rewind,
            ),
            sleep_clock=sleep_clock,
            **base_kwargs,
        )
        self.begin(norm, infer)
        self.frozen = frozen
        self.unfrozen = unfrozen
        self.density = density
        self.tasks = tasks
        weights = self.weights if freed == "initial" else {}
        self.initial = {name: w.detach().clone() for name, w in weights.items()}
        """The weights at construction, when freed ones go back to them; in training alone."""
        self.owners = nobody(self.weights) if frozen else {}
        """The task that owns each weight, from 1, when frozen; 0 is free."""
        self.packed: list[dict[str, Tensor]] = []
        """The mask of each finished task, a bit for each weight, when not frozen."""
        self.buffer = None if frozen or unfrozen != "rehearsed" else TaskBuffer(buffer)
        self.dream_step = dream_step
        self._active: Masks = {}
        self._shown: dict[str, Tensor] = {}
        self._before: dict[str, Tensor] = {}

    @property
    def masks(self) -> list[Masks]:
        """The weights that each finished task is answered with, in order of training."""
        if self.frozen:
            return [visible(self.owners, k + 1) for k in range(len(self.private))]
        w = self.weights
        return [{n: unpack(bits, w[n]) for n, bits in packed.items()} for packed in self.packed]

    def target(self) -> float:
        """The density of the task in training."""
        task = len(self.private)
        density = self.density[task] if isinstance(self.density, Sequence) else self.density
        if self.tasks is None or task == self.tasks - 1:
            return density
        return min(density, self.room() / (self.tasks - task))

    def room(self) -> float:
        """Share of the weights that no earlier task owns; when not frozen, all."""
        if not self.frozen:
            return 1.0
        earlier = len(self.private)
        free = sum(int(((o == 0) | (o > earlier)).sum()) for o in self.owners.values())
        return free / sum(o.numel() for o in self.owners.values())

    def eligible(self) -> Masks:
        """What the last prune left; before the first all weights, or when frozen the free ones."""
        if self.frozen:
            return owned(self.owners, len(self.private) + 1)
        return self._active or super().eligible()

    def keep(self, kept: Masks) -> None:
        """Claim `kept`; when frozen, the task goes on seeing what earlier tasks own."""
        task = len(self.private) + 1
        if self.frozen:
            self.owners = release(self.owners, task, kept)
            earlier = masked(self.weights, visible(self.owners, task - 1))
            self.guard(kept, earlier if task > 1 else dict.fromkeys(kept))
            return
        claimed = union(self.masks, self.weights)
        if self._before and not self._active:
            with torch.no_grad():
                for name, weight in self.weights.items():
                    weight.copy_(torch.where(claimed[name], self._before[name], weight))
        self._active = kept
        self._shown = {n: kept[n].to(w.dtype) for n, w in self.weights.items()}
        if self.buffer is not None:
            self.guard(union([claimed, kept], self.weights), dict.fromkeys(kept))
        else:
            self.guard(kept, masked(self._before or self.weights, claimed))

    def check_task(self, experience: Any) -> None:
        """ValueError when there is no room for another task."""
        super().check_task(experience)
        number = len(self.private) + 1
        most = [MOST_TASKS] if self.frozen else []
        most += [] if self.tasks is None else [self.tasks]
        most += [len(self.density)] if isinstance(self.density, Sequence) else []
        if most and number > min(most):
            raise ValueError(f"packnet was made for {min(most)} tasks, got another")

    def state_dict(self) -> dict[str, Any]:
        """Everything that a new PackNet of the same model needs to go on between experiences."""
        return {**super().state_dict(), **{key: getattr(self, key) for key in STATE}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`, which is copied."""
        super().load_state_dict(state)
        for key in STATE:
            setattr(self, key, copy.deepcopy(state[key]))

    def subnetwork(self, task: int) -> dict[str, Tensor]:
        """The prunable weights that finished `task`, from 0, is answered with."""
        if not self.frozen and self.unfrozen == "snapshot":
            return {}  # among what the task keeps for itself
        return masked(self.weights, self.masks[task])

    def training_subnetwork(self) -> dict[str, Tensor]:
        """The weights under the mask of the task in training; none to change when it sees all."""
        if not self._shown:
            return {}
        weights = self.weights
        return {name: weights[name] * shown for name, shown in self._shown.items()}

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self._active, self._shown, self._before = {}, {}, {}
        if self.initial and self.private:
            self._restart(union(self.masks, self.weights))
        if self.frozen:
            earlier = len(self.private)
            self.owners = claim(self.owners, earlier + 1)
            anchors = masked(self.weights, visible(self.owners, earlier))
            self.guard(self.eligible() if earlier else {}, anchors)
        else:
            self.guard({}, {})
            if self.unfrozen == "dreamed" and self.private:
                self._before = {n: w.detach().clone() for n, w in self.weights.items()}

    @torch.no_grad()
    def _restart(self, claimed: Masks) -> None:
        """Put what no task claimed back to what it was at construction."""
        for name, w in self.weights.items():
            w.copy_(torch.where(claimed[name], w, self.initial[name]))

    def _before_backward(self, **kwargs: Any) -> None:
        super()._before_backward(**kwargs)
        if (self.buffer is not None or self._before) and self._active and self.private:
            task = int(torch.randint(len(self.private), ()))
            # the minibatch under way may be the last step of the share
            if (self.buffer is None or self.buffer.holds(task)) and self.progress < 1:
                with self.sleep_clock.night():
                    self.loss += self._earlier_loss(task)
                    self.sleep_clock.tick()

    def _earlier_loss(self, task: int) -> Tensor:
        """Loss of an earlier task, answered as it will be, on stored examples or on dreams."""
        if self.buffer is not None:
            x, y, labels = (t.to(self.device) for t in self.buffer.draw(task, self.train_mb_size))
            return self._criterion(self._answer_earlier(task, self.weights, labels, x), y)
        x = self.mb_x[: (len(self.mb_x) + 1) // 2]  # dreaming is as dear as what it leaves out
        label = next((own for own, place in self.task_of.items() if place == task), 0)
        labels = torch.full_like(self.mb_task_id[: len(x)], label)
        before, now = (
            partial(self._answer_earlier, task, weights, labels)
            for weights in (self._before, self.weights)
        )
        return dream_loss(before, now, x, self.dream_step)

    def _answer_earlier(
        self, task: int, weights: Mapping[str, Tensor], labels: Tensor, x: Tensor
    ) -> Tensor:
        packed = self.packed[task]
        view = {name: w * unpack(packed[name], w) for name, w in weights.items()}
        view |= {name: t.clone() for name, t in self.private[task].items()}
        return self.answer(view, x, labels, self.classes[task])

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        if not self.frozen:
            self.packed.append({n: pack(mask) for n, mask in self._active.items()})
            if self.unfrozen == "snapshot":
                self.private[-1] |= masked(self.weights, self._active)
        if self.buffer is not None:
            self.buffer.store(self)
        self._active, self._shown, self._before = {}, {}, {}


def check_densities(density: float | Sequence[float], tasks: int | None, frozen: bool) -> None:
    """ValueError unless every density is in (0, 1] and so many tasks fit."""
    each = [density] if isinstance(density, (int, float)) else list(density)
    for value in each:
        if not 0 < value <= 1:
            raise ValueError(f"density must be in (0, 1], got {value}")
    if isinstance(density, Sequence) and frozen and sum(each) > 1 + 1e-9:
        raise ValueError(f"densities must add up to at most 1 when frozen, got {sum(each)}")
    if tasks is None:
        return
    if not frozen:
        raise ValueError(f"tasks must be None when not frozen, where none needs room, got {tasks}")
    if not 1 <= tasks <= MOST_TASKS:
        raise ValueError(f"tasks must be in [1, {MOST_TASKS}], got {tasks}")
    if isinstance(density, Sequence) and len(density) != tasks:
        raise ValueError(f"density must be one for each of {tasks} tasks, got {len(density)}")


@weights_in_use.register
def _(strategy: PackNet) -> WeightsInUse:
    masks, tasks = strategy.masks, len(strategy.private)
    needed = masks[-1:] if strategy.unfrozen == "snapshot" and not strategy.frozen else masks
    return count_weights(
        strategy.model,
        used=union(needed, strategy.weights) if tasks else None,
        active=masks[-1] if tasks else None,
        bits_per_weight=tasks.bit_length() if strategy.frozen else tasks,
        private=strategy.private[:-1],  # the last task's are the model's own
        buffer_bytes=stored_bytes(strategy.buffer),
    )
