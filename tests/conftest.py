"""One thread and, of workers side by side, cores of its own for each; the same examples each time.

Two threads on busy cores wait for each other longer than they work, and runs are pinned to the
first cores of their parent.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")

# no property fails because the machine is busy
settings.register_profile(
    "shared", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared")

CORES = sorted(os.sched_getaffinity(0))
if "PYTEST_XDIST_WORKER" in os.environ:
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.sched_setaffinity(0, CORES[number::workers] or CORES)


@pytest.fixture(scope="module")
def own_claims():
    """A folder where agents claim cores that no test beside these sees."""
    before, folder = os.environ.get("TMPDIR"), tempfile.mkdtemp(prefix="n-")
    os.environ["TMPDIR"] = folder  # of the agents, and short, as sockets lie in it
    yield Path(folder)
    os.environ.pop("TMPDIR")
    if before is not None:
        os.environ["TMPDIR"] = before
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def every_core():
    """The cores of all workers, for runs beside each other."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CORES)
    yield
    os.sched_setaffinity(0, own)
