"""PackNet: several tasks in one network, each in weights of its own, found by pruning.

Mallya & Lazebnik, "PackNet: Adding Multiple Tasks to a Single Network by Iterative Pruning",
CVPR 2018. The unfrozen variants are the question of Ball, Li, Lamb & Zhang 2020: what freezing
costs.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Literal, get_args

from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.clock import Clock
from strategies.entry import Entry, Explanation, Reproduction
from strategies.pruning.importance import Importance
from strategies.pruning.masks import Masks, Schedule, Scope, masked, pack, put_back, union, unpack
from strategies.pruning.prune import Pruning, PruningStrategy, Rewind
from strategies.pruning.task_ownership import (
    MOST_TASKS,
    check_densities,
    claim,
    free_share,
    owned,
    release,
    unowned,
    visible,
)
from strategies.pruning.weight_count import WeightsInUse, count_weights, network_in_use
from strategies.search_space import (
    CRITERION,
    DENSITY,
    REWIND,
    ROUNDS,
    STORED,
    STORED_SPACE,
    Range,
    Space,
)
from strategies.stages.rehearse import TaskBuffer
from strategies.subnetworks.earlier_tasks import EarlierTasks
from strategies.subnetworks.task_subnetworks import Certainty, Norm

Unfrozen = Literal["shared", "snapshot", "rehearsed", "dreamed"]
Freed = Literal["zero", "initial"]
Sees = Literal["earlier", "own"]

STATE = ("owners", "packed", "buffer", "initial")
"""What goes on between experiences, besides what `Subnetworks` keeps."""


class PackNet(EarlierTasks, PruningStrategy):
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
        dream_step: how far a dream leaves its image, over that image's length; at least 0.
        density: share of each layer's weights that one task claims, in (0, 1], or one for each
            task; fewer where fewer are free. A task that finds none trains its head and biases.
        tasks: number of tasks to leave room for; each then claims at most an equal share of what is
            free, so that density 1 gives equal shares and the last task all that is left.
        prune_at: progress of the first prune, in (0, 1); the rest is retraining, in `rounds` parts.
        freed: what a task finds in the weights that no earlier one claimed. `zero`: what the prune
            left, as in the paper, where a task keeps half of a trained network or more. `initial`:
            what they were at construction, without which a network that starts untrained and gives
            a task few weights hardly passes a signal on.
        sees: the weights that a task is trained and answered with when frozen. `earlier`: its own
            and those of every earlier task, as in the paper. `own`: its own alone, so that nothing
            is reused, and what unlike tasks have learned is no noise to it. Free weights are then
            `initial`, whatever `freed` is: among zeros alone no signal passes.
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
        buffer: int = STORED,
        dream_step: float = 0.3,
        density: float | Sequence[float] = 0.05,
        tasks: int | None = None,
        prune_at: float = 0.5,
        freed: Freed = "zero",
        sees: Sees = "earlier",
        rounds: int = 1,
        scope: Scope = "layer",
        schedule: Schedule = "geometric",
        importance: Importance = "magnitude",
        rewind: Rewind = "none",
        norm: Norm = "task",
        infer: Certainty | None = None,
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 0 < prune_at < 1:
            raise ValueError(f"prune_at must be in (0, 1), got {prune_at}")
        choices = {"unfrozen": (unfrozen, Unfrozen), "freed": (freed, Freed), "sees": (sees, Sees)}
        for name, (value, kind) in choices.items():
            if value not in get_args(kind):
                raise ValueError(f"{name} must be one of {get_args(kind)}, got {value!r}")
        if sees == "own" and not frozen:
            raise ValueError("sees must be 'earlier' when not frozen, got 'own'")
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
            budget_clock=budget_clock,
            **base_kwargs,
        )
        self.begin(norm, infer)
        self.frozen, self.unfrozen, self.sees = frozen, unfrozen, sees
        self.density, self.tasks = density, tasks
        kept = self.weights if freed == "initial" or sees == "own" else {}
        self.initial = {name: w.detach().clone() for name, w in kept.items()}
        """The weights at construction, when freed ones go back to them; in training alone."""
        self.owners = unowned(self.weights) if frozen else {}
        """The task that owns each weight, from 1, when frozen; 0 is free."""
        self.packed: list[dict[str, Tensor]] = []
        """The mask of each finished task, a bit for each weight, when not frozen."""
        stored = TaskBuffer(buffer)  # refuses its size whoever asks for it
        self.buffer = None if frozen or unfrozen != "rehearsed" else stored
        self.dream_step = dream_step
        self._active: Masks = {}
        self._shown: dict[str, Tensor] = {}
        self._before: dict[str, Tensor] = {}

    @property
    def masks(self) -> list[Masks]:
        """The weights that each finished task is answered with, in order of training."""
        if self.frozen:
            seen = owned if self.sees == "own" else visible
            return [seen(self.owners, k + 1) for k in range(len(self.private))]
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
        return free_share(self.owners, len(self.private)) if self.frozen else 1.0

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
            self.train_only(kept, earlier if task > 1 else dict.fromkeys(kept))
            if self.sees == "own" and task > 1:
                self._show(kept)
            return
        claimed = union(self.masks, self.weights)
        if self._before and not self._active:
            put_back(self.weights, self._before, claimed)
        self._active = kept
        self._show(kept)
        if self.buffer is not None:
            self.train_only(union([claimed, kept], self.weights), dict.fromkeys(kept))
        else:
            self.train_only(kept, masked(self._before or self.weights, claimed))

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

    def _show(self, masks: Masks) -> None:
        """From now on train under these masks."""
        self._shown = {n: masks[n].to(w.dtype) for n, w in self.weights.items()}

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self._active, self._shown, self._before = {}, {}, {}
        if self.initial and self.private:
            claimed = union(self.masks, self.weights)
            put_back(self.weights, self.initial, {name: ~mask for name, mask in claimed.items()})
        if self.frozen:
            earlier = len(self.private)
            self.owners = claim(self.owners, earlier + 1)
            anchors = masked(self.weights, visible(self.owners, earlier))
            self.train_only(self.eligible() if earlier else {}, anchors)
            if self.sees == "own" and earlier:
                self._show(self.eligible())
        else:
            self.train_only({}, {})
            if self.unfrozen == "dreamed" and self.private:
                self._before = {n: w.detach().clone() for n, w in self.weights.items()}

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        if not self.frozen:
            self.packed.append({n: pack(mask) for n, mask in self._active.items()})
            if self.unfrozen == "snapshot":
                self.private[-1] |= masked(self.weights, self._active)
        if self.buffer is not None:
            self.buffer.store(self)
        self._active, self._shown, self._before = {}, {}, {}


@network_in_use.register
def _(strategy: PackNet) -> WeightsInUse:
    masks, tasks = strategy.masks, len(strategy.private)
    needed = masks[-1:] if strategy.unfrozen == "snapshot" and not strategy.frozen else masks
    return count_weights(
        strategy.model,
        used=union(needed, strategy.weights) if tasks else None,
        active=masks[-1] if tasks else None,
        bits_per_weight=tasks.bit_length() if strategy.frozen else tasks,
        masks=masks[:tasks],
        private=strategy.private[:-1],  # the last task's are the model's own
    )


SPACE: Space = {
    "density": DENSITY,
    "prune_at": Range(0.1, 0.9),
    "freed": ("zero", "initial"),
    **ROUNDS,
    **CRITERION,
    **REWIND,
}

FROZEN_SPACE: Space = {**SPACE, "sees": ("earlier", "own")}

READING = (
    "Ball et al. 2020 ask what freezing costs. Their code and tables were not available to us, "
    "and how their unfrozen network answers earlier tasks is not published: this is one of four "
    "readings; the fourth, `packnet-dreaming`, is ours alone. Everything else is as in "
    "`packnet-frozen`."
)

ENTRIES = {
    "packnet-frozen": Entry(
        factory="strategies.methods.packnet:PackNet",
        family="sparse",
        reproduced=(
            Reproduction(
                on="split MNIST",
                published="no change at all",
                measured="in 15 of 15 runs no accuracy changed after it was learned",
                verdict="yes",
                page="mallya2018",
            ),
            Reproduction(
                on="permuted MNIST, each task sees its own weights",
                published="96.37 %",
                measured="97.30 [97.15, 97.40] %; n = 5 seeds",
                verdict="yes",
                page="kang2022",
            ),
        ),
        summary="one pruned subnetwork per task, earlier ones frozen",
        paper="Mallya & Lazebnik 2018",
        scenarios=("task",),
        defaults={"frozen": True},
        space=FROZEN_SPACE,
        explanation=Explanation(
            does=(
                "By day the task trains every weight that no earlier task owns, and sees those "
                "that are owned. Then comes a night: in each layer the largest of the weights "
                "just trained become the task's own, the others are set to zero and are free "
                "for later tasks. The rest of the budget retrains what the task owns. What is "
                "owned never moves again, so earlier tasks are answered exactly as they were."
            ),
            whose=(
                "The paper's: one owner for each weight, pruning by magnitude within each "
                "layer, free weights that start from zero, a head for each task, later tasks "
                "that see the weights of earlier ones. Ours: the night comes at a share of the "
                "budget instead of after so many epochs; `density` is a share of all weights of "
                "a layer, where the paper prunes a share of those still free; biases and "
                "normalisation are kept for each task, where the paper keeps those of the "
                "first; weights are put back bit by bit after every step, which is exact under "
                "any optimizer and weight decay; the learning rate does not fall. `rounds`, "
                "`schedule`, `importance` and `tasks` are additions."
            ),
            memory=(
                "Used: the weights that have an owner, and the heads, biases and normalisation "
                "of all tasks. Beside them the owners, ceil(log2(tasks + 1)) bits for each "
                "weight."
            ),
            use=(
                "The task is told and nothing may be forgotten. At density d there is room for "
                "1/d tasks; `tasks` shares out the free weights when their number is known."
            ),
        ),
    ),
    "packnet-unfrozen": Entry(
        factory="strategies.methods.packnet:PackNet",
        family="sparse",
        summary="one mask per task over weights that all stay trainable",
        paper="Ball et al. 2020",
        scenarios=("task",),
        defaults={"frozen": False},
        space=SPACE,
        explanation=Explanation(
            does=(
                "As `packnet-frozen`, but every weight stays trainable: each task prunes the "
                "whole network anew and stores its mask. Earlier tasks are answered with their "
                "mask on the weights as they are now, so what later tasks change is forgetting. "
                "The largest weights tend to be chosen again, so the masks overlap and their "
                "union hardly grows."
            ),
            whose=READING,
            memory=(
                "Used: the union of the masks, and the heads, biases and normalisation of all "
                "tasks. Beside them a bit for each weight and task."
            ),
            use="Weights are scarcer than accuracy, or to measure what freezing costs.",
        ),
    ),
    "packnet-snapshot": Entry(
        factory="strategies.methods.packnet:PackNet",
        family="sparse",
        summary="unfrozen, each task answered by its own snapshot, all of them counted",
        paper="Ball et al. 2020",
        scenarios=("task",),
        stores="weights",
        defaults={"frozen": False, "unfrozen": "snapshot"},
        space=SPACE,
        explanation=Explanation(
            does=(
                "As `packnet-unfrozen`, but each task is answered with a copy of its weights as "
                "they were when it was done. Nothing is forgotten, and every copy counts."
            ),
            whose=READING,
            memory=(
                "Used: the weights of all copies added up, and the heads, biases and "
                "normalisation of all tasks. Beside them a bit for each weight and task."
            ),
            use=(
                "To know how few weights a task needs when it may start from all the others and "
                "protects none: the lower end that the other readings are compared with."
            ),
        ),
    ),
    "packnet-rehearsed": Entry(
        factory="strategies.methods.packnet:PackNet",
        family="sparse",
        summary="unfrozen, retraining also sees a buffer of stored examples",
        paper="Ball et al. 2020",
        scenarios=("task",),
        defaults={"frozen": False, "unfrozen": "rehearsed"},
        space={**SPACE, "buffer": STORED_SPACE},
        stores="examples",
        explanation=Explanation(
            does=(
                "As `packnet-unfrozen`, but a buffer keeps examples of earlier tasks. After the "
                "night every step adds the loss of a minibatch of one earlier task, answered "
                "under its own mask, so that shared weights are found that serve both. A "
                "rehearsed minibatch is charged as a step at night: from the second task on "
                "that is half of the time after the prune."
            ),
            whose=READING + " The buffer shares its places equally among the tasks.",
            memory="As `packnet-unfrozen`, and the bytes of the stored examples.",
            use=(
                "A few examples may be stored, and overlapping masks are worth their price in time."
            ),
        ),
    ),
    "packnet-dreaming": Entry(
        factory="strategies.methods.packnet:PackNet",
        family="sparse",
        summary="unfrozen, retraining also sees dreams of earlier tasks, no stored data",
        paper="Behrouz et al. 2026",
        scenarios=("task",),
        defaults={"frozen": False, "unfrozen": "dreamed"},
        space={**SPACE, "dream_step": Range(0.0, 1.0)},
        explanation=Explanation(
            does=(
                "As `packnet-unfrozen`, but at night the weights of earlier tasks are put back "
                "to what they were before the day, and what the new task does not take is held "
                "there. From then on every step adds the loss of a dream: an image of the "
                "present, moved one step towards what an earlier subnetwork would see as one of "
                "its classes, which is to be answered as it was. A dreamt minibatch is charged "
                "as a step at night."
            ),
            whose=(
                "The fourth reading of what Ball et al. 2020 leave open, ours alone. That a "
                "network keeps what it knows by training on what it makes itself is Behrouz et "
                "al. 2026, for language models; the gradient step that makes it an image is "
                "that of Mordvintsev et al. 2015, and answers kept on images of the present are "
                "those of `lwf`, which is what is left with `dream_step=0`."
            ),
            memory=(
                "As `packnet-unfrozen`; no example and no statistic is stored. The weights "
                "before the task are held while it is trained, and not to answer."
            ),
            use="No example may be stored, and overlapping masks are worth their price in time.",
        ),
    ),
    "packnet-inferred": Entry(
        factory="strategies.methods.packnet:PackNet",
        family="sparse",
        summary="frozen, the task not told but inferred: the most certain subnetwork answers",
        paper="Mallya & Lazebnik 2018",
        scenarios=("class",),
        new_classes=True,
        defaults={"infer": "entropy"},
        space=FROZEN_SPACE,
        explanation=Explanation(
            does=(
                "As `packnet-frozen`, for streams in which nobody tells the task: all classes "
                "share one output layer, each experience is a task, and a sample is answered by "
                "the task whose subnetwork is most certain of it."
            ),
            whose=(
                "The subnetworks are the paper's, which is always told the task. Choosing by "
                "the least entropy, or the largest probability, is an addition."
            ),
            memory=(
                "As `packnet-frozen`. Every answer takes one pass through the network for each "
                "task."
            ),
            use=(
                "Class-incremental streams, where forgetting nothing leaves only one thing to "
                "get wrong: the task."
            ),
        ),
    ),
}
