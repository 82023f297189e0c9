"""The state of a strategy: saved, loaded elsewhere, and walked."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from avalanche.training.supervised import Naive
from torch import nn

from strategies.lent import Lent
from strategies.registry import STRATEGIES
from strategies.saved_state import contents, end_experience, load, save
from toy import logits, toy_benchmark, toy_strategy

NAMES = [name for name, entry in STRATEGIES.items() if entry.ranked]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_loaded_answers_bit_for_bit_as_what_was_saved(name):
    scenario = STRATEGIES[name].scenarios[0]
    benchmark = toy_benchmark(scenario)
    strategy = toy_strategy(name, benchmark, epochs=2)
    strategy.train(benchmark.train[0])
    loaded = load(save(strategy))
    for experience in benchmark.test:
        torch.manual_seed(0)
        expected = logits(strategy, experience)
        torch.manual_seed(0)
        assert torch.equal(logits(loaded, experience), expected)


def buffer_of(strategy):
    [plugin] = [plugin for plugin in strategy.plugins if hasattr(plugin, "storage_policy")]
    return plugin.storage_policy.buffer


def test_what_was_lent_is_named_and_not_saved():
    benchmark = toy_benchmark("class", samples=400)
    strategy = toy_strategy("replay", benchmark, chosen={"mem_size": 300})
    strategy.train(benchmark.train[0])
    data = benchmark.train[0].dataset
    lent = Lent([data, *data._flat_data._datasets])
    assert len(save(strategy, lent)) < len(save(strategy)) - 400 * 36
    before, after = (buffer_of(one) for one in (strategy, load(save(strategy, lent), lent)))
    assert torch.equal(after[0][0], before[0][0])
    with pytest.raises(LookupError, match="names something lent"):
        load(save(strategy, lent))


def test_unreadable_data_are_as_long_and_tell_nothing():
    benchmark = toy_benchmark("class")
    lent = Lent([benchmark.train[0], benchmark.train[0].dataset, "a name"])
    experience, data, name = lent.unreadable().things
    assert (len(experience.dataset), len(data), name) == (40, 40, "a name")
    assert experience.classes_in_this_experience == [0, 1]
    for one in (experience.dataset, data):
        with pytest.raises(LookupError, match="cannot be read while answering"):
            one[0]


def test_the_experience_under_way_and_the_optimizer_stay_behind():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("naive", benchmark)
    strategy.train(benchmark.train[0])
    strategy.optimizer.note = "kept"
    loaded = load(save(strategy))
    assert loaded.experience is loaded.dataloader is loaded.mbatch is None
    assert not hasattr(loaded.optimizer, "note")
    end_experience(strategy)
    assert strategy.mbatch is strategy.mb_output is None
    assert strategy.optimizer.note == "kept"
    strategy.train(benchmark.train[1])  # nothing that it needs is gone


def test_the_walk_reaches_closures_weights_and_modules():
    strategy = toy_strategy("naive", toy_benchmark("class"))
    found = [torch.rand(3), torch.rand(4), torch.rand(5)]
    strategy.give = lambda: found[0]
    next(strategy.model.parameters()).hidden = found[1]
    strategy.model.hidden = {"deep": [(found[2],)]}
    strategy.array = np.zeros(2)
    reached = contents(strategy)
    assert {id(tensor) for tensor in found} < {id(tensor) for tensor in reached.tensors}
    assert reached.arrays[0] is strategy.array


def test_the_walk_tells_a_data_set_and_does_not_go_into_it():
    benchmark = toy_benchmark("class")
    reached = contents([benchmark.train[0]])
    assert reached.datasets == [benchmark.train[0].dataset]
    assert not reached.tensors


def test_numbers_and_text_are_told_by_their_size():
    small, large = contents(list(range(10))), contents(list(range(1_000, 2_000)))
    assert 2_900 < large.other_bytes - small.other_bytes < 3_200


def test_what_pickle_cannot_save_is_refused_and_passed_over_by_the_walk():
    strategy = toy_strategy("naive", toy_benchmark("class"))
    size = contents(strategy).other_bytes
    strategy.lock = threading.Lock()
    assert contents(strategy).other_bytes < size + 200
    with pytest.raises(ValueError, match="what Naive keeps between experiences must be something"):
        save(strategy)


def test_what_ends_with_the_experience_is_left_out():
    strategy = toy_strategy("naive", toy_benchmark("class"))
    strategy.batches = (number for number in range(3))
    strategy.schedule = torch.optim.lr_scheduler.StepLR(strategy.optimizer, 1)
    strategy.optimizer.state[next(strategy.model.parameters())] = {"kept": torch.rand(101)}
    loaded = load(save(strategy))
    assert loaded.batches is loaded.schedule.optimizer is None
    assert not any(tensor.shape == (101,) for tensor in contents(strategy).tensors)


def test_generators_go_on_where_they_were():
    strategy = Naive(
        model=nn.Linear(2, 2), optimizer=torch.optim.SGD([torch.zeros(1)], lr=1), evaluator=None
    )
    strategy.generator = torch.Generator().manual_seed(3)
    loaded = load(save(strategy))
    assert torch.equal(
        torch.rand(4, generator=loaded.generator), torch.rand(4, generator=strategy.generator)
    )
