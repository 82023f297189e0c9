from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

import pytest
import torch

from bench.executor.processes import slots
from bench.machine import calibrate, reference_training
from bench.records import environment
from factories import make_record

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_equal_blocks_have_no_noise_and_neighbours_that_halve_the_rate_show():
    found = calibrate.summary([(100.0, 100.0)] * 5, [(50.0, 50.0)] * 5, jobs=2, measured=NOW)
    assert (found.steps_per_second, found.ratio, found.noise) == (100, 1, 0)
    assert found.beside == 0.5
    assert not found.told_apart
    assert calibrate.sentences(found)[-1] == "with 2 jobs at once each runs at 50.0% of that"


def test_a_series_that_is_always_faster_is_told_apart():
    rates = [(103.0 + i % 3 / 10, 100.0) for i in range(20)]
    found = calibrate.summary(rates, [], jobs=1, measured=NOW)
    assert found.told_apart
    assert found.ratio == pytest.approx(1.031, abs=1e-9)
    assert found.beside is None


def test_noise_around_one_is_not_told_apart():
    rates = [(100.0 + i, 100.0) for i in (-3, -2, -1, 0, 1, 2, 3)]
    found = calibrate.summary(rates, [], jobs=1, measured=NOW)
    assert 0.01 <= found.noise <= 0.03
    assert not found.told_apart


def test_blocks_alternate_which_of_the_two_comes_first():
    order = count(1.0)
    assert reference_training.alternate(lambda: next(order), seconds=0) == [(1, 2), (4, 3)]


def test_the_reference_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    assert reference_training.rate(reference_training.training("cpu"), 2, "cpu") > 0
    assert torch.equal(torch.random.get_rng_state(), before)


class Worker:
    """Answers a round with one pair that tells who was asked, and how many were at work."""

    asked = 0

    def __init__(self, name):
        self.name = name

    def send(self, seconds):
        Worker.asked += 1

    def recv(self):
        return [(self.name, Worker.asked)]


def test_the_first_worker_is_measured_alone_and_beside_the_others_in_turn(monkeypatch):
    monkeypatch.setattr(calibrate, "ROUNDS", 2)
    alone, beside = calibrate._measure([Worker("first"), Worker("second")], lambda *told: None)
    assert alone == [("first", 1), ("first", 4)]
    assert beside == [("first", 3), ("first", 6)]


def test_a_calibration_is_kept_where_the_runs_of_this_machine_find_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(calibrate, "ROUND_SECONDS", 0.0)
    monkeypatch.setattr(calibrate, "ROUNDS", 1)
    told = []
    found = calibrate.calibrate(report=lambda done, rounds: told.append((done, rounds)))
    assert told == [(0, 1), (1, 1)]
    config = make_record().config
    describe = {"command": "", "started": NOW}
    assert environment.describe(config, **describe).calibration == found
    other = config.model_copy(update={"threads": 2})
    assert environment.describe(other, **describe).calibration is None


def test_a_damaged_calibration_is_none(tmp_path):
    file = tmp_path / "calibration.json"
    assert environment.calibration(file) is None
    file.write_text('{"steps_per_second": -1}')
    assert environment.calibration(file) is None


def test_a_folder_that_cannot_be_written_is_refused_in_words(tmp_path, monkeypatch):
    (tmp_path / "sleepbench").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(calibrate, "ROUND_SECONDS", 0.0)
    with pytest.raises(ValueError, match="the calibration cannot be kept in"):
        calibrate.calibrate()


def test_more_jobs_than_cores_are_refused():
    with pytest.raises(ValueError, match="jobs x threads must be at most"):
        calibrate.calibrate(jobs=len(slots(1, 1)) + 10_000)
