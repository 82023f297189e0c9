"""The figures of a leaderboard: what they draw, and that they can be read in grey."""

import numpy as np
import pytest

from bench import board_figures, board_rows, leaderboards
from bench.pages import FIGURES
from bench.ranking import rank
from factories import as_stored, make_record, make_runs, write


def board(*groups):
    return rank(as_stored([record for group in groups for record in group]))


def run(strategy, seed, matrix, **fields):
    """A run with a curve as its matrix says, a fifth of the budget after each experience."""
    record = make_record(strategy, seed, matrix=matrix, **fields)
    curve = [(4.0 * (i + 1), sum(row[: i + 1]) / (i + 1)) for i, row in enumerate(matrix)]
    weights = record.weights * len(matrix)
    outcome = record.outcome.model_copy(update={"curve": curve})
    return record.model_copy(update={"outcome": outcome, "weights": weights})


@pytest.fixture
def two():
    forgets = [[0.9, 0.1], [0.3, 0.8]]
    keeps = [[0.9, 0.1], [0.9, 0.7]]
    return board(
        [run("forgets", s, forgets) for s in range(5)],
        [run("keeps", s, keeps, weights=0.1) for s in range(5)],
    )


def drawn(figure, label):
    """(x, y) of the line of a row."""
    (axes,) = figure.axes
    [line] = [c.lines[0] for c in axes.containers if c.get_label() == label]
    return line.get_xdata(), line.get_ydata()


def test_each_figure_is_drawn_and_names_its_conditions_and_n(two):
    figures = dict(board_figures.figures(two))
    assert figures.keys() == FIGURES.keys()
    for name, figure in figures.items():
        title = figure.get_suptitle() or figure.axes[0].get_title()
        assert "split-mnist, class-incremental, 20s, mlp" in title
        assert "n = 5 seeds" in title
        axes = figure.axes[0]
        assert axes.get_xlabel() or name == "matrix"
        assert axes.get_ylabel() or name == "seconds"


def test_the_points_are_those_of_the_records(two):
    figures = dict(board_figures.figures(two))
    x, y = drawn(figures["weights"], "keeps")
    assert (x[0], y[0]) == pytest.approx((10, 80))
    x, y = drawn(figures["time"], "forgets")
    assert list(x) == pytest.approx([20, 40])
    assert list(y) == pytest.approx([90, 55])
    _, y = drawn(figures["forgetting"], "forgets")
    assert list(y) == pytest.approx([60])
    _, y = drawn(figures["claimed"], "keeps")
    assert list(y) == pytest.approx([10, 10])
    texts = {text.get_text() for text in figures["matrix"].axes[0].texts}
    assert texts == {"90", "10", "70"}  # of keeps, which ranks first
    widths = {bar.get_width() for bar in figures["seconds"].axes[0].patches}
    assert widths == {18.0}


def test_rows_are_told_apart_without_colour():
    series = board_rows.series_of(board(*(make_runs(f"s{i}", 1) for i in range(20))))
    assert len(series) == board_rows.MOST_ROWS
    assert len({(one.style["marker"], one.style["linestyle"]) for one in series}) == len(series)
    assert len({one.style["marker"] for one in series}) == len(series)


def test_a_figure_with_fewer_rows_than_the_table_says_so():
    figure = board_figures.weights_figure(board(*(make_runs(f"s{i}", 1) for i in range(20))))
    assert "the first 12 of 20 rows" in figure.axes[0].get_title()


def test_what_was_not_measured_is_not_drawn():
    broken = board(make_runs("broken", status="oom"))
    assert dict(board_figures.figures(broken)) == {}
    joint = board(make_runs("joint", ranked=False, matrix=[[None, None], [0.9, 0.9]]))
    assert dict(board_figures.figures(joint)).keys() == {"weights", "seconds"}


def test_equal_figures_give_equal_files(two, tmp_path):
    for name in ("a", "b"):
        board_figures.save(board_figures.weights_figure(two), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_markup_in_a_label_stays_text():
    svg = board_figures.inline_svg(board_figures.weights_figure(board(make_runs("<script>x"))))
    assert "<script>" not in svg
    assert "&lt;script&gt;x" in svg


def test_pages_show_the_figures_that_lie_beside_them(tmp_path):
    out = tmp_path / "leaderboards"
    write(out / "records", make_runs(seeds=2))
    without = leaderboards.build(out / "records", out)
    assert "### Figures" not in without[0].read_text()
    written = leaderboards.build(out / "records", out, figures=True)
    assert {path.name for path in written if path.suffix == ".svg"} >= {
        "class-20s-weights.svg", "class-20s-matrix.svg"
    }  # fmt: skip
    page = (out / "split-mnist" / "class-20s.md").read_text()
    assert "(class-20s-weights.svg)" in page
    assert leaderboards.verify(out) == []
    (out / "split-mnist" / "class-20s-weights.svg").unlink()
    (difference,) = leaderboards.verify(out)
    assert "class-20s-weights.svg" in difference


def test_single_seeds_have_no_interval():
    alone = board_figures._ends(board_figures.Interval(1, np.nan, np.nan))
    assert np.array_equal(alone, [[0], [0]])
