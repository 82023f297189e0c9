from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.budget import Budget, shares
from bench.runner.meter import IN_FLIGHT, Meter


class FakeClock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make_meter(
    amount: float = 10.0, parts: tuple[float, ...] = (0.5, 0.5), clock: str = "wall", **options
):
    time = FakeClock()
    return Meter(Budget(amount=amount, clock=clock), parts, wall=time, cpu=time, **options), time


@pytest.mark.parametrize(
    ("text", "amount", "clock"),
    [
        ("600s", 600, "wall"),
        ("10m", 600, "wall"),
        ("1h", 3600, "wall"),
        ("1.5h", 5400, "wall"),
        ("2000steps", 2000, "steps"),
    ],
)
def test_a_budget_is_read_from_text_and_back(text, amount, clock):
    budget = Budget.parse(text)
    assert (budget.amount, budget.clock) == (amount, clock)
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize("text", ["0s", "600", "10 parsecs", "-1s", "", "0steps", "s", "1e3s"])
def test_a_wrong_budget_says_what_is_accepted(text):
    with pytest.raises(ValueError, match="600s, 10m, 1h or 2000steps"):
        Budget.parse(text)


def test_units_and_clock_must_agree():
    assert Budget.parse("5s", "cpu").clock == "cpu"
    with pytest.raises(ValueError, match="steps clock"):
        Budget.parse("5s", "steps")
    with pytest.raises(ValueError, match="steps clock"):
        Budget.parse("5steps", "wall")
    with pytest.raises(ValueError, match="whole number"):
        Budget.parse("1.5steps")


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=50))
def test_shares_sum_to_one_and_follow_the_samples(samples):
    parts = shares(samples, "samples")
    assert sum(parts) == pytest.approx(1)
    assert all(p == pytest.approx(n / sum(samples)) for p, n in zip(parts, samples, strict=True))
    assert shares(samples, "equal") == [1 / len(samples)] * len(samples)


def test_time_goes_to_the_kind_that_was_named_last():
    meter, time = make_meter()
    with meter.experience(0):
        time.now += 1  # before the first name: hooks
        meter.charge("data")
        time.now += 2
        meter.charge("train")
        time.now += 3
    assert meter.seconds == {"train": 3, "offline": 0, "data": 2, "hooks": 1, "validation": 0}
    assert meter.spent == 6


@pytest.mark.parametrize(
    ("text", "amount", "clock"),
    [
        ("0.05s/night", 47.2, "wall"),
        ("1m/night", 56_640, "wall"),
        ("20steps/night", 18_880, "steps"),
    ],
)
def test_a_budget_by_the_night_is_that_of_all_nights(text, amount, clock):
    budget = Budget.parse(text, nights=944)
    assert (budget.amount, budget.clock) == (amount, clock)
    with pytest.raises(ValueError, match="a budget by the night needs a stream of nights"):
        Budget.parse(text)


@pytest.mark.parametrize(
    "text", ["99999999999s", "0.0000001s", "2000000000steps", "9999999s/night"]
)
def test_a_budget_that_no_run_can_have_is_told_in_words(text):
    with pytest.raises(ValueError, match=r"budget must be above 1e-06 and at most 1e\+09 s.* got"):
        Budget.parse(text, nights=944)


@pytest.mark.parametrize("text", ["0s/night", "5/night", "/night", "1.5steps/night"])
def test_a_wrong_budget_by_the_night_is_refused(text):
    with pytest.raises(ValueError, match="budget"):
        Budget.parse(text, nights=10)


def test_what_a_night_leaves_is_lost_and_what_it_takes_too_long_is_repaid():
    meter, time = make_meter(9.0, (1 / 3,) * 3, by_night=True)
    with meter.experience(0):
        time.now += 1  # of 3
    with meter.experience(1):
        time.now += 2.9
        assert not meter.exhausted
        time.now += 1.1  # 1 too long
    with meter.experience(2):
        time.now += 1.9
        assert not meter.exhausted
        time.now += 0.1
        assert meter.exhausted
    assert meter.charged_by_experience == pytest.approx([1, 4, 2])


def test_a_night_has_less_by_what_its_day_took():
    meter, time = make_meter(6.0, (1 / 2,) * 2, by_night=True)
    with meter.experience(0):
        time.now += 3
    with meter.day():
        time.now += 1
    with meter.experience(1):
        time.now += 1.9
        assert not meter.exhausted
        time.now += 0.1
        assert meter.exhausted
    assert meter.charged_by_experience == pytest.approx([3, 3])
    assert meter.spent == sum(meter.charged_by_experience)
    assert meter.wall_seconds == 6
    assert not meter.overrun


def test_a_long_end_of_a_night_is_not_set_aside_in_all_that_follow():
    meter, time = make_meter(9.0, (1 / 3,) * 3, by_night=True)
    with meter.experience(0):
        meter.stop()
        time.now += 3
    with meter.experience(1):
        time.now += 2.9
        assert not meter.exhausted


