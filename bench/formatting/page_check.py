"""Where a page differs from what its records say."""

from __future__ import annotations

import os
import stat
from itertools import zip_longest
from pathlib import Path

BEFORE, BEHIND = 40, 80
"""Characters that are shown of a line around the place at which it differs."""


def difference(root: Path, name: Path, expected: str) -> list[str]:
    """How a page differs from what its records give: in a line, the first, or as a file.

    Args:
        name: of the page under `root`, in the sentence as well. No link is followed: a page that is
            not as it should be is quoted.
    """
    path, shown = root / name, name.as_posix()
    if not os.path.lexists(path):
        return [f"{shown}: the records give this page, but it is missing"]
    linked = any((root / parent).is_symlink() for parent in name.parents[:-1])
    if linked or not stat.S_ISREG(path.lstat().st_mode):
        return [f"{shown}: must be a plain file, no link, folder or pipe"]
    written = path.read_bytes().decode("utf-8", errors="replace")
    lines = zip_longest(written.split("\n"), expected.split("\n"))
    for number, (have, want) in enumerate(lines, start=1):
        if have != want:
            pairs = enumerate(zip_longest(have or "", want or ""))
            same = next((place for place, (a, b) in pairs if a != b), 0)
            said, given = (_around(text, same) for text in (have, want))
            return [f"{shown}, line {number}: the page says {said}, the records give {given}"]
    return []


def _around(line: str | None, place: int) -> str:
    """What stands in a line at `place`, and a little before and behind it."""
    if line is None:
        return "nothing"
    first, last = max(0, place - BEFORE), place + BEHIND
    before, behind = "…" if first else "", "…" if last < len(line) else ""
    return f"{before}{line[first:last]!r}{behind}"
