"""Unknown names, and the nearest known one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def suggest(kind: str, name: str, known: Iterable[str], *, forms: Sequence[str] = ()) -> str:
    """The sentence for an unknown name: the nearest known one, then all of them.

    >>> suggest("strategy", "niave", ["naive", "ewc"])
    "unknown strategy 'niave'; did you mean 'naive'? Known: ewc, naive"

    Args:
        kind: what the name is of.
        name: the unknown one.
        known: those there are.
        forms: what else may be written: `module:name`; none of them is a name.
    """
    known = sorted(known)
    others = f"; or one of your own: {', '.join(forms)}" if forms else ""
    return f"unknown {kind} {name!r}{hint(name, known)} Known: {', '.join(known)}{others}"


def hint(name: str, known: Iterable[str]) -> str:
    """The question for the nearest known name; a full stop where none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else "."
