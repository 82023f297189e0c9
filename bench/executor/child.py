"""One attempt at a run, inside its own process: whatever happens becomes a record."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from bench.config.catalogue import find_benchmark
from bench.config.run_config import RULESET, RunConfig
from bench.data.cache import load
from bench.data.image_files import DataError
from bench.executor.messages import STOP, STOPPED, Job, Refusal
from bench.records import environment
from bench.records.schema import RunRecord, Status
from bench.runner.avalanche_patches import serve_whole_batches, skip_idle_hooks
from bench.runner.examiner import Diverged, Findings
from bench.runner.progress import Progress
from bench.runner.run import build, run
from strategies import building


class Stopped(BaseException):
    """The run was asked to end; no failure, and nothing that a strategy may catch as one."""


def _stop(number: int, frame: Any) -> None:
    raise Stopped


def attempt(job: Job, send: Callable[[Any], None]) -> RunRecord:
    """Run the job and return its record; the traceback of a failure goes to standard error."""
    started = datetime.now(timezone.utc)
    config, findings = job.config, Findings()
    torch.set_num_threads(config.threads)
    serve_whole_batches()
    skip_idle_hooks()
    status, reason = _outcome(job, findings, send)
    accelerator = torch.cuda.get_device_name() if config.device == "cuda" else None
    return RunRecord(
        ruleset=RULESET,
        digest=config.digest,
        benchmark_version=findings.benchmark_version,
        config=config,
        resolved=findings.resolved,
        ranked=building.find(config.strategy).ranked,
        status=status,
        reason=reason,
        attempt=job.attempt,
        cost=findings.cost,
        outcome=findings.outcome,
        weights=findings.weights,
        environment=environment.describe(
            config,
            command=job.command,
            started=started,
            data_hash=findings.data_hash,
            accelerator=accelerator,
        ),
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
        done: finished records of the same call, whose hyper-parameters must still be what they
            were.
    """
    found = []
    for config in configs:
        try:
            if config.device == "cuda" and not torch.cuda.is_available():
                return [Refusal(config, "device must be cpu: this machine has no CUDA", True)]
            load(find_benchmark(config.benchmark).data, data_root, download=download)
            build(config, data_root, report=lambda progress: None)
        except DataError as error:
            return [Refusal(config, str(error), True)]
        except (Exception, SystemExit) as error:  # a constructor may raise anything
            plain = isinstance(error, ValueError)
            found.append(Refusal(config, str(error) if plain else _line(error), False))
    return found + [Refusal(r.config, why, True) for r in done if (why := _changed(r))]


def _changed(record: RunRecord) -> str | None:
    """What a hyper-parameter of a finished record would be now, if that differs."""
    name = record.config.strategy
    now = building.resolve(name, building.find(name), record.config.hyperparameters)
    for key, then in record.resolved.items():
        if now.get(key) != then:
            return (
                f"{key} of {name} was {then!r} in the records of this folder and is "
                f"{now.get(key)!r} now; choose another --out"
            )
    return None


def _outcome(
    job: Job, findings: Findings, send: Callable[[Any], None]
) -> tuple[Status, str | None]:
    def report(progress: Progress) -> None:
        try:
            send(progress)
        except OSError:
            os._exit(1)  # the parent is gone: nobody waits for this run

    try:
        signal.signal(STOP, _stop)
        run(job.config, findings, data_root=job.data_root, report=report)
        signal.signal(STOP, signal.SIG_IGN)  # too late: what it did is there
    except Stopped:
        return "killed", STOPPED
    except Diverged as error:
        return "diverged", str(error)
    except (MemoryError, torch.cuda.OutOfMemoryError) as error:
        traceback.print_exc()
        return "oom", _line(error)
    except DataError as error:
        return "infra_error", _line(error)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # its row says what it was
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
