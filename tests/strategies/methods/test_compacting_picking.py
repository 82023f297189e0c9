from __future__ import annotations

import pytest
import torch

from strategies.pruning.masks import union
from strategies.pruning.weight_count import weights_in_use
from toy import logits, toy_benchmark, toy_strategy


def cpg(benchmark, *, epochs=6, **chosen):
    return toy_strategy("cpg", benchmark, epochs=epochs, chosen=chosen)


def claims(strategy) -> list[dict[str, torch.Tensor]]:
    """For each task the weights in its mask that no earlier mask holds."""
    masks, weights = strategy.masks, strategy.weights
    earlier = [union(masks[:task], weights) for task in range(len(masks))]
    return [{n: m[n] & ~e[n] for n in m} for m, e in zip(masks, earlier, strict=True)]


def test_each_task_claims_its_density_of_what_was_free():
    benchmark = toy_benchmark("task", experiences=3)
    strategy = cpg(benchmark, density=0.2, pick_learning_rate=0.002)
    for experience in benchmark.train:
        strategy.train(experience)
    for own in claims(strategy):
        for name, weight in strategy.weights.items():
            assert int(own[name].sum()) == round(0.2 * weight.numel())


def test_picks_are_learned_stored_and_used():
    benchmark = toy_benchmark("task")
    strategy = cpg(benchmark, density=0.3, pick_learning_rate=0.002)
    for experience in benchmark.train:
        strategy.train(experience)
    first, second = strategy.masks
    name = "trunk.1.weight"
    left_out = first[name] & ~second[name]
    assert left_out.any()
    assert (first[name] & second[name]).any()
    answers = [logits(strategy, e) for e in benchmark.test]
    with torch.no_grad():
        strategy.weights[name][left_out] += 1
    assert not torch.equal(logits(strategy, benchmark.test[0]), answers[0])
    assert torch.equal(logits(strategy, benchmark.test[1]), answers[1])


def test_with_picks_that_cannot_move_every_earlier_weight_is_reused():
    benchmark = toy_benchmark("task")
    strategy = cpg(benchmark, density=0.3, pick_learning_rate=1e-9)
    for experience in benchmark.train:
        strategy.train(experience)
    first, second = strategy.masks
    assert not any((first[n] & ~second[n]).any() for n in first)


def test_picks_are_held_from_the_first_prune_on():
    benchmark = toy_benchmark("task")
    strategy = cpg(benchmark, density=0.3, pick_learning_rate=0.002, rounds=4)
    seen = []
    keep = strategy.keep

    def noting(kept) -> None:
        keep(kept)
        seen.append({n: m.clone() for n, m in strategy._picked.items()})

    strategy.train(benchmark.train[0])
    strategy.keep = noting
    strategy.train(benchmark.train[1])
    assert len(seen) == 4
    own = claims(strategy)[1]
    for picked in seen:
        assert all(torch.equal(strategy.masks[1][n] & ~own[n], picked[n]) for n in picked)


def test_pruning_is_gradual_cubic_and_within_what_was_free():
    benchmark = toy_benchmark("task")
    strategy = cpg(benchmark, density=0.2, rounds=3)
    kept_shares = []
    keep = strategy.keep

    def noting(kept) -> None:
        keep(kept)
        total = sum(m.numel() for m in kept.values())
        kept_shares.append(sum(int(m.sum()) for m in kept.values()) / total)

    strategy.keep = noting
    for experience in benchmark.train:
        strategy.train(experience)
    cubic = [0.2 + (start - 0.2) * left**3 for start in (1.0, 0.8) for left in (2 / 3, 1 / 3, 0)]
    assert kept_shares == pytest.approx(cubic, abs=1e-3)


def test_a_task_that_finds_no_room_still_trains_its_head_and_picks():
    benchmark = toy_benchmark("task", experiences=3)
    strategy = cpg(benchmark, epochs=20, density=0.5, pick_learning_rate=0.002)
    for experience in benchmark.train:
        strategy.train(experience)
    *_, third = claims(strategy)
    assert not any(mask.any() for mask in third.values())
    assert strategy.masks[2]["trunk.1.weight"].any()
    assert not strategy.masks[2]["trunk.1.weight"].all()
    right = logits(strategy, benchmark.test[2]).argmax(1)
    targets = torch.tensor(list(benchmark.test[2].dataset.targets))
    assert (right == targets).float().mean() > 0.8


def test_weights_count_as_the_union_of_masks_and_masks_a_bit_for_each_weight_and_task():
    benchmark = toy_benchmark("task", experiences=3)
    strategy = cpg(benchmark, density=0.1, pick_learning_rate=0.002)
    numel = sum(w.numel() for w in strategy.weights.values())
    per_task = sum(round(0.1 * w.numel()) for w in strategy.weights.values())
    for index, experience in enumerate(benchmark.train):
        strategy.train(experience)
        used = weights_in_use(strategy)
        assert used.used_prunable == (index + 1) * per_task
        assert used.mask_bits == (index + 1) * numel
        mask = sum(int(m.sum()) for m in strategy.masks[index].values())
        assert used.active == mask <= used.used_prunable
    assert weights_in_use(strategy).active < 3 * per_task


def test_saving_and_loading_between_experiences_goes_on_identically():
    benchmark = toy_benchmark("task", experiences=3)
    strategy = cpg(benchmark)
    strategy.train(benchmark.train[0])
    twin = toy_strategy("cpg", benchmark, epochs=6, seed=7)
    twin.load_state_dict(strategy.state_dict())
    for each in (strategy, twin):
        torch.manual_seed(3)
        each.train(benchmark.train[1])
    for experience in benchmark.test:
        assert torch.equal(logits(strategy, experience), logits(twin, experience))


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"density": 0.0}, r"density must be in \(0, 1\], got 0.0"),
        ({"prune_from": 0.0}, r"prune_from must be in \(0, 1\), got 0.0"),
        ({"pick_learning_rate": 0.0}, "pick_learning_rate must be above 0, got 0.0"),
        ({"rounds": 0}, r"rounds must be in \[1, 1000\], got 0"),
        ({"norm": "none"}, "norm must be one of .*, got 'none'"),
    ],
)
def test_wrong_hyperparameters_are_refused_in_words(chosen, message):
    with pytest.raises(ValueError, match=message):
        cpg(toy_benchmark("task"), **chosen)
