"""The figures of a leaderboard: what they draw, and that they can be read in grey."""

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.transforms import Bbox

from bench.formatting import plotting
from bench.leaderboards import build, figure_rows, figures, weights_layout
from bench.leaderboards.page import FIGURES
from bench.leaderboards.weights_figure import SHAPES, weights_figure
from bench.ranking.rank import rank
from bench.stats.intervals import Interval
from bench.stats.score import size_score
from factories import as_stored, make_record, make_runs, write
from strategies.entry import FAMILIES


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
    assert drawn.keys() == FIGURES.keys() - {"tuning"}  # of a tuned board alone
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
    [row] = [row for row in two.rows if row.name == "keeps"]
    assert (x[0], y[0]) == pytest.approx((100 * row.capacity.mean, 80))
    assert 10 <= x[0] < 14  # a tenth of the weights, and the bits that tell which
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


def test_a_row_has_its_name_in_every_figure():
    shown = leaderboard(
        *(make_runs(f"s{i}", 2) for i in range(20)), make_runs("joint", ranked=False)
    )
    names = [row.name for row in shown.every_row]
    every = drawn_figures(shown)
    assert Counter(named(every["weights"])) == Counter(names)
    bars = [label.get_text() for label in every["seconds"].axes[0].get_yticklabels()]
    assert bars == names
    assert [axes.get_title() for axes in every["claimed"].axes] == names


def test_panels_show_every_row_and_the_others_behind_it(two):
    figure = figures.time_figure(two)
    assert [axes.get_title() for axes in figure.axes] == ["keeps", "forgets"]
    for axes in figure.axes:
        [behind] = [c for c in axes.collections if hasattr(c, "get_segments")]
        assert len(behind.get_segments()) == 2


def test_a_figure_with_fewer_rows_than_the_table_says_so():
    figure = weights_figure(leaderboard(*(make_runs(f"s{i}", 1) for i in range(40))))
    assert "the first 36 of 40 rows" in figure.get_suptitle()


LONG = {"density": 0.00636, "prune_from": 0.167, "learning_rate": 0.127, "schedule": "geometric"}
CROWDS = {
    "one": [make_runs("only")],
    "dense": [make_runs(f"dense-strategy-{i}", 2, accuracy=0.5) for i in range(45)],
    "one place": [make_runs(f"sparse-strategy-{i}", 2, weights=0.1) for i in range(20)],
    "spread": [
        make_runs(f"s{i}", 2, accuracy=0.15 + 0.02 * i, weights=0.02 * 1.11**i) for i in range(36)
    ],
    "long": [
        make_runs("iterative-prune-budgeted", 2, weights=0.1, hyperparameters=LONG | {"rounds": i})
        for i in range(6)
    ],
    "bound": [make_runs("a", weights=0.3), make_runs("joint", ranked=False, accuracy=0.9)],
}


def changed(shown, change):
    """A leaderboard whose rows are what `change` makes of them."""
    kinds = ("rows", "unplaced", "upper_bounds")
    return replace(shown, **{kind: tuple(map(change, getattr(shown, kind))) for kind in kinds})


def named(figure):
    """The names of rows in the headline, as they are wrapped."""
    return [text.get_text() for text in names_in(figure)]


def names_in(figure):
    return [text for text in figure.axes[0].texts if text.get_ha() == "left"]


