"""Options of a benchmark's id, after a question mark: `split-mnist?sigma=0.1&parts=4`.

An option at the value that changes nothing is left out of the id: `split-mnist?sigma=0` is
`split-mnist`, with the same seeds and the same records.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import parse_qsl

from pydantic import AfterValidator

from bench.config.own_tables import is_own_table, own_table
from strategies.suggestions import suggest

EXAMPLES = {
    "experiences": "2", "sigma": "0.1", "repeat": "2", "parts": "4", "blurry": "50-10",
    "si-blurry": "50-10", "decay": "3",
}  # fmt: skip
"""A value of each option, as an id has it."""

MOST_PARTS = 1000
"""Experiences that one is cut into at most, and times that classes come back."""


@dataclass(frozen=True)
class Shares:
    """Which classes are blurred, and how much: `50-10`.

    Attributes:
        disjoint: percent of the classes that stay in their experience, in [0, 100].
        spread: percent of the samples of the others that go elsewhere, in [0, 100).
    """

    disjoint: int
    spread: int

    def __str__(self) -> str:
        return f"{self.disjoint}-{self.spread}"


@dataclass(frozen=True)
class StreamOptions:
    """How a stream is cut into experiences, and how they pass into each other.

    Attributes:
        experiences: how many experiences the classes are dealt to, or how often all are shown.
        sigma: how far the samples of an experience are spread over the stream: the standard
            deviation of the times at which they come, in lengths of the stream. 0 is disjoint, inf
            mixes all.
        repeat: how often every class comes, each time with as many of its samples; with `sigma` or
            alone.
        parts: how many experiences each is cut into.
        blurry: i-Blurry, as `50-10`: the percent of the classes that stay in their experience, and
            the percent of the samples of the others that go elsewhere, both dealt evenly.
        si_blurry: Si-Blurry, as `50-10`: the same, both dealt at random.
        decay: Avalanche's overlap with a linear decay, above 1; the smaller, the wider.
    """

    experiences: int | None = None
    sigma: float = 0.0
    repeat: int = 1
    parts: int = 1
    blurry: Shares | None = None
    si_blurry: Shares | None = None
    decay: float | None = None

    @property
    def fades(self) -> bool:
        """Whether classes are seen in more than one experience."""
        return self != StreamOptions(experiences=self.experiences)

    def text(self, *, fading: bool = True) -> str:
        """The options as an id has them, those that change nothing left out.

        Args:
            fading: with how experiences pass into each other, or only with their number.
        """
        told = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
            if fading or field.name == "experiences"
        }
        return "&".join(f"{_written(name)}={_plain(value)}" for name, value in told.items())


@lru_cache(maxsize=256)  # asked several times for every record that is read
def split_id(name: str) -> tuple[str, StreamOptions]:
    """An id without its options, and these.

    Raises:
        ValueError: for an unknown option, or a value that it cannot have.
    """
    base, _, query = name.partition("?")
    given: dict[str, Any] = {}
    for option, text in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True):
        if option not in READERS:
            raise ValueError(suggest("option of a benchmark", option, READERS))
        if _read(option) in given:
            raise ValueError(f"{option} must be given once, got {name!r}")
        given[_read(option)] = READERS[option](option, text)
    options = StreamOptions(**given)
    ways = [n for n in ("sigma", "blurry", "si-blurry", "decay") if getattr(options, _read(n))]
    if len(ways) > 1:
        raise ValueError(f"one of sigma, blurry, si-blurry and decay can be given, got {ways}")
    if options.repeat > 1 and ways not in ([], ["sigma"]):
        raise ValueError(f"repeat can be given with sigma or alone, got it with {ways[0]}")
    return base, options


def canonical_id(name: str) -> str:
    """The one id of all that mean the same stream: options in order, each in its shortest form.

    Raises:
        ValueError: for an unknown option, or a value that it cannot have.
    """
    if is_own_table(name):
        return own_table(name).id
    return _joined(*split_id(name))


def seed_id(name: str) -> str:
    """What a benchmark is called in its seeds: the same classes however they pass into each other.

    So runs of one repetition begin alike, and pair, whatever sigma is.
    """
    if is_own_table(name):
        return own_table(name).id
    return _joined(*split_id(name), fading=False)


BenchmarkId = Annotated[str, AfterValidator(canonical_id)]
"""A benchmark's id as a field, in its one form."""


def _joined(base: str, options: StreamOptions, *, fading: bool = True) -> str:
    text = options.text(fading=fading)
    return f"{base}?{text}" if text else base


def _whole(option: str, text: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,8}", text):
        raise ValueError(
            f"{option} must be a whole number above 0, of nine digits at most, got {text!r}"
        )
    return int(text)


def _few(option: str, text: str) -> int:
    number = _whole(option, text)
    if number > MOST_PARTS:
        raise ValueError(f"{option} must be at most {MOST_PARTS}, got {text}")
    return number


def _number(option: str, text: str, must: str, allowed: Callable[[float], bool]) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if len(text) > 20 or not allowed(value):  # nothing is true of a number that is none
        raise ValueError(f"{option} must be {must}, got {text[:40]!r}")
    return value


def _sigma(option: str, text: str) -> float:
    return _number(option, text, "a number of at least 0, or inf", lambda value: value >= 0)


def _decay(option: str, text: str) -> float:
    return _number(option, text, "a number above 1", lambda value: 1 < value < math.inf)


def _shares(option: str, text: str) -> Shares:
    match = re.fullmatch(r"(\d{1,3})-(\d{1,2})", text)
    if match is None or int(match[1]) > 100:
        raise ValueError(
            f"{option} must be two percentages: of the classes that stay in their experience, up "
            f"to 100, and of the samples of the others that do not, up to 99: 50-10; got {text!r}"
        )
    return Shares(int(match[1]), int(match[2]))


READERS: dict[str, Callable[[str, str], Any]] = {
    "experiences": _whole, "sigma": _sigma, "repeat": _few, "parts": _few, "blurry": _shares,
    "si-blurry": _shares, "decay": _decay,
}  # fmt: skip
"""Every option as it is written, and what reads its value."""


def _read(option: str) -> str:
    return option.replace("-", "_")


def _written(field: str) -> str:
    return field.replace("_", "-")


def _plain(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)
