"""The price of freezing, from records of runs that never happened."""

from bench.papers.reproduce import PaperFolder
from bench.records.schema import WeightsInUse
from bench.records.store import Store
from paper_records import configs, page_text, paper_folder, record, row


class TestFreezing:
    def write(self, where: PaperFolder, saving: float) -> None:
        """Frozen needs 40 weights more for each point; the others `saving` times fewer."""
        for config in configs(where, "frozen-unfrozen-split-mnist"):
            density = config.hyperparameters["density"]
            fewer = 1 if config.strategy == "packnet-frozen" else saving
            made = record(config, error=0.1 - density, matrix=[[0.9 + density] * 5] * 5)
            weights = round(10_000 * (0.01 + density) / fewer)
            count = made.weights[-1].model_dump() | {
                "total": 20_000, "prunable": 20_000, "used": weights, "used_prunable": weights,
                "active": weights // 2 if fewer > 1 else weights,
            }  # fmt: skip
            changed = made.model_copy(update={"weights": [WeightsInUse(**count)] * 5})
            Store(where.records).write(changed)

    def test_the_price_of_freezing_at_matched_accuracy(self, tmp_path):
        where = paper_folder(tmp_path)
        self.write(where, saving=3)
        page = page_text(where)
        for reading in (
            "U1, every snapshot counted",
            "U2, final weights",
            "U3, final weights with rehearsal",
        ):
            measured, verdict = row(page, f"C1, freezing costs weights, {reading}: split MNIST")[
                2:4
            ]
            assert measured.startswith("3.")
            assert verdict == "more than 2 times: holds here, with the whole interval"
        alone = row(
            page, "C1, freezing costs weights, U1, the last task's network alone: split MNIST"
        )
        assert alone[2].startswith("6.")

    def test_no_saving_is_no_claim(self, tmp_path):
        where = paper_folder(tmp_path)
        self.write(where, saving=1.5)
        verdict = row(
            page_text(where), "C1, freezing costs weights, U2, final weights: split MNIST"
        )[3]
        assert verdict == "more than 2 times: does not hold here, with the whole interval"
