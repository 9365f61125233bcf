"""What the encoder writes for single values, and what it refuses; pgpq's bytes where that knows the type."""

from __future__ import annotations

import struct
from decimal import Decimal, localcontext
from random import Random
from typing import Any

import pgpq
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlspec.postgres.arrow._wire import Encoder, WireError, encode_array
from sqlspec.postgres.arrow.wire import Kind, WireType
from tools.fuzz_arrow_wire import random_values, scalar_columns, stream_of

INT = WireType(Kind.INT4, 23)
TEXT = WireType(Kind.BYTES, 25)
MOST = (1 << 63) - 1


def batch_of(*columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns), names=[f"c{i}" for i in range(len(columns))])


def value_of(array: pa.Array, wire: WireType) -> bytes:
    """Encode the only value of an array."""
    data = Encoder([wire]).encode(batch_of(array))
    assert data[:6] == struct.pack(">hi", 1, len(data) - 6)
    return data[6:]


def refusal(array: pa.Array, wire: WireType) -> str:
    """Encode a batch whose second column, in the second row of a slice, cannot be encoded."""
    column = pa.concat_arrays([array[:0], pa.nulls(3, array.type), array])
    batch = batch_of(pa.array(range(4), pa.int32()), column).slice(2)
    with pytest.raises(WireError) as caught:
        Encoder([INT, wire]).encode(batch)
    assert (caught.value.column, caught.value.row) == (1, 1)
    return caught.value.reason


# What pgpq writes otherwise or not at all: JSON text as jsonb, xid8 as numeric, vectors, intervals, decimal256.
ELSEWHERE = {Kind.JSONB, Kind.INTERVAL, Kind.VECTOR, Kind.HALFVEC}


@settings(max_examples=100)
@given(st.randoms(use_true_random=False))
def test_the_same_bytes_as_pgpq(rng: Random) -> None:
    columns = [
        column
        for column in scalar_columns(rng)
        if column.wire.kind not in ELSEWHERE
        and not pa.types.is_decimal256(column.type)
        and not pa.types.is_unsigned_integer(column.type)
    ]
    count = rng.randint(0, 9)
    batch = batch_of(*(pa.array(random_values(rng, column, count), column.type) for column in columns)).slice(1)
    encoder = pgpq.ArrowToPostgresBinaryEncoder(batch.schema)
    theirs = encoder.write_header() + encoder.write_batch(batch) + encoder.finish()
    assert stream_of(batch, tuple(column.wire for column in columns)) == theirs


@pytest.mark.parametrize("type_", [pa.int32(), pa.float32(), pa.float64(), pa.date32(), pa.bool_()])
def test_the_same_lists_as_pgpq(type_: pa.DataType) -> None:
    """Where they are neither empty nor hold NULLs: its flags for these are others that the server takes as well."""
    (column,) = (column for column in scalar_columns(Random(0)) if column.type == type_)
    lists = [random_values(Random(seed), column, seed, nulls=0) for seed in range(1, 9)]
    batch = batch_of(pa.array([*lists, None], pa.list_(pa.field("item", type_, nullable=False))))
    encoder = pgpq.ArrowToPostgresBinaryEncoder(batch.schema)
    theirs = encoder.write_header() + encoder.write_batch(batch) + encoder.finish()
    assert stream_of(batch, (WireType(Kind.LIST, children=(column.wire,)),)) == theirs


def decimals(numbers: list[int], width: int, precision: int, scale: int) -> pa.Array:
    """Make decimals from their integers, also of types that pyarrow cannot convert to."""
    data = b"".join(number.to_bytes(width, "little", signed=True) for number in numbers)
    make = pa.decimal128 if width == 16 else pa.decimal256
    return pa.Array.from_buffers(make(precision, scale), len(numbers), [None, pa.py_buffer(data)])


def number_of(data: bytes) -> Decimal:
    count, weight, sign, shown = struct.unpack_from(">HhHH", data)
    groups = struct.unpack_from(f">{count}H", data, 8)
    assert len(data) == 8 + 2 * count
    assert sign in (0, 0x4000)
    assert not groups or (groups[0] and groups[-1])
    total = sum((Decimal(group).scaleb(4 * (weight - at)) for at, group in enumerate(groups)), Decimal(0))
    return (-total if sign else total).quantize(Decimal(1).scaleb(-shown))


