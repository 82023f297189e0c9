"""CPG without its growing: a task picks which earlier weights it reuses, and compacts its own.

Hung, Tu, Wu, Chen, Chan & Chen, "Compacting, Picking and Growing for Unforgetting Continual
Learning", NeurIPS 2019. Two parts of it are left out. It widens the network where a task misses its
accuracy; here a strategy is given its model, and every weight of it counts from the start. And it
compacts a task until it would fall below that accuracy; here to a density, as its neighbours do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.clock import Clock
from strategies.entry import Entry, Explanation
from strategies.pruning.importance import Importance
from strategies.pruning.masks import Masks, Scope, masked, union
from strategies.pruning.prune import Pruning, PruningStrategy
from strategies.search_space import CRITERION, DENSITY, Range
from strategies.subnetworks.learned_masks import LearnedMasks
from strategies.subnetworks.task_subnetworks import Certainty, Norm

FIRST_SCORE = 0.01
"""Score of every earlier weight when a task begins: all of them are picked."""

THRESHOLD = 0.005
"""An earlier weight is picked while its score is above."""


class CompactingPicking(LearnedMasks, PruningStrategy):
    """Train free weights and pick earlier ones by day, prune what was trained at night.

    A task is answered with what it claims and what it picks of earlier tasks' claims. Claims are
    never moved, so earlier tasks stay bit-identical. Masks are a bit per weight and task; the first
    task whose mask holds a weight is the one that claimed it.

    Args:
        density: share of each layer's weights that one task claims, in (0, 1]; fewer where fewer
            are free. A task that finds none free trains its head and biases, and picks.
        prune_from: progress of the first prune, in (0, 1); until then the picks are learned, from
            then on they are held.
        rounds: prunes in what follows, by a cubic schedule: much at first and little at the end.
        pick_learning_rate: of the scores that pick, by Adam, above 0.
        scope: see `Pruning`.
        importance: see `Pruning`.
        norm: see `Subnetworks`.
        infer: see `Subnetworks`.
    """

    @template_first
    def __init__(
        self,
        *,
        density: float = 0.05,
        prune_from: float = 0.5,
        rounds: int = 10,
        pick_learning_rate: float = 0.0005,
        scope: Scope = "layer",
        importance: Importance = "magnitude",
        norm: Norm = "task",
        infer: Certainty | None = None,
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 0 < density <= 1:
            raise ValueError(f"density must be in (0, 1], got {density}")
        if not 0 < prune_from < 1:
            raise ValueError(f"prune_from must be in (0, 1), got {prune_from}")
        if not pick_learning_rate > 0:
            raise ValueError(f"pick_learning_rate must be above 0, got {pick_learning_rate}")
        how = Pruning(
            rounds=rounds, first=prune_from, scope=scope, schedule="cubic", importance=importance
        )
        super().__init__(pruning=how, budget_clock=budget_clock, **base_kwargs)
        self.begin(norm, infer)
        self.density = density
        self.pick_learning_rate = pick_learning_rate
        self._earlier: Masks = {}
        self._own: Masks = {}
        self._picked: Masks = {}

    def target(self) -> float:
        """The density of every task."""
        return self.density

    def room(self) -> float:
        """Share of the weights that no earlier task claimed."""
        claimed = sum(int(mask.sum()) for mask in self._earlier.values())
        return 1 - claimed / sum(mask.numel() for mask in self._earlier.values())

    def eligible(self) -> Masks:
        """What the last prune left of the weights that were free."""
        return self._own

    def keep(self, kept: Masks) -> None:
        """Claim `kept`; what was picked by day stays picked."""
        self.hold_masks()
        self._own = kept
        earlier = masked(self.weights, self._earlier)
        self.train_only(kept, earlier if self.packed else dict.fromkeys(kept))

    def chosen(self) -> Masks:
        """The weights of the task's own and those that it picks of earlier ones."""
        return {name: own | self._picked[name] for name, own in self._own.items()}

    def training_subnetwork(self) -> dict[str, Tensor]:
        """What is chosen now; none to change in the first task, where the rest is zero."""
        return super().training_subnetwork() if self.packed else {}

    def optimizer_step(self) -> None:
        """Step weights and scores, and pick anew."""
        super().optimizer_step()
        for name, score in self.scores.items():
            self._picked[name] = self._earlier[name] & (score.detach() > THRESHOLD)

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self._earlier = union(self.masks, self.weights)
        self._own = {name: ~mask for name, mask in self._earlier.items()}
        self._picked = dict(self._earlier)
        if not self.packed:
            self.train_only({}, {})
            return
        self.train_only(self._own, masked(self.weights, self._earlier))
        scores = {
            name: torch.full_like(w, FIRST_SCORE, dtype=torch.promote_types(w.dtype, torch.float32))
            for name, w in self.weights.items()
        }
        self.learn_masks(scores, self.pick_learning_rate)

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        self._earlier, self._own, self._picked = {}, {}, {}


ENTRIES = {
    "cpg": Entry(
        factory="strategies.methods.compacting_picking:CompactingPicking",
        family="sparse",
        summary="frozen, pruned gradually, each task picks earlier weights; without growing",
        paper="Hung et al. 2019",
        scenarios=("task",),
        space={
            "density": DENSITY,
            "prune_from": Range(0.05, 0.9),
            "rounds": Range(1, 32, log=True),
            "pick_learning_rate": Range(1e-5, 0.01, log=True),
            **CRITERION,
        },
        explanation=Explanation(
            does=(
                "By day a task trains the weights that no earlier task owns, and learns which "
                "of the owned ones it wants to reuse: each of those has a score, picked while "
                "the score is above a threshold. The picks are held from the first prune on, "
                "and rounds of pruning, much at first and little at the end, leave the task its "
                "density of weights of its own."
            ),
            whose=(
                "The paper's: gradual pruning, learned picks, earlier claims never moved. Left "
                "out: growing, because a strategy is given its network here, and pruning down "
                "to a goal of accuracy, because it is given a density."
            ),
            memory=(
                "Used: the union of what the tasks claim, and the heads, biases and "
                "normalisation of all tasks. Beside them a bit for each weight and task."
            ),
            use=(
                "As `packnet-frozen`, where earlier tasks may also be a hindrance: a task "
                "leaves out what does not help it."
            ),
        ),
    ),
}
