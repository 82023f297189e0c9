from __future__ import annotations

import csv

from typer.testing import CliRunner

from bench.cli.app import app
from bench.machine import profile_suite


def test_a_profiled_suite_leaves_its_report_and_no_record(tmp_path, monkeypatch):
    monkeypatch.setattr(profile_suite, "PAIRS", 1)
    ran = CliRunner().invoke(
        app,
        ["run", "--profile", "--budget", "20steps", "--strategy", "rogues:Slow,rogues:Crash",
         "--out", str(tmp_path)],
    )  # fmt: skip
    assert ran.exit_code == 1, ran.output
    assert not list(tmp_path.rglob("*.json"))
    page = (tmp_path / "profile.md").read_text()
    assert "error: RuntimeError: the third wheel came off" in page
    assert "the median of 1 pairs of rogues:Slow" in page
    with (tmp_path / "profile.csv").open() as file:
        share = {
            r["part"]: float(r["share"]) for r in csv.DictReader(file) if "Slow" in r["strategy"]
        }
    assert share["Slow"] > 0.5  # it sleeps 50 ms in a hook of its own at every step
