"""Consolidation upwards: what a small fast network learned by day, a large slow one takes over.

Behrouz, Hashemi & Mirrokni 2026, "Language Models Need Sleep" (arXiv 2606.03979), there knowledge
seeding. The paper's: a snapshot of the slow network teaches, capacity that was allocated and masked
is unmasked for each night, only that is trained, on what the teacher makes itself and on what the
student makes and the teacher answers, and then the fast network is reset. The translation, from
language models to streams of images: teacher and student make dreams of earlier classes, as in
`strategies/stages/dream.py`; for the present ones the day's own examples stand, answered by the
fast network, or by their labels as far as it had no time to learn them; a slice is a random share
of the weights that are still masked, where the paper adds low-rank experts; both networks have one
architecture. The paper's reward for imitation is left out.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from avalanche.models.utils import avalanche_forward
from torch import Tensor, nn, rand, rand_like, randint
from torch.nn.functional import one_hot

from strategies.networks.layers import finite, prunable, shared_head, tensors_of
from strategies.pruning.frozen_weights import FrozenWeights
from strategies.sleep_cycle import Night, SleepingStrategy
from strategies.stages.dream import Dream, Dreamer, Lesson, below_linear

FAST, SLICE, ROLLOUTS = 0.3, 0.5, 0.5
"""Defaults of what `Consolidate` takes by these names."""


class Consolidate(Dream):
    """Lends the day a fast network, and distils it and the slow one as it was into the slow one.

    Stages before it find the fast network, those after it the slow one, which answers, and of which
    a night trains the new slice alone. Weights of the output layer and biases are in none: both
    networks have all of them, and every night trains them. A weight that is pruned is masked again.
    The fast network is needed for no answer: it is memory while an experience lasts, as is the
    snapshot that teaches. If the stage is undone, the slow network stays as it was. See
    `check_can_dream` and `check_can_seed` for what is refused.

    Args:
        fast: share of the weights that the fast network has, in (0, 1], drawn anew for each day,
            which starts from scratch.
        slice: share of the still masked weights that a night unmasks and trains, in (0, 1]; they
            are zero until then and, after the first night, start at zero.
        rollouts: share of the steps, in [0, 1], whose dreams the student makes; else the teacher
            does.
        vividness: see `Dream`, whose curriculum is `uniform` here.
    """

    # no day blurs the slow network; 1 leaves few steps to learn by: split digits, 300 steps, task,
    # 92.1 %, with 3 96.4 %; 1500 steps of split Fashion-MNIST, class, validation 69.8 % and 72.9 %
    longest_gradient = 3.0

    def __init__(
        self,
        *,
        fast: float = FAST,
        slice: float = SLICE,  # noqa: A002
        rollouts: float = ROLLOUTS,
        vividness: float = 4.0,
    ) -> None:
        for name, value in {"fast": fast, "slice": slice}.items():
            if not 0 < value <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {value}")
        if not 0 <= rollouts <= 1:
            raise ValueError(f"rollouts must be in [0, 1], got {rollouts}")
        super().__init__(vividness=vividness)
        self.fast = fast
        self.slice = slice
        self.rollouts = rollouts
        self._aside: dict[str, Tensor] = {}
        """The slow network's parameters while the fast one has its place."""
        self._fast_network: nn.Module | None = None
        """A copy of it, while it is distilled."""
        self._grown = False
        """Whether a slice was unmasked: until then all weights are masked, though none is 0."""

    def wake(self, strategy: SleepingStrategy) -> None:
        """Put a new fast network in place, unless the one that is there was not distilled."""
        assert isinstance(strategy, FrozenWeights), type(strategy)
        model = strategy.model
        if self._aside:
            return
        self._aside = {n: p.detach().clone() for n, p in model.named_parameters()}
        for module in model.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()
        _put(model, {n: self._aside[n] for n, p in model.named_parameters() if not p.requires_grad})
        small = {n: rand_like(w) < self.fast for n, w in hidden(model).items()}
        strategy.train_only(small, dict.fromkeys(small))
        strategy.optimizer.state.clear()

    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """Put the slow network in place with a new slice, and distil until the night ends."""
        assert self._aside, "no day began with `wake`"
        self._fast_network = copy.deepcopy(strategy.model).eval().requires_grad_(False)
        self._grow(strategy)
        super().sleep(strategy, night)
        self._fast_network = None
        if finite(strategy.model):  # else this will be undone
            self._aside, self._grown = {}, True

    def end(self, strategy: SleepingStrategy) -> None:
        """Let the teacher go; the slow network answers, if need be as it was."""
        super().end(strategy)
        _put(strategy.model, self._aside)
        self._aside = {}

    @torch.no_grad()
    def _grow(self, strategy: SleepingStrategy) -> None:
        """Put the slow network in place and unmask a slice of it, which alone may be trained."""
        assert isinstance(strategy, FrozenWeights), type(strategy)
        _put(strategy.model, self._aside)
        strategy.optimizer.state.clear()
        weights = hidden(strategy.model)
        new = {
            name: (rand_like(w) < self.slice) & ((w == 0) | (not self._grown))
            for name, w in weights.items()
        }
        strategy.train_only(
            new, {n: w.detach() if self._grown else None for n, w in weights.items()}
        )

    def _answers(self, x: Tensor, y: Tensor, tasks: Tensor) -> Tensor:
        """The fast network's answers, as far as it had time to learn each; else the labels."""
        assert self._fast_network is not None
        with torch.no_grad():
            known = avalanche_forward(self._fast_network, x, tasks).softmax(1)
        trust = known.gather(1, y[:, None])
        return trust * known + (1 - trust) * one_hot(y, known.shape[1])

    def _dreams(
        self, dreamer: Dreamer, model: nn.Module, x: Tensor, path: Sequence[str], count: int
    ) -> Lesson:
        student = model if rand(()) < self.rollouts else None
        return dreamer.dream(x, path, randint(self._earlier, (count,)), through=student)


def hidden(model: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that slices are made of, by name: of all layers but the output layer."""
    head = shared_head(model)
    rows = set() if head is None else tensors_of(head, model.get_submodule(head))
    return {n: p for n, p in prunable(model).items() if n not in rows}


def check_can_seed(model: nn.Module) -> None:
    """ValueError unless only linear layers of the model learn."""
    if below_linear(model):
        raise ValueError("model must have linear layers only to be seeded, got others too")


@torch.no_grad()
def _put(model: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Set the parameters that `values` names."""
    parameters = dict(model.named_parameters())
    for name, value in values.items():
        parameters[name].copy_(value)
