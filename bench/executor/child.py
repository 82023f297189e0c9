"""One run inside its own process: whatever happens becomes a report."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from bench.config.budget import TOLERANCE, Budget
from bench.config.catalogue import find_benchmark
from bench.config.datasets import TABLES
from bench.config.run_config import RunConfig
from bench.data.cache import load
from bench.data.presence import DataError
from bench.executor.messages import STOP, STOPPED, Job, Refusal, Report, model_source
from bench.records import environment
from bench.records.schema import RunRecord, Status
from bench.runner.avalanche_patches import apply_patches
from bench.runner.divergence import Diverged
from bench.runner.examiner import Findings
from bench.runner.progress import Progress
from bench.runner.run import build, run
from strategies import building
from strategies.import_path import is_import_path, place_of, source_file, source_hash

NO_STEP = "it trained without Avalanche's hooks, by which the steps of a budget are counted"
STARVED = 0.1
"""Share of its time for which a run has waited for its cores, above which others held it up."""
SLOWED = 1.25
"""By how much neighbours may stretch a CPU second: caches and clocks are shared."""


class Stopped(BaseException):
    """The run was asked to end; no failure, and nothing that a strategy may catch as one."""


def _stop(number: int, frame: Any) -> None:
    raise Stopped


def run_job(job: Job, tell: Callable[[Progress], None]) -> Report:
    """What a job that was run says of itself; the traceback of a failure goes to standard error.

    Args:
        job: what to run.
        tell: told the run's progress.
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


def refusals(
    configs: Sequence[RunConfig],
    done: Sequence[RunRecord],
    data_root: Path | None,
    download: bool,
) -> list[Refusal]:
    """The configurations that cannot be built and why; trains nothing.

    Fetches and converts the data on the way, so that no run has to.

    Args:
        configs: what is to be run.
        data_root: where the data sets lie.
        download: fetch missing data sets.
        done: finished records of the same call, whose hyper-parameters must still be what they
            were.
    """
    found = []
    for config in configs:
        try:
            if config.device == "cuda" and not torch.cuda.is_available():
                return [Refusal(config, "device must be cpu: this machine has no CUDA", True)]
            data = find_benchmark(config.benchmark).data
            if data is not None and data not in TABLES:  # a table is read as it lies
                load(data, data_root, download=download)
            build(config, data_root)
        except DataError as error:
            return [Refusal(config, str(error), True)]
        except (Exception, SystemExit) as error:  # a constructor may raise anything
            reason = str(error) if isinstance(error, ValueError) else _line(error)
            if is_import_path(config.strategy):
                reason += place_of(error, source_file("strategy", config.strategy))
            found.append(Refusal(config, reason, False))
    return found + [Refusal(r.config, why, True) for r in done if (why := _changed(r))]


def _changed(record: RunRecord) -> str | None:
    """What a finished record was made with that is another now; None if all is the same."""
    config = record.config
    sources = (
        ("model", config.model, record.model_source, model_source(config)),
        ("benchmark", config.benchmark, *_versions(record)),
    )
    for what, path, before, today in sources:
        if before != today:
            return (
                f"the source of {what} {path} has changed since the records of this folder were "
                "made; choose another --out"
            )
    name = config.strategy
    now = building.resolve(name, building.find(name), config.hyperparameters)
    for key, then in record.resolved.items():
        if now.get(key) != then:
            return (
                f"{key} of {name} was {then!r} in the records of this folder and is "
                f"{now.get(key)!r} now; choose another --out"
            )
    return None


def _versions(record: RunRecord) -> tuple[str | None, str | None]:
    """Versions of a user's own benchmark, in the record and now; equal for any other."""
    path, then = record.config.benchmark, record.benchmark_version
    if then is None or not is_import_path(path):
        return None, None
    return then, f"sha256:{source_hash('benchmark', path)}"


def _outcome(
    job: Job, findings: Findings, tell: Callable[[Progress], None]
) -> tuple[Status, str | None]:
    def report(progress: Progress) -> None:
        try:
            tell(progress)
        except OSError:
            os._exit(1)  # the parent is gone: nobody waits for this run

    began = time.monotonic()
    try:
        signal.signal(STOP, _stop)
        apply_patches()
        run(job.config, findings, data_root=job.data_root, report=report)
        signal.signal(STOP, signal.SIG_IGN)  # too late: what it did is there
    except Stopped:
        return "killed", STOPPED
    except Diverged as error:
        return "diverged", str(error)
    except (MemoryError, torch.cuda.OutOfMemoryError) as error:
        traceback.print_exc()
        return "oom", _line(error)
    except DataError as error:  # once the data are there, it is the strategy that raises it
        return "infra_error" if findings.data_hash is None else "error", _line(error)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # its row says what it was
        with suppress(OSError):  # the disk is full
            traceback.print_exc()
        if isinstance(error, OSError) and _is_full(job.folder):
            return "infra_error", _line(error)
        if "can't allocate memory" in str(error):
            return "oom", _line(error)
        return "error", _line(error)
    if job.config.budget.clock == "steps" and findings.cost and not findings.cost.charged:
        return "error", NO_STEP
    if findings.overrun:
        assert findings.cost is not None, "a run that charged has its cost"
        waited = environment.waited_seconds() / (time.monotonic() - began)
        return overdrawn(waited, findings.cost.charged, job.config.budget)
    return "ok", None


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


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:200]
