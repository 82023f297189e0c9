"""The command line costs nothing until it is needed, and bad values are refused before torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli.app import COMMANDS, app
from bench.cli.old_names import renamed

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "avalanche", "pandas", "scipy", "numpy", "pydantic", "rich", "optuna")


def called(code: str, *arguments: str) -> tuple[list[str], str, int]:
    """The heavy modules that a process has imported when it ends, its errors and exit code."""
    script = (
        f"import sys, json, atexit\nsys.argv = ['bench', *{list(arguments)!r}]\n"
        f"atexit.register(lambda: print('MODULES', json.dumps([m for m in {HEAVY!r} "
        f"if m in sys.modules])))\n{code}"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return json.loads(done.stdout.rpartition("MODULES")[2]), done.stderr, done.returncode


@pytest.mark.parametrize("module", ["bench", "bench.cli.app"])
def test_importing_the_package_imports_nothing_heavy(module):
    assert called(f"import {module}") == ([], "", 0)


def test_help_imports_nothing_heavy():
    assert called("from bench.cli.app import main\nmain()", "--help") == ([], "", 0)


def test_help_names_every_command_in_its_group():
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"}).output
    for title, group in COMMANDS.items():
        assert f"\n{title}:\n" in shown
        for name, (_, line) in group.items():
            assert f"  {name:11}  {line}\n" in shown


@pytest.mark.parametrize("name", [name for group in COMMANDS.values() for name in group])
def test_every_command_that_help_names_is_there(name):
    assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run --strategy os:getcwd", "strategy 'os:getcwd' must be a SupervisedTemplate or a fun"),
        ("run --set density", "--set must be name=value, got 'density'"),
        ("run --threads 0", "threads must be greater than or equal to 1, got '0'"),
        ("run --scenario klass", "scenario must be 'task', 'class' or 'domain', got 'klass'"),
        ("run --suite {tmp}/suite.toml", "unknown key 'sedes'; did you mean 'seeds'?"),
        ("run --suite {tmp}/suite.toml --seeds 2", "--seeds cannot be given beside it"),
        ("run --retry eror", "unknown status in --retry 'eror'; did you mean 'error'"),
        ("status --out {tmp}", "there must be records in {tmp}, found none"),
        ("study --strategy ewcc", "unknown strategy 'ewcc'; did you mean 'ewc'?"),
        ("list csv:Snifer", "unknown name in csv.py 'Snifer'; did you mean 'Sniffer'? Known: Dia"),
        ("study --strategy csv:Snifer", "unknown name in csv.py 'Snifer'; did you mean"),
        ("study --strategy ewc --data=", "--data must be the path of a folder, got ''"),
        ("compare naive {tmp} --out {tmp}/x", "{tmp}/x must be a folder, got none there"),
        ("study --strategy ewc --trials 0", "trials must be greater than or equal to 1, got '0'"),
    ],
)
def test_a_bad_value_is_one_sentence_before_torch_is_imported(tmp_path, arguments, message):
    (tmp_path / "suite.toml").write_text("sedes = 5\n")
    words = arguments.format(tmp=tmp_path).split()
    modules, error, code = called("from bench.cli.app import main\nmain()", *words)
    assert code == 2
    assert message.format(tmp=tmp_path) in error
    assert error.count("\n") == 1
    assert "torch" not in modules


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("explain --out x", "docs --out x"),
        ("night", "plot-night"),
        ("study --within 5s", "study --total-budget 5s"),
        ("study --within=5s", "study --total-budget=5s"),
    ],
)
def test_an_old_name_answers_and_says_in_one_line_what_it_is_called_now(capsys, old, new):
    assert renamed(old.split()) == new.split()
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is now called" in error
    assert renamed(new.split()) == new.split()
    assert capsys.readouterr().err == ""
