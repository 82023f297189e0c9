from __future__ import annotations

from pathlib import Path

import pytest

from bench.records import RecordError, Store, read_record, write_atomically
from factories import make_record as record


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


def test_attempts_are_counted_by_record_and_log(tmp_path):
    store, first = Store(tmp_path), record()
    assert store.attempts(first.config) == 0
    store.write(first)
    assert store.attempts(first.config) == 1
    store.path(first.config, 2).with_suffix(".log").write_text("cut")
    assert store.attempts(first.config) == 2
