"""Two strategies and two folders, paired by seed, on records of runs that never happened."""

import math

import pytest
from scipy import stats
from typer.testing import CliRunner

from bench.cli.app import app
from bench.ranking import paired_comparison
from bench.ranking.pools import PoolError
from factories import as_stored, make_record, make_runs, write


def stored(*groups):
    return as_stored([record for group in groups for record in group])


def of(comparison, name):
    return next(d for d in comparison.differences if name in d.score.title)


class TestStrategies:
    def test_ten_pairs_of_one_sign_are_told_apart_after_holm(self):
        records = stored(make_runs("a", 10, accuracy=0.8), make_runs("b", 10, accuracy=0.6))
        (found,) = paired_comparison.compare_strategies(records, "a", "b")
        accuracy = of(found, "accuracy")
        assert accuracy.pairs == 10
        assert accuracy.difference.mean == pytest.approx(0.2)
        assert accuracy.p < 0.05
        assert accuracy.verdict == "first better"
        assert accuracy.improvement == 1
        assert "separates them" in found.sentence()

    def test_the_test_is_the_paired_t_test_after_holm(self):
        values = {"a": (0.8, 0.7, 0.9, 0.6, 0.8), "b": (0.6, 0.6, 0.5, 0.5, 0.4)}
        records = stored(
            *([make_record(n, s, accuracy=v) for s, v in enumerate(own)]
              for n, own in values.items())
        )  # fmt: skip
        (found,) = paired_comparison.compare_strategies(records, "b", "a")
        raw = stats.ttest_rel(values["b"], values["a"]).pvalue
        assert raw < 0.05 < of(found, "accuracy").p <= found.tests * raw * (1 + 1e-9)
        assert of(found, "accuracy").alone == pytest.approx(raw)
        assert of(found, "accuracy").verdict == "not told apart"
        alone = f"{found.differences[0].alone:.3g} if it were the only one"
        assert f"after Holm over {found.tests} tests, {alone}" in found.sentence()
        assert "does not separate them" in found.sentence()

    def test_what_is_not_separated_says_so_and_one_pair_is_too_few(self):
        ups = [make_record("a", s, accuracy=0.6 + 0.01 * (-1) ** s) for s in range(10)]
        other = make_runs("b", 10, accuracy=0.601)
        (found,) = paired_comparison.compare_strategies(stored(ups, other), "a", "b")
        assert of(found, "accuracy").verdict == "not told apart"
        (found,) = paired_comparison.compare_strategies(stored(ups[:1], other[:1]), "a", "b")
        assert of(found, "accuracy").verdict == "too few seeds to tell"

    def test_less_capacity_is_better(self):
        records = stored(make_runs("a", 10, weights=0.1), make_runs("b", 10, weights=0.5))
        (found,) = paired_comparison.compare_strategies(records, "a", "b")
        # 10 % and 50 % of the weights, and a bit for the place of each
        assert of(found, "capacity").difference.mean == pytest.approx(-0.4, abs=1e-5)
        assert of(found, "capacity").verdict == "first better"
        assert of(found, "capacity").improvement == 1

    def test_what_is_equal_and_what_was_not_measured(self):
        joint = make_runs("joint", ranked=False, matrix=[[None, None], [0.9, 0.9]])
        (found,) = paired_comparison.compare_strategies(stored(make_runs("a"), joint), "a", "joint")
        assert of(found, "capacity").verdict == "no difference"
        assert of(found, "forgetting").verdict == "not measured in both"
        assert math.isnan(of(found, "forgetting").first)

    def test_only_seeds_that_both_have_are_paired(self):
        records = stored(make_runs("a", 5), make_runs("b", 3))
        (found,) = paired_comparison.compare_strategies(records, "a", "b")
        assert found.seeds == of(found, "accuracy").pairs == 3

    def test_a_failed_run_is_paired_as_the_worst_and_counted(self):
        failed = [*make_runs("b", 4), make_record("b", 4, status="oom")]
        (found,) = paired_comparison.compare_strategies(stored(make_runs("a"), failed), "a", "b")
        assert found.failed == (0, 1)
        assert of(found, "accuracy").pairs == 5
        assert of(found, "forgetting").pairs == 4

    def test_a_strategy_that_is_not_there_is_named_with_the_nearest(self):
        with pytest.raises(ValueError, match="'naiv'; did you mean 'naive'"):
            paired_comparison.compare_strategies(
                stored(make_runs("naive"), make_runs("ewc")), "naiv", "ewc"
            )

    def test_several_rows_of_a_strategy_must_be_told_apart(self):
        rows = [make_runs("p", hyperparameters={"density": d}) for d in (0.1, 0.2)]
        records = stored(*rows, make_runs("a"))
        with pytest.raises(ValueError, match=r"one row, there are several: 'p \(density=0.1\)'"):
            paired_comparison.compare_strategies(records, "a", "p")
        assert len(paired_comparison.compare_strategies(records, "a", "p (density=0.2)")) == 1

    def test_two_strategies_that_never_meet_are_refused(self):
        records = stored(make_runs("a"), make_runs("b", scenario="task"))
        with pytest.raises(ValueError, match="in one leaderboard"):
            paired_comparison.compare_strategies(records, "a", "b")


class TestFolders:
    def test_the_same_row_before_and_after_a_change(self):
        before, after = stored(make_runs("a", accuracy=0.5)), stored(make_runs("a", accuracy=0.6))
        (found,) = paired_comparison.compare_folders(before, after)
        assert found.first == "a, first folder"
        assert of(found, "accuracy").difference.mean == pytest.approx(-0.1)

    def test_folders_that_do_not_compare_are_refused_by_the_field(self):
        here, there = stored(make_runs("a")), stored(make_runs("a", cpu="other"))
        with pytest.raises(PoolError, match="must share a row; machine differs"):
            paired_comparison.compare_folders(here, there)


def test_the_command_prints_words_and_numbers(tmp_path):
    write(tmp_path / "one", [*make_runs("a", 10, accuracy=0.8), *make_runs("b", 10, accuracy=0.6)])
    done = CliRunner().invoke(app, ["compare", "a", "b", "--out", str(tmp_path / "one")])
    assert done.exit_code == 0, done.output
    assert "final average accuracy, %" in done.output
    assert "over 10 paired seeds" in done.output
    write(tmp_path / "two", make_runs("a", 10, accuracy=0.7))
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "one"), str(tmp_path / "two")])
    assert done.exit_code == 0, done.output
    assert "a, first folder" in done.output


def test_a_folder_that_is_not_there_is_named(tmp_path):
    nowhere = str(tmp_path / "nowhere")
    for names in ((str(tmp_path), nowhere), (nowhere, str(tmp_path))):
        done = CliRunner().invoke(app, ["compare", *names])
        assert f"both must be folders if one is, got none at {nowhere}" in str(done.exception)
