"""Batches of every layout through the encoder and back: equal to the last bit, however the stream is cut."""

from __future__ import annotations

import struct
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlspec.postgres.arrow._wire import Decoder, Encoder, encode_array
from sqlspec.postgres.arrow.wire import Kind, WireType
from tools.fuzz_arrow_wire import check, pieces, random_batch, random_column, random_values, records_of, stream_of

Types = tuple[WireType, ...]
RANDOMS = st.randoms(use_true_random=False)


def decoded(schema: pa.Schema, types: Types, stream: bytes) -> pa.RecordBatch:
    decoder = Decoder(schema, types)
    decoder.feed(stream)
    batch = decoder.batch()
    decoder.finish()
    return batch


@settings(max_examples=300)
@given(RANDOMS)
def test_any_batch_comes_back(rng: Random) -> None:
    batch, types = random_batch(rng)
    stream = stream_of(batch, types)
    result = decoded(batch.schema, types, stream)
    result.validate(full=True)
    assert result.schema.equals(batch.schema)
    assert result.equals(batch)
    assert stream_of(result, types) == stream


@settings(max_examples=100)
@given(RANDOMS)
def test_a_stream_may_be_cut_anywhere(rng: Random) -> None:
    batch, types = random_batch(rng)
    stream = stream_of(batch, types)
    decoder = Decoder(batch.schema, types)
    batches = []
    for piece in pieces(rng, stream):
        decoder.feed(piece)
        if rng.random() < 0.1:
            batches.append(decoder.batch())
    assert decoder.rows <= batch.num_rows
    batches.append(decoder.batch())
    decoder.finish()
    assert pa.Table.from_batches(batches).combine_chunks().equals(pa.Table.from_batches([batch]).combine_chunks())


@settings(max_examples=100)
@given(RANDOMS)
def test_records_are_rows_too(rng: Random) -> None:
    batch, types = random_batch(rng)
    records: list[bytes | None] = [None, *records_of(stream_of(batch, types), types)]
    half = len(records) // 2
    decoder = Decoder(batch.schema, types)
    decoder.feed_records(records[:half])
    decoder.feed_records([b"".join(record or b"" for record in records[half:])])
    assert decoder.rows == batch.num_rows
    assert decoder.nbytes == sum(len(record or b"") for record in records)
    assert decoder.batch().equals(batch)


@settings(max_examples=100)
@given(RANDOMS)
def test_an_array_is_the_list_column_of_one_row(rng: Random) -> None:
    column = random_column(rng, depth=1)
    values = pa.array(random_values(rng, column, 9), column.type).slice(rng.randint(0, 9))
    data = encode_array(column.wire, values)
    types = (WireType(Kind.LIST, children=(column.wire,)),)
    rows = b"\0\1" + struct.pack(">i", len(data)) + data
    result = decoded(pa.schema({"values": pa.list_(column.type)}), types, Encoder.header() + rows + Encoder.trailer())
    assert result.column(0).values.equals(values)


def test_floats_keep_their_bits() -> None:
    bits = pa.array([0x8000000000000000, 0x7FF8000000000001, 0x7FF0000000000000, 1], pa.uint64())
    batch = pa.RecordBatch.from_arrays([bits.view(pa.float64())], names=["x"])
    types = (WireType(Kind.INT8, 701),)
    assert decoded(batch.schema, types, stream_of(batch, types)).column(0).view(pa.uint64()).equals(bits)


def test_extension_types_are_stored_as_what_they_hold() -> None:
    values = pa.array([bytes(range(16)), None], pa.binary(16))
    batch = pa.RecordBatch.from_arrays([pa.ExtensionArray.from_storage(pa.uuid(), values)], names=["id"])
    types = (WireType(Kind.FIXED, 2950, 16),)
    result = decoded(batch.schema, types, stream_of(batch, types))
    assert result.schema.equals(batch.schema)
    assert result.equals(batch)


@pytest.mark.parametrize("rows", [0, 3])
def test_no_columns(rows: int) -> None:
    batch = pa.record_batch([pa.array(range(rows))], names=["a"]).select([])
    stream = stream_of(batch, ())
    assert stream[19:] == b"\0\0" * rows + b"\xff\xff"
    assert decoded(batch.schema, (), stream).num_rows == rows


def test_batches_of_any_size_after_one_another() -> None:
    types = (WireType(Kind.INT8, 20), WireType(Kind.BYTES, 25), WireType(Kind.BOOL, 16))
    schema = pa.schema({"n": pa.int64(), "t": pa.string(), "b": pa.bool_()})
    decoder = Decoder(schema, types)
    decoder.feed(Encoder.header())
    for count in (5000, 0, 1, 20_000, 3):
        numbers = [None if number % 7 == 0 else number for number in range(count)]
        columns = [
            numbers,
            [number and str(number) for number in numbers],
            [number and number % 2 == 0 for number in numbers],
        ]
        batch = pa.record_batch([pa.array(v, t) for v, t in zip(columns, schema.types, strict=True)], schema=schema)
        rows = Encoder(types).encode(batch)
        decoder.feed(rows)
        assert (decoder.rows, decoder.nbytes) == (count, len(rows))
        assert decoder.batch().equals(batch)
    assert (decoder.rows, decoder.nbytes) == (0, 0)
    decoder.feed(Encoder.trailer())
    decoder.finish()


def test_a_large_value_in_small_pieces_is_copied_once() -> None:
    """Were the row read anew for each piece, this would move some 50 GB."""
    types = (WireType(Kind.BYTES, 17), WireType(Kind.BYTES, 17))
    schema = pa.schema({"a": pa.binary(), "b": pa.binary()})
    batch = pa.record_batch([pa.array([b"x" * 5_000_000]), pa.array([b"y" * 5_000_000])], schema=schema)
    stream = stream_of(batch, types)
    decoder = Decoder(schema, types)
    for at in range(0, len(stream), 1000):
        decoder.feed(memoryview(stream)[at : at + 1000])
    assert decoder.batch().equals(batch)
    decoder.finish()


def test_damaged_streams_are_refused_or_decoded() -> None:
    outcomes = {check(Random(seed)) for seed in range(2500)}
    assert outcomes == {"decoded", "equal", "refused"}
