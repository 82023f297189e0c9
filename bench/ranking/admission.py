"""Which records count: those that agree with themselves, and of copies one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bench.config.budget import Budget
from bench.config.catalogue import find_benchmark, find_model
from bench.formatting.markdown import one_line
from bench.records.collection import without_collection
from bench.records.environment import fingerprint
from bench.records.parallel import parallel_map
from bench.records.schema import RunRecord
from bench.records.store import (
    RecordError,
    Store,
    Stored,
    read_record,
)
from strategies.registry import STRATEGIES


def rejection_reason(record: RunRecord) -> str | None:
    """Why a record cannot be ranked although it did not fail; None if it can, or is a failure.

    A run for validation only is never ranked, whatever became of it.
    """
    config = record.config
    try:
        stream = find_benchmark(config.benchmark)  # its name is that of a folder of pages
        stream.check_scenario(config.benchmark, config.scenario)
        find_model(config.model)
    except ValueError as error:
        return str(error)
    if config.validation_only:
        return "a trial of a search, which never looked at the test stream"
    if config.continues:
        return "it goes on from the state of another run, and is no row"
    identity = _identity(json.dumps(record.environment.machine))
    if record.environment.fingerprint != identity:
        return f"fingerprint must be that of its machine, {identity}"
    if 0 < config.search_charged < config.budget.amount:
        return (
            f"search_charged must be at least the budget of one run, {config.budget.amount:g}, "
            f"got {config.search_charged:g}"
        )
    if config.search_charged and not config.hyperparameters:
        return "search_charged is what chose hyper-parameters, got none that were chosen"
    if reason := _strategy_rejection(record):
        return reason
    return _result_rejection(record, stream.length) if record.status == "ok" else None


@lru_cache(maxsize=256)
def _identity(facts: str) -> str:
    """The fingerprint of a machine as JSON; most records are of few machines."""
    return fingerprint(json.loads(facts))


def _strategy_rejection(record: RunRecord) -> str | None:
    name = record.config.strategy
    entry = STRATEGIES.get(name)
    if entry is not None and record.ranked != entry.ranked:
        return f"ranked must be {entry.ranked} for {name}, got {record.ranked}"
    if not name.isascii():  # letters of other scripts look like those of a name
        return f"strategy must be of ASCII letters, got {name!a}"
    if name != name.strip() or not name:
        return f"strategy must be a name with no space around it, got {name!r}"
    return None


def _result_rejection(record: RunRecord, experiences: int | None) -> str | None:
    """experiences: of the stream; None where its data tell."""
    if record.cost is None:
        return "status is ok, but there is no cost"
    if record.outcome is None or not record.outcome.accuracy:
        return "status is ok, but there is no outcome"
    if experiences not in (None, len(record.outcome.accuracy)):
        return f"the stream has {experiences} experiences, got {len(record.outcome.accuracy)}"
    if None in record.outcome.accuracy[-1]:
        return "status is ok, but the final accuracy has gaps"
    if not record.weights or record.weights[-1].total < 1:
        return "status is ok, but the weights were not counted"
    return None


@dataclass(frozen=True)
class Evidence:
    """The records of a folder, and why other files there are left out, by their path in it."""

    stored: tuple[Stored, ...]
    damaged: dict[Path, str]


@without_collection()
def read(records_root: Path) -> Evidence:
    """Every record that can be ranked; what cannot is named by its path in the folder."""
    stored, damaged = [], {}
    paths = list(Store(records_root).paths())
    for path, found in zip(paths, parallel_map(_read, paths, records=len(paths)), strict=True):
        if isinstance(found, RunRecord):
            stored.append(Stored(path, found))
        else:
            name = path.relative_to(records_root)
            damaged[name] = one_line(f"{name.as_posix()}: {found}")
    for copy, original in _copies(stored, records_root).items():
        name, first = (path.relative_to(records_root) for path in (copy, original))
        damaged[name] = f"{name.as_posix()}: the same attempt at the same run as {first.as_posix()}"
    own = [item for item in stored if item.path.relative_to(records_root) not in damaged]
    return Evidence(tuple(own), damaged)


def _read(path: Path) -> RunRecord | str:
    """The record in a file, or why it cannot be ranked."""
    try:
        record = read_record(path)
    except RecordError as error:
        return error.reason
    return rejection_reason(record) or record


def _copies(stored: Sequence[Stored], root: Path) -> dict[Path, Path]:
    """Records of one attempt beside the one that counts: it lies where a run would write it."""
    store = Store(root)
    first: dict[tuple[str, str, int, str | None], Path] = {}
    copies: dict[Path, Path] = {}
    misplaced = [store.path_of(s.record) != s.path for s in stored]
    for _, item in sorted(zip(misplaced, stored, strict=True), key=lambda pair: pair[0]):
        record = item.record
        steps = record.config.budget.clock == "steps"  # the same on every machine
        machine = None if steps else record.environment.fingerprint
        attempt = (record.digest, record.ruleset, record.attempt, machine)
        if attempt in first:
            copies[item.path] = first[attempt]
        else:
            first[attempt] = item.path
    return copies


def select(
    stored: Iterable[Stored],
    *,
    benchmark: str | None = None,
    scenario: str | None = None,
    budget: Budget | str | None = None,
) -> list[Stored]:
    """The records that pass every filter.

    Args:
        budget: in any unit and on any clock: `10m` finds `600s`.

    Raises:
        ValueError: names the filter that left none.
    """
    if budget is not None and not isinstance(budget, Budget):
        nights = 0 if benchmark is None else find_benchmark(benchmark).count_nights()
        budget = Budget.parse(budget, nights=nights)
    left = list(stored)
    left = _filter(left, "benchmark", benchmark, lambda item: item.record.config.benchmark)
    left = _filter(left, "scenario", scenario, lambda item: item.record.config.scenario)
    wanted = None if budget is None else str(budget)
    return _filter(left, "budget", wanted, lambda item: str(item.record.config.budget))


def _filter(
    stored: list[Stored], name: str, wanted: str | None, value: Callable[[Stored], str]
) -> list[Stored]:
    if wanted is None:
        return stored
    left = [item for item in stored if value(item) == wanted]
    if not left:
        known = ", ".join(sorted({value(item) for item in stored})) or "none"
        raise ValueError(f"no records are left by {name} {wanted!r}; there are: {known}")
    return left
