"""Knowledge seeding: a small fast network learns by day, a larger slow one grows at night.

Behrouz, Hashemi & Mirrokni 2026, "Language Models Need Sleep" (arXiv 2606.03979). The paper's: a
snapshot of the slow network teaches, capacity that was allocated and masked is unmasked for each
night, only that is trained, on what the teacher makes itself and on what the student makes and the
teacher answers, and then the fast network is reset. The translation, from language models to
streams of images: teacher and student make dreams of earlier classes, as in `strategies/dream.py`;
for the present ones the day's own examples stand, answered by the fast network; a slice is a random
share of the weights that are still masked, where the paper adds low-rank experts; both networks
have one architecture. The paper's reward for imitation is left out.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from avalanche.models.utils import avalanche_forward
from torch import Tensor, nn, rand, rand_like, randint

from strategies.clock import Clock, EpochClock
from strategies.dream import LONGEST_GRADIENT, Dream, Lesson, below_linear
from strategies.guarding import Guarded
from strategies.layers import prunable, shared_head, tensors_of
from strategies.nights import Night, SleepingStrategy, learn, minibatches, steps_of
from strategies.signature import template_first
from strategies.topdown import check_can_dream, linear_path


class Consolidate(Dream):
    """The stage: distils the fast network and the slow one as it was into the slow one as it is.

    rollouts: share of the steps, in [0, 1], whose dreams the student makes; else the teacher does.
    vividness: see `Dream`, whose curriculum is `uniform` here.
    """

    def __init__(self, *, rollouts: float, vividness: float) -> None:
        if not 0 <= rollouts <= 1:
            raise ValueError(f"rollouts must be in [0, 1], got {rollouts}")
        super().__init__(vividness=vividness)
        self.rollouts = rollouts
        self.fast: nn.Module | None = None
        """The network of the day, while the night lasts."""

    def _rehearse(self, strategy: SleepingStrategy, night: Night) -> None:
        model, fast = strategy.model, self.fast
        assert fast is not None
        path: list[str] = []
        for _, (x, y, tasks) in zip(steps_of(strategy, night), minibatches(strategy), strict=False):
            path = path or linear_path(model, x[:2], tasks[:2])
            dreams = 0 if self._dreamer is None else len(y) // 2
            x, y, tasks = x[dreams:], y[dreams:], tasks[dreams:]
            with torch.no_grad():
                answers = avalanche_forward(fast, x, tasks).softmax(1)
            loss = self._loss(model, path, Lesson(x, tasks, answers, self._kinds(tasks, y)))
            if self._dreamer is not None and dreams:
                student = model if rand(()) < self.rollouts else None
                kinds = randint(self._earlier, (dreams,))
                lesson = self._dreamer.dream(x, path, kinds, through=student)
                new = len(self.moments) - self._earlier
                old = self._loss(model, path, lesson)
                loss = (new * loss + self._earlier * old) / (new + self._earlier)
            learn(strategy, loss, longest=LONGEST_GRADIENT)


class KnowledgeSeeding(Guarded, SleepingStrategy):
    """A day of the fast network, then a night in which the slow one, which answers, takes it over.

    fast: share of the weights that the fast network has, in (0, 1], drawn anew for each day, which
        starts from scratch.
    slice: share of the still masked weights that a night unmasks and trains, in (0, 1]; they are
        zero until then and, after the first night, start at zero.
    night: share of the experience that is night, in (0, 1).
    rollouts: see `Consolidate`. vividness: see `Dream`.

    Weights of the output layer and biases are in no slice: both networks have all of them, and
    every night trains them. The fast network is needed for no answer: it is memory while an
    experience lasts, as is the snapshot that teaches. All layers must be linear, without
    normalisation.
    """

    @template_first
    def __init__(
        self,
        *,
        fast: float = 0.3,
        slice: float = 0.5,  # noqa: A002
        night: float = 0.8,
        rollouts: float = 0.5,
        vividness: float = 4.0,
        sleep_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        for name, value in {"fast": fast, "slice": slice}.items():
            if not 0 < value <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {value}")
        if not 0 < night < 1:
            raise ValueError(f"night must be in (0, 1), got {night}")
        self.consolidate = Consolidate(rollouts=rollouts, vividness=vividness)
        super().__init__(
            nights=[Night(1 - night, 1.0)],
            stages=[self.consolidate],
            sleep_clock=sleep_clock or EpochClock(day=1 - night),
            **base_kwargs,
        )
        check_can_dream(self.model)
        if below_linear(self.model):
            raise ValueError("model must have linear layers only to be seeded, got others too")
        self.fast = fast
        self.slice = slice
        self._slow: dict[str, Tensor] = {}

    @property
    def weights(self) -> dict[str, nn.Parameter]:
        """The weights that slices are made of, by name: of all layers but the output layer."""
        head = shared_head(self.model)
        rows = set() if head is None else tensors_of(head, self.model.get_submodule(head))
        return {n: p for n, p in prunable(self.model).items() if n not in rows}

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self._slow = {n: p.detach().clone() for n, p in self.model.named_parameters()}
        for module in self.model.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()
        small = {n: rand_like(w) < self.fast for n, w in self.weights.items()}
        self.guard(small, dict.fromkeys(small))

    def _sleep(self, night: Night) -> None:
        fast = copy.deepcopy(self.model)
        self.consolidate.fast = fast.eval().requires_grad_(False)
        self._grow()
        super()._sleep(night)
        self.consolidate.fast, self._slow = None, {}

    @torch.no_grad()
    def _grow(self) -> None:
        """Put the slow network in place and unmask a slice of it, which alone may be trained."""
        for name, parameter in self.model.named_parameters():
            parameter.copy_(self._slow[name])
        self.optimizer.state.clear()
        first = self.clock.train_exp_counter == 0
        new = {
            name: (rand_like(w) < self.slice) & (first | (w == 0))
            for name, w in self.weights.items()
        }
        self.guard(new, {n: None if first else w.detach() for n, w in self.weights.items()})
