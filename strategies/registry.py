"""Every strategy by id; imports nothing heavy.

A strategy is declared in its own module, by `ENTRIES`; here stands which modules there are.
A user's own strategy runs by import path, `my_module:MyStrategy`, or under the entry-point group
`sleepbench.strategies`: a `SupervisedTemplate` with keyword-only hyper-parameters, or an `Entry`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strategies.entry import Entry
from strategies.read_entries import read_entries

TRAINING: Mapping[str, Any] = {
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "batch_size": 128,
}
"""Hyper-parameters that every strategy has, with the defaults that all share."""

MOST_IN_BATCH = 1_000_000
"""Examples of a minibatch at most."""

TRAINING_RULES: Mapping[str, str] = {
    "optimizer": "'sgd', 'adam' or 'adamw'",
    "learning_rate": "above 0",
    "momentum": "in [0, 1)",
    "weight_decay": "at least 0",
    "batch_size": f"in [1, {MOST_IN_BATCH}]",
}
"""What they must be."""

MODULES = (
    "packnet",
    "iterative_pruning",
    "adaptive_pruning",
    "sleep_replay",
    "staged_sleep",
    "knowledge_seeding",
    "adaptive_nights",
    "bias_correction",
    "weight_averaging",
    "naive",
    "joint",
    "cumulative",
    "from_scratch",
    "replay",
    "dark_experience_replay",
    "asymmetric_replay",
    "greedy_sampler",
    "interfered_retrieval",
    "averaged_gem",
    "generative_replay",
    "brain_inspired_replay",
    "icarl",
    "ewc",
    "avalanche_ewc",
    "mas",
    "synaptic_intelligence",
    "avalanche_synaptic_intelligence",
    "lwf",
    "hat",
    "winning_subnetworks",
    "superposition",
    "compacting_picking",
    "avalanche_packnet",
    "streaming_lda",
    "analytic",
)
"""Those of `strategies/methods/`, in the order in which strategies are listed."""

STRATEGIES: dict[str, Entry] = {
    name: entry
    for module in MODULES
    for name, entry in read_entries(f"strategies.methods.{module}").items()
}
"""Every strategy by its id."""
