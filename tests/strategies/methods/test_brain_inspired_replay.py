from __future__ import annotations

import pytest
import torch
from torch import nn

from strategies.methods.brain_inspired_replay import Feedback, features_of, log_density, only
from strategies.networks.layers import output_layer
from strategies.pruning.weight_count import weights_in_use
from toy import SHAPE, logits, toy_benchmark, toy_model, toy_strategy


def trained(scenario: str = "class", *, experiences: int = 2, **options):
    benchmark = toy_benchmark(scenario, experiences=experiences)
    strategy = toy_strategy("bi-r", benchmark, **options)
    for experience in benchmark.train:
        strategy.train(experience)
    return strategy


def feedback(*, kinds: int = 3, gated: float = 0.5) -> Feedback:
    torch.manual_seed(0)
    made = Feedback(5, SHAPE, width=200, latents=4)
    made.add_kinds(kinds, gated=gated)
    return made


@pytest.mark.parametrize("scenario", ["task", "class", "domain"])
def test_features_are_what_the_output_layer_makes_the_answers_of(scenario):
    benchmark = toy_benchmark(scenario, experiences=3)
    model, x, tasks = toy_model(benchmark), torch.rand(9, *SHAPE), torch.arange(9) % 3
    answers, features = features_of(model, x, tasks)
    told = (tasks,) if scenario == "task" else ()
    assert torch.equal(answers, model(x, *told))
    assert torch.equal(answers, output_layer(model)(features, *told))


def test_the_density_is_that_of_a_gaussian_but_for_its_constant():
    code, mean, log_variance = torch.randn(3, 7, 4).unbind()
    gaussian = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    constant = 4 * 0.5 * torch.log(torch.tensor(2 * torch.pi))
    expected = gaussian.log_prob(code).sum(1) + constant
    assert torch.allclose(log_density(code, mean, log_variance), expected, atol=1e-5)


def test_closed_units_are_closed_for_their_kind_alone():
    made = feedback()
    assert made.gates.shape == (3, 2, 200)
    assert 0.4 < float(made.gates.float().mean()) < 0.6
    code, kinds = torch.randn(1, 4).expand(3, 4), torch.arange(3)
    before = made._backwards(code, kinds)
    closed = ~made.gates[0, 1]
    with torch.no_grad():
        made.image[0].weight[:, closed] += 1.0
    after = made._backwards(code, kinds)
    assert torch.equal(after[0], before[0])
    assert not torch.equal(after[1], before[1])


def test_more_kinds_leave_what_was_known():
    made = feedback()
    before = {name: getattr(made, name).clone() for name in ("means", "log_variances", "gates")}
    made.add_kinds(2, gated=0.0)
    assert len(made) == 5
    assert all(torch.equal(getattr(made, name)[:3], value) for name, value in before.items())
    assert made.gates[3:].all()


@pytest.mark.parametrize(
    ("scenario", "tasks"), [("task", [0, 0, 1, 1]), ("class", [0] * 4), ("domain", [0] * 4)]
)
def test_each_class_of_each_experience_is_a_kind_with_its_task(scenario, tasks):
    strategy = trained(scenario, epochs=1)
    assert strategy._tasks == tasks
    assert len(strategy.feedback) == 4


def test_the_output_layer_learns_from_the_answers_alone_and_the_rest_from_images_too():
    heads, rests = [], []
    for name in ("naive", "bi-r"):
        benchmark = toy_benchmark("class", samples=10)
        strategy = toy_strategy(name, benchmark, epochs=1, chosen={"batch_size": 10})
        strategy.train(benchmark.train[0])
        heads.append(output_layer(strategy.model).weight.detach())
        rests.append(next(strategy.model.parameters()).detach())
    assert torch.equal(*heads)
    assert not torch.equal(*rests)


def test_what_is_drawn_of_a_kind_looks_like_its_class():
    torch.manual_seed(0)
    benchmark = toy_benchmark("class")
    strategy = trained(epochs=60)
    means = torch.stack(
        [
            torch.stack([x for x, y, *_ in e.dataset if y == c]).mean(0).flatten()
            for e, classes in zip(benchmark.train, benchmark.classes, strict=True)
            for c in classes
        ]
    )
    kinds = torch.arange(4).repeat_interleave(25)
    nearest = torch.cdist(strategy.feedback.draw(kinds).flatten(1), means).argmin(1)
    assert float((nearest == kinds).float().mean()) > 0.9


def test_only_the_way_back_is_kept_between_experiences():
    strategy = trained(chosen={"width": 7, "latents": 3})
    layers = 100 * 6 + 6 + 3 * 7 + 7 + 7 * 7 + 7 + 7 * 36 + 36
    gaussians, gates = 2 * 4 * 3, 4 * 2 * 7
    weights = weights_in_use(strategy, SHAPE)
    assert weights.buffer_bytes == 4 * (layers + gaussians + 2) + gates // 8
    assert weights.stored_examples == 0


def test_no_answer_needs_the_way_back():
    strategy = trained("task")
    experiences = toy_benchmark("task").test
    before = [logits(strategy, experience) for experience in experiences]
    strategy.feedback = None
    assert all(map(torch.equal, before, [logits(strategy, e) for e in experiences]))


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"gated": 1.0}, r"gated must be in \[0, 1\), got 1.0"),
        ({"generator_learning_rate": 0.0}, "generator_learning_rate must be above 0, got 0.0"),
        ({"width": 0}, "width must be at least 1, got 0"),
        ({"latents": 0}, "latents must be at least 1, got 0"),
    ],
)
def test_bad_input_is_refused_in_words(chosen, message):
    with pytest.raises(ValueError, match=message):
        toy_strategy("bi-r", toy_benchmark("class"), chosen=chosen)


def test_a_model_without_an_output_layer_is_refused():
    with pytest.raises(ValueError, match="model must have a head or a linear output layer"):
        toy_strategy("bi-r", toy_benchmark("class"), model=nn.Conv2d(1, 4, 6))


def test_an_output_layer_that_is_not_fed_a_vector_is_refused():
    class EachRow(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(6, 4)

        def forward(self, x):
            return self.linear(x).mean((1, 2))

    benchmark = toy_benchmark("class")
    strategy = toy_strategy("bi-r", benchmark, model=EachRow())
    with pytest.raises(
        ValueError, match=r"must be fed a vector for each input, got \[\(10, 1, 6, 6\)"
    ):
        strategy.train(benchmark.train[0])


def test_an_experience_of_several_tasks_is_refused():
    assert only({3}) == 3
    with pytest.raises(ValueError, match=r"an experience must have one task label, got \[0, 2\]"):
        only({2, 0})
