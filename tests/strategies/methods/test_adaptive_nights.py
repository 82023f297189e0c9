from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from strategies.methods.adaptive_nights import Share
from toy import toy_benchmark, toy_strategy


def trained(benchmark, experiences, *, name="adaptive-nights", epochs=3, **chosen):
    strategy = toy_strategy(name, benchmark, epochs=epochs, chosen={"batch_size": 16, **chosen})
    for experience in benchmark.train[:experiences]:
        strategy.train(experience)
    return strategy


def test_a_share_moves_in_log_odds_and_stops_at_its_ends():
    share = Share(0.0, low=-1.0, high=0.5)
    assert share.value == 0.5
    share.learn(True, 0.25)
    assert share.value == pytest.approx(1 / (1 + torch.tensor(-0.25).exp().item()))
    for paid, end in ((True, 0.5), (False, -1.0)):
        for _ in range(9):
            share.learn(paid, 0.25)
        assert share.log_odds == end


def test_the_first_experience_is_plain_training_but_for_the_part_of_the_way():
    benchmark = toy_benchmark("domain", samples=40)
    before = toy_strategy("naive", benchmark, epochs=1, chosen={"batch_size": 16})
    start = {name: weight.clone() for name, weight in before.model.named_parameters()}
    plain = trained(benchmark, 1, name="naive", epochs=1)
    found = trained(benchmark, 1, epochs=1)
    for name, weight in found.model.named_parameters():
        whole = dict(plain.model.named_parameters())[name]
        assert torch.allclose(found.farthest[name], whole)
        assert torch.allclose(weight, start[name].lerp(whole, found.way.value), atol=1e-6)


def test_each_later_experience_moves_both_shares_once():
    benchmark = toy_benchmark("domain", samples=40)
    found = trained(benchmark, 2, pace=0.5)
    assert found.way.log_odds in (2.5, 3.0)  # at its high end it stays
    assert abs(found.rehearsed.log_odds) == 0.5


def test_the_way_is_judged_by_what_comes_and_leaves_the_weights_alone():
    benchmark = toy_benchmark("domain", samples=40)
    strategy = trained(benchmark, 1)
    weights = strategy._weights()
    strategy._first = [torch.stack([x for x, _, _ in benchmark.train[1].dataset][:16])]
    strategy._first += [
        torch.tensor([row[column] for row in benchmark.train[1].dataset][:16]) for column in (1, 2)
    ]
    strategy.farthest = {name: 1e3 * torch.randn_like(w) for name, w in weights.items()}
    strategy._judge_the_way()
    assert strategy.way.log_odds == 2.75
    assert all(torch.equal(strategy._weights()[name], weight) for name, weight in weights.items())


def test_a_minibatch_has_as_many_stored_rows_as_their_share():
    strategy = trained(toy_benchmark("domain", samples=40), 1)
    columns = strategy.stored.columns[:-1]
    new = [column[:0].new_ones(16, *column.shape[1:]) for column in columns]
    strategy.rehearsed.log_odds = math.log(3)
    mixed = strategy._among_stored(new)
    assert [len(column) for column in mixed] == [16] * 3  # 4 new ones and 12 that are stored
    assert torch.equal(mixed[0][:4], new[0][:4])
    assert not torch.equal(mixed[0][4:], new[0][4:])


def test_an_experience_of_a_few_minibatches_is_not_spent_on_rehearsal():
    benchmark = toy_benchmark("domain", samples=10)
    found = trained(benchmark, 2, epochs=1)
    assert found._steps_before < 4
    assert found.rehearsed.log_odds == 0.0


def test_no_more_than_mem_size_is_stored_and_nothing_twice():
    benchmark = toy_benchmark("domain", samples=40)
    found = trained(benchmark, 1, mem_size=500)
    assert len(found.stored) == len(benchmark.train[0].dataset)
    assert len(trained(benchmark, 2, mem_size=7).stored) == 7


@pytest.mark.parametrize("pace", [0.0, -1.0])
def test_a_pace_that_is_not_above_0_is_refused(pace):
    with pytest.raises(ValueError, match=f"pace must be above 0, got {pace}"):
        toy_strategy("adaptive-nights", toy_benchmark("domain"), chosen={"pace": pace})


def test_where_the_past_is_wrong_what_is_stored_is_of_late():
    benchmark = toy_benchmark("domain", samples=40)
    strategy = trained(benchmark, 2, mem_size=30)
    born = strategy.stored.columns[-1]
    assert set(born.tolist()) == {0, 1}
    strategy.clock.train_exp_counter = 4
    strategy.forecasters = SimpleNamespace(span=0.3)
    drawn = strategy._drawn(2_000)[0]
    late = strategy.stored.columns[0][born == 1]
    seen = {tuple(row.flatten().tolist()) for row in late}
    assert {tuple(row.flatten().tolist()) for row in drawn} <= seen  # e ** -10 each for the others


def test_a_stored_row_knows_its_experience_and_its_labels():
    benchmark = toy_benchmark("domain", samples=40)
    strategy = trained(benchmark, 2, mem_size=500)
    x, y, _, born = strategy.stored.columns
    for index in (0, 1):
        own = {(tuple(a.flatten().tolist()), int(b)) for a, b, *_ in benchmark.train[index].dataset}
        rows = zip(x[born == index], y[born == index], strict=True)
        assert {(tuple(a.flatten().tolist()), int(b)) for a, b in rows} == own
