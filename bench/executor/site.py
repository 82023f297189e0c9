"""Where the runs of a command are carried out: on this machine, or on the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from bench.config.executors import Place
from bench.config.run_config import RunConfig
from bench.data.presence import check_inputs
from bench.executor.cluster import ClusterExecutor
from bench.executor.executor import Executor
from bench.executor.messages import sources
from bench.executor.node import Cluster, Needs, Order
from bench.executor.plan import this_machine
from bench.executor.processes import slots
from bench.executor.ray_cluster import RayCluster
from bench.executor.slurm_cluster import SlurmCluster
from bench.records.store import Store


class Site(Protocol):
    """Where runs are carried out."""

    @property
    def jobs(self) -> int:
        """How many at once."""

    def machine(self, known: Collection[str]) -> str:
        """Fingerprint of the machines that timed runs will be made on.

        Args:
            known: those of the records that they will stand beside.
        """

    def check(self, configs: Sequence[RunConfig], *, download: bool) -> None:
        """ValueError if something is not there that these runs need."""

    def executor(self, store: Store) -> Executor:
        """What runs configurations here."""


class LocalSite:
    """This machine."""

    def __init__(self, order: Order) -> None:
        """A site for runs that are carried out so.

        Raises:
            ValueError: if this machine has too few cores, or a run would have no GPU of its own.
        """
        self._order = order
        slots(self.jobs, order.threads)
        if order.gpus and self.jobs > len(order.gpus):
            raise ValueError(
                f"jobs must be at most the {len(order.gpus)} GPUs of --device, got {self.jobs}: "
                "two runs on one disturb each other"
            )

    @property
    def jobs(self) -> int:
        """How many runs at once."""
        return self._order.jobs or len(self._order.gpus) or 1

    def machine(self, known: Collection[str]) -> str:
        """That of this one."""
        return this_machine(known)

    def check(self, configs: Sequence[RunConfig], *, download: bool) -> None:
        """ValueError for missing data or modules."""
        check_inputs(
            (c.benchmark for c in configs), (c.model for c in configs),
            self._order.data_root, download=download,
        )  # fmt: skip

    def executor(self, store: Store) -> Executor:
        """One that begins processes of this machine."""
        order = self._order
        return Executor(
            store, jobs=self.jobs, data_root=order.data_root, command=order.command,
            states=order.states, gpus=order.gpus,
        )  # fmt: skip


class ClusterSite:
    """The nodes of a cluster; this machine plans, checks and keeps the records."""

    def __init__(self, order: Order, cluster: Cluster) -> None:
        """Runs of `order` on a cluster whose nodes carry it out already."""
        self._order, self._cluster = order, cluster

    @property
    def jobs(self) -> int:
        """How many runs at once."""
        return self._cluster.jobs

    def machine(self, known: Collection[str]) -> str:
        """The kind of nodes that is known already, or that carries out the most at once.

        The others have nothing more to do.
        """
        return self._cluster.choose_kind(known)

    def check(self, configs: Sequence[RunConfig], *, download: bool) -> None:
        """ValueError for what is missing here, where it is built once, or on a node."""
        if download:
            raise ValueError("--download is for this machine: fetch the data on each node")
        benchmarks = tuple(sorted({c.benchmark for c in configs}))
        models = tuple(sorted({c.model for c in configs}))
        check_inputs(benchmarks, models, self._order.data_root)
        own = {
            (kind, getattr(config, kind), found)
            for config in configs
            for kind in ("model", "strategy")
            if (found := sources(config)[f"{kind}_source"]) is not None
        }
        self._cluster.require(Needs(benchmarks, models, tuple(sorted(own))))

    def executor(self, store: Store) -> Executor:
        """One that gives runs to the nodes."""
        return ClusterExecutor(store, self._cluster, self._order)


@contextmanager
def open_site(place: Place, order: Order, folder: Path) -> Iterator[Site]:
    """Where runs are carried out, until the end of the `with`.

    Args:
        place: which that is.
        order: how they are carried out.
        folder: of the records; tasks of Slurm must see it under the same path.

    Raises:
        ValueError: for too many jobs, numbered GPUs elsewhere, or a cluster that is not there.
    """
    if order.gpus and place.executor != "local":
        raise ValueError(
            f"--device must be cuda where {place.executor} chooses the GPUs, got numbers"
        )
    if place.executor == "local":
        yield LocalSite(order)
    elif place.executor == "ray":
        with RayCluster(order, place.address) as ray:
            yield ClusterSite(order, ray)
    else:
        with SlurmCluster(order, place.slurm, folder) as slurm:
            yield ClusterSite(order, slurm)
