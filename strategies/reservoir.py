"""A uniform sample of everything that was seen, however long the stream (Vitter 1985)."""

from __future__ import annotations

import torch
from torch import Tensor


class Reservoir:
    """At most `mem_size` rows, each row offered so far equally likely to be among them.

    A row is what belongs to one example: its input, its label, what the network answered. An
    example that is offered again, as in a second epoch, is another row.

    Args:
        mem_size: rows at most, at least 1.
    """

    def __init__(self, mem_size: int) -> None:
        if mem_size < 1:
            raise ValueError(f"mem_size must be at least 1, got {mem_size}")
        self.mem_size = mem_size
        self.offered = 0
        """How many rows were offered so far."""
        self.columns: list[Tensor] = []
        """Inputs (N, ...), labels (N,) and so on, as they were offered."""

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def offer(self, *columns: Tensor) -> None:
        """Rows (B, ...) of each column, of which each is kept with the probability that is due.

        From torch's generator on the CPU, so that nothing waits for a device.
        """
        count = len(columns[0])
        order = torch.arange(self.offered, self.offered + count)
        drawn = (torch.rand(count, dtype=torch.float64) * (order + 1)).long()
        places = torch.where(order < self.mem_size, order, drawn).tolist()
        # of rows for one place the last stays, as it would if they came one at a time
        rows = {place: row for row, place in enumerate(places) if place < self.mem_size}
        self.offered += count
        new = sorted(place for place in rows if place >= len(self))
        old = [place for place in rows if place < len(self)]
        if not self.columns:
            self.columns = [column[:0] for column in columns]
        for index, column in enumerate(columns):
            kept = self.columns[index]
            if old:
                kept[old] = column[[rows[place] for place in old]]
            if new:
                self.columns[index] = torch.cat([kept, column[[rows[place] for place in new]]])

    def reach_back(self, rows: float) -> None:
        """From here on keep the last `rows` rows rather than all: the mean age of one is as much.

        Those kept are exchanged as if no more had been offered (Aggarwal 2006).

        Args:
            rows: infinite for all; what is less than `mem_size` counts as that.
        """
        self.offered = int(min(self.offered, max(rows, self.mem_size)))

    def draw(self, count: int, weights: Tensor | None = None) -> list[Tensor]:
        """Of each column `count` rows without repeats, or all where fewer are kept.

        Args:
            count: of rows.
            weights: (N,) of the kept rows, at least 0 and not all 0; drawn by these, rows repeat.
        """
        if weights is None:
            rows = torch.randperm(len(self))[:count]
        else:
            rows = torch.multinomial(weights.cpu(), count, replacement=True)
        return [column[rows.to(column.device)] for column in self.columns]
