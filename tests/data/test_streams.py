"""Streams in every scenario, and the batch path that feeds Avalanche from them."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from avalanche.benchmarks.utils import TaskAwareSupervisedClassificationDataset, data_loader
from avalanche.models import MTSimpleMLP, SimpleMLP
from avalanche.training import (
    AGEM,
    DER,
    EWC,
    GEM,
    MAS,
    Cumulative,
    GDumb,
    ICaRL,
    JointTraining,
    LwF,
    Naive,
    Replay,
    SynapticIntelligence,
)
from avalanche.training.plugins import EvaluationPlugin
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, WeightedRandomSampler
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import rotate

from bench.config.catalogue import BENCHMARKS, find_benchmark
from bench.config.datasets import DATASETS, TABLES
from bench.config.run_config import Scenario
from bench.data.cache import ImageData, load
from bench.data.image_dataset import ImageDataset
from bench.data.images import Images, augmented, rotated
from bench.data.streams import Benchmark, make_benchmark
from patched import patched

SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)


@pytest.fixture
def whole_batches() -> Iterator[None]:
    """The patches for the length of one test."""
    with patched():
        yield


@pytest.fixture
def tiny_mnist(monkeypatch: pytest.MonkeyPatch) -> ImageData:
    """40 random images of 6x6 that `mnist` stands for."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (40, 1, 6, 6), dtype=torch.uint8, generator=generator)
    labels = torch.arange(40) % 10
    classes = tuple("0123456789")
    data = ImageData("mnist", images, labels, images[:20], labels[:20], classes, "hash")
    monkeypatch.setattr("bench.data.streams.load", lambda *_, **__: data)
    return data


def digits(scenario: Scenario, **options: Any) -> Benchmark:
    return make_benchmark("split-digits", scenario, **{"class_seed": 3, **options})


def samples(dataset: Any) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x, y, task = zip(*(dataset[k] for k in range(len(dataset))), strict=True)
    return torch.stack(x), torch.tensor(y), torch.tensor(task)


# The registry


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_names_a_data_set_that_its_experiences_divide(name: str) -> None:
    spec = BENCHMARKS[name]
    assert spec.data in (TABLES if spec.nights else DATASETS)
    assert spec.experiences is not None
    if spec.kind == "split" and not spec.by_name:
        assert DATASETS[spec.data].classes % spec.experiences == 0
        assert DATASETS[spec.data].classes // spec.experiences >= 2


def test_an_unknown_benchmark_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="unknown benchmark 'split-mnits'; did you mean 'split-mn"):
        make_benchmark("split-mnits", "class", class_seed=0)