@pytest.mark.parametrize(("width", "precision"), [(16, 38), (32, 76)])
@pytest.mark.parametrize("scale", [-900, -39, -5, -4, -3, -1, 0, 1, 2, 3, 4, 5, 37, 38, 76, 900])
def test_decimals_of_any_scale(width: int, precision: int, scale: int) -> None:
    most = 10**precision - 1
    numbers = [0, 1, -1, most, -most, 10**17, 10**19 + 1, 2**64, 2**32, -(2**64), 12340000, 10 ** (precision - 1)]
    wire = WireType(Kind.NUMERIC, 1700, width, precision, scale)
    array = decimals(numbers, width, precision, scale)
    with localcontext(prec=3000):
        for at, number in enumerate(numbers):
            expected = Decimal(number).scaleb(-scale)
            value = number_of(value_of(array[at : at + 1], wire))
            assert value == expected
            assert value.as_tuple().exponent == min(-scale, 0)


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pa.array([-210866803200000001], pa.timestamp("us")), Kind.TIMESTAMP),
        (pa.array([-MOST - 1], pa.timestamp("us")), Kind.TIMESTAMP),
        (pa.array([2145031949 + 10957], pa.int32()).view(pa.date32()), Kind.DATE),
        (pa.array([-2451545 + 10956], pa.int32()).view(pa.date32()), Kind.DATE),
        (pa.array([86_400_000_000], pa.int64()).view(pa.time64("us")), Kind.TIME),
        (pa.array([-1], pa.int64()).view(pa.time64("us")), Kind.TIME),
    ],
)
def test_values_beyond_postgresql(array: pa.Array, kind: Kind) -> None:
    assert refusal(array, WireType(kind)) == "a value is out of range"


@pytest.mark.parametrize(
    ("array", "kind", "form", "number"),
    [
        (pa.array([-210866803200000000], pa.timestamp("us")), Kind.TIMESTAMP, ">q", -211813488000000000),
        (pa.array([MOST], pa.timestamp("us")), Kind.TIMESTAMP, ">q", MOST - 946684800000000),
        (pa.array([2145031948 + 10957], pa.int32()).view(pa.date32()), Kind.DATE, ">i", 2145031948),
        (pa.array([-2451545 + 10957], pa.int32()).view(pa.date32()), Kind.DATE, ">i", -2451545),
    ],
)
def test_the_first_and_last_day(array: pa.Array, kind: Kind, form: str, number: int) -> None:
    assert value_of(array, WireType(kind)) == struct.pack(form, number)


def test_an_interval_has_whole_microseconds() -> None:
    wire = WireType(Kind.INTERVAL, 1186)
    type_ = pa.month_day_nano_interval()
    assert value_of(pa.array([(1, -2, -3000)], type_), wire) == struct.pack(">qii", -3, -2, 1)
    for nanoseconds in (1, -1, 999, 1001):
        assert refusal(pa.array([(0, 0, nanoseconds)], type_), wire) == "an interval is finer than a microsecond"


def bytes_array(type_: pa.DataType, offsets: list[int]) -> pa.Array:
    """Make an array over memory that is not written to."""
    form = "q" if type_ in (pa.large_binary(), pa.large_string()) else "i"
    buffers = [None, pa.py_buffer(struct.pack(f"<{len(offsets)}{form}", *offsets)), pa.allocate_buffer(max(offsets))]
    return pa.Array.from_buffers(type_, len(offsets) - 1, buffers)


@pytest.mark.parametrize(("kind", "size"), [(Kind.BYTES, 1 << 30), (Kind.JSONB, (1 << 30) - 1)])
def test_a_value_has_less_than_a_gigabyte(kind: Kind, size: int) -> None:
    for type_ in (pa.string(), pa.large_string()):
        with pytest.raises(WireError, match="longer than 1 GB") as caught:
            Encoder([INT, WireType(kind)]).encode(batch_of(pa.array([1], pa.int32()), bytes_array(type_, [0, size])))
        assert (caught.value.column, caught.value.row) == (1, 0)


@pytest.mark.parametrize("offsets", [[0, 4, 2, 8], [4, 3, 9, 9], [0, -1, 8, 8]])
def test_offsets_are_in_order(offsets: list[int]) -> None:
    for array in (bytes_array(pa.string(), offsets), bytes_array(pa.large_binary(), offsets)):
        with pytest.raises(WireError, match="not in order") as caught:
            Encoder([INT, TEXT]).encode(batch_of(pa.array([1, 2, 3], pa.int32()), array))
        assert caught.value.column == 1
        with pytest.raises(WireError, match="not in order"):
            encode_array(TEXT, array)


