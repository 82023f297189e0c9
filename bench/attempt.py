"""One attempt at a run, inside its own process: whatever happens becomes a record."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from bench import environment
from bench.batches import serve_whole_batches
from bench.bookkeeping import Diverged, Findings
from bench.catalogue import find_benchmark
from bench.config import RULESET, RunConfig
from bench.data import load
from bench.messages import Job, Progress
from bench.records import RunRecord, Status
from bench.run import build, run
from strategies import registry


def attempt(job: Job, send: Callable[[Any], None]) -> RunRecord:
    """Run the job and return its record; the traceback of a failure goes to standard error."""
    started = datetime.now(timezone.utc)
    config, findings = job.config, Findings()
    torch.set_num_threads(config.threads)
    serve_whole_batches()
    status, reason = _outcome(job, findings, send)
    accelerator = torch.cuda.get_device_name() if config.device == "cuda" else None
    return RunRecord(
        ruleset=RULESET,
        digest=config.digest,
        benchmark_version=findings.benchmark_version,
        config=config,
        resolved=findings.resolved,
        ranked=registry.find(config.strategy).ranked,
        status=status,
        reason=reason,
        attempt=job.attempt,
        cost=findings.cost,
        outcome=findings.outcome,
        weights=findings.weights,
        environment=environment.describe(job.command, started, findings.data_hash, accelerator),
    )


def refusals(
    configs: Sequence[RunConfig], data_root: Path | None, download: bool
) -> list[tuple[RunConfig, str]]:
    """The configurations that cannot be built and why; trains nothing.

    Fetches and converts the data on the way, so that no run has to.
    """
    found = []
    for config in configs:
        try:
            load(find_benchmark(config.benchmark).data, data_root, download=download)
            build(config, data_root, report=lambda progress: None)
        except (ValueError, TypeError) as error:
            found.append((config, str(error)))
    return found


def _outcome(
    job: Job, findings: Findings, send: Callable[[Any], None]
) -> tuple[Status, str | None]:
    def report(progress: Progress) -> None:
        try:
            send(progress)
        except OSError:
            os._exit(1)  # the parent is gone: nobody waits for this run

    try:
        run(job.config, findings, data_root=job.data_root, report=report)
    except Diverged as error:
        return "diverged", str(error)
    except (MemoryError, torch.cuda.OutOfMemoryError) as error:
        traceback.print_exc()
        return "oom", _line(error)
    except Exception as error:  # a strategy may raise anything; its row says what
        traceback.print_exc()
        if "can't allocate memory" in str(error):
            return "oom", _line(error)
        return "error", _line(error)
    if findings.overrun:
        return "overrun", "charged more than the budget and its tolerance"
    return "ok", None


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:200]
