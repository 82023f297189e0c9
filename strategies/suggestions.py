"""Unknown names, and the nearest known one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggest(kind: str, name: str, known: Iterable[str]) -> str:
    """The sentence for an unknown name: the nearest known one, then all of them.

    >>> suggest("strategy", "niave", ["naive", "ewc"])
    "unknown strategy 'niave'; did you mean 'naive'? Known: ewc, naive"
    """
    return f"unknown {kind} {name!r}{hint(name, known)} Known: {', '.join(sorted(known))}"


def hint(name: str, known: Iterable[str]) -> str:
    """The question for the nearest known name; a full stop where none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else "."