def test_what_nulls_hide_is_not_sent() -> None:
    lists = pa.ListArray.from_arrays(
        pa.array([0, 2, 4, 6]), pa.array(range(6), pa.int32()), mask=pa.array([False, True, False])
    )
    wire = WireType(Kind.LIST, 1007, children=(INT,))
    rows = Encoder([wire]).encode(batch_of(lists))
    same = pa.array([[0, 1], None, [4, 5]], pa.list_(pa.int32()))
    assert rows == Encoder([wire]).encode(batch_of(same))


def test_slices_inside_slices() -> None:
    items = pa.array([{"a": number, "b": [str(number)] * number} for number in range(9)])[1:]
    lists = pa.ListArray.from_arrays(pa.array([0, 0, 1, 1, 4, 7], pa.int32())[1:], items)[1:]
    structs = pa.StructArray.from_arrays([lists], names=["l"])[1:]
    plain = pa.array(structs.to_pylist(), structs.type)
    part = WireType(Kind.STRUCT, 1, children=(WireType(Kind.INT8, 20), WireType(Kind.LIST, 1009, children=(TEXT,))))
    wire = WireType(Kind.STRUCT, 2, children=(WireType(Kind.LIST, 3, children=(part,)),))
    assert Encoder([wire]).encode(batch_of(structs)) == Encoder([wire]).encode(batch_of(plain))
    assert encode_array(wire, structs) == encode_array(wire, plain)


def test_a_head_goes_before_the_rows() -> None:
    batch = batch_of(pa.array([1], pa.int32()))
    rows = struct.pack(">hii", 1, 4, 1)
    assert Encoder([INT]).encode(batch, b"head") == b"head" + rows
    assert Encoder([INT]).encode(batch.slice(1), b"head") == b"head"
    assert Encoder.header() == b"PGCOPY\n\xff\r\n\0" + bytes(8)
    assert Encoder.trailer() == b"\xff\xff"


def test_arrays() -> None:
    assert encode_array(INT, pa.array([], pa.int32())) == struct.pack(">iiI", 0, 0, 23)
    assert encode_array(INT, pa.array([5], pa.int32())) == struct.pack(">iiIiiii", 1, 0, 23, 1, 1, 4, 5)
    assert encode_array(INT, pa.array([None], pa.int32())) == struct.pack(">iiIiii", 1, 1, 23, 1, 1, -1)


@pytest.mark.parametrize(
    ("array", "wire", "reason"),
    [
        (pa.array([[1.0, None]], pa.list_(pa.float32(), 2)), WireType(Kind.VECTOR, width=2), "NULL inside a vector"),
        (pa.array([[1.0, None]], pa.list_(pa.float32())), WireType(Kind.VECTOR), "NULL inside a vector"),
        (pa.array([[0.0] * 16001], pa.list_(pa.float32())), WireType(Kind.VECTOR), "another number of elements"),
    ],
)
def test_vectors(array: pa.Array, wire: WireType, reason: str) -> None:
    assert refusal(array, wire).endswith(reason)


@pytest.mark.parametrize(
    ("array", "wire", "reason"),
    [
        (pa.array([1]), INT, "INT4 does not go with Arrow format 'l'"),
        (pa.array(["1"]), WireType(Kind.NUMERIC_TEXT), "NUMERIC_TEXT is read, not written"),
        (pa.array([["1"]]), WireType(Kind.LIST, 1, children=(WireType(Kind.BYTES),)), "is not given"),
        (pa.array(["1"]).dictionary_encode(), TEXT, "dictionary encoded"),
    ],
)
def test_layouts_that_are_refused(array: pa.Array, wire: WireType, reason: str) -> None:
    with pytest.raises(WireError, match=reason) as caught:
        Encoder([TEXT, wire]).encode(batch_of(pa.array(["x"]), array))
    assert caught.value.column == 1
    with pytest.raises(WireError, match=reason):
        encode_array(wire, array)


def test_a_batch_has_the_columns_described() -> None:
    with pytest.raises(WireError, match="1 columns where 2 were described"):
        Encoder([INT, INT]).encode(batch_of(pa.array([1], pa.int32())))


def test_an_element_that_cannot_be_sent_names_its_row() -> None:
    wire = WireType(Kind.LIST, 1183, children=(WireType(Kind.TIME, 1083),))
    times: Any = pa.array([0, 86_400_000_000], pa.int64()).view(pa.time64("us"))
    assert refusal(pa.ListArray.from_arrays(pa.array([0, 2], pa.int32()), times), wire) == "a value is out of range"
