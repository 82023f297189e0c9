"""What strategies with a subnetwork per task share: heads, norms, inference, exactness."""

from __future__ import annotations

import copy

import pytest
import torch
from avalanche.models import IncrementalClassifier
from avalanche.training.plugins import EvaluationPlugin, LRSchedulerPlugin
from torch import nn

from strategies.methods.compacting_picking import CompactingPicking
from strategies.methods.packnet import PackNet
from strategies.methods.winning_subnetworks import WinningSubnetworks
from strategies.subnetworks.task_subnetworks import most_certain
from toy import SHAPE, logits, toy_benchmark, toy_model, toy_strategy

FROZEN = ["packnet-frozen", "wsn", "cpg", "supsup"]


def mixed_trunk() -> nn.Sequential:
    """Every kind of layer that 2D images can pass, with and without bias, grouped."""
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.GroupNorm(2, 4), nn.ReLU()),
        *(nn.ConvTranspose2d(4, 2, 2, bias=False), nn.InstanceNorm2d(2, affine=True)),
        *(nn.Flatten(), nn.Linear(2 * 7 * 7, 16), nn.LayerNorm(16), nn.ReLU()),
    )


def mixed(benchmark, **options) -> nn.Module:
    model = toy_model(benchmark)
    torch.manual_seed(0)
    model.trunk = mixed_trunk()
    model.head.linear = nn.Linear(16, model.head.linear.out_features)
    return model.to(**options)


def check_frozen(strategy, benchmark) -> None:
    answers = {}
    for index, experience in enumerate(benchmark.train):
        strategy.train(experience)
        answers[index] = logits(strategy, benchmark.test[index])
        for earlier, before in answers.items():
            now = logits(strategy, benchmark.test[earlier])[:, : before.shape[1]]
            assert torch.equal(now, before)


@pytest.mark.parametrize("name", FROZEN)
@pytest.mark.parametrize("norm", ["task", "first"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_earlier_tasks_are_bit_identical_through_every_kind_of_layer(name, norm, layout):
    benchmark = toy_benchmark("task", experiences=3)
    chosen = {"norm": norm, "density": 0.2, "optimizer": "adamw", "weight_decay": 0.1}
    model = mixed(benchmark, memory_format=layout)
    check_frozen(toy_strategy(name, benchmark, model=model, chosen=chosen), benchmark)


@pytest.mark.parametrize("name", FROZEN)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_earlier_tasks_are_bit_identical_in_any_precision(name, dtype):
    benchmark = toy_benchmark("task", experiences=3)
    model = mixed(benchmark, dtype=dtype)
    model.trunk.insert(0, Cast(dtype))
    chosen = {"learning_rate": 0.001, "weight_decay": 0.01}
    check_frozen(toy_strategy(name, benchmark, model=model, chosen=chosen), benchmark)


class Cast(nn.Module):
    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, x):
        return x.to(self.dtype)


@pytest.mark.parametrize("name", FROZEN)
def test_earlier_tasks_are_bit_identical_under_a_scheduler(name):
    benchmark = toy_benchmark("task", experiences=3)
    strategy = toy_strategy(name, benchmark, epochs=4)
    scheduler = torch.optim.lr_scheduler.StepLR(strategy.optimizer, step_size=2, gamma=0.1)
    strategy.plugins.append(LRSchedulerPlugin(scheduler))
    check_frozen(strategy, benchmark)


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 9])
@pytest.mark.parametrize("name", FROZEN)
def test_earlier_tasks_are_bit_identical_wherever_the_budget_cuts(name, steps):
    from metered import metered

    benchmark = toy_benchmark("task", experiences=3)
    strategy, meter = metered(name, benchmark, 3 * steps)
    answers = {}
    for index, experience in enumerate(benchmark.train):
        with meter.experience(index):
            strategy.train(experience)
        answers[index] = logits(strategy, benchmark.test[index])
        for earlier, before in answers.items():
            assert torch.equal(logits(strategy, benchmark.test[earlier]), before)


@pytest.mark.parametrize("kind", [PackNet, WinningSubnetworks, CompactingPicking])
@pytest.mark.parametrize("growing", [True, False])
def test_rows_of_a_shared_head_belong_to_the_task_of_their_classes(kind, growing):
    benchmark = toy_benchmark("class", experiences=3)
    torch.manual_seed(0)
    head = IncrementalClassifier(20) if growing else nn.Linear(20, 6)
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 20), nn.ReLU(), head)
    strategy = kind(
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01),
        criterion=nn.CrossEntropyLoss(),
        train_mb_size=10,
        train_epochs=4,
        evaluator=EvaluationPlugin(),
        density=0.2,
        infer="entropy",
    )
    layer = head.classifier if growing else head
    for index, experience in enumerate(benchmark.train):
        before = copy.deepcopy((head.classifier if growing else head).weight.detach())
        strategy.train(experience)
        layer = head.classifier if growing else head
        assert strategy.classes[index] == [2 * index, 2 * index + 1]
        assert torch.equal(layer.weight[: 2 * index], before[: 2 * index])
        assert not torch.equal(layer.weight[2 * index], torch.zeros(20))


