from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import doctor


@pytest.mark.parametrize(("load", "level"), [(0.0, "ok"), (0.19, "ok"), (0.5, "warning")])
def test_load_by_others_is_a_warning(load, level):
    assert doctor._load(load, cores=2).level == level


def test_a_governor_that_saves_power_is_a_warning(tmp_path):
    file = tmp_path / "governor"
    assert doctor._governor(file).level == "ok"
    file.write_text("powersave\n")
    assert doctor._governor(file).level == "warning"
    file.write_text("performance\n")
    assert doctor._governor(file).level == "ok"


def test_a_full_disk_is_a_failure(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    assert doctor._disk(Path("not/there/yet")).level == "failure"


def test_a_broken_installation_is_a_failure_with_its_reason(monkeypatch):
    broken = SimpleNamespace(returncode=1, stderr="...\nRuntimeError: no operator torchvision::nms")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *arguments, **options: broken)
    found = doctor._imports()
    assert found.level == "failure"
    assert "torchvision::nms" in found.what
