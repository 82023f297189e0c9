"""Experiences that pass into each other: every sample dealt once, and dealt as it was said."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.config.stream_options import Shares, StreamOptions
from bench.data.streams import make_benchmark
from bench.data.transitions import deal

SEED = [7, 3]
SIZES = st.lists(st.lists(st.integers(9, 30), min_size=1, max_size=3), min_size=2, max_size=5)
PERCENT = st.builds(Shares, st.integers(0, 100), st.integers(0, 90))
WAYS = st.one_of(
    st.builds(
        StreamOptions,
        sigma=st.one_of(st.just(float("inf")), st.floats(0, 2)),
        repeat=st.integers(1, 3),
    ),
    st.builds(StreamOptions, blurry=PERCENT),
    st.builds(StreamOptions, si_blurry=PERCENT),
)


def stream(sizes):
    """Samples of classes of these sizes, in any order: of each experience, and of each class."""
    numbers = np.random.default_rng(0).permutation(sum(sum(own) for own in sizes))
    classes, first = [], 0
    for own in sizes:
        classes.append([])
        for size in own:
            classes[-1].append(np.sort(numbers[first : first + size]))
            first += size
    return [np.sort(np.concatenate(own)) for own in classes], classes


def shares(dealt, groups):
    """(experiences, groups): how much of an experience is of each group."""
    return np.array([[np.isin(part, group).mean() for group in groups] for part in dealt])


@given(SIZES, WAYS, st.integers(1, 3))
def test_every_sample_comes_once(sizes, how, parts):
    groups, classes = stream(sizes)
    how = StreamOptions(**{**vars(how), "parts": parts})
    dealt = deal(groups, classes, how, SEED)
    assert len(dealt) == len(groups) * how.repeat * parts
    assert sorted(np.concatenate(dealt)) == list(range(sum(map(len, groups))))
    assert all((np.diff(part) > 0).all() for part in dealt)
    again = deal(groups, classes, how, SEED)
    assert all(np.array_equal(a, b) for a, b in zip(dealt, again, strict=True))


@given(SIZES)
def test_without_spread_it_is_the_disjoint_stream(sizes):
    groups, classes = stream(sizes)
    for how in (StreamOptions(), StreamOptions(blurry=Shares(100, 50)), StreamOptions(sigma=1e-9)):
        dealt = deal(groups, classes, how, SEED)
        assert all(np.array_equal(a, b) for a, b in zip(dealt, groups, strict=True))


@given(SIZES, st.floats(0, 3))
def test_experiences_are_as_large_as_they_were(sizes, sigma):
    groups, classes = stream(sizes)
    dealt = deal(groups, classes, StreamOptions(sigma=sigma), SEED)
    assert list(map(len, dealt)) == list(map(len, groups))


LARGE = stream([[3000], [3000], [3000], [3000]])


def test_endless_spread_mixes_all():
    found = shares(deal(*LARGE, StreamOptions(sigma=float("inf")), SEED), LARGE[0])
    assert np.abs(found - 0.25).max() < 0.03


def test_the_wider_the_spread_the_less_of_an_experience_is_its_own():
    own = [
        np.diag(shares(deal(*LARGE, StreamOptions(sigma=sigma), SEED), LARGE[0])).mean()
        for sigma in (0, 0.05, 0.1, 0.2, 0.4, float("inf"))
    ]
    assert own == sorted(own, reverse=True)
    assert own[0] == 1


def test_at_a_border_two_classes_weigh_as_the_gaussians_say():
    """By hand: of two classes, the share of the later one at time t is a logistic function."""
    groups, classes = stream([[40_000], [40_000]])
    sigma, slices = 0.25, 40
    how = StreamOptions(sigma=sigma, parts=slices // 2)
    found = shares(deal(groups, classes, how, SEED), groups)[:, 1]
    middle = np.array([0.25, 0.75])
    times = np.linspace(-1.5, 2.5, 4001)
    weights = np.exp(-((times[:, None] - middle) ** 2) / (2 * sigma**2))
    place = np.cumsum(weights.sum(1)) / weights.sum()  # the part of the stream that has come
    expected = np.interp((np.arange(slices) + 0.5) / slices, place, weights[:, 1] / weights.sum(1))
    assert np.abs(found - expected).max() < 0.03


def test_classes_come_back_each_time_with_as_many_samples():
    groups, classes = stream([[30, 31], [40]])
    dealt = deal(groups, classes, StreamOptions(repeat=3), SEED)
    assert list(map(len, dealt)) == [21, 14, 20, 13, 20, 13]
    assert all(np.isin(part, groups[i % 2]).all() for i, part in enumerate(dealt))


def test_a_blurred_class_keeps_the_most_and_gives_as_much_to_every_other_experience():
    groups, classes = stream([[100, 100], [100, 100], [100, 100]])
    dealt = deal(groups, classes, StreamOptions(blurry=Shares(50, 20)), SEED)
    kept = [[int(np.isin(rows, part).sum()) for part in dealt] for own in classes for rows in own]
    stays = [max(row) == 100 for row in kept]
    assert stays == [False, True] * 3
    for number, row in enumerate(kept):
        if not stays[number]:
            assert row[number // 2] == 80
            assert sorted(row) == [10, 10, 80]


def test_the_random_variant_gives_every_experience_a_class_and_any_number_of_them():
    groups, classes = stream([[10, 10]] * 5)
    numbers = set()
    for seed in range(20):
        dealt = deal(groups, classes, StreamOptions(si_blurry=Shares(100, 0)), [seed, 3])
        numbers |= {len(part) // 10 for part in dealt}
        assert all(len(part) % 10 == 0 for part in dealt)
        assert min(map(len, dealt)) >= 10
    assert numbers >= {1, 2, 3}


def test_training_and_test_classes_come_in_the_same_experience():
    for options in ("si-blurry=100-0", "blurry=50-0", "repeat=2"):
        made = make_benchmark(f"split-digits?{options}", "class", class_seed=3)
        for train, test in zip(made.train_stream, made.test_stream, strict=True):
            assert set(train.dataset.labels().tolist()) == set(test.dataset.labels().tolist())


def test_what_avalanche_decays_is_drawn_by_avalanche():
    groups, classes = stream([[200], [200], [200]])
    dealt = deal(groups, classes, StreamOptions(decay=3, parts=4), SEED)
    assert list(map(len, dealt)) == [50] * 12
    found = shares(dealt, groups)
    assert found[0, 0] == found[-1, 2] == 1
    assert 0 < found[3, 1] < 1
    state = torch.random.get_rng_state()
    again = deal(groups, classes, StreamOptions(decay=3, parts=4), SEED)
    assert all(np.array_equal(a, b) for a, b in zip(dealt, again, strict=True))
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_border_is_where_a_public_generator_has_it():
    """CapyMOA's border is logistic, with the slope of two Gaussians that far apart."""
    gradual = pytest.importorskip("capymoa.ocl.datasets.gradual", reason="needs capymoa")
    size, width = 20_000, 1.0
    groups, classes = stream([[size], [size]])
    theirs = gradual._gradual_task_idx(
        [torch.zeros(size, dtype=torch.int64), torch.ones(size, dtype=torch.int64)],
        gradual.SigmoidFn(width, seed=0),
    )
    apart = 0.5  # of the middles, in lengths of the stream
    how = StreamOptions(sigma=apart * width**0.5 / 2, parts=20)
    ours = shares(deal(groups, classes, how, SEED), groups)[:, 1]
    late = torch.cat(theirs).double().numpy()
    late = np.array([part.mean() for part in np.array_split(late, 40)])
    assert abs(np.interp(0.5, ours, range(40)) - np.interp(0.5, late, range(40))) < 1
    assert np.abs(ours - late).max() < 0.1


