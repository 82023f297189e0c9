"""What the process that commands knows of a run that was cut, and where it keeps its checkpoints.

A checkpoint is a state and a page of JSON beside it, both beside the record to come. There is none
until the page is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

from bench.config.run_config import RULESET, RunConfig
from bench.executor.messages import STATE, sources
from bench.records import environment
from bench.records.cost import Count, Outside, Part
from bench.records.store import Store, put_aside, remove_halves, write_atomically

PAGE = ".checkpoint"
"""Suffix of the page."""

MOST_BYTES = 2**16
"""Of a page; ours have 600."""

READ_BYTES = 2**20
"""Of a state, at once."""


class Cut(Part):
    """What is known of a run up to its last checkpoint."""

    state: str
    """Name of the file of the state."""
    sha256: str
    """Of that file."""
    experiences: Count
    """How many of them the run had trained on."""
    outside: Outside
    """What the run had taken until then."""
    cuts: Count
    """How often it had been cut by then, and gone on."""
    killed: Count
    """How many attempts at it had been killed by then."""
    made_with: str
    """SHA-256 of what a run that goes on from there must have in common with it."""


def state_of(store: Store, config: RunConfig, experiences: int) -> str:
    """Name of the file of a checkpoint's state after so many experiences."""
    return f"{_page(store, config).name}-{experiences}{STATE}"


def keep_cut(store: Store, config: RunConfig, left: Path, cut: Cut) -> bool:
    """Move a checkpoint beside the record to come, in the place of the one before.

    Without space for it, the one before stays.

    Args:
        store: of the records.
        config: of the run.
        left: the file of its state.
        cut: what is known of it.

    Returns:
        Whether it is kept.
    """
    page = _page(store, config)
    there = page.with_name(cut.state)
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        for path in (page, there):
            put_aside(path)
        shutil.move(left, there)
        with there.open("rb") as file:  # on the disk before the page says so
            os.fsync(file.fileno())
        write_atomically(page, cut.model_dump_json() + "\n")
    except OSError:
        _remove(there)
        return False
    for state in _states(page):
        if state != there:
            _remove(state)
    return True


def find_cut(
    store: Store, config: RunConfig, *, of_any_machine: bool = False
) -> tuple[Path, Cut] | None:
    """The checkpoint that a run goes on from, and what is known of it; None to begin anew.

    Args:
        of_any_machine: also one that this machine, or this code, cannot go on from.
    """
    page = _page(store, config)
    with suppress(OSError, ValueError):  # whatever it is that lies there
        if not page.is_file() or page.stat().st_size > MOST_BYTES:
            return None
        cut = Cut.model_validate_json(page.read_bytes())
        if not of_any_machine and cut.made_with != made_with(config):
            return None
        for state in _states(page):
            if state.name == cut.state and state.is_file() and hash_of(state) == cut.sha256:
                return state, cut
    return None


def forget_cut(store: Store, config: RunConfig) -> None:
    """Remove the checkpoints of a run that has ended, as far as that is possible."""
    page = _page(store, config)
    _remove(page)
    remove_halves(page)
    for state in _states(page):
        _remove(state)


def count_cuts(folder: Path) -> int:
    """How many runs under a folder have a checkpoint to go on from."""
    return sum(page.is_file() for page in folder.rglob(f"*{PAGE}"))


def made_with(config: RunConfig) -> str:
    """SHA-256 of what the parts of a run have in common: rules, code, versions and machine."""
    head, _ = environment.commit()
    here = environment.fingerprint(environment.machine())
    facts = [RULESET, config.digest, sources(config), head, environment.versions(), here]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def hash_of(state: Path) -> str:
    """SHA-256 of a saved state."""
    found = hashlib.sha256()
    with state.open("rb") as file:
        while part := file.read(READ_BYTES):
            found.update(part)
    return found.hexdigest()


def _remove(path: Path) -> None:
    """Remove a file, and put a folder in its place, which is nobody's of ours, aside."""
    with suppress(OSError):
        put_aside(path)
        path.unlink(missing_ok=True)


def _page(store: Store, config: RunConfig) -> Path:
    name = f"{config.repetition}-{config.digest[:12]}{PAGE}"
    return store.path(config, 1).with_name(name)


def _states(page: Path) -> list[Path]:
    return list(page.parent.glob(f"{page.name}-*{STATE}"))
