"""The figures of a leaderboard: what they draw, and that they can be read in grey."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.formatting import plotting
from bench.leaderboards import build, figure_rows, figures
from bench.leaderboards.page import FIGURES
from bench.leaderboards.pareto_figure import DISC, Layout, Mark, apart, weights_figure
from bench.ranking.rank import rank
from factories import as_stored, make_record, make_runs, write


def leaderboard(*groups):
    return rank(as_stored([record for group in groups for record in group]))


def run(strategy, seed, matrix, **fields):
    """A run with a curve as its matrix says, a fifth of the budget after each experience."""
    record = make_record(strategy, seed, matrix=matrix, **fields)
    curve = [(4.0 * (i + 1), sum(row[: i + 1]) / (i + 1)) for i, row in enumerate(matrix)]
    outcome = record.outcome.model_copy(update={"curve": curve})
    return record.model_copy(update={"outcome": outcome})


@pytest.fixture
def two():
    forgets = [[0.9, 0.1], [0.3, 0.8]]
    keeps = [[0.9, 0.1], [0.9, 0.7]]
    return leaderboard(
        [run("forgets", s, forgets) for s in range(5)],
        [run("keeps", s, keeps, weights=0.1) for s in range(5)],
    )


def drawn_figures(leaderboard):
    return dict(figures.figures(leaderboard))


def titles_of(axes):
    return axes.get_title() or axes.get_title("left")


def drawn(figure, label):
    """(x, y) of the line of a row, which is dark in one panel alone."""
    [line] = [one for axes in figure.axes for one in axes.lines if one.get_label() == label]
    return line.get_xdata(), line.get_ydata()


def test_each_figure_is_drawn_and_names_its_conditions_and_n(two):
    drawn = drawn_figures(two)
    assert drawn.keys() == FIGURES.keys()
    for name, figure in drawn.items():
        title = figure.get_suptitle() or titles_of(figure.axes[0])
        assert "split-mnist, class-incremental, 20s, mlp" in title
        assert "n = 5 seeds" in title
        axes = figure.axes[0]
        assert axes.get_xlabel() or figure.get_supxlabel() or name == "matrix"
        assert axes.get_ylabel() or figure.get_supylabel() or name == "seconds"


def test_the_points_are_those_of_the_records(two):
    shown = drawn_figures(two)
    x, y = drawn(shown["weights"], "keeps")
    assert (x[0], y[0]) == pytest.approx((10, 80))
    x, y = drawn(shown["time"], "forgets")
    assert list(x) == pytest.approx([20, 40])
    assert list(y) == pytest.approx([90, 55])
    _, y = drawn(shown["forgetting"], "forgets")
    assert list(y) == pytest.approx([60])
    _, y = drawn(shown["claimed"], "keeps")
    assert list(y) == pytest.approx([10, 10])
    texts = {text.get_text() for text in shown["matrix"].axes[0].texts}
    assert texts == {"90", "10", "70"}  # of keeps, which ranks first
    widths = {bar.get_width() for bar in shown["seconds"].axes[0].patches}
    assert widths == {18.0}


def test_a_row_has_the_number_of_its_place_in_every_figure():
    rows = [make_runs(f"s{i}", 2, weights=(i + 1) / 20) for i in range(20)]
    shown = leaderboard(*rows, make_runs("joint", ranked=False))
    entries = figure_rows.entries_of(shown)
    assert [one.number for one in entries] == [*map(str, range(1, 21)), "a"]
    assert [one.name for one in entries] == [*(row.label for row in shown.rows), "joint"]
    numbers = {text.get_text() for text in weights_figure(shown).axes[0].texts}
    assert numbers >= {one.number for one in entries} | {one.name for one in entries}
    bars = [label.get_text() for label in drawn_figures(shown)["seconds"].axes[0].get_yticklabels()]
    assert bars == [f"{one.number} {one.name}" for one in entries]


def test_panels_show_every_row_and_the_others_behind_it(two):
    figure = figures.time_figure(two)
    assert [axes.get_title() for axes in figure.axes] == ["1 keeps", "2 forgets"]
    for axes in figure.axes:
        [behind] = [c for c in axes.collections if hasattr(c, "get_segments")]
        assert len(behind.get_segments()) == 2


def test_a_figure_with_fewer_rows_than_the_table_says_so():
    figure = weights_figure(leaderboard(*(make_runs(f"s{i}", 1) for i in range(40))))
    assert "the first 36 of 40 rows" in figure.axes[0].get_title("left")


POINTS = st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300)), max_size=30)


@given(POINTS)
def test_no_disc_covers_another_nor_the_point_of_one_that_moved(places):
    discs = apart(places, 12, (300, 300))
    assert len(discs) == len(places)
    for one, other in itertools.combinations(discs, 2):
        assert math.dist(one, other) >= 12 - 1e-9
    assert discs[:1] == places[:1]
    for i, (place, disc) in enumerate(zip(places, discs, strict=True)):
        free = all(math.dist(place, other) >= 12 for other in discs[:i])
        assert (disc == place) == free


def test_rows_of_all_weights_stand_side_by_side_and_others_where_they_are():
    dense = [make_runs(f"d{i}", accuracy=0.5 + 0.001 * i) for i in range(5)]
    shown = leaderboard(*dense, make_runs("sparse", weights=0.1))
    entries = figure_rows.entries_of(shown)
    layout = Layout.of([Mark.of(one) for one in entries])
    at = dict(zip([one.name for one in entries], layout.places, strict=True))
    assert layout.data(at["sparse"]) == pytest.approx((10, 100 * entries[0].row.accuracy.mean))
    assert entries[0].name == "sparse"
    columns = [at[f"d{i}"][0] for i in (4, 3, 2, 1, 0)]  # the best first
    assert np.diff(columns) == pytest.approx([DISC] * 4)
    assert columns[0] > layout.band
    assert layout.discs == layout.places


def test_what_was_not_measured_is_not_drawn():
    broken = leaderboard(make_runs("broken", status="oom"))
    assert drawn_figures(broken) == {}
    joint = leaderboard(make_runs("joint", ranked=False, matrix=[[None, None], [0.9, 0.9]]))
    assert drawn_figures(joint) == {}
    bound = make_runs("joint", ranked=False, matrix=[[None, None], [0.9, 0.9]])
    both = drawn_figures(leaderboard(make_runs("a"), bound, make_runs("broken", status="diverged")))
    bars = [label.get_text() for label in both["seconds"].axes[0].get_yticklabels()]
    assert bars == ["1 a", "a joint"]


def test_no_weights_at_all_are_drawn_at_the_edge():
    shown = leaderboard([make_record("nothing", weights=0.0)], make_runs("naive"))
    (x,), _ = drawn(drawn_figures(shown)["weights"], "nothing")
    assert 0 < x <= 0.05


def test_equal_figures_give_equal_files(two, tmp_path):
    for name in ("a", "b"):
        plotting.save(weights_figure(two), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_markup_in_a_label_stays_text():
    svg = plotting.inline_svg(weights_figure(leaderboard(make_runs("<script>x"))))
    assert "<script>" not in svg
    assert "&lt;script&gt;x" in svg


def test_a_dollar_in_a_name_begins_no_formula(tmp_path):
    odd = r"m:$\input{/etc/passwd}$"
    shown = leaderboard(make_runs(odd, hyperparameters={"path": "$HOME/$USER"}), make_runs("naive"))
    for name, figure in drawn_figures(shown).items():
        plotting.save(figure, tmp_path / name)
    assert "$HOME/$USER" in (tmp_path / "weights.svg").read_text().replace("\n", "")


def test_a_dark_page_turns_the_ink_of_data_too(two):
    svg = plotting.inline_svg(weights_figure(two))
    assert f"var(--mark, {plotting.INK})" in svg
    assert f": {plotting.INK}" not in svg


def test_pages_show_the_figures_that_lie_beside_them(tmp_path):
    out = tmp_path / "leaderboards"
    write(out / "records", make_runs(seeds=2))
    without = build.build(out / "records", out)
    assert "### Figures" not in without[0].read_text()
    written = build.build(out / "records", out, figures=True)
    assert {path.name for path in written if path.suffix == ".svg"} >= {
        "class-20s-weights.svg", "class-20s-matrix.svg"
    }  # fmt: skip
    page = (out / "split-mnist" / "class-20s.md").read_text()
    assert "(class-20s-weights.svg)" in page
    assert build.verify(out) == []
    (out / "split-mnist" / "class-20s-matrix.png").unlink()
    [difference] = build.verify(out)
    assert difference == "split-mnist/class-20s-matrix.svg: the PNG that belongs to it is missing"
    (out / "split-mnist" / "class-20s-matrix.png").touch()
    (out / "split-mnist" / "class-20s-matrix-2.svg").touch()  # of a second table, once
    [difference] = build.verify(out)
    assert difference.startswith("split-mnist/class-20s-matrix-2.svg: drawn from other records")
    (out / "split-mnist" / "class-20s-matrix-2.svg").unlink()
    (out / "split-mnist" / "class-20s-weights.svg").unlink()
    (difference,) = build.verify(out)
    assert "class-20s-weights.svg" in difference


def test_figures_of_other_records_are_shown_on_no_page_and_named(tmp_path):
    out = tmp_path / "leaderboards"
    write(out / "records", make_runs(seeds=2))
    build.build(out / "records", out, figures=True)
    write(out / "records", make_runs("ewc", seeds=2))
    build.build(out / "records", out)
    assert "### Figures" not in (out / "split-mnist" / "class-20s.md").read_text()
    told = build.verify(out)
    assert len(told) == len(list(out.rglob("*.svg"))) > 1
    assert all("drawn from other records than its page's" in one for one in told)
    build.build(out / "records", out, figures=True)
    assert build.verify(out) == []


def test_single_seeds_have_no_interval():
    alone = plotting.ends(figures.Interval(1, np.nan, np.nan))
    assert np.array_equal(alone, [[0], [0]])
