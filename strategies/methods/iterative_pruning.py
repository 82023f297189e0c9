"""Iterative magnitude pruning under a time budget: a day, then rounds of prune and retrain."""

from __future__ import annotations

from typing import Any

from strategies.avalanche_signature import template_first
from strategies.clock import Clock
from strategies.entry import Entry, Explanation, Reproduction
from strategies.pruning.importance import Importance
from strategies.pruning.masks import Schedule, Scope
from strategies.pruning.prune import Pruning, Rewind
from strategies.pruning.whole_network import Freed, WholeNetworkPruning
from strategies.search_space import CRITERION, DENSITY, REWIND, ROUNDS, Range


class IterativePrune(WholeNetworkPruning):
    """Train until `prune_from`, then prune and retrain in `rounds` equal parts of what is left.

    One network for the whole stream: each experience begins with every weight trainable again and
    ends at `density`. To prune within the weights that earlier tasks left free, give `rounds` to
    `PackNet`. Ball, Li, Lamb & Zhang 2020 (arXiv 2010.15187), whose several sleep cycles these are;
    the learning rate within a round is that of Zimmer, Spiegel & Pokutta 2023.

    Args:
        density: kept share of all prunable weights after the last round, in (0, 1].
        prune_from: progress of the first prune, in [0, 1); the night's share is what follows.
        rounds: see `Pruning`.
        scope: see `Pruning`.
        schedule: see `Pruning`.
        importance: see `Pruning`.
        rewind: see `Pruning`.
        freed: see `WholeNetworkPruning`.
    """

    @template_first
    def __init__(
        self,
        *,
        rounds: int = 5,
        density: float = 0.05,
        prune_from: float = 0.4,
        scope: Scope = "layer-adaptive",
        schedule: Schedule = "geometric",
        importance: Importance = "magnitude",
        rewind: Rewind = "learning-rate",
        freed: Freed = "drawn",
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 0 <= prune_from < 1:
            raise ValueError(f"prune_from must be in [0, 1), got {prune_from}")
        super().__init__(
            density=density,
            freed=freed,
            pruning=Pruning(
                rounds=rounds,
                first=prune_from,
                scope=scope,
                schedule=schedule,
                importance=importance,
                rewind=rewind,
            ),
            budget_clock=budget_clock,
            **base_kwargs,
        )


ENTRIES = {
    "iterative-prune-budgeted": Entry(
        factory="strategies.methods.iterative_pruning:IterativePrune",
        family="sparse",
        reproduced=(
            Reproduction(
                on="LeNet-300-100 on MNIST",
                published="about 5 % error at a poor number, 3 % at the best: 1.7 times",
                measured="1.30 [1.18, 1.31] times the error",
                verdict="no",
                page="ball2020",
            ),
        ),
        summary="rounds of prune and retrain placed by the budget",
        paper="Ball et al. 2020",
        space={
            "density": DENSITY,
            "prune_from": Range(0.05, 0.9),
            **CRITERION,
            **REWIND,
            **ROUNDS,
        },
        explanation=Explanation(
            does=(
                "By day all weights train. The rest of the budget is cut into equal rounds: "
                "each begins with a night that prunes some of the weights and goes on with "
                "retraining, in which the learning rate falls to zero. Geometric rounds remove "
                "the same share of the survivors each time. The next experience begins with "
                "every weight trainable again, the pruned ones drawn anew."
            ),
            whose=(
                "Ball et al. 2020 give the pruning phase a budget and ask how many rounds are "
                "best, as cycles of sleep. The learning rate that restarts in each round is "
                "that of Renda, Frankle & Carbin 2020, falling linearly as in Zimmer, Spiegel & "
                "Pokutta 2023; the ranking, which empties no layer, that of Lee et al. 2021. Ours: "
                "where the first prune lies, doing so in every experience of a stream, and "
                "drawing anew between them."
            ),
            memory=(
                "Used: every weight that is not zero, of the one network that answers all "
                "experiences. Nothing is kept beside it."
            ),
            use=(
                "The network must be small and the stream short, or a single experience: "
                "nothing protects earlier ones. For tasks beside one another give `rounds` to a "
                "`packnet`."
            ),
        ),
    ),
}
