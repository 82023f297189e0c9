from __future__ import annotations

import pytest
import torch

from bench.config.catalogue import BENCHMARKS, MODELS
from bench.config.reference_values import FROZEN_WEIGHTS, frozen_weights
from bench.runner.models import make_model
from strategies.networks.heads import HIDDEN_LOGIT, TaskHead
from strategies.networks.layers import prunable


@pytest.mark.parametrize("name", MODELS)
def test_every_model_answers_in_both_shapes(name):
    shape = (3, 16, 16)
    x = torch.zeros(4, *shape)
    assert make_model(name, shape, classes=7, tasks=None)(x).shape == (4, 7)
    several = make_model(name, shape, classes=2, tasks=[[0, 1], [0, 1], [0, 1]])
    assert several(x, torch.tensor([0, 1, 2, 1])).shape == (4, 2)


def test_the_mlp_is_lenet_300_100():
    model = make_model("mlp", (1, 28, 28), classes=10, tasks=None)
    shapes = [tuple(w.shape) for w in prunable(model).values()]
    assert shapes == [(300, 784), (100, 300), (10, 100)]


SHAPES = {
    "digits": (1, 8, 8), "mnist": (1, 28, 28), "cifar10": (3, 32, 32), "omniglot": (1, 28, 28),
    "elec2": (1, 1, 12),
}  # fmt: skip
CLASSES = {"omniglot": 242, "elec2": 2}


@pytest.mark.parametrize("cell", FROZEN_WEIGHTS, ids="-".join)
def test_the_frozen_weights_are_those_of_the_model(cell):
    benchmark, version, scenario, name = cell
    spec = BENCHMARKS[benchmark]
    assert version == spec.version
    data, classes = spec.data.split("-")[0], CLASSES.get(spec.data.split("-")[0], 10)
    rows = classes * (spec.experiences if spec.kind == "permuted" else 1)
    tasks = [list(range(rows))] if scenario == "task" else None  # shared out among all heads
    model = make_model(name, SHAPES[data], classes=classes, tasks=tasks)
    kernels = sum(weight.numel() for weight in prunable(model).values())
    assert FROZEN_WEIGHTS[cell] == (sum(p.numel() for p in model.parameters()), kernels)


def test_options_of_a_stream_leave_a_network_of_one_head_as_it_is():
    known = frozen_weights("split-mnist", "1.0", "class", "mlp")
    assert known is not None
    for options in ("sigma=0.1", "experiences=2&repeat=3"):
        assert frozen_weights(f"split-mnist?{options}", "1.0", "class", "mlp") == known
        assert frozen_weights(f"split-mnist?{options}", "1.0", "task", "mlp") is None


@pytest.mark.parametrize(
    ("name", "shape", "widths", "dropped", "within"),
    [
        ("mlp-1200-dropout", (1, 28, 28), (784, 1200, 1200, 10), 0.25, 0.01),
        ("mlp-1028-256-dropout", (2048, 1, 1), (2048, 1028, 256, 10), 0.2, 0.05),
    ],
)
def test_networks_of_sleep_replay_drop_units_by_day_and_start_small(
    name, shape, widths, dropped, within
):
    model = make_model(name, shape, classes=10, tasks=None)
    layers = [tuple(w.shape) for w in prunable(model).values()]
    assert layers == list(zip(widths[1:], widths[:-1], strict=True))
    for parameter, values in model.named_parameters():
        largest = values.abs().max()
        weight = parameter.endswith("weight")
        assert 0.99 * within < largest <= within if weight else largest == 0
    dropouts = [m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)]
    assert dropouts == [dropped, dropped]


@pytest.mark.parametrize("name", [n for n, spec in MODELS.items() if spec.smallest > 1])
def test_an_input_that_is_too_small_is_refused_with_the_smallest_size(name):
    size = MODELS[name].smallest
    with pytest.raises(ValueError, match=f"at least {size}x{size}, got 4x4"):
        make_model(name, (1, 4, 4), classes=2, tasks=None)


def test_a_task_is_answered_by_its_own_rows():
    head = TaskHead(3, [[0, 1], [0, 1, 2]])
    assert [head.rows_of(task).tolist() for task in (0, 1)] == [[0, 1], [2, 3, 4]]
    features = torch.randn(2, 3)
    rows = head.linear(features)
    logits = head(features, torch.tensor([0, 1]))
    assert torch.equal(logits[0], torch.tensor([*rows[0, :2].tolist(), HIDDEN_LOGIT]))
    assert torch.equal(logits[1], rows[1, 2:])


def test_the_rows_of_other_tasks_get_no_gradient():
    head = TaskHead(3, [[0, 1], [0, 1]])
    head(torch.randn(5, 3), torch.zeros(5, dtype=torch.long)).sum().backward()
    assert head.linear.weight.grad[2:].abs().max() == 0
    assert head.linear.weight.grad[:2].abs().max() > 0


def test_a_model_of_tasks_answers_all_tasks_at_once_without_labels():
    model = make_model("mlp", (1, 4, 4), classes=2, tasks=[[0, 1], [0, 1]])
    model.known_train_tasks_labels = {0, 1}
    x = torch.randn(3, 1, 4, 4)
    answers = model(x, None)
    for task in (0, 1):
        assert torch.equal(answers[task], model(x, torch.full((3,), task)))
