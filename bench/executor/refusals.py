"""What cannot be run, found before anything is, in a process that has imported what a run has."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from bench.config.catalogue import find_benchmark
from bench.config.datasets import TABLES, published
from bench.config.run_config import RunConfig
from bench.data import own_benchmark
from bench.data.cache import load
from bench.data.presence import DataError
from bench.data.tables import load_table
from bench.executor.child import line_of
from bench.executor.messages import Refusal, States, sources
from bench.records.schema import RunRecord
from bench.runner.ready import Ready, build
from strategies import building
from strategies.import_path import is_import_path, place_of, source_file, source_hash


def refusals(
    configs: Sequence[RunConfig],
    done: Sequence[RunRecord],
    data_root: Path | None,
    download: bool,
    states: States,
    gpus: Sequence[int] = (),
) -> list[Refusal]:
    """The configurations that cannot be built and why; trains nothing.

    Fetches and converts the data on the way, so that no run has to.

    Args:
        configs: what is to be run.
        data_root: where the data sets lie.
        download: fetch missing data sets.
        done: finished records of the same call, whose data, sources and hyper-parameters must
            still be what they were.
        states: what runs begin from and leave behind.
        gpus: numbers of those that runs will have.
    """
    found = []
    for config in configs:
        try:
            if config.device == "cuda" and not torch.cuda.is_available():
                return [Refusal(config, "device must be cpu: this machine has no CUDA", True)]
            if gpus and max(gpus) >= torch.cuda.device_count():
                most = f"device must be below cuda:{torch.cuda.device_count()} on this machine"
                return [Refusal(config, f"{most}, got cuda:{max(gpus)}", True)]
            data = find_benchmark(config.benchmark).data
            if data is not None and data not in TABLES:  # a table is read as it lies
                load(data, data_root, download=download)
            ready = build(config, data_root, begin=states.begin)
            if states.keep or states.every is not None:
                _check_keeps(ready, "--save" if states.keep else "--checkpoint")
        except DataError as error:
            return [Refusal(config, str(error), True)]
        except (Exception, SystemExit) as error:  # a constructor may raise anything
            reason = _reason(error)
            if is_import_path(config.strategy):
                reason += place_of(error, source_file("strategy", config.strategy))
            found.append(Refusal(config, reason, False))
    return found + list(_changed(done, data_root))


def _check_keeps(ready: Ready, option: str) -> None:
    """Refuse a strategy whose state cannot be saved, as far as that shows before it is trained.

    Raises:
        ValueError: names what cannot be.
    """
    with tempfile.TemporaryDirectory(prefix="state-") as folder:
        try:
            ready.keep_state(Path(folder) / "state")
        except ValueError as error:
            raise ValueError(f"{option} cannot be for {ready.config.strategy}: {error}") from error


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, ValueError) else line_of(error)


def _changed(done: Sequence[RunRecord], data_root: Path | None) -> Iterator[Refusal]:
    """The finished records that were made with something that is another now."""
    hashes: dict[str, str | None] = {}
    for record in done:
        config = record.config
        try:
            if config.benchmark not in hashes:
                hashes[config.benchmark] = _data_hash(config, data_root)
            what = _other(record, hashes[config.benchmark])
        except (Exception, SystemExit) as error:  # so may a benchmark of the user's own
            yield Refusal(config, _reason(error), True)
            return
        if what:
            yield Refusal(config, f"{what}; choose another --out", True)


def _data_hash(config: RunConfig, data_root: Path | None) -> str | None:
    """SHA-256 of the data of a user's own that a run would have now; None if they are gone.

    Raises:
        ValueError: for data that cannot be.
    """
    spec = find_benchmark(config.benchmark)
    if spec.table is not None:
        there = spec.table.state is not None
        return load_table(config.benchmark).content_hash if there else None
    if spec.data is None:
        return own_benchmark.read(config.benchmark, config.scenario).data_hash
    own = published(spec.data) is None and Path(spec.data.partition(":")[2]).exists()
    return load(spec.data, data_root).content_hash if own else None


def _other(record: RunRecord, data_hash: str | None) -> str | None:
    """What a record was made with that is another now, in a sentence; None if all is the same.

    Args:
        data_hash: of the data now; None where they are published, or gone.
    """
    config = record.config
    model, strategy = sources(config).values()
    facts = (
        ("the source of model", config.model, record.model_source, model),
        ("the source of strategy", config.strategy, record.strategy_source, strategy),
        ("the source of benchmark", config.benchmark, *_versions(record)),
        ("the data of", config.benchmark, record.environment.data_hash, data_hash),
    )
    for what, name, before, now in facts:
        if None not in (before, now) and before != now:
            return f"{what} {name} has changed since the records of this folder were made"
    name = config.strategy
    today = building.resolve(name, building.find(name), config.hyperparameters)
    for key, then in record.resolved.items():
        if today.get(key) != then:
            return (
                f"{key} of {name} was {then!r} in the records of this folder and is "
                f"{today.get(key)!r} now"
            )
    return None


def _versions(record: RunRecord) -> tuple[str | None, str | None]:
    """Versions of a user's own benchmark, in the record and now; None for any other."""
    path, then = record.config.benchmark, record.benchmark_version
    if then is None or not is_import_path(path):
        return None, None
    return then, f"sha256:{source_hash('benchmark', path)}"
