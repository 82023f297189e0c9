"""Progress on Weights & Biases, or in its files if `WANDB_MODE=offline`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bench.loggers.logger import PROJECT, LoggedRun, Logger

if TYPE_CHECKING:
    import wandb

FINISH_SECONDS = 30.0
"""How long the end of a run waits for a server; what was not sent stays on the disk."""


class WandbLogger(Logger):
    """One run there for each of ours; `WANDB_PROJECT`, `WANDB_ENTITY` and the like are heeded."""

    def __init__(self, folder: Path) -> None:
        """As every logger; asks for a key on a terminal if there is none.

        Raises:
            ValueError: if there is no key, and nobody to ask.
        """
        import wandb

        super().__init__(folder)
        self._runs: dict[str, wandb.Run] = {}
        if os.environ.get("WANDB_MODE", "online") == "online":
            try:
                wandb.login()
            except Exception as error:  # of which it has many kinds
                raise ValueError(
                    f"--log wandb needs `wandb login`, or WANDB_MODE=offline: {error}"
                ) from error

    def begin(self, run: LoggedRun, charged: float) -> None:
        """Open the run; one that goes on keeps its place, one that begins anew replaces it."""
        import wandb

        self._folder.mkdir(parents=True, exist_ok=True)
        opened = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            dir=self._folder.parent,  # it makes a folder of its own name there
            id=run.id,
            name=run.name,
            group=run.board,
            config=run.settings,
            resume="allow" if charged else None,
            reinit="create_new",
            settings=wandb.Settings(
                console="off", silent=True, x_disable_stats=True, finish_timeout=FINISH_SECONDS
            ),
        )
        opened.define_metric("charged")
        opened.define_metric("*", step_metric="charged")
        self._runs[run.id] = opened

    def log(self, run: LoggedRun, charged: float, values: Mapping[str, float]) -> None:
        """Send the numbers."""
        self._runs[run.id].log({"charged": charged, **values})

    def end(self, run: LoggedRun, status: str) -> None:
        """Close the run; one that is not ok is shown as failed."""
        opened = self._runs.pop(run.id)
        opened.summary["status"] = status
        opened.finish(exit_code=0 if status == "ok" else 1)

    def close(self) -> None:
        """Close what was left open by an error."""
        for opened in self._runs.values():
            opened.finish(exit_code=1)
