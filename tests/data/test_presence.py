"""Data that are not there are refused before torch is imported and before anything is started."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import numpy as np
import pytest

from bench.data.presence import ARRAYS

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
    np.save(folder / "one.npy", np.zeros(1))
    (folder / "one.npy").rename(folder / "single.npz")
    archives(folder)


def archives(folder):
    """Archives of arrays that are damaged, or claim to be more than they are."""
    start = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 64, 64), }"
    header = b"\x93NUMPY\x01\x00" + len(start).to_bytes(2, "little") + start
    for name, method in (("claims", zipfile.ZIP_STORED), ("damaged", zipfile.ZIP_LZMA)):
        with zipfile.ZipFile(folder / f"{name}.npz", "w", method) as archive:
            for array in ARRAYS:
                archive.writestr(f"{array}.npy", header + bytes(300))
    content = bytearray((folder / "damaged.npz").read_bytes())
    content[45:80] = bytes(35)
    (folder / "damaged.npz").write_bytes(content)


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
        (["--benchmark", "npz:single.npz"], "single.npz must be a file of numpy.savez"),
        (["--benchmark", "npz:claims.npz"], "header claims, 4096000000000 bytes, got 383"),
        (["--benchmark", "npz:damaged.npz"], "x_train of damaged.npz must be readable, got damage"),
        (["--benchmark", f"npz:a.npz?experiences={'9' * 5000}"], "of nine digits at most, got '99"),
        (["--benchmark", "x" * 100_000], "… (100003 characters)"),
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
    assert len(done.stderr) < 2000
    assert done.returncode == 2
