"""Wheel and source distribution do the main job in a fresh environment, outside this repository.

    python tests/campaign/packages.py 3.11 3.12 3.13

Needs `uv`, and each Python on the path, under `~/.pyenv/versions`, or where `uv` finds it. The
wheel is built from the source distribution, so both are tried.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]

IN_PYTHON = """
import bench
from strategies import PackNet
runs = bench.load("runs")
assert len(runs) == 2 and set(runs.status) == {"ok"}, runs
assert bench.Suite(strategies=("naive",)).configs()
assert "site-packages" in bench.__file__ and PackNet.__name__ == "PackNet"
"""
"""What a script of a user's does."""


def python_of(version: str) -> str:
    """An interpreter of this version."""
    if kept := sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")):
        return str(kept[-1])
    return shutil.which(f"python{version}") or version


def try_package(wheel: Path, version: str, folder: Path) -> None:
    """Install a wheel for one Python, and use it.

    Raises:
        subprocess.CalledProcessError: if a step fails.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    bin_folder = folder / "environment" / "bin"
    environment["PATH"] = f"{bin_folder}:{environment['PATH']}"

    def call(*command: str) -> None:
        subprocess.run(command, cwd=folder, env=environment, check=True)

    call(uv(), "venv", "--quiet", "--python", python_of(version), "environment")
    call(uv(), "pip", "install", "--quiet", "--python", str(bin_folder / "python"), str(wheel))
    call("sleepbench", "list")
    what = ("--strategy", "naive,packnet-frozen", "--budget", "60steps")
    call("sleepbench", "run", *what, "--out", "runs")
    call("python", "-m", "bench", "leaderboard", "--out", "runs", "--pages", "pages")
    call("python", "-c", IN_PYTHON)


def uv() -> str:
    """The program that builds and installs: that of this environment, or another."""
    own = Path(sys.executable).with_name("uv")
    return str(own) if own.exists() else "uv"


def main(arguments: Sequence[str] | None = None) -> None:
    """Build both distributions, and try them with each Python."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("versions", nargs="*", default=[own], help="of Python: 3.12 3.13")
    versions = parser.parse_args(arguments).versions
    with tempfile.TemporaryDirectory(prefix="packages-") as built:
        subprocess.run([uv(), "build", "--quiet", "--out-dir", built, str(ROOT)], check=True)
        [wheel] = Path(built).glob("*.whl")
        assert list(Path(built).glob("*.tar.gz")), "a source distribution was built, too"
        for version in versions:
            with tempfile.TemporaryDirectory(prefix=f"python-{version}-") as folder:
                try_package(wheel, version, Path(folder))
            print(f"Python {version}: {wheel.name} is installed and does its job", flush=True)


if __name__ == "__main__":
    main()
