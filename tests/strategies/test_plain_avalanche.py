"""The strategies in anybody's Avalanche script: its benchmarks and models, epochs, no referee."""

from __future__ import annotations

import pytest
import torch
from avalanche.benchmarks import nc_benchmark
from avalanche.evaluation.metrics import accuracy_metrics
from avalanche.models import MTSimpleMLP, SimpleMLP
from avalanche.training.plugins import EvaluationPlugin
from sklearn.datasets import load_digits
from torch.utils.data import TensorDataset

from strategies import (
    AdaptivePrune,
    CompactingPicking,
    IterativePrune,
    PackNet,
    SleepReplay,
    WinningSubnetworks,
)
from toy import logits


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    images, labels = torch.tensor(data.data / 16, dtype=torch.float32), torch.tensor(data.target)
    parts = []
    for part in (slice(0, 1400), slice(1400, None)):
        parts.append(TensorDataset(images[part], labels[part]))
        parts[-1].targets = labels[part].tolist()
    return parts


def train(kind, benchmark, model, **options):
    strategy = kind(
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3),
        train_mb_size=32,
        train_epochs=8,
        eval_mb_size=512,
        evaluator=EvaluationPlugin(accuracy_metrics(stream=True)),
        **options,
    )
    first = None
    for experience in benchmark.train_stream:
        strategy.train(experience, num_workers=0)
        if first is None:
            first = logits(strategy, benchmark.test_stream[0])
    return strategy, first


@pytest.mark.parametrize(
    "kind",
    [PackNet, WinningSubnetworks, CompactingPicking, IterativePrune, AdaptivePrune, SleepReplay],
)
def test_they_learn_a_task_incremental_stream_with_avalanches_multi_head_model(digits, kind):
    torch.manual_seed(0)
    benchmark = nc_benchmark(*digits, n_experiences=5, task_labels=True, seed=0)
    strategy, first = train(kind, benchmark, MTSimpleMLP(input_size=64, hidden_size=100))
    strategy.eval(benchmark.test_stream[4])
    [accuracy] = [v for k, v in strategy.evaluator.get_last_metrics().items() if "/eval_" in k][-1:]
    assert accuracy > 0.8
    if kind in (PackNet, WinningSubnetworks, CompactingPicking):
        final = logits(strategy, benchmark.test_stream[0])[:, : first.shape[1]]
        assert torch.equal(final, first)


@pytest.mark.parametrize("kind", [IterativePrune, AdaptivePrune, SleepReplay])
def test_they_learn_a_class_incremental_stream(digits, kind):
    torch.manual_seed(0)
    benchmark = nc_benchmark(*digits, n_experiences=5, task_labels=False, seed=0)
    model = SimpleMLP(input_size=64, num_classes=10, hidden_size=100)
    strategy, _ = train(kind, benchmark, model)
    assert all(torch.isfinite(p).all() for p in strategy.model.parameters())


def test_an_unknown_argument_is_a_type_error():
    model = MTSimpleMLP(input_size=64)
    with pytest.raises(TypeError, match="densty"):
        PackNet(model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), densty=0.1)
