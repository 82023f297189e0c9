"""The files of one run, as they travel between the machine that commands and the one that runs.

Files are told apart by their suffix; a record travels as its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from pydantic import Base64Bytes

from bench.config.run_config import RunConfig
from bench.executor.cut import Cut, find_cut, forget_cut, keep_cut
from bench.executor.keeping import KEPT, LOST, keep
from bench.executor.messages import STATE
from bench.executor.scratch import scratch
from bench.records.schema import FINISHED, RunRecord
from bench.records.store import Store, read_record

Checkpointed = tuple[str, Base64Bytes]
"""The page of a checkpoint, as JSON, and its state."""


def earlier_records(store: Store, config: RunConfig) -> list[str]:
    """The records of the attempts at a run that there have been, as JSON."""
    found = []
    for attempt in range(1, store.attempts(config) + 1):
        with suppress(ValueError):  # it is missing or damaged
            found.append(read_record(store.path(config, attempt)).model_dump_json())
    return found


def packed_checkpoint(store: Store, config: RunConfig) -> Checkpointed | None:
    """The last checkpoint of a run; None if there is none. Who unpacks it says if it goes on."""
    with suppress(OSError):
        if found := find_cut(store, config, of_any_machine=True):
            state, cut = found
            return cut.model_dump_json(), state.read_bytes()
    return None


def unpack_checkpoint(store: Store, config: RunConfig, sent: Checkpointed) -> None:
    """Keep a checkpoint that has come from elsewhere; without space the one before stays."""
    cut, state = Cut.model_validate_json(sent[0]), sent[1]
    left = scratch() / f"checkpoint-{config.digest}"
    try:
        left.write_bytes(state)
        keep_cut(store, config, left, cut)
    except OSError:
        return
    finally:
        left.unlink(missing_ok=True)


def killed_in_vain(store: Store, config: RunConfig) -> int:
    """How many attempts at a run were lost since its last checkpoint."""
    found = find_cut(store, config, of_any_machine=True)
    return store.count(config, *LOST) - (found[1].killed if found else 0)


def packed_files(store: Store, record: RunRecord) -> dict[str, bytes]:
    """What lies beside a record: its log, its samples, its saved state, by suffix."""
    path = store.path_of(record)
    files = (path.with_suffix(suffix) for suffix in (*KEPT, STATE))
    return {file.suffix: file.read_bytes() for file in files if file.is_file()}


def unpack(store: Store, record: RunRecord, files: Mapping[str, bytes]) -> RunRecord:
    """Keep a record that has come from elsewhere and what lay beside it there.

    Its attempt is the next one here. Without space for its state, it says that there is none.

    Returns:
        The record that was written.

    Raises:
        OSError: without space for the record; says where it is kept.
    """
    record = record.model_copy(update={"attempt": store.attempts(record.config) + 1})
    path = store.path_of(record)
    for suffix, content in _known(files):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(suffix).write_bytes(content)
        except OSError:
            with suppress(OSError):
                path.with_suffix(suffix).unlink(missing_ok=True)
            if suffix == STATE:
                record = record.model_copy(update={"saved": None})
    keep(store, record)
    if record.status in FINISHED:
        forget_cut(store, record.config)
    return record


def _known(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    return ((suffix, files[suffix]) for suffix in (*KEPT, STATE) if suffix in files)


def forget(store: Store, config: RunConfig) -> None:
    """Remove all that a store holds of a run."""
    forget_cut(store, config)
    first = store.path(config, 1)
    for path in first.parent.glob(f"{config.repetition}-{config.digest[:12]}-*"):
        path.unlink(missing_ok=True)
