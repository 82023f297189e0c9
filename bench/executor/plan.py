"""Which runs a call has to make, and in which order."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from bench.config.run_config import RULESET, RunConfig
from bench.records import environment
from bench.records.schema import FINISHED, RunRecord
from bench.records.store import Store


@dataclass(frozen=True)
class Plan:
    """What a call will do: `missing` in this order; `done` is kept."""

    missing: list[RunConfig]
    done: list[RunRecord]


def this_machine(known: Collection[str]) -> str:
    """The fingerprint of this machine, whatever other records know."""
    return environment.fingerprint(environment.machine())


def plan(
    configs: Iterable[RunConfig],
    store: Store,
    retry: frozenset[str] = frozenset(),
    machine: Callable[[Collection[str]], str] = this_machine,
) -> Plan:
    """Split configurations into finished and missing.

    Args:
        retry: finished statuses to run again all the same.
        machine: the fingerprint of where runs will be made, from those of the records there are.

    Raises:
        ValueError: when a finished record was made under other rules or on another machine than a
            new one would be, naming what differs.
    """
    finished: dict[str, RunRecord] = {}
    for stored in store.read()[0]:
        record = stored.record
        if record.status in FINISHED - retry:
            finished.setdefault(record.digest, record)
    configs = list({c.digest: c for c in configs}.values())
    done = [finished[c.digest] for c in configs if c.digest in finished]
    refuse_other_conditions(configs, done, machine)
    return Plan(_shuffled([c for c in configs if c.digest not in finished]), done)


def refuse_other_conditions(
    configs: Sequence[RunConfig],
    done: Sequence[RunRecord],
    machine: Callable[[Collection[str]], str] = this_machine,
) -> None:
    """ValueError when a record was made by other rules or elsewhere than one that is made now.

    Args:
        configs: of all runs, those there are and those to come.
        done: the records there are.
        machine: as for `plan`.
    """
    for record in done:
        _refuse_changed(record, "ruleset", record.ruleset, RULESET)
    if not any(map(_is_timed, configs)):
        return
    timed = [record for record in done if _is_timed(record.config)]
    here = machine({record.environment.fingerprint for record in timed})
    for record in timed:
        _refuse_changed(record, "machine", record.environment.fingerprint, here)


def _is_timed(config: RunConfig) -> bool:
    """Whether what a run reaches depends on the machine's processor."""
    return config.budget.clock != "steps" and config.device == "cpu"


def _refuse_changed(record: RunRecord, what: str, then: str, now: str) -> None:
    if then != now:
        raise ValueError(
            f"{what} differs from that of the records in this folder: {then} there, {now} here; "
            f"the rows could not share a table. Choose another --out (first: {record.digest[:12]})"
        )


def _shuffled(configs: Sequence[RunConfig]) -> list[RunConfig]:
    """Repetition by repetition, strategies shuffled, so that a machine's drift hits all."""
    order = []
    for repetition in sorted({c.repetition for c in configs}):
        block = [c for c in configs if c.repetition == repetition]
        random.Random(f"order/{repetition}").shuffle(block)
        order += block
    return order
