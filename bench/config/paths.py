"""Names and paths that a user gives: an empty one is refused, for it would mean "here"."""

from __future__ import annotations

import os
from pathlib import Path


def path_of(value: object, name: str, what: str = "the path of a folder") -> Path:
    """A path as it was given.

    Args:
        value: what was given.
        name: how it is called where it was given.
        what: it must be, for messages.

    Raises:
        ValueError: for what is no path, or an empty one.
    """
    return Path(text_of(value, name, what))


def text_of(value: object, name: str, what: str) -> str:
    """A name, or a path as text.

    Args:
        value: what was given.
        name: how it is called where it was given.
        what: it must be, for messages.

    Raises:
        ValueError: for what is no text and no path, or for an empty one.
    """
    if not isinstance(value, str | os.PathLike):
        raise ValueError(f"{name} must be {what}, got {type(value).__name__}")
    text = os.fspath(value)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{name} must be {what}, got {text!r}")
    return text


def both_folders(first: object, second: object) -> bool:
    """Whether two things to compare are folders, both; strategies are the names of none.

    Raises:
        ValueError: for an empty name, or a folder beside the path of one that is not there.
    """
    given = [
        text_of(value, name, "the name of a strategy or the path of a folder")
        for name, value in (("first", first), ("second", second))
    ]
    folders = [Path(text).is_dir() for text in given]
    missing = given[1] if folders[0] else given[0]
    if any(folders) and not all(folders) and "/" in missing:  # else it may name a strategy
        raise ValueError(f"both must be folders if one is, got none at {missing}")
    return all(folders)
