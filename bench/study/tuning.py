"""What a tuning is: the same search for every strategy, over one shared space and its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bench.config.catalogue import find_benchmark
from bench.config.conditions import Option, SharedFields
from bench.study.space import written
from bench.study.study import Objective, Searched, Study
from strategies import building
from strategies.search_space import STORED, STORED_NAMES, TRAINING_SPACE

FIRST = 2
"""Experiences that trials see with `tune_on = "first"`."""


class Tuning(Searched):
    """One search for each of several strategies, which differ in nothing but the strategy.

    Attributes:
        strategies: ids, or `all` for every strategy that can do the scenario.
        tune_on: `first`: trials see the first two experiences only.
        objective: what trials are judged by: `score`, what leaderboards rank by, or `accuracy`.
    """

    strategies: Annotated[tuple[str, ...], Option("strategy")] = Field(
        default=("all",), description="Ids, module:Class, or all."
    )
    tune_on: Literal["whole", "first"] = Field(
        default="whole", description="What of the stream trials see: whole, or the first two."
    )
    objective: Literal["score", "accuracy"] = Field(
        default="score", description="What trials are judged by, on held-out data."
    )

    def studies(self) -> dict[str, Study]:
        """The search of each strategy, over its own space and the shared one.

        Raises:
            ValueError: for a strategy that is unknown or cannot do the scenario.
        """
        return {name: self._study(name) for name in self._names()}

    def _names(self) -> list[str]:
        spec = find_benchmark(self.benchmark)
        spec.check_searched(self.benchmark)
        if self.strategies == ("all",):
            return building.able(self.scenario, coming_again=spec.options.fades)
        for name in self.strategies:
            building.check_scenario(
                name, building.find(name), self.scenario,
                coming_again=spec.coming_again(self.benchmark),
            )  # fmt: skip
        return list(dict.fromkeys(self.strategies))

    def _study(self, name: str) -> Study:
        shared = {field: getattr(self, field) for field in SharedFields.model_fields}
        objectives: tuple[Objective, ...] = (self.objective,)
        own = building.find(name).space
        return Study(
            **shared,
            strategy=name,
            benchmark=self.benchmark,
            scenario=self.scenario,
            budget=self.budget,
            clock=self.clock,
            seeds=self.seeds,
            model=self.model,
            experiences=FIRST if self.tune_on == "first" else None,
            objectives=objectives,
            hyperparameters=dict.fromkeys(own.keys() & STORED_NAMES, STORED),
            space=written(TRAINING_SPACE),
        )
