"""What a study searches: the strategy's own space, narrowed, and refused where it makes no sense.

A range is written `low:high` or `low:high:log`, choices as a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.config.declaration import setting
from bench.config.run_config import Value, suggest
from bench.config.suite import parse_value
from strategies import building
from strategies.entry import Entry
from strategies.search_space import Choices, Range, Space

Written = str | list[bool | int | float | str]
"""A range or choices as in a study's TOML file."""

GRID_POINTS = 5
"""Points of a range that is searched on a grid."""


def search_space(
    strategy: str, given: Mapping[str, Written], fixed: Mapping[str, Value]
) -> dict[str, Range | Choices]:
    """The declared space with what was `given` in its place and without what is `fixed`.

    Raises:
        ValueError: for a name the strategy has not, a range that no value can come from, or nothing
            left to search.
    """
    entry = building.find(strategy)
    defaults = building.resolve(strategy, entry, fixed)
    space: dict[str, Range | Choices] = dict(entry.space)
    for name, written in given.items():
        if name not in defaults:
            raise ValueError(suggest(f"hyper-parameter of {strategy} in the space", name, defaults))
        if name in fixed:
            raise ValueError(f"{name} must be fixed or searched, not both")
        declared = space.get(name)
        log = isinstance(declared, Range) and declared.log
        space[name] = _read(name, written, log=log, default=defaults[name])
    space = {name: tried for name, tried in space.items() if name not in fixed}
    if not space:
        raise ValueError(f"{strategy} has nothing to search; give a range, as learning_rate=0.01:1")
    for name, tried in space.items():
        _check(strategy, entry, name, tried, defaults[name])
    return space


def read_space(given: Mapping[str, Written]) -> dict[str, Range | Choices]:
    """The space that `written` wrote; knows nothing of the strategy, which is slow to import."""
    return {name: _read(name, text, log=False, default=None) for name, text in given.items()}


def written(space: Space) -> dict[str, Written]:
    """The space as in a study's TOML file."""
    return {n: str(t) if isinstance(t, Range) else list(t) for n, t in space.items()}


def parse_space(settings: list[str]) -> dict[str, Written]:
    """`["rounds=1:16", "schedule=linear,cubic"]` as a study's space."""
    result: dict[str, Written] = {}
    for given in settings:
        name, text = setting(given, "--space", "name=low:high or name=a,b,c")
        if name in result:
            raise ValueError(f"--space {name} must be given once")
        result[name] = text if ":" in text else [parse_value(part) for part in text.split(",")]
    return result


def sentences(space: Space, defaults: Mapping[str, Any] | None = None) -> list[str]:
    """One line for each hyper-parameter: what is tried, on which scale, and the default if told."""
    lines = []
    for name, tried in space.items():
        if isinstance(tried, Range):
            kind = "whole numbers" if tried.whole else "numbers"
            shown = f"{kind} from {tried.low} to {tried.high}{', log scale' if tried.log else ''}"
        else:
            shown = f"one of {', '.join(map(str, tried))}"
        default = "" if defaults is None else f" (default {defaults[name]})"
        lines.append(f"{name}: {shown}{default}")
    return lines


def distributions(space: Space) -> dict[str, Any]:
    """The space in Optuna's words."""
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    found: dict[str, BaseDistribution] = {}
    for name, tried in space.items():
        if not isinstance(tried, Range):
            found[name] = CategoricalDistribution(tried)
        elif tried.whole:
            found[name] = IntDistribution(int(tried.low), int(tried.high), log=tried.log)
        else:
            found[name] = FloatDistribution(tried.low, tried.high, log=tried.log)
    return found


def grid(space: Space) -> dict[str, list[Any]]:
    """Every choice, and GRID_POINTS values of each range, evenly spaced on its scale."""
    return {n: _points(t) if isinstance(t, Range) else list(t) for n, t in space.items()}


def corners(space: Space) -> list[dict[str, Value]]:
    """For each hyper-parameter the ends of its range or all its choices, the others default."""
    found: list[dict[str, Value]] = []
    for name, tried in space.items():
        ends = (tried.low, tried.high) if isinstance(tried, Range) else tried
        found += [{name: end} for end in ends]
    return found


def _points(tried: Range) -> list[float]:
    shares = [i / (GRID_POINTS - 1) for i in range(GRID_POINTS)]
    if tried.log:
        values = [tried.low * (tried.high / tried.low) ** share for share in shares]
    else:
        values = [tried.low + (tried.high - tried.low) * share for share in shares]
    values[-1] = tried.high  # rounding must not leave the range
    return sorted({round(value) for value in values}) if tried.whole else values


def _read(name: str, written: Written, *, log: bool, default: Any) -> Range | Choices:
    """As written.

    Args:
        log: the scale of a range that does not tell its own.
    """
    if not isinstance(written, str):
        return tuple(written)
    ends, scale = written.split(":")[:2], written.split(":")[2:]
    read = [parse_value(end) for end in ends]
    values = [v for v in read if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(read) != 2 or len(values) != 2 or scale not in ([], ["log"], ["linear"]):
        raise ValueError(f"{name} must be low:high, low:high:log or choices, got {written!r}")
    if isinstance(default, float):
        values = [float(value) for value in values]
    try:
        return Range(values[0], values[1], log=scale == ["log"] or (log and not scale))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _check(strategy: str, entry: Entry, name: str, tried: Range | Choices, default: Any) -> None:
    """Each end and choice must be of the kind of the default; choices several and different."""
    ends = (tried.low, tried.high) if isinstance(tried, Range) else tried
    if len(set(ends)) < max(2, len(ends)):
        raise ValueError(f"{name} must have two choices or more, all different, got {list(ends)}")
    for end in ends:
        building.resolve(strategy, entry, {name: end})
    if isinstance(tried, Range) and isinstance(default, (bool, str)):
        raise ValueError(f"{name} must be given as choices, got the range {tried}")
