"""Kills commands at random and looks whether what they leave ends as if nothing had happened.

python tests/campaign/kills.py --run 200 --study 40 --checkpoint 30 --page docs/kills.md

A chain is one folder: a command is begun, something of it is killed at a random moment, the same
command is begun again, until it has been killed often enough; then it is left to end. What is in
the folder must be what a command without a kill leaves, on the clock of steps.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.executor.verdict import MOST_KILLS
from bench.formatting.markdown import table
from bench.records.schema import FINISHED
from bench.records.store import Store, write_atomically

MARK = "SLEEPBENCH_CAMPAIGN"
"""Variable in the environment of all that a chain starts."""

RUN = (
    "run", "--strategy", "naive,replay,packnet-inferred", "--scenario", "class", "--seeds", "2",
    "--budget", "150steps",
)  # fmt: skip
STUDY = (
    "study", "--strategy", "replay", "--scenario", "class", "--objective", "accuracy",
    "--budget", "150steps", "--space", "learning_rate=0.003,0.01,0.03,0.1", "--sampler", "grid",
    "--trials", "4",
)  # fmt: skip
CHECKPOINT = (
    "run", "--benchmark", "split-digits?repeat=4", "--strategy", "replay", "--scenario", "class",
    "--budget", "20000steps", "--checkpoint", "0.001s",
)  # fmt: skip

WAYS = {
    "tree": "everything at once",
    "command": "the process of the command",
    "server": "the server that runs are forked from",
    "run": "a run",
    "write": "the command, while it writes a record",
}
LOSING = ("server", "run")
"""Of these, what leaves a row that says so."""

BY_CHAIN = 10
"""Kills of one chain, at most."""

MOST_SECONDS = 600.0
"""Longest time that a command that is not killed may take."""

GONE_SECONDS = 30.0
"""Longest time that what is left of a chain may take to end."""


@dataclass
class Chain:
    """One folder and the command that is killed in it."""

    command: tuple[str, ...]
    folder: Path
    luck: random.Random
    core: int
    kills: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def store(self) -> Store:
        return Store(self.out / "records" if self.command[0] == "study" else self.out)

    def run(self, kills: int, reference: dict[str, str]) -> None:
        """Kill the command so often, let it end, and compare with what it leaves unharmed."""
        self.break_often(kills)
        self.finish()
        if self.outcomes() != reference:
            self.faults.append("the outcomes are not those of a command without a kill")

    def break_often(self, kills: int) -> None:
        """Kill the command until it was killed so often or has nothing to do any more."""
        while sum(self.kills.values()) < kills:
            way = self._way(list(WAYS))
            process = self._begin(way)
            if way != "write":
                self._wait_for_runs(process)
            while sum(self.kills.values()) < kills and self._kill(process, way):
                way = self._way(["tree", "command", "server", "run"])
            if process.poll() is not None or sum(self.kills.values()) >= kills:
                self._end(process)
            self._look()
            if process.returncode == 0:
                return

    def finish(self) -> None:
        """Let the command end, and look at what is there."""
        self._end(self._begin())
        self._look()
        until = time.monotonic() + GONE_SECONDS
        while self._processes() and time.monotonic() < until:
            time.sleep(0.1)
        self.faults += [f"process left: {p.cmdline()}" for p in self._processes()]
        self.faults += [f"file left: {p.name}" for p in (self.folder / "tmp").iterdir()]
        for path in self.store.other_files():
            if path.suffix != ".log" or not (self.store.root / path).with_suffix(".json").exists():
                self.faults.append(f"file left: {path}")
        self.faults += [f"half a file left: {p}" for p in self.out.rglob(".*.*[0-9]")]

    @property
    def cuts(self) -> int:
        """How often its runs went on from a checkpoint."""
        return sum(item.record.cuts or 0 for item in self.store.read()[0])

    def outcomes(self) -> dict[str, str]:
        """What was reached and spent, of every run that is finished."""
        return {
            item.record.digest: json.dumps(
                [
                    item.record.status,
                    item.record.outcome and item.record.outcome.model_dump(),
                    [weights.model_dump() for weights in item.record.weights],
                    item.record.cost and item.record.cost.charged_by_experience,
                ]
            )
            for item in self.store.read()[0]
            if item.record.status in FINISHED
        }

    def _way(self, ways: list[str]) -> str:
        """One of these, but for what would end as often as makes a run a failure by rule."""
        lost = self.kills["server"] + self.kills["run"]
        return self.luck.choice([w for w in ways if lost < MOST_KILLS - 1 or w not in LOSING])

    def _begin(self, way: str = "") -> subprocess.Popen[str]:
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        start = [sys.executable, "-m", "bench"]
        if way == "write":
            phase = self.luck.choice(["sync", "rename", "settle"])
            nth = str(self.luck.randint(1, 2))
            start = [sys.executable, str(Path(__file__).with_name("dies_in_write.py")), nth, phase]
        return subprocess.Popen(
            [*start, *self.command, "--out", str(self.out)],
            env={**os.environ, MARK: self.folder.name, "TMPDIR": str(self.folder / "tmp")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {self.core}),
        )

    def _wait_for_runs(self, process: subprocess.Popen[str]) -> None:
        """Until a run has begun; now and then not even for that."""
        if self.luck.random() < 0.1:
            time.sleep(self.luck.uniform(0, 5))
            return
        before, until = len(list(self.store.paths())), time.monotonic() + MOST_SECONDS
        while process.poll() is None and time.monotonic() < until:
            if len(_runs(process)) > 0 or len(list(self.store.paths())) > before:
                return
            time.sleep(0.05)

    def _kill(self, process: subprocess.Popen[str], way: str) -> bool:
        """Kill in this way at a random moment; whether the command goes on."""
        if way == "write":
            self._end(process, expected=-signal.SIGKILL)
            return False
        time.sleep(self.luck.uniform(0, 2.5))
        if process.poll() is not None:
            return False
        victims = {
            "tree": lambda: [*_family(process.pid), psutil.Process(process.pid)],
            "command": lambda: [psutil.Process(process.pid)],
            "server": lambda: _servers(process),
            "run": lambda: _runs(process)[:1],
        }[way]()
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        if victims:
            self.kills[way] += 1
        if way in ("tree", "command"):
            process.communicate()
            return False
        return True

    def _end(self, process: subprocess.Popen[str], expected: int = 0) -> None:
        try:
            output, _ = process.communicate(timeout=MOST_SECONDS)
        except subprocess.TimeoutExpired:
            self.faults.append("the command hangs")
            process.kill()
            return
        if process.returncode == -signal.SIGKILL:
            self.kills["write"] += expected == -signal.SIGKILL
        elif process.returncode not in (0, 1) or "Traceback" in output:
            self.faults.append(f"exit code {process.returncode}: {output[-500:]}")

    def _look(self) -> None:
        self.faults += self.store.read()[1]

    def _processes(self) -> list[psutil.Process]:
        return list(_marked(self.folder.name))


def _marked(name: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == name and process.pid != os.getpid():
                yield process


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


def _servers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The fork server, which is the child of the command that has children."""
    with suppress(psutil.NoSuchProcess):
        return [c for c in psutil.Process(process.pid).children() if c.children()]
    return []


