"""Pages of a stream by day and night."""

from __future__ import annotations

import math

import pytest

from bench.leaderboards import build
from bench.ranking.rank import rank
from bench.records.schema import Days, RunRecord
from factories import as_stored, make_runs, write

FLOORS = {"majority": 0.575, "day before": 0.656}


def runs(strategy: str, by_day: float) -> list[RunRecord]:
    """Of low accuracy on what was held out, and of high accuracy by day."""
    found = []
    for record in make_runs(
        strategy, accuracy=0.55, benchmark="elec2-nights", scenario="domain", chance=0.5,
        allocation="equal",
    ):  # fmt: skip
        outcome = record.outcome
        rows = [[None] * 32] * 31 + [outcome.accuracy[-1]]
        days = Days(accuracy=[by_day - 0.1, by_day + 0.1], floors=FLOORS)
        outcome = outcome.model_copy(update={"accuracy": rows, "days": days})
        cost = record.cost
        once = {
            "charged_by_experience": [cost.charged], "steps_by_experience": [100],
        }  # fmt: skip
        fields = record.model_dump()
        fields |= {
            "outcome": outcome.model_dump(), "cost": cost.model_dump() | once,
            "weights": fields["weights"][-1:],
        }  # fmt: skip
        found.append(RunRecord.model_validate(fields))
    return found


def test_days_rank_and_what_was_held_out_is_stability():
    leaderboard = rank(as_stored([*runs("naive", 0.7), *runs("replay", 0.8)]))
    assert [row.name for row in leaderboard.rows] == ["replay", "naive"]
    first = leaderboard.rows[0]
    assert first.accuracy.mean == pytest.approx(0.8)
    assert 0.55 <= first.mean.metrics["stability"] < 0.56
    for unknown in ("forgetting", "anytime_accuracy", "plasticity"):
        assert math.isnan(first.mean.metrics[unknown])


def test_a_page_tells_what_rules_without_inputs_reach(tmp_path):
    out = tmp_path / "leaderboards"
    write(out / "records", [*runs("naive", 0.6), *runs("replay", 0.8)])
    build.build(out / "records", out, figures=True)
    text = (out / "elec2-nights/domain-20s.md").read_text()
    assert "1 of 2 ranked rows are surely more accurate than the best rule without inputs" in text
    assert "| nights | 3, each of 6.667 s |" in text
    first = "the label at the same time of the day before 65.6 %"
    assert f"| accuracy by day without inputs | {first}, the label that was most" in text
    figure = (out / "elec2-nights/domain-20s-weights.svg").read_text()
    assert "accuracy by day, %" in figure
    assert "without inputs: the label at the same time of the day before, 65.6 %" in figure


def test_other_pages_tell_nothing_of_days():
    leaderboard = rank(as_stored(make_runs("naive")))
    assert leaderboard.floors == {}