def test_time_outside_an_experience_is_not_charged():
    meter, time = make_meter()
    with meter.off_the_clock("evaluation"):
        time.now += 1000
    with meter.experience(0):
        time.now += 2
    time.now += 1000
    assert meter.spent == 2
    assert meter.uncharged == {"evaluation": 1000}


def test_what_an_experience_leaves_carries_over_and_nothing_is_borrowed():
    meter, time = make_meter(10, (0.5, 0.5))
    with meter.experience(0):
        time.now += 2
        assert meter.progress == pytest.approx(2 / 5)
    with meter.experience(1):
        time.now += 4
        assert meter.progress == pytest.approx(4 / 8)


def test_an_overdraft_is_repaid_from_the_next_share():
    meter, time = make_meter(10, (0.5, 0.5))
    with meter.experience(0):
        time.now += 7
        assert meter.exhausted
    with meter.experience(1):
        time.now += 1.5
        assert meter.progress == pytest.approx(1.5 / 3)


def test_a_debt_larger_than_the_share_stops_at_once():
    meter, time = make_meter(10, (0.5, 0.5))
    with meter.experience(0):
        time.now += 12
    with meter.experience(1):
        assert meter.exhausted
        assert meter.progress >= 1


def test_the_longest_tail_is_reserved_from_the_next_experience_on():
    meter, time = make_meter(10, (0.5, 0.5))
    with meter.experience(0):
        time.now += 5
        meter.stop()
        time.now += 1  # an importance pass that cannot be interrupted
    with meter.experience(1):
        time.now += 3
        # 5 of its own, less 1 of debt, less 1 in reserve
        assert meter.exhausted
        meter.stop()
        time.now += 1
    assert meter.spent == 10
    assert not meter.overrun


def test_on_the_steps_clock_only_steps_are_charged():
    meter, time = make_meter(4, (0.5, 0.5), "steps")
    with meter.experience(0):
        time.now += 1000
        meter.step("train", samples=32)
        assert meter.progress == 0.5
        meter.step("offline")
        assert meter.exhausted
    assert meter.spent == 2
    assert meter.samples == 32
    assert meter.wall_seconds == 1000


def test_on_the_steps_clock_a_minibatch_is_charged_when_it_begins():
    meter, _ = make_meter(4, (1.0,), "steps")
    with meter.experience(0):
        for spent in (1, 2):
            meter.begin_minibatch()
            assert meter.spent == spent
            meter.step("train")
            assert meter.spent == spent
        meter.begin_minibatch()
        meter.step("offline")  # within the minibatch
        assert meter.spent == 4
        assert meter.steps == {"train": 2, "offline": 1}


@pytest.mark.parametrize(
    ("charged", "step", "overrun"),
    [(10.05, 0.01, False), (10.2, 0.01, True), (10.2, 0.3, False), (9.0, 0.01, False)],
)
def test_overrun_is_more_than_one_percent_and_one_step(charged, step, overrun):
    meter, time = make_meter(10, (1.0,))
    with meter.experience(0):
        time.now += step
        meter.step("train")
        time.now += charged - step
    assert meter.overrun is overrun


def test_no_step_is_excused_for_being_long():
    meter, time = make_meter(3, (1.0,))
    with meter.experience(0):
        for _ in range(9):
            time.now += 0.2
            meter.step("train")
        time.now += 20.0
        meter.step("train")
    assert meter.longest_step == pytest.approx(20.0)
    assert meter.median_step == pytest.approx(0.2)
    assert meter.overrun


class Device:
    """A device that takes a second for each step that it is handed; the host takes none."""

    def __init__(self, time):
        self.time, self.ends, self.drained = time, [], 0

    def bound(self):
        self.ends.append(max(self.time.now, self.ends[-1] if self.ends else 0) + 1)
        if len(self.ends) > IN_FLIGHT:
            self.time.now = max(self.time.now, self.ends[-1 - IN_FLIGHT])

    def drain(self):
        self.drained += 1
        self.time.now = max(self.time.now, self.ends[-1] if self.ends else 0)


def test_a_queue_is_seen_to_its_end_and_waited_for_only_near_it():
    time = FakeClock()
    device = Device(time)
    meter = Meter(Budget(amount=100), (0.5, 0.5), wall=time, cpu=time, queue=device)
    waits = []
    for index in range(2):
        with meter.experience(index):
            while not meter.exhausted:
                meter.step("train")
        waits.append(device.drained)
    assert meter.charged_by_experience == [50, 50]
    assert meter.spent == len(device.ends) == 100
    assert waits[0] <= 2 + 2 * IN_FLIGHT


@given(
    st.lists(st.floats(0.01, 5), min_size=1, max_size=6),
    st.floats(0.001, 0.2),
)
def test_a_strategy_that_stops_when_told_never_overdraws_by_more_than_a_step(sizes, step):
    parts = [s / sum(sizes) for s in sizes]
    meter, time = make_meter(10, tuple(parts))
    for index in range(len(parts)):
        with meter.experience(index):
            while not meter.exhausted:
                time.now += step
                meter.step("train")
    assert 10 - 1e-6 <= meter.spent <= 10 + step + 1e-6
