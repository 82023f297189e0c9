"""What a run tells arrives whole, or the rest of it is not read."""

from __future__ import annotations

import os
from multiprocessing import Pipe

import pytest

from bench.executor import messages
from bench.executor.messages import Inbox, Report, tell
from bench.runner.progress import Progress
from factories import make_record


@pytest.fixture
def ends():
    reader, writer = Pipe(duplex=False)
    yield Inbox(reader), writer
    writer.close()
    reader.close()


def report() -> Report:
    record = make_record("naive", 0)
    return Report(
        status="ok",
        reason=None,
        resolved={"learning_rate": 0.1, "frozen": True, "rounds": 3, "sizes": [1, "2", None]},
        cost=record.cost,
        outcome=record.outcome,
        weights=record.weights,
    )


def test_what_is_told_is_what_is_read(ends):
    inbox, writer = ends
    told = [Progress(0, 5, 0.25, None), Progress(1, 5, 0.5, 0.75, 0.1), report()]
    for one in told:
        tell(writer, one)
    assert list(inbox.read()) == told
    assert not inbox.ready


def test_a_line_is_read_when_it_is_whole_and_none_is_waited_for(ends):
    inbox, writer = ends
    os.write(writer.fileno(), b'{"progress": {"experience": 0, "experiences": 5, ')
    assert list(inbox.read()) == []
    os.write(writer.fileno(), b'"spent": 0.5, "accuracy": null}}\n')
    assert list(inbox.read()) == [Progress(0, 5, 0.5, None)]


def test_the_end_closes_the_channel(ends):
    inbox, writer = ends
    writer.close()
    assert list(inbox.read()) == []
    assert inbox.channel.closed
    assert not inbox.damage


@pytest.mark.parametrize(
    "line",
    [
        b"no JSON",
        b"\x80\x04\x95pickled",
        b"[" * 100_000,
        b'{"report": {"status": "best"}}',
        b'{"progress": {"experience": "now"}}',
        b'{"clock": 0}',
    ],
)
def test_what_is_no_message_ends_the_reading_and_says_why(ends, line):
    inbox, writer = ends
    os.set_blocking(writer.fileno(), False)
    os.write(writer.fileno(), line[:60_000] + b"\n")
    assert list(inbox.read()) == []
    assert inbox.channel.closed
    assert inbox.damage


def test_a_line_without_end_is_not_kept(ends, monkeypatch):
    monkeypatch.setattr(messages, "MOST_BYTES", 1_000)
    inbox, writer = ends
    os.write(writer.fileno(), b" " * 2_000)
    assert list(inbox.read()) == []
    assert inbox.damage == "a line of it must have at most 1000 bytes"