def written(figure):
    """The box of each text, in pixels; of the names first."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    axes, names = figure.axes[0], names_in(figure)
    others = [text for text in axes.texts if text not in names]
    legends = [text for legend in figure.legends for text in legend.get_texts()]
    low, high = axes.get_ylim()
    ticks = [tick for tick in axes.get_yticklabels() if low <= tick.get_position()[1] <= high]
    ticks += [*axes.get_xticklabels(), axes.xaxis.label, axes.yaxis.label]
    shown = [*names, *others, *legends, *ticks, figure._suptitle]
    for text in shown:
        text.set_bbox(None)  # the pale ground of a name
    return [one.get_window_extent(renderer).padded(-0.5) for one in shown if one.get_text()]


@pytest.mark.parametrize("crowd", CROWDS)
def test_every_row_is_named_once_and_nothing_covers_a_name(crowd):
    shown = leaderboard(*CROWDS[crowd])
    figure = weights_figure(shown)
    rows = figure_rows.drawn_rows(shown)
    assert Counter(named(figure)) == Counter(figure_rows.wrapped(row.name) for row in rows)
    boxes = written(figure)
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    width, height = figure.bbox.size
    assert all(0 <= b.x0 < b.x1 <= width and 0 <= b.y0 < b.y1 <= height for b in boxes)
    axes = figure.axes[0]
    marks = [line for line in axes.lines if line.get_label() in {row.name for row in rows}]
    assert len(marks) == len(rows)
    for mark in marks:
        x, y = axes.transData.transform((mark.get_xdata()[0], mark.get_ydata()[0]))
        assert axes.bbox.padded(1).contains(x, y)
        assert not Bbox([(x - 3, y - 3), (x + 3, y + 3)]).count_overlaps(boxes[: len(rows)])


def test_points_of_one_place_are_moved_by_less_than_the_eye_would_read_as_capacity():
    figure = weights_figure(leaderboard(*CROWDS["dense"][:9]))
    found = [drawn(figure, f"dense-strategy-{i}")[0][0] for i in range(9)]
    assert len(set(found)) > 1
    assert all(85 < x < 118 for x in found)


def test_rows_larger_than_the_dense_model_widen_the_axis():
    ranked = leaderboard(*(make_runs(f"s{i}", 2) for i in range(8)))
    sizes = {row.name: i + 1.0 for i, row in enumerate(ranked.rows)}
    shown = changed(ranked, lambda row: replace(row, capacity=Interval(*[sizes[row.name]] * 3)))
    low, high = weights_figure(shown).axes[0].get_xlim()
    assert 0.5 < low < 1
    assert 800 < high < 1200
    _, high = weights_figure(ranked).axes[0].get_xlim()
    assert 100 < high < 130


def test_names_of_dense_rows_stand_in_order_of_accuracy():
    shown = leaderboard(*(make_runs(f"d{i}", 2, accuracy=0.3 + 0.01 * i) for i in range(9)))
    texts = sorted(names_in(weights_figure(shown)), key=lambda text: text.xy[1])
    assert [text.get_text() for text in texts] == [f"d{i}" for i in range(9)]
    assert len({text.xy[0] for text in texts}) == 1


def test_points_are_coloured_by_family_and_shaped_by_whether_examples_are_stored():
    stored = {"replay": 200.0, "packnet-frozen": 0.0, "sleep-replay": math.nan, "ewc": 0.0}
    every = [make_runs(name, 2, scenario="task") for name in stored]
    ranked = leaderboard(*every, make_runs("joint", 2, scenario="task", ranked=False))
    shown = changed(
        ranked,
        lambda row: replace(row, mean=replace(row.mean, stored_examples=stored.get(row.name, 0.0))),
    )
    figure = weights_figure(shown)
    points = {line.get_label(): line for line in figure.axes[0].lines}
    families = {"replay": "replay", "packnet-frozen": "sparse", "sleep-replay": "sleep"}
    for name, family in families.items():
        assert points[name].get_markerfacecolor() == plotting.FAMILY_COLOURS[family]
    assert points["joint"].get_markerfacecolor() == "none"
    shapes = {name: points[name].get_marker() for name in stored}
    assert shapes == {
        "replay": SHAPES["examples stored"],
        "packnet-frozen": SHAPES["no examples stored"],
        "sleep-replay": SHAPES["examples not counted"],
        "ewc": SHAPES["no examples stored"],
    }
    families, others = ([t.get_text() for t in legend.get_texts()] for legend in figure.legends)
    assert families == list(FAMILIES)
    assert others == [*SHAPES, "open: upper bound", "equal score"]


def test_colours_of_families_differ_in_grey():
    assert plotting.FAMILY_COLOURS.keys() == set(FAMILIES)
    assert np.diff(sorted(map(lightness, plotting.FAMILY_COLOURS.values()))).min() > 11


def lightness(colour):
    """CIE L*, 0 to 100."""
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16


def test_lines_of_equal_score_go_where_that_score_is_reached():
    shown = leaderboard(make_runs("a", accuracy=0.3, weights=0.05), make_runs("b", accuracy=0.8))
    marks = [weights_layout.Mark.of(row) for row in shown.every_row]
    layout = weights_layout.layout_of(marks, shown.bounds)
    assert len(layout.lines) >= 4
    (x0, x1), (y0, y1) = layout.canvas.xlim, layout.canvas.ylim
    for line in layout.lines:
        for across, up in line.places[:: len(line.places) // 5]:
            x = x0 * (x1 / x0) ** (across / layout.canvas.size[0])
            y = y0 + (y1 - y0) * up / layout.canvas.size[1]
            reached = size_score(
                y / 100, x / 100, chance=shown.bounds.chance, joint=shown.bounds.joint
            )
            assert reached == pytest.approx(line.score, abs=0.005)


def test_what_was_not_measured_is_not_drawn():
    broken = leaderboard(make_runs("broken", status="oom"))
    assert drawn_figures(broken) == {}
    joint = leaderboard(make_runs("joint", ranked=False, matrix=[[None, None], [0.9, 0.9]]))
    assert drawn_figures(joint) == {}
    bound = make_runs("joint", ranked=False, matrix=[[None, None], [0.9, 0.9]])
    both = drawn_figures(leaderboard(make_runs("a"), bound, make_runs("broken", status="diverged")))
    bars = [label.get_text() for label in both["seconds"].axes[0].get_yticklabels()]
    assert bars == ["a", "joint"]


def test_no_weights_at_all_are_drawn_at_the_edge():
    ranked = leaderboard([make_record("nothing", weights=0.0)], make_runs("naive"))
    shown = changed(ranked, lambda row: replace(row, capacity=Interval(0.0, 0.0, 0.0)))
    (x,), _ = drawn(drawn_figures(shown)["weights"], "nothing")
    assert x == pytest.approx(0.1)


def test_equal_figures_give_equal_files(two, tmp_path):
    for name in ("a", "b"):
        plotting.save(weights_figure(two), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_markup_in_a_label_stays_text(tmp_path):
    figure = weights_figure(leaderboard(make_runs("<script>x")))
    plotting.save_svg(figure, tmp_path / "weights.svg")
    svg = (tmp_path / "weights.svg").read_text()
    assert "<script>" not in svg
    assert "&lt;script&gt;x" in svg


def test_a_dollar_in_a_name_begins_no_formula(tmp_path):
    odd = r"m:$\input{/etc/passwd}$"
    shown = leaderboard(make_runs(odd, hyperparameters={"path": "$HOME/$USER"}), make_runs("naive"))
    for name, figure in drawn_figures(shown).items():
        plotting.save(figure, tmp_path / name)
    assert "$HOME/$USER" in (tmp_path / "weights.svg").read_text().replace("\n", "")


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
    assert "Capacity against final average accuracy" in difference


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
