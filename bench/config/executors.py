"""What carries out runs, by name, and how it is reached."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

OPTION = re.compile(r"[a-z][a-z-]*(=.+)?")
NEXT_OPTION = re.compile(r",(?=[a-z][a-z-]*=)")
"""Where another option begins, and a value with a comma in it does not go on."""

ExecutorName = Literal["local", "ray", "slurm"]


class Place(BaseModel):
    """Where runs are carried out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    executor: ExecutorName = Field(
        default="local",
        description="What carries out runs: this machine, a Ray cluster, or a queue of Slurm.",
    )
    address: str | None = Field(
        default=None,
        description="host:port of the head of the Ray cluster that this machine is part of.",
    )
    slurm: dict[str, str] = Field(
        default_factory=dict, description="Options of sbatch: partition=cpu,time=60."
    )

    @field_validator("slurm", mode="before")
    @classmethod
    def _pairs(cls, given: Any) -> Any:
        """Options of `sbatch` by name, without dashes, from the texts that were typed."""
        if not isinstance(given, list):
            return given
        pairs = [pair for text in given for pair in NEXT_OPTION.split(text)]
        for pair in pairs:
            if not OPTION.fullmatch(pair):
                raise ValueError(f"--slurm must be name=value,name=value, got {pair!r}")
        return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}

    @model_validator(mode="after")
    def _belongs(self) -> Place:
        """Refuse what belongs to another executor."""
        for name, owner in (("address", "ray"), ("slurm", "slurm")):
            if getattr(self, name) and self.executor != owner:
                raise ValueError(f"--{name} must be given with --executor {owner}")
        return self


HERE = Place()
"""This machine."""
