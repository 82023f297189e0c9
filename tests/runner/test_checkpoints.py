"""A run that was cut between experiences ends as one that was not, bit for bit."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest
import torch

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.runner.checkpoints import CannotGoOn, Checkpointing
from bench.runner.examiner import Findings
from bench.runner.progress import Checkpoint
from bench.runner.run import run
from bench.runner.seeding import generators, seed_everything, set_generators
from spoilt import negate_weights
from strategies.registry import STRATEGIES

UNKEPT = {"avalanche-packnet": "its hooks are code"}
AT_ONCE = {name for name, entry in STRATEGIES.items() if not entry.ranked}


class Cut(BaseException):
    """The run is cut here."""


def config(strategy: str = "replay", **changed) -> RunConfig:
    own = STRATEGIES[strategy].scenarios if strategy in STRATEGIES else ("class",)
    scenario = next(one for one in ("class", "task", "domain") if one in own)
    chosen = {"benchmark": "split-digits?experiences=3", "model": "mlp", "strategy": strategy}
    chosen |= {"scenario": scenario, "budget": Budget.parse("24steps")}
    chosen |= {"hyperparameters": {"learning_rate": 0.01}}
    return RunConfig(**chosen | changed)


def cut_after(experiences: int, folder, what: RunConfig, cut=None):
    """The checkpoint after so many experiences, made by a run that ends with it."""

    def stop(told):
        if told == Checkpoint(experiences):
            raise Cut

    with pytest.raises(Cut):
        run(what, Findings(), report=stop, checkpointing=Checkpointing(folder, 0.0, cut))
    return Checkpoint(experiences).file_in(folder)


def reached(found: Findings):
    """All that is the same in two runs on the clock of steps."""
    cost = found.cost
    counted = cost.charged_by_experience, cost.steps_by_experience, cost.steps, cost.samples
    return found.outcome, found.weights, counted, found.resolved


@pytest.mark.parametrize("strategy", [n for n in STRATEGIES if n not in AT_ONCE | {*UNKEPT}])
def test_cut_twice_it_ends_as_uncut(strategy, tmp_path):
    what, whole, pieces = config(strategy), Findings(), Findings()
    run(what, whole)
    cut = cut_after(1, tmp_path, what)
    cut = cut_after(2, tmp_path, what, cut)
    run(what, pieces, checkpointing=Checkpointing(tmp_path, 0.0, cut))
    assert reached(pieces) == reached(whole)


def test_saving_changes_nothing_and_is_not_charged(tmp_path):
    whole, saved, told = Findings(), Findings(), []
    run(config(), whole)
    run(config(), saved, report=told.append, checkpointing=Checkpointing(tmp_path, 0.0))
    assert reached(saved) == reached(whole)
    assert [one for one in told if isinstance(one, Checkpoint)] == [Checkpoint(1), Checkpoint(2)]
    assert saved.cost.uncharged_seconds["checkpoint"] > 0
    assert "checkpoint" not in whole.cost.uncharged_seconds


@pytest.fixture
def not_imported(monkeypatch):
    """The strategy's module is imported by the run, as it is in a process of its own."""
    monkeypatch.delitem(sys.modules, "odd_keepers", raising=False)


@pytest.mark.parametrize("kept", ["Scalar", "Columns", "Texts"])
def test_odd_things_go_on_as_they_were(kept, tmp_path):
    what, whole, pieces = config(f"odd_keepers:{kept}"), Findings(), Findings()
    run(what, whole)
    run(what, pieces, checkpointing=Checkpointing(tmp_path, 0.0, cut_after(1, tmp_path, what)))
    assert reached(pieces) == reached(whole)


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        ("View", "must have memory of its own, got that of another array"),
        ("Shrunk", "must be a set whose order can be made again: keep a list"),
        ("UnderWay", "must have ended with its experience: it is under way"),
        ("InModule", "what it keeps must be in the strategy, got something else in its modules"),
        ("InClass", "what it keeps must be in the strategy, got something else in its modules"),
        ("OnExperience", "or on an experience"),
        ("When", "must be made of its attributes, got a datetime64"),
        ("Nested", "what it holds cannot be written: RecursionError"),
        ("Names", "must be an array as torch has them"),
    ],
)
def test_what_could_not_go_on_leaves_no_checkpoint(kept, why, tmp_path, capsys, not_imported):
    found, told = Findings(), []
    checkpointing = Checkpointing(tmp_path, 0.0)
    run(config(f"odd_keepers:{kept}"), found, report=told.append, checkpointing=checkpointing)
    assert found.outcome is not None
    assert not any(isinstance(one, Checkpoint) for one in told)
    said = capsys.readouterr().out
    assert "no checkpoint after experience 0: " in said
    assert why in said


def test_between_checkpoints_lies_the_time_that_was_asked_for(tmp_path):
    run(config(), Findings(), checkpointing=Checkpointing(tmp_path, 3600.0))
    assert not list(tmp_path.iterdir())


def test_a_run_whose_state_cannot_be_saved_goes_on(tmp_path, capsys):
    found, told = Findings(), []
    run(
        config("avalanche-packnet"), found, report=told.append,
        checkpointing=Checkpointing(tmp_path, 0.0),
    )  # fmt: skip
    assert found.outcome is not None
    assert not any(isinstance(one, Checkpoint) for one in told)
    assert "no checkpoint after experience 0: what lies at" in capsys.readouterr().out


@pytest.mark.parametrize("changed", [{"base_seed": 1}, {"strategy": "naive"}])
def test_a_checkpoint_of_another_run_is_refused(changed, tmp_path):
    cut = cut_after(1, tmp_path, config())
    with pytest.raises(CannotGoOn, match="a checkpoint must be of the run"):
        run(config(**changed), Findings(), checkpointing=Checkpointing(tmp_path, 0.0, cut))


def test_a_checkpoint_must_answer_as_it_did(tmp_path):
    cut = cut_after(1, tmp_path, config())
    negate_weights(cut)
    with pytest.raises(CannotGoOn, match="a checkpoint must answer as it did when it was saved"):
        run(config(), Findings(), checkpointing=Checkpointing(tmp_path, 0.0, cut))


def test_what_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "none").write_text("nothing")
    with pytest.raises(CannotGoOn, match="must be a saved state"):
        run(config(), Findings(), checkpointing=Checkpointing(tmp_path, 0.0, tmp_path / "none"))


def test_generators_go_on_where_they_were():
    def drawn():
        return random.random(), random.gauss(0, 1), np.random.normal(), torch.rand(()).item()

    seed_everything(3)
    drawn()
    here = generators()
    first = [drawn() for _ in range(3)]
    set_generators(here)
    assert [drawn() for _ in range(3)] == first