def test_a_scenario_that_a_benchmark_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="must be run in scenario task or domain, got 'class'"):
        make_benchmark("permuted-mnist", "class", class_seed=0)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("folder:x?experience=2", "unknown option of a benchmark 'experience'; did you mean"),
        (
            "folder:x?experiences=two",
            "experiences must be a whole number above 0, of nine digits at most, got 'two'",
        ),
        (
            "folder:x?experiences=0",
            "experiences must be a whole number above 0, of nine digits at most, got '0'",
        ),
        ("floder:./x", "unknown benchmark 'floder:./x'"),
    ],
)
def test_own_data_with_a_wrong_option_is_refused(name: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        find_benchmark(name)


def test_own_arrays_are_split_in_pairs_and_the_last_takes_the_odd_class(tmp_path: Path) -> None:
    x, y = np.zeros((14, 4, 4), np.uint8), np.arange(14) % 7
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    name = f"npz:{tmp_path / 'own.npz'}"
    made = make_benchmark(name, "class", class_seed=0, data_root=tmp_path)
    assert [len(own) for own in made.classes_by_experience] == [2, 2, 3]
    domain = make_benchmark(f"{name}?experiences=2", "domain", class_seed=0, data_root=tmp_path)
    assert domain.classes_by_experience == [[0, 1, 2], [0, 1, 2, 3]]
    assert domain.n_classes == 4
    assert domain.chance == pytest.approx((1 / 3 + 1 / 4) / 2)
    with pytest.raises(ValueError, match=r"experiences of npz:.* must be in \[1, 3\]"):
        make_benchmark(f"{name}?experiences=4", "class", class_seed=0, data_root=tmp_path)


# Streams


def test_of_each_experience_only_the_first_samples_are_used(
    tiny_mnist: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(BENCHMARKS["split-mnist"], samples=3)
    monkeypatch.setitem(BENCHMARKS, "split-mnist-3", spec)
    few = make_benchmark("split-mnist-3", "class", class_seed=0)
    whole = make_benchmark("split-mnist", "class", class_seed=0)
    assert few.train_samples == [3] * 5
    assert few.test_samples == whole.test_samples
    for own, every in zip(few.train_stream, whole.train_stream, strict=True):
        assert [int(y) for y in own.dataset.targets] == [int(y) for y in every.dataset.targets][:3]
        assert torch.equal(own.dataset[2][0], every.dataset[2][0])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_sample_is_in_one_experience_with_the_label_it_had(scenario: Scenario) -> None:
    made, data = digits(scenario), load("digits")
    assert sum(made.train_samples) == 1442
    assert sum(made.test_samples) == 355
    assert sorted(chain(*made.labels_by_experience)) == list(range(10))
    for stream, images, labels in (
        (made.train_stream, data.train_images, data.train_labels),
        (made.test_stream, data.test_images, data.test_labels),
    ):
        for index, experience in enumerate(stream):
            own = made.labels_by_experience[index]
            rows = torch.isin(labels, torch.tensor(own))
            x, y, task = samples(experience.dataset)
            assert torch.equal(x, images[rows] / 255)
            wanted = labels[rows].tolist()
            if scenario != "class":
                wanted = [own.index(label) for label in wanted]
            assert y.tolist() == wanted
            assert set(task.tolist()) == {index if scenario == "task" else 0}


def test_class_scenario_has_ten_answers_the_others_two() -> None:
    assert (digits("class").n_classes, digits("class").chance) == (10, 0.1)
    for scenario in ("task", "domain"):
        made = digits(scenario)
        assert (made.n_classes, made.chance) == (2, 0.5)
        assert made.classes_by_experience == [[0, 1]] * 5


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_experiences_say_what_avalanche_asks_them(scenario: Scenario) -> None:
    made = digits(scenario, validation=0.2)
    seen: set[int] = set()
    assert made.valid_stream is not None
    for stream in (made.train_stream, made.test_stream, made.valid_stream):
        seen = set()
        for index, experience in enumerate(stream):
            assert experience.current_experience == index
            own = experience.classes_in_this_experience
            assert own == made.classes_by_experience[index]  # a list: tensors are indexed with it
            assert set(own) == set(experience.dataset.targets.uniques)
            assert experience.previous_classes == sorted(seen)
            seen |= set(own)
            assert experience.classes_seen_so_far == sorted(seen)
            assert not seen & set(experience.future_classes)
            assert hasattr(experience, "task_labels") == (scenario == "task")
            assert list(experience.dataset.task_set) == [index if scenario == "task" else 0]


def test_the_seed_decides_the_class_order_and_the_global_generators_do_not() -> None:
    states = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
    first = digits("class", validation=0.1)
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == str(np.random.get_state())
    assert states[2] == random.getstate()
    torch.manual_seed(99)
    again = digits("class", validation=0.1)
    assert first.labels_by_experience == again.labels_by_experience
    assert first.valid_stream is not None
    assert again.valid_stream is not None
    for one, other in zip(first.valid_stream, again.valid_stream, strict=True):
        assert torch.equal(samples(one.dataset)[0], samples(other.dataset)[0])
    orders = {str(digits("class", class_seed=seed).labels_by_experience) for seed in range(5)}
    assert len(orders) == 5


def test_validation_is_held_out_of_every_class_alike() -> None:
    plain, made = digits("class"), digits("class", validation=0.25)
    assert plain.valid_stream is None
    assert made.valid_stream is not None
    for whole, kept, held in zip(
        plain.train_stream, made.train_stream, made.valid_stream, strict=True
    ):
        for label, count in whole.dataset.targets.count.items():
            assert held.dataset.targets.count[label] == round(0.25 * count)
            assert kept.dataset.targets.count[label] == count - round(0.25 * count)
        together = torch.cat([samples(kept.dataset)[0], samples(held.dataset)[0]])
        ordered = [
            rows.flatten(1).sum(1).sort()[0] for rows in (together, samples(whole.dataset)[0])
        ]
        assert torch.equal(*ordered)
    assert made.train_samples == [len(e.dataset) for e in made.train_stream]
    assert made.test_samples == plain.test_samples
    with pytest.raises(ValueError, match=r"validation must be in \[0, 0.5\], got 0.6"):
        digits("class", validation=0.6)


@pytest.mark.parametrize("scenario", ["task", "domain"])
def test_permuted_pixels_are_the_same_pixels_elsewhere(
    scenario: Scenario, tiny_mnist: ImageData
) -> None:
    made = make_benchmark("permuted-mnist", scenario, class_seed=1)
    assert (made.n_classes, made.chance, made.train_samples) == (10, 0.1, [40] * 10)
    plain = tiny_mnist.train_images.flatten(1) / 255
    seen = []
    for train, test in zip(made.train_stream, made.test_stream, strict=True):
        x = samples(train.dataset)[0].flatten(1)
        assert torch.equal(x.sort(1)[0], plain.sort(1)[0])
        assert torch.equal(x[:20], samples(test.dataset)[0].flatten(1))
        seen.append(x)
    assert torch.equal(seen[0], plain)
    assert all(not torch.equal(a, b) for k, a in enumerate(seen) for b in seen[:k])


def test_rotated_images_are_turned_as_torchvision_turns_them(tiny_mnist: ImageData) -> None:
    made = make_benchmark("rotated-mnist", "domain", class_seed=1)
    turned = {
        10 * k: rotate(tiny_mnist.train_images / 255, 10.0 * k, InterpolationMode.BILINEAR)
        for k in range(10)
    }
    found = []
    for experience in made.train_stream:
        images = samples(experience.dataset)[0]
        off = {angle: (images - wanted).abs().max() for angle, wanted in turned.items()}
        found.append(min(off, key=off.__getitem__))
        assert off[found[-1]] <= 0.5 / 255 + 1e-6
    assert found[0] == 0
    assert found != sorted(found)
    assert sorted(found) == [10 * k for k in range(10)]


# Strategies


class Trunk(nn.Module):
    """What iCaRL calls the feature extractor."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


STRATEGIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "naive": (Naive, {}),
    "replay": (Replay, {"mem_size": 60}),
    "ewc": (EWC, {"ewc_lambda": 1.0}),
    "lwf": (LwF, {"alpha": 1.0, "temperature": 2.0}),
    "si": (SynapticIntelligence, {"si_lambda": 1.0}),
    "mas": (MAS, {}),
    "cumulative": (Cumulative, {}),
    "gdumb": (GDumb, {"mem_size": 60}),
    "agem": (AGEM, {"patterns_per_exp": 20, "sample_size": 20}),
    "gem": (GEM, {"patterns_per_exp": 20}),
    "der": (DER, {"mem_size": 60}),
}


def build(name: str, made: Benchmark, epochs: int = 1) -> Any:
    """Avalanche's strategy `name` on a fresh small network."""
    torch.manual_seed(0)
    kind, options = STRATEGIES[name]
    network: nn.Module = SimpleMLP(num_classes=made.n_classes, input_size=64, hidden_size=32)
    if made.scenario == "task":
        network = MTSimpleMLP(input_size=64, hidden_size=32)
    return kind(
        model=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
        criterion=nn.CrossEntropyLoss(),
        train_mb_size=32,
        train_epochs=epochs,
        eval_mb_size=128,
        evaluator=EvaluationPlugin(),
        **options,
    )


def weights(strategy: Any) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in strategy.model.parameters()])


