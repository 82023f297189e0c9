from __future__ import annotations

from itertools import product

import pytest
import torch
from avalanche.core import SupervisedPlugin
from avalanche.training.plugins import EvaluationPlugin

from strategies.methods.packnet import PackNet
from strategies.pruning import sparse_products
from strategies.pruning.task_ownership import owned
from strategies.pruning.weight_count import weights_in_use
from toy import logits, toy_benchmark, toy_model, toy_strategy

OPTIMIZERS = {
    "sgd": {"momentum": 0.9, "weight_decay": 0.01},
    "adam": {"learning_rate": 0.01, "weight_decay": 0.01},
    "adamw": {"learning_rate": 0.01, "weight_decay": 0.1},
}


REWINDS, FREED = ("none", "learning-rate", "weights"), ("zero", "initial")
CELLS = [
    *(("mlp", *cell) for cell in product(OPTIMIZERS, REWINDS, FREED)),
    *(  # convolutions and batch normalisation with every pair of settings
        ("resnet18-slim", optimizer, rewind, FREED[(i + j) % 2])
        for i, optimizer in enumerate(OPTIMIZERS)
        for j, rewind in enumerate(REWINDS)
    ),
]


@pytest.mark.parametrize(("model", "optimizer", "rewind", "freed"), CELLS)
def test_frozen_earlier_tasks_are_bit_identical(model, optimizer, rewind, freed):
    benchmark = toy_benchmark("task", experiences=3)
    if model == "resnet18-slim":
        benchmark = enlarge(benchmark)
    strategy = toy_strategy(
        "packnet-frozen",
        benchmark,
        model=toy_model_of(benchmark, model),
        chosen={"optimizer": optimizer, "rewind": rewind, "freed": freed, **OPTIMIZERS[optimizer]},
    )
    answers = {}
    for index, experience in enumerate(benchmark.train):
        strategy.train(experience)
        answers[index] = logits(strategy, benchmark.test[index])
        for earlier in range(index):
            assert torch.equal(logits(strategy, benchmark.test[earlier]), answers[earlier])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_sparse_retraining_leaves_earlier_tasks_bit_identical_and_learns_as_the_dense_does(
    optimizer, monkeypatch
):
    benchmark = toy_benchmark("task", experiences=3)
    answers = {}
    for density_of_products in (0.15, 0.0):  # sparse, and everything dense
        monkeypatch.setattr(sparse_products, "SMALLEST", 0)
        monkeypatch.setattr(sparse_products, "DENSEST", density_of_products)
        used = UsedLayers()
        strategy = toy_strategy(
            "packnet-frozen",
            benchmark,
            epochs=8,
            plugins=[used],
            chosen={"optimizer": optimizer, "batch_size": 40, **OPTIMIZERS[optimizer]},
        )
        own = {}
        for index, experience in enumerate(benchmark.train):
            strategy.train(experience)
            own[index] = logits(strategy, benchmark.test[index])
            for earlier in range(index):
                assert torch.equal(logits(strategy, benchmark.test[earlier]), own[earlier])
        assert used.layers == ({0, 2} if density_of_products else {0})
        answers[density_of_products] = own[0]
    # later tasks may choose other masks: under Adam, rounding alone decides near the threshold
    assert torch.allclose(answers[0.15], answers[0.0], atol=1e-5)


class UsedLayers(SupervisedPlugin):
    """How many layers were trained by sparse products, at any step."""

    def __init__(self):
        super().__init__()
        self.layers = set()

    def after_backward(self, strategy, **kwargs):
        self.layers.add(len(strategy.sparse))


def toy_model_of(benchmark, name):
    from bench.runner.models import make_model

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


@pytest.mark.parametrize("sees", ["earlier", "own"])
def test_what_a_task_sees_is_what_it_is_answered_with(sees):
    benchmark = toy_benchmark("task", experiences=3)
    strategy = toy_strategy("packnet-frozen", benchmark, chosen={"sees": sees, "density": 0.2})
    for experience in benchmark.train:
        strategy.train(experience)
    before = [logits(strategy, test) for test in benchmark.test]
    with torch.no_grad():  # spoil what the first task owns
        for name, mask in owned(strategy.owners, 1).items():
            strategy.weights[name][mask] += 1.0
    same = [
        torch.equal(logits(strategy, test), b)
        for test, b in zip(benchmark.test, before, strict=True)
    ]
    assert same == ([False, True, True] if sees == "own" else [False, False, False])


def test_in_training_a_task_that_sees_its_own_weights_is_blind_to_earlier_ones():
    benchmark, losses = toy_benchmark("task", experiences=2), []
    for spoilt in (0.0, 1.0):
        strategy = toy_strategy("packnet-frozen", benchmark, chosen={"sees": "own"})
        torch.manual_seed(0)
        strategy.train(benchmark.train[0])
        with torch.no_grad():
            for name, mask in owned(strategy.owners, 1).items():
                strategy.weights[name][mask] += spoilt
        torch.manual_seed(0)
        strategy.train(benchmark.train[1])
        losses.append(strategy.loss.item())
    assert losses[0] == losses[1]


