"""Rows as bytes: by the compiled module, and by what stands in for it."""

from __future__ import annotations

import importlib.util
import math
import struct
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.exceptions import DataError
from sqlspec.postgres import _fields, inserts
from sqlspec.postgres.codec import CodecRegistry
from sqlspec.postgres.inserts import writers

CODECS = CodecRegistry()

VALUES: dict[int, st.SearchStrategy[Any]] = {
    16: st.booleans(),
    17: st.binary(max_size=20) | st.binary(max_size=3).map(bytearray),
    20: st.integers(-(2**63), 2**63 - 1) | st.booleans().map(int),
    21: st.integers(-(2**15), 2**15 - 1),
    23: st.integers(-(2**31), 2**31 - 1) | st.sampled_from([-(2**31), 2**31 - 1]),
    25: st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    26: st.integers(0, 2**32 - 1),
    700: st.floats(width=32),
    701: st.floats() | st.integers(-(2**50), 2**50),
    1082: st.dates(),
    1114: st.datetimes(),
    1184: st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])).filter(
        lambda value: 1 < value.year < 9999
    ),
    1700: st.decimals(allow_nan=False, allow_infinity=False, places=3),
    2950: st.uuids() | st.uuids().map(str),
    3802: st.dictionaries(st.text("ab", max_size=3), st.integers(0, 9)),
    5069: st.integers(0, 2**64 - 1),
}
OIDS = tuple(VALUES)


def plain() -> ModuleType:
    """Return the module that is there without a compiler."""
    path = Path(inserts.__file__).with_name("_fields.py")
    spec = importlib.util.spec_from_file_location("plain_fields", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_of(written: bytes) -> list[list[bytes | None]]:
    """Read the tuples of a binary COPY."""
    rows, at = [], 0
    while at < len(written):
        (count,) = struct.unpack_from(">h", written, at)
        fields, at = fields_of(written, at + 2, count)
        rows.append(fields)
    return rows


def fields_of(written: bytes, at: int, count: int) -> tuple[list[bytes | None], int]:
    fields: list[bytes | None] = []
    for _ in range(count):
        (size,) = struct.unpack_from(">i", written, at)
        at += 4
        fields.append(None if size < 0 else written[at : at + size])
        at += max(size, 0)
    return fields, at


@given(st.lists(st.tuples(*(st.none() | values for values in VALUES.values())), min_size=1, max_size=5))
def test_rows_are_written_as_the_codecs_write_them(rows: list[tuple[Any, ...]]) -> None:
    found = writers(CODECS, OIDS)
    assert found is not None
    expected = [CODECS.encoder(OIDS)(row) for row in rows]
    (piece,) = found.copy(list(rows))
    assert rows_of(piece) == expected
    arrays = found.arrays([list(row) for row in rows])
    for oid, array, column in zip(OIDS, arrays, zip(*expected, strict=True), strict=True):
        assert struct.unpack_from(">iiiii", array) == (1, 1, oid, len(rows), 1)
        assert fields_of(array, 20, len(rows)) == (list(column), len(array))


@given(st.lists(st.tuples(*(st.none() | values for values in VALUES.values())), min_size=1, max_size=5))
def test_both_modules_write_the_same(rows: list[tuple[Any, ...]]) -> None:
    kinds = b"?bqhitIfdDsz u Q"
    known = [CODECS.get(oid) for oid in OIDS]
    encoders = tuple(codec.encode for codec in known if codec is not None)
    other = plain()
    assert _fields.copy_fields(list(rows), kinds, encoders) == other.copy_fields(rows, kinds, encoders)
    assert _fields.array_fields(list(rows), kinds, encoders) == other.array_fields(rows, kinds, encoders)


@pytest.mark.parametrize(
    "value",
    [
        (20, 2**63),
        (20, -(2**63) - 1),
        (20, 1.5),
        (23, 2**31),
        (23, -(2**31) - 1),
        (21, 2**15),
        (26, -1),
        (26, 2**32),
        (5069, -1),
        (5069, 2**64),
        (700, 1e300),
        (25, "a\0b"),
        (25, "é\0"),
        (25, "\ud800"),
        (25, 5),
        (16, 1.5),
        (17, "text"),
        (1082, datetime(2024, 1, 1)),
        (1114, datetime(2024, 1, 1, tzinfo=UTC)),
        (1184, datetime(2024, 1, 1)),
        (2950, "no uuid"),
    ],
)
def test_what_a_type_does_not_take_is_refused(value: tuple[int, Any]) -> None:
    oid, refused = value
    found = writers(CODECS, (23, oid))
    assert found is not None
    for write in (found.copy, found.arrays):
        with pytest.raises(Exception):  # noqa: B017 - which one it is, the codecs' encoder tells
            write([(1, None), (1, refused)])
    with pytest.raises(DataError):
        found.encode((1, refused))


def test_usual_values_at_their_limits() -> None:
    oids = (1082, 1114, 1184, 2950, 700, 701)
    low = (date.min, datetime.min, datetime.min.replace(tzinfo=UTC), UUID(int=0), -0.0, math.nan)
    high = (date.max, datetime.max, datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1), math.inf, -math.inf)
    found = writers(CODECS, oids)
    assert found is not None
    assert rows_of(found.copy([low, high])[0]) == [found.encode(low), found.encode(high)]


