"""Declared grids of runs: a suite is every combination of what its lists hold.

A suite file is TOML with the fields of `Suite`; a single run is a suite with one cell.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bench.config.catalogue import find_benchmark
from bench.config.conditions import Option
from bench.config.declaration import BudgetText, Declaration, setting, toml_value
from bench.config.run_config import RunConfig, Scenario, Value, suggest
from bench.config.stream_options import BenchmarkId
from bench.config.tuned import Tuned
from strategies import building, registry

MOST_RUNS = 100_000
"""Of one suite."""


class Suite(Declaration):
    """A grid of runs.

    Attributes:
        strategies: ids, or `all` for every strategy that can do the scenario.
        hyperparameters: by strategy id, or under `*` for all that are in the suite; a list is a
            grid. `["density=0.1,0.2", "ewc.ewc_lambda=10"]` is read too.
        points: by strategy id, hyper-parameters that belong together; the grid is laid over each.
        search_charged: what the search charged that chose the points, an empty one excepted.
        tuned: what a search of every strategy was made for, which tells what each of them charged.
        gpus: of this machine, by number, one for each run at once; `device="cuda:0,cuda:1"` is
            read as `cuda` and these. None for the first.
    """

    benchmarks: Annotated[tuple[BenchmarkId, ...], Option("benchmark")] = Field(
        default=("split-digits",),
        description="Ids, folder:PATH, npz:PATH or csv:PATH?time=T&label=L (or target=N).",
    )
    scenarios: Annotated[tuple[Scenario, ...], Option("scenario")] = Field(
        default=("task",), description="What is told of the task; the only one there is by itself."
    )
    strategies: Annotated[tuple[str, ...], Option("strategy")] = Field(
        default=("all",), description="Ids, module:Class, or all."
    )
    budget: BudgetText = "10s"
    hyperparameters: Annotated[dict[str, dict[str, Value | list[Value]]], Option("set")] = Field(
        default_factory=dict,
        description="name=value, or strategy.name=value; a comma makes a grid.",
    )
    points: Annotated[dict[str, list[dict[str, Value]]], Option(None)] = Field(default_factory=dict)
    search_charged: Annotated[float, Option(None)] = Field(default=0.0, ge=0, allow_inf_nan=False)
    tuned: Annotated[Tuned | None, Option(None)] = None
    gpus: Annotated[tuple[int, ...], Option(None)] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_numbered_devices(cls, given: Any) -> Any:
        """Read `cuda:0,cuda:1` as the kind of device and its numbers."""
        device = given.get("device") if isinstance(given, dict) else None
        if not isinstance(device, str) or not device.startswith("cuda:"):
            return given
        if not re.fullmatch(r"cuda:\d{1,3}(,cuda:\d{1,3})*", device, re.ASCII):
            raise ValueError(f"device must be cpu, cuda, or such as cuda:0,cuda:1, got {device!r}")
        numbers = tuple(int(name.removeprefix("cuda:")) for name in device.split(","))
        if repeats(numbers):
            raise ValueError(f"device must name each GPU once, got {device!r}")
        return {**given, "device": "cuda", "gpus": numbers}

    @model_validator(mode="after")
    def _of_gpus(self) -> Suite:
        """Refuse numbers of no GPU."""
        numbers = self.gpus
        if numbers and (self.device != "cuda" or min(numbers) < 0 or repeats(numbers)):
            raise ValueError(f"gpus must be numbers for device cuda, each once, got {numbers}")
        return self

    @field_validator("hyperparameters", mode="before")
    @classmethod
    def _from_settings(cls, value: Any, info: ValidationInfo) -> Any:
        known = info.data.get("strategies", ("all",))
        return parse_settings(value, known) if isinstance(value, list) else value

    def configs(self) -> list[RunConfig]:
        """Every run of the grid.

        Raises:
            ValueError: for a name or a combination that cannot be.
        """
        self._check_hyperparameters()
        self._check_size()
        if "cuda-graphs" in self.speedups and self.device != "cuda":
            raise ValueError(f"speedup cuda-graphs needs device cuda, got {self.device}")
        self._check_tuned()
        configs = [
            self.run_config(
                benchmark,
                scenario=scenario,
                strategy=strategy,
                hyperparameters={**chosen, **point},
                repetition=repetition,
                search_charged=self._charged(strategy) if point else 0.0,
            )
            for benchmark, scenario in self._places()
            for strategy in self._strategies(benchmark, scenario)
            for point in self.points.get(strategy, [{}])
            for chosen in self._grid(strategy)
            for repetition in range(self.seeds)
        ]
        if not configs:
            raise ValueError("the suite must hold at least one run, got none")
        return configs

    def _places(self) -> Iterator[tuple[str, Scenario]]:
        """Each benchmark with each scenario: the only one that it has, if none is given."""
        for benchmark in self.benchmarks:
            offered = find_benchmark(benchmark).scenarios
            alone = "scenarios" not in self.model_fields_set and len(offered) == 1
            for scenario in offered if alone else self.scenarios:
                yield benchmark, scenario

    def _check_size(self) -> None:
        """Refuse a grid that would take forever to lay out, let alone to run."""
        names = registry.STRATEGIES if self.strategies == ("all",) else self.strategies
        cells = sum(len(self.points.get(n, [{}])) * self._points_of_grid(n) for n in names)
        runs = cells * len(self.benchmarks) * len(self.scenarios) * self.seeds
        if runs > MOST_RUNS:
            raise ValueError(f"a suite must hold at most {MOST_RUNS} runs, got {runs}")

    def _points_of_grid(self, strategy: str) -> int:
        """How many there are, without laying them out."""
        axes = self._axes(strategy).values()
        return math.prod(len(value) if isinstance(value, list) else 1 for value in axes)

    def _check_tuned(self) -> None:
        if self.tuned is None:
            return
        for benchmark, scenario in self._places():
            now = {
                "benchmark": benchmark,
                "scenario": scenario,
                "model": self.model_on(benchmark),
                "budget": str(self.whole_budget),
            }
            self.tuned.check(now, self.base_seed)

    def _charged(self, strategy: str) -> float:
        return self.search_charged if self.tuned is None else self.tuned.charged_by(strategy)

    def _check_hyperparameters(self) -> None:
        known = ("*", *(registry.STRATEGIES if self.strategies == ("all",) else self.strategies))
        for field, given in (("hyperparameters", self.hyperparameters), ("points", self.points)):
            for name in given:
                if name not in known:
                    raise ValueError(suggest(f"strategy in {field}", name, known))
        if self.strategies == ("all",):
            entries = registry.STRATEGIES.values()
            names = {name for entry in entries for name in building.names_in_source(entry) or ()}
            for key in self.hyperparameters.get("*", {}):
                if key not in names:
                    raise building.unknown("no strategy has a hyper-parameter", key, names)

    def _strategies(self, benchmark: str, scenario: Scenario) -> list[str]:
        spec = find_benchmark(benchmark)
        spec.check_scenario(benchmark, scenario)
        if self.strategies == ("all",):
            return building.able(scenario, coming_again=spec.options.fades)
        for name in self.strategies:
            entry = building.find(name)
            building.check_scenario(
                name, entry, scenario, coming_again=spec.coming_again(benchmark)
            )
            for point in [*self._grid(name), *self.points.get(name, [])]:
                building.check_chosen(name, entry, point)
        return list(self.strategies)

    def _axes(self, strategy: str) -> dict[str, Value | list[Value]]:
        return {**self.hyperparameters.get("*", {}), **self.hyperparameters.get(strategy, {})}

    def _grid(self, strategy: str) -> list[dict[str, Value]]:
        chosen = self._axes(strategy)
        axes = [value if isinstance(value, list) else [value] for value in chosen.values()]
        return [dict(zip(chosen, values, strict=True)) for values in product(*axes)]


def repeats(numbers: tuple[int, ...]) -> bool:
    """Whether one is there twice."""
    return len(set(numbers)) < len(numbers)


def parse_settings(
    settings: list[str], strategies: tuple[str, ...]
) -> dict[str, dict[str, Value | list[Value]]]:
    """`["density=0.1", "ewc.ewc_lambda=10,100"]` as a suite's hyperparameters.

    A comma makes a grid. Without a strategy's id before the dot the setting is for all.
    """
    result: dict[str, dict[str, Value | list[Value]]] = {}
    for given in settings:
        key, text = setting(given)
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
    parsed = toml_value(text)
    if isinstance(parsed, float) and not math.isfinite(parsed):
        raise ValueError(f"values in --set must be finite, got {text}")
    return parsed if isinstance(parsed, (bool, int, float, str)) else text
