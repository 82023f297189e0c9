"""A paper's suites, its page, its command and its check."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.config.suite import Suite
from bench.leaderboards import build
from bench.papers import page, reproduce
from bench.papers.ball2020.paper import ROUNDS
from bench.papers.declaration import find_paper, paper_names, suites_of
from bench.papers.reproduce import PaperFolder
from bench.papers.verdict import Claim
from bench.ranking.pools import PoolError
from bench.records.store import Store
from factories import make_record
from paper_records import ERRORS, configs, page_text, paper_folder, record, row, write_rounds

ROOT = Path(__file__).parents[2]


class TestSuites:
    @pytest.mark.parametrize("paper", paper_names())
    def test_every_experiment_has_its_suite_and_every_suite_its_experiment(self, paper):
        files = {path.stem for path in suites_of(paper).glob("*.toml")}
        assert files == {experiment.name for experiment in find_paper(paper).experiments}

    @pytest.mark.parametrize("paper", paper_names())
    def test_quick_is_a_small_part_of_the_same_grid(self, paper, tmp_path):
        full, quick = (paper_folder(tmp_path, paper, quick=q) for q in (False, True))
        for experiment in find_paper(paper).experiments:
            cells = [
                {(c.strategy, str(c.hyperparameters)) for c in configs(where, experiment.name)}
                for where in (full, quick)
            ]
            assert cells[1] <= cells[0]
            (budget,) = {str(c.budget) for c in configs(quick, experiment.name)}
            (whole,) = {c.budget for c in configs(full, experiment.name)}
            assert budget == (f"{whole.amount / 10:.0f}steps" if whole.clock == "steps" else "2s")
        runs = [c for e in find_paper(paper).experiments for c in configs(quick, e.name)]
        timed = [c for c in runs if c.budget.clock == "wall"]
        assert sum(c.budget.amount for c in timed) <= 240  # charged seconds

    def test_an_unknown_name_is_answered_with_the_nearest(self):
        with pytest.raises(ValueError, match="unknown paper 'bal2020'; did you mean 'ball2020'"):
            find_paper("bal2020")
        with pytest.raises(ValueError, match="'mnist-mpl'; did you mean 'mnist-mlp'"):
            find_paper("ball2020").chosen(("mnist-mpl",))


class TestPage:
    def test_without_records_every_claim_is_not_run_and_every_command_stands_there(self, tmp_path):
        page = page_text(paper_folder(tmp_path))
        assert page.startswith("# Ball, Li, Lamb &amp; Zhang 2020: published and measured\n")
        for experiment in find_paper("ball2020").experiments:
            assert f"`python -m bench reproduce ball2020 --only {experiment.name}`" in page
        verdicts = [line.split(" | ")[3] for line in page.splitlines() if line.startswith("| C")]
        assert set(verdicts) == {"not run"}

    def test_missing_seeds_are_listed_and_what_there_is_is_shown(self, tmp_path):
        where = paper_folder(tmp_path)
        for config in configs(where, "mnist-mlp"):
            if config.hyperparameters.get("rounds") != 8 or config.repetition < 3:
                Store(where.records).write(record(config, error=0.03))
        page = page_text(where)
        assert "| 2 of 35 | iterative-prune-budgeted, rounds 8: seed 3, 4 |" in page
        assert "(provisional: fewer than 5 seeds)" in page

    def test_a_failed_run_counts_as_chance(self, tmp_path):
        where = paper_folder(tmp_path)
        for config in configs(where, "mnist-mlp"):
            status = "diverged" if config.hyperparameters.get("rounds") == 1 else "ok"
            Store(where.records).write(record(config, error=0.03, status=status))
        failed = row(page_text(where), "iterative-prune-budgeted, rounds 1 ")
        assert failed[2:4] == ["5/5", "90.00 [90.00, 90.00]"]

    def test_the_quick_page_says_so_in_its_first_line(self, tmp_path):
        where = PaperFolder("ball2020", True, tmp_path / "runs" / "ball2020-quick")
        assert page_text(where).splitlines()[0].startswith("# Quick check of Ball, ")
        assert "`python -m bench reproduce ball2020 --quick --only mnist-mlp`" in page_text(where)

    def test_quick_runs_show_numbers_and_give_no_verdict(self, tmp_path):
        quick = PaperFolder("ball2020", True, tmp_path / "quick")
        write_rounds(quick, "mnist-mlp", ERRORS, adaptive=0.03)
        rows = [line.split(" | ") for line in page_text(quick).splitlines()]
        verdicts = {cells[2] != "-": cells[3] for cells in rows if cells[0].startswith("| C")}
        assert verdicts == {True: "not tested: a quick check", False: "not run"}

    def test_a_claim_that_needs_runs_which_are_missing_is_one_line(self, tmp_path, monkeypatch):
        def needs_runs(results):
            ((first, *_),) = (r.of("iterative-prune-budgeted") for r in results.values())
            return [Claim.of(first, "", "").not_run()]

        paper = find_paper("ball2020")
        one = replace(
            paper.analyses[0], experiments=paper.experiments[:1],
            verdicts=needs_runs, details=needs_runs,
        )  # fmt: skip
        monkeypatch.setattr(page, "find_paper", lambda name: replace(paper, analyses=(one,)))
        where, name = paper_folder(tmp_path), paper.experiments[0].name
        failed = "(ValueError: not enough values to unpack (expected at least 1, got 0))"
        why = f"fails while 35 runs are missing {failed}"
        assert f"| claims about {name} | - | - | not run: {why} |" in page_text(where)
        assert f"\nWhat stands here {why}.\n" in page_text(where)
        for config in configs(where, name):
            Store(where.records).write(record(config, error=0.03))
        with pytest.raises(RuntimeError, match=f"what is said of {name} fails: AttributeError"):
            page_text(where)

    def test_records_of_two_machines_are_refused(self, tmp_path):
        where = paper_folder(tmp_path)
        first, second, *_ = configs(where, "mnist-mlp")
        Store(where.records).write(record(first, error=0.03))
        Store(where.records).write(record(second, error=0.03, cpu="other"))
        with pytest.raises(PoolError, match="machine differs"):
            reproduce.write(where)

    def test_records_that_no_suite_declares_are_left_alone(self, tmp_path):
        where = paper_folder(tmp_path)
        Store(where.records).write(make_record())
        assert "split-mnist-class" not in page_text(where)


class TestCommand:
    """`bench reproduce` with suites of a second, under the names of its own."""

    @pytest.fixture
    def suites(self, tmp_path, monkeypatch):
        for experiment in find_paper("ball2020").experiments:
            full = Suite.read(suites_of("ball2020") / f"{experiment.name}.toml")
            text = f"""
                benchmarks = ["split-digits"]
                scenarios = ["{full.scenarios[0]}"]
                strategies = {list(full.strategies)}
                budget = "20steps"
                [hyperparameters.{full.strategies[0]}]
                {"rounds" if experiment in ROUNDS.experiments else "density"} = [1, 2]
            """
            file = tmp_path / "suites" / "ball2020" / f"{experiment.name}.toml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        monkeypatch.setattr(reproduce, "suites_of", lambda paper: tmp_path / "suites" / paper)
        return tmp_path / "suites"

    def call(self, out: Path, *more: str):
        arguments = ["reproduce", "ball2020", "--only", "mnist-mlp", "--out", str(out), *more]
        return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})

    def test_it_runs_what_is_missing_and_only_that(self, suites, tmp_path):
        first, again = (self.call(tmp_path / "out", "--log", "csv") for _ in range(2))
        assert first.exit_code == 0, first.output
        assert "3 runs of 20steps: 0 done, 3 to go" in first.output
        assert "3 runs of 20steps: 3 done, 0 to go" in again.output
        assert "(provisional: fewer than 5 seeds)" in (tmp_path / "out" / "README.md").read_text()
        assert (tmp_path / "out" / "rounds.png").is_file()
        assert len(list((tmp_path / "out" / "records" / "logs" / "csv").rglob("*.csv"))) == 3

    def test_a_page_alone_has_no_runs_to_log(self, suites, tmp_path):
        refused = self.call(tmp_path / "out", "--page-only", "--log", "csv")
        assert "--log is about runs: give none with --page-only" in str(refused.exception)
        assert not (tmp_path / "out").exists()

    def test_a_suite_run_by_hand_fills_the_same_cells(self, suites, tmp_path):
        file, out = suites / "ball2020" / "mnist-mlp.toml", tmp_path / "out"
        CliRunner().invoke(app, ["run", "--suite", str(file), "--out", str(out / "records")])
        page_only = self.call(out, "--page-only")
        assert page_only.exit_code == 0, page_only.output
        assert "to go" not in page_only.output
        assert "`mnist-mlp` |" not in (out / "README.md").read_text()

    @pytest.mark.parametrize(
        ("field", "values"),
        [("benchmarks", ["split-digits", "split-mnist"]), ("scenarios", ["task", "class"])],
    )
    def test_a_suite_of_two_tables_is_refused_before_any_run(self, suites, tmp_path, field, values):
        file = suites / "ball2020" / f"{find_paper('ball2020').experiments[-1].name}.toml"
        others = [line for line in file.read_text().splitlines() if field not in line]
        file.write_text("\n".join([f"{field} = {values}", *others]))
        ended = self.call(tmp_path / "out")
        assert ended.exit_code != 0
        refused = f"{file}: a suite of a paper must have one of {field}, got {', '.join(values)}; "
        assert refused in f"{ended.output}{ended.exception}"
        assert list((tmp_path / "out").rglob("*.json")) == []

    def test_what_cannot_be_run_is_named_and_the_page_still_written(self, tmp_path):
        ended = self.call(tmp_path / "out", "--data", str(tmp_path / "nothing"))
        assert ended.exit_code == 1
        assert "not run: " in ended.output
        assert "python -m bench data fetch mnist" in ended.output
        assert "Not run: none of 35 runs" in (tmp_path / "out" / "README.md").read_text()


class TestVerify:
    def written(self, tmp_path) -> Path:
        where = paper_folder(tmp_path)
        write_rounds(where, "mnist-mlp", ERRORS, adaptive=0.03)
        reproduce.write(where)
        return tmp_path / "leaderboards"

    def test_a_page_agrees_with_its_records_and_the_leaderboards_leave_it_alone(self, tmp_path):
        root = self.written(tmp_path)
        assert reproduce.verify(root) == []
        assert build.verify(root) == []
        assert CliRunner().invoke(app, ["verify", "--pages", str(root)]).exit_code == 0

    def test_an_edited_number_is_found(self, tmp_path):
        root = self.written(tmp_path)
        page = root / "ball2020" / "README.md"
        page.write_text(page.read_text().replace("1.86", "2.86"))
        (difference,) = reproduce.verify(root)
        assert difference.startswith("ball2020/README.md, line ")
        assert CliRunner().invoke(app, ["verify", "--pages", str(root)]).exit_code == 1

    def test_a_missing_page_and_a_missing_figure_are_found(self, tmp_path):
        root = self.written(tmp_path)
        (root / "ball2020" / "rounds.svg").unlink()
        assert reproduce.verify(root) == [
            "ball2020/rounds.svg: the page shows this figure, but it is missing"
        ]
        (root / "ball2020" / "README.md").unlink()
        assert "the records give this page" in reproduce.verify(root)[0]

    def test_the_committed_pages_agree_with_their_records(self):
        assert reproduce.verify(ROOT / "leaderboards") == []
