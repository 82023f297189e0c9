"""Pages of papers, from records of runs that never happened."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.config.suite import Suite
from bench.leaderboards import build
from bench.papers import reproduce
from bench.papers.experiments import PAPERS, choose, find_paper
from bench.papers.page import drawn
from bench.papers.reproduce import Place
from bench.ranking.pools import PoolError
from bench.records.schema import WeightsInUse
from bench.records.store import Store
from factories import make_record

ROOT = Path(__file__).parents[2]
ERRORS = {1: 0.054, 2: 0.044, 4: 0.038, 8: 0.033, 16: 0.029, 40: 0.031}


def place(folder: Path, paper: str = "ball2020", *, quick: bool = False) -> Place:
    return Place(paper, quick, folder / "leaderboards" / paper)


def configs(where: Place, name: str):
    (experiment,) = choose(PAPERS[where.paper], (name,))
    return where.suite(experiment).configs()


SAME = ("benchmark", "scenario", "model", "budget", "speedups", "allocation", "search_charged")


def record(config, *, error: float, weights: int = 500, **fields):
    """A run of this configuration; weights of 1000."""
    made = make_record(
        config.strategy, config.repetition, accuracy=1 - error, weights=weights / 1000,
        hyperparameters=config.hyperparameters,
        **{n: getattr(config, n) for n in SAME}, **fields,
    )  # fmt: skip
    assert made.digest == config.digest
    return made


def write_rounds(where: Place, name: str, errors: dict[int, float], adaptive: float) -> None:
    for config in configs(where, name):
        error = errors.get(config.hyperparameters.get("rounds"), adaptive)
        spread = 1 + config.repetition / 1000
        Store(where.records).write(record(config, error=error * spread))


def row(page: str, start: str) -> list[str]:
    """The cells of the one table row that begins so."""
    (line,) = [line for line in page.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def note(page: str, cells: list[str]) -> str:
    """How the protocol of a row differs: what stands beside its number."""
    (line,) = [line for line in page.splitlines() if line.startswith(f"{cells[4]}. ")]
    return line


def text(where: Place) -> str:
    return reproduce.write(where).read_text()


class TestDeclared:
    @pytest.mark.parametrize("paper", PAPERS)
    def test_every_experiment_has_its_suite_and_every_suite_its_experiment(self, paper):
        files = {path.stem for path in (ROOT / "suites" / paper).glob("*.toml")}
        assert files == {experiment.name for experiment in PAPERS[paper].experiments}

    @pytest.mark.parametrize("paper", PAPERS)
    def test_quick_is_a_small_part_of_the_same_grid(self, paper, tmp_path):
        full, quick = (place(tmp_path, paper, quick=q) for q in (False, True))
        for experiment in PAPERS[paper].experiments:
            cells = [
                {(c.strategy, str(c.hyperparameters)) for c in configs(where, experiment.name)}
                for where in (full, quick)
            ]
            assert cells[1] <= cells[0]
            (budget,) = {str(c.budget) for c in configs(quick, experiment.name)}
            (whole,) = {c.budget for c in configs(full, experiment.name)}
            assert budget == (f"{whole.amount / 10:.0f}steps" if whole.clock == "steps" else "2s")
        runs = [c for e in PAPERS[paper].experiments for c in configs(quick, e.name)]
        timed = [c for c in runs if c.budget.clock == "wall"]
        assert sum(c.budget.amount for c in timed) <= 240  # charged seconds

    def test_an_unknown_name_is_answered_with_the_nearest(self):
        with pytest.raises(ValueError, match="unknown paper 'bal2020'; did you mean 'ball2020'"):
            find_paper("bal2020")
        with pytest.raises(ValueError, match="'mnist-mpl'; did you mean 'mnist-mlp'"):
            choose(PAPERS["ball2020"], ("mnist-mpl",))


class TestRounds:
    def test_the_best_and_the_worst_number_and_their_ratio(self, tmp_path):
        where = place(tmp_path)
        write_rounds(where, "mnist-mlp", ERRORS, adaptive=0.0304)
        page = text(where)
        worst = row(page, "C2, the number of rounds matters: LeNet-3")
        _, published, measured, verdict, _ = worst
        assert published == "about 5 % error at a poor number, 3 % at the best: 1.7 times"
        assert "1 is worst and 16 best: 1.86" in measured
        assert "0.062 for this pair alone; n = 5 seeds" in measured
        assert verdict.endswith("at least 1.6 times: holds here, with the whole interval")
        assert "wall-clock budget" in note(page, worst)
        best = row(page, "C2, error at the best number of rounds: LeNet-300")
        assert best[2].startswith("2.91 ")
        assert best[3] == "at most 3 %: holds here, with the whole interval"
        adaptive = row(
            page, "adaptive rhythm, error over that of the best number of rounds: LeNet-3"
        )
        assert adaptive[2].startswith("4.8 ")
        assert adaptive[3] == "at most 10 %: holds here, with the whole interval"

    def test_the_verdict_turns_with_the_numbers(self, tmp_path):
        where = place(tmp_path)
        write_rounds(where, "mnist-mlp", dict.fromkeys(ERRORS, 0.05), adaptive=0.06)
        page = text(where)
        assert "not seen here" in row(page, "C2, the number of rounds matters: LeNet-300")[3]
        assert (
            "does not hold here" in row(page, "C2, error at the best number of rounds: LeNet-3")[3]
        )
        adaptive = row(
            page, "adaptive rhythm, error over that of the best number of rounds: LeNet-3"
        )
        assert adaptive[2].startswith("20.0 ")
        assert "does not hold here" in adaptive[3]

    def test_the_best_number_moves_between_a_simple_task_and_a_complex_one(self, tmp_path):
        where = place(tmp_path)
        write_rounds(where, "mnist-mlp", {1: 0.02, 2: 0.03, 4: 0.04, 8: 0.05, 16: 0.06}, 0.03)
        write_rounds(where, "cifar10-vgg", {1: 0.3, 2: 0.31, 4: 0.28, 8: 0.25, 16: 0.2}, 0.2)
        page = text(where)
        assert row(page, "LeNet-300-100, MNIST")[2:] == ["0.0", "0.0", "100.0", "0.0079"]
        (_, _, _, verdict, _) = row(page, "C4, ")
        assert verdict == "holds here: surely higher in 1, surely lower in 0 of 1 pairs"
        step = row(page, "C3, more rounds are at first worse: small VGG")
        assert step[2].startswith("1.00 [1.00, 1.00]".replace("[", "\\[").replace("]", "\\]"))
        assert step[3] == "above 0: holds here, with the whole interval"


class TestFreezing:
    def write(self, where: Place, saving: float) -> None:
        """Frozen needs 40 weights more for each point; the others `saving` times fewer."""
        for config in configs(where, "frozen-unfrozen-split-mnist"):
            density = config.hyperparameters["density"]
            fewer = 1 if config.strategy == "packnet-frozen" else saving
            made = record(config, error=0.1 - density, matrix=[[0.9 + density] * 5] * 5)
            weights = round(10_000 * (0.01 + density) / fewer)
            count = made.weights[-1].model_dump() | {
                "total": 20_000, "prunable": 20_000, "used": weights, "used_prunable": weights,
                "active": weights // 2 if fewer > 1 else weights,
            }  # fmt: skip
            changed = made.model_copy(update={"weights": [WeightsInUse(**count)] * 5})
            Store(where.records).write(changed)

    def test_the_price_of_freezing_at_matched_accuracy(self, tmp_path):
        where = place(tmp_path)
        self.write(where, saving=3)
        page = text(where)
        for reading in (
            "U1, every snapshot counted",
            "U2, final weights",
            "U3, final weights with rehearsal",
        ):
            measured, verdict = row(page, f"C1, freezing costs weights, {reading}: split MNIST")[
                2:4
            ]
            assert measured.startswith("3.")
            assert verdict == "more than 2 times: holds here, with the whole interval"
        alone = row(
            page, "C1, freezing costs weights, U1, the last task's network alone: split MNIST"
        )
        assert alone[2].startswith("6.")

    def test_no_saving_is_no_claim(self, tmp_path):
        where = place(tmp_path)
        self.write(where, saving=1.5)
        verdict = row(text(where), "C1, freezing costs weights, U2, final weights: split MNIST")[3]
        assert verdict == "more than 2 times: does not hold here, with the whole interval"


class TestPeers:
    def write(self, where: Place, *, forgets: float) -> None:
        for config in configs(where, "split-mnist"):
            own = config.strategy == "packnet-frozen"
            accuracy = 0.99 if own else 0.98
            after = accuracy - forgets if own else accuracy
            matrix = [[after] * i + [accuracy] + [0.5] * (4 - i) for i in range(5)]
            made = record(config, error=1 - accuracy, matrix=matrix)
            steps = {"train": 300 if own else 100, "night": 0}
            each = [steps["train"] // 5] * 5
            cost = made.cost.model_copy(update={"steps": steps, "steps_by_experience": each})
            Store(where.records).write(made.model_copy(update={"cost": cost}))

    def test_nothing_forgotten_more_accurate_and_faster(self, tmp_path):
        where = place(tmp_path, "mallya2018")
        self.write(where, forgets=0.0)
        page = text(where)
        frozen = [c for c in configs(where, "split-mnist") if c.strategy == "packnet-frozen"]
        runs, densities = len(frozen), len({c.hyperparameters["density"] for c in frozen})
        exact = row(page, "C9, frozen PackNet keeps earlier tasks exactly: split MNIST")
        assert exact[2].startswith(f"in {runs} of {runs} runs")
        assert exact[3] == "holds here, exactly"
        level = row(page, "as accurate as the library's PackNet: split MNIST")
        every = f"{densities} of {densities} settings"
        assert level[3] == f"at or above in the mean at {every}, surely below at 0"
        speed = row(page, "faster than the library's PackNet: split MNIST")
        assert speed[2].startswith("3.00 ")

    def test_the_least_change_is_no_longer_exact(self, tmp_path):
        where = place(tmp_path, "mallya2018")
        self.write(where, forgets=1e-4)
        exact = row(text(where), "C9, frozen PackNet keeps earlier tasks exactly: split MNIST")
        assert exact[3] == "does not hold here"


class TestSleep:
    def write(self, where: Place, name: str, accuracy) -> None:
        """accuracy: of a configuration, as a fraction."""
        for config in configs(where, name):
            spread = config.repetition / 1000
            Store(where.records).write(record(config, error=1 - accuracy(config) - spread))

    def test_published_levels_and_goals_are_measured_by_their_rows(self, tmp_path):
        where = place(tmp_path, "tadros2022")
        level = {"seen": 0.51, "current": 0.55}
        self.write(where, "mnist-sequential", lambda config: 0.195)
        self.write(
            where,
            "mnist-sleep",
            lambda c: (
                0.45
                if c.hyperparameters.keys() & {"inc", "sleep_input", "sleep_from"}
                else level[c.hyperparameters["data"]]
            ),
        )
        page = text(where)
        naive = row(page, "C5, training forgets: one task after the other, MNIST")
        assert naive[1] == "19.49 %"
        assert naive[2].startswith("19.70 ")
        whole = "holds here, with the whole interval"
        assert naive[3] == f"at least 18.0 %: {whole}; at most 20.0 %: {whole}"
        assert row(page, "C5, sleep that sees all past")[2].startswith("51.20 ")
        free = row(page, "sleep that sees no past data")
        assert free[1] == "none: a goal of this project, at least 57.0 %"
        assert free[3] == "at least 57.0 %: does not hold here, with the whole interval"
        assert row(page, "C5, all data at once: all tasks at once, MNIST")[3] == "not run"
        night = "sleep after each task, MNIST"
        alone = row(
            page, f"sleep-replay, data current against controls and what does not sleep: {night}"
        )
        assert alone[2].startswith(
            "points of accuracy above 10.00 \\[10.00, 10.00\\] sleep-replay, "
        )
        assert alone[3] == "surely above all 3"

    def test_the_best_that_sleeps_is_no_control(self, tmp_path):
        where = place(tmp_path, "tadros2022")

        def accuracy(config) -> float:
            if config.hyperparameters.get("sleep_from") == 5:
                return 0.9
            return 0.8 if config.strategy == "dreaming" else 0.5

        self.write(where, "mnist-budget", accuracy)
        page = text(where)
        best = row(page, "the best that sleeps, nothing stored")
        assert best[2].startswith("80.20 ")
        assert " % by dreaming, chosen among 4 on the test" in best[2]
        assert best[3] == "at least 75.0 %: holds here, with the whole interval"
        above, below = row(page, "dreaming against")[3].split("; ")
        assert above.startswith("surely above sleep-replay-noise and ")
        assert below == (
            "surely below sleep-replay, sleep\\_from 5 and staged-sleep, sleep\\_from 5"
        )

    def test_on_features_the_published_level_is_that_of_nights_on_the_first_task(self, tmp_path):
        where = place(tmp_path, "tadros2022")
        level = {"first": 0.48, "seen": 0.3, "current": 0.2}
        self.write(where, "cifar10-sequential", lambda config: 0.17)
        self.write(where, "cifar10-sleep", lambda config: 0.5)
        self.write(where, "cifar10-sleep-tuned", lambda c: level[c.hyperparameters["data"]])
        page = text(where)
        naive = row(page, "C5, training forgets: one task after the other, CIFAR-10")
        assert naive[1] == "19.01 %"
        assert naive[3] == "at most 20.0 %: holds here, with the whole interval"
        slept = row(page, "C5, sleep that sees the first task")
        assert slept[1] == "44.55 %"
        assert slept[2].startswith("50.20 ")
        assert slept[3] == "at least 44.5 %: holds here, with the whole interval"
        assert "without labels, from 500 images of each class that the stream has not" in note(
            page, slept
        )
        assert "does not sleep: sleep after each task, CIFAR-10 features" not in page  # no control
        tuned = row(page, "C5, sleep tuned here that sees the first task")
        assert tuned[1] == "44.55 %"
        assert tuned[2].startswith("48.20 ")
        assert "constants searched here, on training images held out" in note(page, tuned)

    def test_stored_examples_with_nights_are_compared_with_the_same_without(self, tmp_path):
        where = place(tmp_path, "tadros2022")

        def accuracy(config) -> float:
            stored = config.hyperparameters["buffer"] / 1000
            return 0.4 + stored + (0.1 if config.hyperparameters["sleep_from"] == 1 else 0.0)

        self.write(where, "cifar10-buffers", accuracy)
        page = text(where)
        for stored in (0, 10, 100):
            slept = row(page, f"sleep-replay, buffer {stored}, sleep\\_from 1 against")
            assert slept[2] == (
                "points of accuracy above 10.00 \\[10.00, 10.00\\] "
                f"sleep-replay, buffer {stored}, sleep\\_from 6; n = 5 seeds"
            )

    def test_a_buffer_is_compared_with_one_of_its_size(self, tmp_path):
        where = place(tmp_path, "tadros2022")
        self.write(
            where,
            "mnist-buffers",
            lambda c: 0.6 if c.hyperparameters.get("mem_size") == 100 else 0.5,
        )
        page = text(where)
        small, large = (
            row(page, f"staged-sleep, buffer {n}, stages dream+rehearse against") for n in (10, 100)
        )
        assert small[3] == "not settled against all 2"
        assert large[3] == (
            "surely below replay, mem\\_size 100; "
            "not settled against staged-sleep, buffer 100, stages rehearse"
        )


class TestPage:
    def test_without_records_every_claim_is_not_run_and_every_command_stands_there(self, tmp_path):
        page = text(place(tmp_path))
        assert page.startswith("# Ball, Li, Lamb &amp; Zhang 2020: published and measured\n")
        for experiment in PAPERS["ball2020"].experiments:
            assert f"`python -m bench reproduce ball2020 --only {experiment.name}`" in page
        verdicts = [line.split(" | ")[3] for line in page.splitlines() if line.startswith("| C")]
        assert set(verdicts) == {"not run"}

    def test_missing_seeds_are_listed_and_what_there_is_is_shown(self, tmp_path):
        where = place(tmp_path)
        for config in configs(where, "mnist-mlp"):
            if config.hyperparameters.get("rounds") != 8 or config.repetition < 3:
                Store(where.records).write(record(config, error=0.03))
        page = text(where)
        assert "| 2 of 35 | iterative-prune-budgeted, rounds 8: seed 3, 4 |" in page
        assert "(provisional: fewer than 5 seeds)" in page

    def test_a_failed_run_counts_as_chance(self, tmp_path):
        where = place(tmp_path)
        for config in configs(where, "mnist-mlp"):
            status = "diverged" if config.hyperparameters.get("rounds") == 1 else "ok"
            Store(where.records).write(record(config, error=0.03, status=status))
        failed = row(text(where), "iterative-prune-budgeted, rounds 1 ")
        assert failed[2:4] == ["5/5", "90.00 [90.00, 90.00]"]

    def test_the_quick_page_says_so_in_its_first_line(self, tmp_path):
        where = Place("ball2020", True, tmp_path / "runs" / "ball2020-quick")
        assert text(where).splitlines()[0].startswith("# Quick check of Ball, ")
        assert "`python -m bench reproduce ball2020 --quick --only mnist-mlp`" in text(where)

    def test_records_of_two_machines_are_refused(self, tmp_path):
        where = place(tmp_path)
        first, second, *_ = configs(where, "mnist-mlp")
        Store(where.records).write(record(first, error=0.03))
        Store(where.records).write(record(second, error=0.03, cpu="other"))
        with pytest.raises(PoolError, match="machine differs"):
            reproduce.write(where)

    def test_records_that_no_suite_declares_are_left_alone(self, tmp_path):
        where = place(tmp_path)
        Store(where.records).write(make_record())
        assert "split-mnist-class" not in text(where)


class TestCommand:
    """`bench reproduce` with suites of a second, under the names of the declared ones."""

    @pytest.fixture
    def suites(self, tmp_path, monkeypatch):
        for experiment in PAPERS["ball2020"].experiments:
            declared = Suite.read(ROOT / "suites" / "ball2020" / f"{experiment.name}.toml")
            text = f"""
                benchmarks = ["split-digits"]
                scenarios = ["{declared.scenarios[0]}"]
                strategies = {list(declared.strategies)}
                budget = "20steps"
                [hyperparameters.{declared.strategies[0]}]
                {"rounds" if experiment.kind == "rounds" else "density"} = [1, 2]
            """
            file = tmp_path / "suites" / "ball2020" / f"{experiment.name}.toml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        monkeypatch.setattr(reproduce, "SUITES", tmp_path / "suites")
        return tmp_path / "suites"

    def call(self, out: Path, *more: str):
        arguments = ["reproduce", "ball2020", "--only", "mnist-mlp", "--out", str(out), *more]
        return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})

    def test_it_runs_what_is_missing_and_only_that(self, suites, tmp_path):
        first, again = (self.call(tmp_path / "out") for _ in range(2))
        assert first.exit_code == 0, first.output
        assert "3 runs of 20steps: 0 done, 3 to go" in first.output
        assert "3 runs of 20steps: 3 done, 0 to go" in again.output
        assert "(provisional: fewer than 5 seeds)" in (tmp_path / "out" / "README.md").read_text()
        assert (tmp_path / "out" / "rounds.png").is_file()

    def test_a_suite_run_by_hand_fills_the_same_cells(self, suites, tmp_path):
        file, out = suites / "ball2020" / "mnist-mlp.toml", tmp_path / "out"
        CliRunner().invoke(app, ["run", "--suite", str(file), "--out", str(out / "records")])
        page_only = self.call(out, "--page-only")
        assert page_only.exit_code == 0, page_only.output
        assert "to go" not in page_only.output
        assert "`mnist-mlp` |" not in (out / "README.md").read_text()

    def test_what_cannot_be_run_is_named_and_the_page_still_written(self, tmp_path):
        ended = self.call(tmp_path / "out", "--data", str(tmp_path / "nothing"))
        assert ended.exit_code == 1
        assert "not run: " in ended.output
        assert "python -m bench data fetch mnist" in ended.output
        assert "Not run: none of 35 runs" in (tmp_path / "out" / "README.md").read_text()


class TestVerify:
    def written(self, tmp_path) -> Path:
        where = place(tmp_path)
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


class TestFigures:
    def test_the_intervals_and_the_band_are_those_of_the_records(self, tmp_path):
        from bench.papers import figures

        where = place(tmp_path)
        write_rounds(where, "mnist-mlp", ERRORS, adaptive=0.03)
        figure = figures.rounds_figure(drawn(reproduce.results(where)[0], "rounds"))
        (axes,) = figure.axes
        line = axes.containers[0].lines[0]
        assert line.get_xdata().tolist() == list(ERRORS)
        mean = [100 * error * 1.002 for error in ERRORS.values()]
        assert line.get_ydata().tolist() == pytest.approx(mean)
        assert axes.get_ylabel() == "test error, %"
        assert "n = 5 seeds" in axes.get_title()

    def test_equal_records_give_equal_figures(self, tmp_path):
        svgs = []
        for name in ("one", "two"):
            where = place(tmp_path / name)
            write_rounds(where, "mnist-mlp", ERRORS, adaptive=0.03)
            reproduce.write(where)
            svgs.append((where.folder / "rounds.svg").read_bytes())
        assert svgs[0] == svgs[1]

    def test_every_row_has_its_accuracy_its_seeds_and_what_is_published(self, tmp_path):
        from bench.papers import figures

        where = place(tmp_path, "tadros2022")
        TestSleep().write(where, "mnist-sequential", lambda config: 0.2)
        figure = figures.accuracies_figure(drawn(reproduce.results(where)[0], "accuracies"))
        (axes,) = figure.axes
        by_label = {line.get_label(): line.get_xdata().tolist() for line in axes.lines}
        assert by_label["published"] == [pytest.approx(19.49)]
        assert by_label["one seed"] == pytest.approx([20.0, 20.1, 20.2, 20.3, 20.4])
        mean = axes.containers[0].lines[0]
        assert mean.get_xdata().tolist() == [pytest.approx(20.2)]
        assert [label.get_text() for label in axes.get_yticklabels()] == ["naive"]
