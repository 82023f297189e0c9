"""Options of a benchmark's id: one form for each stream, and a sentence for what cannot be."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.budget import Budget
from bench.config.catalogue import find_benchmark
from bench.config.run_config import RunConfig
from bench.config.stream_options import Shares, StreamOptions, canonical_id, seed_id, split_id
from bench.config.suite import Suite
from bench.study.tuning import Tuning


@pytest.mark.parametrize(
    ("given_as", "name"),
    [
        ("split-mnist", "split-mnist"),
        ("split-mnist?sigma=0", "split-mnist"),
        ("split-mnist?sigma=0.0&repeat=1&parts=1", "split-mnist"),
        ("split-mnist?sigma=.10", "split-mnist?sigma=0.1"),
        ("split-mnist?sigma=1e-1", "split-mnist?sigma=0.1"),
        ("split-mnist?sigma=Infinity", "split-mnist?sigma=inf"),
        ("split-mnist?parts=4&sigma=0.1", "split-mnist?sigma=0.1&parts=4"),
        ("split-mnist?si-blurry=050-10", "split-mnist?si-blurry=50-10"),
        ("permuted-mnist?experiences=050", "permuted-mnist?experiences=50"),
        ("folder:/a/b?experiences=5", "folder:/a/b?experiences=5"),
        ("my.module:make", "my.module:make"),
    ],
)
def test_one_form_for_each_stream(given_as, name):
    assert canonical_id(given_as) == name == canonical_id(name)
    assert Suite(benchmarks=(given_as,)).benchmarks == (name,)


@given(
    st.one_of(st.just(float("inf")), st.floats(0, 100)),
    st.integers(1, 9),
    st.integers(1, 9),
    st.one_of(st.none(), st.integers(1, 9)),
)
def test_what_is_written_is_read_back(sigma, repeat, parts, experiences):
    options = StreamOptions(experiences, round(sigma, 9), repeat, parts)
    base, read = split_id(f"split-mnist?{options.text()}")
    assert base == "split-mnist"
    assert read == options


def test_seeds_do_not_ask_how_experiences_pass_into_each_other():
    assert seed_id("split-mnist?sigma=0.3&parts=2") == "split-mnist"
    assert seed_id("folder:x?experiences=5&sigma=0.1") == "folder:x?experiences=5"
    runs = [
        RunConfig(
            benchmark=name, scenario="class", model="mlp", strategy="naive",
            budget=Budget(amount=1),
        )
        for name in ("split-mnist", "split-mnist?sigma=0.3", "split-mnist?sigma=0")
    ]  # fmt: skip
    assert len({run.seed("init") for run in runs}) == 1
    assert runs[0].digest == runs[2].digest != runs[1].digest


def test_the_length_of_a_stream_and_its_scenarios():
    assert find_benchmark("split-mnist").length == 5
    assert find_benchmark("split-mnist?sigma=0.1").length == 5
    assert find_benchmark("split-mnist?repeat=2&parts=3").length == 30
    assert find_benchmark("split-mnist?sigma=0.1").scenarios == ("class", "domain")
    assert find_benchmark("split-mnist?experiences=2").scenarios == ("task", "class", "domain")
    assert find_benchmark("permuted-mnist?experiences=50").length == 50
    assert find_benchmark("npz:a.npz?sigma=0.1").length is None
    assert find_benchmark("split-mnist?blurry=50-10").options.blurry == Shares(50, 10)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("?sgima=1", "unknown option of a benchmark 'sgima'; did you mean 'sigma'?"),
        ("?sigma=-1", "sigma must be a number of at least 0, or inf, got '-1'"),
        ("?sigma=nan", "sigma must be a number of at least 0, or inf, got 'nan'"),
        ("?sigma=", "sigma must be a number of at least 0, or inf, got ''"),
        (f"?sigma=1{'0' * 5000}", "sigma must be a number of at least 0, or inf, got '1000"),
        ("?sigma=1&sigma=2", "sigma must be given once"),
        ("?repeat=0", "repeat must be a whole number above 0"),
        ("?repeat=1001", "repeat must be at most 1000, got 1001"),
        ("?parts=two", "parts must be a whole number above 0"),
        ("?blurry=50", "blurry must be two percentages"),
        ("?blurry=101-10", "blurry must be two percentages"),
        ("?blurry=50-100", "blurry must be two percentages"),
        ("?decay=1", "decay must be a number above 1, got '1'"),
        ("?decay=inf", "decay must be a number above 1, got 'inf'"),
        ("?sigma=1&blurry=50-10", "one of sigma, blurry, si-blurry and decay can be given"),
        ("?repeat=2&decay=3", "repeat can be given with sigma or alone, got it with decay"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(name, complaint):
    began = time.monotonic()
    with pytest.raises(ValueError, match="^" + complaint.replace("?", r"\?")):
        find_benchmark(f"split-mnist{name}")
    with pytest.raises(ValueError, match=complaint.replace("?", r"\?")):
        Suite(benchmarks=(f"split-mnist{name}",))
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("permuted-mnist?sigma=0.1", "permuted-mnist shows all classes at all times, got sigma=0"),
        ("permuted-mnist?experiences=1", "experiences of permuted-mnist must be at least 2, got 1"),
        ("mnist?sigma=0.1", "mnist has one experience, which passes into no other"),
        ("my.module:make?sigma=0.1", "unknown benchmark 'my.module:make"),
    ],
)
def test_a_benchmark_without_the_option_is_refused(name, complaint):
    with pytest.raises(ValueError, match="^" + complaint.replace("?", r"\?")):
        find_benchmark(name)


def test_tasks_that_fade_cannot_be_told():
    name = "split-mnist?sigma=0.1"
    with pytest.raises(ValueError, match="must be run in scenario class or domain, got 'task'"):
        find_benchmark(name).check_scenario(name, "task")


@pytest.mark.parametrize("name", ["packnet-inferred", "supsup-inferred"])
def test_who_needs_classes_that_never_come_again_is_refused_and_left_out_of_all(name):
    stream = "split-digits?sigma=0.1"
    complaint = f"^{name} needs experiences whose classes never come again, got split-digits"
    with pytest.raises(ValueError, match=complaint):
        Suite(benchmarks=(stream,), scenarios=("class",), strategies=(name,)).configs()
    with pytest.raises(ValueError, match=complaint):
        Tuning(benchmark=stream, scenario="class", strategies=(name,)).studies()
    suite = Suite(benchmarks=(stream,), scenarios=("class",))
    assert name not in {run.strategy for run in suite.configs()}
    assert name not in Tuning(benchmark=stream, scenario="class").studies()
    assert name in Tuning(benchmark="split-digits", scenario="class").studies()
