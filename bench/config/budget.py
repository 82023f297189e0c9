"""What a run may spend, and the running account of what it has spent. Knows no torch.

The rules are those of `leaderboards/README.md`: one budget for the whole stream, a share per
experience, carry-over, no borrowing, overdraft repaid, a reserve for work that cannot be
interrupted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ClockName = Literal["wall", "cpu", "steps"]
Kind = Literal["train", "offline", "data", "hooks", "validation"]
KINDS: tuple[Kind, ...] = ("train", "offline", "data", "hooks", "validation")

TOLERANCE = 0.01
"""A run may overdraw its budget by this fraction, or by its longest step if that is more."""


LEAST, MOST = 1e-6, 1e9
"""What the amount of a budget is above, and at most."""

NIGHT = "/night"
"""What ends a budget by the night."""

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Budget(BaseModel):
    """What one run may spend on the whole stream.

    Attributes:
        amount: seconds on the wall or cpu clock, whole steps on the steps clock; in (1e-6, 1e9].
        clock: the clock that stops the run, which is the clock that is reported.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: float = Field(gt=LEAST, le=MOST, allow_inf_nan=False)
    clock: ClockName = "wall"

    @classmethod
    def parse(cls, text: str, clock: ClockName | None = None, *, nights: int = 0) -> Budget:
        """Read `600s`, `10m`, `1h`, `1.5h`, `2000steps`, or `0.05s/night`.

        Args:
            text: number and unit.
            clock: None for the one of the unit.
            nights: of the stream, which a budget by the night is multiplied by; 0: it has none.

        Raises:
            ValueError: says what is accepted.
        """
        if by_night(text):
            if not nights:
                raise ValueError(
                    f"a budget by the night needs a stream of nights, such as elec2-nights; "
                    f"got {text!r}"
                )
            each = cls.parse(text.strip().removesuffix(NIGHT), clock)
            return _of(round(each.amount * nights, 9), each.clock, text)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|steps)", check_unit(text).strip(), re.ASCII)
        if match is None or float(match[1]) == 0:
            raise _no_budget(text)
        number, unit = float(match[1]), match[2]
        if unit == "steps":
            if clock not in (None, "steps"):
                raise ValueError(f"a budget in steps needs the steps clock, got clock {clock!r}")
            if number != int(number):
                raise ValueError(f"a budget in steps must be a whole number, got {text!r}")
            return _of(number, "steps", text)
        if clock == "steps":
            raise ValueError(f"the steps clock needs a budget such as 2000steps, got {text!r}")
        return _of(number * _SECONDS[unit], clock or "wall", text)

    def part(self, experiences: int, of: int) -> Budget:
        """What a run on some of `of` experiences may spend, so that each has the same share."""
        amount = self.amount * experiences / of
        whole = max(1, round(amount)) if self.clock == "steps" else amount
        return Budget(amount=whole, clock=self.clock)

    def __str__(self) -> str:
        """The shortest text that `parse` reads back: `600s`, `2000steps`."""
        amount = int(self.amount) if self.amount == int(self.amount) else self.amount
        return f"{amount}steps" if self.clock == "steps" else f"{amount}s"


def _of(amount: float, clock: ClockName, text: str) -> Budget:
    """A budget of so much; ValueError for more or less than any run can have."""
    if not LEAST < amount <= MOST:
        unit = "steps" if clock == "steps" else "seconds"
        raise ValueError(
            f"budget must be above {LEAST:g} and at most {MOST:g} {unit} in all, got {text!r}"
        )
    return Budget(amount=amount, clock=clock)


def by_night(text: object) -> bool:
    """Whether a budget is that of each night."""
    return isinstance(text, str) and text.strip().endswith(NIGHT)


def check_unit(value: object) -> str:
    """A budget as text; ValueError for a number, which has no unit, and for what else is none."""
    if not isinstance(value, str):
        raise _no_budget(value)
    return value


def _no_budget(value: object) -> ValueError:
    accepted = "a number above 0 with a unit: 600s, 10m, 1h or 2000steps"
    return ValueError(f"budget must be {accepted}; got {value!r}")


def check_allocation(text: str) -> str:
    """`samples`, `equal`, or shares such as `3,1,1`.

    Raises:
        ValueError: for anything else.
    """
    if not re.fullmatch(r"samples|equal|[1-9]\d{0,9}(,[1-9]\d{0,9})*", text):
        accepted = "samples, equal, or a whole number above 0 for each experience: 3,1,1"
        raise ValueError(f"allocation must be {accepted}; got {text!r}")
    return text


def shares(samples: Sequence[int], allocation: str) -> list[float]:
    """Fraction of the budget for each experience; sums to 1.

    Args:
        samples: training samples of each experience, in stream order.
        allocation: as `check_allocation` has it; ValueError unless it fits the number of
            experiences.
    """
    named = {"samples": list(samples), "equal": [1] * len(samples)}
    sizes = named.get(allocation) or [int(size) for size in allocation.split(",")]
    if len(sizes) != len(samples):
        raise ValueError(
            f"allocation must have a number for each of {len(samples)} experiences, "
            f"got {len(sizes)}"
        )
    return [size / sum(sizes) for size in sizes]
