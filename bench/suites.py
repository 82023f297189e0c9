"""Declared grids of runs: a suite is every combination of what its lists hold.

A suite file is TOML with the fields of `Suite`; a single run is a suite with one cell.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.budgets import Budget, ClockName
from bench.catalogue import find_benchmark, find_model
from bench.config import Allocation, Augmentation, RunConfig, Scenario, Speedup, Value, suggest
from strategies import registry

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Suite(BaseModel):
    """A grid of runs.

    strategies: ids, or `all` for every strategy that can do the scenario.
    model: None for the benchmark's own. seeds: number of repetitions, from 0.
    hyperparameters: by strategy id, or under `*` for all that are in the suite; a list is a grid.
    points: by strategy id, hyper-parameters that belong together; the grid is laid over each.
    search_charged: what the search charged that chose the points, an empty one excepted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmarks: tuple[str, ...] = ("split-digits",)
    scenarios: tuple[Scenario, ...] = ("task",)
    strategies: tuple[str, ...] = ("all",)
    budget: str = "10s"
    clock: ClockName | None = None
    seeds: int = Field(default=1, ge=1)
    base_seed: int = Field(default=0, ge=0)
    model: str | None = None
    hyperparameters: dict[str, dict[str, Value | list[Value]]] = Field(default_factory=dict)
    points: dict[str, list[dict[str, Value]]] = Field(default_factory=dict)
    search_charged: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    allocation: Allocation = "samples"
    validation: float = Field(default=0.0, ge=0, le=0.5)
    threads: int = Field(default=1, ge=1)
    device: Literal["cpu", "cuda"] = "cpu"
    speedups: tuple[Speedup, ...] = ()
    augment: tuple[Augmentation, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Suite:
        """Read a TOML file; ValueError names the file and the key that is wrong."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"suite file {path} cannot be read: {error}") from error
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{path}: not TOML: {error}") from error
        except ValidationError as error:
            raise ValueError(f"{path}: {first_mistake(error, cls)}") from error

    def configs(self) -> list[RunConfig]:
        """Every run of the grid; ValueError for a name or a combination that cannot be."""
        budget = Budget.parse(self.budget, self.clock)
        self._check_hyperparameters()
        if "cuda-graphs" in self.speedups and self.device != "cuda":
            raise ValueError(f"speedup cuda-graphs needs device cuda, got {self.device}")
        configs = [
            RunConfig(
                benchmark=benchmark,
                scenario=scenario,
                model=self._model(benchmark),
                strategy=strategy,
                hyperparameters={**chosen, **point},
                budget=budget,
                allocation=self.allocation,
                validation=self.validation,
                base_seed=self.base_seed,
                repetition=repetition,
                threads=self.threads,
                device=self.device,
                speedups=self.speedups,
                augment=self.augment,
                search_charged=self.search_charged if point else 0.0,
            )
            for benchmark, scenario in product(self.benchmarks, self.scenarios)
            for strategy in self._strategies(benchmark, scenario)
            for point in self.points.get(strategy, [{}])
            for chosen in self._grid(strategy)
            for repetition in range(self.seeds)
        ]
        if not configs:
            raise ValueError("the suite must hold at least one run, got none")
        return configs

    def _check_hyperparameters(self) -> None:
        known = ("*", *(registry.STRATEGIES if self.strategies == ("all",) else self.strategies))
        for field, given in (("hyperparameters", self.hyperparameters), ("points", self.points)):
            for name in given:
                if name not in known:
                    raise ValueError(suggest(f"strategy in {field}", name, known))

    def _strategies(self, benchmark: str, scenario: Scenario) -> list[str]:
        find_benchmark(benchmark).check_scenario(benchmark, scenario)
        if self.strategies == ("all",):
            return [n for n, entry in registry.STRATEGIES.items() if scenario in entry.scenarios]
        for name in self.strategies:
            registry.check_scenario(name, registry.find(name), scenario)
        return list(self.strategies)

    def _model(self, benchmark: str) -> str:
        if self.model is None:
            return find_benchmark(benchmark).model
        find_model(self.model)
        return self.model

    def _grid(self, strategy: str) -> list[dict[str, Value]]:
        chosen = {**self.hyperparameters.get("*", {}), **self.hyperparameters.get(strategy, {})}
        axes = [value if isinstance(value, list) else [value] for value in chosen.values()]
        return [dict(zip(chosen, values, strict=True)) for values in product(*axes)]


def parse_settings(
    settings: list[str], strategies: tuple[str, ...]
) -> dict[str, dict[str, Value | list[Value]]]:
    """`["density=0.1", "ewc.ewc_lambda=10,100"]` as a suite's hyperparameters.

    A comma makes a grid. Without a strategy's id before the dot the setting is for all.
    """
    result: dict[str, dict[str, Value | list[Value]]] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key or not text:
            raise ValueError(f"--set must be name=value or strategy.name=value, got {setting!r}")
        strategy, dot, name = key.rpartition(".")
        if dot and strategy not in strategies and strategies != ("all",):
            raise ValueError(suggest("strategy in --set", strategy, strategies))
        own = result.setdefault(strategy or "*", {})
        if name in own:
            raise ValueError(f"--set {key} must be given once, with commas for a grid")
        values: list[Value] = [parse_value(part) for part in text.split(",")]
        own[name] = values if len(values) > 1 else values[0]
    return result


def parse_value(text: str) -> bool | int | float | str:
    """A TOML value, or the text itself."""
    try:
        parsed = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    if isinstance(parsed, float) and not math.isfinite(parsed):
        raise ValueError(f"values in --set must be finite, got {text}")
    return parsed if isinstance(parsed, (bool, int, float, str)) else text


def first_mistake(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that is wrong, with the nearest known key for an unknown one."""
    detail = error.errors()[0]
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return suggest("key", key, model.model_fields)
    got: Mapping[str, object] | object = detail.get("input")
    return f"{key}: {detail['msg']}, got {got!r}"
