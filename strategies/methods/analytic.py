"""Analytic learning: random features, and ridge regression over running sums.

Zhuang et al. 2022, "ACIL: Analytic class-incremental learning" (NeurIPS), and McDonnell et al.
2023, "RanPAC: Random projections and pre-trained models for continual learning" (NeurIPS), project
the features of a trained network at random, rectify them, and solve a ridge regression from sums
that are the same in any order of the data: nothing is forgotten. Here no network is trained. The
random features are those of pixels where the given network begins with a linear layer, and of
patches, blind to their brightness, where it begins with a convolution, averaged over the quarters
of the image as by Coates, Ng & Lee 2011.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from strategies.avalanche_signature import template_first
from strategies.clock import Clock
from strategies.entry import Baseline, Entry
from strategies.networks.heads import MultiHeadModel, TaskHead
from strategies.networks.readout import Readout
from strategies.one_pass import OnePass
from strategies.search_space import Range

PATCH, STRIDE = 6, 2
"""Side of the random filters, in pixels, and the step between two of their places."""

QUARTERS = 2
"""A map is averaged over so many parts each way."""

STRIPES = 8
"""Parts of the symmetric sum of products, each without what stands in an earlier one."""


class Analytic(OnePass):
    """A ridge regression of classes on random features, exact over all examples seen so far.

    Of the given network only the kind of its first layer, its inputs and its outputs remain. Each
    example is seen once. The products of features are summed in single precision and solved in
    double.

    Args:
        width: number of random features, at least 4.
        ridge: added to the squared sum of each feature, as a share of their mean, above 0.
        budget_clock: see `OnePass`.
    """

    @template_first
    def __init__(
        self,
        *,
        width: int = 1000,
        ridge: float = 1e-3,
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        if width < QUARTERS**2:
            raise ValueError(f"width must be at least {QUARTERS**2}, got {width}")
        if not ridge > 0:
            raise ValueError(f"ridge must be above 0, got {ridge}")
        model = _on_random_features(base_kwargs.pop("model"), width)
        super().__init__(model=model, budget_clock=budget_clock, **base_kwargs)
        self.ridge = ridge
        rows, width = self.readout.layer.weight.shape
        like = self.readout.layer.weight.detach()
        precision = torch.promote_types(like.dtype, torch.float32)
        bounds = [width * part // STRIPES for part in range(STRIPES + 1)]
        self.stripes = [(a, b) for a, b in itertools.pairwise(bounds) if a < b]
        self.products = [like.new_zeros(b - a, width - a, dtype=precision) for a, b in self.stripes]
        """Rows of the sum of products of features, right of the diagonal."""
        self.targets = like.new_zeros(width, rows, dtype=precision)
        """Sums of the features of each row's examples."""
        self.known = torch.zeros(rows, dtype=torch.bool, device=like.device)

    def add(self, features: Tensor, rows: Tensor) -> None:
        """Add the products of features, and of features and targets."""
        for (a, b), products in zip(self.stripes, self.products, strict=True):
            products.addmm_(features[:, a:b].T, features[:, a:])
        self.targets.index_add_(1, rows, features.T.contiguous())
        self.known[rows] = True

    def solve(self) -> None:
        """The weights of the ridge regression; a ridge too small for these sums is raised."""
        products = torch.cat(
            [
                pad(products, (a, 0))
                for (a, _), products in zip(self.stripes, self.products, strict=True)
            ]
        ).double()
        ridge = self.ridge * products.diagonal().mean().clamp(min=1e-30)
        products = products.triu() + products.triu(1).T
        failed = True
        while failed:
            products.diagonal().add_(ridge)
            root, failed = torch.linalg.cholesky_ex(products)
            ridge = ridge * 10
        weight = torch.cholesky_solve(self.targets.double(), root).T
        self.readout.set(weight, weight.new_zeros(len(weight)), self.known)


def _on_random_features(model: nn.Module, width: int) -> nn.Module:
    """A network of random features with the inputs and the outputs of `model`."""
    replaced = Readout(model)
    first = next(m for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d)))
    below: list[nn.Module]
    if isinstance(first, nn.Conv2d):
        filters = width // QUARTERS**2
        width = filters * QUARTERS**2
        random = nn.Conv2d(first.in_channels, filters, PATCH, STRIDE)
        # contrast, not brightness: 55 % instead of 51 % of held-out CIFAR-10 after 6,000 images,
        # random projections of pixels 37 %
        random.weight.data -= random.weight.data.mean((1, 2, 3), keepdim=True)
        below = [random, nn.ReLU(), nn.AdaptiveAvgPool2d(QUARTERS), nn.Flatten()]
    else:
        below = [nn.Flatten(), nn.Linear(first.in_features, width), nn.ReLU()]
    made: nn.Module
    if replaced.head is None:
        made = nn.Sequential(*below, nn.Linear(width, replaced.layer.out_features))
    else:
        tasks = [(row >= 0).nonzero().flatten().tolist() for row in replaced.head.rows]
        made = MultiHeadModel(nn.Sequential(*below), TaskHead(width, tasks))
    return made.to(replaced.layer.weight).requires_grad_(False)


ENTRIES = {
    "analytic": Entry(
        factory="strategies.methods.analytic:Analytic",
        summary="random features, ridge regression over running sums: closed form, no gradient",
        paper="Zhuang et al. 2022",
        space={"width": Range(250, 4000, log=True), "ridge": Range(1e-4, 1.0, log=True)},
        stores="statistics",
        explanation=Baseline(
            does=(
                "Sums products of random features, and of features and targets, in one pass over "
                "each experience, and solves a ridge regression. The sums forget nothing. The "
                "features are random projections of pixels, or of patches where the network "
                "begins with a convolution; the projection counts as weights. An experience whose "
                "examples are all seen ends early."
            ),
            memory="the sums: about half of `width` squared numbers",
        ),
    ),
}
