"""What breaks when files move: modules named in strings, paths, packages and their data."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import strategies
from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.executor.executor import Executor
from bench.executor.processes import answer
from bench.machine import stack_sampler
from bench.machine.stack_sampler import run_child_sampled, samples_file
from bench.papers.declaration import find_paper, paper_names, suites_of
from bench.records.store import Store

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "strategies")
SOURCES = [
    file
    for folder in (*PACKAGES, "tests")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if file != Path(__file__)
]
QUOTED = re.compile(r"""["'`]((?:bench|strategies)(?:\.(?!md\b)\w+)+)(?::(\w+))?""")


def source_of(module: str) -> str | None:
    """The text of a module or of a package's `__init__`; None if there is none."""
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file.read_text(encoding="utf-8")
    return None


def is_there(dotted: str) -> bool:
    """Whether a dotted name is a module, or a name in one, or an attribute of such a name."""
    while source_of(dotted) is None:
        dotted, _, name = dotted.rpartition(".")
        if not dotted:
            return False
        if (text := source_of(dotted)) is not None:
            return re.search(rf"\b{name}\b", text) is not None
    return True


def test_every_module_that_a_string_or_a_docstring_names_is_there():
    """The registry, the server's preload list, the sampler's parts, patched names in tests."""
    found = {
        (str(file.relative_to(ROOT)), f"{dotted}.{name}" if name else dotted)
        for file in SOURCES
        for dotted, name in QUOTED.findall(file.read_text(encoding="utf-8"))
    }
    assert {"bench.runner.run", "bench.executor.preload"} <= {dotted for _, dotted in found}
    assert sorted(one for one in found if not is_there(one[1])) == []


@pytest.mark.parametrize("name", ["bench.runner.gone", "bench.gone.run", "bench.runner.run.gone"])
def test_a_name_that_is_gone_is_found_missing(name):
    assert not is_there(name)


def test_what_the_stack_sampler_looks_for_is_there():
    from avalanche.training import utils
    from avalanche.training.templates import SupervisedTemplate

    from bench.runner import run

    assert run.__name__ == stack_sampler.REFEREE
    assert "strategy.train(" in inspect.getsource(run)
    assert hasattr(utils, stack_sampler.PLUGINS)
    assert [name for name in stack_sampler.STEPS if not hasattr(SupervisedTemplate, name)] == []
    for library in stack_sampler.LIBRARIES:
        importlib.import_module(library)


def test_a_short_profile_has_no_empty_part(tmp_path):
    """On the steps clock; samples come every 2 to 6 ms, and each part lasts far longer."""
    config = RunConfig(
        benchmark="split-digits",
        scenario="class",
        model="mlp",
        strategy="sleep-replay",
        budget=Budget.parse("600steps"),
    )
    store = Store(tmp_path)
    [record] = Executor(store, child=run_child_sampled).run([config])
    assert record.status == "ok", record.reason
    seconds = json.loads(samples_file(store.path(config, 1)).read_text())
    assert {"data", "forward", "backward", "optimizer", "frame", "night: Replay"} <= seconds.keys()
    assert record.cost is not None
    assert sum(seconds.values()) == pytest.approx(record.cost.wall_seconds, rel=0.3)


def test_the_fork_server_has_the_slow_imports_before_a_run_is_forked():
    slow = ["torch", "avalanche", "bench.runner.run"]
    asked = f"[name for name in {slow} if name in __import__('sys').modules]"
    assert answer(eval, [asked]) == slow


@pytest.mark.parametrize("paper", paper_names())
def test_every_paper_finds_its_suites(paper):
    for experiment in find_paper(paper).experiments:
        assert (suites_of(paper) / f"{experiment.name}.toml").is_file()


def test_a_record_tells_the_commit_of_this_repository():
    """`bench.records.environment` looks for it from its own file upwards."""
    from bench.records import environment

    told = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip().startswith(environment.commit()[0])


def test_every_name_of_strategies_is_there():
    asked = "[getattr(s, n).__name__ for s in [__import__('strategies')] for n in s.__all__]"
    assert answer(eval, [asked]) == strategies.__all__


def test_the_wheel_holds_every_module_and_every_file_that_they_read(tmp_path):
    """Modules, templates, `py.typed` and the papers' suites, so that all works installed."""
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    here = {name for name in tracked if (ROOT / name).is_file()}
    for name in (*here, "pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--wheel-dir", "wheel", "."],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    [wheel] = (tmp_path / "wheel").glob("*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert inside == here
    assert {"bench/py.typed", "bench/papers/ball2020/suites/mnist-mlp.toml"} <= inside
