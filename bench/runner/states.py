"""A run that saves its state at the end, and one that goes on from such a state."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.config.run_config import RunConfig
from bench.data.stored_samples import StoredSamples
from bench.data.streams import Benchmark
from bench.runner.examination import check_counts
from bench.runner.seeding import seed_everything
from strategies import kept_state
from strategies.import_path import is_import_path


def keep_state(
    strategy: Any, state: Path, config: RunConfig, benchmark: Benchmark, lent: Sequence[Any]
) -> None:
    """Save the state of a strategy.

    Args:
        strategy: between experiences.
        state: the file.
        config: of its run.
        benchmark: of its run.
        lent: the referee's plugins and clock.

    Raises:
        ValueError: for something that cannot be saved, which it names.
    """
    told = _facts(config, benchmark)
    told |= {
        "classes": str(benchmark.n_classes),
        "classes_by_experience": json.dumps(benchmark.classes_by_experience),
        "labels_by_experience": json.dumps(benchmark.labels_by_experience),
        "data": benchmark.data_hash,
    }
    kept_state.write(strategy, state, about=told, **how_for_another(config, lent))


def begin_from(
    state: Path, anew: Any, config: RunConfig, benchmark: Benchmark, lent: Sequence[Any]
) -> Any:
    """The strategy of a saved state, as it was at the end of its run.

    Args:
        state: the file.
        anew: the same strategy, as it begins without one.
        config: of the run.
        benchmark: of the run.
        lent: the referee's plugins and clock.

    Raises:
        ValueError: for a file that is no state, or one of another network than the run has.
    """
    told = {k: v for k, v in kept_state.about(state).items() if k != "state"}
    for name, own in _facts(config, benchmark).items():
        if told.get(name) != own:
            raise ValueError(
                f"{name} must be that of the saved state, {told.get(name)}, to go on, got {own}"
            )
    if not told.get("classes", "").isdecimal() or "data" not in told:
        raise ValueError(f"{state} must be the saved state of a run, got {dict(told)}"[:300])
    if benchmark.n_classes > (classes := int(told["classes"])):
        raise ValueError(
            f"classes must be at most the {classes} of the saved state to go on, got "
            f"{benchmark.n_classes}"
        )
    earlier = None if benchmark.days is None else benchmark.days.earlier
    if earlier is not None and earlier.content_hash != told["data"]:
        raise ValueError(
            f"the first {config.first_day} days of {config.benchmark} must be those of the saved "
            "state: a row of them has changed or was added, or a label is new"
        )
    strategy = kept_state.read(state, **how_for_another(config, lent))
    check_kind(strategy, anew, lent, state)
    seed_everything(config.seed("data"))
    return strategy


def check_kind(strategy: Any, anew: Any, lent: Sequence[Any], state: Path) -> None:
    """Refuse a strategy that is not what a run has.

    Args:
        strategy: from a saved state.
        anew: the same, as it begins without one.
        lent: the referee's plugins and clock.
        state: the file.

    Raises:
        ValueError: says what it is not.
    """
    if type(strategy) is not type(anew) or type(strategy.model) is not type(anew.model):
        raise ValueError(f"{state} must hold a {type(anew).__name__} with its network")
    if not {id(thing) for thing in anew.plugins} & {id(thing) for thing in lent} <= {
        id(thing) for thing in strategy.plugins
    }:
        raise ValueError(f"{state} must hold a strategy that the referee stops, got one without")
    check_counts(strategy)


def _facts(config: RunConfig, benchmark: Benchmark) -> dict[str, str]:
    """What a run that goes on must have in common with the one before."""
    return {
        "strategy": config.strategy,
        "model": config.model,
        "scenario": config.scenario,
        "inputs": " x ".join(map(str, benchmark.input_shape)),
    }


def how_for_another(config: RunConfig, lent: Sequence[Any]) -> Mapping[str, Any]:
    """How a file is written and read that other runs than its own go on from.

    Args:
        config: of the run.
        lent: the referee's plugins and clock.
    """
    return {
        "lent": {type(thing).__name__: thing for thing in lent},
        "samples": StoredSamples(config.augment),
        "modules": own_modules(config),
    }


def own_modules(config: RunConfig) -> list[str]:
    """Names of the modules of a user's own strategy and model."""
    own = [name for name in (config.strategy, config.model) if is_import_path(name)]
    return [name.partition(":")[0] for name in own]
