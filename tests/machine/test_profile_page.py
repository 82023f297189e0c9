from __future__ import annotations

import csv
import json

from bench.machine import profile_page
from bench.machine.stack_sampler import samples_file
from bench.records.store import Store, Stored
from factories import make_record

SECONDS = {"data": 1.0, "forward": 2.0, "backward": 5.9, "EWCPlugin": 1.0, "Small": 0.04}


def stored(tmp_path, record, seconds):
    path = Store(tmp_path).write(record)
    if seconds is not None:
        samples_file(path).write_text(json.dumps(seconds))
    return Stored(path, record)


def test_seeds_are_added_up_and_small_parts_are_other(tmp_path):
    items = [stored(tmp_path, make_record("ewc", seed), SECONDS) for seed in (0, 1)]
    (found,) = profile_page.profiles(items)
    assert found.seconds["backward"] == 11.8
    assert found.minibatches == 200
    assert found.own() == ["EWCPlugin"]
    page = profile_page.page_markdown([found], command="c", machine="m", cost="Free.")
    row = "| ewc | 200 | 10.1 | 20.1 | 0.0 | 59.4 | 0.0 | 0.0 | EWCPlugin 10.1 | 0.4 |"
    assert row in page
    assert "## split-mnist, class-incremental, 20s" in page
    assert "Free." in page


def test_a_run_that_died_is_a_row_with_its_reason(tmp_path):
    dead = make_record("ewc", status="error", reason="it broke")
    (found,) = profile_page.profiles([stored(tmp_path, dead, None)])
    page = profile_page.page_markdown([found], command="c", machine="m", cost="")
    assert "| ewc | 0 | - | - | - | - | - | - | error: it broke | - |" in page


def test_the_csv_holds_every_part_and_its_shares_add_up_to_one(tmp_path):
    found = profile_page.profiles([stored(tmp_path, make_record("ewc"), SECONDS)])
    rows = list(csv.DictReader(profile_page.page_csv(found).splitlines()))
    assert {row["part"] for row in rows} == set(SECONDS)
    assert abs(sum(float(row["share"]) for row in rows) - 1) < 1e-12


def test_what_sampling_costs_is_the_median_of_pairs():
    plain = make_record()
    spent = plain.cost.cpu_seconds
    costs = [plain.cost.model_copy(update={"cpu_seconds": spent * f}) for f in (1.02, 1.01, 1.06)]
    pairs = [(plain, plain.model_copy(update={"cost": cost})) for cost in costs]
    said = profile_page.disturbance(pairs)
    assert said.startswith("Sampling costs 2.0 % of CPU time: the median of 3 pairs of naive")
    assert said.endswith("from 1.0 to 6.0 %.")
    assert profile_page.disturbance([]) == "What sampling costs was not measured."
