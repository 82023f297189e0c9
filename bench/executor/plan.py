"""Which runs a call has to make, and in which order."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
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


def plan(configs: Iterable[RunConfig], store: Store, retry: frozenset[str] = frozenset()) -> Plan:
    """Split configurations into finished and missing.

    Args:
        retry: finished statuses to run again all the same.

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
    refuse_other_conditions(done)
    return Plan(_shuffled([c for c in configs if c.digest not in finished]), done)


def refuse_other_conditions(done: Iterable[RunRecord]) -> None:
    """ValueError when a record was made by other rules or elsewhere than one that is made now."""
    here = environment.fingerprint(environment.machine())
    for record in done:
        _refuse_changed(record, "ruleset", record.ruleset, RULESET)
        if record.config.budget.clock != "steps" and record.config.device == "cpu":
            _refuse_changed(record, "machine", record.environment.fingerprint, here)


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
