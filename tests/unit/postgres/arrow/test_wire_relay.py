"""Rows that are passed on as they are: out of a COPY stream that is cut anywhere, or out of records."""

from __future__ import annotations

import struct

import pytest

from sqlspec.postgres.arrow._wire import Encoder, Relay, WireError

ROWS = [(b"abc", None), (b"", b"x" * 5000), (None, None), (b"\xff\xff", b"\0")]


def row(values: tuple[bytes | None, ...]) -> bytes:
    return struct.pack(">h", len(values)) + b"".join(
        struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value for value in values
    )


def record(values: tuple[bytes | None, ...], oid: int = 25) -> bytes:
    return struct.pack(">i", len(values)) + b"".join(
        struct.pack(">ii", oid, -1) if value is None else struct.pack(">ii", oid, len(value)) + value
        for value in values
    )


BODY = b"".join(map(row, ROWS))
STREAM = Encoder.header() + BODY + Encoder.trailer()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 19, 20, 4096, len(STREAM)])
def test_a_stream_that_is_cut_anywhere(size: int) -> None:
    relay = Relay(2)
    taken, rows = [], 0
    for at in range(0, len(STREAM), size):
        relay.feed(STREAM[at : at + size])
        rows += relay.rows
        taken.append(relay.take())
        assert (relay.rows, relay.nbytes) == (0, 0)
    relay.finish()
    assert b"".join(taken) == BODY
    assert rows == len(ROWS)
    # Each piece is whole rows: it may stand between those of another stream.
    for piece in filter(None, taken):
        again = Relay(2)
        again.feed(Encoder.header() + piece + Encoder.trailer())
        assert again.rows


def test_records_become_rows() -> None:
    relay = Relay(2)
    relay.feed_records([record(ROWS[0]), None, b"".join(map(record, ROWS[1:]))])
    assert relay.rows == len(ROWS)
    assert relay.take() == BODY
    relay.feed_records([record(ROWS[0])])
    assert relay.take() == row(ROWS[0])


def test_a_header_with_an_extension() -> None:
    relay = Relay(1)
    relay.feed(Encoder.header()[:15] + struct.pack(">i", 3) + b"abc" + row((b"1",)) + Encoder.trailer())
    relay.take()
    relay.finish()


def test_a_row_without_columns() -> None:
    relay = Relay(0)
    relay.feed(Encoder.header() + row(()) * 3 + Encoder.trailer())
    assert relay.rows == 3
    assert relay.take() == row(()) * 3


@pytest.mark.parametrize(
    "stream",
    [
        b"no such signature at all, not even close",
        Encoder.header() + row((b"1",)),
        Encoder.header() + struct.pack(">hi", 2, -2),
        Encoder.header() + row((b"1", b"2", b"3")),
        STREAM + b"more",
    ],
)
def test_what_is_no_such_stream(stream: bytes) -> None:
    relay = Relay(2)
    with pytest.raises(WireError):
        relay.feed(stream)
    with pytest.raises(WireError):
        relay.feed(b"x")


@pytest.mark.parametrize("end", [len(STREAM) - 2, len(STREAM) - 3, 30, 19])
def test_a_stream_that_is_cut_short(end: int) -> None:
    relay = Relay(2)
    relay.feed(STREAM[:end])
    relay.take()
    with pytest.raises(WireError):
        relay.finish()


@pytest.mark.parametrize("cut", [1, 4, 10])
def test_a_record_that_is_cut_short(cut: int) -> None:
    with pytest.raises(WireError):
        Relay(2).feed_records([record(ROWS[0])[:-cut]])
