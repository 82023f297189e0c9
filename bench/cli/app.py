"""The command line, put together from `bench/commands`.

Exit codes: 0 all is well, 1 some rows failed or pages disagree, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import typer

from bench.cli import describe, machine, pages, run
from bench.cli.study import app as study_app

app = typer.Typer(
    name="bench",
    help="Fair comparison in continual learning: equal budgets, weights used against accuracy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (run, pages, describe, machine):
    app.add_typer(group.app)
app.add_typer(study_app, name="study")


def main() -> None:
    """Entry point: errors in what the user gave, and of files, end with exit code 2 and a line."""
    try:
        app()
    except (ValueError, OSError) as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        raise SystemExit(2) from None