def test_a_task_that_finds_no_free_weight_still_trains_its_head():
    benchmark = toy_benchmark("task", experiences=3)
    strategy = toy_strategy("packnet-frozen", benchmark, epochs=10, chosen={"density": 0.5})
    for experience in benchmark.train:
        strategy.train(experience)
    assert torch.equal(strategy.masks[2]["trunk.1.weight"], strategy.masks[1]["trunk.1.weight"])
    assert all(torch.isfinite(logits(strategy, e)).all() for e in benchmark.test)


class FirstMinibatch(SupervisedPlugin):
    """Notes the weights that the latest experience begins with."""

    def before_training_epoch(self, strategy, **kwargs):
        if strategy.clock.train_exp_epochs == 0:
            self.weights = {n: w.detach().clone() for n, w in strategy.weights.items()}


@pytest.mark.parametrize("name", ["packnet-frozen", "packnet-unfrozen"])
@pytest.mark.parametrize("freed", ["zero", "initial"])
def test_a_task_begins_with_freed_weights_as_they_were_at_construction_or_at_zero(name, freed):
    benchmark = toy_benchmark("task", experiences=3)
    seen = FirstMinibatch()
    strategy = toy_strategy(name, benchmark, plugins=[seen], chosen={"freed": freed})
    initial = {n: w.detach().clone() for n, w in strategy.weights.items()}
    for index, experience in enumerate(benchmark.train):
        ended = {n: w.detach().clone() for n, w in strategy.weights.items()}
        strategy.train(experience)
        for weight, began in seen.weights.items():
            claimed = torch.zeros_like(began, dtype=torch.bool)
            for mask in strategy.masks[:index]:
                claimed |= mask[weight]
            assert torch.equal(began[claimed], ended[weight][claimed])
            at_first = initial[weight] if freed == "initial" or not index else 0 * began
            assert torch.equal(began[~claimed], at_first[~claimed])


def test_a_task_that_sees_its_own_weights_alone_never_begins_with_zeros_alone():
    benchmark = toy_benchmark("task", experiences=2)
    seen = FirstMinibatch()
    strategy = toy_strategy("packnet-frozen", benchmark, plugins=[seen], chosen={"sees": "own"})
    initial = {n: w.detach().clone() for n, w in strategy.weights.items()}
    for experience in benchmark.train:
        strategy.train(experience)
    for weight, mask in strategy.masks[0].items():
        assert torch.equal(seen.weights[weight][~mask], initial[weight][~mask])
    assert all(mask.any() for mask in strategy.masks[1].values())


@pytest.mark.parametrize("freed", ["zero", "initial"])
def test_saving_and_loading_between_experiences_goes_on_identically(freed):
    benchmark = toy_benchmark("task", experiences=3)
    strategy = toy_strategy("packnet-frozen", benchmark, chosen={"freed": freed})
    strategy.train(benchmark.train[0])
    twin = toy_strategy("packnet-frozen", benchmark, seed=7, chosen={"freed": freed})
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
        ({"scope": "net"}, "scope must be 'layer', 'global' or 'layer-adaptive', got 'net'"),
        ({"schedule": "square"}, "schedule must be 'geometric', 'linear' or 'cubic', got"),
        ({"importance": "size"}, "importance must be 'magnitude', 'snip' or 'taylor', got 'size'"),
        ({"rewind": "all"}, "rewind must be 'none', 'learning-rate' or 'weights', got 'all'"),
        ({"rounds": 0}, r"rounds must be in \[1, 1000\], got 0"),
        ({"norm": "none"}, "norm must be one of .*, got 'none'"),
        ({"infer": "oracle"}, "infer must be None or one of .*, got 'oracle'"),
        ({"sees": "all"}, "sees must be one of .*, got 'all'"),
        ({"unfrozen": "free"}, "unfrozen must be one of .*, got 'free'"),
        ({"sees": "all"}, r"sees must be one of \('earlier', 'own'\), got 'all'"),
        ({"sees": "own", "frozen": False}, "sees must be 'earlier' when not frozen, got 'own'"),
        ({"freed": "random"}, "freed must be one of .*, got 'random'"),
        ({"buffer": 0}, "buffer must be at least 1, got 0"),
        ({"dream_step": -0.1}, "dream_step must be at least 0, got -0.1"),
        ({"tasks": 256}, r"tasks must be in \[1, 255\], got 256"),
        ({"tasks": 2, "frozen": False}, "tasks must be None when not frozen"),
        ({"density": [0.5, 0.6]}, "must add up to at most 1 when frozen, got 1.1"),
        ({"density": [0.5, 0.2], "tasks": 3}, "must be one for each of 3 tasks, got 2"),
    ],
)
def test_wrong_hyperparameters_are_refused_in_words(chosen, message):
    with pytest.raises(ValueError, match=message):
        toy_strategy("packnet-frozen", toy_benchmark("task"), chosen=chosen)


