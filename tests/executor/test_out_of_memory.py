"""A run that the kernel kills for memory, in a control group of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import rogues
from bench.records.environment import CONTROL_GROUPS
from bench.records.store import Store

LIMIT = 3 * 2**30
"""Bytes that the whole command may have."""

LIMITS = {"memory": "memory.limit_in_bytes", "": "memory.max"}
"""By folder of the hierarchy, the file of the limit in the two versions of control groups."""


@pytest.fixture
def group() -> Iterator[Path]:
    name = f"sleepbench-test-{os.getpid()}"
    for folder, file in LIMITS.items():
        made = CONTROL_GROUPS / folder / name
        with suppress(OSError):
            made.mkdir()
            try:
                (made / file).write_text(str(LIMIT))
                yield made
                return
            finally:
                until = time.monotonic() + 30
                while (made / "cgroup.procs").read_text() and time.monotonic() < until:
                    time.sleep(0.1)
                made.rmdir()
    pytest.skip("needs the right to make a control group with a limit of memory")


def test_its_row_says_so(group, tmp_path):
    command = [sys.executable, "-m", "bench", "run", "--strategy", "rogues:Swell,naive"]
    ended = subprocess.run(
        ["bash", "-c", f'echo $$ >{group}/cgroup.procs && exec "$@"', "bash", *command,
         "--budget", "60steps", "--jobs", "1", "--out", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(rogues.__file__).parent)},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    records, _ = Store(tmp_path).read()
    found = {one.record.config.strategy: one.record for one in records}
    assert found["naive"].status == "ok", ended.stderr
    assert found["rogues:Swell"].status == "oom"
    assert found["rogues:Swell"].reason == "killed by the system for lack of memory"
