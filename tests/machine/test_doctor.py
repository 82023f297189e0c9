from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.machine import doctor
from bench.records.schema import Calibration


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


def calibrated(ratio: float) -> Calibration:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return Calibration(steps_per_second=570, ratio=ratio, noise=0.01, jobs=1, measured=when)


def test_the_calibration_is_told_with_its_noise():
    assert doctor._calibration(None).advice.startswith("python -m bench calibrate")
    found = doctor._calibration(calibrated(1.0))
    assert found.what == "calibrated 2026-01-01: 570 reference steps/s, noise 1.00%"
    assert found.level == "ok"


def test_equal_work_that_differs_is_a_warning():
    found = doctor._calibration(calibrated(1.03))
    assert found.level == "warning"
    assert "equal work differed by 3.00%" in found.what
