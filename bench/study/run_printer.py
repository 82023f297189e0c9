"""What a terminal shows while a study runs: a line on each run that has ended."""

from __future__ import annotations

from rich.console import Console

from bench.config.run_config import RunConfig
from bench.executor.listener import WAITING, Listener
from bench.formatting.numbers import settings_text
from bench.records.schema import RunRecord
from bench.study.trials import accuracy, log_weights


class RunPrinter(Listener):
    """Prints a line on what became of each run."""

    def __init__(self, console: Console) -> None:
        self._console, self._waited = console, False

    def waiting(self) -> None:
        """Say so, once."""
        if not self._waited:
            self._waited = True
            self._console.print(WAITING)

    def lost(self, config: RunConfig, node: str) -> None:
        """Say which point is run again."""
        what = f"lost with node {node}, runs again ({_point(config)})"
        self._console.print(what, soft_wrap=True, markup=False)

    def warned(self, what: str) -> None:
        """Say what has failed beside the runs."""
        self._console.print(f"warning: {what}", soft_wrap=True, markup=False)

    def finished(self, record: RunRecord) -> None:
        """Print the point, and what it reached or why it failed."""
        if record.status == "ok":
            weights = 10 ** log_weights(record)
            what = f"accuracy {accuracy(record):.1%}, weights {weights:.1%}"
        else:
            what = f"{record.status}: {record.reason}"
        self._console.print(f"{what} ({_point(record.config)})", soft_wrap=True, markup=False)


def _point(config: RunConfig) -> str:
    seed = f", seed {config.repetition}" if config.repetition else ""
    return settings_text(config.hyperparameters) + seed
