"""Names of the last release that still answer, for this one, and say what they are called now."""

from __future__ import annotations

from collections.abc import Sequence

import typer

COMMANDS = {"explain": "docs", "night": "plot-night"}
OPTIONS = {"study": {"--within": "--total-budget"}}
"""By command."""


def renamed(arguments: Sequence[str]) -> list[str]:
    """The arguments by the names of today; one line on stderr for each that was another."""
    if not arguments:
        return []
    command, *words = arguments
    options = OPTIONS.get(command, {})
    found = [_today(command, COMMANDS)]
    for word in words:
        option, equals, value = word.partition("=")
        found.append(f"{_today(option, options)}{equals}{value}")
    return found


def _today(name: str, names: dict[str, str]) -> str:
    if name not in names:
        return name
    typer.echo(f"{name} is now called {names[name]}: the next release knows only that", err=True)
    return names[name]
