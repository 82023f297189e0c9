from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from strategies.pruning import sparse_products
from strategies.pruning.sparse_products import SparseProducts, sparse_layer

pytestmark = pytest.mark.skipif(
    not torch.backends.mkl.is_available(), reason="torch has no sparse kernels here"
)
OUT, IN, BATCH = 30, 50, 40


@pytest.fixture(autouse=True)
def any_size(monkeypatch):
    monkeypatch.setattr(sparse_products, "SMALLEST", 0)


def pruned(*, held: float) -> tuple[nn.Parameter, torch.Tensor, torch.Tensor | None]:
    """A weight with a tenth of its entries trainable and a share of the others held, not zero."""
    torch.manual_seed(0)
    drawn = torch.rand(OUT, IN)
    trainable = drawn < 0.1
    anchor = torch.where((drawn > 1 - held), torch.randn(OUT, IN), 0) if held else None
    weight = torch.where(trainable, torch.randn(OUT, IN), 0 if anchor is None else anchor)
    return nn.Parameter(weight), trainable, anchor


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("held", [0.0, 0.03, 0.6])
def test_outputs_and_gradients_are_the_dense_ones_inside_the_mask(held, bias):
    weight, trainable, anchor = pruned(held=held)
    layer = sparse_layer(weight, trainable, anchor, batch=BATCH)
    assert (layer.visible is None) == (held == 0.6)
    seen, expected = [], []
    for layers, found in (({weight: layer}, seen), ({}, expected)):
        torch.manual_seed(1)
        x = torch.randn(BATCH, IN, requires_grad=True)
        shift = torch.randn(OUT, requires_grad=True) if bias else None
        weight.grad = None
        with SparseProducts(layers):
            y = linear(x, weight, shift)
        (y * torch.randn(BATCH, OUT)).sum().backward()
        found += [y, x.grad, weight.grad, *([shift.grad] if bias else [])]
    assert (seen[2][~trainable] == 0).all()
    expected[2] = expected[2] * trainable
    for a, b in zip(seen, expected, strict=True):
        assert torch.allclose(a, b, atol=1e-4)


def test_a_dense_layer_a_small_minibatch_and_other_precisions_are_left_alone(monkeypatch):
    weight, trainable, _ = pruned(held=0.0)
    assert sparse_layer(weight, torch.ones_like(trainable), None, batch=BATCH) is None
    assert sparse_layer(weight, trainable, None, batch=31) is None
    assert sparse_layer(nn.Parameter(weight.detach().double()), trainable, None, batch=64) is None
    kernel = nn.Parameter(weight.detach().view(OUT, 2, 5, 5))
    assert sparse_layer(kernel, trainable.view(OUT, 2, 5, 5), None, batch=64) is None
    monkeypatch.setattr(sparse_products, "SMALLEST", BATCH * OUT * IN + 1)
    assert sparse_layer(weight, trainable, None, batch=BATCH) is None


@pytest.mark.parametrize("case", ["small", "autocast", "images", "other"])
def test_what_a_layer_is_not_made_for_is_the_dense_product_bit_for_bit(case):
    weight, trainable, _ = pruned(held=0.0)
    layer = sparse_layer(weight, trainable, None, batch=BATCH)
    x = torch.randn(31 if case == "small" else BATCH, IN)
    x = x.view(2, BATCH // 2, IN) if case == "images" else x
    key = nn.Parameter(weight.detach().clone()) if case == "other" else weight
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=case == "autocast"):
        expected = linear(x, weight, None)
        with SparseProducts({key: layer}):
            assert torch.equal(linear(x, weight, None), expected)