def single_samples_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Images, index: int) -> None:
        raise AssertionError("a sample was read alone")

    monkeypatch.setattr(Images, "__getitem__", refuse)


@pytest.mark.usefixtures("whole_batches")
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("name", STRATEGIES)
def test_avalanches_strategies_train_and_read_whole_batches(
    name: str, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (name, scenario) == ("der", "task"):
        pytest.skip("Avalanche's DER calls a multi-head model without task labels")
    made = digits(scenario)
    strategy = build(name, made)
    before = weights(strategy)
    if name != "der":  # its buffer carries logits, which no batch of ours does
        single_samples_fail(monkeypatch)
    for experience in list(made.train_stream)[:3]:
        strategy.train(experience)
        strategy.eval(made.test_stream)
    assert not torch.equal(before, weights(strategy)[: len(before)])


@pytest.mark.usefixtures("whole_batches")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_joint_training_takes_the_whole_stream(scenario: Scenario) -> None:
    made = digits(scenario)
    naive = build("naive", made)
    joint = JointTraining(
        model=naive.model,
        optimizer=naive.optimizer,
        criterion=nn.CrossEntropyLoss(),
        train_mb_size=32,
        evaluator=EvaluationPlugin(),
    )
    joint.train(list(made.train_stream))
    assert joint.clock.train_iterations >= 1442 // 32


@pytest.mark.usefixtures("whole_batches")
def test_icarl_finds_its_class_order_and_reads_whole_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    single_samples_fail(monkeypatch)
    made = digits("class")
    torch.manual_seed(0)
    trunk, head = Trunk(), nn.Linear(32, 10)
    strategy = ICaRL(
        feature_extractor=trunk,
        classifier=head,
        optimizer=torch.optim.SGD([*trunk.parameters(), *head.parameters()], lr=0.5),
        memory_size=50,
        buffer_transform=None,
        fixed_memory=True,
        train_mb_size=32,
        train_epochs=2,
        eval_mb_size=128,
        evaluator=EvaluationPlugin(),
    )
    for experience in list(made.train_stream)[:3]:
        strategy.train(experience)
        strategy.eval(made.test_stream[0])
    icarl = next(p for p in strategy.plugins if type(p).__name__ == "_ICaRLPlugin")
    assert sorted(icarl.observed_classes) == sorted(chain(*made.classes_by_experience[:3]))


@pytest.mark.usefixtures("whole_batches")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_naive_learns_the_experience_it_trains_on(scenario: Scenario) -> None:
    made = digits(scenario)
    strategy = build("naive", made, epochs=10)
    strategy.train(made.train_stream[0])
    x, y, task = samples(made.test_stream[0].dataset)
    strategy.model.eval()
    with torch.no_grad():
        out = strategy.model(x, task) if scenario == "task" else strategy.model(x)
    right = int((out.argmax(1) == y).sum())
    assert right / len(y) > 0.95


# The batch path


def plain(dataset: ImageDataset) -> TaskAwareSupervisedClassificationDataset:
    """The same data as Avalanche's own data set, which knows no batches."""
    return TaskAwareSupervisedClassificationDataset(
        [dataset._flat_data],
        data_attributes=list(dataset._data_attributes.values()),
    )


def two_loads(loader: Any, *datasets: ImageDataset, **options: Any) -> Iterator[tuple[Any, Any]]:
    """Minibatches of `loader` over `datasets` and over the same data without batches."""
    both = []
    for own in (datasets, [plain(dataset) for dataset in datasets]):
        torch.manual_seed(7)
        both.append(list(loader(*own, **options)))
    assert len(both[0]) == len(both[1]) > 1
    return zip(*both, strict=True)


def mixed() -> ImageDataset:
    """Samples of three leaves and two tasks, in a tangled order, subset of a concatenation."""
    train, test = digits("task").train_stream, digits("task", class_seed=4).test_stream
    turned = ImageDataset.of(
        Images(rotated(load("digits").test_images, 20.0), load("digits").test_labels), task=1
    )
    whole = train[0].dataset.concat(test[1].dataset).concat(turned).concat(train[1].dataset)
    order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(1))
    return whole.subset(order[:400].tolist())


