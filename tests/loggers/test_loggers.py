"""Each logger writes what it was told, and a run that is resumed goes on where it was."""

from __future__ import annotations

import csv
import subprocess
import sys

import pytest

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.loggers.csv_logger import CsvLogger
from bench.loggers.logger import LoggedRun
from bench.loggers.registry import LOGGERS, check_loggers, open_loggers
from bench.loggers.tensorboard_logger import TensorboardLogger

RUN = LoggedRun(
    RunConfig(
        benchmark="split-digits", scenario="class", strategy="replay", model="mlp",
        budget=Budget.parse("2s"), hyperparameters={"memory_size": 50},
    ),
    home="f00d",
)  # fmt: skip
STEPS = LoggedRun(RUN.config.model_copy(update={"budget": Budget.parse("40steps")}), "f00d")


def story(logger) -> None:
    """A run that is cut after 1.5 seconds, and goes on from 1, which it tells again."""
    logger.begin(RUN, 0.0)
    for charged in (0.5, 1.0, 1.5):
        logger.log(RUN, charged, {"accuracy": charged / 2, "weights": 1.0})
    logger.end(RUN, "killed")
    logger.begin(RUN, 1.0)
    logger.log(RUN, 1.0, {"accuracy": 0.5})
    logger.log(RUN, 2.0, {"accuracy": 0.75})
    logger.end(RUN, "ok")
    logger.close()


def again(logger) -> None:
    """The same run, begun anew."""
    logger.begin(RUN, 0.0)
    logger.log(RUN, 0.1, {"accuracy": 0.5})
    logger.end(RUN, "ok")


def rows(folder) -> list[tuple[str, ...]]:
    [file] = folder.iterdir()
    with file.open(newline="") as text:
        return [tuple(row) for row in csv.reader(text)]


def scalars(folder) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard's own reader finds, without what it takes for void."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    [run] = folder.iterdir()
    found = EventAccumulator(str(run))
    found.Reload()
    return {
        tag: [(event.step, round(event.value, 3)) for event in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }


def test_a_run_is_known_by_one_name_and_its_steps_are_whole_numbers():
    assert RUN.id == f"replay-0-{RUN.config.digest[:12]}-f00d"
    assert (RUN.name, RUN.board) == ("replay seed 0", "split-digits/class 2s")
    assert RUN.settings["hyperparameters"] == {"memory_size": 50}
    assert (RUN.step(1.2344), STEPS.step(17)) == (1234, 17)


def test_csv_files_hold_a_row_for_each_number_and_lose_what_is_void(tmp_path):
    folder, header = tmp_path / "csv", ("charged", "quantity", "value")
    story(CsvLogger(folder))
    first = [("0.5", "accuracy", "0.25"), ("0.5", "weights", "1.0")]
    last = [("1.0", "accuracy", "0.5"), ("2.0", "accuracy", "0.75")]
    assert rows(folder) == [header, *first, *last]
    again(CsvLogger(folder))
    assert rows(folder) == [header, ("0.1", "accuracy", "0.5")]


def test_a_torn_line_costs_that_line_alone(tmp_path):
    logger = CsvLogger(tmp_path)
    story(logger)
    [path] = tmp_path.iterdir()
    path.write_text(path.read_text() + "0.7,accur")
    logger.begin(RUN, 1.5)
    assert [row[0] for row in rows(tmp_path)] == ["charged", "0.5", "0.5", "1.0"]


def test_tensorboard_shows_the_numbers_by_milliseconds_and_hides_what_is_void(tmp_path):
    folder = tmp_path / "tensorboard"
    story(TensorboardLogger(folder))
    accuracy = [(500, 0.25), (1000, 0.5), (2000, 0.75)]
    assert scalars(folder) == {"accuracy": accuracy, "weights": [(500, 1.0)]}
    again(TensorboardLogger(folder))
    assert scalars(folder) == {"accuracy": [(100, 0.5)]}


def test_wandb_keeps_a_run_offline_and_a_resumed_one_under_the_same_id(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    [logger] = open_loggers(["wandb"], tmp_path).values()
    story(logger)
    kept = [path.name for path in (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")]
    assert kept == [f"run-{RUN.id}.wandb"] * 2


def test_wandb_without_a_key_is_refused_before_any_run(tmp_path):
    """In a process of its own: it remembers whether it has found a key."""
    code = (
        "from pathlib import Path\n"
        "from bench.loggers.registry import open_loggers\n"
        "open_loggers(['wandb'], Path('logs'))\n"
    )
    environment = {"HOME": str(tmp_path), "PATH": "", "PYTHONPATH": ":".join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL,
        capture_output=True, text=True,
    )  # fmt: skip
    assert "ValueError: --log wandb needs `wandb login`, or WANDB_MODE=offline" in ended.stderr


def test_mlflow_keeps_runs_in_a_database_and_a_resumed_one_goes_on(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    [logger] = open_loggers(["mlflow"], tmp_path).values()
    story(logger)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("sleepbench").experiment_id
    [run] = client.search_runs([experiment])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "replay seed 0")
    assert run.data.params["hyperparameters.memory_size"] == "50"
    history = client.get_metric_history(run.info.run_id, "accuracy")
    # it cannot take back what it was told
    assert [m.step for m in history] == [500, 1000, 1500, 1000, 2000]
    again(logger)
    [run] = client.search_runs([experiment])
    assert run.data.metrics == {"accuracy": 0.5}


def test_a_package_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ValueError, match="--log mlflow needs a package: pip install mlflow"):
        open_loggers(["mlflow"], tmp_path)


def test_names_are_checked_and_none_is_opened_twice():
    assert check_loggers(["csv", "wandb", "csv"]) == ("csv", "wandb")
    with pytest.raises(ValueError, match="did you mean 'tensorboard'"):
        check_loggers(["tensorbord"])
    assert list(LOGGERS) == ["csv", "tensorboard", "wandb", "mlflow"]
