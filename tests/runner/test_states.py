"""What a run accepts of a saved state."""

from __future__ import annotations

import pytest

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.runner import states
from bench.runner.ready import build
from strategies import kept_state


def config(**changed) -> RunConfig:
    chosen = {"benchmark": "split-digits", "scenario": "class", "model": "mlp"}
    chosen |= {"strategy": "naive", "budget": Budget.parse("5steps")}
    return RunConfig(**chosen | changed)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    state = tmp_path_factory.mktemp("states") / "run.safetensors"
    ready = build(config(), None)
    ready.keep_state(state)
    return state, ready


def test_what_was_saved_is_built_again(saved):
    state, before = saved
    ready = build(config(), None, begin=state)
    assert type(ready.strategy) is type(before.strategy)
    assert ready.strategy is not before.strategy
    assert ready.plugins[0] in ready.strategy.plugins  # the one that stops it, of this run


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"strategy": "replay"}, "strategy must be that of the saved state, naive, to go on, got"),
        ({"model": "mlp-400"}, "model must be that of the saved state, mlp, to go on, got mlp-400"),
        ({"scenario": "domain"}, "scenario must be that of the saved state, class"),
    ],
)
def test_a_state_of_another_run_is_refused(saved, changed, message):
    with pytest.raises(ValueError, match=message):
        build(config(**changed), None, begin=saved[0])


def written(folder, ready, **told):
    """The same strategy with other facts beside it."""
    path = folder / "other.safetensors"
    facts = states._facts(ready.config, ready.benchmark) | {"classes": "10", "data": "d"} | told
    kept_state.write(
        ready.strategy, path, about=facts, **states.how_for_another(ready.config, ready.plugins)
    )
    return path


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"classes": "9"}, "classes must be at most the 9 of the saved state to go on, got 10"),
        ({"classes": "many"}, "must be the saved state of a run, got"),
        ({"inputs": "1 x 28 x 28"}, "inputs must be that of the saved state, 1 x 28 x 28, to go"),
    ],
)
def test_facts_must_agree(saved, tmp_path, told, message):
    with pytest.raises(ValueError, match=message):
        build(config(), None, begin=written(tmp_path, saved[1], **told))


def test_the_referee_must_be_able_to_stop_it(saved, tmp_path):
    ready = build(config(), None)
    ready.strategy.plugins.remove(ready.plugins[0])
    with pytest.raises(ValueError, match="must hold a strategy that the referee stops"):
        build(config(), None, begin=written(tmp_path, ready))


def test_another_network_is_refused(saved, tmp_path):
    ready = build(config(), None)
    ready.strategy.model = ready.strategy.model[0]
    with pytest.raises(ValueError, match="must hold a Naive with its network"):
        build(config(), None, begin=written(tmp_path, ready))
