"""Sleep beside published accuracies, from records of runs that never happened."""

import pytest

from bench.papers import reproduce
from bench.papers.page import drawn
from bench.papers.reproduce import PaperFolder
from bench.papers.tadros2022.paper import SLEEP
from bench.records.store import Store
from paper_records import configs, note, page_text, paper_folder, record, row


class TestSleep:
    def write(self, where: PaperFolder, name: str, accuracy) -> None:
        """accuracy: of a configuration, as a fraction."""
        for config in configs(where, name):
            spread = config.repetition / 1000
            Store(where.records).write(record(config, error=1 - accuracy(config) - spread))

    def test_published_levels_and_goals_are_measured_by_their_rows(self, tmp_path):
        where = paper_folder(tmp_path, "tadros2022")
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
        page = page_text(where)
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
        where = paper_folder(tmp_path, "tadros2022")

        def accuracy(config) -> float:
            if config.hyperparameters.get("sleep_from") == 5:
                return 0.9
            return 0.8 if config.strategy == "dreaming" else 0.5

        self.write(where, "mnist-budget", accuracy)
        page = page_text(where)
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
        where = paper_folder(tmp_path, "tadros2022")
        level = {"first": 0.48, "seen": 0.3, "current": 0.2}
        self.write(where, "cifar10-sequential", lambda config: 0.17)
        self.write(where, "cifar10-sleep", lambda config: 0.5)
        self.write(where, "cifar10-sleep-tuned", lambda c: level[c.hyperparameters["data"]])
        page = page_text(where)
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
        where = paper_folder(tmp_path, "tadros2022")

        def accuracy(config) -> float:
            stored = config.hyperparameters["buffer"] / 1000
            return 0.4 + stored + (0.1 if config.hyperparameters["sleep_from"] == 1 else 0.0)

        self.write(where, "cifar10-buffers", accuracy)
        page = page_text(where)
        for stored in (0, 10, 100):
            slept = row(page, f"sleep-replay, buffer {stored}, sleep\\_from 1 against")
            assert slept[2] == (
                "points of accuracy above 10.00 \\[10.00, 10.00\\] "
                f"sleep-replay, buffer {stored}, sleep\\_from 6; n = 5 seeds"
            )

    def test_a_buffer_is_compared_with_one_of_its_size(self, tmp_path):
        where = paper_folder(tmp_path, "tadros2022")
        self.write(
            where,
            "mnist-buffers",
            lambda c: 0.6 if c.hyperparameters.get("mem_size") == 100 else 0.5,
        )
        page = page_text(where)
        small, large = (
            row(page, f"staged-sleep, buffer {n}, stages dream+rehearse against") for n in (10, 100)
        )
        assert small[3] == "not settled against all 2"
        assert large[3] == (
            "surely below replay, mem\\_size 100; "
            "not settled against staged-sleep, buffer 100, stages rehearse"
        )

    def test_every_row_has_its_accuracy_its_seeds_and_what_is_published(self, tmp_path):
        where = paper_folder(tmp_path, "tadros2022")
        self.write(where, "mnist-sequential", lambda config: 0.2)
        figure = SLEEP.figure.draw(drawn(SLEEP, reproduce.read_results(where)[0]))
        (axes,) = figure.axes
        by_label = {line.get_label(): line.get_xdata().tolist() for line in axes.lines}
        assert by_label["published"] == [pytest.approx(19.49)]
        assert by_label["one seed"] == pytest.approx([20.0, 20.1, 20.2, 20.3, 20.4])
        mean = axes.containers[0].lines[0]
        assert mean.get_xdata().tolist() == [pytest.approx(20.2)]
        assert [label.get_text() for label in axes.get_yticklabels()] == ["naive"]
