"""A field of a run is declared once: what follows from that is looked at for each field."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from bench.cli.app import app
from bench.cli.options import options_of
from bench.config.conditions import Conditions, SharedFields, option
from bench.config.run_config import RunConfig
from bench.config.suite import Suite
from bench.leaderboards.page import facts
from bench.ranking.configurations import run_command
from bench.ranking.pools import PoolKey, pool_key
from bench.ranking.rank import rank_all
from bench.records.store import Stored
from bench.study.study import Study
from factories import make_record

OTHER = {
    "allocation": "equal", "validation": 0.25, "threads": 3, "device": "cuda",
    "speedups": ("bf16",), "augment": ("flip",), "base_seed": 7,
}  # fmt: skip
"""A value of each shared field that is not its default."""


def test_every_shared_field_is_tried_here():
    assert OTHER.keys() == SharedFields.model_fields.keys()
    assert all(OTHER[n] != field.default for n, field in SharedFields.model_fields.items())


@pytest.mark.parametrize("name", SharedFields.model_fields)
def test_a_shared_field_is_a_key_of_files_an_option_and_part_of_a_printed_command(name, tmp_path):
    record = make_record(**{name: OTHER[name]})
    called = f"--{option(name, SharedFields.model_fields[name]).name}"
    assert called in shlex.split(run_command(record.config))
    assert called not in shlex.split(run_command(make_record().config))
    for model, command in ((Suite, "run"), (Study, "study")):
        assert SharedFields.model_fields[name].description
        shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
        assert called in shown
        file = tmp_path / "file.toml"
        value = OTHER[name]
        needed = 'strategy = "naive"\n' if model is Study else ""
        file.write_text(f"{needed}{name} = {json.dumps(value)}\n")
        assert getattr(model.read(file), name) == value


@pytest.mark.parametrize("name", RunConfig.model_fields)
def test_a_field_separates_pools_iff_it_is_a_condition_or_tells_the_task(name):
    named = name in ("benchmark", "scenario", "model", "budget")
    assert (name in PoolKey.model_fields) == (name in Conditions.model_fields or named)
    if name in OTHER:
        keys = {pool_key(make_record(**chosen)) for chosen in ({}, {name: OTHER[name]})}
        assert len(keys) == 1 + (name in Conditions.model_fields)


@pytest.mark.parametrize("name", OTHER)
def test_a_field_is_a_fact_on_pages_iff_it_has_a_title(name):
    plain, other = (
        facts(rank_all([Stored(Path("x.json"), make_record(**chosen))])[0])
        for chosen in ({}, {name: OTHER[name]})
    )
    title = SharedFields.model_fields[name].title
    differs = {line for line in other if other[line] != plain.get(line)}
    assert differs & {field.title for field in Conditions.model_fields.values()} == (
        {title} if title else set()
    )


def test_a_field_that_is_added_is_an_option_and_read_by_its_rule():
    class Wider(Suite):
        """A suite with a field more."""

        depth: int = Field(default=2, ge=1, description="How deep.")

    taken = []
    command = typer.Typer()

    @command.command()
    @options_of(Wider, "given")
    def show(given: dict[str, str]) -> None:
        taken.append(Wider.of(given))

    runner = CliRunner()
    assert "How deep." in runner.invoke(command, ["--help"]).output
    assert runner.invoke(command, ["--depth", "5", "--augment", "flip,crop"]).exit_code == 0
    assert (taken[0].depth, taken[0].augment) == (5, ("crop", "flip"))
    refused = runner.invoke(command, ["--depth", "0"])
    assert str(refused.exception) == "depth must be greater than or equal to 1, got '0'"


def test_records_keep_the_name_of_what_is_called_validation_only_and_its_digest():
    config = make_record(validation_only=True, validation=0.1).config
    written = json.loads(config.model_dump_json())
    assert written["blind"] is True
    assert "validation_only" not in written
    assert RunConfig.model_validate(written) == config
    assert RunConfig.model_validate(written).digest == config.digest
    assert list(written)[:3] == ["benchmark", "scenario", "model"]


def test_a_younger_field_is_empty_by_default_so_that_digests_stand():
    first = make_record().config
    told = first.model_dump(mode="json")
    younger = set(told) - {
        "benchmark", "scenario", "model", "strategy", "budget", "hyperparameters", "allocation",
        "validation", "base_seed", "repetition", "threads", "device",
    }  # fmt: skip
    assert not any(told[name] for name in younger)


def test_an_older_study_file_says_within(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text('strategy = "ewc"\nwithin = "600s"\n')
    study = Study.read(file)
    assert study.total_budget == "600s"
    study.write(file)
    assert 'total_budget = "600s"' in file.read_text()
