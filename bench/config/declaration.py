"""What files declare of runs: TOML, strict, and what every declaration has in common."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.config.budget import Budget, ClockName
from bench.config.catalogue import find_benchmark, find_model
from bench.config.run_config import Allocation, Augmentation, RunConfig, Speedup, suggest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

D = TypeVar("D", bound="Declared")


class Declared(BaseModel):
    """Runs that somebody declares: in which conditions, and how often.

    Attributes:
        budget: of one run on the whole stream.
        model: None for the benchmark's own.
        seeds: number of repetitions, from 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget: str
    clock: ClockName | None = None
    model: str | None = None
    seeds: int = Field(default=1, ge=1)
    base_seed: int = Field(default=0, ge=0)
    validation: float = Field(default=0.0, ge=0, le=0.5)
    allocation: Allocation = "samples"
    threads: int = Field(default=1, ge=1)
    device: Literal["cpu", "cuda"] = "cpu"
    speedups: tuple[Speedup, ...] = ()
    augment: tuple[Augmentation, ...] = ()

    @classmethod
    def of(cls: type[D], options: Mapping[str, Any], *, source: str = "") -> D:
        """From fields by name.

        Raises:
            ValueError: names the one that is wrong.
        """
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            raise ValueError(f"{source}{first_mistake(error, cls)}") from error

    @classmethod
    def read(cls: type[D], path: Path) -> D:
        """Read a TOML file.

        Raises:
            ValueError: names the file and the key that is wrong.
        """
        return cls.of(read_toml(path, f"{cls.__name__.lower()} file"), source=f"{path}: ")

    @property
    def whole_budget(self) -> Budget:
        """Of one run on the whole stream."""
        return Budget.parse(self.budget, self.clock)

    def model_on(self, benchmark: str) -> str:
        """The model of the runs on a benchmark.

        Raises:
            ValueError: for an unknown name.
        """
        if self.model is None:
            return find_benchmark(benchmark).model
        find_model(self.model)
        return self.model

    def run_config(self, benchmark: str, **chosen: Any) -> RunConfig:
        """A run on a benchmark in these conditions. chosen: the other fields of its configuration.

        Raises:
            ValueError: for a name or a value that cannot be.
        """
        conditions = {
            "budget": self.whole_budget,
            "base_seed": self.base_seed,
            "validation": self.validation,
            "allocation": self.allocation,
            "threads": self.threads,
            "device": self.device,
            "speedups": self.speedups,
            "augment": self.augment,
        }
        model = self.model_on(benchmark)
        return RunConfig(benchmark=benchmark, model=model, **{**conditions, **chosen})


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """The table of a TOML file.

    Args:
        what: it should be.

    Raises:
        ValueError: names the file and what is wrong.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{what} {path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not TOML: {error}") from error


def toml_value(text: str) -> object:
    """What TOML reads as a value, or the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def first_mistake(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that is wrong, with the nearest known key for an unknown one."""
    detail = error.errors()[0]
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return suggest("key", key, model.model_fields)
    return f"{key}: {detail['msg']}, got {detail.get('input')!r}"
