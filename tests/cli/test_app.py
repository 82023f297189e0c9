from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.config.stream_options import EXAMPLES
from bench.papers.declaration import paper_names
from command_line import usage_error

RUN = ["run", "--budget", "10steps", "--strategy", "naive"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strategy", "niave"], "unknown strategy 'niave'; did you mean 'naive'? Known: "),
        (
            ["--benchmark", "split-mnits"],
            "unknown benchmark 'split-mnits'; did you mean 'split-mnist'",
        ),
        (["--model", "lenet-5"], "unknown model 'lenet-5'; did you mean 'lenet5'"),
        (["--scenario", "klass"], "scenario must be"),
        (["--budget", "0s"], "600s, 10m, 1h or 2000steps"),
        (["--budget", "600"], "600s, 10m, 1h or 2000steps"),
        (["--budget", "10 parsecs"], "600s, 10m, 1h or 2000steps"),
        (["--strategy", "packnet-frozen", "--scenario", "class"], "it can: task"),
        (["--benchmark", "permuted-mnist", "--scenario", "class"], "must be run in scenario"),
        (["--set", "densty=0.1", "--strategy", "packnet-frozen"], "did you mean 'density'?"),
        (["--set", "density"], "--set must be name=value"),
        (["--suite", "any.toml"], "--suite declares every run: --"),
        (["--set", "learning_rate=-1"], "learning_rate must be above 0, got -1"),
        (["--set", "batch_size=0"], "batch_size must be in [1, 1000000], got 0"),
        (["--set", "batch_size=2.5"], "batch_size must be a whole number, got 2.5"),
        (["--set", "momentum=nan"], "values in --set must be finite, got nan"),
        (["--set", "optimizer=foo"], "optimizer must be 'sgd', 'adam' or 'adamw', got 'foo'"),
        (
            ["--strategy", "packnet-frozen", "--set", "density=abc"],
            "density must be a number, got 'abc'",
        ),
        (
            ["--model", "lenet5", "--benchmark", "split-digits"],
            "lenet5 needs inputs of at least 12x12",
        ),
        (["--strategy", "nowhere:Strategy"], "strategy 'nowhere:Strategy' cannot be imported"),
        (["--strategy", "rogues:DropPlugins"], "must hand `plugins` on to Avalanche's template"),
        (["--strategy", "rogues:OwnLogger"], "must take `evaluator` as an argument and hand it on"),
        (["--retry", "eror"], "unknown status in --retry 'eror'; did you mean 'error'"),
        (
            ["--retry", "error", "--profile"],
            "--retry, --save, --checkpoint and --log are about records: give none",
        ),
        (["--set", "momentum=0.1", "--set", "momentum=0.2"], "--set momentum must be given once"),
    ],
)
def test_wrong_usage_is_one_line_that_says_what_must_be(
    tmp_path, monkeypatch, capsys, arguments, message
):
    error = usage_error(monkeypatch, capsys, *RUN, "--out", str(tmp_path / "runs"), *arguments)
    assert message in error
    assert error.count("\n") == 1
    assert not list((tmp_path).rglob("*.json"))


@pytest.mark.parametrize(
    ("typed", "completed"), [("re", "reproduce\nreport\n"), ("run --bud", "--budget\n")]
)
def test_a_shell_completes_commands_and_options(typed, completed):
    words = {"COMP_WORDS": f"sleepbench {typed}", "COMP_CWORD": str(len(typed.split()))}
    ended = subprocess.run(
        [Path(sys.executable).with_name("sleepbench")],
        env={**os.environ, "_SLEEPBENCH_COMPLETE": "complete_bash", **words},
        capture_output=True,
        text=True,
    )
    assert ended.stdout == completed


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--out", ""],
        ["run", "--data", ""],
        ["run", "--suite="],
        ["leaderboard", "--pages", ""],
        ["study", "across", ""],
        ["data", "import", "mnist", ""],
    ],
)
def test_an_empty_path_does_not_mean_the_current_folder(arguments):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "it must be a path, got ''" in result.output


