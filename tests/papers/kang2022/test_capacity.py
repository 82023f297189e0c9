"""Bits against accuracy, from records of runs that never happened."""

from __future__ import annotations

import pytest

from bench.papers.kang2022.capacity import authors_capacity, plain_bits, stored_bits
from bench.papers.reproduce import PaperFolder
from bench.records.schema import WeightsInUse
from bench.records.store import Store
from paper_records import configs, page_text, paper_folder, record, row

NAME = "permuted-mnist"
TASKS = ": permuted MNIST, ten tasks"


def weights(*, used: int, mask_bits: int, artifact_bytes: int) -> WeightsInUse:
    """Of 1000 hidden weights and heads of 100."""
    return WeightsInUse(
        total=1100, used=used + 100, prunable=1000, used_prunable=used, claimed=0, active=0,
        mask_bits=mask_bits, buffer_bytes=0, artifact_bytes=artifact_bytes,
    )  # fmt: skip


def write(where: PaperFolder, seeds: int = 5) -> None:
    """WSN with half of the weights at 95 %, all others with a tenth at 96 %."""
    for config in configs(where, NAME):
        if config.repetition >= seeds:
            continue
        wsn = config.strategy == "wsn"
        run = record(config, error=0.05 if wsn else 0.04)
        count = (
            weights(used=500, mask_bits=10_000, artifact_bytes=2400)
            if wsn
            else weights(used=100, mask_bits=4000, artifact_bytes=1200)
        )
        Store(where.records).write(run.model_copy(update={"weights": [count] * 10}))


class TestRulers:
    def test_a_tenth_of_the_weights_and_ten_masks_by_hand(self, tmp_path):
        config = configs(paper_folder(tmp_path, "kang2022"), NAME)[0]
        count = weights(used=100, mask_bits=10_000, artifact_bytes=500)
        run = record(config, error=0.05).model_copy(update={"weights": [count] * 10})
        # 0.1 of the weights, and ten bits for each less 78 % of them, of 32
        assert authors_capacity(run) == pytest.approx(0.1 + 0.22 * 10 / 32)
        assert plain_bits(run) == 32 * 200 + 10_000
        assert stored_bits(run) == 4000


class TestVerdicts:
    def test_levels_capacities_and_the_front(self, tmp_path):
        where = paper_folder(tmp_path, "kang2022")
        write(where)
        page = page_text(where)
        tiny = row(page, f"WSN, c = 0.03{TASKS}")
        assert tiny[1] == "94.84 %"
        assert tiny[3] == "at least 94.8 %: holds here, with the whole interval"
        assert row(page, f"PackNet{TASKS}")[3].endswith(
            "does not hold here, with the whole interval"
        )
        size = row(page, f"WSN's capacity as its authors count it, c = 0.3{TASKS}")
        assert size[2].startswith("56.88 ")  # 0.5 + 0.22 * 10 / 32
        assert size[3] == "at most 78.0 %: holds here, with the whole interval"
        start = "pruning in rounds at density 0.01 is no less accurate than WSN at 0.03"
        plain = row(page, f"{start}, in fewer bits, masks as they are{TASKS}")
        # (32 * 200 + 4000) / (32 * 600 + 10000)
        assert plain[2].startswith("1.00 \\[1.00, 1.00\\] points of accuracy ahead, in 35.62 ")
        stored = row(page, f"{start}, in fewer bits, all compressed{TASKS}")
        assert "in 50.00 " in stored[2]
        holds = "holds here, with the whole interval"
        assert stored[3] == f"not behind: {holds}; fewer bits: {holds}"

    def test_one_seed_settles_nothing(self, tmp_path):
        where = paper_folder(tmp_path, "kang2022")
        write(where, seeds=1)
        size = row(page_text(where), f"WSN's capacity as its authors count it, c = 0.1{TASKS}")
        assert size[3] == (
            "at most 41.0 %: does not hold in one seed, which settles nothing "
            "(provisional: fewer than 5 seeds)"
        )

    def test_what_is_not_run_says_so(self, tmp_path):
        where = paper_folder(tmp_path, "kang2022")
        where.folder.mkdir(parents=True)
        rows = [line for line in page_text(where).splitlines() if "| not run |" in line]
        assert len(rows) == 13
