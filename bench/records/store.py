"""Records on disk: written atomically, checked when they are read.

Reading records needs no torch.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout
from pydantic import ValidationError

from bench.config.run_config import RunConfig
from bench.formatting.markdown import one_line
from bench.records.collection import without_collection
from bench.records.schema import RunRecord, Status
from bench.records.upgrade import in_present_names, upgraded

LOCK = ".lock"
"""The file that whoever writes to a folder of records holds, at its root."""
LOGS = "logs"
"""The folder, in one of records, of what loggers write; nothing is looked for there."""
MOST_BYTES = 4 * 2**20
"""Files larger than this are no records; those of 50 experiences have 0.1 MB."""


def checksum(payload: dict[str, object]) -> str:
    """SHA-256 of the canonical JSON of a record without its checksum."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _text(path: Path) -> str:
    """The text of a plain file of moderate size.

    Raises:
        ValueError: for a link, a pipe and the like.
    """
    str(path).encode()  # a page must be able to name it
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it must be a plain file, no link, folder or pipe")
    if found.st_size > MOST_BYTES:
        raise ValueError(f"it must have at most {MOST_BYTES} bytes, got {found.st_size}")
    return path.read_text(encoding="utf-8")


class RecordError(ValueError):
    """A file that is no valid record; the message names the file and the `reason`."""

    def __init__(self, path: Path, reason: str) -> None:
        self.reason = one_line(reason)
        super().__init__(one_line(f"{path}: {reason}"))


@dataclass(frozen=True)
class Stored:
    """A record and the file it was read from."""

    path: Path
    record: RunRecord


def read_record(path: Path) -> RunRecord:
    """Read and check one record.

    Raises:
        RecordError: names the file and what is wrong with it.
    """
    try:
        text = _text(path)
        payload = json.loads(text)
        if "\\u" in text:  # half a character can be escaped, but not shown
            json.dumps(payload, ensure_ascii=False).encode()
        if not isinstance(payload, dict) or "checksum" not in payload:
            raise RecordError(path, "not a record: it has no checksum")
        stored = payload.pop("checksum")
        if stored != checksum(payload):
            raise RecordError(path, "checksum differs: the file was changed or cut")
        record = RunRecord.model_validate(upgraded(payload))
        if "\\" in text or not text.isascii():  # a reason may quote anything
            _refuse_hidden_text(payload)
    except RecordError:
        raise
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "record"
        raise RecordError(path, f"{where}: {first['msg']}") from error
    except (OSError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise RecordError(path, f"not readable as a record: {error}") from error
    if record.digest != record.config.digest:
        raise RecordError(path, "the digest is not that of its configuration")
    return in_present_names(record)


def _refuse_hidden_text(payload: dict[str, Any]) -> None:
    """ValueError for text that a page cannot show as it is: invisible, or that turns its line."""
    environment = {k: v for k, v in payload["environment"].items() if k != "command"}
    conditions = [payload["ruleset"], payload["benchmark_version"], payload["config"]]
    for text in _texts([*conditions, payload["resolved"], environment]):
        if not text.isprintable():
            raise ValueError(f"its text must be printable, got {text[:80]!r}")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from (name, *_texts(one))
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


class Store:
    """Records under one folder, by benchmark and scenario, strategy, repetition and attempt.

    A record exists from the moment its file has this name: it is written under a temporary name,
    flushed, synced and renamed, and the folder is synced.
    """

    def __init__(self, root: Path) -> None:
        """root: created on the first write."""
        self.root = root

    def path(self, config: RunConfig, attempt: int) -> Path:
        """Where the record of `attempt` lies; its log has the suffix `.log`."""
        return self._path(config, config.digest, attempt)

    def path_of(self, record: RunRecord) -> Path:
        """Where a record lies that was read or is written, whose digest was checked."""
        return self._path(record.config, record.digest, record.attempt)

    def _path(self, config: RunConfig, digest: str, attempt: int) -> Path:
        cell = f"{slug(config.benchmark)}-{config.scenario}"
        name = f"{config.repetition}-{digest[:12]}-{attempt}.json"
        return Path(self.root, cell, slug(config.strategy), name)

    def attempts(self, config: RunConfig) -> int:
        """The highest number of an attempt at `config` that has left a record."""
        numbers = (path.stem.rpartition("-")[2] for path in self._paths_of(config))
        return max((int(number) for number in numbers if number.isdecimal()), default=0)

    def count(self, config: RunConfig, *statuses: Status) -> int:
        """How many attempts at `config` have left a record of one of these statuses."""
        found = []
        for path in self._paths_of(config):
            with suppress(RecordError):
                found.append(read_record(path).status)
        return sum(status in statuses for status in found)

    def _paths_of(self, config: RunConfig) -> list[Path]:
        first = self.path(config, 1)
        return list(first.parent.glob(f"{config.repetition}-{config.digest[:12]}-*.json"))

    def write(self, record: RunRecord) -> Path:
        """Write one record atomically; returns its path.

        A folder in its place, which no run of ours makes, goes aside.
        """
        path = self.path_of(record)
        put_aside(path)
        payload = record.model_dump(mode="json")
        payload["checksum"] = checksum(payload)
        write_atomically(path, json.dumps(payload, indent=1, allow_nan=False) + "\n")
        return path

    @without_collection()
    def read(self) -> tuple[list[Stored], list[str]]:
        """All valid records in path order, and a sentence for each file that is none."""
        stored, damaged = [], []
        for path in self.paths():
            try:
                stored.append(Stored(path, read_record(path)))
            except RecordError as error:
                damaged.append(str(error))
        return stored, damaged

    def paths(self) -> Iterator[Path]:
        """Every file that may be a record, and every link to a folder, not entered; in order."""
        return (path for path in self._entries() if _may_be_record(path))

    def other_files(self) -> list[Path]:
        """The files under the root that are read as nothing, but the lock of a run; in order."""
        return [
            path.relative_to(self.root)
            for path in self._entries()
            if not (_may_be_record(path) or path.is_dir() or path == self.root / LOCK)
        ]

    def _entries(self) -> list[Path]:
        """Everything under the root but `LOGS`, in order; no link to a folder is entered."""
        found = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name != LOGS]
            found += [Path(folder, name) for name in (*folders, *files)]
        return sorted(found)


