from __future__ import annotations

from pathlib import Path

import pytest

from bench.config.budget import Budget
from bench.ranking.pools import PoolError, PoolKey, only_pool, pool_key, pools
from bench.records.store import Stored
from factories import make_record


def stored(*records) -> list[Stored]:
    return [Stored(Path(f"{i}.json"), record) for i, record in enumerate(records)]


def test_the_order_of_the_key_is_the_order_of_pages():
    assert list(PoolKey.model_fields) == [
        "benchmark", "benchmark_version", "scenario", "model", "budget", "clock", "allocation",
        "validation", "threads", "device", "speedups", "augment", "ruleset", "data_hash", "machine",
        "chance", "tuned",
    ]  # fmt: skip


def test_runs_that_differ_in_strategy_and_seed_alone_are_one_pool():
    found = pools(stored(make_record(), make_record("ewc"), make_record(seed=1, base_seed=2)))
    assert [len(members) for members in found.values()] == [3]


def test_a_difference_is_told_by_its_name_and_values():
    with pytest.raises(PoolError, match=r"must agree; threads differs: 1, 2$"):
        only_pool(stored(make_record(), make_record(threads=2)))


def test_the_order_of_reading_does_not_matter():
    items = stored(make_record(), make_record(threads=2), make_record(augment=("flip",)))
    assert list(pools(items)) == list(pools(items[::-1]))


def test_a_run_that_failed_before_all_was_known_joins_the_one_pool_that_it_agrees_with():
    early = make_record("ewc", status="error", data_hash=None, version=None)
    found = pools(stored(make_record(), early))
    assert [len(members) for members in found.values()] == [2]
    apart = pools(stored(make_record(), make_record(data_hash="e" * 12), early))
    assert sorted(len(members) for members in apart.values()) == [1, 1, 1]


def test_the_machine_separates_what_was_timed_and_nothing_else():
    assert pool_key(make_record(cpu="a")) != pool_key(make_record(cpu="b"))
    steps = Budget.parse("20steps")
    assert pool_key(make_record(cpu="a", budget=steps)) == pool_key(
        make_record(cpu="b", budget=steps)
    )


def test_what_a_search_chose_is_a_table_of_its_own():
    assert pool_key(make_record(search_charged=40.0)).tuned
    assert len(pools(stored(make_record(), make_record(search_charged=40.0)))) == 2
