"""What a strategy holds besides the network: images as bytes, equal tensors once."""

from __future__ import annotations

import copy

import pytest
import torch
from avalanche.benchmarks.utils import AvalancheDataset
from torch.utils.data import TensorDataset

from strategies.lent import Lent
from strategies.pruning.held import NOTHING, Held, held, held_under, size_of
from toy import toy_benchmark, toy_strategy

IMAGE = (3, 4, 5)
PIXELS = 3 * 4 * 5


@pytest.fixture
def strategy():
    return toy_strategy("naive", toy_benchmark("class"))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_an_image_has_a_byte_for_each_channel_and_pixel_in_whatever_type(dtype):
    images = torch.arange(7 * PIXELS).reshape(7, *IMAGE).to(dtype)
    assert held_under(images, sample=IMAGE) == Held(7 * PIXELS, 7)
    assert held_under(list(images), sample=IMAGE) == Held(7 * PIXELS, 7)
    assert held_under(images.numpy(), sample=IMAGE) == Held(7 * PIXELS, 7)


def test_no_image_at_all_is_nothing():
    assert held_under(torch.empty(0, *IMAGE), sample=IMAGE) == NOTHING


def test_what_is_no_image_counts_as_it_is():
    features = torch.rand(6, 10)
    assert held_under(features, sample=(10,)) == Held(6 * 10 * 4, 6)
    assert held_under(features, sample=IMAGE) == Held(6 * 10 * 4, 0)
    assert held_under(torch.rand(2, *IMAGE)) == Held(2 * PIXELS * 4, 0)


def test_a_teacher_counts_once_it_differs_from_the_network(strategy):
    strategy.teacher = copy.deepcopy(strategy.model)
    assert held(strategy) == NOTHING
    with torch.no_grad():
        first, *_ = strategy.teacher.parameters()
        first += 1
    assert held(strategy) == Held(first.nbytes, 0)


def test_copies_of_one_tensor_count_once_flattened_ones_too(strategy):
    strategy.one = torch.rand(4, 5)
    strategy.flat = [strategy.one.flatten().clone(), strategy.one.clone()]
    assert held(strategy) == Held(4 * 5 * 4, 0)
    strategy.flat_weights = [p.detach().flatten().clone() for p in strategy.model.parameters()]
    assert held(strategy) == Held(4 * 5 * 4, 0)


def test_tensors_of_data_sets_count_whole_and_once_unless_they_were_lent():
    images, labels = torch.rand(10, *IMAGE), torch.arange(10)
    leaf = TensorDataset(images, labels)
    parts = [AvalancheDataset([leaf], indices=[n]) for n in range(3)]
    whole = 10 * PIXELS + labels.nbytes
    assert size_of([*parts, images], IMAGE, Lent()) == Held(whole, 10)
    assert size_of(parts, IMAGE, Lent([leaf])) == Held(3 * (PIXELS + 8), 3)
    mixed = AvalancheDataset([TensorDataset(images[:4].clone(), labels[:4]), leaf])
    referred = Lent([leaf])
    assert size_of([mixed], IMAGE, referred) == Held(4 * (PIXELS + 8) + 10 * (PIXELS + 8), 14)