def claimed(strategy) -> list[list[int]]:
    """For each task the weights of each layer that it owns."""
    tasks = range(1, len(strategy.private) + 1)
    return [[int(m.sum()) for m in owned(strategy.owners, t).values()] for t in tasks]


def test_equal_shares_leave_the_last_task_all_that_is_left():
    benchmark = toy_benchmark("task", experiences=3)
    strategy = toy_strategy("packnet-frozen", benchmark, chosen={"density": 1.0, "tasks": 3})
    sizes = [w.numel() for w in strategy.weights.values()]
    for experience in benchmark.train:
        strategy.train(experience)
    for layer, size in enumerate(sizes):
        shares = [task[layer] for task in claimed(strategy)]
        assert sum(shares) == size
        assert max(shares) - min(shares) <= 2


def test_each_task_has_its_own_density_and_another_task_finds_no_room():
    benchmark = toy_benchmark("task", experiences=3)
    strategy = toy_strategy("packnet-frozen", benchmark, chosen={"density": [0.5, 0.1]})
    sizes = [w.numel() for w in strategy.weights.values()]
    for experience in benchmark.train[:2]:
        strategy.train(experience)
    assert claimed(strategy) == [[round(d * n) for n in sizes] for d in (0.5, 0.1)]
    with pytest.raises(ValueError, match="packnet was made for 2 tasks, got another"):
        strategy.train(benchmark.train[2])


def test_rounds_prune_within_the_free_weights_down_to_the_density():
    benchmark = toy_benchmark("task", experiences=2)
    strategy = toy_strategy("packnet-frozen", benchmark, chosen={"density": 0.1, "rounds": 3})
    sizes = [w.numel() for w in strategy.weights.values()]
    for experience in benchmark.train:
        strategy.train(experience)
    assert claimed(strategy) == [[round(0.1 * n) for n in sizes]] * 2


def test_snapshots_never_forget_and_each_is_counted():
    benchmark = toy_benchmark("task", experiences=3)
    strategy = toy_strategy("packnet-snapshot", benchmark, chosen={"density": 0.4})
    per_task = sum(round(0.4 * w.numel()) for w in strategy.weights.values())
    answers = []
    for index, experience in enumerate(benchmark.train):
        strategy.train(experience)
        answers.append(logits(strategy, benchmark.test[index]))
        for test, before in zip(benchmark.test, answers, strict=False):
            assert torch.equal(logits(strategy, test), before)
        used = weights_in_use(strategy)
        assert used.used_prunable == pytest.approx((index + 1) * per_task, abs=2)
        assert used.used_prunable <= used.prunable
    overlap = [
        (a & b).sum() for a, b in zip(*[m.values() for m in strategy.masks[:2]], strict=True)
    ]
    assert sum(overlap) > 0  # two snapshots of one weight count twice


def test_rehearsal_keeps_more_of_earlier_tasks_than_sharing_alone():
    losses = {}
    for name in ("packnet-unfrozen", "packnet-rehearsed"):
        benchmark = toy_benchmark("task", experiences=3)
        strategy = toy_strategy(name, benchmark, epochs=8, chosen={"density": 0.1})
        for experience in benchmark.train:
            strategy.train(experience)
        answers = torch.cat([logits(strategy, e) for e in benchmark.test[:2]])
        targets = torch.tensor([y for e in benchmark.test[:2] for y in e.dataset.targets])
        losses[name] = float(torch.nn.functional.cross_entropy(answers, targets))
    assert losses["packnet-rehearsed"] < losses["packnet-unfrozen"]


@pytest.mark.parametrize("steps", [38, 39, 40])
def test_a_rehearsed_minibatch_is_a_step_of_the_night_and_never_one_too_many(steps):
    from metered import metered

    benchmark = toy_benchmark("task")
    strategy, meter = metered("packnet-rehearsed", benchmark, steps, chosen={"buffer": 10})
    with meter.experience(0):
        strategy.train(benchmark.train[0])
    assert meter.steps["offline"] == 0  # nothing to rehearse yet
    with meter.experience(1):
        strategy.train(benchmark.train[1])
    assert meter.spent == steps
    assert meter.steps["offline"] == {38: 4, 39: 4, 40: 5}[steps]  # half of what is left, shared
    # 10 images of 36 bytes, label and task label of 8 each, and what the reservoirs of two tasks
    # drew for 40 images each, of which their places are a view
    drawn = 2 * 40 * 4
    assert weights_in_use(strategy).buffer_bytes == pytest.approx(10 * (36 + 16) + drawn, abs=40)
