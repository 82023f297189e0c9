"""What would spoil a timed run on this machine, and what to do about it. Imports no torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.records import environment
from bench.records.schema import Calibration

LOAD_PER_CORE = 0.1
"""Load by others, per core, from which on a timed run is disturbed."""
FREE_BYTES = 2**30
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        advice: what to do, empty when it is well.
    """

    level: Literal["ok", "warning", "failure"]
    what: str
    advice: str = ""


def examine(out: Path) -> Iterator[Finding]:
    """Look at cores, load, governor, threads, memory, disk and the installation, one by one."""
    yield _machine()
    yield _load(os.getloadavg()[0], len(os.sched_getaffinity(0)))
    yield _governor(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))
    yield _threads(dict(os.environ))
    yield _disk(out)
    yield _imports()
    yield _accelerator()
    yield _calibration(environment.calibration(_calibrated_in()))


def _machine() -> Finding:
    facts = environment.machine()
    allowed = len(os.sched_getaffinity(0))
    what = f"{facts['cpu']}, {allowed} of {facts['cores']} cores, {facts['memory_gib']} GiB"
    return Finding("ok", f"{what}, fingerprint {environment.fingerprint(facts)}")


def _load(load: float, cores: int) -> Finding:
    what = f"load {load:.2f} on {cores} cores"
    if load > LOAD_PER_CORE * cores:
        return Finding(
            "warning", what, "stop what else runs, use --clock cpu, or look at the CPU share"
        )
    return Finding("ok", what)


def _governor(file: Path) -> Finding:
    if not file.is_file():
        return Finding("ok", "frequency governor not shown by this system")
    governor = file.read_text().strip()
    if governor != "performance":
        return Finding("warning", f"governor {governor}", "set it to performance")
    return Finding("ok", "governor performance")


def _threads(variables: dict[str, str]) -> Finding:
    found = [f"{name}={variables[name]}" for name in _THREADS if name in variables]
    return Finding("ok", f"threads: {', '.join(found) or 'no variable set'}; runs set their own")


def _disk(out: Path) -> Finding:
    folder = next(p for p in (out.resolve(), *out.resolve().parents) if p.exists())
    free = shutil.disk_usage(folder).free
    what = f"{free / 2**30:.1f} GiB free at {out}"
    if free < FREE_BYTES:
        return Finding("failure", what, "free some space: records could not be written")
    return Finding("ok", what)


def _imports() -> Finding:
    found = environment.versions()
    what = ", ".join(f"{name} {number}" for name, number in found.items())
    done = subprocess.run(
        [sys.executable, "-c", "import torch, torchvision, avalanche.training"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1]
        return Finding(
            "failure", f"{what}: {reason}", "install torch and torchvision of one release and build"
        )
    return Finding("ok", what)


def _accelerator() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding("ok", "no NVIDIA device: runs use --device cpu")
    query = [tool, "--query-gpu=name,utilization.gpu", "--format=csv,noheader,nounits"]
    lines = subprocess.run(query, capture_output=True, text=True, check=False).stdout.splitlines()
    busy = [line for line in lines if int(line.rsplit(",", 1)[1]) > 5]
    if busy:
        return Finding("warning", f"busy device: {'; '.join(busy)}", "wait until it is idle")
    return Finding("ok", "; ".join(lines))


def _calibrated_in() -> Path:
    """The file for what a run uses unless told otherwise: one thread of the CPU."""
    return environment.calibration_file(environment.machine(), 1, "cpu")


def _calibration(found: Calibration | None) -> Finding:
    if found is None:
        return Finding("ok", "not calibrated", "python -m bench calibrate measures its speed")
    what = (
        f"calibrated {found.measured:%Y-%m-%d}: {found.steps_per_second:.0f} reference steps/s, "
        f"noise {found.noise:.2%}"
    )
    if found.told_apart:
        return Finding(
            "warning", f"{what}, but equal work differed by {abs(found.ratio - 1):.2%}",
            "find what disturbs the machine and calibrate again",
        )  # fmt: skip
    return Finding("ok", what)
