"""A stream by day and night: each day is answered as it comes, and trained on in the night after.

The clock runs while a strategy answers and while it trains. What a day takes is taken from its
night.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.config.datasets import MONTH
from bench.data.nights import Days, all_days
from bench.data.streams import Benchmark
from bench.runner.desk import Desk
from bench.runner.divergence import diverging
from bench.runner.evaluation import answers, plain
from bench.runner.meter import Meter, process_cpu_seconds
from bench.runner.progress import Account
from bench.runner.uncharged_work import check_excused

WAITED = 0.004
"""CPU seconds that a strategy may wait for a day and its labels: some ten times what it takes."""


@dataclass
class Nights:
    """A strategy that answers every day and trains every night.

    Attributes:
        benchmark: a stream by day and night.
        desk: brings its days.
        meter: charges them.
        account: is told how far the run is, in months.
        strategy: that is run.
        look: called at the end of every month, to see what runs on beside the strategy.
        waited: CPU seconds that passed while days were brought and labels told.
    """

    benchmark: Benchmark
    desk: Desk
    meter: Meter
    account: Account
    strategy: Any
    look: Callable[[], None] = lambda: None
    waited: float = 0.0

    def pass_by(self) -> None:
        """All days and nights, in order.

        Raises:
            UnchargedWork: for work while a day was brought, or beside the strategy.
        """
        nights, days = self.benchmark.train_stream, self._days
        for day, experience in enumerate(nights):
            with self._off_the_clock():
                self.desk.open(day)
            given = None
            if day >= days.first_asked:
                with self.meter.day(), diverging(self.strategy):
                    given = plain(answers(self.strategy, days.questions[day]))
            with self._off_the_clock():
                self.desk.close_day(day, given)
            with self.meter.experience(day), diverging(self.strategy):
                self.strategy.train(experience)
            if (day + 1) % MONTH == 0 or day + 1 == len(nights):
                self.look()
                check_excused("waiting for its days", self.waited, WAITED * (day + 1), times=1)
                self.account.experience = (day + 1) // MONTH

    def pass_in_hindsight(self) -> None:
        """One training on all that will have been seen, by which every day is answered."""
        questions = self._days.questions
        with self.meter.off_the_clock("data"):
            for day in range(len(questions)):
                self.desk.open(day)
                self.desk.close_day(day, None)
        with self.meter.experience(None), diverging(self.strategy):
            self.strategy.train(list(self.benchmark.train_stream))
        with self.meter.off_the_clock("evaluation"), diverging(self.strategy):
            given = plain(answers(self.strategy, all_days(questions)))
            ends = np.cumsum([len(one.dataset) for one in questions])[:-1]
            asked = np.split(given, ends)
            for day in range(self._days.first_asked, len(questions)):
                self.desk.close_day(day, asked[day])

    @contextmanager
    def _off_the_clock(self) -> Iterator[None]:
        began = process_cpu_seconds()
        with self.meter.off_the_clock("data"):
            yield
        self.waited += process_cpu_seconds() - began

    @property
    def _days(self) -> Days:
        assert self.benchmark.days is not None, "the stream has days"
        return self.benchmark.days
