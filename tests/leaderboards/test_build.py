"""Leaderboards from records of runs that never happened."""

import csv
import math
import random
import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.config import reference_values
from bench.config.budget import Budget
from bench.formatting.page_check import difference
from bench.leaderboards import build, csv_table, latex_table, page
from bench.leaderboards.columns import COLUMNS, TABLES
from bench.ranking import admission, pools
from bench.ranking.pools import PoolError
from bench.ranking.rank import rank
from bench.records import parallel
from bench.records.schema import Calibration
from factories import CHANCE, as_stored, make_record, make_runs, write

ROOT = Path(__file__).parents[2]


def leaderboard(*groups):
    return rank(as_stored([record for group in groups for record in group]))


def built(tmp_path, *groups):
    """The pages of these records, built where a committed leaderboard lies."""
    out = tmp_path / "leaderboards"
    write(out / "records", [record for group in groups for record in group])
    return out, build.build(out / "records", out)


def with_buffer(record, size):
    """The record of a run that stored `size` bytes beside its weights."""
    count = record.weights[-1].model_copy(update={"buffer_bytes": size})
    return record.model_copy(update={"weights": [count] * len(record.weights)})


def page_of(tmp_path, *groups):
    out, _ = built(tmp_path, *groups)
    return (out / "split-mnist" / "class-20s.md").read_text()


def rejection_of(**fields) -> str | None:
    return admission.rejection_reason(make_record(**fields))


class TestPools:
    @pytest.mark.parametrize(
        ("field", "change"),
        [
            ("benchmark", {"benchmark": "split-fmnist"}),
            ("benchmark_version", {"version": "2.0"}),
            ("scenario", {"scenario": "task"}),
            ("model", {"model": "cnn"}),
            ("allocation", {"allocation": "equal"}),
            ("validation", {"validation": 0.1}),
            ("threads", {"threads": 4}),
            ("device", {"device": "cuda", "accelerator": "H"}),
            ("data_hash", {"data_hash": "e" * 12}),
            ("machine", {"cpu": "other"}),
        ],
    )
    def test_records_that_do_not_compare_are_refused_by_the_field_that_differs(self, field, change):
        with pytest.raises(PoolError, match=f"agree; {field} differs: "):
            leaderboard([make_record()], [make_record(**change)])

    def test_wall_and_cpu_seconds_are_two_budgets(self):
        cpu = make_record(budget={"amount": 20, "clock": "cpu"})
        with pytest.raises(PoolError, match="clock differs: 'cpu', 'wall'"):
            leaderboard([make_record()], [cpu])

    def test_steps_are_the_same_on_every_machine(self):
        steps = {"amount": 100, "clock": "steps"}
        here, there = (make_record("a", s, budget=steps, cpu=f"{s}") for s in (0, 1))
        assert len(leaderboard([here, there]).rows[0].runs) == 2

    def test_a_failure_before_the_data_was_known_joins_its_pool(self):
        dead = make_record("ewc", status="oom", version=None, data_hash=None)
        rows = leaderboard([make_record()], [dead]).every_row
        assert [(row.label, row.failed) for row in rows] == [("naive", 0), ("ewc", 1)]

    def test_a_failure_before_the_accelerator_was_known_joins_its_pool(self):
        run = make_record(device="cuda", accelerator="H")
        dead = make_record("ewc", device="cuda", status="timeout", cpu="unlike it")
        assert [row.label for row in leaderboard([run], [dead]).every_row] == ["naive", "ewc"]

    def test_a_failure_that_could_belong_to_two_pools_stays_apart(self):
        runs = [make_record(data_hash=letter * 12) for letter in "ab"]
        dead = make_record("ewc", status="oom", data_hash=None)
        assert len(pools.pools(as_stored([*runs, dead]))) == 3

    def test_a_failure_before_the_defaults_were_known_joins_its_row(self):
        runs = [make_record("ewc", 0, resolved={"lambda": 1}), make_record("ewc", 1, status="oom")]
        (row,) = leaderboard(runs).rows
        assert (len(row.runs), row.failed) == (2, 1)

    def test_two_configurations_are_two_rows(self):
        rows = leaderboard(
            *(make_runs("packnet", hyperparameters={"density": d}) for d in (0.1, 0.2))
        )
        assert {row.label for row in rows.rows} == {
            "packnet (density=0.1)",
            "packnet (density=0.2)",
        }

    def test_a_default_that_changed_between_versions_makes_two_rows_that_say_so(self):
        runs = [make_record("ewc", s, resolved={"lambda": s, "alpha": 1}) for s in (0, 1)]
        assert [row.label for row in leaderboard(runs).rows] == ["ewc (lambda=0)", "ewc (lambda=1)"]

    def test_two_versions_of_an_own_strategy_make_two_rows_that_say_so(self):
        runs = [
            make_record("own:Mine", s, resolved={"alpha": 1}).model_copy(
                update={"strategy_source": letter * 64}
            )
            for s, letter in enumerate("ab")
        ]
        found = [row.label for row in leaderboard(runs).rows]
        assert found == [f"own:Mine (source={letter * 12})" for letter in "ab"]

    def test_the_first_finished_attempt_counts_never_the_best(self):
        attempts = [
            make_record(attempt=1, status="killed"),
            make_record(attempt=2, accuracy=0.5),
            make_record(attempt=3, accuracy=0.9),
        ]
        table = leaderboard(attempts)
        assert table.rows[0].mean.accuracy == 0.5
        assert [item.record.attempt for item in table.uncounted] == [1, 3]

    def test_missing_cells_come_with_the_command_that_fills_them(self):
        short = make_runs("packnet", seeds=3, hyperparameters={"density": 0.1}, threads=2)
        cut = make_record("ewc", 0, status="killed", threads=2)
        found = leaderboard(make_runs(seeds=4, threads=2), short, [cut]).missing
        assert {m.label: [(s[1], why) for s, why in m.seeds] for m in found} == {
            "packnet (density=0.1)": [(3, "not run")],
            "ewc": [(0, "killed"), (1, "not run"), (2, "not run"), (3, "not run")],
        }
        packnet = next(m.command for m in found if m.label != "ewc")
        assert packnet == (
            "python -m bench run --benchmark split-mnist --scenario class --model mlp "
            "--strategy packnet --set density=0.1 --budget 20s --seeds 4 --threads 2"
        )


