"""Ten thousand records: how long a leaderboard and the HTML page take, and how large they grow.

Each step runs in a process of its own, imports included, and is told as a multiple of what reading
and summing the same files takes in the same run.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import pytest

from bench.records import schema, store
from bench.records.store import Store
from factories import make_record

ROOT = Path(__file__).parents[2]
BENCHMARKS = (
    "split-mnist", "split-fmnist", "split-cifar10-features", "split-digits", "split-cifar10"
)  # fmt: skip
N = 5
"""Experiences of every record."""

TIMED = """
import json, resource, runpy, sys
try:
    runpy.run_module("bench", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code, end.code
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
seconds = sum(one.ru_utime + one.ru_stime for one in used)
with open("/proc/self/status") as file:  # of this program; the other also tells what was before it
    own = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
print(json.dumps([seconds, max(own, used[1].ru_maxrss) * 1024]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """5 benchmarks, 2 scenarios, 2 budgets, 50 rows, 10 seeds: 10,000 records of 5 experiences."""
    root = tmp_path_factory.mktemp("many")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.os, "fsync", lambda file: None)
        for cell in product(BENCHMARKS, ("task", "class"), (20, 60), range(50), range(10)):
            Store(root).write(_record(*cell))
    return root


def _record(benchmark: str, scenario: str, amount: int, row: int, seed: int) -> schema.RunRecord:
    accuracy = [
        [((7 * row + 13 * seed + 17 * i + 29 * j) % 1000) / 1000 for j in range(N)]
        for i in range(N)
    ]
    record = make_record(
        f"strategy-{row % 25}",
        seed,
        benchmark=benchmark,
        scenario=scenario,
        budget={"amount": amount},
        matrix=accuracy,
        weights=(row + 1) / 50,
        hyperparameters={"density": 0.1 + row // 25},
    )
    curve = [(amount * (i + 1) / N, accuracy[i][i]) for i in range(N)]
    outcome = record.outcome.model_copy(update={"curve": curve})
    return record.model_copy(update={"outcome": outcome})


def spent(*arguments: str) -> tuple[float, float]:
    """CPU seconds of one command and its forks, and peak memory in bytes of one of them."""
    ran = subprocess.run(
        [sys.executable, "-c", TIMED, *arguments],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return tuple(json.loads(ran.stdout.splitlines()[-1]))


READING = """
import hashlib, json, sys
from pathlib import Path
for path in Path(sys.argv[1]).rglob("*.json"):
    payload = json.loads(path.read_text())
    hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
"""


@pytest.fixture(scope="module")
def reading(folder) -> float:
    """CPU seconds of reading every file, parsing it and computing its checksum."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", READING, str(folder)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def report(benchmark, what: str, value: float, reach: str) -> None:
    """Keep one number for the table; what pytest-benchmark times itself is not used."""
    benchmark.extra_info.update(what=what, value=round(value, 2), reach=reach)
    benchmark.pedantic(lambda: None, rounds=1)


def test_leaderboard(benchmark, folder, reading, tmp_path):
    seconds, memory = spent("leaderboard", "--out", str(folder), "--pages", str(tmp_path))
    assert len(list(tmp_path.rglob("*.md"))) == 42  # of 20 boards two each, index and columns
    ratio = seconds / reading
    report(benchmark, "leaderboards of 10,000 records / reading them", ratio, "7 at most")
    assert memory < 2**30
    assert ratio < 7


def test_two_cores(benchmark, folder, tmp_path):
    own = os.sched_getaffinity(0)
    if len(own) < 2:
        pytest.skip("needs two cores")
    seconds, pages = [], tmp_path / "pages"
    try:
        for count in (1, 2):
            os.sched_setaffinity(0, sorted(own)[:count])
            start = time.monotonic()
            spent("leaderboard", "--out", str(folder), "--pages", str(pages))
            seconds.append(time.monotonic() - start)
    finally:
        os.sched_setaffinity(0, own)
    ratio = seconds[1] / seconds[0]
    report(benchmark, "leaderboards of 10,000 records: two cores / one", ratio, "0.8 at most")
    assert ratio < 0.8


def test_html(benchmark, folder, reading, tmp_path):
    page = tmp_path / "report.html"
    seconds, memory = spent("report", "--out", str(folder), "--html", str(page))
    ratio = seconds / reading
    report(benchmark, "HTML page of 10,000 records / reading them", ratio, "10 at most")
    assert page.stat().st_size < 20 * 10**6
    assert memory < 2**30
    assert ratio < 10
