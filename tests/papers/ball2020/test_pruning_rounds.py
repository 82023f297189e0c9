"""Claims about the number of rounds, from records of runs that never happened."""

import pytest

from bench.papers import reproduce
from bench.papers.ball2020.paper import ROUNDS
from bench.papers.page import drawn
from paper_records import ERRORS, note, page_text, paper_folder, row, write_rounds


class TestRounds:
    def test_the_best_and_the_worst_number_and_their_ratio(self, tmp_path):
        where = paper_folder(tmp_path)
        write_rounds(where, "mnist-mlp", ERRORS, adaptive=0.0304)
        page = page_text(where)
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
        where = paper_folder(tmp_path)
        write_rounds(where, "mnist-mlp", dict.fromkeys(ERRORS, 0.05), adaptive=0.06)
        page = page_text(where)
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
        where = paper_folder(tmp_path)
        write_rounds(where, "mnist-mlp", {1: 0.02, 2: 0.03, 4: 0.04, 8: 0.05, 16: 0.06}, 0.03)
        write_rounds(where, "cifar10-vgg", {1: 0.3, 2: 0.31, 4: 0.28, 8: 0.25, 16: 0.2}, 0.2)
        page = page_text(where)
        assert row(page, "LeNet-300-100, MNIST")[2:] == ["0.0", "0.0", "100.0", "0.0079"]
        (_, _, _, verdict, _) = row(page, "C4, ")
        assert verdict == "holds here: surely higher in 1, surely lower in 0 of 1 pairs"
        step = row(page, "C3, more rounds are at first worse: small VGG")
        assert step[2].startswith("1.00 [1.00, 1.00]".replace("[", "\\[").replace("]", "\\]"))
        assert step[3] == "above 0: holds here, with the whole interval"


class TestFigure:
    def test_the_intervals_and_the_band_are_those_of_the_records(self, tmp_path):
        where = paper_folder(tmp_path)
        write_rounds(where, "mnist-mlp", ERRORS, adaptive=0.03)
        figure = ROUNDS.figure.draw(drawn(ROUNDS, reproduce.read_results(where)[0]))
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
            where = paper_folder(tmp_path / name)
            write_rounds(where, "mnist-mlp", ERRORS, adaptive=0.03)
            reproduce.write(where)
            svgs.append((where.folder / "rounds.svg").read_bytes())
        assert svgs[0] == svgs[1]
