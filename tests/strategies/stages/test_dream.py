from __future__ import annotations

from functools import partial

import pytest
import torch

from strategies.networks.tied_decoder import linear_path
from strategies.stages.dream import TRIAL, Dream, Dreamer, Lesson, Policy
from toy import StepClock, accuracy, toy_benchmark, toy_strategy


def dreaming(scenario: str = "class", *, steps: int = 300, experiences: int = 2, **chosen):
    benchmark = toy_benchmark(scenario, experiences=experiences)
    strategy = toy_strategy(
        "dreaming",
        benchmark,
        epochs=steps,
        budget_clock=StepClock(steps),
        chosen={"night": 0.9, **chosen},
    )
    for experience in benchmark.train:
        strategy.train(experience)
    return strategy, benchmark


def test_dreams_keep_classes_that_are_shown_no_more():
    strategy, benchmark = dreaming(batch_size=40)
    assert all(accuracy(strategy, experience) > 0.8 for experience in benchmark.test)


def test_a_dream_of_a_class_looks_like_it_and_is_answered_as_it():
    strategy, benchmark = dreaming(experiences=1)
    stage = strategy.stages[0]
    dreamer = Dreamer(strategy.model, stage.moments, stage.dreamt)
    x, y, *_ = next(iter(torch.utils.data.DataLoader(benchmark.train[0].dataset, batch_size=40)))
    lesson = dreamer.dream(x, ["1", "3", "5"], torch.tensor([0] * 50 + [1] * 50))
    means = torch.stack([x[y == c].flatten(1).mean(0) for c in (0, 1)])
    near = torch.cdist(lesson.surface, means).argmin(1)
    assert (near == lesson.kinds).float().mean() > 0.9
    assert (lesson.answers.argmax(1) == lesson.kinds).float().mean() > 0.9
    assert torch.allclose(lesson.answers.sum(1), torch.ones(100))


def test_what_stays_after_training_is_moments_and_no_copy():
    strategy, _ = dreaming(steps=40)
    stage = strategy.stages[0]
    assert stage._dreamer is None
    assert stage.dreamt == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert stage.moments.means().shape == (4, 100)


def test_the_same_labels_in_another_experience_are_kinds_of_their_own():
    strategy, _ = dreaming("domain", steps=40)
    assert strategy.stages[0].dreamt == [(0, 0), (0, 1), (0, 0), (0, 1)]
    strategy, _ = dreaming("task", steps=40)
    assert strategy.stages[0].dreamt == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_layers_below_the_first_linear_one_stay_as_they_are_from_the_second_experience():
    benchmark = toy_benchmark("class")
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64, 4)
    )
    strategy = toy_strategy("dreaming", benchmark, epochs=4, model=model)
    before = model[0].weight.clone()
    strategy.train(benchmark.train[0])
    after = model[0].weight.clone()
    assert not torch.equal(before, after)
    strategy.train(benchmark.train[1])
    assert torch.equal(after, model[0].weight)


def test_layers_below_the_first_linear_one_learn_from_answers_alone():
    kernel, weight = [], []
    for vividness in (0.01, 100.0):
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            *(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten()),
            *(torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)),
        )
        x, y, tasks = torch.rand(6, 1, 6, 6), torch.arange(6) % 2, torch.zeros(6).long()
        path = linear_path(model, x, tasks)
        Dream(vividness=vividness)._loss(model, path, Lesson(x, tasks, y, y)).backward()
        kernel.append(model[0].weight.grad)
        weight.append(model[3].weight.grad)
    torch.testing.assert_close(*kernel)
    assert weight[1].norm() > 10 * weight[0].norm()


def test_the_policy_dreams_more_of_what_it_was_good_to_rehearse():
    torch.manual_seed(0)
    policy = Policy(2)
    score = 0.0
    for _ in range(40 * TRIAL):
        chosen = policy.choose(10)
        score += 0.05 * float((chosen == 0).float().mean() - 0.5)
        policy.look_back(partial(float, score))
    assert policy.preferences.softmax(0)[0] > 0.6


def test_a_reinforced_curriculum_trains_too():
    strategy, benchmark = dreaming(batch_size=40, curriculum="reinforced")
    assert accuracy(strategy, benchmark.test[0]) > 0.8


def test_equal_seeds_dream_the_same():
    first, again = (dreaming(steps=30)[0].model[-1].weight for _ in range(2))
    assert torch.equal(first, again)


def test_a_network_with_normalisation_is_refused():
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(36, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 4)
    )
    with pytest.raises(ValueError, match="no normalisation to dream, got BatchNorm1d"):
        toy_strategy("dreaming", toy_benchmark("class"), model=model)
