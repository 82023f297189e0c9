"""Suites and studies that somebody mistyped: as text, and as tables of the wrong values."""

from __future__ import annotations

import copy
import datetime
import math
import random
import tomllib
from typing import Any

import tomli_w

KEYS = (
    "seeds", "threads", "budget", "clock", "strategies", "strategy", "benchmarks", "benchmark",
    "scenarios", "scenario", "model", "device", "speedups", "augment", "validation", "allocation",
    "base_seed", "hyperparameters", "points", "search_charged", "tuned", "space", "objectives",
    "total_budget", "within", "experiences", "density", "rounds", "learning_rate", "batch_size",
    "optimizer", "mem_size", "*", "naive", "ewc", "a.b", "", "größe 1",
)  # fmt: skip
"""Fields, hyper-parameters, strategies, and names of nothing."""
VALUES: tuple[Any, ...] = (
    "", "x", -1, 0, 1, 2, 0.1, 5e-324, 1e308, math.nan, math.inf, 2**63, 10**25, 10**400, 100_000,
    True, False, [], [[]], [{}], {}, [1, "a", True], {"a": {"b": 1}}, [0.1, 0.2], [0.1, 0.1],
    [0] * 3000, datetime.date(1979, 5, 27), "\u202eä\n\x1b[31m", "x" * 50_000, "1:2", "5:1",
    "0:1:log", "nan:inf", "1:1e999", "-1e308:1e308", "1:2:3:4", "a,b", "all", ["all"], "*",
    "naive", "joint", ["naive", "naive"], "os:getcwd", "csv:Sniffer", "a:b:c", "folder:.",
    "npz:?experiences=0", "folder:x?experiences=3", "avalanche.training.supervised:AGEM",
    "split-mnist", "permuted-mnist", "task", ["task", "class", "domain"], "mlp", "10s", "5steps",
    "99999999999999999999h", "accuracy", ["score"], ["weights"],
)  # fmt: skip
"""Of every type that TOML has, the odd ones of each."""
WRITTEN = (
    "nan", "1e400", "9" * 5000, "[" * 2000 + "]" * 2000, "0x_1", "1__0", '"\\ud800"', '"', "'''",
    "{a = 1, a = 2}", "1979-05-27T07:32:00Z", "[1,", "\x00", "\ufeff", "tru",
)  # fmt: skip
"""What stands for a value and is none, or one that nobody writes."""


def mutated(text: str, rng: random.Random) -> bytes:
    """The content of a TOML file after one to three mistakes in its table, or in its text."""
    change = _mistype if rng.random() < 0.4 else _misplace
    for _ in range(rng.randint(1, 3)):
        text = change(text, rng)
    data = text.encode()
    if rng.random() < 0.05:
        cut = rng.randrange(len(data) + 1)
        data = data[:cut] + bytes([rng.randrange(128, 256)]) + data[cut:]
    return data


def _mistype(text: str, rng: random.Random) -> str:
    """A line or a character is lost, doubled, moved or replaced."""
    lines = text.split("\n")
    at, what = rng.randrange(len(lines)), rng.randrange(6)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(at, rng.choice(lines))
    elif what == 2:
        lines[at] = f"{lines[at].partition('=')[0]}= {rng.choice(WRITTEN)}"
    elif what == 3:
        lines.insert(at, rng.choice(("[{}]", "[[{}]]", "{} = 1")).format(rng.choice(KEYS)))
    else:
        at = rng.randrange(len(text) + 1)
        rest = text[at + rng.randint(0, 2) :] if what == 4 else ""
        return text[:at] + rng.choice(WRITTEN) + rest
    return "\n".join(lines)


def _misplace(text: str, rng: random.Random) -> str:
    """A value is lost, replaced, or put where it does not belong."""
    try:
        table = tomllib.loads(text)
    except ValueError:  # an earlier mistake was enough
        return text
    at, what = rng.choice(_places(table)), rng.randrange(4)
    value = rng.choice(VALUES) if rng.random() < 0.8 else rng.choice(_places(table))
    value = copy.deepcopy(value)
    if isinstance(at, list):
        at.insert(rng.randrange(len(at) + 1), value)
    elif what == 0 and at:
        del at[rng.choice(list(at))]
    elif what == 1 and at:
        at[rng.choice(list(at))] = value
    else:
        at[rng.choice(KEYS)] = value
    return tomli_w.dumps(table)


def _places(table: Any) -> list[Any]:
    """A table and all tables and lists in it."""
    inner = table.values() if isinstance(table, dict) else table
    return [table] + [p for v in inner if isinstance(v, dict | list) for p in _places(v)]
