from __future__ import annotations

import pytest

from bench.strategy_docs import hyperparameters
from strategies.building import find
from strategies.registry import STRATEGIES, TRAINING, TRAINING_RULES


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_hyperparameter_has_a_default_and_a_meaning(name):
    entry = find(name)
    found = hyperparameters.hyperparameters(entry)
    assert [p.name for p in found if not p.meaning] == []
    # an item that runs on into the next one, or only points elsewhere, was read wrongly
    assert [p.name for p in found if "\n" in p.meaning or p.meaning.startswith("see ")] == []


def test_a_meaning_ends_where_the_next_item_begins_and_is_looked_up_elsewhere():
    found = hyperparameters.meanings(
        "strategies.methods.packnet:PackNet", ["rounds", "norm", "buffer", "scope"]
    )
    assert found == {
        "buffer": "stored examples in all, at least 1, when rehearsed.",
        "norm": "normalisation, affine and statistics, is kept per `task`, or learned by the "
        "`first` and frozen.",
        "rounds": "prune-retrain rounds, in [1, 1000]; they share what follows the first prune "
        "equally.",
        "scope": "rank within each `layer`, over all layers at once (`global`), or over all layers "
        "by what a weight is of its layer (`layer-adaptive`; Lee et al. 2021), which empties none.",
    }


def test_a_default_that_differs_from_the_shared_one_is_shown():
    found = {p.name: p.default for p in hyperparameters.hyperparameters(find("sleep-replay"))}
    assert found["learning_rate"] == 0.01
    assert "momentum" not in found


def test_every_shared_hyperparameter_has_a_rule_and_a_meaning():
    assert TRAINING.keys() == TRAINING_RULES.keys() == hyperparameters.TRAINING_MEANINGS.keys()


@pytest.mark.parametrize(
    ("value", "text"), [(None, "none"), (True, "true"), (0.05, "0.05"), ("layer", "layer")]
)
def test_values_are_written_as_they_are_set(value, text):
    assert hyperparameters.value_text(value) == text
