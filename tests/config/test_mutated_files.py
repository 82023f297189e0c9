"""Suites and studies with mistakes: each is planned, or refused in one sentence, and none hangs."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from bench.config.suite import Suite
from bench.executor.plan import plan
from bench.records.store import Store
from bench.study.space import distributions, grid
from bench.study.study import Study, resolve
from command_line import usage_error
from mutations import mutated

ROOT = Path(__file__).parents[2]
SUITES = sorted([*(ROOT / "suites").rglob("*.toml"), *(ROOT / "bench").rglob("suites/*.toml")])
STUDIES = sorted((ROOT / "studies").glob("*.toml"))
LATE = 10
"""CPU seconds after which a file hangs."""


@pytest.fixture
def no_hang():
    """A file that is not done in time raises what nothing catches as a mistake of the file."""

    def late(number, frame):
        raise KeyboardInterrupt(f"not done after {LATE} s")

    before = signal.signal(signal.SIGPROF, late)
    yield lambda: signal.setitimer(signal.ITIMER_PROF, LATE)
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


def planned(file: Path, kind: type) -> None:
    """All that happens to a file before anything is run."""
    if kind is Suite:
        plan(Suite.read(file).configs(), Store(file.parent / "records"))
        return
    study, _ = resolve(Study.read(file))
    space = study.searched()
    assert distributions(space).keys() == grid(space).keys()
    study.configs({})


def outcome(file: Path, kind: type) -> str:
    """What is said of a file; "" if it is planned. Any other exception passes through."""
    try:
        planned(file, kind)
    except ValueError as error:
        return str(error)
    return ""


def mistaken(folder: Path, number: int, kind: type) -> Path:
    """A file with mistakes, the same for the same number."""
    rng = random.Random(number)
    source = rng.choice(SUITES if kind is Suite else STUDIES)
    file = folder / "mistaken.toml"
    file.write_bytes(mutated(source.read_text(encoding="utf-8"), rng))
    return file


@pytest.mark.parametrize("kind", [Suite, Study])
def test_250_files_with_mistakes_are_planned_or_refused_in_one_sentence(tmp_path, no_hang, kind):
    resolve(Study(strategy="ewc"))  # imports what takes seconds
    said = []
    for number in range(250):
        no_hang()
        try:
            said.append(outcome(mistaken(tmp_path, number, kind), kind))
        except Exception as error:
            pytest.fail(f"file {number} raised {error!r}")
    assert [text for text in said if "validation error for" in text] == []
    assert said.count("") > 15  # some mistakes make no difference
    assert len(set(said)) > 100  # and the others are told apart


@pytest.mark.parametrize("command", ["run --suite", "study --study"])
def test_the_command_line_says_so_in_one_line_with_exit_code_2(
    tmp_path, monkeypatch, capsys, command
):
    kind = Suite if command.startswith("run") else Study
    out = ["--out", str(tmp_path / "out")]
    refused = 0
    for number in range(30):
        file = mistaken(tmp_path, number, kind)
        if not outcome(file, kind):
            continue
        line = usage_error(monkeypatch, capsys, *command.split(), str(file), *out)
        assert line.startswith("error: "), number
        assert line.count("\n") == 1, number
        assert line[:-1].isprintable(), number
        refused += 1
    assert refused >= 20
    assert not (tmp_path / "out").exists()


def refused(tmp_path, text: str, kind: type = Suite) -> str:
    file = tmp_path / "file.toml"
    file.write_text(text, encoding="utf-8")
    began = time.process_time()
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the callers compare the sentence
        planned(file, kind)
    assert time.process_time() - began < LATE
    return str(error.value).removeprefix(f"{file}: ")


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        (
            Suite,
            "hyperparameters = [{density = 0.1}]",
            "--set must be name=value, got {'density': 0.1}",
        ),
        (
            Study,
            'strategy = "ewc"\nhyperparameters = [1]',
            "--set must be name=value, got 1",
        ),
        (
            Study,
            'strategy = "ewc"\nspace = [1]',
            "--space must be name=low:high or name=a,b,c, got 1",
        ),
        (Suite, "seeds = 10_001", "seeds must be less than or equal to 10000, got 10001"),
        (
            Suite,
            "[hyperparameters.naive]\nmomentum = {a = 1}",
            "hyperparameters.naive.momentum must be a valid boolean, a valid integer, a valid "
            "number, a valid string or a valid list, got {'a': 1}",
        ),
    ],
)
def test_the_sentence_names_what_was_meant(tmp_path, kind, text, sentence):
    assert refused(tmp_path, text, kind) == sentence


def test_a_grid_that_nobody_could_run_is_refused_before_it_is_laid_out(tmp_path):
    values = ", ".join(str(0.1 + i / 1e6) for i in range(3000))
    grid_of = "\n".join(f"{name} = [{values}]" for name in ("learning_rate", "weight_decay"))
    text = f'strategies = ["naive"]\n[hyperparameters."*"]\n{grid_of}\n'
    assert refused(tmp_path, text) == "a suite must hold at most 100000 runs, got 9000000"
