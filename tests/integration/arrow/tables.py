"""Random Arrow tables of every type that a table can be made for."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

__all__ = ("comparable", "tables")

_DAY = 86_400 * 10**6
# What `timestamp` and Arrow both hold: from 4713 BC on, with room for a zone.
_MICROS = st.integers(-210_000_000_000 * 10**6, 9_000_000_000_000 * 10**6) | st.integers(-(10**9), 10**9)
_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


def _integers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    return st.integers(low, high) | st.sampled_from([low, high, 0])


def _decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    limit = 10**precision - 1
    return (st.integers(-limit, limit) | st.sampled_from([limit, -limit, 0, 1])).map(
        lambda unscaled: Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -scale))
    )


def _ticks(kind: pa.DataType, numbers: st.SearchStrategy[int]) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    """Return a type whose values are given as the integers that they are stored as."""
    return kind, numbers


def _zoned(unit: str) -> pa.DataType:
    return pa.timestamp(unit, "UTC")


def _at_least(by: int) -> st.SearchStrategy[int]:
    return _MICROS.map(lambda micros: micros // by)


_MULTIPLES = {"s": 10**6, "ms": 10**3, "us": 1}
_NANOS = st.integers(-(2**53), 2**53).map(lambda micros: micros * 1000)

_SCALARS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.bool_(), st.booleans()),
    *((kind, _integers(kind.bit_width, signed=True)) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())),
    *((kind, _integers(kind.bit_width, signed=False)) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())),
    (pa.float16(), st.floats(width=16)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats()),
    *(
        (kind, _decimals(kind.precision, kind.scale))
        for kind in (
            pa.decimal32(7, 3),
            pa.decimal64(18, 18),
            pa.decimal128(10, 0),
            pa.decimal128(38, 19),
            pa.decimal128(6, -2),
            pa.decimal256(50, 12),
            pa.decimal256(76, 76),
        )
    ),
    *((kind, _TEXT) for kind in (pa.string(), pa.large_string(), pa.string_view())),
    *((kind, st.binary(max_size=12)) for kind in (pa.binary(), pa.large_binary(), pa.binary_view())),
    (pa.binary(16), st.binary(min_size=16, max_size=16)),
    (pa.uuid(), st.binary(min_size=16, max_size=16)),
    _ticks(pa.date32(), st.integers(-2_400_000, 2_145_000_000)),
    _ticks(pa.date64(), st.integers(-2_400_000, 100_000_000).map(lambda days: days * 86_400_000)),
    _ticks(pa.time32("s"), st.integers(0, 86_399)),
    _ticks(pa.time32("ms"), st.integers(0, 86_399_999)),
    _ticks(pa.time64("us"), st.integers(0, _DAY - 1)),
    _ticks(pa.time64("ns"), st.integers(0, _DAY - 1).map(lambda micros: micros * 1000)),
    *(
        _ticks(make(unit), _at_least(by))
        for make in (pa.timestamp, pa.duration, _zoned)
        for unit, by in _MULTIPLES.items()
    ),
    _ticks(pa.timestamp("ns"), _NANOS),
    _ticks(pa.timestamp("ns", "+05:30"), _NANOS),
    _ticks(pa.duration("ns"), _NANOS),
    (
        pa.month_day_nano_interval(),
        st.tuples(_integers(32, signed=True), _integers(32, signed=True), _NANOS).filter(
            # The server takes the extremes of all three for infinity.
            lambda parts: abs(parts[0]) < 2**31 - 1
        ),
    ),
]
_INNER = st.none() | st.integers(-(2**31), 2**31 - 1)
_NESTED: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.struct([("a", pa.int32()), ("b", pa.string())]), st.fixed_dictionaries({"a": _INNER, "b": st.none() | _TEXT})),
    (
        pa.map_(pa.string(), pa.int32()),
        st.dictionaries(_TEXT, _INNER, max_size=3).map(lambda found: list(found.items())),
    ),
    (pa.list_(pa.list_(pa.int32())), st.lists(st.none() | st.lists(_INNER, max_size=3), max_size=3)),
]


def _array(kind: pa.DataType, values: list[Any]) -> pa.Array:
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))
    if pa.types.is_temporal(kind) and kind != pa.month_day_nano_interval():
        return pa.array(values, pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)
    return pa.array(values, kind)


@st.composite
def _columns(draw: st.DrawFn, rows: int) -> pa.Array:
    shape = draw(
        st.sampled_from(["plain"] * 5 + ["list", "large list", "fixed list", "dictionary", "runs", "nested", "null"])
    )
    if shape == "null":
        return pa.nulls(rows)
    kind, values = draw(st.sampled_from(_NESTED if shape == "nested" else _SCALARS))
    nullable = st.none() | values if draw(st.booleans()) else values
    size = draw(st.integers(1, 3))
    if "list" in shape:
        # Of fixed size, an absent list has room for its items.
        offsets, length = [0], draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
        for number in length:
            offsets.append(offsets[-1] + (size if shape == "fixed list" else number))
        items = _array(kind, draw(st.lists(nullable, min_size=offsets[-1], max_size=offsets[-1])))
        mask = pa.array(draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), pa.bool_())
        if shape == "fixed list":
            return (
                pa.FixedSizeListArray.from_arrays(items, size, mask=mask)
                if rows
                else pa.array([], pa.list_(kind, size))
            )
        made = pa.ListArray if shape == "list" else pa.LargeListArray
        ends = pa.array(offsets, pa.int32() if shape == "list" else pa.int64())
        return made.from_arrays(ends, items, mask=mask)
    array = _array(kind, draw(st.lists(nullable, min_size=rows, max_size=rows)))
    if shape == "dictionary" and not pa.types.is_nested(kind) and not isinstance(kind, pa.BaseExtensionType):
        return _encoded(array)
    if shape == "runs" and not isinstance(kind, pa.BaseExtensionType):
        return pa.RunEndEncodedArray.from_arrays(pa.array(range(1, rows + 1), pa.int32()), array)
    return array


def _encoded(array: pa.Array) -> pa.Array:
    try:
        return array.dictionary_encode()
    except pa.ArrowNotImplementedError:
        return array


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Tables of up to four columns, cut out of larger ones and in several chunks, with the row number in `n`."""
    rows = draw(st.integers(0, 12))
    columns = draw(st.lists(_columns(rows), min_size=1, max_size=4))
    name = _TEXT.filter(lambda text: 0 < len(text.encode()) < 60 and text != "n")
    names = draw(st.lists(name, unique=True, min_size=len(columns), max_size=len(columns)))
    start, stop = sorted((draw(st.integers(0, rows)), draw(st.integers(0, rows))))
    cuts = [start, *sorted(draw(st.lists(st.integers(start, stop), max_size=3))), stop]
    numbered = [pa.array(range(rows), pa.int64()), *columns]
    pieces = [
        pa.record_batch([column.slice(one, other - one) for column in numbered], names=["n", *names])
        for one, other in pairwise(cuts)
    ]
    table = pa.concat_tables([pa.Table.from_batches(pieces)] * draw(st.sampled_from([1, 1, 1, 40])))
    return table.set_column(0, "n", pa.array(range(table.num_rows), pa.int64()))


def comparable(found: Any, kind: pa.DataType) -> Any:
    """Return what a value means in a form that is equal after a round trip, whatever type it has become."""
    if found is None:
        return None
    match found.kind:
        case "float":
            value = found.value[0]
            return "NaN" if math.isnan(value) else (value, math.copysign(1, value))
        case "duration":
            days, rest = divmod(found.value, _DAY * 1000)
            return (0, days, rest)
        case "uuid":
            return found.value.bytes
        case "list":
            return [comparable(item, kind) for item in found.value]
        case "record":
            return {name: comparable(item, kind) for name, item in found.value.items()}
        case _:
            return found.value
