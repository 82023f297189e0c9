"""PackNet beside the library's own, from records of runs that never happened."""

from bench.papers.reproduce import PaperFolder
from bench.records.store import Store
from paper_records import configs, page_text, paper_folder, record, row


class TestPeers:
    def write(self, where: PaperFolder, *, forgets: float) -> None:
        for config in configs(where, "split-mnist"):
            own = config.strategy == "packnet-frozen"
            accuracy = 0.99 if own else 0.98
            after = accuracy - forgets if own else accuracy
            matrix = [[after] * i + [accuracy] + [0.5] * (4 - i) for i in range(5)]
            made = record(config, error=1 - accuracy, matrix=matrix)
            steps = {"train": 300 if own else 100, "offline": 0}
            each = [steps["train"] // 5] * 5
            cost = made.cost.model_copy(update={"steps": steps, "steps_by_experience": each})
            Store(where.records).write(made.model_copy(update={"cost": cost}))

    def test_nothing_forgotten_more_accurate_and_faster(self, tmp_path):
        where = paper_folder(tmp_path, "mallya2018")
        self.write(where, forgets=0.0)
        page = page_text(where)
        frozen = [c for c in configs(where, "split-mnist") if c.strategy == "packnet-frozen"]
        runs, densities = len(frozen), len({c.hyperparameters["density"] for c in frozen})
        exact = row(page, "C9, frozen PackNet keeps earlier tasks exactly: split MNIST")
        assert exact[2].startswith(f"in {runs} of {runs} runs")
        assert exact[3] == "holds here, exactly"
        level = row(page, "as accurate as the library's PackNet: split MNIST")
        every = f"{densities} of {densities} settings"
        assert level[3] == f"at or above in the mean at {every}, surely below at 0"
        speed = row(page, "faster than the library's PackNet: split MNIST")
        assert speed[2].startswith("3.00 ")

    def test_the_least_change_is_no_longer_exact(self, tmp_path):
        where = paper_folder(tmp_path, "mallya2018")
        self.write(where, forgets=1e-4)
        exact = row(page_text(where), "C9, frozen PackNet keeps earlier tasks exactly: split MNIST")
        assert exact[3] == "does not hold here"
