"""What files declare of runs: TOML, strict, and what every declaration has in common."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from bench.config.budget import Budget, ClockName, by_night, check_unit
from bench.config.catalogue import find_benchmark, find_model
from bench.config.conditions import SharedFields
from bench.config.run_config import MOST_SEEDS, RunConfig, suggest

MOST_BYTES = 2**20
"""Files larger than this declare no runs."""

D = TypeVar("D", bound="Declaration")
M = TypeVar("M", bound=BaseModel)
BudgetText = Annotated[
    str,
    BeforeValidator(check_unit),
    Field(description="Of one run: 600s, 10m, 1h or 2000steps; by day and night 0.05s/night."),
]


class Declaration(SharedFields):
    """Runs that somebody declares: in which conditions, and how often.

    Every field may be given as text, as the command line does: a tuple as `a,b,c`.

    Attributes:
        budget: of one run on the whole stream.
        model: None for the benchmark's own.
        seeds: number of repetitions, from 0.
    """

    budget: BudgetText
    clock: ClockName | None = Field(
        default=None, description="What the budget is measured by; steps if it is in steps."
    )
    model: str | None = Field(default=None, description="Id; the benchmark's own if not given.")
    seeds: int = Field(default=1, ge=1, le=MOST_SEEDS, description="Repetitions of every run.")

    @field_validator("*", mode="before")
    @classmethod
    def _from_text(cls, value: Any, info: ValidationInfo) -> Any:
        assert info.field_name is not None, "it validates fields"
        field = cls.model_fields[info.field_name]
        listed = isinstance(value, str) and get_origin(field.annotation) is tuple
        return names_in(value) if listed else value

    @classmethod
    def of(
        cls: type[D],
        options: Mapping[str, Any],
        *,
        source: str = "",
        called: Mapping[str, str] | None = None,
    ) -> D:
        """From fields by name.

        Args:
            options: values by field.
            source: what a message begins with.
            called: fields that the user knows by another name, with that name.

        Raises:
            ValueError: names the one that is wrong.
        """
        try:
            return read_fields(cls, options, called)
        except ValueError as error:
            raise ValueError(f"{source}{error}") from error

    @classmethod
    def read(cls: type[D], path: Path) -> D:
        """Read a TOML file.

        Raises:
            ValueError: names the file and the key that is wrong.
        """
        what = f"{cls.__name__.lower()} file"
        declared = read_toml(path, what)
        if not declared:
            raise ValueError(f"{what} {path} must declare something, got nothing")
        return cls.of(declared, source=f"{path}: ")

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
        """A run on a benchmark in these conditions.

        Args:
            chosen: the other fields of its configuration.

        Raises:
            ValueError: for a name or a value that cannot be.
        """
        shared: dict[str, Any] = {name: getattr(self, name) for name in SharedFields.model_fields}
        spec = find_benchmark(benchmark)
        nights = spec.count_nights() if by_night(self.budget) else 0
        budget = Budget.parse(self.budget, self.clock, nights=nights)
        fields = {**shared, "budget": budget, **chosen}
        if by_night(self.budget):
            if self.allocation not in ("samples", "equal"):
                raise ValueError(
                    f"allocation must be equal for a budget by the night, got {self.allocation}"
                )
            fields["allocation"] = "equal"
        spec.check_conditions(benchmark, fields)
        return RunConfig(benchmark=benchmark, model=self.model_on(benchmark), **fields)


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """The table of a TOML file.

    Args:
        what: it should be.

    Raises:
        ValueError: names the file and what is wrong.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{what} {path} must be a plain file, no folder, pipe or device")
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{what} {path} must have at most {MOST_BYTES} bytes")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors put a mark in front
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{what} {path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not TOML: {error}") from error
    except (ValueError, RecursionError) as error:  # of a number of 5,000 digits, of nested lists
        raise ValueError(f"{path} cannot be read: {error}") from error


def toml_value(text: str) -> object:
    """What TOML reads as a value, or the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def names_in(text: str) -> tuple[str, ...]:
    """The parts of `a,b,c`, none of ""."""
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def setting(given: object, option: str = "--set", form: str = "name=value") -> tuple[str, str]:
    """Name and value of `name=value`.

    Args:
        given: text, or what a file has in its place.
        option: what it was given for.
        form: what it should look like.

    Raises:
        ValueError: for anything else.
    """
    name, _, value = given.partition("=") if isinstance(given, str) else ("", "", "")
    if not name or not value:
        raise ValueError(f"{option} must be {form}, got {given!r}")
    return name, value


def read_fields(
    model: type[M], fields: Mapping[str, Any], called: Mapping[str, str] | None = None
) -> M:
    """A model of fields by name.

    Args:
        model: what is made.
        fields: values by field.
        called: fields that the user knows by another name, with that name.

    Raises:
        ValueError: names the first that is wrong, and its rule.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise ValueError(first_mistake(error, model, called or {})) from error


def first_mistake(error: ValidationError, model: type[BaseModel], called: Mapping[str, str]) -> str:
    """The first thing that is wrong, with the nearest known key for an unknown one.

    Args:
        error: what is wrong.
        model: of what.
        called: fields that the user knows by another name, with that name.
    """
    detail, *others = error.errors()
    if detail["type"] == "value_error":  # the sentence of one of our own rules
        return detail["msg"].removeprefix("Value error, ")
    place = detail["loc"]
    # of a value that may be of several kinds each says what is wrong, and stands in the place
    kinds = [one for one in others if len(place) > 1 and one["loc"][:-1] == place[:-1]]
    kinds = [one for one in kinds if one["input"] is detail["input"]]
    field, *inner = (part for part in place[: -1 if kinds else None] if isinstance(part, str))
    key = ".".join([called.get(field, field), *inner])
    if detail["type"] == "extra_forbidden":
        return suggest("key", key, [called.get(name, name) for name in model.model_fields])
    message = detail["msg"]
    rule = message.removeprefix("Input should ")
    if rule == message:
        return f"{key}: {message}"
    more = [one["msg"].removeprefix("Input should be ") for one in kinds]
    rule = " or ".join([", ".join([rule, *more[:-1]]), *more[-1:]])
    return f"{key} must {rule}, got {detail['input']!r}"
