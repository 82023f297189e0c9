"""The index of leaderboards where experiences fade."""

from __future__ import annotations

import pytest

from bench.leaderboards import build
from factories import make_runs, write

FIGURE = "split-mnist/class-20s-mlp-sigma"


@pytest.fixture
def out(tmp_path):
    out = tmp_path / "leaderboards"
    for sigma, accuracy in (("", 0.2), ("?sigma=0.1", 0.6)):
        for name, more in (("naive", 0.0), ("replay", 0.1)):
            runs = make_runs(name, accuracy=accuracy + more, benchmark=f"split-mnist{sigma}")
            write(out / "records", runs)
    return out


def test_the_index_has_a_row_for_each_strategy_and_a_column_for_each_sigma(out):
    build.build(out / "records", out)
    text = (out / "INDEX.md").read_text()
    assert "### split-mnist, class-incremental, 20s, mlp" in text
    assert "| strategy | sigma 0 | sigma 0.1 |" in text
    assert "| replay | 30.2 [30.0, 30.4] | 70.2 [70.0, 70.4] |" in text
    assert "Accuracy against sigma" not in text
    assert build.verify(out) == []


def test_the_figure_is_shown_while_it_is_drawn_from_the_records_of_the_table(out):
    drawn = build.build(out / "records", out, figures=True)
    assert {out / f"{FIGURE}.svg", out / f"{FIGURE}.png"} <= set(drawn)
    build.build(out / "records", out)
    assert f"![Accuracy against sigma]({FIGURE}.svg)" in (out / "INDEX.md").read_text()
    assert build.verify(out) == []
    write(out / "records", make_runs("ewc", accuracy=0.4))
    build.build(out / "records", out)
    assert "Accuracy against sigma" not in (out / "INDEX.md").read_text()
    assert any(f"{FIGURE}.svg: drawn from other records" in one for one in build.verify(out))


def test_one_sigma_alone_is_no_comparison(tmp_path):
    out = tmp_path / "leaderboards"
    write(out / "records", make_runs("naive"))
    build.build(out / "records", out, figures=True)
    assert "sigma" not in (out / "INDEX.md").read_text()
    assert not list(out.glob("*/*-sigma.svg"))
