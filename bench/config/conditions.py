"""What every declaration of runs has in common: each field stands here once, with all that is known
of it.

A field of `Conditions` has its default and its rule, a `description`, which is its help text, and a
`title`, which is its name on pages. It is inherited by the configuration of a run, by suites and
studies, hence by their files and the command line, and by the key of a pool: whatever stands there
keeps runs apart. A field of `SharedFields` is all that but a condition: two runs that differ in it
may be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator
from pydantic.fields import FieldInfo

from bench.config.budget import check_allocation

Speedup = Literal["channels-last", "bf16", "compile", "cuda-graphs"]
Augmentation = Literal["crop", "flip"]
Allocation = Annotated[str, AfterValidator(check_allocation)]


@dataclass(frozen=True)
class Option:
    """How a field is called on the command line, where it is not by its own name.

    Attributes:
        name: without dashes; None for a field that only files have.
        variable: the environment variable that it is read from where it is not given.
    """

    name: str | None
    variable: str | None = None


class Conditions(BaseModel):
    """What must be equal before two runs are compared, beside benchmark, model and budget.

    A number that is no whole one is a fraction: pages show it in percent. Fields of one title are
    one line of a page, and an empty one is left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    allocation: Allocation = Field(
        default="samples",
        title="allocation",
        description="How the experiences share the budget: samples, equal, or shares: 3,1,1.",
    )
    validation: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        title="held out for validation",
        description="Fraction held out of each training experience; 0 holds out nothing.",
    )
    threads: int = Field(
        default=1, ge=1, le=4096, title="threads and device", description="Threads of one run."
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu", title="threads and device", description="What the runs compute on."
    )
    speedups: tuple[Speedup, ...] = Field(
        default=(),
        title="threads and device",
        description="What is done to the network of every strategy alike.",
    )
    augment: tuple[Augmentation, ...] = Field(
        default=(),
        title="augmentation",
        description="How training minibatches are augmented.",
    )

    @field_validator("speedups", "augment")
    @classmethod
    def _one_order(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(names)))


class SharedFields(Conditions):
    """What the configuration of a run, a suite and a study have in common."""

    base_seed: int = Field(
        default=0, ge=0, description="With the number of the repetition it makes the seed."
    )


def option(name: str, field: FieldInfo) -> Option:
    """How a field is called on the command line: by its own name, unless it says otherwise."""
    own = (found for found in field.metadata if isinstance(found, Option))
    return next(own, Option(name.replace("_", "-")))


def option_names(model: type[BaseModel]) -> dict[str, str]:
    """How the command line calls the fields of a model that have an option there."""
    called = {name: option(name, field).name for name, field in model.model_fields.items()}
    return {name: own for name, own in called.items() if own is not None}


def value_text(value: Any) -> str:
    """A value of a field as the command line takes it: `3`, `crop,flip`."""
    return ",".join(value) if isinstance(value, tuple) else str(value)
