"""Data that are not there are refused before torch is imported and before anything is started."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
sys.argv = ["bench", *sys.argv[1:]]
from bench.cli.app import main
try:
    main()
finally:
    assert not {"torch", "avalanche"} & sys.modules.keys(), "torch was imported"
"""


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--benchmark", "folder:does/not/exist"], "does/not/exist does not exist or is empty"),
        (["--benchmark", "npz:nothing.npz"], "nothing.npz does not exist or is empty"),
        (["--benchmark", "split-mnist"], "train-images-idx3-ubyte is missing"),
        (["--benchmark", "split-mnits"], "did you mean 'split-mnist'?"),
        (["--benchmark", "nowhere_at_all:make"], "there is no module 'nowhere_at_all'"),
        (["--model", "nowhere_at_all:make"], "there is no module 'nowhere_at_all'"),
        (["--model", "this:make"], "unknown name in this.py 'make'"),
    ],
)
def test_it_is_refused_with_exit_code_2_and_without_torch(tmp_path, options, reason):
    command = [sys.executable, "-c", CODE, "run", *options, "--strategy", "naive"]
    command += ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "runs")]
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path), "PATH": ""}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=60
    )
    assert reason in done.stderr
    assert done.stdout == ""
    assert done.returncode == 2
