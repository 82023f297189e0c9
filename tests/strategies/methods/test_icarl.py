"""iCaRL by the registry is the library's; with sleep it is that and a night."""

from contextlib import contextmanager

import pytest
import torch
from avalanche.models import NCMClassifier
from avalanche.training.supervised import ICaRL
from torch import nn

from bench.strategy_docs.observed_stage import observe_stages
from strategies import building
from toy import logits, toy_benchmark, toy_model, toy_strategy


def test_it_answers_as_the_librarys_own():
    benchmark = toy_benchmark("class")
    ours = toy_strategy("icarl", benchmark, chosen={"mem_size": 8})
    model = toy_model(benchmark)
    *trunk, head = model
    torch.manual_seed(0)
    library = ICaRL(
        feature_extractor=nn.Sequential(*trunk),
        classifier=head,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        memory_size=8,
        buffer_transform=None,
        fixed_memory=True,
        train_mb_size=10,
        train_epochs=3,
        eval_mb_size=64,
    )
    for strategy in (ours, library):
        torch.manual_seed(1)
        for experience in benchmark.train:
            strategy.train(experience)
    for experience in benchmark.test:
        assert torch.equal(logits(ours, experience), logits(library, experience))


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
