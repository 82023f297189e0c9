"""The HTML page: what is on it, how large it is, and that it needs nothing else."""

import base64
import hashlib
import json
import math
import re
from html import unescape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.leaderboards import html_report
from bench.leaderboards.html_data import report_data
from bench.ranking import admission
from bench.ranking.rank import rank
from factories import as_stored, make_record, make_runs, write
from html_page import data_text

COMMITTED = Path(__file__).parents[2] / "leaderboards" / "records"
EVIL = "</script><img src=x onerror=alert(1)>"


def page(tmp_path, *groups):
    root = write(tmp_path / "records", [record for group in groups for record in group])
    return html_report.report_html(admission.read(root), records_root=root)


def data_of(html):
    return json.loads(data_text(html))


def unpacked(value, shared):
    if isinstance(value, list):
        return [unpacked(one, shared) for one in value]
    if not isinstance(value, dict):
        return value
    values = [unpacked(one, shared) for one in value["v"]]
    return dict(zip(shared[value["k"]], values, strict=True))


def records_of(data):
    return unpacked(data["records"], data["shared"])


def test_each_row_names_its_runs_and_each_record_is_there_in_full(tmp_path):
    html = page(tmp_path, make_runs("naive", 2), [make_record("ewc", 0, status="oom", reason="no")])
    data = data_of(html)
    records, shared = records_of(data), data["shared"]
    rows = data["boards"][0]["rows"]
    assert {row["name"]: [run[:2] for run in row["runs"]] for row in rows} == {
        "naive": [["0", 1], ["1", 2]], "ewc": [["0", 0]]
    }  # fmt: skip
    ewc, naive = records[0], records[1]
    assert (ewc["status"], ewc["reason"]) == ("oom", "no")
    assert naive["matrix"] == [[0.5] * (i + 1) + [0.1] * (4 - i) for i in range(5)]
    assert naive["cost"]["cpu_share"] == 0.9
    assert naive["cost"]["seconds_by_kind"] == {"train": 18.0}
    assert shared[naive["configuration"]]["strategy"] == "naive"
    assert shared[naive["environment"]]["machine"]["cpu"] == "fake"
    assert (tmp_path / "records" / naive["path"]).is_file()


def test_the_mean_within_a_cap_over_log_uniform_caps_is_the_score(tmp_path):
    stored = as_stored(make_runs("ewc", 3, accuracy=0.7, weights=0.2))
    [row] = rank(stored).rows
    [shown] = report_data(stored, Path("records"))["boards"][0]["rows"]
    caps = [10 ** (-2 + 3 * (i + 0.5) / 3000) for i in range(3000)]
    within = [
        sum(gain for _, _, gain, capacity, _ in shown["runs"] if capacity <= cap) / 3
        for cap in caps
    ]
    assert math.fsum(within) / len(caps) == pytest.approx(row.score.mean, abs=1e-3)


def test_a_board_is_chosen_by_benchmark_scenario_budget_and_what_else_differs(tmp_path):
    html = page(
        tmp_path,
        make_runs("naive", 2),
        make_runs("naive", 2, hyperparameters={"momentum": 0.5}, search_charged=100.0),
        make_runs("naive", 2, scenario="task"),
    )
    assert [board["choice"] for board in data_of(html)["boards"]] == [
        ["split-mnist", "class-incremental", "20s", "defaults"],
        ["split-mnist", "class-incremental", "20s", "tuned"],
        ["split-mnist", "task-incremental", "20s", ""],
    ]


def test_the_sentence_on_top_keeps_its_names_apart_and_undoes_escapes(tmp_path):
    board = data_of(page(tmp_path, make_runs("a_*b* <i>", 2)))["boards"][0]
    (name, strong), (rest, plain) = board["leads"]
    assert (name, strong, plain) == ("a_*b* <i>", True, False)
    assert rest.startswith(" leads by score: 0.")


def test_it_needs_nothing_from_outside_and_runs_only_its_own_scripts(tmp_path):
    html = page(tmp_path, make_runs("naive", 2))
    own = html.replace(html_report.figure_library(), "")
    assert not re.search(r'(src|href)="(?!#)', own)
    assert "url(" not in own
    assert "@import" not in own
    policy = unescape(re.search(r'Content-Security-Policy" content="(.*?)"', html).group(1))
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-eval" not in policy
    scripts = re.findall(r'<script type="module">(.*?)</script>', html, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    listed = " ".join(f"'sha256-{one}'" for one in hashes)
    assert f"script-src {listed};" in policy
    assert len(scripts) == 2


def test_what_a_record_says_is_shown_and_not_obeyed(tmp_path):
    evil = make_record(EVIL, status="error", reason=EVIL, hyperparameters={"k": EVIL})
    html = page(tmp_path, [make_record(EVIL, 1), evil])
    assert EVIL not in html
    assert html.count("</script>") == 3
    assert {r["reason"] for r in records_of(data_of(html))} == {None, EVIL}


def test_equal_records_give_an_equal_page(tmp_path):
    first, again = (page(tmp_path / name, make_runs("naive", 2)) for name in "ab")
    assert first == again


def test_damaged_files_are_counted_and_named(tmp_path):
    root = write(tmp_path, make_runs("naive", 2))
    sorted(root.rglob("*.json"))[0].write_text("{")
    html = html_report.report_html(admission.read(root), records_root=root)
    assert "1 file left out" in html
    assert "not readable as a record" in html


def test_the_page_of_the_committed_records_is_below_three_megabytes():
    html = html_report.report_html(admission.read(COMMITTED), records_root=COMMITTED)
    assert len(html.encode()) < 3 * 10**6
    assert len(data_of(html)["boards"]) > 1


def test_the_command_writes_the_page_and_names_the_filter_that_emptied_it(tmp_path):
    write(tmp_path / "runs", make_runs("naive", 2))
    arguments = ["report", "--out", str(tmp_path / "runs"), "--html", str(tmp_path / "x.html")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "x.html").read_text().startswith("<!doctype html>")
    done = CliRunner().invoke(app, [*arguments, "--scenario", "task"])
    assert "scenario 'task'; there are: class" in str(done.exception)
