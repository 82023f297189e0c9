"""The HTML page: what is on it, that it needs nothing else, and what it does in a real browser."""

import json
import os
import re
import shutil
import subprocess

import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.leaderboards import html_report
from bench.leaderboards.page import FIGURES
from bench.ranking import admission
from factories import make_record, make_runs, write

CHROME = os.environ.get("CHROME") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
EVIL = "</script><img src=x onerror=alert(1)>"


def page(tmp_path, *groups):
    root = write(tmp_path / "records", [record for group in groups for record in group])
    return html_report.report_html(admission.read(root), records_root=root)


def data_of(html):
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL).group(1))


def test_each_row_links_its_runs_and_each_record_is_there_in_full(tmp_path):
    html = page(tmp_path, make_runs("naive", 2), [make_record("ewc", 0, status="oom", reason="no")])
    data = data_of(html)
    assert len(data["records"]) == 3
    for number in range(3):
        assert f'data-record="{number}"' in html
    ewc, naive = data["records"][0], data["records"][1]
    assert (ewc["status"], ewc["reason"]) == ("oom", "no")
    assert naive["matrix"] == [[0.5] * (i + 1) + [0.1] * (4 - i) for i in range(5)]
    assert naive["cost"]["cpu_share"] == 0.9
    assert data["shared"][naive["configuration"]]["strategy"] == "naive"
    assert data["shared"][naive["environment"]]["machine"]["cpu"] == "fake"
    assert (tmp_path / "records" / naive["path"]).is_file()


def test_it_needs_nothing_from_outside(tmp_path):
    html = page(tmp_path, make_runs("naive", 2))
    assert not re.search(r'(src|href)="(?!#|data:)', html.replace("xlink:href", "href"))
    assert not re.search(r"url\((?!#)", html)
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_what_a_record_says_is_shown_and_not_obeyed(tmp_path):
    evil = make_record(EVIL, status="error", reason=EVIL, hyperparameters={"k": EVIL})
    html = page(tmp_path, [make_record(EVIL, 1), evil])
    assert EVIL not in html
    assert html.count("</script>") == 2
    assert {r["reason"] for r in data_of(html)["records"]} == {None, EVIL}


def test_equal_records_give_an_equal_page(tmp_path):
    first, again = (page(tmp_path / name, make_runs("naive", 2)) for name in "ab")
    assert first == again


def test_damaged_files_are_counted_and_named(tmp_path):
    root = write(tmp_path, make_runs("naive", 2))
    sorted(root.rglob("*.json"))[0].write_text("{")
    html = html_report.report_html(admission.read(root), records_root=root)
    assert "1 file left out" in html
    assert "not readable as a record" in html


def test_many_leaderboards_show_fewer_figures_and_say_so():
    assert html_report.drawn(4) == tuple(FIGURES)
    assert html_report.drawn(12) == ("weights", "time")
    assert html_report.drawn(25) == ()


def test_every_figure_is_drawn_when_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(html_report, "MOST_FIGURES", 0)
    root = write(tmp_path / "records", make_runs("naive", 2))
    evidence = admission.read(root)
    few = html_report.report_html(evidence, records_root=root)
    assert "<svg" not in few
    assert "--figures draws them all" in few
    every = html_report.report_html(evidence, records_root=root, figures=True)
    assert every.count("<svg") > 1
    assert "--figures draws them all" not in every


def test_the_command_writes_the_page_and_names_the_filter_that_emptied_it(tmp_path):
    write(tmp_path / "runs", make_runs("naive", 2))
    arguments = ["report", "--out", str(tmp_path / "runs"), "--html", str(tmp_path / "x.html")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "x.html").read_text().startswith("<!doctype html>")
    done = CliRunner().invoke(app, [*arguments, "--scenario", "task"])
    assert "scenario 'task'; there are: class" in str(done.exception)


@pytest.mark.skipif(CHROME is None, reason="no Chromium is installed, nor named by $CHROME")
def test_a_browser_sorts_filters_and_opens_records(tmp_path):
    html = page(
        tmp_path,
        make_runs("naive", accuracy=0.9),
        make_runs("ewc", accuracy=0.3, weights=0.1),
        [make_record(EVIL, 0, accuracy=0.5)],
    )
    script = """<script>
      const rows = () => Array.from(document.querySelectorAll("#leaderboard-1-table tbody tr"))
        .filter(row => !row.hidden).map(row => row.cells[3].textContent);
      const headings = document.querySelectorAll("#leaderboard-1-table th button");
      const column = Array.from(headings).findIndex(h => h.textContent === "accuracy, %");
      const found = {};
      headings[column].click(); found.ascending = rows();
      headings[column].click(); found.descending = rows();
      const filter = document.querySelector("input[type=search]");
      filter.value = "EW"; filter.dispatchEvent(new Event("input", {bubbles: true}));
      found.filtered = rows();
      document.querySelector("#leaderboard-1-table tr:not([hidden]) [data-record]").click();
      found.open = document.getElementById("detail").open;
      found.detail = document.getElementById("detail").textContent;
      found.matrix = Array.from(document.querySelectorAll("table.matrix td"), c => c.textContent);
      document.querySelector(".close").click();
      found.closed = !document.getElementById("detail").open;
      document.getElementById("every").open = true;
      setTimeout(() => {
        found.every = document.querySelectorAll("#every-table tbody tr").length;
        found.images = document.images.length;
        document.documentElement.dataset.found = JSON.stringify(found);
      }, 100);
    </script>"""
    path = tmp_path / "page.html"
    path.write_text(html.replace("</body>", f"{script}</body>"))
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/chrome"]
    command = [CHROME, *options, "--virtual-time-budget=5000", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    written = re.search(r'data-found="([^"]*)"', done.stdout)
    assert written, done.stderr[-2000:]
    found = json.loads(written.group(1).replace("&quot;", '"').replace("&lt;", "<")
                       .replace("&gt;", ">").replace("&amp;", "&"))  # fmt: skip
    assert found["ascending"] == ["ewc", EVIL, "naive"]
    assert found["descending"] == ["naive", EVIL, "ewc"]
    assert found["filtered"] == ["ewc"]
    assert found["open"]
    assert found["detail"].startswith("closeewc, seed 0, attempt 1: ok")
    assert found["matrix"][:6] == ["30.0", *["10.0"] * 4, "30.0"]
    assert found["matrix"][20:] == ["30.0"] * 5
    assert "cpu fake" in found["detail"]
    assert found["closed"]
    assert found["every"] == 11
    assert found["images"] == 0
