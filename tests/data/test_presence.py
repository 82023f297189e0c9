"""Data that are not there are refused before torch is imported and before anything is started."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
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


def images(root, *classes):
    for name in classes:
        (root / name).mkdir(parents=True)
        (root / name / "0.PNG").write_bytes(b"")


def own_data(folder):
    """Data of which nothing is there, or one thing is amiss."""
    images(folder / "one", "train/cat")
    (folder / "one/notes.txt").write_text("")
    images(folder / "unlike", "train/cat", "train/dog", "test/cat")
    (folder / "unlike/test/dog").mkdir()
    images(folder / "bare", "train/cat")
    (folder / "bare/test").mkdir()
    (folder / "text.npz").write_text("no archive")
    np.savez(folder / "part.npz", x_train=np.zeros(1), y_train=np.zeros(1))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--benchmark", "folder:does/not/exist"], "does/not/exist does not exist or is empty"),
        (["--benchmark", "npz:nothing.npz"], "nothing.npz does not exist or is empty"),
        (["--benchmark", "folder:one"], "one/test must be a folder with one of images for each"),
        (["--benchmark", "folder:bare"], "bare/test must hold a folder of images for each class"),
        (["--benchmark", "folder:unlike"], "unlike/test/dog must hold images, as unlike/train/dog"),
        (["--benchmark", "folder:one/notes.txt"], "notes.txt must be a folder, got a file"),
        (["--benchmark", "npz:one/notes.txt"], "must be a file that ends in .npz, got notes.txt"),
        (["--benchmark", "npz:one"], "one must be a file that ends in .npz, got a folder"),
        (["--benchmark", "npz:text.npz"], "text.npz must be a file of numpy.savez"),
        (["--benchmark", "npz:part.npz"], "y_test; x_test is missing"),
        (["--benchmark", "split-mnist"], "train-images-idx3-ubyte is missing"),
        (["--benchmark", "split-mnits"], "did you mean 'split-mnist'?"),
        (["--benchmark", "nowhere_at_all:make"], "there is no module 'nowhere_at_all'"),
        (["--model", "nowhere_at_all:make"], "there is no module 'nowhere_at_all'"),
        (["--model", "this:make"], "unknown name in this.py 'make'"),
    ],
)
def test_it_is_refused_with_exit_code_2_and_without_torch(tmp_path, options, reason):
    own_data(tmp_path)
    command = [sys.executable, "-c", CODE, "run", *options, "--strategy", "naive"]
    command += ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "runs")]
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path), "PATH": ""}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=60
    )
    assert reason in done.stderr
    assert done.stdout == ""
    assert done.returncode == 2
