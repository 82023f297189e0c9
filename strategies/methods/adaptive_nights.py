"""Adaptive nights: a night rehearses, learns, and keeps a part; how much, the days after it say.

A night on one day's examples learns that day by heart. So it first rehearses what is stored, then
learns the new among the stored, and at its end moves the weights only a part of the way that it
went. No constant says how much of either, as no constant fits both a stream that drifts fast and
one that repeats itself: whether the last rehearsal and the rest of the way helped is measured on
the first examples of the next experience, before anything was learned from them.

How far back what is stored is worth anything is measured, too: by small linear forecasters, which
forget at different paces. A network that has learned a day by heart gets better by any rehearsal,
even by one of what is no longer true, so that it cannot tell.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from avalanche.models.utils import avalanche_forward
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.clock import Clock, EpochClock
from strategies.entry import Baseline, Entry
from strategies.forecasters import Forecasters
from strategies.reservoir import Reservoir
from strategies.search_space import STORED, STORED_SPACE, Range

FEWEST = 4
"""Minibatches of the experience before, from which on one can be spared for rehearsal alone."""

# found where the strategy is not reported: nights of weather and flights, two made-up drifts
OF_NETWORK = 3.0
"""The network forgets by itself, and is best with a span so many times shorter."""
BACK = 3.0
"""What is stored reaches so many spans back."""
REHEARSED = {"log_odds": 0.0, "low": -4.0, "high": 2.2}
"""Half at first, and from 2 to 90 % of a minibatch: so much that either end can be left again."""
WAY = {"log_odds": 3.0, "low": -0.85, "high": 3.0}
"""95 % at first and at most, so that a few experiences are learned; 30 % at least, below which a
fast drift is lost."""


class Share:
    """A share between 0 and 1 that goes up where it paid and down where it did not.

    Args:
        log_odds: of the share at first.
        low: smallest log-odds.
        high: largest.
    """

    def __init__(self, log_odds: float, *, low: float, high: float) -> None:
        self.log_odds, self.low, self.high = log_odds, low, high

    @property
    def value(self) -> float:
        """The share."""
        return 1 / (1 + math.exp(-self.log_odds))

    def learn(self, paid: bool, pace: float) -> None:
        """Move the log-odds by `pace`."""
        moved = self.log_odds + (pace if paid else -pace)
        self.log_odds = min(self.high, max(self.low, moved))


class AdaptiveNights(SupervisedTemplate):
    """Rehearses, learns the new among the stored, and moves the weights a part of the way.

    Examples are stored in the first epoch of their experience. Each is as likely as any other of
    the stream so far, unless the forecasters say that older ones are worth less. Statistics of
    normalisation, and weights that an output layer grew, are those of the end of the experience.

    Args:
        mem_size: stored examples in all, at least 1.
        pace: by how much one measurement moves the log-odds of what is stored in a minibatch, and
            of the part of the way, above 0.
        budget_clock: tells the progress of the current experience; None makes one from epochs.
    """

    mbatch: list[Tensor]

    @template_first
    def __init__(
        self,
        *,
        mem_size: int = STORED,
        pace: float = 0.25,
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not pace > 0:
            raise ValueError(f"pace must be above 0, got {pace}")
        super().__init__(**base_kwargs)
        self.budget_clock = budget_clock or EpochClock()
        self.stored = Reservoir(mem_size)
        """Inputs, labels, task labels, and the number of the experience."""
        self.forecasters = Forecasters()
        self.pace = pace
        self.rehearsed = Share(**REHEARSED)
        """Of a minibatch, what is stored; half of it, of a night, what is for rehearsal alone."""
        self.way = Share(**WAY)
        """From where an experience found the weights to where it would have left them."""
        self.farthest: dict[str, Tensor] = {}
        """The weights at the end of the whole way, between experiences."""
        self._found: dict[str, Tensor] = {}
        self._first: list[Tensor] = []
        self._loss_before: float | None = None
        self._steps = self._steps_before = self._rows = self._rows_before = 0

    @property
    def span(self) -> float:
        """After so many experiences a stored example counts 1/e."""
        return self.forecasters.span / OF_NETWORK

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self.budget_clock.begin(self.train_epochs * len(self.dataloader))
        self._found = self._weights()
        self._first, self._steps = [], 0
        self._rows_before, self._rows = self._rows, 0

    def _before_forward(self, **kwargs: Any) -> None:
        super()._before_forward(**kwargs)
        new: list[Tensor] = list(self.mbatch)
        if not self._first:
            self._first = [column.clone() for column in new]
            self.forecasters.judge(*new[:2])
            self.forecasters.begin()
            self._judge_the_way()
        if self._rehearses():
            self.mbatch = self._drawn(self.train_mb_size)
        else:
            self._judge_the_rehearsal()
            self.mbatch = self._among_stored(new)
        if self.clock.train_exp_epochs == 0:
            self._store(new)

    def _after_training_iteration(self, **kwargs: Any) -> None:
        self.budget_clock.step()
        self._steps += 1
        super()._after_training_iteration(**kwargs)

    @torch.no_grad()
    def _after_training_exp(self, **kwargs: Any) -> None:
        self.farthest = self._weights()
        for name, weight in self.model.named_parameters():
            found = self._found.get(name)
            if found is not None and found.shape == weight.shape:
                weight.copy_(found.lerp(weight, self.way.value))
        self._steps_before = self._steps
        self._found, self._first, self._loss_before = {}, [], None
        super()._after_training_exp(**kwargs)

    def _rehearses(self) -> bool:
        """Whether this minibatch is for rehearsal alone; the first is, where one can be spared."""
        if not self.stored or self._loss_before is None:
            return False
        return not self._steps or self.budget_clock.progress < self.rehearsed.value / 2

    def _among_stored(self, new: list[Tensor]) -> list[Tensor]:
        """New rows and stored ones, as many of these as their share, a minibatch at most."""
        if not self.clock.train_exp_counter:
            return new
        share = self.rehearsed.value
        count = max(1, min(len(new[0]), round(self.train_mb_size * (1 - share))))
        old = round(count * share / (1 - share))
        if not old:
            return new
        return [torch.cat([a[:count], b]) for a, b in zip(new, self._drawn(old), strict=True)]

    def _drawn(self, count: int) -> list[Tensor]:
        """Stored examples, which weigh the less the older they are."""
        weights = None
        if not math.isinf(self.span):
            age = self.clock.train_exp_counter - self.stored.columns[-1]
            weights = torch.exp(-age.double() / self.span)
        return self.stored.draw(count, weights)[:-1]

    def _store(self, new: list[Tensor]) -> None:
        """Offer new examples; what is stored is replaced the sooner the shorter the span is."""
        self.forecasters.learn(*new[:2])
        self._rows += len(new[0])
        self.stored.reach_back(BACK * self.span * max(self._rows, self._rows_before))
        self.stored.offer(*new, torch.full_like(new[1], self.clock.train_exp_counter))

    def _judge_the_way(self) -> None:
        """Whether the whole of the last way would have been better for what comes now."""
        spared = len(self.stored) > 0 and self._steps_before >= FEWEST
        if not (self.farthest or spared):
            return
        here = self._loss()
        if self.farthest:
            found = self._weights()
            self._put(self.farthest)
            self.way.learn(self._loss() < here, self.pace)
            self._put(found)
            self.farthest = {}
        self._loss_before = here if spared else None

    def _judge_the_rehearsal(self) -> None:
        """Whether what was rehearsed helps with what is new, once it is over."""
        if self._loss_before is not None:
            self.rehearsed.learn(self._loss() < self._loss_before, self.pace)
            self._loss_before = None

    @torch.no_grad()
    def _loss(self) -> float:
        """Of the network at rest, on the first minibatch of the experience."""
        x, y, *_, tasks = self._first
        self.model.eval()
        loss = self._criterion(avalanche_forward(self.model, x, tasks), y)
        self.model.train()
        return float(loss)

    def _weights(self) -> dict[str, Tensor]:
        return {name: weight.detach().clone() for name, weight in self.model.named_parameters()}

    @torch.no_grad()
    def _put(self, weights: dict[str, Tensor]) -> None:
        for name, weight in self.model.named_parameters():
            if name in weights and weights[name].shape == weight.shape:
                weight.copy_(weights[name])


ENTRIES = {
    "adaptive-nights": Entry(
        factory="strategies.methods.adaptive_nights:AdaptiveNights",
        family="sleep",
        summary="rehearses, and keeps a part of what a night learned: as much as paid so far",
        paper="-",
        scenarios=("domain",),
        space={"mem_size": STORED_SPACE, "pace": Range(0.05, 1.0, log=True)},
        stores="examples",
        explanation=Baseline(
            does=(
                "An experience begins with minibatches of stored examples alone, and goes on with "
                "new ones among stored ones. At its end the weights move a part of the way from "
                "where it found them to where training left them. How much is rehearsed, and how "
                "large the part is, goes up and down by what the next experience's first examples "
                "say before they are learned. How much less an older example weighs is measured by "
                "six linear forecasters, which forget at different paces. For streams of many "
                "short experiences that drift, such as nights."
            ),
            memory=(
                "the stored examples and their labels, the running sums of the forecasters, and "
                "the weights at the end of the whole way"
            ),
        ),
    ),
}