def test_the_most_certain_task_answers_and_within_each_task_the_order_stays():
    hidden = -1e4
    sure = torch.tensor([[3.0, -3.0, hidden, hidden], [0.1, 0.0, hidden, hidden]])
    other = torch.tensor([[hidden, hidden, 0.1, 0.2], [hidden, hidden, -4.0, 4.0]])
    for certainty in ("entropy", "confidence"):
        combined = most_certain([sure, other], certainty)
        assert combined.argmax(1).tolist() == [0, 3]
        assert combined[:, :2].argmax(1).tolist() == [0, 0]
        assert combined[:, 2:].argmax(1).tolist() == [1, 1]


@pytest.mark.parametrize("infer", ["entropy", "confidence"])
def test_inferring_the_task_beats_forgetting_it(infer):
    benchmark = toy_benchmark("class", experiences=3)
    right = {}
    for name, chosen in (("packnet-inferred", {"infer": infer, "density": 0.2}), ("naive", {})):
        strategy = toy_strategy(name, benchmark, epochs=15, chosen=chosen)
        for experience in benchmark.train:
            strategy.train(experience)
        answers = [logits(strategy, e).argmax(1) for e in benchmark.test]
        targets = [torch.tensor(list(e.dataset.targets)) for e in benchmark.test]
        hits = [(a == t).float().mean() for a, t in zip(answers, targets, strict=True)]
        right[name] = float(sum(hits)) / 3
    assert right["naive"] < 0.4
    assert right["packnet-inferred"] > right["naive"] + 0.2


def test_norms_frozen_after_the_first_task_never_move_again():
    benchmark = toy_benchmark("task", experiences=2)
    strategy = toy_strategy(
        "packnet-frozen", benchmark, model=mixed(benchmark), chosen={"norm": "first"}
    )
    strategy.train(benchmark.train[0])
    names = [f"trunk.{i}.{t}" for i in (1, 4, 7, 10) for t in ("weight", "bias")]
    names += ["trunk.1.running_mean", "trunk.1.running_var"]
    before = {n: strategy.model.state_dict()[n].clone() for n in names}
    assert not any(n in strategy.private[0] for n in names)
    strategy.train(benchmark.train[1])
    assert all(torch.equal(strategy.model.state_dict()[n], t) for n, t in before.items())


def test_a_task_that_cannot_be_one_is_refused_before_any_work():
    domain = toy_benchmark("domain")
    strategy = toy_strategy("packnet-inferred", toy_benchmark("class"))
    strategy.train(domain.train[0])
    before = {n: p.clone() for n, p in strategy.model.state_dict().items()}
    with pytest.raises(ValueError, match=r"classes \[0, 1\] belong to an earlier task"):
        strategy.train(domain.train[1])
    assert all(torch.equal(before[n], p) for n, p in strategy.model.state_dict().items())


def test_a_task_label_without_a_head_is_refused():
    strategy = toy_strategy("packnet-frozen", toy_benchmark("task", experiences=2))
    third = toy_benchmark("task", experiences=3).train[2]
    with pytest.raises(ValueError, match=r"task label must be in \[0, 2\), got 2"):
        strategy.train(third)


def test_inference_needs_a_head_that_all_tasks_share():
    with pytest.raises(ValueError, match="infer needs one output layer for all tasks"):
        toy_strategy("packnet-frozen", toy_benchmark("task"), chosen={"infer": "entropy"})


def test_an_owned_weight_of_wsn_is_reused_but_never_moved():
    benchmark = toy_benchmark("task", experiences=2)
    strategy = toy_strategy("wsn", benchmark, epochs=10, chosen={"density": 0.5})
    strategy.train(benchmark.train[0])
    first = strategy.masks[0]
    before = {n: w.detach().clone() for n, w in strategy.weights.items()}
    strategy.train(benchmark.train[1])
    for name, weight in strategy.weights.items():
        assert int(first[name].sum()) == round(0.5 * weight.numel())
        assert torch.equal(weight[first[name]], before[name][first[name]])
        assert not torch.equal(weight[~first[name]], before[name][~first[name]])
        assert (first[name] & strategy.masks[1][name]).any()


assert SHAPE == (1, 6, 6), "the layers of mixed_trunk are made for it"
