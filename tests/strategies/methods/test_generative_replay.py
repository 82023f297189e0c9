from __future__ import annotations

import pytest
import torch
from avalanche.core import SupervisedPlugin
from torch.nn.functional import cross_entropy

from strategies.methods.generative_replay import Scholar, distillation
from strategies.networks.variational_autoencoder import VariationalAutoencoder
from strategies.pruning.weight_count import weights_in_use
from toy import SHAPE, logits, toy_benchmark, toy_model, toy_strategy


class Losses(SupervisedPlugin):
    """The loss of each step, and that of its new examples alone."""

    def __init__(self):
        super().__init__()
        self.all, self.new = [], []

    def before_backward(self, strategy, **kwargs):
        self.all.append(float(strategy.loss))
        self.new.append(float(cross_entropy(strategy.mb_output, strategy.mb_y)))


def trained(scenario: str = "class", *, experiences: int = 2, **options):
    benchmark = toy_benchmark(scenario, experiences=experiences)
    strategy = toy_strategy("generative-replay", benchmark, **options)
    for experience in benchmark.train:
        strategy.train(experience)
    return strategy


def test_the_first_experience_is_plain_training():
    weights = []
    for name in ("naive", "generative-replay"):
        benchmark = toy_benchmark("class")
        strategy = toy_strategy(name, benchmark, epochs=1)
        strategy.train(benchmark.train[0])
        weights.append(strategy.model.state_dict())
    one, other = weights
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("targets", ["soft", "hard"])
def test_new_and_drawn_images_weigh_as_the_experiences_that_they_stand_for(targets, monkeypatch):
    benchmark, losses = toy_benchmark("class", experiences=3), Losses()
    strategy = toy_strategy(
        "generative-replay",
        benchmark,
        epochs=1,
        plugins=[losses],
        chosen={"targets": targets, "learning_rate": 1e-9},  # stays as it is
    )
    x, answers = torch.rand(10, *SHAPE), torch.randn(10, 6)
    zeros = torch.zeros(10, dtype=torch.long)
    monkeypatch.setattr(Scholar, "lesson", lambda self, count: (x, answers, zeros))
    for experience in benchmark.train:
        strategy.train(experience)
    with torch.no_grad():
        found = strategy.model.train()(x)
    known = answers.argmax(1) if targets == "hard" else (answers / 2).softmax(1)
    old = float(cross_entropy(found if targets == "hard" else found / 2, known))
    for step, (loss, new) in enumerate(zip(losses.all, losses.new, strict=True)):
        earlier = step // 4  # steps of an experience
        assert loss == pytest.approx((new + earlier * old) / (earlier + 1), rel=1e-4)


def test_answers_of_an_output_layer_that_grew_since_are_probabilities_0():
    new, old = torch.randn(5, 4), torch.randn(5, 2)
    known = torch.cat([(old / 2).softmax(1), torch.zeros(5, 2)], dim=1)
    expected = -(known * (new / 2).log_softmax(1)).sum(1).mean()
    assert torch.allclose(distillation(new, old), expected)


def test_a_scholar_draws_earlier_tasks_and_answers_as_the_network_does():
    benchmark = toy_benchmark("task", experiences=3)
    model = toy_model(benchmark)
    generator = VariationalAutoencoder(SHAPE, width=8, latents=3)
    x, answers, tasks = Scholar(model, generator, [0, 2]).lesson(50)
    assert set(tasks.tolist()) == {0, 2}
    assert torch.equal(answers, model(x, tasks))


def test_what_was_drawn_was_learned():
    torch.manual_seed(0)
    benchmark = toy_benchmark("class")
    strategy = trained(epochs=60)
    images = strategy.generator.draw(40).flatten(1)
    means = [
        torch.stack([x for x, y, *_ in e.dataset if y == c]).mean(0).flatten()
        for e, classes in zip(benchmark.train, benchmark.classes, strict=True)
        for c in classes
    ]
    nearest = torch.cdist(images, torch.stack(means)).argmin(1)
    assert set(nearest.tolist()) == {0, 1, 2, 3}


def test_only_the_generator_is_kept_between_experiences():
    strategy = trained(chosen={"width": 7, "latents": 3})
    size = 36 * 7 + 7 + 7 * 7 + 7 + 7 * 6 + 6 + 3 * 7 + 7 + 7 * 7 + 7 + 7 * 36 + 36
    weights = weights_in_use(strategy, SHAPE)
    assert weights.buffer_bytes == 4 * (size + 2)  # and the range of the pixels
    assert weights.stored_examples == 0


def test_no_answer_needs_the_generator():
    strategy = trained("task")
    experiences = toy_benchmark("task").test
    before = [logits(strategy, experience) for experience in experiences]
    strategy.generator = None
    assert all(map(torch.equal, before, [logits(strategy, e) for e in experiences]))


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"targets": "sharp"}, "targets must be 'soft' or 'hard', got 'sharp'"),
        ({"generator_learning_rate": 0.0}, "generator_learning_rate must be above 0, got 0.0"),
        ({"width": 0}, "width must be at least 1, got 0"),
        ({"latents": 0}, "latents must be at least 1, got 0"),
    ],
)
def test_bad_input_is_refused_in_words(chosen, message):
    with pytest.raises(ValueError, match=message):
        toy_strategy("generative-replay", toy_benchmark("class"), chosen=chosen)
