"""What of a run travels, and what it is where it arrives."""

from __future__ import annotations

from pathlib import Path

from bench.config.suite import Suite
from bench.executor import cut, parcel
from bench.executor.cut import Cut, find_cut, hash_of, keep_cut, state_of
from bench.records.cost import Outside
from bench.records.store import Store
from factories import make_record

[CONFIG] = Suite(strategies=("naive",), budget="20steps").configs()


def kept(store: Store, *, killed: int = 0, made_with: str = "elsewhere") -> None:
    """A checkpoint of a run, as a node keeps it."""
    left = store.root / "left"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"weights")
    page = Cut(
        state=state_of(store, CONFIG, 2), sha256=hash_of(left), experiences=2,
        outside=Outside(wall_seconds=1.0, cpu_seconds=1.0), cuts=0, killed=killed,
        made_with=made_with,
    )  # fmt: skip
    assert keep_cut(store, CONFIG, left, page)


def test_a_checkpoint_that_this_machine_cannot_use_goes_out_to_one_that_can(tmp_path, monkeypatch):
    node, home, other = (Store(tmp_path / name) for name in ("node", "home", "other"))
    kept(node, made_with="a node's machine")
    parcel.unpack_checkpoint(home, CONFIG, parcel.packed_checkpoint(node, CONFIG))
    assert find_cut(home, CONFIG) is None
    parcel.unpack_checkpoint(other, CONFIG, parcel.packed_checkpoint(home, CONFIG))
    monkeypatch.setattr(cut, "made_with", lambda config: "a node's machine")
    state, page = find_cut(other, CONFIG)
    assert (state.read_bytes(), page.experiences) == (b"weights", 2)


def test_losses_before_a_checkpoint_were_not_in_vain(tmp_path):
    store = Store(tmp_path)
    lost = make_record(CONFIG.strategy, status="infra_error", reason="its node was lost")
    of_this = {"config": CONFIG, "digest": CONFIG.digest}
    for attempt in (1, 2, 3):
        store.write(lost.model_copy(update={**of_this, "attempt": attempt}))
    assert parcel.killed_in_vain(store, CONFIG) == 3
    kept(store, killed=2)
    assert parcel.killed_in_vain(store, CONFIG) == 1


def test_a_record_that_arrives_replaces_none_not_even_a_damaged_one(tmp_path):
    store = Store(tmp_path)
    damaged = store.path(CONFIG, 3)
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    assert parcel.earlier_records(store, CONFIG) == []
    record = make_record(CONFIG.strategy).model_copy(
        update={"config": CONFIG, "digest": CONFIG.digest, "attempt": 3}
    )
    written = parcel.unpack(store, record, {".log": b"said", ".exe": b"never"})
    assert written.attempt == 4
    assert damaged.read_text() == "{"
    assert store.path_of(written).with_suffix(".log").read_bytes() == b"said"
    assert sorted(path.suffix for path in Path(tmp_path).rglob("*.*")) == [".json", ".json", ".log"]


def test_what_a_store_forgets_is_all_of_a_run(tmp_path):
    store = Store(tmp_path)
    kept(store)
    record = make_record(CONFIG.strategy).model_copy(
        update={"config": CONFIG, "digest": CONFIG.digest}
    )
    parcel.unpack(store, record, {".log": b"said"})
    parcel.forget(store, CONFIG)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
