"""Progress on an MLflow server, or in a database beside the records."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.loggers.logger import PROJECT, LoggedRun, Logger

TAG = "sleepbench.run"
"""Holds our own id, as MLflow gives each run one of its own."""

PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""How long a server is waited for, unless the user says otherwise: its own way takes minutes."""


class MlflowLogger(Logger):
    """One run there for each of ours; `MLFLOW_TRACKING_URI` and `MLFLOW_EXPERIMENT_NAME` hold."""

    def __init__(self, folder: Path) -> None:
        """As every logger.

        Raises:
            ValueError: if its server does not answer.
        """
        from mlflow import MlflowClient

        super().__init__(folder)
        for variable, value in PATIENCE.items():
            os.environ.setdefault(variable, value)
        self._ids: dict[str, str] = {}
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        try:
            self._client = MlflowClient(self._address())
            found = self._client.get_experiment_by_name(name)
            self._experiment = (
                found.experiment_id if found else self._client.create_experiment(name)
            )
        except Exception as error:  # of which it and its databases have many kinds
            raise ValueError(f"--log mlflow: {error}") from error

    def _address(self) -> str:
        """Where runs are kept."""
        if address := os.environ.get("MLFLOW_TRACKING_URI"):
            return address
        self._folder.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{self._folder.resolve()}/mlflow.db"

    def begin(self, run: LoggedRun, charged: float) -> None:
        """Open the run; one that begins anew replaces the one that was there."""
        from mlflow.entities import Param

        tagged = f"tags.`{TAG}` = '{run.id}'"
        found = self._client.search_runs([self._experiment], tagged)
        if found and charged:
            self._ids[run.id] = found[0].info.run_id
            self._client.update_run(self._ids[run.id], status="RUNNING")
            return
        for old in found:
            self._client.delete_run(old.info.run_id)
        tags = {TAG: run.id, "board": run.board}
        opened = self._client.create_run(self._experiment, run_name=run.name, tags=tags)
        self._ids[run.id] = opened.info.run_id
        settings = [Param(name, str(value)) for name, value in _flat(run.settings).items()]
        self._client.log_batch(self._ids[run.id], params=settings)

    def log(self, run: LoggedRun, charged: float, values: Mapping[str, float]) -> None:
        """Send the numbers."""
        from mlflow.entities import Metric

        now, step = round(time.time() * 1000), run.step(charged)
        metrics = [Metric(name, value, now, step) for name, value in values.items()]
        self._client.log_batch(self._ids[run.id], metrics)

    def end(self, run: LoggedRun, status: str) -> None:
        """Close the run; one that is not ok is shown as failed."""
        ended = self._ids.pop(run.id)
        self._client.set_tag(ended, "status", status)
        self._client.set_terminated(ended, status="FINISHED" if status == "ok" else "FAILED")


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of fields as fields of their own: `budget.amount`."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        inner = value if isinstance(value, Mapping) else None
        found |= {name: value} if inner is None else {f"{name}.{k}": v for k, v in inner.items()}
    return found
