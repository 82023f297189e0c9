"""The command line: which commands there are; each is imported when it is called.

Exit codes: 0 all is well, 1 some rows failed or pages disagree, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import importlib
import re
import sys
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from bench.cli.interruption import stopped_alike
from bench.cli.old_names import renamed

COMMANDS = {
    "Run": {
        "run": ("run", "Run every cell of a grid that has no record yet."),
        "continue": ("continued", "Go on from the saved state of a run, on further data."),
        "export": ("export", "Write the network of a saved run as ONNX."),
        "reproduce": ("pages", "Run a paper's experiments; write published beside measured."),
        "status": ("run", "Show what is done, failed and missing in a folder of records."),
        "data": ("machine", "Fetch and import data sets."),
    },
    "Look": {
        "list": ("describe", "Show every benchmark, strategy, model and paper, or one strategy."),
        "leaderboard": ("pages", "Write the Markdown, CSV and LaTeX pages of records."),
        "report": ("pages", "Write one HTML page of a folder of records."),
        "compare": ("pages", "Compare two strategies, or the same rows in two folders."),
        "plot-stream": ("describe", "Draw a stream: the share of each class over time."),
        "plot-night": ("describe", "Draw one night: who spiked when, and the weights around it."),
        "docs": ("describe", "Write the page that explains every strategy."),
    },
    "Search": {
        "tune": ("tune", "Give every strategy the same search, and write a suite."),
        "study": ("study", "Search the hyper-parameters of one strategy."),
    },
    "Check": {
        "doctor": ("machine", "Say what would spoil a timed run on this machine."),
        "calibrate": ("machine", "Measure this machine's reference speed and noise."),
        "verify": ("pages", "Check that every page agrees with the records beside it."),
    },
}
"""By what one does: each command with its module in `bench.cli`, and what it does in a line."""


class Commands(TyperGroup):
    """The commands in groups; listing them imports none."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all, in the order of the help."""
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, imported now; None if there is none."""
        for group in COMMANDS.values():
            if cmd_name in group:
                module = importlib.import_module(f"bench.cli.{group[cmd_name][0]}")
                return get_group(module.app).get_command(ctx, cmd_name)
        return None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the groups, one line for each command."""
        for title, group in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:11}", line) for name, (_, line) in group.items()])


app = typer.Typer(
    name="bench",
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # it would cost half a second before the help is shown
)


@app.callback()
def bench() -> None:
    """Fair comparison in continual learning: equal budgets, weights used against accuracy."""


def main() -> None:
    """Entry point: errors in what the user gave, and of files, end with exit code 2 and a line."""
    try:
        with stopped_alike():
            app(renamed(sys.argv[1:]))
    except (ValueError, OSError) as error:
        typer.secho(f"error: {_shown(_told(error))}", fg="red", err=True)
        raise SystemExit(2) from None


def _told(error: ValueError | OSError) -> str:
    """What an error says, without the number that the system has for it."""
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{error.filename}: "
        return f"{where}{error.strerror}"
    return str(error)


def _shown(text: str) -> str:
    """A message in one line, without what a terminal would obey.

    Words of a thousand characters and more are shown by their beginning: a file's content, not a
    name.
    """
    short = re.sub(r"\S{1000,}", lambda w: f"{w[0][:60]}… ({len(w[0])} characters)", text)
    line = " ".join(short.split("\n"))
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
