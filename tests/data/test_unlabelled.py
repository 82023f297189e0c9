"""Images without labels: the same images, and nothing that tells where they are from."""

from __future__ import annotations

import pytest
import torch
from avalanche.benchmarks.utils import AvalancheDataset, as_classification_dataset

from bench.data.unlabelled import questions
from toy import toy_benchmark


def asked(scenario: str, **options):
    benchmark = toy_benchmark(scenario, experiences=3)
    told = scenario == "task"
    return benchmark, questions(benchmark.test, benchmark.classes, told=told, **options)


def minibatches(experience):
    loader = torch.utils.data.DataLoader(experience.dataset.eval(), batch_size=7)
    return [torch.cat(column) for column in zip(*loader, strict=True)]


def test_where_the_task_is_told_experiences_come_one_by_one_each_mixed():
    benchmark, parts = asked("task")
    for index, (one, original) in enumerate(zip(parts, benchmark.test, strict=True)):
        x, y, task = minibatches(one.experience)
        right_x, right_y, right_task = minibatches(original)
        places = {image.numpy().tobytes(): place for place, image in enumerate(right_x)}
        order = torch.tensor([places[image.numpy().tobytes()] for image in x])
        assert sorted(order.tolist()) == list(range(len(right_x))) != order.tolist()
        assert torch.equal(one.solution.labels, right_y[order])
        assert not y.any()
        assert torch.equal(task, right_task)
        assert one.experience.task_label == index
        assert (one.solution.origins == index).all()


@pytest.mark.parametrize("scenario", ["class", "domain"])
def test_where_it_is_not_all_images_come_mixed(scenario):
    benchmark, [one] = asked(scenario)
    x, y, task = minibatches(one.experience)
    assert len(x) == 120
    assert not y.any()
    assert not task.any()
    assert one.experience.classes_in_this_experience == sorted(
        {label for own in benchmark.classes for label in own}
    )
    assert (one.solution.origins.diff() != 0).sum() > 40
    for index, original in enumerate(benchmark.test):
        right_x, right_y, _ = minibatches(original)
        rows = one.solution.origins == index
        assert pairs(x[rows], one.solution.labels[rows]) == pairs(right_x, right_y)


def pairs(x, y):
    return sorted((image.numpy().tobytes(), int(label)) for image, label in zip(x, y, strict=True))


def test_data_of_any_kind_are_served_as_they_are_for_evaluation():
    samples = [(torch.full((1, 2, 2), float(i)), i % 2) for i in range(6)]

    class Own(torch.utils.data.Dataset):
        targets = tuple(label for _, label in samples)

        def __len__(self):
            return len(samples)

        def __getitem__(self, index):
            return samples[index]

    data = as_classification_dataset(Own())
    assert isinstance(data, AvalancheDataset)
    experience = type("Experience", (), {"dataset": data})()
    [one] = questions([experience], [[0, 1]], told=False)
    x, y, _ = minibatches(one.experience)
    assert sorted(x[:, 0, 0, 0].tolist()) == [0, 1, 2, 3, 4, 5]
    assert torch.equal(x[:, 0, 0, 0].long() % 2, one.solution.labels)
    assert not y.any()
