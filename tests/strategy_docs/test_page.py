from __future__ import annotations

from pathlib import Path

import pytest

from bench.strategy_docs import page, schedule_trace
from bench.strategy_docs.schedule_figure import schedule_figure
from bench.strategy_docs.schedule_trace import EXPERIENCES, Trace, merged, trace
from patched import patched
from strategies.registry import STRATEGIES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def traced(name: str) -> Trace:
    """In fewer steps than the figures show, and faster: what is looked for are shares of them."""
    with patched(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule_trace, "STEPS", 120)
        return trace(name)


@pytest.fixture(scope="module")
def frozen() -> Trace:
    return traced("packnet-frozen")


def at_the_end(found: Trace, experience: int):
    return [m for m in found.moments if m.experience == experience][-1].shares


def test_the_committed_page_is_what_its_generator_writes():
    committed = (DOCS / page.PAGE).read_text(encoding="utf-8")
    assert page.page_markdown() == committed, "run: python -m bench docs --out docs"


@pytest.mark.parametrize(
    ("name", "one"),
    [(name, one) for name, entry in STRATEGIES.items() for one in entry.reproduced],
)
def test_what_is_said_to_be_reproduced_stands_on_the_page_of_its_paper(name, one):
    text = (ROOT / "leaderboards" / one.page / "README.md").read_text(encoding="utf-8")
    lines = [line.replace("\\", "") for line in text.splitlines() if one.published in line]
    assert any(one.measured in line for line in lines), f"{name}: {one.measured}"


def test_every_strategy_with_a_schedule_has_a_figure_and_no_other():
    figures = {path.stem: path for path in (DOCS / page.FIGURES).glob("*")}
    assert figures.keys() == {*page.drawn(), page.NIGHT}
    for path in figures.values():
        assert path.suffix == ".svg"
        assert "</svg>" in path.read_text(encoding="utf-8")


def test_only_the_figures_of_the_strategies_named_are_drawn(tmp_path):
    assert page.figures(["wsn", "naive"]) == ["wsn"]
    assert page.figures() == [*page.drawn(), page.NIGHT]
    assert list(page.write(tmp_path, ["naive"])) == [tmp_path / page.PAGE]
    with pytest.raises(ValueError, match="unknown strategy 'wsnn'; did you mean 'wsn'"):
        page.figures(["wsnn"])


def test_frozen_packnet_owns_a_share_more_with_each_task_and_moves_none_of_it(frozen):
    for experience in range(EXPERIENCES):
        shares = at_the_end(frozen, experience)
        assert shares.held == pytest.approx(0.05 * experience, abs=1e-3)
        assert shares.own == pytest.approx(0.05, abs=1e-3)
        assert shares.shared == shares.copies == 0
        (night,) = [n for n in frozen.nights if experience < n[0] < experience + 1]
        assert night[0] == pytest.approx(experience + 0.5, abs=0.01)
    assert {moment.rate for moment in frozen.moments} == {1.0}
    by_day = [m.shares for m in frozen.moments if m.experience == 1 and m.progress < 0.5]
    assert {round(shares.held + shares.own, 9) for shares in by_day} == {1.0}


def test_snapshots_are_copies_and_leave_the_network_free():
    found = traced("packnet-snapshot")
    shares = at_the_end(found, 2)
    assert shares.copies == pytest.approx(0.1, abs=2e-3)
    assert shares.held == shares.shared == 0


def test_rounds_of_pruning_keep_the_same_share_each_and_anneal_to_zero():
    found = traced("iterative-prune-budgeted")
    first = [m for m in found.moments if m.experience == 0]
    kept = sorted({round(m.shares.own, 3) for m in first}, reverse=True)
    assert kept == pytest.approx([0.05 ** (r / 5) for r in range(6)], abs=2e-3)
    assert min(m.rate for m in first) < 0.05
    assert len(found.nights) == 5 * EXPERIENCES


def test_a_figure_says_how_many_weights_are_in_use_and_what_its_areas_are(frozen):
    figure = schedule_figure("packnet-frozen", frozen)
    notes = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert [n for n in notes if "in use" in n] == [f"{x} % in use" for x in ("5.0", "10.0", "15.0")]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "used by earlier experiences, held still",
        "trained for this experience alone",
        "not in use",
    ]


def test_the_stages_of_a_night_have_a_lane_each_in_the_order_of_their_work():
    found = traced("staged-sleep")
    names = ["prune", "downscale", "replay", "dream"]
    assert [name for name, _, _ in found.stages] == names * EXPERIENCES
    starts = [start for _, start, _ in found.stages[:4]]
    assert starts == pytest.approx([0.2, 0.2, 0.2, 0.6], abs=0.01)
    figure = schedule_figure("staged-sleep", found)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == names
    heights = [bar.get_bbox().height for bar in figure.axes[0].patches]
    assert heights == pytest.approx([1 / 4] * 4 * EXPERIENCES)


def test_consolidation_holds_earlier_slices_and_trains_the_next():
    found = traced("knowledge-seeding")
    assert [name for name, _, _ in found.stages] == ["consolidate"] * EXPERIENCES
    for experience, held in enumerate((0.0, 0.5, 0.75)):
        shares = at_the_end(found, experience)
        assert shares.held == pytest.approx(held, abs=0.02)
        assert shares.shared + shares.own == pytest.approx((1 - held) / 2, abs=0.02)


def test_nights_without_a_day_between_them_are_one():
    assert merged([(0.1, 0.2), (0.2, 0.3), (0.5, 0.6)]) == [(0.1, 0.3), (0.5, 0.6)]
