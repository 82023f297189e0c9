"""iCaRL is the library's with a loss and means of its own; with sleep it is that and a night."""

from contextlib import contextmanager

import pytest
import torch
from avalanche.models import NCMClassifier
from torch import nn

from bench.strategy_docs.observed_stage import observe_stages
from strategies import building
from strategies.methods import icarl
from toy import toy_benchmark, toy_strategy


def test_only_outputs_of_classes_so_far_are_trained():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("icarl", benchmark, chosen={"mem_size": 8})
    head = strategy.model.train_classifier
    before = head.weight.detach().clone()
    strategy.train(benchmark.train[0])
    present = benchmark.train[0].classes_in_this_experience
    moved = (head.weight != before).any(1).nonzero().flatten().tolist()
    assert moved == sorted(present)


def test_the_loss_is_the_mean_over_classes_so_far_of_what_each_output_says_of_its_class():
    loss = icarl.Loss()
    loss.so_far, loss.old_classes = [0, 2, 3], [2]
    logits, old = torch.randn(5, 4), torch.randn(5, 4)
    targets = torch.tensor([0, 0, 3, 3, 0])
    loss.old_logits = old
    wanted = nn.functional.one_hot(targets, 4).float()
    wanted[:, 2] = old[:, 2].sigmoid()
    each = nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    torch.testing.assert_close(loss(logits, targets), each[:, [0, 2, 3]].mean())


def test_the_means_are_those_of_the_stored_examples():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("icarl", benchmark, chosen={"mem_size": 8})
    strategy.train(benchmark.train[0])
    (plugin,) = [p for p in strategy.plugins if isinstance(p, icarl.Plugin)]
    strategy.model.eval()
    for x, y in zip(plugin.x_memory, plugin.y_memory, strict=True):
        with torch.no_grad():
            features = strategy.model.feature_extractor(x)
        mean = (features / features.norm(dim=1, keepdim=True)).mean(0)
        found = strategy.model.eval_classifier.class_means[y[0]]
        torch.testing.assert_close(found, mean / mean.norm())


def test_the_layers_below_the_output_sleep_before_the_means_are_taken():
    benchmark = toy_benchmark("class")
    options = {"mem_size": 8, "sleep_steps": 500, "inc": 0.03}
    strategy = toy_strategy("icarl-sleep", benchmark, chosen=options)
    moved: list[set[str]] = []

    @contextmanager
    def observe(stage, strategy):
        before = {n: p.detach().clone() for n, p in strategy.model.named_parameters()}
        yield
        after = dict(strategy.model.named_parameters())
        moved.append({n for n in before if not torch.equal(before[n], after[n])})

    observe_stages(strategy, observe)
    for experience in benchmark.train:
        strategy.train(experience)
    assert len(moved) == len(benchmark.train)
    hidden = {"feature_extractor.1.weight", "feature_extractor.3.weight"}
    assert hidden >= set.union(*moved) > set()
    nearest = strategy.model.eval_classifier
    assert isinstance(nearest, NCMClassifier)
    means = nearest.class_means.clone()
    strategy.model.eval()
    (plugin,) = [p for p in strategy.plugins if hasattr(p, "compute_class_means")]
    plugin.compute_class_means(strategy)
    assert torch.equal(nearest.class_means, means)


@pytest.mark.parametrize("name", ["icarl", "icarl-sleep"])
def test_what_cannot_be_is_refused(name):
    benchmark = toy_benchmark("class")
    with pytest.raises(ValueError, match="mem_size must be at least 1, got 0"):
        toy_strategy(name, benchmark, chosen={"mem_size": 0})
    assert building.find(name).scenarios == ("class",)


def test_a_network_with_nothing_linear_below_its_output_cannot_sleep():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4))
    with pytest.raises(ValueError, match="must have a linear layer below its output to sleep"):
        toy_strategy("icarl-sleep", toy_benchmark("class"), model=model)