def three() -> list[ImageDataset]:
    """Data sets of 70, 400 and 25 samples."""
    return [mixed().subset(list(range(size))) for size in (70, 400, 25)]


def groups(again: bool) -> Any:
    """A loader of a minibatch from each of several data sets; short ones start `again` or end."""

    def load(*datasets: Any, **options: Any) -> Any:
        return data_loader.GroupBalancedDataLoader(
            datasets, oversample_small_groups=again, batch_size=32, **options
        )

    return load


def endless(*datasets: Any, **options: Any) -> Any:
    """The first minibatches of a loader that never ends."""
    loader = data_loader.GroupBalancedInfiniteDataLoader(datasets, batch_size=8, **options)
    return islice(loader, 60)


@pytest.mark.parametrize("installed", [False, True])
@pytest.mark.parametrize(
    "load_two",
    [
        lambda: two_loads(DataLoader, mixed(), batch_size=32, shuffle=True),
        lambda: two_loads(data_loader.TaskBalancedDataLoader, mixed(), batch_size=32, shuffle=True),
        lambda: two_loads(
            data_loader.ReplayDataLoader,
            digits("class").train_stream[1].dataset,
            mixed(),
            batch_size=32,
            batch_size_mem=16,
            oversample_small_tasks=True,
            shuffle=True,
        ),
        lambda: two_loads(data_loader.SingleDatasetDataLoader, mixed(), batch_size=32),
        lambda: two_loads(groups(False), *three(), shuffle=True),
        lambda: two_loads(groups(True), *three(), shuffle=True),
        lambda: two_loads(groups(True), *three(), shuffle=True, drop_last=True),
        lambda: two_loads(endless, *three(), shuffle=True),
    ],
    ids=[
        "DataLoader",
        "TaskBalanced",
        "Replay",
        "Single",
        "short-end",
        "short-again",
        "drop-last",
        "endless",
    ],
)
def test_batches_are_those_of_the_plain_path(
    load_two: Any, installed: bool, request: pytest.FixtureRequest
) -> None:
    if installed:
        request.getfixturevalue("whole_batches")
    for ours, theirs in load_two():
        assert [part.dtype for part in ours] == [torch.float32, torch.int64, torch.int64]
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.usefixtures("whole_batches")
@pytest.mark.parametrize("name", ["naive", "replay", "ewc", "gdumb"])
@pytest.mark.parametrize("scenario", ["task", "class"])
def test_training_ends_with_the_weights_of_the_plain_path(name: str, scenario: Scenario) -> None:
    ends = []
    for convert in (lambda dataset: dataset, plain):
        made = digits(scenario)
        strategy = build(name, made)
        for experience in list(made.train_stream)[:2]:
            experience._dataset = convert(experience.dataset)
            strategy.train(experience)
        ends.append(weights(strategy))
    assert torch.equal(*ends)


