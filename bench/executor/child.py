"""One run inside its own process: whatever happens becomes a report."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from bench.config.budget import TOLERANCE, Budget
from bench.data.presence import DataError
from bench.executor.messages import STOP, STOPPED, Job, Report
from bench.records import environment
from bench.records.schema import Status
from bench.runner.avalanche_patches import apply_patches
from bench.runner.checkpoints import CannotGoOn, Checkpointing
from bench.runner.divergence import Diverged
from bench.runner.examiner import Findings
from bench.runner.progress import Checkpoint, Progress
from bench.runner.run import run

NO_STEP = "it trained without Avalanche's hooks, by which the steps of a budget are counted"
STARVED = 0.1
"""Share of its time for which a run has waited for its cores, above which others held it up."""
SLOWED = 1.25
"""By how much neighbours may stretch a CPU second: caches and clocks are shared."""


class Stopped(BaseException):
    """The run was asked to end; no failure, and nothing that a strategy may catch as one."""


def _stop(number: int, frame: Any) -> None:
    raise Stopped


def run_job(job: Job, tell: Callable[[Progress | Checkpoint], None]) -> Report:
    """What a job that was run says of itself; the traceback of a failure goes to standard error.

    Args:
        job: what to run.
        tell: told the run's progress and its checkpoints.
    """
    config, findings = job.config, Findings()
    torch.set_num_threads(config.threads)
    status, reason = _outcome(job, findings, tell)
    return Report(
        status=status,
        reason=reason,
        benchmark_version=findings.benchmark_version,
        data_hash=findings.data_hash,
        accelerator=torch.cuda.get_device_name() if config.device == "cuda" else None,
        resolved=findings.resolved,
        cost=findings.cost,
        outcome=findings.outcome,
        weights=findings.weights,
    )


def _outcome(
    job: Job, findings: Findings, tell: Callable[[Progress | Checkpoint], None]
) -> tuple[Status, str | None]:
    def report(told: Progress | Checkpoint) -> None:
        try:
            tell(told)
        except OSError:
            os._exit(1)  # the parent is gone: nobody waits for this run

    began = time.monotonic()
    try:
        signal.signal(STOP, _stop)
        apply_patches()
        run(
            job.config, findings, data_root=job.data_root, report=report,
            begin=job.states.begin, state=job.state, checkpointing=_checkpointing(job),
        )  # fmt: skip
        signal.signal(STOP, signal.SIG_IGN)  # too late: what it did is there
        if findings.unsaved:
            print(f"its state was not saved: {findings.unsaved}")
    except Stopped:
        return "killed", STOPPED
    except CannotGoOn as error:  # the next call begins it anew
        assert job.cut is not None, "it went on from there"
        job.cut.unlink(missing_ok=True)
        return "infra_error", f"it could not go on from its checkpoint: {error}"[:200]
    except Diverged as error:
        return "diverged", str(error)
    except (MemoryError, torch.cuda.OutOfMemoryError) as error:
        traceback.print_exc()
        return "oom", line_of(error)
    except DataError as error:  # once the data are there, it is the strategy that raises it
        return "infra_error" if findings.data_hash is None else "error", line_of(error)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # its row says what it was
        with suppress(OSError):  # the disk is full
            traceback.print_exc()
        if isinstance(error, OSError) and _is_full(job.folder):
            return "infra_error", line_of(error)
        if "can't allocate memory" in str(error):
            return "oom", line_of(error)
        return "error", line_of(error)
    if job.config.budget.clock == "steps" and findings.cost and not findings.cost.charged:
        return "error", NO_STEP
    if findings.overrun:
        assert findings.cost is not None, "a run that charged has its cost"
        waited = environment.waited_seconds() / (time.monotonic() - began)
        return overdrawn(waited, findings.cost.charged, job.config.budget)
    return "ok", None


def _checkpointing(job: Job) -> Checkpointing | None:
    if job.states.every is None:
        return None
    return Checkpointing(job.folder, job.states.every, job.cut)


def _is_full(folder: Path) -> bool:
    """Whether no block or no file more fits where `folder` lies."""
    left = os.statvfs(folder)
    return left.f_bavail == 0 or (left.f_files > 0 and left.f_favail == 0)


def overdrawn(waited: float, charged: float, budget: Budget) -> tuple[Status, str]:
    """Whose fault it is that more was charged than the budget and its tolerance.

    The machine's only where the run could have kept its budget on cores of its own.

    Args:
        waited: share of its time for which the run has waited for a core that others used.
        charged: in the unit of the budget.
        budget: of the run.
    """
    alone = charged / SLOWED if budget.clock == "cpu" else charged * (1 - waited)
    told = f"charged {charged / budget.amount:.0%} of the budget"
    if charged <= budget.amount:  # of nights alone, each of which has a budget
        told += ", and nights were longer than those after them could repay"
    if waited > STARVED and alone <= budget.amount * (1 + TOLERANCE):
        return "infra_error", f"{told}, while others used its cores for {waited:.0%} of its time"
    return "overrun", told


def line_of(error: BaseException) -> str:
    """An error as one line of a record."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:200]
