"""A network run backwards: what an activity of its top hidden layer looks like as an input.

The layers that learn above everything else, linear ones that feed each other through rectifiers,
are used in both directions: upwards as they are, downwards with their weights transposed and
without biases, as in an autoencoder with tied weights (Vincent et al. 2010) or in recirculation.
The *surface* is the input of the first of them, an image or what lies above convolutions; the
*code* is the input of the last one, the output layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import torch
from avalanche.models.utils import avalanche_forward
from torch import Tensor, nn

from strategies.networks.layers import norms
from strategies.networks.uncompiled import uncompiled

JITTER = 1e-4
"""Share of the mean variance that is added to every variance, so that a covariance has a root."""


class Seen(NamedTuple):
    """One forward pass: (B, C) logits, (B, in) surface, (B, d) code."""

    logits: Tensor
    surface: Tensor
    code: Tensor


def see(
    model: nn.Module,
    x: Tensor,
    tasks: Tensor,
    surface: Tensor | None = None,
    *,
    noise: float = 0.0,
) -> Seen:
    """Run `model` upwards.

    Args:
        surface: given to the first linear layer instead of what `x` makes of it; then `x` is only
            there to have the right type, and one sample of it will do.
        noise: largest deviation of what is added to the surface, in deviations of the surface; each
            sample has its own, from torch's generator. The surface that is returned has none.
    """
    inputs: list[Tensor] = []

    def note(layer: nn.Module, arguments: tuple[Tensor]) -> tuple[Tensor]:
        given = arguments[0] if inputs or surface is None else surface
        inputs.append(given)
        return (blurred(given, noise) if len(inputs) == 1 and noise else given,)

    with _hooked(model, note):
        logits: Tensor = avalanche_forward(model, x if surface is None else x[:1], tasks)
    return Seen(logits, inputs[0], inputs[-1])


def blurred(surface: Tensor, noise: float) -> Tensor:
    """(B, in) surface with Gaussian noise, of a deviation up to `noise` deviations."""
    most = noise * surface.detach().std()
    return surface + most * torch.rand_like(surface[:, :1]) * torch.randn_like(surface)


@contextmanager
def _hooked(
    model: nn.Module, note: Callable[[nn.Module, tuple[Tensor]], tuple[Tensor]]
) -> Iterator[None]:
    """Calls `note` before every linear layer."""
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    hooks = [module.register_forward_pre_hook(note) for module in linear]
    try:
        with uncompiled(model):
            yield
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def linear_path(model: nn.Module, x: Tensor, tasks: Tensor) -> list[str]:
    """Names of the linear layers that a forward pass of `x` calls, in order, the output layer last.

    Raises:
        ValueError: unless each is fed what the one before puts out, rectified.
    """
    calls: list[tuple[str, Tensor, Tensor]] = []

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor], Tensor], None]:
        def note(layer: nn.Module, arguments: tuple[Tensor], output: Tensor) -> None:
            calls.append((name, arguments[0], output))

        return note

    linear = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear)}
    hooks = [module.register_forward_hook(hook(name)) for name, module in linear.items()]
    training = model.training
    model.eval()
    try:
        with uncompiled(model):
            avalanche_forward(model, x, tasks)
    finally:
        model.train(training)
        for each in hooks:
            each.remove()
    for (below, _, output), (above, given, _) in pairwise(calls):
        if output.shape != given.shape or not torch.allclose(output.relu(), given):
            raise ValueError(
                "linear layers must feed each other through rectifiers to dream, "
                f"got {above!r} after {below!r}"
            )
    return [name for name, _, _ in calls]


def check_can_dream(model: nn.Module) -> None:
    """ValueError unless the model has a linear layer and no normalisation."""
    if not any(isinstance(module, nn.Linear) for module in model.modules()):
        raise ValueError("model must have a linear layer to dream, got none")
    for name, module in norms(model).items():
        kind = type(module).__name__
        raise ValueError(f"model must have no normalisation to dream, got {kind} {name!r}")


def backwards(weights: Sequence[Tensor], code: Tensor) -> Tensor:
    """(B, in) surface that a (B, d) code looks like.

    Args:
        weights: (out, in) of the layers from the surface to the code, first layer first; with none
            the code is the surface.
    """
    for index, weight in enumerate(reversed(weights)):
        code = code @ weight
        if index < len(weights) - 1:
            code = code.relu()
    return code


class Moments:
    """Running mean code of each class, and one covariance around them, as of recent minibatches.

    A class is a whole number, from 0. Floats kept: classes * (d + 1) + d * d.

    Args:
        decay: share of the old in every update; the start is corrected for, as in Adam.

    Attributes:
        range: the smallest and the largest value of the surface ever.
    """

    range: tuple[float, float] = (0.0, 0.0)

    def __init__(self, decay: float = 0.95) -> None:
        self.decay = decay
        self._sums = torch.zeros(0, 0)
        self._counts = torch.zeros(0)
        self._scatter = torch.zeros(0, 0)
        self._weight = 0.0

    def __len__(self) -> int:
        return len(self._counts)

    def means(self) -> Tensor:
        """(classes, d) running means; of a class that was never seen, zeros."""
        return self._sums / self._counts.clamp(min=torch.finfo(self._counts.dtype).tiny)[:, None]

    @torch.no_grad()
    def update(self, codes: Tensor, surface: Tensor, classes: Tensor) -> None:
        """Note one minibatch, if finite: (B, d) codes, (B, in) surface, the class of each, (B,)."""
        codes = codes.detach().float()
        if not codes.isfinite().all():
            return
        self._grow(int(classes.max()) + 1, codes)
        fresh = torch.zeros_like(self._counts).index_add_(0, classes, torch.ones_like(codes[:, 0]))
        kept = torch.where(fresh > 0, self.decay, 1.0)
        self._counts = kept * self._counts + fresh
        self._sums = (kept[:, None] * self._sums).index_add_(0, classes, codes)
        around = codes - self.means()[classes]
        with torch.autocast(codes.device.type, enabled=False):  # half precision leaves no root
            self._scatter = self.decay * self._scatter + around.T @ around
        self._weight = self.decay * self._weight + len(codes)
        low, high = surface.detach().aminmax()
        self.range = min(self.range[0], low.item()), max(self.range[1], high.item())

    def root(self) -> Tensor:
        """(d, d) lower triangular root of the covariance."""
        covariance = self._scatter.double() / self._weight
        variances = covariance.diagonal()
        variances += JITTER * variances.mean().clamp(min=torch.finfo(variances.dtype).tiny)
        return torch.linalg.cholesky(covariance).float()

    def _grow(self, classes: int, codes: Tensor) -> None:
        more = classes - len(self)
        if more > 0:
            width = codes.shape[1]
            old = self._sums if len(self) else codes.new_zeros(0, width)
            self._sums = torch.cat([old, codes.new_zeros(more, width)])
            self._counts = torch.cat([self._counts.to(codes), codes.new_zeros(more)])
        if not self._scatter.numel():
            self._scatter = codes.new_zeros(codes.shape[1], codes.shape[1])