class TestRanking:
    def test_the_headline_by_hand(self, monkeypatch):
        monkeypatch.setitem(
            reference_values.FROZEN_JOINT, ("split-mnist", "1.0", "class"), {20: 0.9}
        )
        # accuracy 0.5 is half way from 0.1 to 0.9; a tenth of the weights and a bit for each place
        row = leaderboard([make_record(accuracy=0.5, weights=0.1)]).rows[0]
        assert row.mean.capacity == pytest.approx(0.1 + 1 / 32)
        assert row.mean.score == pytest.approx(0.5 * math.log10(10 / (0.1 + 1 / 32)) / 3)

    def test_a_network_of_zeros_scores_nothing_and_has_no_place(self):
        dead = [make_record("zeros", s, accuracy=0.1, weights=0.0) for s in range(5)]
        table = leaderboard(make_runs("naive"), dead)
        assert [row.label for row in table.rows] == ["naive"]
        (zeros,) = table.unplaced
        assert (zeros.score.mean, zeros.ranks) == (0.0, {})

    def test_no_row_at_or_below_chance_has_a_place(self, tmp_path):
        rows = [make_runs("a", 1, accuracy=v) for v in (0.05, 0.1)]
        for own in rows:
            assert leaderboard(own).rows == ()
        assert "No row is more accurate than chance." in page_of(tmp_path, rows[1])

    def test_joint_of_the_whole_model_scores_a_third(self):
        joint = make_runs("joint", 1, ranked=False, accuracy=0.983)
        (upper,) = leaderboard(make_runs("naive"), joint).upper_bounds
        assert upper.score.mean == pytest.approx(1 / 3)

    def test_joint_is_that_of_the_next_larger_budget_that_is_frozen(self):
        where = ("split-mnist", "1.0", "class")
        found = {b: reference_values.frozen_joint(*where, b) for b in ("1s", "6s", "7s", "60s")}
        assert found == {"1s": 0.978, "6s": 0.978, "7s": 0.983, "60s": 0.983}
        assert [reference_values.frozen_joint(*where, b) for b in ("61s", "50steps")] == [None] * 2

    def test_weights_that_a_strategy_adds_are_no_part_of_the_whole(self):
        whole, _ = reference_values.FROZEN_WEIGHTS["split-mnist", "1.0", "class", "mlp"]
        for used, share in ((whole // 2, 0.5), (3 * whole, 3.0)):
            count = make_record().weights[-1]
            padded = count.model_copy(update={"total": 10 * whole, "used": used})
            record = make_record().model_copy(update={"weights": [padded] * 5})
            row, plain = (
                leaderboard([r]).rows[0] for r in (record, make_record(weights=min(share, 1)))
            )
            assert row.mean.weights == pytest.approx(share)
            assert row.score.mean <= plain.score.mean  # the places of what it adds count

    def test_a_model_without_frozen_weights_is_its_own_whole(self, tmp_path):
        own = make_record(weights=0.25, model="mlp-1200")
        assert leaderboard([own]).rows[0].mean.weights == 0.25
        assert "as each run counts them, as none are frozen" in page_of(tmp_path, [own])
        assert "266,610, of them 266,200 in matrices" in page_of(tmp_path, [make_record()])

    def test_without_a_frozen_bound_the_page_says_so(self, tmp_path, monkeypatch):
        monkeypatch.delitem(reference_values.FROZEN_JOINT, ("split-mnist", "1.0", "class"))
        assert "joint 100.0 % (1, as none is frozen" in page_of(tmp_path, [make_record()])

    def test_ten_seeds_separate_what_five_cannot(self):
        for seeds, ranks in ((5, [(1, 2), (1, 2)]), (10, [(1, 1), (2, 2)])):
            leads = [-0.05, 0.05, 0.1, 0.15, 0.25] * 2
            noisy = [make_record("a", s, accuracy=0.5 + leads[s]) for s in range(seeds)]
            table = leaderboard(noisy, [make_record("b", s) for s in range(seeds)])
            assert [row.ranks["score"] for row in table.rows] == ranks
            assert table.told_apart["score"] == (seeds // 10, 1)

    def test_three_questions_have_three_ranks(self):
        def runs(name, accuracy, weights, buffer):
            return [
                with_buffer(
                    make_record(name, s, accuracy=accuracy + s / 1000, weights=weights), buffer
                )
                for s in range(10)
            ]

        first, *_ = table = leaderboard(
            runs("small", 0.7, 0.02, 10**7), runs("good", 0.9, 1.0, 0), runs("lean", 0.6, 0.2, 0)
        ).rows
        ranks = {row.label: {m: r[0] for m, r in row.ranks.items()} for row in table}
        assert first.label == "small"
        assert ranks == {
            "small": {"score": 1, "accuracy": 2, "memory_score": 3},
            "lean": {"score": 2, "accuracy": 3, "memory_score": 1},
            "good": {"score": 3, "accuracy": 1, "memory_score": 2},
        }

    def test_a_run_far_below_the_others_of_its_row_has_collapsed(self, tmp_path):
        runs = [make_record(seed=s, accuracy=a) for s, a in enumerate((0.8, 0.8, 0.8, 0.3))]
        assert leaderboard(runs).rows[0].collapsed == 1
        failed = make_record(seed=4, status="oom")
        assert "| 5, 1 failed, 1 collapsed |" in page_of(tmp_path, [*runs, failed])

    def test_the_page_says_how_the_order_follows_accuracy_and_the_cap(self):
        table = leaderboard(
            make_runs("dense", accuracy=0.9), make_runs("small", accuracy=0.3, weights=0.002)
        )
        assert [row.label for row in table.rows] == ["dense", "small"]
        assert table.tau == 1.0
        assert (table.sensitivity.first, table.sensitivity.tau) == ("small", -1.0)

    def test_lucky_further_seeds_win_nothing(self):
        eight = [make_record("lucky", s, accuracy=0.5 + s / 1000) for s in range(8)]
        lucky = [*eight, make_record("lucky", 8, accuracy=0.98)]
        paired = make_runs("paired", 8, accuracy=0.52)  # better at each of the eight
        first, second = leaderboard(lucky, paired).rows
        assert (first.label, second.label) == ("lucky", "paired")
        # over the seeds that both have, the other is surely better
        assert [row.ranks["score"] for row in (first, second)] == [(2, 2), (1, 1)]

    def test_a_field_that_makes_no_row_of_its_own_replaces_no_failure(self):
        failed = make_record(status="diverged", search_charged=20)
        began = failed.environment.started + timedelta(hours=1)
        for chosen in (21, 22, 23, 24):  # digests before and behind that of the failure
            again = make_record(search_charged=chosen)
            environment = again.environment.model_copy(update={"started": began, "ended": began})
            later = again.model_copy(update={"environment": environment})
            for records in ([failed, later], [later, failed]):
                assert leaderboard(records).unplaced[0].failed == 1

    def test_a_search_that_charged_less_than_one_run_chose_nothing(self):
        chosen = {"momentum": 0.5}
        reason = rejection_of(search_charged=1e-9, hyperparameters=chosen)
        assert reason == "search_charged must be at least the budget of one run, 20, got 1e-09"
        assert rejection_of(search_charged=20, hyperparameters=chosen) is None

    def test_a_search_chose_something(self):
        reason = rejection_of(search_charged=20)
        assert reason == "search_charged is what chose hyper-parameters, got none that were chosen"

    def test_rows_that_are_not_told_apart_share_their_ranks(self):
        rows = leaderboard(
            make_runs("a", 10, accuracy=0.8),
            make_runs("b", 10, accuracy=0.8),
            make_runs("c", 10, accuracy=0.3),
        ).rows
        assert [(row.label, row.ranks["score"]) for row in rows] == [
            ("a", (1, 2)), ("b", (1, 2)), ("c", (3, 3))
        ]  # fmt: skip

    def test_a_failure_is_the_worst_there_is(self):
        runs = [make_record(seed=0, accuracy=0.7, weights=0.5), make_record(seed=1, status="oom")]
        row = leaderboard(runs).rows[0]
        assert row.failed == 1
        assert row.mean.accuracy == pytest.approx((0.7 + CHANCE) / 2)
        assert row.mean.weights == pytest.approx((0.5 + 1) / 2)
        assert row.by("score")[0, 1] == row.by("memory_score")[0, 1] == 0.0

    @pytest.mark.parametrize("status", ["overrun", "timeout", "oom", "diverged", "error"])
    def test_a_strategy_that_always_fails_is_a_row_and_on_no_front(self, status):
        table = leaderboard(make_runs("naive"), make_runs("broken", status=status))
        (last,) = table.unplaced
        assert (last.label, last.failed, len(last.runs), last.non_domination_rank) == (
            "broken",
            5,
            5,
            None,
        )

    @pytest.mark.parametrize("status", ["killed", "infra_error"])
    def test_what_the_machine_broke_is_missing_and_not_bad(self, status):
        table = leaderboard([make_record(accuracy=0.7), make_record(seed=1, status=status)])
        assert table.rows[0].mean.accuracy == 0.7
        assert table.missing[0].seeds == (((0, 1), status),)

    def test_an_upper_bound_is_shown_apart_and_takes_no_rank(self):
        joint = make_runs("joint", ranked=False, matrix=[[None, None], [0.9, 0.9]])
        table = leaderboard(make_runs("naive"), joint)
        assert [row.label for row in table.rows] == ["naive"]
        (upper,) = table.upper_bounds
        assert (upper.ranks, upper.non_domination_rank, upper.mean.accuracy) == ({}, None, 0.9)
        assert math.isnan(upper.mean.metrics["forgetting"])

    def test_pareto_layers_by_hand(self):
        rows = leaderboard(
            make_runs("small", weights=0.1, accuracy=0.5),
            make_runs("good", weights=0.9, accuracy=0.8),
            make_runs("beaten", weights=0.9, accuracy=0.5),
        ).rows
        assert {row.label: row.non_domination_rank for row in rows} == {
            "small": 1,
            "good": 1,
            "beaten": 2,
        }

    def test_a_fraction_of_a_weight_puts_no_row_on_the_front(self):
        fewer = []
        for record in make_runs("b", accuracy=0.5):
            all_of_them = record.weights[-1]
            less = all_of_them.model_copy(update={"used": all_of_them.used - 2})
            fewer.append(record.model_copy(update={"weights": [less] * 5}))
        best, other = leaderboard(make_runs("a", accuracy=0.8), fewer).rows
        assert other.mean.weights < best.mean.weights == 1
        assert (best.non_domination_rank, other.non_domination_rank) == (1, 2)
        assert (best.on_front, other.on_front) == (1, 0)

    def test_a_name_tells_what_not_all_rows_share_and_the_label_all(self):
        shared = {"rate": 0.1, "density": 0.123456}
        found = leaderboard(
            make_runs("a", hyperparameters=shared),
            make_runs("b", hyperparameters=shared | {"density": 0.654321}),
            make_runs("joint", ranked=False, hyperparameters=shared),
        )
        rows = {row.configuration.strategy: row for row in (*found.rows, *found.upper_bounds)}
        assert found.common == "rate=0.1"
        assert {row.name for row in rows.values()} == {
            "a (density=0.123)", "b (density=0.654)", "joint (density=0.123)"
        }  # fmt: skip
        assert rows["a"].label == "a (density=0.123456, rate=0.1)"

    def test_a_tuned_row_has_a_short_name_that_is_its_own(self):
        found = leaderboard(
            *(
                make_runs(name, hyperparameters=chosen, search_charged=40.0)
                for name, chosen in (
                    ("ewc", {"batch_size": 64, "learning_rate": 0.0123}),
                    ("naive", {"batch_size": 16, "learning_rate": 0.1}),
                    ("naive", {"batch_size": 16, "learning_rate": 0.2}),
                    ("si", {"batch_size": 16, "learning_rate": 0.1, "optimizer": "sgd"}),
                    ("si", {"batch_size": 32, "learning_rate": 0.1, "optimizer": "adam"}),
                    ("si", {"batch_size": 32, "learning_rate": 0.2, "optimizer": "adam"}),
                )
            )
        )
        assert {row.name for row in found.rows} == {
            "ewc (tuned)", "naive (tuned, learning_rate=0.1)", "naive (tuned, learning_rate=0.2)",
            "si (tuned, 1)", "si (tuned, 2)", "si (tuned, 3)",
        }  # fmt: skip
        assert found.common == ""

    def test_names_that_rounding_makes_equal_are_told_in_full(self):
        densities = (0.12341, 0.12342, 0.9)
        rows = [make_runs("a", hyperparameters={"density": d}) for d in densities]
        assert {row.name for row in leaderboard(*rows).rows} == {
            "a (density=0.12341)", "a (density=0.12342)", "a (density=0.9)"
        }  # fmt: skip

    def test_attained_accuracy_is_dashed_where_nothing_is_so_small(self):
        row = leaderboard([make_record(weights=0.1, accuracy=0.6)]).rows[0]
        assert [None if math.isnan(a) else a for a in row.attained] == [
            None, None, 0.6, 0.6, 0.6, 0.6
        ]  # fmt: skip

    def test_several_configurations_make_a_front(self):
        small = make_runs("p", accuracy=0.5, weights=0.05, hyperparameters={"density": 0.05})
        large = make_runs("p", accuracy=0.8, weights=0.5, hyperparameters={"density": 0.5})
        table = leaderboard(small, large)
        (front,) = table.fronts
        mean = 0.002  # of what make_runs adds per seed
        assert front.attained[1] == pytest.approx(0.5 + mean)
        assert front.attained[4] == pytest.approx(0.8 + mean)
        assert front.score.mean > max(row.score.mean for row in table.rows)

    def test_a_front_is_taken_over_the_seeds_that_all_configurations_have(self):
        small = make_runs("p", 2, accuracy=0.5, weights=0.05, hyperparameters={"density": 0.05})
        large = make_runs("p", 9, accuracy=0.8, weights=0.5, hyperparameters={"density": 0.5})
        (front,) = leaderboard(small, large).fronts
        assert front.attained[1] == pytest.approx((0.5 + 0.501) / 2)

    @given(
        accuracy=st.floats(0, 0.9), weights=st.floats(0, 1), status=st.sampled_from(["ok", "oom"])
    )
    @settings(max_examples=15, deadline=None)
    def test_who_else_entered_does_not_change_a_headline(self, accuracy, weights, status):
        alone = leaderboard(make_runs("naive")).rows[0]
        bad = make_runs("bad", accuracy=accuracy, weights=weights, status=status)
        with_bad = {row.label: row for row in leaderboard(make_runs("naive"), bad).rows}
        assert with_bad["naive"].score == alone.score
        assert with_bad["naive"].accuracy == alone.accuracy
        assert with_bad["naive"].attained == alone.attained

    @given(st.lists(st.sampled_from(["ok", "timeout", "error", "oom"]), min_size=1, max_size=4))
    @settings(max_examples=15, deadline=None)
    def test_a_failed_row_never_disappears(self, statuses):
        runs = [make_record("odd", seed, status=status) for seed, status in enumerate(statuses)]
        rows = {row.label: row for row in leaderboard(make_runs("naive"), runs).every_row}
        assert len(rows["odd"].runs) == len(statuses)
        assert rows["odd"].failed == sum(status != "ok" for status in statuses)


class TestPages:
    def test_where_pages_go(self, tmp_path):
        out, written = built(
            tmp_path,
            [make_record()],
            [make_record(scenario="task", budget={"amount": 500, "clock": "steps"})],
            [make_record(budget={"amount": 20, "clock": "cpu"})],
        )
        assert {path.relative_to(out).as_posix() for path in written} == {
            "INDEX.md",
            "COLUMNS.md",
            *(
                f"split-mnist/{page}{'-records.md' if kind == 'md-records' else f'.{kind}'}"
                for page in ("class-20s", "class-20s-cpu", "task-500steps")
                for kind in ("md", "csv", "tex", "md-records")
            ),
        }

    def test_the_evidence_of_each_row_is_where_its_link_says(self, tmp_path):
        out, _ = built(tmp_path, make_runs(seeds=2))
        with (out / "split-mnist" / "class-20s.csv").open() as file:
            (row,) = csv.DictReader(file)
        for path in row["records"].split():
            assert (out / "split-mnist" / path).is_file()
            assert f"({path})" in (out / "split-mnist" / "class-20s-records.md").read_text()
        assert "(class-20s-records.md)" in (out / "split-mnist" / "class-20s.md").read_text()

    def test_pools_that_do_not_compare_are_two_tables_on_one_page(self, tmp_path):
        page = page_of(tmp_path, make_runs("naive"), make_runs("naive", model="mlp-1200"))
        assert "Not pooled, one table each: model differs: 'mlp', 'mlp-1200'." in page
        assert "## model mlp-1200" in page
        assert "## model mlp" in page

    @given(st.randoms(use_true_random=False))
    @settings(max_examples=10, deadline=None)
    def test_a_page_does_not_depend_on_the_order_of_records(self, order: random.Random):
        records = as_stored(
            [
                *make_runs("naive"),
                *make_runs("packnet", hyperparameters={"density": 0.1}),
                *make_runs("joint", ranked=False),
                make_record("naive", 0, attempt=2, accuracy=0.9),
                make_record("naive", 7, status="killed"),
                make_record("naive", 0, model="cnn"),
                make_record("ewc", 0, status="oom", version=None, data_hash=None),
            ]
        )
        folders = page.Folders(Path("nowhere/records"), Path("nowhere"))
        straight = build.render(admission.Evidence(tuple(records), {}), folders)
        order.shuffle(records)
        shuffled = build.render(admission.Evidence(tuple(records), {}), folders)
        assert shuffled == straight

    def test_few_seeds_are_provisional(self, tmp_path):
        said = "Provisional: rows with fewer than 10 seeds."
        assert said in page_of(tmp_path / "few", make_runs(seeds=9))
        assert said not in page_of(tmp_path / "enough", make_runs(seeds=10))

    def test_a_page_opens_with_who_leads_and_a_table_of_eight_columns(self, tmp_path):
        text = page_of(tmp_path, make_runs("a", 10, accuracy=0.9), make_runs("b", 10))
        first = next(line for line in text.splitlines()[1:] if line)
        assert first.startswith("**a** leads by score: 0.")
        assert "**b** is next, 0." in first
        assert "the test tells the first from every other row" in first
        header = next(line for line in text.splitlines() if line.startswith("| "))
        assert header == (
            "| rank | strategy | score | accuracy, % | by accuracy | capacity, % | by memory "
            "| seeds |"
        )
        assert text.index(header) < text.index("<details")

    def test_a_machine_that_was_calibrated_shows_its_reference_speed(self, tmp_path):
        record = make_record()
        found = Calibration(
            steps_per_second=570.4, ratio=1, noise=0.0049, jobs=1,
            measured=record.environment.started,
        )  # fmt: skip
        environment = record.environment.model_copy(update={"calibration": found})
        calibrated = record.model_copy(update={"environment": environment})
        assert "570 steps/s, noise 0.49 %" in page_of(tmp_path / "with", [calibrated])
        assert "reference speed" not in page_of(tmp_path / "without", [record])

    def test_failures_are_counted_and_linked_with_their_status(self, tmp_path):
        page = page_of(tmp_path, make_runs(seeds=4), [make_record(seed=4, status="timeout")])
        assert re.search(r"^\| 1 \| naive \| .* \| 5, 1 failed \|$", page, re.MULTILINE)
        assert "5: 4 ok, 1 timeout" in page
        records = tmp_path / "leaderboards" / "split-mnist" / "class-20s-records.md"
        assert "[4 timeout](../records/split-mnist-class/naive/4-" in records.read_text()

    def test_an_overrun_says_by_how_much(self, tmp_path):
        over = make_record(status="overrun", reason="charged more than the budget")
        cost = over.cost.model_copy(update={"charged": 20.5})
        page = page_of(tmp_path, [over.model_copy(update={"cost": cost}), make_record(seed=1)])
        assert "(charged more than the budget, 102.5 % of it)" in page
        assert re.search(r"^\| naive \| 96.2 \| 102.5 \|", page, re.MULTILINE)

    def test_what_every_row_shares_stands_among_the_conditions(self, tmp_path):
        rows = [make_runs(n, hyperparameters={"learning_rate": 0.1}) for n in ("a", "b")]
        page = page_of(tmp_path, *rows)
        assert r"| hyper-parameters of every row | learning\_rate=0.1 |" in page
        assert re.search(r"^\| 1 to 2 \| a \|", page, re.MULTILINE)
        assert "hyper-parameters of every row" not in page_of(tmp_path / "own", make_runs("a"))

    def test_the_markup_of_a_record_is_shown_and_not_obeyed(self, tmp_path):
        evil = make_record("a|b<script>[x](y)`", hyperparameters={"k": "=1+1| # x"})
        page = page_of(tmp_path, [evil], make_runs("naive", 1))
        assert "<script>" not in page
        assert r"a\|b&lt;script&gt;\[x\](y)\` (k==1+1\| \# x)" in page

    @pytest.mark.parametrize("start", list("=+-@"))
    def test_a_spreadsheet_runs_no_text_as_a_formula(self, start, tmp_path):
        table = leaderboard([make_record(f"{start}cmd")])
        (row,) = csv.DictReader(csv_table.page_csv([table], page=tmp_path / "x.csv").splitlines())
        assert row["strategy"] == f"'{start}cmd"

    def test_csv_holds_the_full_precision_and_leaves_unmeasured_cells_empty(self, tmp_path):
        joint = make_runs("joint", 1, ranked=False, matrix=[[None, None], [1 / 3, 1 / 3]])
        (row,) = csv.DictReader(
            csv_table.page_csv([leaderboard(joint)], page=tmp_path / "x").splitlines()
        )
        assert float(row["accuracy"]) == pytest.approx(1 / 3, rel=1e-11)
        assert row["backward_transfer"] == ""
        assert row["rank_first"] == row["rank_last"] == ""

    def test_charged_seconds_stand_by_kind(self, tmp_path):
        page = page_of(tmp_path, make_runs("naive"), make_runs("ewc", status="oom"))
        _, cost = page.split("<summary>Cost: charged seconds by kind</summary>\n\n")
        assert cost.splitlines()[0].endswith(
            "| train, s | offline, s | data, s | hooks, s | validation, s |"
        )
        assert "| naive | 90.0 | 90.0 | 90.0 | 18.00 | - | - | - | - |" in cost
        assert "| ewc | - | - | - | - | - | - | - | - |" in cost

    def test_weights_stand_at_the_accuracies_that_every_seed_reaches(self, monkeypatch, tmp_path):
        monkeypatch.setitem(
            reference_values.FROZEN_JOINT, ("split-mnist", "1.0", "class"), {20: 0.9}
        )
        runs = [make_record(seed=s, accuracy=0.6 + 0.2 * s, weights=0.25) for s in (0, 1)]
        page = page_of(tmp_path, runs)
        assert "| strategy | for 50.0 % | for 70.0 % | for 82.0 % |" in page
        assert "| naive | 25.00 | - | - | - | - |" in page  # one seed of two reaches 70 %

    def test_the_index_sums_up_strategies_over_the_benchmarks_of_a_scenario(self, tmp_path):
        out, _ = built(
            tmp_path,
            make_runs("a", accuracy=0.9),
            make_runs("b", accuracy=0.5),
            make_runs("c", 6, accuracy=0.1),
            make_runs("a", accuracy=0.3, benchmark="split-digits"),
            make_runs("c", accuracy=0.1, benchmark="split-digits"),
            make_runs("a", accuracy=0.3, scenario="task"),
        )
        index = (out / "INDEX.md").read_text()
        digits = leaderboard(make_runs("a", accuracy=0.3, benchmark="split-digits"))
        values = [leaderboard(make_runs("a", accuracy=0.9)).rows[0].score.mean]
        values.insert(0, digits.rows[0].score.mean)
        first, second = (f"{value:.3f}" for value in values)
        assert "## Strategies over leaderboards, class-incremental" in index
        assert "over leaderboards, task-incremental" not in index
        assert f"| 1 | a | {sum(values) / 2:.3f} | {first} | {second} |" in index
        assert "| - | b | - |" in index  # a mean over other benchmarks is none to compare
        assert "| 20s | 3 | 5 to 6 | 0 | a" in index

    def test_failed_runs_that_count_stand_there_with_their_reasons(self, tmp_path):
        page = page_of(tmp_path, [make_record("ewc", 0, status="oom", reason="no memory left")])
        failed = page.split("<summary>Failed runs, which count as worst</summary>")[1]
        assert "- [ewc, seed 0, attempt 1: oom](" in failed
        assert "(no memory left)" in failed

    def test_a_rank_that_is_shared_says_so(self, tmp_path):
        rows = [make_runs("a", 10, accuracy=0.9), make_runs("b", 10), make_runs("c", 10)]
        page = page_of(tmp_path, *rows)
        assert "| 1 | a |" in page
        assert "| 2 to 3 | b |" in page
        assert "| 2 to 3 | c |" in page

    def test_the_index_says_whether_the_order_depends_on_the_budget(self, tmp_path):
        where = {"budget": {"amount": 60}}
        out, _ = built(
            tmp_path,
            make_runs("a", accuracy=0.9),
            make_runs("b", accuracy=0.5),
            make_runs("a", accuracy=0.5, **where),
            make_runs("b", accuracy=0.9, **where),
        )
        index = (out / "INDEX.md").read_text()
        row = "| split-mnist | class-incremental | 20s, 60s | 2 | 0.0 | 1 | a and b |"
        assert row in index

    def test_damaged_files_are_left_out_and_named(self, tmp_path):
        out, _ = built(tmp_path, make_runs(seeds=2))
        path = sorted((out / "records").rglob("*.json"))[0]
        path.write_text(path.read_text().replace("0.5", "0.9"))
        told = []
        build.build(out / "records", out, tell=told.append)
        name = path.relative_to(out / "records").as_posix()
        assert [line.startswith(f"left out {name}: checksum differs") for line in told] == [True]
        page = (out / "split-mnist" / "class-20s.md").read_text()
        assert f"- {name}: checksum differs" in page
        assert "| damaged files left out | 1 |" in page
        assert str(tmp_path) not in page

    @pytest.mark.parametrize("cores", [2, 3])
    def test_on_many_cores_the_pages_and_what_is_left_out_are_those_of_one(
        self, cores, tmp_path, monkeypatch
    ):
        groups = [
            [make_record(f"s{row}", seed, accuracy=0.5 + row / 10 + seed / 100, **where)
             for row in range(3) for seed in range(6)]
            for where in ({}, {"scenario": "task"}, {"budget": Budget.parse("60s")})
        ]  # fmt: skip
        told: list[str] = []

        def pages_on(number: int) -> dict[str, str]:
            monkeypatch.setattr(parallel, "_processes", lambda items, records: min(items, number))
            out = tmp_path / str(number) / "leaderboards"
            write(out / "records", [record for group in groups for record in group])
            first, *_, last = sorted((out / "records").rglob("*.json"))
            first.write_text("{")
            last.write_text(last.read_text().replace('"attempt": 1', '"attempt": 2'))
            paths = build.build(out / "records", out, tell=told.append)
            return {path.relative_to(out).as_posix(): path.read_text() for path in paths}

        serial, found = pages_on(1), pages_on(cores)
        assert len(serial) == 3 * 4 + 2
        assert found == serial
        assert told[0] == told[1]
        assert "checksum differs" in told[0]

    def test_a_record_that_claims_success_without_an_outcome_is_left_out(self, tmp_path):
        hollow = make_record(seed=1).model_copy(update={"outcome": None})
        assert "status ok needs cost, outcome and weights" in page_of(
            tmp_path, [make_record(), hollow]
        )

    @pytest.mark.parametrize(
        ("filters", "message"),
        [
            ({"benchmark": "split-cifar10"}, "benchmark 'split-cifar10'; there are: split-mnist"),
            ({"scenario": "task"}, "scenario 'task'; there are: class"),
            ({"budget": "10m"}, "budget '600s'; there are: 20s"),
        ],
    )
    def test_a_filter_that_leaves_nothing_is_named(self, filters, message, tmp_path):
        write(tmp_path, [make_record()])
        with pytest.raises(ValueError, match=message):
            build.build(tmp_path, tmp_path / "out", **filters)

    def test_a_filter_writes_its_page_and_not_the_index(self, tmp_path):
        write(tmp_path, [make_record(), make_record(scenario="task")])
        written = build.build(tmp_path, tmp_path / "out", scenario="task", budget="20s")
        assert [path.name for path in written] == [
            "task-20s.md", "task-20s-records.md", "task-20s.csv", "task-20s.tex"
        ]  # fmt: skip

    def test_no_records_are_refused(self, tmp_path):
        with pytest.raises(ValueError, match="found none"):
            build.build(tmp_path, tmp_path / "out")

    def test_the_terminal_shows_the_ranking(self):
        (table,) = build.tables(as_stored(make_runs("naive", accuracy=0.498)))
        cells = [next(iter(column.cells)) for column in table.columns]
        assert cells[:2] == ["1", "naive"]
        assert cells[3].startswith("50.0 [49.8, ")
        assert cells[-1] == "5"


class TestVerify:
    def test_pages_agree_with_the_records_they_were_built_from(self, tmp_path):
        out, _ = built(tmp_path, make_runs("naive"), make_runs("ewc", status="oom"))
        assert build.verify(out) == []

    def test_an_edited_number_is_found(self, tmp_path):
        out, _ = built(tmp_path, make_runs("naive"))
        page = out / "split-mnist" / "class-20s.md"
        page.write_text(page.read_text().replace("50.2", "60.2"))
        (told,) = build.verify(out)
        assert told.startswith("split-mnist/class-20s.md, line ")
        assert "60.2" in told

    def test_of_a_long_line_only_what_differs_is_shown(self, tmp_path):
        page = tmp_path / "page.md"
        page.write_text("same\n" + "a" * 500 + "b" + "c" * 500)
        (told,) = difference(tmp_path, Path("page.md"), "same\n" + "a" * 500)
        assert told == (
            f"page.md, line 2: the page says …{'a' * 40 + 'b' + 'c' * 79!r}…, the records give "
            f"…{'a' * 40!r}"
        )

    def test_a_page_without_records_and_a_record_without_a_page_are_found(self, tmp_path):
        out, _ = built(tmp_path, make_runs("naive"))
        (out / "split-mnist" / "class-20s.csv").rename(out / "split-mnist" / "task-20s.csv")
        missing_page, no_record = sorted(build.verify(out))
        assert missing_page.startswith("split-mnist/class-20s.csv: the records give this page")
        assert no_record.startswith("split-mnist/task-20s.csv: no record")

    def test_a_page_that_is_a_link_is_named_and_not_read(self, tmp_path):
        out, _ = built(tmp_path, make_runs("naive"))
        secret = tmp_path / "secret"
        secret.write_text("token")
        page = out / "split-mnist" / "class-20s.md"
        for make in (
            lambda: page.symlink_to(secret),
            lambda: page.symlink_to("nowhere"),
            page.mkdir,
        ):
            page.unlink()
            make()
            (told,) = build.verify(out)
            assert told == (
                "split-mnist/class-20s.md: must be a plain file, no link, folder or pipe"
            )

    def test_a_folder_of_pages_that_is_a_link_is_named(self, tmp_path):
        out, _ = built(tmp_path, make_runs("naive"))
        (out / "split-mnist").rename(tmp_path / "elsewhere")
        (out / "split-mnist").symlink_to(tmp_path / "elsewhere")
        assert any("must be a plain file" in one for one in build.verify(out))

    def test_pages_built_from_records_elsewhere_prove_nothing(self, tmp_path):
        build.build(write(tmp_path / "runs", [make_record()]), tmp_path / "out")
        (difference,) = build.verify(tmp_path / "out")
        assert "must hold the records behind the pages" in difference

    def test_the_committed_pages_agree_with_their_records(self):
        assert build.verify(ROOT / "leaderboards") == []


def test_no_pair_is_separated_by_luck_more_often_than_alpha():
    draw = random.Random(0)
    separated = 0
    for _ in range(60):
        groups = [
            [make_record(name, s, accuracy=draw.uniform(0.4, 0.6)) for s in range(7)]
            for name in "abc"
        ]
        separated += leaderboard(*groups).told_apart["score"][0] > 0
    assert separated <= 6  # 3 are expected of 60 at 5 %


def test_pools_are_named_only_by_what_differs():
    keys = [pools.pool_key(make_record()), pools.pool_key(make_record(threads=2))]
    assert pools.differences(keys) == "threads differs: 1, 2"


class TestLatex:
    def test_letters_that_not_every_latex_has_are_question_marks(self):
        rows = [make_record(hyperparameters={"k": "\u65e5x"}), make_record("ewc")]
        assert "naive (k=?x)" in latex_table.page_tex([leaderboard(rows)])

    def test_weights_have_an_interval_where_they_differ(self):
        few = [make_record("few", s, weights=0.1 + s / 100) for s in range(5)]
        text = latex_table.page_tex([leaderboard(make_runs("all"), few)])
        lines = {
            name: next(x for x in text.splitlines() if f"& {name} &" in x)
            for name in ("all", "few")
        }
        assert "& 100.0 & " in lines["all"]
        assert "& 15.1 [13.0, 17.2] &" in lines["few"]

    def test_a_table_is_complete_and_has_a_line_for_each_row(self):
        rows = [make_runs("naive", 10), make_runs("ewc", 3), make_runs("joint", 10, ranked=False)]
        text = latex_table.page_tex([leaderboard(*rows)])
        assert text.count(r"\begin{") == text.count(r"\end{") == 2
        assert [text.count(rf"\{rule}rule") for rule in ("top", "mid", "bottom")] == [1, 2, 1]
        lines = [line for line in text.splitlines() if line.endswith(r"\\")]
        assert len(lines) == 4
        shown = [name for name in TABLES["latex"] if not COLUMNS[name].optional]
        assert all(line.count(" & ") == len(shown) - 1 for line in lines)
        assert r"1 to 2 & ewc & 3$^*$ &" in text
        assert "provisional" not in latex_table.page_tex([leaderboard(rows[0])])

    def test_what_is_not_measured_is_a_dash_and_a_negative_number_has_a_minus(self):
        alone = make_runs("alone", matrix=[[None, None], [0.9, 0.9]])
        gains = make_runs("gains", matrix=[[0.5, 0.1], [0.7, 0.9]])
        text = latex_table.page_tex([leaderboard(alone, gains)])
        line = next(line for line in text.splitlines() if "& alone &" in line)
        assert "& -- & 100.0 &" in line
        assert "----" not in text
        assert "$-20.0$ [$-20.0$, $-20.0$]" in text

    def test_the_caption_tells_the_bounds_and_what_all_rows_share(self):
        rate = {"learning_rate": 0.1}
        rows = [make_runs(n, hyperparameters=rate | own) for n, own in (("a", {}), ("b", {"k": 1}))]
        text = latex_table.page_tex([leaderboard(*rows)])
        assert r"from chance, 10.0~\%, to joint training, 98.3~\%, under a log-uniform cap" in text
        assert r"In every row learning\_rate=0.1." in text
        assert [f"& {name} &" in text for name in ("a", "b (k=1)")] == [True, True]

    def test_the_text_of_a_record_is_no_command(self):
        evil = make_record(
            r"\input{/etc/passwd}%$a_b&c#~^", hyperparameters={"k": "x\n\\end{table}"}
        )
        text = latex_table.page_tex([leaderboard([evil])])
        shown = r"\textbackslash{}input\{/etc/passwd\}\%\$a\_b\&c\#\textasciitilde{}"
        assert shown in text
        assert text.count(r"\end{table}") == 1
        assert r"\textbackslash{}end\{table\}" in text


def test_a_row_that_a_search_chose_says_what_the_search_charged(tmp_path):
    chosen = make_runs("naive", hyperparameters={"momentum": 0.5}, search_charged=1234.0)
    text = page_of(tmp_path, make_runs("naive"), chosen)
    assert "its search charged, s" in text
    assert "## tuned by a search" in text
    assert "## not tuned" in text
    assert re.search(r"^\| naive \(tuned\) \| 90.0 \| 90.0 \| 90.0 \| 1,234 \|", text, re.MULTILINE)
    assert "its search charged" not in page_of(tmp_path / "other", make_runs("naive"))


def test_a_tuned_board_says_what_tuning_moved_and_shows_it(tmp_path):
    chosen = make_runs(
        "naive", accuracy=0.7, hyperparameters={"momentum": 0.25}, search_charged=320.0
    )
    records = write(tmp_path / "records", make_runs("naive", accuracy=0.5) + chosen)
    build.build(records, tmp_path / "pages", figures=True)
    page = (tmp_path / "pages" / "split-mnist" / "class-20s.md").read_text()
    assert "| naive (tuned) | 50.2 | 70.2 | 20.0 [20.0, 20.0] |" in page
    assert page.count("| naive (tuned) | momentum=0.25 | 320 |") == 1
    assert page.count("(class-20s-tuning-2.svg)") == 1  # of the second table, the tuned one
    assert not (tmp_path / "pages" / "split-mnist" / "class-20s-tuning.svg").exists()
    build.build(write(records, make_runs("naive", 6, accuracy=0.5)[5:]), tmp_path / "pages")
    page = (tmp_path / "pages" / "split-mnist" / "class-20s.md").read_text()
    assert "class-20s-tuning-2.svg" not in page  # drawn from fewer runs at the defaults
