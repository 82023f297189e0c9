from __future__ import annotations

import pytest

from strategies.earlier_examples import EarlierExamples
from toy import toy_benchmark, toy_strategy


def test_what_is_drawn_is_of_earlier_experiences_and_shares_the_room():
    benchmark = toy_benchmark("class", experiences=3)
    strategy = toy_strategy("naive", benchmark)
    earlier = EarlierExamples(12)
    for index, experience in enumerate(benchmark.train):
        strategy.experience = experience
        earlier.begin(strategy)
        drawn = earlier.draw(100)
        if index == 0:
            assert drawn is None
        else:
            of = (drawn[1] // 2).tolist()
            assert sorted(of) == sorted(list(range(index)) * (12 // index))
            assert len(earlier.draw(5)[1]) == 5
        earlier.end(strategy)
        assert earlier.draw(1) is None


def test_a_size_below_one_is_refused():
    with pytest.raises(ValueError, match="mem_size must be at least 1, got 0"):
        EarlierExamples(0)
