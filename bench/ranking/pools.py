"""What may share a leaderboard: pools of comparable records.

A pool is everything that was made under equal conditions; two pools are never ranked together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel

from bench.config.conditions import Conditions
from bench.records.schema import RunRecord
from bench.records.store import Stored

Seed = tuple[int, int]
"""(base_seed, repetition): equal for the runs of two strategies that pair."""


class PoolError(ValueError):
    """Records that must not be ranked together; the message names the fields that differ."""


class _Task(BaseModel):
    """What runs of one pool do, and under which budget; comes first where pools are ordered."""

    benchmark: str
    benchmark_version: str | None
    scenario: str
    model: str
    budget: str
    clock: str


class PoolKey(Conditions, _Task):
    """All that must be equal before two runs may be compared.

    Attributes:
        benchmark_version: None when the run failed before it was known, as `data_hash` and
            `chance`.
        machine: the fingerprint; None on the steps clock, which is the same on every machine, and
            when a run failed before its accelerator was known.
        chance: accuracy of guessing.
        tuned: a search chose the hyper-parameters; else they are defaults, or were given.
    """

    ruleset: str
    data_hash: str | None
    machine: str | None
    chance: float | None
    tuned: bool = False


def pool_key(record: RunRecord) -> PoolKey:
    """The key of the pool of one record."""
    config, environment = record.config, record.environment
    timed = config.budget.clock != "steps"
    identified = config.device == "cpu" or environment.machine.get("accelerator") is not None
    return PoolKey(
        benchmark=config.benchmark,
        benchmark_version=record.benchmark_version,
        scenario=config.scenario,
        model=_model(record),
        budget=str(config.budget),
        clock=config.budget.clock,
        ruleset=record.ruleset,
        data_hash=environment.data_hash,
        machine=environment.fingerprint if timed and identified else None,
        chance=record.outcome.chance if record.outcome else None,
        tuned=config.search_charged > 0,
        **{name: getattr(config, name) for name in Conditions.model_fields},
    )


def _model(record: RunRecord) -> str:
    """Its id; of a user's own with the start of its source's hash, so that two versions differ."""
    source = record.model_source
    return record.config.model if source is None else f"{record.config.model}@{source[:12]}"


def pools(stored: Iterable[Stored]) -> dict[PoolKey, list[Stored]]:
    """The records by their conditions, both in an order that does not depend on reading.

    A record that failed before all of its conditions were known joins the one pool that it agrees
    with otherwise, so that a failure cannot leave its table; with several it stays apart.
    """
    found: dict[PoolKey, list[Stored]] = {}
    for item in stored:
        found.setdefault(pool_key(item.record), []).append(item)
    for key in [key for key in found if _unknown(key)]:
        homes = [other for other in found if other != key and _fills(other, key)]
        if len(homes) == 1:
            found[homes[0]] += found.pop(key)
    order = sorted(found, key=lambda key: [str(value) for value in _values(key).values()])
    return {key: sorted(found[key], key=evidence_order) for key in order}


def only_pool(stored: Sequence[Stored]) -> PoolKey:
    """The one pool of these records.

    Raises:
        PoolError: names each field that differs and its values.
    """
    keys = list(pools(stored))
    if len(keys) != 1:
        raise PoolError(f"records of one leaderboard must agree; {differences(keys)}")
    return keys[0]


def differing_fields(keys: Sequence[PoolKey]) -> list[str]:
    """Names of the conditions in which the pools differ."""
    return [n for n in PoolKey.model_fields if len({getattr(key, n) for key in keys}) > 1]


def differences(keys: Sequence[PoolKey]) -> str:
    """The conditions in which the pools differ, in words: `model differs: 'cnn', 'mlp'`."""
    parts = []
    for name in differing_fields(keys):
        values = sorted({repr(getattr(key, name)) for key in keys})
        parts.append(f"{name} differs: {', '.join(values)}")
    return "; ".join(parts) or "there are no records"


def seed_text(seed: Seed) -> str:
    """The repetition, after the base seed where that is not 0."""
    base, repetition = seed
    return f"{base}/{repetition}" if base else str(repetition)


def _values(key: PoolKey) -> dict[str, object]:
    return {name: getattr(key, name) for name in PoolKey.model_fields}


def _unknown(key: PoolKey) -> list[str]:
    """The conditions that the run failed too early to tell."""
    timed = () if key.clock == "steps" else ("machine",)
    return [
        n for n in ("benchmark_version", "data_hash", "chance", *timed) if getattr(key, n) is None
    ]


def _fills(known: PoolKey, partial: PoolKey) -> bool:
    """Whether `known` agrees with `partial` wherever `partial` is known, and knows the rest."""
    own, wanted, unknown = _values(known), _values(partial), _unknown(partial)
    return all(own[n] is not None if n in unknown else own[n] == wanted[n] for n in own)


def evidence_order(item: Stored) -> tuple[int, float, str, str]:
    """Records in the order in which they count, whatever the order of reading.

    The digest comes late: it could be chosen, by a field that makes no other row.
    """
    record = item.record
    return record.attempt, record.environment.started.timestamp(), record.digest, str(item.path)


def budget_text(key: PoolKey) -> str:
    """The budget, with its clock where the unit does not tell it: `20s`, `20s-cpu`, `500steps`."""
    return f"{key.budget}-cpu" if key.clock == "cpu" else key.budget
