"""Deep streaming linear discriminant analysis (Hayes & Kanan 2020, CVPR Workshops).

The paper's features come from a network trained on the first part of the stream, the base
initialisation, and fixed from then on; here that is the first experience. Its running covariance
takes the first sample of a class as a deviation from zero and weighs samples by their number in
all. Here class means and the scatter within classes are exact, however the stream is cut into
minibatches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from strategies.avalanche_signature import template_first
from strategies.clock import Clock
from strategies.entry import Baseline, Entry
from strategies.one_pass import OnePass
from strategies.search_space import Range


class StreamingLDA(OnePass):
    """A running mean for each class, one covariance for all; the most likely class answers.

    The network learns in the first share of the first experience, then everything below its output
    is fixed. Each example of an experience is seen once from there on, and the output layer is
    solved at its end: classes are equally likely.

    Args:
        base: share of the first experience that trains the network, in (0, 1); the rest is for the
            pass over its examples.
        shrinkage: share of the covariance that is replaced by the mean variance in every direction,
            in (0, 1].
        budget_clock: see `OnePass`.
    """

    dataloader: Any

    @template_first
    def __init__(
        self,
        *,
        base: float = 0.5,
        shrinkage: float = 1e-4,
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 0 < base < 1:
            raise ValueError(f"base must be in (0, 1), got {base}")
        if not 0 < shrinkage <= 1:
            raise ValueError(f"shrinkage must be in (0, 1], got {shrinkage}")
        super().__init__(budget_clock=budget_clock, **base_kwargs)
        self.base, self.shrinkage = base, shrinkage
        self.fixed = False
        """Whether what is below the output layer is."""
        rows, width = self.readout.layer.weight.shape
        weight = self.readout.layer.weight.detach()
        precision = torch.promote_types(weight.dtype, torch.float32)
        self.counts = weight.new_zeros(rows, dtype=precision)
        self.means = weight.new_zeros(rows, width, dtype=precision)
        self.scatter = weight.new_zeros(width, width, dtype=precision)

    @property
    def adds_up(self) -> bool:
        """Whether the features are fixed."""
        return self.fixed

    def add(self, features: Tensor, rows: Tensor) -> None:
        """Merge means and scatter of a minibatch into the running ones, as Chan et al. 1983."""
        member = one_hot(rows, len(self.counts)).to(features.dtype)
        new = member.sum(0)
        means = member.T @ features / new.clamp(min=1).unsqueeze(1)
        within = features - means[rows]
        apart = means - self.means
        both = self.counts + new
        weight = (self.counts * new / both.clamp(min=1)).sqrt().unsqueeze(1)
        self.scatter += within.T @ within + (weight * apart).T @ (weight * apart)
        self.means += apart * (new / both.clamp(min=1)).unsqueeze(1)
        self.counts = both

    def solve(self) -> None:
        """The logits are minus half the whitened squared distance to each mean, but for a term that
        all classes share.
        """
        covariance = self.scatter.double() / self.counts.sum()
        means = self.means.double()
        even = self._mean_variance(covariance, means)
        covariance *= 1 - self.shrinkage
        covariance.diagonal().add_(self.shrinkage * even)
        weight = torch.linalg.solve(covariance, means.T).T
        self.readout.set(weight, -(weight * means).sum(1) / 2, self.counts > 0)

    def _mean_variance(self, covariance: Tensor, means: Tensor) -> Tensor:
        """That of every direction; where no class has two different examples, what rounds to 0."""
        rounded = torch.finfo(self.scatter.dtype).eps * means.square().max()
        least = torch.where(rounded > 0, rounded, 1.0)
        return covariance.diagonal().mean().clamp(min=least)

    def training_epoch(self, **kwargs: Any) -> None:
        """An epoch of the network's own training, until the base is trained; then the pass."""
        if not self.fixed:
            whole = self.dataloader
            self.dataloader = self._until_the_base_is_trained(whole)
            super(OnePass, self).training_epoch(**kwargs)
            self.dataloader = whole
            self.fixed = self.budget_clock.progress >= self.base
        if self.fixed and not self._stop_training:
            super().training_epoch(**kwargs)

    def _until_the_base_is_trained(self, minibatches: Iterable[Any]) -> Iterator[Any]:
        for minibatch in minibatches:
            if self.budget_clock.progress >= self.base:
                return
            yield minibatch

    def _after_training_exp(self, **kwargs: Any) -> None:
        self.fixed = True  # also where a short budget left no pass
        super()._after_training_exp(**kwargs)


ENTRIES = {
    "slda": Entry(
        factory="strategies.methods.streaming_lda:StreamingLDA",
        summary="features of the first experience, running class means and one covariance answer",
        paper="Hayes & Kanan 2020",
        space={"base": Range(0.1, 0.9), "shrinkage": Range(1e-6, 0.1, log=True)},
        stores="statistics",
        explanation=Baseline(
            does=(
                "Trains the network in a part of the first experience and fixes it; from then on "
                "each example is seen once, and streaming linear discriminant analysis of the "
                "last hidden layer answers. An experience whose examples are all seen ends early. "
                "It cannot learn features after the first experience, and one mean stands for a "
                "class that looks different in each: on held-out data of permuted MNIST, "
                "domain-incremental, it reached 49.6 % in 1,000 steps, where `naive` had 50.0 %. "
                "One seed each."
            ),
            memory="a mean for each class, one covariance",
        ),
    ),
}
