from __future__ import annotations

import math

import pytest
import torch

from strategies.reservoir import Reservoir


def test_everything_is_kept_until_it_is_full():
    stored = Reservoir(7)
    stored.offer(torch.arange(5))
    assert stored.columns[0].tolist() == [0, 1, 2, 3, 4]
    stored.offer(torch.arange(5, 7))
    assert stored.columns[0].tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_each_row_of_the_stream_is_kept_equally_often():
    torch.manual_seed(0)
    kept = torch.zeros(60)
    for _ in range(2000):
        stored = Reservoir(6)
        for first in range(0, 60, 4):
            stored.offer(torch.arange(first, first + 4))
        kept[stored.columns[0]] += 1
    # 200 expected, standard deviation 13.4: five of them
    assert kept.sum() == 2000 * 6
    assert ((kept - 200).abs() < 67).all()


def test_columns_stay_together():
    torch.manual_seed(0)
    stored = Reservoir(10)
    for first in range(0, 100, 25):
        numbers = torch.arange(first, first + 25)
        stored.offer(numbers.float().view(-1, 1, 1).expand(-1, 2, 2), -numbers)
    images, labels = stored.draw(8)
    assert images.shape == (8, 2, 2)
    assert torch.equal(images[:, 0, 0], -labels.float())


def test_what_is_drawn_has_no_repeats_and_is_all_where_little_is_kept():
    stored = Reservoir(10)
    stored.offer(torch.arange(4))
    [drawn] = stored.draw(9)
    assert sorted(drawn.tolist()) == [0, 1, 2, 3]


def test_a_batch_that_was_offered_is_not_changed_and_not_held():
    torch.manual_seed(0)
    stored, batch = Reservoir(3), torch.arange(3)
    stored.offer(batch)
    stored.offer(torch.arange(100, 200))
    assert batch.tolist() == [0, 1, 2]
    assert stored.columns[0].untyped_storage().nbytes() == 3 * 8


def test_a_size_below_one_is_refused():
    with pytest.raises(ValueError, match="mem_size must be at least 1, got 0"):
        Reservoir(0)


def test_reaching_back_keeps_the_last_rows():
    ages = []
    for seed in range(200):
        torch.manual_seed(seed)
        kept = Reservoir(50)
        for n in range(100):
            kept.offer(torch.arange(10 * n, 10 * (n + 1)))
            kept.reach_back(100.0)
        ages.append(float((999 - kept.columns[0]).double().mean()))
    assert abs(sum(ages) / len(ages) - 100) < 10  # the mean age is what was asked for
    kept.reach_back(math.inf)
    assert kept.offered == 100


def test_rows_are_drawn_by_their_weights():
    kept = Reservoir(3)
    kept.offer(torch.arange(3))
    [drawn] = kept.draw(4_000, torch.tensor([0.0, 1.0, 3.0]))
    counts = torch.bincount(drawn, minlength=3)
    assert counts[0] == 0
    assert abs(int(counts[1]) - 1_000) < 150
