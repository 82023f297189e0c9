"""Records of older schemas, read in the words of the present one."""

from __future__ import annotations

from typing import Any

from bench.records.schema import SCHEMA, RunRecord

_COST_SINCE_3 = {"excused_seconds": "uncharged_seconds"}
_KINDS_SINCE_3 = {"night": "offline"}
_STRATEGIES_OF_RULESET_1 = {"ewc": "avalanche-ewc", "si": "avalanche-si"}


def upgraded(payload: dict[str, Any]) -> dict[str, Any]:
    """The record in the present schema; `payload` stays as it is.

    2: the environment has a calibration, the cost its steps by experience; both may be null.
    3: the record has the source of a user's own model. The `excused_seconds` of the cost are
    `uncharged_seconds`, and what it charged as `night` is `offline`.
    4: the weights have the stored examples; null in older records.
    5: the cost has the median step; null in older records, which may not overdraw by one.
    6: what the run took, seen from outside; null in older records.

    Raises:
        ValueError: for one of a schema that is not known.
    """
    version = payload.get("schema_version")
    if type(version) is not int or not 1 <= version <= SCHEMA:
        raise ValueError(f"schema_version must be in 1 to {SCHEMA}, got {version!r:.20}")
    new = payload | {"schema_version": SCHEMA}
    if version < 3 and isinstance(payload.get("cost"), dict):
        new["cost"] = _cost_since_3(payload["cost"])
    return new


def in_present_names(record: RunRecord) -> RunRecord:
    """The record with its strategy under the id that it has today, and the digest of that.

    Under ruleset 1.0 `ewc` and `si` were what `avalanche-ewc` and `avalanche-si` are now.
    """
    strategy = record.config.strategy
    if record.ruleset != "1.0" or strategy not in _STRATEGIES_OF_RULESET_1:
        return record
    config = record.config.model_copy(update={"strategy": _STRATEGIES_OF_RULESET_1[strategy]})
    return record.model_copy(update={"config": config, "digest": config.digest})


def _cost_since_3(cost: dict[str, Any]) -> dict[str, Any]:
    new = _renamed(cost, _COST_SINCE_3)
    for name in ("seconds_by_kind", "steps"):
        if isinstance(new.get(name), dict):
            new[name] = _renamed(new[name], _KINDS_SINCE_3)
    return new


def _renamed(fields: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    for old, new in names.items():
        if old in fields and new in fields:
            raise ValueError(f"{old} is called {new} since schema 3, got both")
    return {names.get(name, name): value for name, value in fields.items()}
