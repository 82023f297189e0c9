from __future__ import annotations

import copy

import pytest
import torch
from avalanche.models import IncrementalClassifier
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import nn

from strategies.networks.heads import HIDDEN_LOGIT
from toy import logits, toy_benchmark, toy_model, toy_strategy


def inputs(benchmark):
    """All training images and labels of a stream, in double precision."""
    samples = [(x, y) for experience in benchmark.train for x, y, *_ in experience.dataset]
    x = torch.stack([x for x, _ in samples]).double()
    return x, torch.tensor([int(y) for _, y in samples])


def added_up(batch: int, *, shrinkage: float = 0.01):
    """The strategy after it has seen a toy stream in minibatches of `batch`, nothing trained."""
    benchmark = toy_benchmark("class")
    model = toy_model(benchmark).double()
    strategy = toy_strategy("slda", benchmark, model=model, chosen={"shrinkage": shrinkage})
    x, y = inputs(benchmark)
    with torch.no_grad():
        features = model[:-1](x)
        for part in torch.randperm(len(y), generator=torch.Generator().manual_seed(1)).split(batch):
            strategy.add(features[part], y[part])
        strategy.solve()
    return strategy, features, y


@pytest.mark.parametrize("batch", [1, 7, 80])
def test_it_answers_as_linear_discriminant_analysis_of_all_data_at_once(batch):
    strategy, features, y = added_up(batch)
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.01).fit(features, y)
    found = strategy.readout.layer(features).log_softmax(1).detach()
    assert torch.allclose(found.exp(), torch.from_numpy(lda.predict_proba(features)), atol=1e-6)


@pytest.mark.parametrize("batch", [1, 7, 80])
def test_sums_are_exact_however_the_stream_is_cut(batch):
    strategy, features, y = added_up(batch)
    means = torch.stack([features[y == c].mean(0) for c in range(4)])
    within = features - means[y]
    assert torch.allclose(strategy.means, means, atol=1e-12)
    assert torch.allclose(strategy.scatter, within.T @ within, atol=1e-9)
    assert strategy.counts.tolist() == [20, 20, 20, 20]


@pytest.mark.parametrize("scenario", ["task", "class", "domain"])
def test_the_features_are_fixed_after_the_first_experience(scenario):
    benchmark = toy_benchmark(scenario)
    strategy = toy_strategy("slda", benchmark, epochs=4)
    start = copy.deepcopy(strategy.model.state_dict())
    strategy.train(benchmark.train[0])
    first = copy.deepcopy(strategy.model.state_dict())
    strategy.train(benchmark.train[1])
    below = list(start)[:-2]
    assert all(not torch.equal(first[name], start[name]) for name in below)
    assert all(torch.equal(strategy.model.state_dict()[name], first[name]) for name in below)


def test_the_base_takes_its_share_and_then_every_example_is_seen_once():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("slda", benchmark, epochs=4, chosen={"base": 0.4})
    strategy.train(benchmark.train[0])
    # of 16 minibatches 7 are the base, 4 the pass
    assert strategy.clock.train_iterations == 11
    assert strategy.counts.tolist() == [20, 20, 0, 0]
    strategy.train(benchmark.train[1])
    assert strategy.clock.train_iterations == 15
    assert strategy.counts.tolist() == [20, 20, 20, 20]


def test_a_class_that_was_never_seen_is_no_answer():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("slda", benchmark)
    strategy.train(benchmark.train[0])
    assert (logits(strategy, benchmark.test[1])[:, 2:] == HIDDEN_LOGIT).all()


@pytest.mark.parametrize(
    ("chosen", "complaint"),
    [
        ({"base": 1.0}, r"base must be in \(0, 1\), got 1.0"),
        ({"shrinkage": 0.0}, r"shrinkage must be in \(0, 1\], got 0.0"),
    ],
)
def test_values_that_cannot_be_are_refused(chosen, complaint):
    with pytest.raises(ValueError, match=complaint):
        toy_strategy("slda", toy_benchmark("class"), chosen=chosen)


def test_a_growing_head_is_refused():
    model = nn.Sequential(nn.Flatten(), IncrementalClassifier(36))
    complaint = "model must end in one linear layer or a TaskHead, got IncrementalClassifier"
    with pytest.raises(ValueError, match=complaint):
        toy_strategy("slda", toy_benchmark("class"), model=model)
