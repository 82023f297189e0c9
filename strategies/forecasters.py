"""How far back the past foretells the future: told by linear forecasters that forget.

Each is a ridge regression over running sums, which fade from experience to experience at a pace of
its own. Exponential forgetting as in recursive least squares (Haykin 2002, chapter 13); of those
that are as good as the best the one that forgets least, as by the rule of one standard error
(Breiman et al. 1984).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

SPANS = (1.0, 3.0, 10.0, 30.0, 100.0, math.inf)
"""In experiences: after one span, a past example counts 1/e."""

# found on nights of weather in New York and on two made-up drifts
LASTING = 0.99
"""What is left of the weight of a forecast after an experience."""
FEWEST = 8
"""Forecasts, before which all of the past counts."""
SURE = 1.5
"""Standard errors by which the best forecaster must be ahead of one that forgets less."""
MOST_INPUTS = 64
"""Inputs that a forecaster has; more are projected at random."""
RIDGE = 1.0
"""Added to the sum of squares of each input."""


class Forecasters:
    """Ridge regressions over sums that fade at different paces, and how well each foretold."""

    def __init__(self) -> None:
        self.sums: list[tuple[Tensor, Tensor]] = []
        """Of each, (F, F) and (F, C) float32: products of inputs with inputs and with classes."""
        self.ahead = torch.zeros(3, len(SPANS), len(SPANS))
        """Of each two, over forecasts: their weight, and the sum and the sum of squares of the
        share of right answers of the one less that of the other."""
        self.forecasts = 0

    def judge(self, x: Tensor, y: Tensor) -> None:
        """Let each foretell (B,) labels of (B, ...) inputs that it has not seen."""
        if not self.sums:
            return
        inputs, ridge = _inputs(x), RIDGE * torch.eye(len(self.sums[0][0]), device=x.device)
        told = [(inputs @ torch.linalg.solve(a + ridge, b)).argmax(1) for a, b in self.sums]
        right = torch.stack([(one == y).float().mean() for one in told]).cpu()
        ahead = right[:, None] - right
        self.ahead = LASTING * self.ahead + torch.stack([torch.ones_like(ahead), ahead, ahead**2])
        self.forecasts += 1

    def begin(self) -> None:
        """An experience begins: what was before is older by one."""
        faded = [math.exp(-1 / span) for span in SPANS]
        self.sums = [(f * a, f * b) for f, (a, b) in zip(faded, self.sums, strict=False)]

    def learn(self, x: Tensor, y: Tensor) -> None:
        """Add (B, ...) inputs with (B,) labels."""
        known = self.sums[0][1].shape[1] if self.sums else 0
        classes = max(known, int(y.max()) + 1)
        inputs, answers = _inputs(x), functional.one_hot(y, classes).float()
        products, sums = inputs.T @ inputs, inputs.T @ answers
        if not self.sums:
            self.sums = [(torch.zeros_like(products), torch.zeros_like(sums)) for _ in SPANS]
        wider = (0, classes - known if known else 0)
        self.sums = [(a + products, functional.pad(b, wider) + sums) for a, b in self.sums]

    @property
    def span(self) -> float:
        """Of the one that forgets least, of those that are not surely worse than the best."""
        if self.forecasts < FEWEST:
            return math.inf
        weight, total, squares = self.ahead
        mean = total / weight
        error = ((squares / weight - mean**2).clamp(min=0) / weight).sqrt()
        best = int(mean[:, -1].argmax())
        as_good = mean[best] <= SURE * error[best]
        return SPANS[int(as_good.nonzero().max())]


def _inputs(x: Tensor) -> Tensor:
    """(B, F) of a minibatch, with a column of ones."""
    flat = x.flatten(1)
    if flat.shape[1] > MOST_INPUTS:
        generator = torch.Generator().manual_seed(0)  # the same each time, so that none is kept
        mixed = torch.randn(flat.shape[1], MOST_INPUTS, generator=generator).to(flat.device)
        flat = flat @ mixed / math.sqrt(flat.shape[1])
    return torch.cat([flat, torch.ones_like(flat[:, :1])], dim=1)
