"""What a strategy is lent: the data of its experiences, and what the referee keeps time with."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from avalanche.benchmarks import CLStream, DatasetExperience
from avalanche.benchmarks.utils import AvalancheDataset
from avalanche.benchmarks.utils.flat_data import FlatData
from torch.utils.data import Dataset

DATASETS = (AvalancheDataset, Dataset)


class Unreadable(Dataset[Any]):
    """Stands where lent data were: as long as they, and nothing of them can be read."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        raise LookupError("training data cannot be read while answering")


class Lent:
    """Objects that a strategy was lent: named in its state, and not saved with it.

    Args:
        things: the same, in the same order, where the state is saved and where it is loaded.
    """

    def __init__(self, things: Iterable[Any] = ()) -> None:
        self.things = list(things)
        self._places = {id(thing): place for place, thing in enumerate(self.things)}

    def place(self, thing: object) -> int | None:
        """Where `thing` stands among them; None if it was not lent."""
        return self._places.get(id(thing))

    def at(self, place: int) -> Any:
        """What stands at `place`.

        Raises:
            LookupError: if nothing was lent there.
        """
        if place >= len(self.things):
            raise LookupError(f"the state names something lent, number {place}: load it with that")
        return self.things[place]

    def unreadable(self) -> Lent:
        """The same places, with data sets that cannot be read, and experiences of such."""
        return Lent(map(_unreadable, self.things))


def _unreadable(thing: Any) -> Any:
    if isinstance(thing, CLStream):
        return Unreadable(0)  # its experiences are as they were
    if isinstance(thing, DatasetExperience):
        blind = copy.copy(thing)
        blind._dataset = Unreadable(len(thing.dataset))
        blind._origin_stream = None
        return blind
    if isinstance(thing, (*DATASETS, FlatData)):
        length: int = len(thing)  # type: ignore[arg-type]
        return Unreadable(length)
    return thing


NOTHING_LENT = Lent()


def tree(data: Any) -> Iterator[Any]:
    """A data set of Avalanche's and all that it is made of."""
    yield data
    for child in [*vars(data).get("_datasets", ()), *filter(None, [vars(data).get("_flat_data")])]:
        yield from tree(child)
