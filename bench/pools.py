"""What may share a leaderboard: pools of comparable records, and which attempt of each run counts.

A pool is everything that was made under equal conditions; two pools are never ranked together.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

from bench.config import RunConfig
from bench.records import FINISHED, RunRecord
from bench.store import Stored

Seed = tuple[int, int]
"""(base_seed, repetition): equal for the runs of two strategies that pair."""


class PoolError(ValueError):
    """Records that must not be ranked together; the message names the fields that differ."""


@dataclass(frozen=True)
class PoolKey:
    """The conditions that must be equal before two runs may be compared.

    benchmark_version, data_hash and chance (the accuracy of guessing) are None when a run failed
    before they were known. machine is
    the fingerprint: None on the steps clock, which is the same on every machine, and when a run
    failed before its accelerator was known.
    """

    benchmark: str
    benchmark_version: str | None
    scenario: str
    model: str
    budget: str
    clock: str
    allocation: str
    validation: float
    threads: int
    device: str
    speedups: tuple[str, ...]
    augment: tuple[str, ...]
    ruleset: str
    data_hash: str | None
    machine: str | None
    chance: float | None


def pool_key(record: RunRecord) -> PoolKey:
    """The conditions of one record."""
    config, environment = record.config, record.environment
    timed = config.budget.clock != "steps"
    identified = config.device == "cpu" or environment.machine.get("accelerator") is not None
    return PoolKey(
        benchmark=config.benchmark,
        benchmark_version=record.benchmark_version,
        scenario=config.scenario,
        model=config.model,
        budget=str(config.budget),
        clock=config.budget.clock,
        allocation=config.allocation,
        validation=config.validation,
        threads=config.threads,
        device=config.device,
        speedups=config.speedups,
        augment=config.augment,
        ruleset=record.ruleset,
        data_hash=environment.data_hash,
        machine=environment.fingerprint if timed and identified else None,
        chance=record.outcome.chance if record.outcome else None,
    )


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
    return {key: sorted(found[key], key=_evidence_order) for key in order}


def only_pool(stored: Sequence[Stored]) -> PoolKey:
    """The one pool of these records; PoolError names each field that differs and its values."""
    keys = list(pools(stored))
    if len(keys) != 1:
        raise PoolError(f"records of one leaderboard must agree; {differences(keys)}")
    return keys[0]


def differing_fields(keys: Sequence[PoolKey]) -> list[str]:
    """Names of the conditions in which the pools differ."""
    return [f.name for f in fields(PoolKey) if len({getattr(key, f.name) for key in keys}) > 1]


def differences(keys: Sequence[PoolKey]) -> str:
    """The conditions in which the pools differ, in words: `model differs: 'cnn', 'mlp'`."""
    parts = []
    for name in differing_fields(keys):
        values = sorted({repr(getattr(key, name)) for key in keys})
        parts.append(f"{name} differs: {', '.join(values)}")
    return "; ".join(parts) or "there are no records"


@dataclass(frozen=True)
class Entrant:
    """A strategy with its hyper-parameters: one row of a leaderboard.

    hyperparameters: canonical JSON of what differs from the defaults; resolved: of all of them, so
    that a default that changed between two versions of the code makes two rows.
    """

    strategy: str
    hyperparameters: str
    resolved: str

    @cached_property
    def label(self) -> str:
        """`name`, or `name (density=0.1)` with what differs from the defaults."""
        return _label(self.strategy, json.loads(self.hyperparameters))


@dataclass(frozen=True)
class Missing:
    """Cells of the grid of entrants and seeds without a result, and the command that fills them.

    seeds: each with why it is missing: `not run`, `killed` or `infra_error`.
    command: skips what is done when it is given the folder of the records as `--out`.
    """

    label: str
    seeds: tuple[tuple[Seed, str], ...]
    command: str

    def __str__(self) -> str:
        reasons = ", ".join(f"seed {seed_text(seed)} {reason}" for seed, reason in self.seeds)
        return f"{self.label}: {reasons}: {self.command}"


def seed_text(seed: Seed) -> str:
    """The repetition, after the base seed where that is not 0."""
    base, repetition = seed
    return f"{base}/{repetition}" if base else str(repetition)


def entrants(stored: Sequence[Stored]) -> dict[Entrant, dict[Seed, list[Stored]]]:
    """The attempts of each entrant at each seed, first attempt first, entrants in a fixed order."""
    found: dict[Entrant, dict[Seed, list[Stored]]] = {}
    for item in sorted(stored, key=_evidence_order):
        config = item.record.config
        seed = (config.base_seed, config.repetition)
        found.setdefault(_entrant(item.record), {}).setdefault(seed, []).append(item)
    for unresolved in [entrant for entrant in found if entrant.resolved == "{}"]:
        homes = [e for e in found if e != unresolved and replace(e, resolved="{}") == unresolved]
        if len(homes) == 1:
            for seed, attempts in found.pop(unresolved).items():
                home = found[homes[0]].setdefault(seed, [])
                home += attempts
                home.sort(key=_evidence_order)
    return {e: found[e] for e in sorted(found, key=lambda e: (e.label, e.resolved))}


def labels(found: Iterable[Entrant]) -> dict[Entrant, str]:
    """A label for each entrant; where two would be equal it also tells what differs in them."""
    every = list(found)
    twins: dict[str, list[Entrant]] = {}
    for entrant in every:
        twins.setdefault(entrant.label, []).append(entrant)
    telling = {
        label: _differing([json.loads(e.resolved) for e in own]) for label, own in twins.items()
    }
    result = {}
    for entrant in every:
        resolved = json.loads(entrant.resolved)
        told = {name: resolved.get(name, "unset") for name in telling[entrant.label]}
        shown = json.loads(entrant.hyperparameters) | told
        result[entrant] = _label(entrant.strategy, shown)
    return result


def _differing(twins: Sequence[dict[str, object]]) -> list[str]:
    """Names of the values in which the twins differ."""
    if len(twins) < 2:
        return []
    names = sorted({name for twin in twins for name in twin})
    return [n for n in names if len({json.dumps(t.get(n), sort_keys=True) for t in twins}) > 1]


def counted(attempts: Sequence[Stored]) -> Stored | None:
    """The attempt that counts: the first that finished, never the best; None if none did."""
    return next((item for item in attempts if item.record.status in FINISHED), None)


def missing(grid: dict[Entrant, dict[Seed, list[Stored]]]) -> list[Missing]:
    """Cells without a result: never run where another entrant was, or cut short by the machine."""
    names = labels(grid)
    every = sorted({seed for cells in grid.values() for seed in cells})
    found = []
    for entrant, cells in grid.items():
        example = next(iter(cells.values()))[0].record.config
        for base in sorted({base for base, _ in every}):
            gaps = [s for s in every if s[0] == base and counted(cells.get(s, [])) is None]
            if gaps:
                last = {"base_seed": base, "repetition": gaps[-1][1]}
                command = run_command(example.model_copy(update=last))
                reasons = [cells[s][-1].record.status if s in cells else "not run" for s in gaps]
                seeds = tuple(zip(gaps, reasons, strict=True))
                found.append(Missing(names[entrant], seeds, command))
    return found


def run_command(config: RunConfig) -> str:
    """The shell command that makes this run and the repetitions before it."""
    words = ["--benchmark", config.benchmark, "--scenario", config.scenario]
    words += ["--model", config.model, "--strategy", config.strategy]
    for name, value in sorted(config.hyperparameters.items()):
        words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    words += ["--budget", str(config.budget), "--seeds", str(config.repetition + 1)]
    if config.budget.clock == "cpu":
        words += ["--clock", "cpu"]
    for name in ("allocation", "validation", "threads", "device", "base_seed"):
        value = getattr(config, name)
        if value != RunConfig.model_fields[name].default:
            words += [f"--{name.replace('_', '-')}", str(value)]
    for name, chosen in (("speedups", config.speedups), ("augment", config.augment)):
        if chosen:
            words += [f"--{name}", ",".join(chosen)]
    return shlex.join(["python", "-m", "bench", "run", *words])


def _values(key: PoolKey) -> dict[str, object]:
    return {f.name: getattr(key, f.name) for f in fields(key)}


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


def _entrant(record: RunRecord) -> Entrant:
    return Entrant(
        record.config.strategy,
        json.dumps(record.config.hyperparameters, sort_keys=True),
        json.dumps(record.resolved, sort_keys=True),
    )


def _label(strategy: str, hyperparameters: dict[str, object]) -> str:
    shown = ", ".join(f"{name}={value}" for name, value in sorted(hyperparameters.items()))
    return f"{strategy} ({shown})" if shown else strategy


def _evidence_order(item: Stored) -> tuple[str, int, str, str]:
    """Records in the order in which they count, whatever the order of reading."""
    record = item.record
    return record.digest, record.attempt, record.environment.started.isoformat(), str(item.path)
