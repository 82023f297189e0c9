"""What a record says of the code that made it."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.records import environment
from factories import make_record


def test_changed_code_is_told_and_pages_that_a_campaign_writes_are_not(
    tmp_path: Path, monkeypatch
) -> None:
    def git(*arguments: str) -> str:
        own = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", "-C", str(tmp_path), *own, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    monkeypatch.setattr(
        environment, "__file__", str(tmp_path / "bench" / "records" / "environment.py")
    )
    assert environment.commit() == (None, None)
    files = [tmp_path / name for name in ("bench/runner/run.py", "leaderboards/paper/README.md")]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text("first\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    head = git("rev-parse", "HEAD")
    code, page = files
    page.write_text("generated\n")
    (tmp_path / "bench" / "new.json").write_text("{}")
    assert environment.commit() == (head, False)
    code.write_text("changed\n")
    assert environment.commit() == (head, True)


def test_a_clock_that_was_set_back_does_not_end_a_run_before_it_began() -> None:
    started = datetime.now(UTC) + timedelta(hours=1)
    told = environment.describe(make_record("naive", 0).config, command="", started=started)
    assert told.ended == told.started == started


def test_kills_for_memory_are_counted_in_either_version_of_control_groups(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(environment, "CONTROL_GROUPS", tmp_path)
    assert environment.out_of_memory_kills() == 0
    (tmp_path / "memory").mkdir()
    for name in ("memory.events", "memory/memory.oom_control"):
        (tmp_path / name).write_text("oom 5\noom_kill 3\n")
    assert environment.out_of_memory_kills() == 3
