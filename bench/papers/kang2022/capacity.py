"""Bits against accuracy: what WSN and its rivals need to answer ten tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.config.run_config import Value
from bench.formatting.numbers import percent, points
from bench.papers.declaration import Results
from bench.papers.published import PublishedAccuracy, published_verdicts
from bench.papers.results import Cell, Result
from bench.papers.verdict import Claim, Verdict, at_least, at_most
from bench.ranking.pools import Seed
from bench.records.schema import RunRecord
from bench.stats.intervals import mean_interval

EXPERIMENT = "permuted-mnist"

WORD = 32
"""Bits of a weight."""

SAVED = 0.78
"""Share of the masks' bits that the authors save by Huffman's code."""

TINY, SMALL, LARGE = 0.03, 0.1, 0.3
"""Densities of WSN in the paper's table."""

OURS: tuple[tuple[float, float], ...] = ((0.01, TINY), (0.015, SMALL))
"""Density of pruning in rounds, and that of WSN which it is held against."""

EQUAL: dict[str, Value] = {"density": 1.0, "sees": "earlier"}
"""PackNet as it is held against its row: all that is free, in equal shares."""

APART: dict[str, Value] = {"density": 1.0, "sees": "own"}
"""The same, and a task sees no weight of another."""


def wsn(density: float) -> dict[str, Value]:
    """What the suite sets for WSN."""
    return {"density": density}


def in_rounds(density: float) -> dict[str, Value]:
    """What the suite sets for PackNet that prunes in rounds."""
    return {"density": density, "rounds": 8}


PUBLISHED = (
    PublishedAccuracy(EXPERIMENT, "wsn", "WSN, c = 0.03", 0.9484, low=0.948, chosen=wsn(TINY)),
    PublishedAccuracy(EXPERIMENT, "wsn", "WSN, c = 0.1", 0.9614, low=0.961, chosen=wsn(SMALL)),
    PublishedAccuracy(EXPERIMENT, "wsn", "WSN, c = 0.3", 0.9641, low=0.964, chosen=wsn(LARGE)),
    PublishedAccuracy(EXPERIMENT, "packnet-frozen", "PackNet", 0.9637, low=0.964, chosen=EQUAL),
    PublishedAccuracy(
        EXPERIMENT, "packnet-frozen", "PackNet, own weights alone", 0.9637, low=0.964, chosen=APART
    ),
    PublishedAccuracy(EXPERIMENT, "supsup", "SupSup", 0.9631, low=0.963),
)

CAPACITIES = {TINY: (0.199, 0.2), SMALL: (0.404, 0.41), LARGE: (0.777, 0.78)}
"""Of WSN in the paper's table, by density, and to the next whole percent: the limit here."""


def capacity_verdicts(results: Results) -> list[Verdict]:
    """Accuracies, then WSN's capacities, then what needs fewer bits."""
    result = results[EXPERIMENT]
    return [
        *published_verdicts(results, PUBLISHED),
        *(_capacity(result, density) for density in CAPACITIES),
        *(_fewer(result, *pair, ruler) for pair in OURS for ruler in RULERS),
    ]


def authors_capacity(run: RunRecord) -> float:
    """Bits of weights and masks over 32 for each hidden weight, as WSN's authors count them.

    Weights in use at 32 bits, and a bit for each weight and task less what Huffman's code saves;
    heads are left out.
    """
    last = run.weights[-1]
    bits = WORD * last.used_prunable + (1 - SAVED) * len(run.weights) * last.prunable
    return bits / (WORD * last.prunable)


def plain_bits(run: RunRecord) -> float:
    """Bits to answer: 32 for each weight in use, heads included, and masks as they are."""
    return run.weights[-1].capacity_bits


def stored_bits(run: RunRecord) -> float:
    """Bits of the smallest file that answers, heads included: weights and masks compressed."""
    return 8 * run.weights[-1].artifact_bytes


@dataclass(frozen=True)
class Ruler:
    """A way to count the bits of a run."""

    name: str
    bits: Callable[[RunRecord], float]


RULERS = (Ruler("masks as they are", plain_bits), Ruler("all compressed", stored_bits))


def _capacity(result: Result, density: float) -> Verdict:
    published, limit = CAPACITIES[density]
    text = f"WSN's capacity as its authors count it, c = {density:g}"
    claim = Claim.of(result.experiment, text, f"{percent(published)} %")
    found = [authors_capacity(run) for run in _finished(_chosen(result, "wsn", wsn(density)))]
    if not found:
        return claim.not_run()
    interval = mean_interval(found)
    verdict = f"at most {percent(limit)} %: {at_most(interval, limit)}"
    return claim.answer(f"{points(interval)} %", verdict, seeds=len(found))


def _fewer(result: Result, own: float, peer: float, ruler: Ruler) -> Verdict:
    text = (
        f"pruning in rounds at density {own:g} is no less accurate than WSN at {peer:g}, in fewer "
        f"bits, {ruler.name}"
    )
    claim = Claim.of(result.experiment, text, "none: a goal of this project")
    ours = _by_seed(_chosen(result, "packnet-frozen", in_rounds(own)))
    theirs = _by_seed(_chosen(result, "wsn", wsn(peer)))
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return claim.not_run()
    pairs = [(ours[seed], theirs[seed]) for seed in seeds]
    ahead = mean_interval([a.accuracy - b.accuracy for a, b in pairs])
    share = mean_interval([ruler.bits(a.run) / ruler.bits(b.run) for a, b in pairs])
    measured = f"{points(ahead)} points of accuracy ahead, in {points(share)} % of the bits"
    verdict = f"not behind: {at_least(ahead, 0)}; fewer bits: {at_most(share, 1)}"
    return claim.answer(measured, verdict, seeds=len(seeds))


@dataclass(frozen=True)
class _Finished:
    run: RunRecord
    accuracy: float


def _chosen(result: Result, strategy: str, chosen: dict[str, Value]) -> Sequence[Cell]:
    return [
        cell
        for cell in result.of(strategy)
        if all(cell.chosen.get(name) == value for name, value in chosen.items())
    ]


def _by_seed(cells: Sequence[Cell]) -> dict[Seed, _Finished]:
    return {
        seed: _Finished(item.record, cell.measured[seed].accuracy)
        for cell in cells
        for seed, item in cell.runs.items()
        if item.record.status == "ok"
    }


def _finished(cells: Sequence[Cell]) -> list[RunRecord]:
    return [one.run for one in _by_seed(cells).values()]
