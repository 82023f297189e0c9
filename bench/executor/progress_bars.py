"""Progress on a terminal: one line per run and one for all of them, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bench.config.catalogue import find_benchmark
from bench.config.run_config import RunConfig
from bench.data.rows import own_rows
from bench.executor.listener import WAITING, Listener
from bench.executor.messages import Refusal
from bench.executor.plan import Plan
from bench.formatting.numbers import counted
from bench.records.schema import RunRecord
from bench.records.weight_share import shares_used
from bench.runner.progress import Progress as RunProgress


class Display(Listener):
    """Shows a bar for each run, with its share spent and accuracy so far, and one for all runs.

    Args:
        console: where to show it.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._jobs = console, 1
        self._waited = False
        self._left: list[RunConfig] = []
        self._total = 0
        self._began: float | None = None
        self._lines: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=console,
            refresh_per_second=2,  # the display shares the machine with what it measures
            disable=not (console.is_terminal or console.is_jupyter),
        )

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def checking(self, plan: Plan) -> None:
        """Say why nothing is seen for some seconds."""
        self._console.print("checking what is to be run")
        for benchmark in dict.fromkeys(config.benchmark for config in plan.missing):
            table = find_benchmark(benchmark).table
            for note in () if table is None else own_rows(table).notes():
                self._console.print(f"note: {note}", markup=False, soft_wrap=True)

    def planned(self, plan: Plan, jobs: int) -> None:
        """Say how much there is to do, and give all runs a line."""
        self._jobs = jobs
        done, missing = len(plan.done), len(plan.missing)
        configs = [*plan.missing, *(record.config for record in plan.done)]
        budgets = sorted({str(config.budget) for config in configs})
        of = f" of {', '.join(budgets)}" if budgets else ""
        runs = counted(done + missing, "run")
        self._console.print(f"{runs}{of}: {done} done, {missing} to go")
        self._left, self._total = list(plan.missing), missing
        self._progress.start()
        self._whole = self._progress.add_task("all runs", total=self._total, detail="")

    def left_out(self, refusal: Refusal) -> None:
        """Say which strategy is left out and why."""
        what = f"left out: {refusal.config.strategy}: {refusal.reason}"
        self._console.print(what, soft_wrap=True, markup=False)

    def started(self, config: RunConfig) -> None:
        """Give the run a line."""
        self._began = self._began or time.monotonic()
        self._lines[config.digest] = self._progress.add_task(_name(config), total=1.0, detail="")

    def resumed(self, config: RunConfig, experiences: int) -> None:
        """Say where the run goes on."""
        done = counted(experiences, "experience")
        self._console.print(f"{_name(config)} goes on after {done}")

    def waiting(self) -> None:
        """Say so, once."""
        if not self._waited:
            self._waited = True
            self._console.print(WAITING)

    def lost(self, config: RunConfig, node: str) -> None:
        """Say that the run begins again; its line goes."""
        self._remove_line(config.digest)
        self._console.print(f"{_name(config)} was lost with node {escape(node)}, and runs again")

    def progressed(self, config: RunConfig, progress: RunProgress) -> None:
        """Move the run's bar."""
        accuracy = "" if progress.accuracy is None else f", accuracy {progress.accuracy:.1%}"
        detail = f"experience {progress.experience + 1}/{progress.experiences}{accuracy}"
        line = self._lines[config.digest]
        self._progress.update(line, completed=progress.spent, detail=detail)
        self._progress.update(self._whole, detail=self._time_left())

    def finished(self, record: RunRecord) -> None:
        """Say how the run ended; its line goes."""
        self._left = [c for c in self._left if c.digest != record.digest]
        self._remove_line(record.digest)
        self._progress.update(self._whole, advance=1, detail=self._time_left())
        done = self._total - len(self._left)
        self._console.print(f"\\[{done}/{self._total}] {_name(record.config)}: {_summary(record)}")

    def warned(self, what: str) -> None:
        """Say what has failed beside the runs."""
        self._console.print(f"warning: {what}", markup=False, soft_wrap=True)

    def _remove_line(self, digest: str) -> None:
        if (line := self._lines.pop(digest, None)) is not None:
            self._progress.remove_task(line)

    def _time_left(self) -> str:
        """From what the finished runs took, or from the budgets before one has finished."""
        done = self._total - len(self._left)
        if done and self._began:
            seconds = (time.monotonic() - self._began) / done * len(self._left)
        else:
            wall = [c.budget.amount for c in self._left if c.budget.clock != "steps"]
            seconds = sum(wall) / self._jobs
        if not self._left:
            return ""
        return (
            f"about {seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:.0f} min left"
        )


def _name(config: RunConfig) -> str:
    settings = ", ".join(f"{k}={v}" for k, v in sorted(config.hyperparameters.items()))
    label = f"{config.strategy} ({settings})" if settings else config.strategy
    return escape(f"{config.benchmark}/{config.scenario} {label} seed {config.repetition}")


def _summary(record: RunRecord) -> str:
    if record.outcome is None or record.status != "ok":
        return escape(f"{record.status}: {record.reason}")
    blind, days = record.config.validation_only, record.outcome.days
    used, _ = shares_used(record.weights[-1], record.config, record.benchmark_version)
    matrix = record.outcome.validation if blind else record.outcome.accuracy
    final = [value for value in (matrix or [[]])[-1] if value is not None]
    mean = sum(final) / len(final) if days is None else days.mean
    what = "accuracy by day" if days else "validation accuracy" if blind else "accuracy"
    cut = f", {counted(record.cuts, 'cut')}" if record.cuts else ""
    return f"{what} {mean:.1%}, weights {used:.1%}{cut}"
