"""Where and with what a run is made: versions, commit, machine; no host name."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from platformdirs import user_cache_path
from pydantic import ValidationError

from bench.config.run_config import RunConfig
from bench.records.schema import Calibration, Environment

CONTROL_GROUPS = Path("/sys/fs/cgroup")
_PACKAGES = ("sleepbench", "avalanche-lib", "torch", "torchvision", "numpy")


def describe(
    config: RunConfig,
    *,
    command: str,
    started: datetime,
    data_hash: str | None = None,
    accelerator: str | None = None,
) -> Environment:
    """The environment part of a record of `config`, now ended."""
    head, dirty = commit()
    facts = machine(accelerator)
    return Environment(
        commit=head,
        dirty=dirty,
        versions=versions(),
        machine=facts,
        fingerprint=fingerprint(facts),
        data_hash=data_hash,
        calibration=calibration(calibration_file(facts, config.threads, config.device)),
        command=command,
        started=started,
        ended=max(started, datetime.now(UTC)),  # a clock may be set back meanwhile
    )


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that make a result."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine(accelerator: str | None = None) -> dict[str, str | int | None]:
    """Facts that do not change between two runs on the same machine."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "accelerator": accelerator,
    }


def fingerprint(facts: dict[str, str | int | None]) -> str:
    """First 12 hexadecimal digits of the SHA-256 of `machine`."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def calibration_file(facts: dict[str, str | int | None], threads: int, device: str) -> Path:
    """Where the calibration of this machine, torch, number of threads and device lies."""
    torch = versions().get("torch", "none")
    name = f"calibration-{fingerprint(facts)}-torch-{torch}-{threads}-{device}.json"
    return user_cache_path("sleepbench") / name


def calibration(file: Path) -> Calibration | None:
    """What `bench calibrate` has left in `file`; None if nothing that can be read."""
    try:
        return Calibration.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None  # shown, never ranked: no reason to stop a run


def commit() -> tuple[str | None, bool | None]:
    """Commit of this source tree and whether tracked files differ; (None, None) outside git.

    Generated pages do not count: a campaign writes them between its experiments.
    """
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None, None
    try:
        head = _git(folder, "rev-parse", "HEAD")
        code = ("--", ".", ":(exclude)leaderboards")
        return head, bool(_git(folder, "status", "--porcelain", "--untracked-files=no", *code))
    except (OSError, subprocess.CalledProcessError):
        return None, None


def out_of_memory_kills() -> int:
    """How many processes the kernel has killed for memory in this control group; 0 if unknown."""
    for events in _memory_events():
        with suppress(OSError):  # it is not there, or not to be read
            counts = dict(line.split() for line in events.read_text().splitlines())
            return int(counts.get("oom_kill", 0))
    return 0


def _memory_events() -> Iterator[Path]:
    """Where that number may be, in either version of control groups.

    A container may show its own group as the root of all.
    """
    groups = Path("/proc/self/cgroup")
    for line in groups.read_text().splitlines() if groups.is_file() else ():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            root, name = CONTROL_GROUPS / "memory", "memory.oom_control"
        elif not controllers:
            root, name = CONTROL_GROUPS, "memory.events"
        else:
            continue
        yield root / path.lstrip("/") / name
        yield root / name


def waited_seconds() -> float:
    """For how long threads of this process were ready and had no core; 0 if unknown."""
    waited = 0
    for told in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError):  # the thread has ended
            waited += int(told.read_text().split()[1])
    return waited / 1e9


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
