"""Letters through a folder arrive whole, once, in order; an agent there does what it is asked."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.suite import Suite
from bench.executor import spool
from bench.executor.node import Began, Broken, Ended, Kept, Moved, Needs, Order
from bench.executor.spool import (
    ALIVE,
    Asked,
    Begin,
    Hello,
    Mailbox,
    Standing,
    Stop,
    Told,
    boxes,
    serve,
    standing,
    write_standing,
)
from bench.records.schema import RunRecord
from bench.runner.progress import Progress

HERE = str(Path.cwd())

TEXT = st.text(max_size=20)
BYTES = st.binary(max_size=50)
FRACTION = st.floats(0, 1)
LETTERS = st.one_of(
    st.builds(Began, TEXT, st.none() | st.integers(0, 50)),
    st.builds(
        Moved, TEXT, st.builds(Progress, st.integers(0, 9), st.integers(0, 9), FRACTION, FRACTION)
    ),
    st.builds(Kept, TEXT, st.tuples(TEXT, BYTES)),
    st.builds(
        Ended,
        TEXT,
        TEXT,
        st.dictionaries(st.sampled_from([".log", ".safetensors"]), BYTES),
        st.booleans(),
    ),
    st.builds(Broken, TEXT),
)


@given(letters=st.lists(LETTERS, max_size=8))
def test_letters_arrive_as_they_were_written_and_once(tmp_path_factory, letters):
    folder = tmp_path_factory.mktemp("box") / "told"
    box = Mailbox(folder, Told)
    box.make()
    for letter in letters:
        box.put(letter)
    assert list(Mailbox(folder, Told).take()) == letters
    assert list(box.take()) == []


def test_a_half_written_letter_is_not_read(tmp_path):
    box = Mailbox(tmp_path, Asked)
    box.put(Stop("{}"))
    (tmp_path / ".000000002").write_text('{"stop": {"con')
    assert list(box.take()) == [Stop("{}")]


def test_what_is_to_be_done_comes_back_as_it_was_written(tmp_path):
    told = Standing(Order(jobs=3, threads=2, data_root=tmp_path), Needs(("split-digits",)), ".", 1)
    write_standing(tmp_path / "new", told)
    assert standing(tmp_path / "new") == told


@pytest.mark.parametrize("content", [b"", b"{}", b"\x80\x04pickle"])
def test_what_is_no_order_is_refused(tmp_path, content):
    (tmp_path / "order").write_bytes(content)
    with pytest.raises(ValueError, match="order must say what is to be done"):
        standing(tmp_path)


def test_an_agent_says_what_it_is_and_runs_what_it_is_asked(tmp_path):
    [config] = Suite(strategies=("naive",), budget="20steps").configs()
    write_standing(tmp_path, Standing(Order(), Needs(("split-digits",), ("mlp",)), HERE, 1))
    asked, told = boxes(tmp_path, "0-0")
    agent = threading.Thread(target=serve, args=(tmp_path, "0-0"), daemon=True)
    agent.start()
    heard = []

    def hear(kind):
        until = time.monotonic() + 120
        while time.monotonic() < until:
            (tmp_path / ALIVE).write_text(str(time.monotonic_ns()))
            heard.extend(told.take())
            if found := [letter for letter in heard if isinstance(letter, kind)]:
                return found[-1]
            time.sleep(0.05)
        raise AssertionError(f"no {kind.__name__} came, only {heard}")

    hello = hear(Hello)
    assert (hello.lacks, hello.facts.jobs) == ("", 1)
    asked.put(Begin(config.model_dump_json(), (), None))
    assert hear(Began) == Began(config.digest)
    record = RunRecord.model_validate_json(hear(Ended).record)
    assert (record.digest, record.status) == (config.digest, "ok")


def test_an_agent_that_nobody_commands_any_more_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "ALONE_SECONDS", 0.0)
    write_standing(tmp_path, Standing(Order(), Needs(), HERE, 1))
    agent = threading.Thread(target=serve, args=(tmp_path, "0-0"), daemon=True)
    agent.start()
    agent.join(60)
    assert not agent.is_alive()
    assert [type(letter) for letter in boxes(tmp_path, "0-0")[1].take()] == [Hello]


def test_who_writes_after_the_end_makes_no_folder_again(tmp_path):
    with pytest.raises(FileNotFoundError):
        Mailbox(tmp_path / "gone", Told).put(Broken("too late"))
    assert list(tmp_path.iterdir()) == []
