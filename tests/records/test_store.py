from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path

import pytest

from bench.records.store import (
    LOCK,
    RecordError,
    Store,
    alone_in,
    checksum,
    read_record,
    slug,
    write_atomically,
)
from factories import make_record as record
from strategies.registry import STRATEGIES


def test_a_record_survives_the_disk(tmp_path):
    written = record()
    path = Store(tmp_path).write(written)
    assert read_record(path) == written
    assert Store(tmp_path).read()[0][0].record == written


def test_a_record_cut_anywhere_is_refused_by_name(tmp_path):
    path = Store(tmp_path).write(record())
    whole = path.read_text()
    for length in range(0, len(whole) - 2, 97):
        path.write_text(whole[:length])
        with pytest.raises(RecordError, match=path.name):
            read_record(path)


def test_a_changed_number_is_noticed(tmp_path):
    path = Store(tmp_path).write(record())
    path.write_text(path.read_text().replace('"repetition": 0', '"repetition": 1'))
    with pytest.raises(RecordError, match="checksum differs"):
        read_record(path)


def test_damaged_and_foreign_files_are_reported_and_left_out(tmp_path):
    Store(tmp_path).write(record())
    (tmp_path / "foreign.json").write_text("[]")
    (tmp_path / "broken.json").write_text("{")
    stored, damaged = Store(tmp_path).read()
    assert len(stored) == 1
    assert sorted(Path(line.split(":")[0]).name for line in damaged) == [
        "broken.json",
        "foreign.json",
    ]


@pytest.mark.parametrize("text", ['{"checksum": "x", "a": NaN}', "[" * 100_000, "1" * 5000])
def test_an_odd_file_is_left_out_by_name(tmp_path, text):
    Store(tmp_path).write(record())
    (tmp_path / "odd.json").write_text(text)
    stored, damaged = Store(tmp_path).read()
    assert len(stored) == 1
    assert "odd.json" in damaged[0]


def more_weights_than_there_are(payload):
    payload["weights"][0]["used"] = 10 * payload["weights"][0]["total"]


def no_outcome(payload):
    payload["outcome"] = None


def far_beyond_the_budget(payload):
    payload["cost"]["charged"] = 1e6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (more_weights_than_there_are, "weights used must be in"),
        (no_outcome, "status ok needs cost, outcome and weights"),
        (far_beyond_the_budget, "status ok needs charged in"),
    ],
)
def test_a_signed_record_that_cannot_be_is_left_out(tmp_path, change, message):
    path = Store(tmp_path).write(record())
    payload = json.loads(path.read_text())
    del payload["checksum"]
    change(payload)
    payload["checksum"] = checksum(payload)
    path.write_text(json.dumps(payload))
    with pytest.raises(RecordError, match=message):
        read_record(path)


def test_a_kill_before_the_rename_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    write_atomically(path, "old")

    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(Store(tmp_path).paths()) == [path]  # the temporary file is no record


def test_what_a_killed_writer_left_is_removed_by_the_next_and_a_living_ones_is_not(tmp_path):
    path, gone = tmp_path / "file.json", subprocess.Popen(["true"])
    gone.wait()
    left = [tmp_path / f".file.json.{pid}" for pid in (gone.pid, os.getppid(), "notes")]
    for file in left:
        file.write_text("half")
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert [file.exists() for file in left] == [False, True, True]


def test_a_full_disk_leaves_nothing_behind_and_the_message_names_the_file(tmp_path, monkeypatch):
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = Store(tmp_path).write(record())
    before = path.read_text()
    monkeypatch.setattr("bench.records.store.os.fsync", full)
    with pytest.raises(OSError, match=r"\.json could not be written: No space left on device"):
        Store(tmp_path).write(record())
    assert [*tmp_path.rglob("*.json*")] == [path]
    assert path.read_text() == before


def test_attempts_are_counted_by_their_records_and_statuses(tmp_path):
    store, first = Store(tmp_path), record()
    assert store.attempts(first.config) == 0
    store.write(first)
    store.path(first.config, 9).with_suffix(".log").write_text("of a run that was cut")
    assert store.attempts(first.config) == 1
    killed = first.model_copy(update={"attempt": 2, "status": "killed", "reason": "by hand"})
    store.write(killed)
    assert store.attempts(first.config) == 2
    assert (store.count(first.config, "killed"), store.count(first.config, "oom")) == (1, 0)


def test_a_record_from_before_there_were_calibrations_is_read(tmp_path):
    path = Store(tmp_path).write(record())
    payload = json.loads(path.read_text())
    del payload["checksum"], payload["environment"]["calibration"]
    payload["checksum"] = checksum(payload)
    path.write_text(json.dumps(payload))
    assert read_record(path).environment.calibration is None


def test_a_folder_is_held_by_one_and_its_lock_is_neither_emptied_nor_followed(tmp_path):
    (tmp_path / LOCK).write_text("mine")
    with alone_in(tmp_path):
        with pytest.raises(ValueError, match="another run is at work"), alone_in(tmp_path):
            pass
        assert (tmp_path / LOCK).read_text() == "mine"
    with alone_in(tmp_path):  # it was given back
        pass
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "target").write_text("kept")
    (other / LOCK).symlink_to(tmp_path / "target")
    with (
        pytest.raises(ValueError, match="--out must be a folder one can write to"),
        alone_in(other),
    ):
        pass
    assert (tmp_path / "target").read_text() == "kept"


@pytest.mark.parametrize("strategy", ["ewc", "si"])
def test_under_ruleset_1_a_penalty_of_this_name_was_the_librarys(tmp_path, strategy):
    new = record(strategy)
    old = new.model_copy(update={"ruleset": "1.0"})
    read = read_record(Store(tmp_path).write(old))
    assert read.config == old.config.model_copy(update={"strategy": f"avalanche-{strategy}"})
    assert read.digest == read.config.digest != old.digest
    assert read.outcome == old.outcome
    assert read_record(Store(tmp_path).write(new)) == new


def test_strategies_whose_names_differ_have_folders_that_differ():
    assert len({slug(name) for name in STRATEGIES}) == len(STRATEGIES)
