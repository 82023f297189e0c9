"""Every strategy on streams that a stranger brings: it trains, and its answers are numbers.

The kinds are those that users of neighbouring projects reported.
"""

from __future__ import annotations

import pytest

from odd_streams import made, scenario_of, small, stream, trained
from patched import patched
from strategies.registry import STRATEGIES
from toy import logits


@pytest.fixture(scope="module", autouse=True)
def as_the_referee_runs():
    with patched():
        yield


def pairs(*sizes: int, apart: bool):
    """Two classes an experience, new ones in each where classes are kept apart."""
    return [[2 * k * apart + i % 2 for i in range(n)] for k, n in enumerate(sizes)]


def labels_with_gaps(apart: bool):
    return [[3, 17] * 10, [5, 40] * 10] if apart else [[1, 4] * 10] * 2


STREAMS = {
    "one experience": lambda apart: {"labels": pairs(20, apart=apart)},
    "fewer examples than a minibatch": lambda apart: {"labels": pairs(5, 3, apart=apart)},
    "one example": lambda apart: {"labels": [[0], [int(apart)]]},
    "one class": lambda apart: {"labels": [[0] * 12, [int(apart)] * 12]},
    "one of a class": lambda apart: {
        "labels": [[0] * 11 + [1], [2 * apart] * 11 + [1 + 2 * apart]]
    },
    "labels with gaps": lambda apart: {"labels": labels_with_gaps(apart)},
    "black images": lambda apart: {"labels": pairs(12, 12, apart=apart), "pixel": 0},
    "white images": lambda apart: {"labels": pairs(12, 12, apart=apart), "pixel": 255},
    "a class without examples": lambda apart: {
        "labels": [[0, 1] * 6, [2 * apart], [4 * apart, 4 * apart + 1] * 6],
        "classes": [[0, 1], [2 * apart, 2 * apart + 1], [4 * apart, 4 * apart + 1]],
    },
}


def assert_numbers(strategy, benchmark) -> None:
    assert all(parameter.isfinite().all() for parameter in strategy.model.parameters())
    for experience in benchmark.test[:3]:
        answers = logits(strategy, experience)
        assert len(answers) == len(experience.dataset)
        assert answers.isfinite().all()


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("kind", STREAMS)
def test_it_trains_and_answers_with_numbers(kind, name):
    scenario = scenario_of(name)
    benchmark = stream(scenario, **STREAMS[kind](scenario == "class"))
    if name in ("icarl", "icarl-sleep") and kind == "a class without examples":
        with pytest.raises(ValueError, match="iCaRL needs examples of each class of an experience"):
            trained(made(name, benchmark), benchmark)
        return
    assert_numbers(trained(made(name, benchmark), benchmark), benchmark)


CANNOT_NORMALISE = {
    "after its first linear layer a model must have only linear ones": (
        "sleep-replay", "sleep-replay-noise", "sleep-replay-depression", "staged-sleep",
        "icarl-sleep",
    ),
    "model must have no normalisation to dream": ("dreaming", "knowledge-seeding"),
    "does not yet support norms": ("avalanche-packnet",),
}  # fmt: skip
"""Who refuses it, and how."""


@pytest.mark.parametrize("name", STRATEGIES)
def test_it_normalises_over_the_two_examples_that_an_epoch_ends_with(name):
    scenario = scenario_of(name)
    benchmark = stream(scenario, pairs(12, 12, apart=scenario == "class"))
    model = small(benchmark, normalised=True)
    for sentence, names in CANNOT_NORMALISE.items():
        if name in names:
            with pytest.raises(ValueError, match=sentence):
                made(name, benchmark, model=model)
            return
    assert_numbers(trained(made(name, benchmark, model=model), benchmark), benchmark)


HUNDRED = ("naive", "replay", "packnet-frozen", "joint")
"""Those that are tried on so many experiences; all others see 12, which take seconds less."""


@pytest.mark.parametrize("name", STRATEGIES)
def test_many_experiences_are_trained_on_one_after_the_other(name):
    scenario = scenario_of(name)
    apart = scenario == "class"
    number = 100 if name in HUNDRED else 12
    labels = [[k, k] if apart else [0, 1] for k in range(number)]
    benchmark = stream(scenario, labels)
    chosen: dict[str, float] = {"batch_size": 100}  # as large as there are tasks
    if name == "avalanche-ewc":  # the library's adds up penalties: many overshoot its default
        chosen["ewc_lambda"] = 0.1
    strategy = made(name, benchmark, epochs=1, chosen=chosen)
    assert_numbers(trained(strategy, benchmark), benchmark)