def test_an_unwritable_folder_is_refused_before_the_first_run(tmp_path, monkeypatch, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("")
    error = usage_error(monkeypatch, capsys, *RUN, "--out", str(blocked / "runs"))
    assert "--out must be a folder one can write to" in error


def test_missing_data_stop_a_suite_of_all_strategies_before_it_starts(
    tmp_path, monkeypatch, capsys
):
    error = usage_error(
        monkeypatch, capsys, "run", "--budget", "10steps", "--out", str(tmp_path / "runs"),
        "--benchmark", "split-mnist", "--data", str(tmp_path),
    )  # fmt: skip
    assert "python -m bench data fetch mnist" in error
    assert not list(tmp_path.rglob("*.json"))


def test_a_reason_that_looks_like_markup_is_shown_as_it_is(tmp_path):
    ran = CliRunner().invoke(
        app,
        ["run", "--budget", "9steps", "--strategy", "rogues:Markup,naive", "--out", str(tmp_path)],
    )
    assert ran.exit_code == 1
    assert "cannot open [/data] of [bold]x" in ran.output


def test_missing_data_names_the_file_and_the_command(tmp_path, monkeypatch, capsys):
    error = usage_error(
        monkeypatch, capsys, *RUN, "--out", str(tmp_path / "runs"),
        "--benchmark", "split-mnist", "--data", str(tmp_path),
    )  # fmt: skip
    assert "train-images-idx3-ubyte" in error
    assert "python -m bench data fetch mnist" in error


def test_list_shows_every_id_and_its_paper():
    result = CliRunner().invoke(app, ["list"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for name in ("split-digits", "split-tinyimagenet", "packnet-frozen", "lwf", "resnet18-slim"):
        assert name in result.output
    assert "Mallya & Lazebnik 2018" in result.output
    papers = result.output.partition("what is tested")[2].partition("\n")[2]
    assert [line.split()[0] for line in papers.splitlines()[: len(paper_names())]] == paper_names()


def test_list_shows_the_hyperparameters_of_one_strategy_with_their_defaults():
    result = CliRunner().invoke(app, ["list", "sleep-replay"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    rows = {words[0]: words[1:] for line in result.output.splitlines() if (words := line.split())}
    assert rows["day_steps"][0] == "500"
    assert rows["learning_rate"][0] == "0.01"
    assert " ".join(rows["batch_size"]) == "128 examples in a training minibatch; in [1, 1000000]"
    assert "paper: Tadros et al. 2022; scenarios: task, class, domain" in result.output
    assert "import: strategies.methods.sleep_replay:SleepReplay" in result.output


def test_list_shows_a_benchmark_and_the_options_of_its_id():
    shown = CliRunner().invoke(app, ["list", "split-mnist?repeat=2"], env={"COLUMNS": "200"}).output
    assert "split-mnist?repeat=2: MNIST in 5 experiences of 2 digits" in shown
    assert "10 experiences; data: mnist; default model: mlp" in shown
    for option, value in EXAMPLES.items():
        assert f" {option}={value} " in shown
    nights = CliRunner().invoke(app, ["list", "elec2-nights"], env={"COLUMNS": "200"}).output
    assert "nights; data: elec2" in nights
    assert "sigma" not in nights
    permuted = CliRunner().invoke(app, ["list", "permuted-mnist"], env={"COLUMNS": "200"}).output
    assert " experiences=2 " in permuted
    assert "sigma" not in permuted  # which it refuses


def test_list_of_an_unknown_strategy_names_the_nearest(monkeypatch, capsys):
    error = usage_error(monkeypatch, capsys, "list", "packnet-frosen")
    assert "unknown strategy or benchmark 'packnet-frosen'; did you mean 'packnet-frozen'" in error


@pytest.mark.parametrize("arguments", [["--help"], ["list"]])
def test_help_and_list_import_nothing_heavy(arguments):
    code = (
        f"import sys; sys.argv = ['bench', *{arguments!r}]\n"
        "from bench.cli.app import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'avalanche', 'pandas', 'scipy', 'seaborn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    environment = {**os.environ, "COLUMNS": "200"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True)


def test_a_suite_runs_its_leaderboard_is_written_and_verified(tmp_path, every_core):
    runner, out, pages = CliRunner(), tmp_path / "pages" / "records", tmp_path / "pages"
    ran = runner.invoke(app, ran_arguments(out))
    assert ran.exit_code == 0, ran.output
    assert "4 runs of 30steps: 0 done, 4 to go" in ran.output
    again = runner.invoke(app, ran_arguments(out))
    assert "4 done, 0 to go" in again.output
    built = runner.invoke(app, ["leaderboard", "--out", str(out), "--pages", str(pages)])
    assert built.exit_code == 0, built.output
    assert (pages / "split-digits" / "task-30steps.md").exists()
    assert runner.invoke(app, ["verify", "--pages", str(pages)]).exit_code == 0
    page = pages / "split-digits" / "task-30steps.md"
    page.write_text(page.read_text().replace("naive", "nave"))
    assert runner.invoke(app, ["verify", "--pages", str(pages)]).exit_code == 1
    status = runner.invoke(app, ["status", "--out", str(out)], env={"COLUMNS": "200"})
    assert "4 ok" in status.output


def test_a_call_that_finds_all_runs_done_shows_them_and_imports_no_torch(tmp_path):
    """While runs are made the parent has no torch either: `test_execute.py` looks, and kills."""
    done = CliRunner().invoke(app, [*RUN, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    code = (
        f"import sys; sys.argv = ['bench', *{RUN!r}, '--out', {str(tmp_path)!r}]\n"
        "from bench.cli.app import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    again = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True
    )
    assert "1 done, 0 to go" in again.stdout
    assert "naive" in again.stdout


def ran_arguments(out) -> list[str]:
    return ["run", "--budget", "30steps", "--strategy", "naive,packnet-frozen", "--seeds", "2",
            "--jobs", str(min(2, len(os.sched_getaffinity(0)))), "--out", str(out)]  # fmt: skip


def test_a_failed_row_makes_the_exit_code_one(tmp_path):
    result = CliRunner().invoke(
        app,
        ["run", "--budget", "10steps", "--strategy", "rogues:Crash,naive", "--out", str(tmp_path)],
    )
    assert result.exit_code == 1
    assert "the third wheel came off" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "tpu"], "--device must be cpu or cuda, got 'tpu'"),
        (["--threads", "9999"], "jobs x threads must be at most"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(monkeypatch, capsys, arguments, message):
    assert message in usage_error(monkeypatch, capsys, "calibrate", *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["bal2020"],
            "unknown paper 'bal2020'; did you mean 'ball2020'? Known: ball2020, kang2022, mallya",
        ),
        (["mallya2018", "--only", "split-mnits"], "did you mean 'split-mnist'"),
    ],
)
def test_an_unknown_paper_or_experiment_is_refused(monkeypatch, capsys, arguments, message):
    assert message in usage_error(monkeypatch, capsys, "reproduce", *arguments)
