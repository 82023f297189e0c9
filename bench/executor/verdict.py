"""From what a run told of itself, and what was seen of it from outside, to its record."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from bench.config.run_config import RULESET, RunConfig
from bench.executor.messages import Report, sources
from bench.executor.node import Node
from bench.executor.running import Running
from bench.records import environment
from bench.records.schema import Environment, RunRecord, Status
from strategies import building

MOST_KILLS = 5
"""How often a run may be killed from outside before it counts as a failure of the strategy."""

_OF_THE_RUN = ("benchmark_version", "resolved", "status", "reason", "cost", "outcome", "weights")
"""Fields of a record that only the run itself can tell."""

NOT_STOPPED = "it stopped as if it had been asked to, which it was not"


def record_of(ended: Running, *, command: str, killed: int, saved: str | None) -> RunRecord:
    """The record of a run that has ended, by its own report or without one.

    Args:
        ended: the run.
        command: what the user typed.
        killed: how often the same run, or what it was forked from, was killed before.
        saved: SHA-256 of the state that it has left.
    """
    report = ended.report or _report_of_the_dead(ended, killed - ended.killed)
    if report.status == "killed" and ended.report and not ended.stopped:
        report = report.model_copy(update={"status": "error", "reason": NOT_STOPPED})
    fields: dict[str, Any] = {name: getattr(report, name) for name in _OF_THE_RUN}
    fields |= {
        "ruleset": RULESET,
        "digest": ended.config.digest,
        **sources(ended.config),
        "config": ended.config,
        "ranked": building.find(ended.config.strategy).ranked,
        "attempt": ended.attempt,
        "outside": ended.outside,
        "saved": saved if report.status == "ok" else None,
        "cuts": ended.cuts or None,
        "environment": environment.describe(
            ended.config,
            command=command,
            started=ended.started,
            data_hash=report.data_hash,
            accelerator=report.accelerator,
        ),
    }
    try:
        return RunRecord(**fields)
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        reason = f"what it told of itself cannot be: {why}"[:200]
        chosen = dict(ended.config.hyperparameters)  # what it told of them may be what cannot be
        return RunRecord(**fields | {"status": "error", "reason": reason, "resolved": chosen})


def _report_of_the_dead(ended: Running, killed: int) -> Report:
    status, reason = _cause_of_death(ended)
    if status in ("killed", "infra_error") and killed + 1 >= MOST_KILLS:
        status, reason = "error", f"{reason}, as at each of {MOST_KILLS} attempts"
    return Report(status=status, reason=reason, resolved=dict(ended.config.hyperparameters))


def _cause_of_death(ended: Running) -> tuple[Status, str]:
    """Status and reason of a run that ended without a report."""
    code = ended.process.exitcode
    if ended.timed_out:
        return "timeout", ended.timed_out
    if ended.lost:
        return "infra_error", "the server that runs are forked from was killed"
    if ended.inbox.damage:
        return "error", f"what it told of itself could not be read: {ended.inbox.damage}"[:200]
    if code == -signal.SIGKILL and environment.out_of_memory_kills() > ended.memory_kills:
        return "oom", "killed by the system for lack of memory"
    if code == -signal.SIGKILL or code == -signal.SIGTERM:
        return "killed", f"ended from outside by signal {-code}"
    if code < 0:
        return "error", f"crashed with signal {-code} ({signal.Signals(-code).name})"
    return "error", f"ended its process with exit code {code} and left no report"


def record_of_lost(
    config: RunConfig,
    node: Node,
    why: str,
    *,
    attempt: int,
    began: datetime,
    command: str,
    last: bool,
) -> RunRecord:
    """The record of a run whose node is gone, which is the machine's fault.

    Args:
        node: the one that is gone.
        why: what happened to it.
        attempt: which it was.
        began: when the run was given to the node.
        command: what the user typed.
        last: whether it will not be tried again, as each attempt has ended so.
    """
    facts, reason = node.facts, f"its node {node.name} {why}"
    if last:
        reason = f"{reason}, as at each of {MOST_KILLS} attempts"
    known: dict[str, Any] = dict(sources(config))
    return RunRecord(
        **known,
        ruleset=RULESET,
        digest=config.digest,
        benchmark_version=None,
        config=config,
        resolved=dict(config.hyperparameters),
        ranked=building.find(config.strategy).ranked,
        status="error" if last else "infra_error",
        reason=reason,
        attempt=attempt,
        environment=Environment(
            commit=facts.commit,
            dirty=facts.dirty,
            versions=facts.versions,
            machine=facts.machine,
            fingerprint=facts.fingerprint,
            data_hash=None,
            command=command,
            started=began,
            ended=max(began, datetime.now(UTC)),
        ),
    )
