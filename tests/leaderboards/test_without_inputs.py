"""Pages of streams by day and night, and of those whose experiences pass into each other."""

from __future__ import annotations

import math

import pytest

from bench.leaderboards import build
from bench.ranking.rank import rank
from bench.records.by_day import Days, Losses
from bench.records.schema import Following, RunRecord
from factories import as_stored, make_runs, write

FLOORS = {"majority": 0.575, "day before": 0.656}


def runs(strategy: str, by_day: float, losses: Losses | None = None) -> list[RunRecord]:
    """Of low accuracy on what was held out, and of high accuracy by day."""
    found = []
    for record in make_runs(
        strategy, accuracy=0.55, benchmark="elec2-nights", scenario="domain", chance=0.5,
        allocation="equal",
    ):  # fmt: skip
        outcome = record.outcome
        rows = [[None] * 32] * 31 + [outcome.accuracy[-1]]
        days = Days(accuracy=[by_day - 0.1, by_day + 0.1], floors=FLOORS, losses=losses)
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


def test_numbers_rank_by_their_loss_beside_that_of_the_best_rule(tmp_path):
    out = tmp_path / "leaderboards"
    rules = {"last value": 6.0, "median": 2.0}
    worse, better = (Losses(by_day=by_day, floors=rules) for by_day in ([1, 3], [1, 0]))
    records = [*runs("replay", 0.7, worse), *runs("naive", 0.3, better)]
    leaderboard = rank(as_stored(records))
    assert leaderboard.floors == {"last value": 0.25, "median": 0.5}
    [row] = leaderboard.rows
    assert (row.name, row.accuracy.mean, row.loss.mean) == ("naive", 0.8, 0.5)
    assert [row.name for row in leaderboard.unplaced] == ["replay"]  # as good as the rule
    write(out / "records", records)
    build.build(out / "records", out, figures=True)
    text = (out / "elec2-nights/domain-20s.md").read_text()
    assert "without inputs, the median so far: 50.0 %" in text
    assert "| loss by day without inputs | the median so far 2, the last value known 6 |" in text
    assert "| 80.0 [80.0, 80.0] | 0.5 [0.5, 0.5] |" in text


@pytest.mark.parametrize(("loss", "accuracy"), [(0, 1), (2, 0.5), (6, 0.25), (1e300, 0)])
def test_a_loss_as_a_fraction(loss, accuracy):
    losses = Losses(by_day=[loss], floors={"median": 2, "last value": 3})
    assert losses.accuracy(losses.mean) == pytest.approx(accuracy)
    known = Losses(by_day=[loss], floors={"median": 0})  # a rule that never misses
    assert known.accuracy(known.mean) == (0 if loss else 1)


def test_losses_are_of_as_many_days_as_answers():
    with pytest.raises(ValueError, match="losses must be of 2 days, got 1"):
        Days(accuracy=[0.5, 0.5], floors=FLOORS, losses=Losses(by_day=[1], floors={"median": 1}))


def test_other_pages_tell_nothing_of_days():
    leaderboard = rank(as_stored(make_runs("naive")))
    assert leaderboard.floors == {}


def followed(strategy: str, next_one: float, floors: dict[str, float]) -> list[RunRecord]:
    """On five experiences that fade; `next_one` is the accuracy on what comes next."""
    matrix = [
        [next_one if j == i + 1 else 0.9 - 0.1 * (i - j) if j <= i else 0.1 for j in range(5)]
        for i in range(5)
    ]
    following = Following(
        lost=[0.0, 0.1, 0.2, 0.1, 0.2], gained=[0.6, 0.3, 0.1, 0.3, 0.1], floors=floors
    )
    return [
        record.model_copy(
            update={"outcome": record.outcome.model_copy(update={"following": following})}
        )
        for record in make_runs(strategy, benchmark="split-mnist?sigma=0.1", matrix=matrix)
    ]


def test_what_comes_next_is_compared_with_rules_that_see_no_inputs(tmp_path):
    out = tmp_path / "leaderboards"
    first, second = {"majority": 0.1, "experience before": 0.3}, {"experience before": 0.5}
    records = [*followed("naive", 0.35, first), *followed("replay", 0.6, {**first, **second})]
    leaderboard = rank(as_stored(records))
    told = {row.name: row.mean.metrics for row in leaderboard.rows}
    assert told["replay"]["near_future_accuracy"] == pytest.approx(0.6)
    assert told["naive"]["knowledge_loss"] == pytest.approx(0.15)
    assert told["naive"]["knowledge_gain"] == pytest.approx(0.2)
    assert leaderboard.floors == pytest.approx({"majority": 0.1, "experience before": 0.4})
    write(out / "records", records)
    build.build(out / "records", out, figures=True)
    [page] = out.glob("split-mnist*/class-20s.md")
    text = page.read_text()
    rule = "the label that was most frequent in the experience before"
    assert (
        "On what comes next, 1 of 2 ranked rows are more accurate than the best rule without "
        f"inputs, {rule}: 40.0 %." in text
    )
    assert f"| near-future accuracy without inputs | {rule} 40.0 %, the label that was" in text
    assert "near-future accuracy | knowledge loss | knowledge gain | backward transfer" in text
    assert "accuracy by day" not in text


def test_the_name_of_a_rule_is_text(tmp_path):
    out = tmp_path / "leaderboards"
    write(out / "records", followed("naive", 0.35, {"<img src=x>": 0.2}))
    build.build(out / "records", out)
    [page] = out.glob("split-mnist*/class-20s.md")
    assert "<img" not in page.read_text().replace("\\<", "")


def test_elsewhere_nothing_is_told_of_what_comes_next(tmp_path):
    out = tmp_path / "leaderboards"
    write(out / "records", make_runs("naive"))
    build.build(out / "records", out)
    text = (out / "split-mnist/class-20s.md").read_text()
    assert "near-future" not in text
    assert "knowledge loss" not in text


def test_what_was_lost_is_of_as_many_experiences_as_what_was_gained():
    with pytest.raises(ValueError, match="lost must be of as many experiences as gained, 2, got 1"):
        Following(lost=[0.0], gained=[0.1, 0.2], floors={})