def test_many_columns_and_large_values() -> None:
    oids = (25,) * 300
    rows = [tuple("x" * n for n in range(300)), ("y" * 100_000,) * 300, (None,) * 300]
    found = writers(CODECS, oids)
    assert found is not None
    assert rows_of(found.copy(list(rows))[0]) == [found.encode(row) for row in rows]


def test_types_without_a_binary_format() -> None:
    assert writers(CODECS, (23, 1033)) is None  # aclitem


def test_other_values_are_encoded_by_the_codec() -> None:
    found = writers(CODECS, (20, 701, 1700))
    assert found is not None
    row = (7, 3, 3)
    assert rows_of(found.copy([row])[0]) == [found.encode(row)]


MODULES = [_fields, plain()]


@pytest.mark.parametrize("module", MODULES)
def test_a_row_that_changes_while_it_is_written_is_written_as_it_was(module: ModuleType) -> None:
    row: list[Any] = []

    def encode(value: Any) -> bytes:
        row.clear()
        return b"xy"

    encoders = (encode, str.encode, str.encode)
    for write in (module.copy_fields, module.array_fields):
        row[:] = [object(), "a", "b"]
        written = write([row], b" tt", encoders)
        fields = b"".join(written) if isinstance(written, list) else written[2:]
        assert fields == b"\0\0\0\2xy\0\0\0\1a\0\0\0\1b"


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("wrong", [None, "text", 5, ValueError()])
def test_what_an_encoder_gives_instead_of_bytes_is_refused(module: ModuleType, wrong: Any) -> None:
    def encode(value: Any) -> Any:
        if isinstance(wrong, Exception):
            raise wrong
        return wrong

    for write in (module.copy_fields, module.array_fields):
        with pytest.raises((TypeError, ValueError)):
            write([(1, object())], b"i ", (struct.Struct(">i").pack, encode))


@pytest.mark.parametrize("module", MODULES)
def test_rows_of_another_length_are_refused(module: ModuleType) -> None:
    encoders = (struct.Struct(">i").pack, str.encode)
    for write in (module.copy_fields, module.array_fields):
        for row in ((1,), (1, "a", 2), 5):
            with pytest.raises((ValueError, TypeError)):
                write([row], b"it", encoders)
        with pytest.raises(ValueError, match=r"zip|encoder"):
            write([(1, "a")], b"it", encoders[:1])


@pytest.mark.parametrize("module", MODULES)
def test_blocks_have_a_number_of_rows_or_bytes(module: ModuleType) -> None:
    rows: list[Any] = [(n, "x") for n in range(5)]
    more = iter([(n, "x") for n in range(5, 100)])
    assert module.fill(rows, more, 0, 3, 10**6) == 3
    assert len(rows) == 5
    assert module.fill(rows, more, 3, 10, 10**6) == 13 == len(rows)
    assert module.fill(rows, more, 13, 0, 10**6) == module.fill(rows, more, 13, 5, 0) == 13
    assert 13 < module.fill(rows, more, 13, 50, 100) < 25
    assert module.fill(rows, more, len(rows), 1000, 10**6) == 100 == len(rows)
    assert module.fill(rows, more, 100, 1, 1) == 100


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    "large",
    ["x" * 1000, b"x" * 1000, bytearray(1000), memoryview(bytes(1000)), {"x" * 1000: 1}, {"a": [{"b": "x" * 1000}]},
     [1] * 1000, ("x" * 500,) * 2],
)  # fmt: skip
def test_large_values_fill_a_block(module: ModuleType, large: Any) -> None:
    assert module.fill([], iter([(1,), (large,), (1,)]), 0, 10, 1000) == 2


@pytest.mark.parametrize("module", MODULES)
def test_values_of_any_kind_have_a_size(module: ModuleType) -> None:
    endless: list[Any] = []
    endless += [endless, endless, object(), "\ud800", "é", None]

    class Odd(dict[str, int]):
        def items(self) -> Any:
            raise ZeroDivisionError

    assert module.fill([], iter([[endless, Odd(a=1), 10**100], object()]), 0, 10, 10**6) == 2
    with pytest.raises(ZeroDivisionError):
        module.fill([], (1 // 0 for _ in range(3)), 0, 10, 10)


def test_both_modules_count_alike() -> None:
    rows: list[Any] = [(n, "é" * n, {"a": [1, "b" * n]}, None, b"x" * n, 1.5, [[[]]]) for n in range(40)]
    for size in range(1, 9000, 97):
        assert _fields.fill(list(rows), iter(()), 0, 40, size) == MODULES[1].fill(list(rows), iter(()), 0, 40, size)