def _may_be_record(path: Path) -> bool:
    named = path.suffix == ".json" and not path.name.startswith(".")
    return named or (path.is_symlink() and path.is_dir())


def write_atomically(path: Path, text: str) -> None:
    """Write `text` so that a reader of `path` sees the old file or the whole new one.

    What a process has left that was killed in the middle of this is removed.

    Raises:
        OSError: names the file, of which nothing is left.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_halves(path)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OSError(f"{path} could not be written: {error.strerror}") from error
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def put_aside(path: Path) -> None:
    """Rename a folder that lies where a file should be."""
    if path.is_dir() and not path.is_symlink():
        path.rename(path.with_name(f"{path.name}.folder-{time.time_ns()}"))


def remove_halves(path: Path) -> None:
    """Remove what processes have left that were killed while they wrote `path`."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        pid = left.suffix.removeprefix(".")
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            left.unlink(missing_ok=True)


@lru_cache(maxsize=256)
def slug(text: str) -> str:
    """`text` as one part of a file name or of a link, which a plus is not."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text.replace("+", "-plus")).strip("._")[-60:]


def unwritable(folder: Path, error: OSError) -> ValueError:
    """What is said where the folder of `--out` cannot be written to."""
    why = error.strerror or error
    return ValueError(f"--out must be a folder one can write to, got {folder}: {why}")


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder of records, which is made if it is not there, for this process.

    The system gives it back when the process dies. Its lock file is not emptied, and no link.

    Raises:
        ValueError: if it is taken or not writable.
    """
    lock = FileLock(folder / LOCK, timeout=0, fallback_to_soft=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise ValueError(f"another run is at work in {folder}; choose another --out") from None
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()
