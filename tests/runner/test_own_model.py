"""A model of the user's own: a head per task in the place of its last layer, or a refusal."""

from __future__ import annotations

import pytest
import torch

from bench.runner.models import make_model
from strategies.networks.heads import MultiHeadModel

SHAPE = (1, 4, 4)


def test_without_tasks_the_model_is_as_it_was_made():
    model = make_model("own:small_model", SHAPE, classes=3, tasks=None)
    assert type(model) is torch.nn.Sequential
    assert model(torch.zeros(5, *SHAPE)).shape == (5, 3)
    assert model.training


def test_each_task_gets_a_head_in_the_place_of_the_last_layer():
    model = make_model("own:small_model", SHAPE, classes=2, tasks=[[0, 1], [0, 1]])
    assert isinstance(model, MultiHeadModel)
    assert model.head.linear.weight.shape == (4, 8)
    assert sum(p.numel() for p in model.trunk.parameters()) == 16 * 8 + 8
    x = torch.rand(2, *SHAPE)
    hidden = model.trunk(x)
    assert torch.equal(model(x, torch.tensor([1, 0]))[0], model.head.linear(hidden)[0, 2:])


@pytest.mark.parametrize(
    ("name", "tasks", "rule"),
    [
        ("missing", None, "model 'own:missing' cannot be imported: AttributeError"),
        ("not_callable", None, "must be callable, got int"),
        ("model_without_parameters", None, r"made with input_shape=\(1, 4, 4\) and classes=3"),
        ("crash", None, r"model own:crash raised FileNotFoundError: .* \(own.py, line \d+\)$"),
        ("no_module", None, "must be a torch.nn.Module, got str"),
        ("narrow_model", None, r"shape \(batch, 3\), \(2, 3\) for two images; got \(2, 2\)"),
        ("model_of_flat_images", None, r"must take images \(2, 1, 4, 4\): RuntimeError"),
        ("model_with_softmax", [[0, 1]], "must end in a torch.nn.Linear.*; its last.* is Softmax"),
        ("Doubled", [[0, 1]], "must end in a torch.nn.Linear.*; something follows 'inner.3'"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_rule(name, tasks, rule):
    with pytest.raises(ValueError, match=rule):
        make_model(f"own:{name}", SHAPE, classes=3, tasks=tasks)