def test_an_image_data_set_stays_one() -> None:
    data = digits("task").train_stream[0].dataset
    other = digits("task").test_stream[1].dataset
    for made in (
        data.train(),
        data.eval(),
        data.subset([3, 1]),
        data.concat(other),
        data + other,
        copy.copy(data),
        data.update_data_attribute("targets", [0] * len(data)),
        pickle.loads(pickle.dumps(data)),
    ):
        assert type(made) is ImageDataset
        x, _, task = made.source().take(torch.tensor([1, 0])).read()
        assert torch.equal(x[0], made[1][0])
        assert task.tolist() == [made[1][2], made[0][2]]


@pytest.mark.usefixtures("whole_batches")
def test_a_transform_sends_samples_one_by_one() -> None:
    data = digits("class").train_stream[0].dataset
    assert data.source() is not None  # what is resolved here must not outlive the change below
    doubled = data.replace_current_transform_group(lambda x: 2 * x)
    assert doubled.source() is None
    batch = next(iter(DataLoader(doubled, batch_size=2)))
    assert torch.equal(batch[0][1], 2 * data[1][0])


@pytest.mark.usefixtures("whole_batches")
@pytest.mark.parametrize(
    "options",
    [
        {"collate_fn": lambda samples: len(samples)},
        {"num_workers": 1, "multiprocessing_context": "fork"},
        {"batch_size": None},
        {"sampler": WeightedRandomSampler([1.0] * 50, 64)},
        {"sampler": RandomSampler(range(50), replacement=True)},
        {"drop_last": True, "shuffle": True},
        {"shuffle": True, "generator": torch.Generator()},
    ],
    ids=["collate", "workers", "no-batches", "weighted", "replacement", "drop-last", "generator"],
)
def test_what_is_in_the_way_gives_the_plain_batches(options: dict[str, Any]) -> None:
    data = digits("class").train_stream[0].dataset.subset(list(range(50)))
    generator = options.get("generator")
    loads = []
    for own in (data, plain(data)):
        torch.manual_seed(3)
        if generator is not None:
            generator.manual_seed(5)
        loads.append(list(DataLoader(own, **{"batch_size": 8, **options})))
        loads[-1].append(torch.rand(1))  # the draws that come after are the same too
    assert len(loads[0]) == len(loads[1]) > 1
    for ours, theirs in zip(*loads, strict=True):
        pairs = zip(ours, theirs, strict=True) if isinstance(ours, list) else [(ours, theirs)]
        assert all(torch.equal(torch.as_tensor(a), torch.as_tensor(b)) for a, b in pairs)