def test_classes_of_an_experience_are_those_that_it_trains_on():
    made = make_benchmark("split-digits?sigma=0.1", "class", class_seed=3)
    seen: set[int] = set()
    for experience, own in zip(made.train_stream, made.classes_by_experience, strict=True):
        assert own == sorted(set(experience.dataset.labels().tolist()))
        assert experience.classes_in_this_experience == own
        assert experience.previous_classes == sorted(seen)
        seen |= set(own)
    assert made.n_classes == 10
    assert made.chance == pytest.approx(0.1)


def test_a_smallest_spread_gives_the_data_of_the_disjoint_stream_bit_for_bit():
    plain = make_benchmark("split-digits", "class", class_seed=3)
    faded = make_benchmark("split-digits?sigma=1e-9", "class", class_seed=3)
    for stream_of in ("train_stream", "test_stream"):
        for one, other in zip(getattr(plain, stream_of), getattr(faded, stream_of), strict=True):
            assert one.classes_in_this_experience == other.classes_in_this_experience
            assert len(one.dataset) == len(other.dataset)
            for k in range(0, len(one.dataset), 7):
                assert torch.equal(one.dataset[k][0], other.dataset[k][0])
                assert one.dataset[k][1] == other.dataset[k][1]


def test_in_a_domain_stream_the_position_in_its_pair_is_the_target():
    made = make_benchmark("split-digits?sigma=inf", "domain", class_seed=3)
    assert made.classes_by_experience == [[0, 1]] * 5
    assert made.n_classes == 2


def test_more_parts_than_samples_are_refused():
    with pytest.raises(ValueError, match=r"parts must be at most the samples of an experience, 7"):
        make_benchmark("split-digits?parts=100", "class", class_seed=3)
