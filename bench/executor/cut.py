"""What the process that commands knows of a run that was cut, and where it keeps its checkpoints.

A checkpoint is a state and a page of JSON beside it, both beside the record to come. There is none
until the page is there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from bench.config.run_config import RULESET, RunConfig
from bench.executor.messages import STATE, sources
from bench.records import environment
from bench.records.cost import Count, Outside, Part
from bench.records.store import Store, remove_halves, write_atomically

PAGE = ".checkpoint"
"""Suffix of the page."""


class Cut(Part):
    """What is known of a run up to its last checkpoint."""

    state: str
    """Name of the file of the state."""
    sha256: str
    """Of that file."""
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
        shutil.move(left, there)
        write_atomically(page, cut.model_dump_json() + "\n")
    except OSError:
        there.unlink(missing_ok=True)
        return False
    for state in _states(page):
        if state != there:
            state.unlink(missing_ok=True)
    return True


def find_cut(store: Store, config: RunConfig) -> tuple[Path, Cut] | None:
    """The checkpoint that a run goes on from, and what is known of it; None to begin anew."""
    page = _page(store, config)
    with suppress(OSError, ValidationError):
        cut = Cut.model_validate_json(page.read_text(encoding="utf-8"))
        state = page.with_name(Path(cut.state).name)
        same = cut.made_with == made_with(config)
        if same and hashlib.sha256(state.read_bytes()).hexdigest() == cut.sha256:
            return state, cut
    return None


def forget_cut(store: Store, config: RunConfig) -> None:
    """Remove the checkpoints of a run that has ended."""
    page = _page(store, config)
    page.unlink(missing_ok=True)
    remove_halves(page)
    for state in _states(page):
        state.unlink(missing_ok=True)


def made_with(config: RunConfig) -> str:
    """SHA-256 of what the parts of a run have in common: rules, code, versions and machine."""
    head, _ = environment.commit()
    here = environment.fingerprint(environment.machine())
    facts = [RULESET, config.digest, sources(config), head, environment.versions(), here]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _page(store: Store, config: RunConfig) -> Path:
    name = f"{config.repetition}-{config.digest[:12]}{PAGE}"
    return store.path(config, 1).with_name(name)


def _states(page: Path) -> list[Path]:
    return list(page.parent.glob(f"{page.name}-*{STATE}"))