def test_augmented_images_are_moved_or_mirrored_whole() -> None:
    images = torch.randint(0, 256, (64, 3, 8, 16), dtype=torch.uint8)
    torch.manual_seed(0)
    moved, mirrored, both = (
        augmented(images, how) for how in ({"crop"}, {"flip"}, {"crop", "flip"})
    )
    framed = torch.nn.functional.pad(images, (2, 2, 1, 1))
    shifts = {(i, j): framed[:, :, i : i + 8, j : j + 16] for i in range(3) for j in range(5)}

    def found(result: torch.Tensor, candidates: list[torch.Tensor]) -> list[list[int]]:
        return [
            [k for k, each in enumerate(candidates) if torch.equal(result[n], each[n])]
            for n in range(len(images))
        ]

    places = [where for (where,) in found(moved, list(shifts.values()))]
    assert set(places) == set(range(15))
    sides = [side for (side,) in found(mirrored, [images, images.flip(3)])]
    assert 20 < sum(sides) < 44
    assert all(found(both, [*shifts.values(), *(each.flip(3) for each in shifts.values())]))


def test_only_training_minibatches_are_augmented() -> None:
    plain, made = digits("class"), digits("class", augment=("crop",), validation=0.2)
    data = made.train_stream[0].dataset
    assert not torch.equal(data.source().read()[0], data.source().read()[0])
    for fixed in (data.eval(), made.valid_stream[0].dataset.eval(), made.test_stream[0].dataset):
        assert torch.equal(fixed.source().read()[0], fixed.source().read()[0])
    test = made.test_stream[0].dataset.source().read()[0]
    assert torch.equal(test, plain.test_stream[0].dataset.source().read()[0])
    buffer = data.subset([0, 1, 2]).concat(made.train_stream[1].dataset)
    assert buffer.source().training


@pytest.mark.usefixtures("whole_batches")
def test_a_leaf_that_several_share_is_read_once() -> None:
    first, second = (e.dataset for e in digits("class").train_stream[:2])
    joined = next(iter(DataLoader(first.concat(second), batch_size=10_000)))
    assert len(first.concat(second).source().leaves) == 1
    apart = [part.source().read() for part in (first, second)]
    for whole, *parts in zip(joined, *apart, strict=True):
        assert torch.equal(whole, torch.cat(parts))
