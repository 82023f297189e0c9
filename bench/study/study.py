"""What a study is: one strategy on one benchmark under one budget, and the space it searches.

A study file is TOML with the fields of `Study`; the folder of a study keeps the one it was begun
with, and nothing that is written there may change while it goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import AliasChoices, Field, field_validator

from bench.config.budget import Budget
from bench.config.catalogue import check_experiences, find_benchmark
from bench.config.conditions import Option
from bench.config.declaration import BudgetText, Declaration, setting
from bench.config.run_config import RunConfig, Scenario, Value
from bench.config.stream_options import BenchmarkId
from bench.config.suite import parse_value
from bench.records.store import write_atomically
from bench.study.space import Written, parse_space, read_space, search_space, written
from strategies import building
from strategies.search_space import Choices, Range

Objective = Literal["weights", "accuracy", "score"]


class Searched(Declaration):
    """What searches have in common: where they are judged, and on which data and seeds.

    Attributes:
        base_seed: not 0, the leaderboards' own, so that what is found is scored on seeds never
            seen.
        validation: fraction of each training experience that trials are judged on.
    """

    benchmark: BenchmarkId = Field(
        default="split-digits", description="Id, folder:PATH or npz:PATH."
    )
    scenario: Scenario = Field(default="task", description="What is told of the task.")
    budget: BudgetText = "20s"
    base_seed: int = Field(
        default=1, ge=1, description="Above 0, whose seeds the leaderboards score on."
    )
    validation: float = Field(
        default=0.1, gt=0, le=0.5, description="Fraction of training that judges the trials."
    )
    allocation: Literal["samples", "equal"] = Field(
        default="samples", description="How the experiences share the budget."
    )


class Study(Searched):
    """A search; trials differ in nothing but the hyper-parameters of `space`.

    Attributes:
        total_budget: what all runs of the search may spend together; None: no limit. Older files
            call it `within`.
        experiences: trials see only so many of the stream, its first, under such a part of the
            budget that each has the same share; None: all of it.
        objectives: `accuracy`, or `weights` and `accuracy` at once, or `score`, what leaderboards
            rank by.
        seeds: runs of one trial, whose mean it is judged by; every trial has the same ones.
        hyperparameters: fixed ones; `["density=0.1"]` is read too.
        space: searched ones, over those that the strategy declares; `["density=0.1:0.5"]` is read
            too.
    """

    strategy: str = Field(description="Id or module:Class.")
    seeds: int = Field(default=1, ge=1, description="Runs of one trial.")
    experiences: int | None = Field(
        default=None, ge=1, description="Trials see only the first so many."
    )
    total_budget: str | None = Field(
        default=None,
        validation_alias=AliasChoices("total_budget", "within"),
        description="Most that the search and a final run spend.",
    )
    objectives: Annotated[tuple[Objective, ...], Option("objective")] = Field(
        default=("weights", "accuracy"), description="accuracy, score, or weights,accuracy."
    )
    hyperparameters: Annotated[dict[str, Value], Option("set")] = Field(
        default_factory=dict, description="name=value: not searched."
    )
    space: dict[str, Written] = Field(
        default_factory=dict, description="name=low:high, low:high:log or a,b,c: searched."
    )

    @field_validator("hyperparameters", mode="before")
    @classmethod
    def _from_settings(cls, value: Any) -> Any:
        return parse_fixed(value) if isinstance(value, list) else value

    @field_validator("space", mode="before")
    @classmethod
    def _from_ranges(cls, value: Any) -> Any:
        return parse_space(value) if isinstance(value, list) else value

    @field_validator("objectives")
    @classmethod
    def _known_together(cls, names: tuple[Objective, ...]) -> tuple[Objective, ...]:
        if sorted(names) not in (["accuracy"], ["score"], ["accuracy", "weights"]):
            raise ValueError("objectives must be accuracy, score, or weights and accuracy")
        return tuple(sorted(names, reverse=True))

    def write(self, path: Path) -> None:
        """Write the TOML file that gives this study again."""
        write_atomically(path, tomli_w.dumps(self.model_dump(exclude_none=True)))

    def resolved(self) -> Study:
        """With everything filled in that a later version might fill in otherwise.

        Raises:
            ValueError: for a name or a combination that cannot be.
        """
        benchmark = find_benchmark(self.benchmark)
        benchmark.check_searched(self.benchmark)
        benchmark.check_scenario(self.benchmark, self.scenario)
        building.check_scenario(
            self.strategy, building.find(self.strategy), self.scenario,
            coming_again=benchmark.coming_again(self.benchmark),
        )  # fmt: skip
        budget = self.whole_budget
        if self.experiences is not None:
            known = benchmark.length
            if known is None:
                raise ValueError(f"experiences needs a number: {self.benchmark}?experiences=5")
            check_experiences(self.experiences, known, self.benchmark)
        filled = {
            "model": self.model_on(self.benchmark),
            "clock": budget.clock,
            "space": written(search_space(self.strategy, self.space, self.hyperparameters)),
            "budget": str(budget),
        }
        study = self.model_copy(update=filled)
        if study.most < self.run_budget.amount * self.seeds:
            raise ValueError(f"total_budget must hold a trial or more, got {self.total_budget}")
        return study

    def searched(self) -> dict[str, Range | Choices]:
        """The space of a resolved study."""
        return read_space(self.space)

    @property
    def run_budget(self) -> Budget:
        """Of one run of a trial."""
        if self.experiences is None:
            return self.whole_budget
        known = find_benchmark(self.benchmark).length
        assert known is not None, "refused when the study is resolved"
        return self.whole_budget.part(self.experiences, known)

    @property
    def most(self) -> float:
        """What all runs may spend together, in the unit of the budget."""
        if self.total_budget is None:
            return float("inf")
        whole = Budget.parse(self.total_budget, self.run_budget.clock)
        return whole.amount

    def configs(self, chosen: Mapping[str, Value]) -> list[RunConfig]:
        """The runs of the trial with these hyper-parameters: one for each seed."""
        return [
            self.run_config(
                self.benchmark,
                scenario=self.scenario,
                strategy=self.strategy,
                hyperparameters={**self.hyperparameters, **chosen},
                budget=self.run_budget,
                repetition=repetition,
                validation_only=True,
                experiences=self.experiences,
            )
            for repetition in range(self.seeds)
        ]


def parse_fixed(settings: list[str]) -> dict[str, Value]:
    """`["density=0.1", "optimizer=adam"]` as the fixed hyper-parameters of a study."""
    return {name: parse_value(text) for name, text in map(setting, settings)}


def resolve(study: Study) -> tuple[Study, dict[str, object]]:
    """The resolved study and the default of each searched hyper-parameter; imports the strategy."""
    found = study.resolved()
    defaults = building.resolve(
        study.strategy, building.find(study.strategy), study.hyperparameters
    )
    return found, {name: defaults[name] for name in found.space}


def differences(then: Study, now: Study) -> list[str]:
    """What differs between the study of a folder and one that would go on in it."""
    return [f"{name} was {old}, is {new}" for name, (old, new) in changed(then, now).items()]


def changed(one: Study, other: Study) -> dict[str, tuple[Any, Any]]:
    """The fields in which two studies differ, and both values; `space.rounds` of those in one."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in Study.model_fields:
        before, after = getattr(one, name), getattr(other, name)
        if isinstance(before, dict):
            for key in {**before, **after}:
                if before.get(key) != after.get(key):
                    found[f"{name}.{key}"] = before.get(key), after.get(key)
        elif before != after:
            found[name] = before, after
    return found
