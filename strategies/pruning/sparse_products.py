"""Training a pruned linear layer by products over the weights that are left.

On a CPU torch's sparse kernels beat the dense product once few weights are left. The weights stay
dense parameters that hold zeros, so that optimizers, evaluation and stored files see no difference;
what is computed differs from the dense product by rounding alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

DENSEST = 0.15
"""Share of a layer's weights up to which a sparse product is the faster one."""

FEWEST = 32
"""Samples of a minibatch from which it is."""

SMALLEST = 2**21
"""Samples of a minibatch times weights of a layer from which it is."""


class Places:
    """Where some entries of a matrix lie, in compressed rows.

    Args:
        mask: bool, a contiguous matrix, or the transpose of one for the rows of the transpose.
    """

    def __init__(self, mask: Tensor) -> None:
        rows, columns = mask.nonzero(as_tuple=True)
        self.shape = mask.shape
        self.flat = rows * mask.stride(0) + columns * mask.stride(1)
        # the kernels want 32 bits
        self._rows = nn.functional.pad(mask.sum(1).cumsum(0), (1, 0)).int()
        self._columns = columns.int()
        with warnings.catch_warnings():  # torch calls the layout a beta, once in a process
            warnings.simplefilter("ignore", UserWarning)
            self.zeros = self._matrix(torch.zeros(len(columns)))

    def of(self, matrix: Tensor) -> Tensor:
        """The sparse matrix of the entries of a contiguous, dense `matrix` that lie here."""
        return self._matrix(matrix.view(-1).index_select(0, self.flat))

    def _matrix(self, values: Tensor) -> Tensor:
        return torch.sparse_csr_tensor(self._rows, self._columns, values, self.shape)


class SparseLayer:
    """The places of a linear layer that its products need.

    Args:
        visible: bool, all others are zero.
        trainable: bool, among the visible; others get no gradient.
    """

    def __init__(self, visible: Tensor, trainable: Tensor) -> None:
        self.trainable = Places(trainable)
        few = float(visible.float().mean()) <= DENSEST
        self.visible = (Places(visible), Places(visible.t())) if few else None
        """Those of the matrix and those of its transpose; None where the dense product is faster"""


def sparse_layer(
    weight: Tensor, trainable: Tensor, anchor: Tensor | None, *, batch: int
) -> SparseLayer | None:
    """How to train `weight` by its few trainable entries; None where dense products are as fast.

    Args:
        trainable: bool, the weight's shape.
        anchor: what the other entries are held at, None for zeros.
        batch: samples of a minibatch.
    """
    matrix = weight.ndim == 2 and weight.is_contiguous() and weight.dtype == torch.float32
    kernels = weight.is_cpu and torch.backends.mkl.is_available()
    large = batch >= FEWEST and batch * weight.numel() >= SMALLEST
    if not (matrix and kernels and large) or float(trainable.float().mean()) > DENSEST:
        return None
    visible = trainable if anchor is None else trainable | (anchor != 0)
    return SparseLayer(visible, trainable)


class SparseProducts(TorchFunctionMode):
    """Inside, every linear layer whose weight is a key is computed by its `SparseLayer`."""

    def __init__(self, layers: Mapping[Tensor, SparseLayer]) -> None:
        super().__init__()
        self._layers = layers

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """What `function` gives."""
        if function is linear and len(args) == 3:
            x, weight, bias = args
            layer = self._layers.get(weight)
            if layer is not None and x.ndim == 2 and len(x) >= FEWEST and _exact(x):
                return _Product.apply(x, weight, bias, layer)
        return function(*args, **(kwargs or {}))


def _exact(x: Tensor) -> bool:
    """Whether the product is one of single precision."""
    return x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


class _Product(torch.autograd.Function):
    """x (B, in), weight (out, in), bias (out,) or None, layer to (B, out)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, layer: Any) -> Tensor:
        columns = x.t().contiguous()  # a sample is a column to the sparse kernels
        ctx.layer = layer
        ctx.save_for_backward(columns, weight)
        if layer.visible is None:
            return linear(x, weight, bias)
        matrix = layer.visible[0].of(weight)
        outputs = matrix @ columns if bias is None else torch.addmm(bias[:, None], matrix, columns)
        return outputs.t().contiguous()  # not a view: an activation may write into it

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        columns, weight = ctx.saved_tensors
        layer: SparseLayer = ctx.layer
        of_x = of_weight = of_bias = None
        outputs = gradient.t().contiguous()
        if ctx.needs_input_grad[0]:
            seen = layer.visible
            of_x = gradient @ weight if seen is None else (seen[1].of(weight) @ outputs).t()
        if ctx.needs_input_grad[1]:
            places = layer.trainable
            sampled = torch.sparse.sampled_addmm(places.zeros, outputs, columns.t(), beta=0.0)
            of_weight = torch.zeros_like(weight)
            of_weight.view(-1).scatter_(0, places.flat, sampled.values())
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum(0)
        return of_x, of_weight, of_bias, None
