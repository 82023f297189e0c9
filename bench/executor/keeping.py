"""What is kept of a run that has ended: its record, what it printed, and its saved state."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from bench.executor.cut import Cut, hash_of, keep_cut, made_with, state_of
from bench.executor.messages import STATE
from bench.executor.running import Running
from bench.records.schema import RunRecord, Status
from bench.records.store import Store
from bench.runner.progress import Checkpoint

LOST: tuple[Status, ...] = ("killed", "infra_error")
"""Statuses of an attempt that the next call makes again."""

KEPT = (".log", ".samples")
"""Suffixes of what lies beside a record: what the run printed, and a profile's samples."""


def keep(store: Store, record: RunRecord) -> None:
    """Write a record, among the temporary files where its folder has no space for it.

    Raises:
        OSError: says where it is.
    """
    try:
        store.write(record)
    except OSError as error:
        aside = Path(tempfile.mkdtemp(prefix="sleepbench-kept-"))
        Store(aside).write(record)
        raise OSError(
            f"{error}. The record is kept in {aside}: copy it into {store.root}"
        ) from error


def keep_logs(store: Store, ended: Running) -> None:
    """Move what a run has left in writing beside its record; without space it is lost."""
    for suffix in KEPT:
        left = ended.log.with_suffix(suffix)
        if left.is_file() and left.stat().st_size:
            _move(left, store.path(ended.config, ended.attempt).with_suffix(suffix))


def keep_state(store: Store, ended: Running) -> str | None:
    """Move the state that a run has saved to where its record will lie.

    Before the record is there, so that no record names a state that is not.

    Returns:
        Its SHA-256; None if there is none, or no space for it.
    """
    left = ended.log.with_suffix(STATE)
    if not left.is_file() or ended.report is None or ended.report.status != "ok":
        return None
    there = store.path(ended.config, ended.attempt).with_suffix(STATE)
    there.parent.mkdir(parents=True, exist_ok=True)
    if not _move(left, there):
        return None
    there.chmod(0o644)  # as its record: the run had it for itself
    return hash_of(there)


def keep_checkpoint(store: Store, running: Running, told: Checkpoint) -> None:
    """Keep a checkpoint that a run says it has made."""
    left, config = told.file_in(running.folder), running.config
    with suppress(OSError):  # it is gone, or cannot be read: the one before stays
        cut = Cut(
            state=state_of(store, config, told.experiences),
            sha256=hash_of(left),
            experiences=told.experiences,
            outside=running.took(),
            cuts=running.cuts,
            killed=store.count(config, *LOST),
            made_with=made_with(config),
        )
        if keep_cut(store, config, left, cut):
            running.killed = cut.killed


def check_state(before: RunRecord, state: Path) -> None:
    """Refuse a state that is not that of its record.

    Args:
        before: the record.
        state: the file.

    Raises:
        ValueError: says why.
    """
    if before.saved is None:
        raise ValueError(
            f"the run of {state.with_suffix('.json')} must have been made with --save, and be ok, "
            f"got status {before.status} and no state"
        )
    if not state.is_file():
        raise ValueError(f"{state} must lie beside its record, got none there")
    if (found := hash_of(state)) != before.saved:
        raise ValueError(f"{state} must be the state that its record names, got SHA-256 {found}")


def _move(left: Path, there: Path) -> bool:
    """Whether a file could be moved; what is there of it otherwise is taken away."""
    try:
        shutil.move(left, there)
    except OSError:
        there.unlink(missing_ok=True)
        return False
    return True
