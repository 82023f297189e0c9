from __future__ import annotations

import pytest
import torch
from avalanche.training.plugins import EvaluationPlugin

from strategies.packnet import PackNet
from strategies.weights import weights_in_use
from toy import logits, toy_benchmark, toy_model, toy_strategy

OPTIMIZERS = {
    "sgd": {"momentum": 0.9, "weight_decay": 0.01},
    "adam": {"learning_rate": 0.01, "weight_decay": 0.01},
    "adamw": {"learning_rate": 0.01, "weight_decay": 0.1},
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", ["mlp", "resnet18-slim"])
def test_frozen_earlier_tasks_are_bit_identical(optimizer, model):
    benchmark = toy_benchmark("task", experiences=3)
    if model == "resnet18-slim":
        benchmark = enlarge(benchmark)
    strategy = toy_strategy(
        "packnet-frozen",
        benchmark,
        model=toy_model_of(benchmark, model),
        chosen={"optimizer": optimizer, **OPTIMIZERS[optimizer]},
    )
    answers = {}
    for index, experience in enumerate(benchmark.train):
        strategy.train(experience)
        answers[index] = logits(strategy, benchmark.test[index])
        for earlier in range(index):
            assert torch.equal(logits(strategy, benchmark.test[earlier]), answers[earlier])


def toy_model_of(benchmark, name):
    from bench.models import make_model

    torch.manual_seed(0)
    shape = tuple(benchmark.train[0].dataset[0][0].shape)
    return make_model(name, shape, classes=2, tasks=benchmark.classes)


def enlarge(benchmark):
    """The toy's 6x6 images at 12x12, as the convolutional models need."""
    for stream in (benchmark.train, benchmark.test):
        for experience in stream:
            leaf = experience.dataset._flat_data._datasets[0]
            leaf.images = leaf.images.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return benchmark


def test_unfrozen_earlier_weights_move_when_masks_overlap():
    benchmark = toy_benchmark("task")
    strategy = toy_strategy("packnet-unfrozen", benchmark, chosen={"density": 0.5})
    strategy.train(benchmark.train[0])
    before = logits(strategy, benchmark.test[0])
    strategy.train(benchmark.train[1])
    assert not torch.equal(logits(strategy, benchmark.test[0]), before)
    overlap = [(a & b).sum() for a, b in zip(*[m.values() for m in strategy.masks], strict=True)]
    assert sum(overlap) > 0


@pytest.mark.parametrize("frozen", [True, False])
def test_each_task_is_answered_with_as_many_weights_as_its_density_allows(frozen):
    benchmark = toy_benchmark("task", experiences=3)
    name = "packnet-frozen" if frozen else "packnet-unfrozen"
    strategy = toy_strategy(name, benchmark, chosen={"density": 0.1})
    per_task = sum(round(0.1 * w.numel()) for w in strategy.weights.values())
    for index, experience in enumerate(benchmark.train):
        strategy.train(experience)
        used = weights_in_use(strategy).used_prunable
        assert used == (index + 1) * per_task if frozen else used <= (index + 1) * per_task
        assert weights_in_use(strategy).active <= ((index + 1) if frozen else 1) * per_task


def test_frozen_masks_of_two_tasks_claim_no_weight_twice():
    benchmark = toy_benchmark("task", experiences=3)
    strategy = toy_strategy("packnet-frozen", benchmark, chosen={"density": 0.3})
    for experience in benchmark.train:
        strategy.train(experience)
    first, second, third = strategy.masks
    for name in first:
        assert (first[name] & ~second[name]).sum() == 0  # a later task sees all earlier weights
        claimed = (second[name] & ~first[name]).sum() + (third[name] & ~second[name]).sum()
        assert first[name].sum() + claimed == third[name].sum()


def test_a_task_that_finds_no_free_weight_still_trains_its_head():
    benchmark = toy_benchmark("task", experiences=3)
    strategy = toy_strategy("packnet-frozen", benchmark, epochs=10, chosen={"density": 0.5})
    for experience in benchmark.train:
        strategy.train(experience)
    assert torch.equal(strategy.masks[2]["trunk.1.weight"], strategy.masks[1]["trunk.1.weight"])
    assert all(torch.isfinite(logits(strategy, e)).all() for e in benchmark.test)


def test_saving_and_loading_between_experiences_goes_on_identically():
    benchmark = toy_benchmark("task", experiences=3)
    strategy = toy_strategy("packnet-frozen", benchmark)
    strategy.train(benchmark.train[0])
    twin = toy_strategy("packnet-frozen", benchmark, seed=7)
    twin.load_state_dict(strategy.state_dict())
    for each in (strategy, twin):
        torch.manual_seed(3)
        each.train(benchmark.train[1])
    for experience in benchmark.test:
        assert torch.equal(logits(strategy, experience), logits(twin, experience))


def test_evaluating_in_the_middle_of_training_leaves_it_unchanged():
    benchmark = toy_benchmark("task")
    finals = []
    for every in (-1, 1):
        strategy = toy_strategy("packnet-frozen", benchmark, epochs=4, eval_every=every)
        for experience in benchmark.train:
            # in order: an evaluation draws from the generator that shuffles
            strategy.train(experience, eval_streams=[list(benchmark.test)], shuffle=False)
        finals.append([logits(strategy, e) for e in benchmark.test])
    assert all(torch.equal(a, b) for a, b in zip(*finals, strict=True))


def test_a_stream_without_task_labels_is_refused_before_any_work():
    benchmark = toy_benchmark("class")
    model = toy_model(benchmark)
    strategy = PackNet(
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        evaluator=EvaluationPlugin(),
    )
    before = {n: p.clone() for n, p in model.state_dict().items()}
    with pytest.raises(ValueError, match="one task label per experience"):
        strategy.train(benchmark.train[0])
    assert all(torch.equal(before[n], p) for n, p in model.state_dict().items())


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"density": 0.0}, r"density must be in \(0, 1\], got 0.0"),
        ({"density": 1.5}, r"density must be in \(0, 1\], got 1.5"),
        ({"prune_at": 1.0}, r"prune_at must be in \(0, 1\), got 1.0"),
        ({"scope": "net"}, "scope must be 'layer' or 'global', got 'net'"),
    ],
)
def test_wrong_hyperparameters_are_refused_in_words(chosen, message):
    with pytest.raises(ValueError, match=message):
        toy_strategy("packnet-frozen", toy_benchmark("task"), chosen=chosen)