def _runs(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Runs under way: leaders of sessions of their own, in any order."""
    found = []
    for one in _family(process.pid):
        with suppress(ProcessLookupError):
            if os.getsid(one.pid) == one.pid:
                found.append(one)
    return found


@dataclass
class Found:
    """What came of killing one command.

    Attributes:
        kills: how often in which way.
        chains: how many there were.
        cuts: how often a run went on from a checkpoint.
        faults: what was not as it must be.
    """

    kills: Counter[str] = field(default_factory=Counter)
    chains: int = 0
    cuts: int = 0
    faults: list[str] = field(default_factory=list)


def campaign(name: str, command: tuple[str, ...], kills: int, seed: int) -> Found:
    """Kill `command` so often, over as many chains as it takes, one at a time on each core."""
    found = Found()
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="kills-") as root, ThreadPoolExecutor() as pool:
        whole = Chain(command, Path(root, "whole"), random.Random(seed), cores[0])
        whole.finish()
        reference = whole.outcomes()
        if whole.faults or not reference:
            raise RuntimeError(f"a command without a kill must end well, got {whole.faults}")
        while (left := kills - sum(found.kills.values())) > 0:
            shares = [left // len(cores) + (i < left % len(cores)) for i in range(len(cores))]
            wave = [
                Chain(command, Path(root, f"chain-{n}"), random.Random(f"{seed}/{n}"), core)
                for n, core in enumerate(cores, found.chains)
            ]
            todo = [min(share, BY_CHAIN) for share in shares]
            list(pool.map(Chain.run, wave, todo, [reference] * len(wave)))
            for number, chain in enumerate(wave, found.chains):
                said = [f"{name}, chain {number}: {fault}" for fault in chain.faults]
                print("\n".join(said), end="\n" if said else "")
                found.faults += said
                found.kills += chain.kills
                found.cuts += chain.cuts
            found.chains += len(wave)
            done = sum(found.kills.values())
            print(f"{name}: {done} of {kills} kills, {len(found.faults)} faults", flush=True)
    return found


HEAD = """# Killed at random

Generated by `make campaign`.

A *chain* is one folder. A command is begun, and something of it is killed at a random moment. The
same command is begun again, and killed again, up to ten times. Then it is left to end.

A *fault* is a damaged record, an ending other than that of a command that nobody killed, or a
process or a file that is left behind. Budgets are in steps, so endings are equal bit for bit.

With `--checkpoint` a run of 20 experiences is saved after each of them, and goes on from there.
"""


def page(found: dict[str, Found]) -> str:
    """The figures as a page."""
    rows = [
        [name, text, *(str(one.kills[name]) for one in found.values())]
        for name, text in WAYS.items()
    ]
    rows.append(["all", "", *(str(sum(one.kills.values())) for one in found.values())])
    rows.append(["chains", "", *(str(one.chains) for one in found.values())])
    rows.append(["went on from a checkpoint", "", *(str(one.cuts) for one in found.values())])
    rows.append(["faults", "", *(str(len(one.faults)) for one in found.values())])
    heads = ["killed", "what", *(f"`bench {command}`" for command in found)]
    return "\n".join([HEAD, *table(heads, rows), ""])


def main() -> None:
    """All campaigns; exit code 1 for any fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=int, default=16, help="kills of `bench run`")
    parser.add_argument("--study", type=int, default=4, help="kills of `bench study`")
    parser.add_argument("--checkpoint", type=int, default=4, help="kills of one with checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path, help="where the figures go")
    given = parser.parse_args()
    wanted = {
        "run": (RUN, given.run),
        "study": (STUDY, given.study),
        "run --checkpoint": (CHECKPOINT, given.checkpoint),
    }
    found = {
        name: campaign(name, what, kills, given.seed)
        for name, (what, kills) in wanted.items()
        if kills
    }
    print(page(found))
    faults = [fault for one in found.values() for fault in one.faults]
    print("\n".join(faults))
    if given.page:
        write_atomically(given.page, page(found))
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
