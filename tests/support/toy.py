"""A toy stream for strategies: two classes per experience, learnable in a few steps."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from avalanche.training.plugins import EvaluationPlugin
from torch import nn

from bench.data.experiences import make_scenario
from bench.data.image_dataset import ImageDataset
from bench.data.images import Images
from bench.data.unlabelled import questions
from bench.runner.evaluation import answers
from bench.runner.marker import Scores, marked
from bench.runner.models import make_model
from strategies import building
from strategies.clock import Clock

SHAPE = (1, 6, 6)


def toy_benchmark(scenario: str, *, experiences: int = 2, samples: int = 40, seed: int = 0):
    """Streams of `experiences` with two classes each: each class a fixed random image plus noise.

    scenario: task (labels 0, 1 in each), class (labels of their own) or domain (0, 1 in each).
    """
    generator = torch.Generator().manual_seed(seed)
    parts: dict[str, list[ImageDataset]] = {"train": [], "test": []}
    classes = []
    for index in range(experiences):
        means = torch.rand(2, *SHAPE, generator=generator) * 200
        first = 2 * index if scenario == "class" else 0
        classes.append([first, first + 1])
        for part in parts.values():
            labels = torch.arange(samples) % 2
            noise = torch.rand(samples, *SHAPE, generator=generator) * 55
            part.append(
                ImageDataset.of(Images((means[labels] + noise).to(torch.uint8), labels + first))
            )
    streams = make_scenario(parts, classes, scenario == "task").streams
    return SimpleNamespace(
        scenario=scenario,
        classes=classes,
        train=list(streams["train"]),
        test=list(streams["test"]),
    )


def toy_model(benchmark, name: str = "mlp", seed: int = 0) -> nn.Module:
    """A small model of `bench.runner.models` for the toy's scenario."""
    torch.manual_seed(seed)
    tasks = benchmark.classes if benchmark.scenario == "task" else None
    classes = 1 + max(max(own) for own in benchmark.classes)
    return make_model(name, SHAPE, classes=classes, tasks=tasks)


def toy_strategy(name: str, benchmark, *, epochs: int = 3, seed: int = 0, **options):
    """Strategy `name` from its defaults on a toy model; `chosen` holds hyper-parameters."""
    options.setdefault("evaluator", EvaluationPlugin())
    chosen = {"batch_size": 10, **options.pop("chosen", {})}
    model = options.pop("model", None) or toy_model(benchmark, seed=seed)
    torch.manual_seed(seed)
    return building.build(
        name,
        building.find(name),
        model=model,
        scenario=benchmark.scenario,
        chosen=chosen,
        train_epochs=epochs,
        eval_mb_size=64,
        **options,
    )


def scores(strategy, benchmark) -> Scores:
    """What the strategy reaches on the test stream of a toy benchmark."""
    told = benchmark.scenario == "task"
    asked = questions(benchmark.test, benchmark.classes, told=told)
    return evaluate(strategy, asked, benchmark.classes)


def evaluate(strategy, asked, classes) -> Scores:
    """What the strategy reaches on questions."""
    given = [answers(strategy, one.experience).cpu().numpy() for one in asked]
    scores, _ = marked(given, [one.solution for one in asked], classes)
    return scores


def logits(strategy, experience) -> torch.Tensor:
    """What the strategy answers on an experience, through its own `eval`."""
    from avalanche.core import SupervisedPlugin

    class Collect(SupervisedPlugin):
        def __init__(self):
            super().__init__()
            self.seen = []

        def after_eval_forward(self, strategy, **kwargs):
            self.seen.append(strategy.mb_output.clone())

    collect = Collect()
    strategy.plugins.insert(0, collect)
    strategy.eval(experience)
    strategy.plugins.remove(collect)
    return torch.cat(collect.seen)


class StepClock(Clock):
    """A clock that spends `1 / steps` of the share with every minibatch and every tick."""

    def __init__(self, steps: int) -> None:
        self.steps, self.spent = steps, 0

    @property
    def progress(self) -> float:
        return self.spent / self.steps

    def begin(self, steps: int) -> None:
        self.spent = 0

    def step(self) -> None:
        self.spent += 1

    def tick(self) -> None:
        self.spent += 1


def accuracy(strategy, experience) -> float:
    """Of a model with one head on all of an experience."""
    x, y, *_ = next(iter(torch.utils.data.DataLoader(experience.dataset, batch_size=1000)))
    with torch.no_grad():
        return (strategy.model(x).argmax(1) == y).float().mean().item()
