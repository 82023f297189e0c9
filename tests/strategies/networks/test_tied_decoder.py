from __future__ import annotations

import pytest
import torch
from torch import nn

from strategies.networks.tied_decoder import Moments, backwards, check_can_dream, linear_path, see
from toy import toy_benchmark, toy_model

X = torch.rand(5, 1, 6, 6, generator=torch.Generator().manual_seed(0))
TASKS = torch.tensor([0, 1, 0, 1, 1])


@pytest.mark.parametrize("scenario", ["task", "class"])
def test_seeing_gives_logits_surface_and_code_of_the_same_pass(scenario):
    model = toy_model(toy_benchmark(scenario))
    seen = see(model, X, TASKS)
    assert torch.equal(seen.surface, X.flatten(1))
    assert seen.code.shape == (5, 100)
    direct = model(X, TASKS) if scenario == "task" else model(X)
    assert torch.equal(seen.logits, direct)
    assert not any(m._forward_pre_hooks for m in model.modules())


@pytest.mark.parametrize("scenario", ["task", "class"])
def test_a_given_surface_takes_the_place_of_what_the_input_makes(scenario):
    model = toy_model(toy_benchmark(scenario))
    given = see(model, torch.zeros(5, 1, 6, 6), TASKS, surface=X.flatten(1))
    assert torch.allclose(given.logits, see(model, X, TASKS).logits, atol=1e-6)


def test_the_surface_of_a_network_of_convolutions_is_their_output():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4))
    seen = see(model, X, TASKS)
    assert seen.surface.shape == (5, 32)
    assert torch.equal(seen.surface, seen.code)
    given = see(model, X, TASKS, surface=2 * seen.surface)
    assert torch.allclose(given.logits, model[3](2 * seen.surface))


def test_the_path_is_the_linear_layers_in_the_order_of_the_pass():
    assert linear_path(toy_model(toy_benchmark("class")), X, TASKS) == ["1", "3", "5"]
    assert linear_path(toy_model(toy_benchmark("task")), X, TASKS)[-1] == "head.linear"
    odd = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, 4))
    with pytest.raises(ValueError, match="through rectifiers to dream, got '3' after '1'"):
        linear_path(odd, X, TASKS)


def test_backwards_multiplies_by_the_transposed_weights_and_rectifies_between():
    first, second = torch.tensor([[1.0, -1.0], [2.0, 0.0]]), torch.tensor([[1.0, -3.0]])
    # code 2: second gives (2, -6), rectified (2, 0), first gives (2, -2)
    assert torch.equal(backwards([first, second], torch.tensor([[2.0]])), torch.tensor([[2.0, -2]]))
    assert torch.equal(backwards([], torch.tensor([[2.0]])), torch.tensor([[2.0]]))


def test_moments_are_the_mean_of_each_class_and_the_covariance_around_them():
    generator = torch.Generator().manual_seed(1)
    classes = torch.arange(4000) % 2
    mix = torch.tensor([[1.0, 0.0], [0.5, 0.2]])
    around = torch.randn(4000, 2, generator=generator) @ mix.T
    codes = torch.tensor([[3.0, -1.0], [0.0, 2.0]])[classes] + around
    moments = Moments()
    for part in range(0, 4000, 100):
        moments.update(codes[part : part + 100], codes[:1], classes[part : part + 100])
    assert torch.allclose(moments.means(), torch.tensor([[3.0, -1.0], [0.0, 2.0]]), atol=0.1)
    root = moments.root()
    assert torch.allclose(root @ root.T, mix @ mix.T, atol=0.1)


def test_moments_follow_a_network_that_changes_and_remember_classes_not_shown():
    moments = Moments(decay=0.5)
    zero, one = torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.long)
    moments.update(torch.full((4, 1), 7.0), torch.zeros(1), one)
    for value in (0.0, 8.0, 8.0):
        moments.update(torch.full((4, 1), value), torch.tensor([-1.0, value]), zero)
    assert moments.means()[0].item() == pytest.approx(8 * (0.5 + 1) / 1.75)
    assert moments.means()[1].item() == 7.0
    assert moments.range == (-1.0, 8.0)
    assert len(moments) == 2


def test_a_code_that_is_not_finite_is_not_noted():
    moments = Moments()
    moments.update(torch.ones(2, 3), torch.ones(2), torch.tensor([0, 0]))
    moments.update(torch.full((2, 3), float("nan")), torch.ones(2), torch.tensor([0, 0]))
    assert torch.equal(moments.means(), torch.ones(1, 3))


def test_codes_that_never_vary_still_have_a_root():
    moments = Moments()
    moments.update(torch.ones(4, 3), torch.ones(2), torch.zeros(4, dtype=torch.long))
    assert moments.root().isfinite().all()


def test_what_cannot_dream_is_refused():
    with pytest.raises(ValueError, match="must have a linear layer to dream, got none"):
        check_can_dream(nn.Conv2d(1, 1, 1))
    with pytest.raises(ValueError, match="no normalisation to dream, got BatchNorm1d '1'"):
        check_can_dream(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
