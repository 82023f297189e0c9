"""A job array of Slurm: put into the queue, asked after, cancelled.

The commands of Slurm are called themselves: a library for it passes pickles through a shared
folder, and asks for accounting that small clusters lack.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bench.executor.node import Order

LOOK_SECONDS = 5.0
"""Time between two questions to the queue."""

ANSWER_SECONDS = 30.0
"""Longest wait for a command of Slurm."""

AT_WORK = ("RUNNING", "SUSPENDED")
WAITING = ("PENDING", "REQUEUED", "CONFIGURING")
"""What the queue says of tasks that have not ended."""

OURS = (
    "array", "chdir", "clusters", "cpus-per-task", "gpus-per-task", "job-name", "no-requeue",
    "nodes", "ntasks", "open-mode", "output", "parsable", "requeue", "wrap",
)  # fmt: skip
"""Options of `sbatch` that this module gives."""

NO_SLURM = "Slurm must be on this machine for --executor slurm: there is no `sbatch`"


class JobArray:
    """As many tasks as there are runs at once, each on cores of its own."""

    def __init__(self, order: Order, options: Mapping[str, str]) -> None:
        """Not in the queue yet.

        Args:
            order: how runs are carried out; its jobs are the tasks.
            options: of `sbatch`, without their dashes; "" is one that has no value.

        Raises:
            ValueError: for an option that is none, or ours.
        """
        for name in options:
            if not re.fullmatch(r"[a-z][a-z-]*", name) or name in OURS:
                raise ValueError(
                    "--slurm must be options of sbatch as name=value, but those that are given "
                    f"already ({', '.join(OURS)}), got {name!r}"
                )
        self._order, self._options = order, options
        self.tasks = order.jobs or 1
        self.number: str | None = None
        self._states: dict[str, str] = {}
        self._looked = 0.0

    def check(self) -> None:
        """ValueError if there is no Slurm here, or none that answers."""
        if shutil.which("sbatch") is None:
            raise ValueError(NO_SLURM)
        _call("sinfo", "--noheader")

    def submit(self, folder: Path) -> None:
        """Put the tasks into the queue, each an agent that is spoken to through `folder`.

        Raises:
            ValueError: if Slurm refuses.
        """
        agent = shlex.join([sys.executable, "-m", "bench.executor.spool", str(folder)])
        given = [f"--{name}={v}" if v else f"--{name}" for name, v in self._options.items()]
        gpus = ["--gpus-per-task=1"] if self._order.gpu else []
        self.number = _call(
            "sbatch",
            "--parsable",
            f"--array=0-{self.tasks - 1}",
            "--ntasks=1",
            f"--cpus-per-task={self._order.threads}",
            *gpus,
            "--requeue",
            "--open-mode=append",
            "--job-name=sleepbench",
            f"--output={folder}/%a.log",
            *given,
            "--wrap",
            f"exec {agent} $SLURM_ARRAY_TASK_ID",
        ).partition(";")[0]

    def states(self, *, now: bool = False) -> dict[str, str]:
        """What the queue says of each task that has not ended, by its number.

        Args:
            now: ask it, also if it was asked a moment ago.
        """
        if self.number is None or not (now or time.monotonic() - self._looked > LOOK_SECONDS):
            return self._states
        self._looked = time.monotonic()
        asked = ("--noheader", "--array", "--format=%K %T", f"--jobs={self.number}")
        try:
            said = _call("squeue", *asked)
        except ValueError as error:
            if "Invalid job id" not in str(error):
                return self._states  # it does not answer: what it said last holds
            said = ""  # all of it is over
        self._states = {
            task: state
            for task, state in (line.split() for line in said.splitlines())
            if state in (*AT_WORK, *WAITING)
        }
        return self._states

    def runs(self, task: str) -> None:
        """Note that a task has spoken, whatever the queue said before."""
        self._states[task] = "RUNNING"

    def cancel(self, task: str | None = None) -> None:
        """End a task, or all of them."""
        if self.number is not None:
            with suppress(ValueError):  # it has ended
                _call("scancel", self.number if task is None else f"{self.number}_{task}")


def _call(*command: str) -> str:
    """What a command of Slurm says.

    Raises:
        ValueError: if it fails, with what it says of that.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"Slurm must answer, {command[0]} took {ANSWER_SECONDS:.0f} s") from None
    if done.returncode:
        why = (done.stderr or done.stdout).strip().splitlines()
        raise ValueError(f"Slurm refuses ({command[0]}): {why[-1] if why else 'no reason given'}")
    return done.stdout.strip()
