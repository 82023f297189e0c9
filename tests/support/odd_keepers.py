"""Strategies that keep odd things between experiences, each of which decides what they learn."""

from __future__ import annotations

import numpy as np
from avalanche.training.supervised import Naive

COUNT = [0]


class Keeper(Naive):
    """Its loss is scaled by what it keeps."""

    def _before_training_exp(self, **kwargs):
        super()._before_training_exp(**kwargs)
        if not hasattr(self, "odd"):
            self.begin()

    def begin(self):
        self.odd = None

    def next_scale(self) -> float:
        raise NotImplementedError

    def _before_backward(self, **kwargs):
        super()._before_backward(**kwargs)
        self.loss = self.loss * (1 + self.next_scale() % 1)


class Scalar(Keeper):
    """An array without a dimension, and a number that is none."""

    def begin(self):
        self.odd, self.none = np.array(0.0), np.float32("nan")

    def next_scale(self):
        self.odd += 0.01
        return float(self.odd.ravel()[0]) + 0.5 * self.odd.ndim + 0.1 * bool(np.isnan(self.none))


class Columns(Keeper):
    """An array in the order of Fortran."""

    def begin(self):
        self.odd = np.asfortranarray(np.arange(12.0).reshape(3, 4))

    def next_scale(self):
        self.odd += 0.001
        return float(self.odd.ravel(order="K")[1])


class Texts(Keeper):
    """Equal texts, one and the same or not."""

    def begin(self):
        self.odd = ["ab".join(["c", "d"]), "ab".join(["c", "d"])]

    def next_scale(self):
        return 0.3 * (self.odd[0] is self.odd[1]) + 0.1


class View(Keeper):
    """An array and a part of it."""

    def begin(self):
        self.odd = np.zeros((3, 4))
        self.part = self.odd[1:]

    def next_scale(self):
        self.odd += 0.01
        return float(self.part.sum())


class Shrunk(Keeper):
    """A set that was large, and has its numbers in another order than a new one."""

    def begin(self):
        self.odd = set(range(5000))
        self.odd -= set(range(5000)) - {4099, 1026, 2049}

    def next_scale(self):
        return 0.0001 * next(iter(self.odd))


class UnderWay(Keeper):
    """A generator."""

    def begin(self):
        self.odd = (0.01 * i for i in range(10**9))

    def next_scale(self):
        return next(self.odd)


class InModule(Keeper):
    """A number in its module."""

    def next_scale(self):
        COUNT[0] += 1
        return 0.01 * COUNT[0]


class InClass(Keeper):
    """A number in its class."""

    count = 0

    def next_scale(self):
        type(self).count += 1
        return 0.01 * self.count


class OnExperience(Keeper):
    """A note on the first experience."""

    def begin(self):
        self.odd = self.experience
        self.odd.note = 0

    def next_scale(self):
        self.odd.note += 1
        return 0.01 * self.odd.note


class When(Keeper):
    """A date, as NumPy has it."""

    def begin(self):
        self.odd = np.datetime64("2020-01-01")

    def next_scale(self):
        return 0.1


class Names(Keeper):
    """An array of texts."""

    def begin(self):
        self.odd = np.array(["a", "b"])

    def next_scale(self):
        return 0.1


class Nested(Keeper):
    """A list in a list in a list, three hundred times."""

    def begin(self):
        for _ in range(300):
            self.odd = [getattr(self, "odd", 0)]

    def next_scale(self):
        return 0.1
