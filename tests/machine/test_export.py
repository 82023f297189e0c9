"""A run's network in ONNX answers as it does here, and a table says what each form takes."""

from __future__ import annotations

import sys

import pytest
import torch

import bench
from bench.machine.export import BATCHES, export_network, latencies, write_onnx
from command_line import run, usage_error


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    run(
        "run", "--benchmark", "split-digits", "--strategy", "packnet-frozen", "--budget",
        "200steps", "--set", "density=0.02", "--save", "--out", str(out),
    )  # fmt: skip
    [path] = out.rglob("*.json")
    return path


@pytest.fixture(scope="module")
def exported(record, tmp_path_factory):
    pytest.importorskip("onnxscript")
    folder = tmp_path_factory.mktemp("network")
    return folder, export_network(bench.load_network(record), 1, folder)


def test_onnx_files_answer_as_the_network_does(record, exported):
    runtime = pytest.importorskip("onnxruntime")
    network, images = bench.load_network(record), torch.rand(5, 1, 8, 8)
    for name in ("dense", "smaller"):
        session = runtime.InferenceSession(exported[0] / f"{name}.onnx")
        for batch in (images, images[:1]):
            [answers] = session.run(["answers"], {"images": batch.numpy()})
            torch.testing.assert_close(
                torch.tensor(answers), network(batch, 1)[:, :2], rtol=1e-4, atol=1e-4
            )


def test_fewer_weights_take_fewer_bytes(exported):
    folder, forms = exported
    dense, small, sparse = forms
    assert [form.name for form in forms] == ["dense", "smaller", "sparse"]
    assert dense.weights > small.weights > sparse.weights
    assert dense.bytes > small.bytes > sparse.bytes
    assert small.bytes == (folder / "smaller.onnx").stat().st_size
    assert small.bytes > 4 * small.weights
    assert (dense.latency, dense.differs) == ((1.0,) * len(BATCHES), 0.0)
    assert max(small.differs, sparse.differs) < 1e-4


def test_latency_is_told_as_a_ratio():
    class Slow(torch.nn.Identity):
        def forward(self, x):
            for _ in range(10):
                x = x + 0
            return x

    found = latencies({"fast": torch.nn.Identity(), "slow": Slow()}, torch.zeros(1, 4))
    assert found["fast"] == 1.0
    assert found["slow"] > 2


def test_the_command_shows_the_forms(record, exported, tmp_path):
    said = run("export", str(record), "--task", "1", "--out", str(tmp_path))
    assert [line.split()[0] for line in said.splitlines()[1:4]] == ["dense", "smaller", "sparse"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dense.onnx", "smaller.onnx"]


def test_what_cannot_be_exported_is_refused(record, monkeypatch, capsys, tmp_path):
    where = ("export", str(record), "--out", str(tmp_path / "network"))
    said = usage_error(monkeypatch, capsys, *where, "--task", "7")
    assert "task must be a number from 0 to 4, got 7" in said
    assert not (tmp_path / "network").exists()
    monkeypatch.setitem(sys.modules, "onnx", None)
    said = usage_error(monkeypatch, capsys, *where, "--task", "1")
    assert "export needs onnx: pip install 'sleepbench[onnx]'" in said


def test_a_network_that_onnx_does_not_know_is_refused_in_a_sentence(tmp_path):
    pytest.importorskip("onnxscript")

    class Odd(torch.nn.Module):
        def forward(self, x):
            return x if x.sum().item() > 0 else -x

    with pytest.raises(ValueError, match="the network cannot be written as ONNX: "):
        write_onnx(Odd(), (2,), tmp_path / "odd.onnx")
