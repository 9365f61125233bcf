"""The compiled readers and the Python they stand in for say the same of every value, and of what is none."""

from __future__ import annotations

import gc
import struct
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlspec.exceptions import DataError
from sqlspec.postgres.codec import CodecOptions, CodecRegistry, MissingTypesError
from sqlspec.postgres.codec.reading import compiled, falling_back, is_compiled, reader
from tests.unit.postgres.codec_cases import CASES, same

pytestmark = pytest.mark.skipif(compiled is None, reason="the module was not compiled")

REGISTRY = CodecRegistry()
CLAMPING = CodecRegistry(CodecOptions(infinity="clamp"))

# Every type that has a compiled reader, with arrays of them.
READERS: dict[str, Callable[[Any], Any]] = {
    codec.name: codec.unpack for codec in REGISTRY.known() if is_compiled(codec.unpack)
}


def plain(unpack: Any) -> Callable[[bytes], Any]:
    """Return the Python behind a compiled reader."""
    return unpack.__self__.unpack


def outcome(read: Callable[[bytes], Any], wire: bytes) -> tuple[str, Any]:
    try:
        return "value", read(wire)
    except Exception as error:
        return "error", (type(error), str(error))


def agree(unpack: Callable[[bytes], Any], wire: bytes) -> None:
    ours, theirs = outcome(unpack, wire), outcome(plain(unpack), wire)
    assert ours[0] == theirs[0]
    assert same(ours[1], theirs[1])


def test_the_common_types_are_compiled() -> None:
    assert {
        "bool", "bytea", "int2", "int4", "int8", "oid", "xid8", "float4", "float8", "text", "varchar", "name",
        "numeric", "uuid", "date", "time", "timestamp", "timestamptz",
        "interval", "json", "jsonb", "int4[]", "text[]", "jsonb[]",
    } <= READERS.keys()  # fmt: skip


@pytest.mark.parametrize("name", sorted(READERS.keys() & CASES.keys()))
@given(data=st.data())
def test_values(name: str, data: st.DataObject) -> None:
    codec = REGISTRY.get(CASES[name].oid)
    assert codec is not None
    value = data.draw(CASES[name].values)
    wire = codec.encode(value)
    agree(codec.unpack, wire)
    assert same(codec.unpack(memoryview(b"x" + wire)[1:]), codec.unpack(wire))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(READERS))
@settings(max_examples=30)
@given(wire=st.binary(max_size=40))
def test_bytes_of_any_kind(name: str, wire: bytes) -> None:
    agree(READERS[name], wire)


EXTREMES = [0, 1, -1, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63)]
EXTREMES += [
    sign * (day * 86_400_000_000 + more) for sign in (1, -1) for day in (730119, 2921939) for more in (-1, 0, 1)
]


@pytest.mark.parametrize("registry", [REGISTRY, CLAMPING], ids=["error", "clamp"])
@pytest.mark.parametrize("micros", EXTREMES)
def test_limits_of_time(micros: int, registry: CodecRegistry) -> None:
    wire = micros.to_bytes(8, "big", signed=True)
    for oid in (1083, 1114, 1184):
        codec = registry.get(oid)
        assert codec is not None
        agree(codec.unpack, wire)
    for days in (micros % 2**31, micros % 2922941, -(micros % 730121), 2921940):
        codec = registry.get(1082)
        assert codec is not None
        agree(codec.unpack, days.to_bytes(4, "big", signed=True))


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
def test_intervals(micros: int, days: int, months: int) -> None:
    agree(READERS["interval"], struct.pack(">qii", micros, days, months))


@given(
    st.lists(st.integers(0, 9999), max_size=60),
    st.integers(-40, 60),
    st.sampled_from([0, 0x4000, 0xC000, 0xD000, 0xF000, 1]),
    st.integers(0, 150),
)
def test_numerics(digits: list[int], weight: int, sign: int, scale: int) -> None:
    while digits and not digits[0]:  # the server writes no such group
        del digits[0]
    # Nor digits behind those that the scale tells of.
    scale = max(scale, 4 * (len(digits) - 1 - weight) if digits else 0)
    wire = struct.pack(f">HhHH{len(digits)}H", len(digits), weight if digits else 0, sign, scale, *digits)
    agree(READERS["numeric"], wire)


def test_a_long_numeric_keeps_its_digits() -> None:
    codec = REGISTRY.get(1700)
    assert codec is not None
    for text in ("-0.001", "10000", "1E-30", f"-{'9' * 100}.{'7' * 100}", "0.00", f"1{'0' * 99}", f"0.{'0' * 99}1"):
        assert same(codec.unpack(codec.encode(Decimal(text))), Decimal(format(Decimal(text), "f")))


@given(st.lists(st.none() | st.text(alphabet=st.characters(blacklist_characters="\0", codec="utf-8"))))
def test_arrays_of_text(values: list[str | None]) -> None:
    codec = REGISTRY.get(1009)
    assert codec is not None
    agree(codec.unpack, codec.encode(values))


def test_what_is_no_usual_value_goes_to_the_function_in_python() -> None:
    met: list[bytes] = []

    def note(wire: bytes) -> str:
        met.append(wire)
        return "noted"

    read = falling_back(reader("int4", note), note)
    assert read(b"\0\0\0\7") == 7
    assert read(b"\0") == "noted"
    assert met == [b"\0"]
    assert falling_back(note, met.append) == met.append


def fresh(*values: Any) -> tuple[Any, ...]:
    """Return a tuple that is no constant of the code."""
    return values


class TestRows:
    """What the function for rows does with the rows that it is given."""

    ROW = (b"\0\0\0\1", b"x", None)

    def decode(self, rows: Any) -> Any:
        return REGISTRY.decoder((23, 25, 20), ("a", "b", "c"))(rows)

    def test_a_tuple_that_only_the_list_holds_is_filled_anew(self) -> None:
        rows = [fresh(*self.ROW) for _ in range(3)]
        addresses = list(map(id, rows))
        decoded = self.decode(rows)
        assert decoded == [(1, "x", None)] * 3
        assert list(map(id, decoded)) == addresses

    def test_a_tuple_that_somebody_holds_is_left_alone(self) -> None:
        held = fresh(*self.ROW)
        assert self.decode([held]) == self.decode((held,)) == self.decode([list(held)]) == [(1, "x", None)]
        assert held == (b"\0\0\0\1", b"x", None)

    def test_a_refusal_names_the_first_wrong_value_behind_rows_that_were_read(self) -> None:
        rows = [fresh(*self.ROW) for _ in range(3)]
        rows[2] = (b"\0", b"x", None)
        with pytest.raises(DataError, match='column "a" as int4: its wire form'):
            self.decode(rows)

    def test_rows_can_be_read_again_once_types_are_known(self) -> None:
        record = bytes.fromhex("00000001 00015f93 00000004 00000001")  # a field of the unknown type 90003
        rows = [fresh(b"\0\0\0\1", record)]
        decode = REGISTRY.decoder((23, 2249), ("a", "r"))
        for _ in range(2):
            with pytest.raises(MissingTypesError):
                decode(rows)
        assert rows == [(b"\0\0\0\1", record)]

    def test_a_row_of_another_width_is_no_row(self) -> None:
        for row in ((b"\0\0\0\1",), (*self.ROW, b"")):
            with pytest.raises(ValueError, match="width"):
                self.decode([row])

    def test_garbage_collection_knows_of_containers_in_the_tuples(self) -> None:
        codec = REGISTRY.get(1007)
        assert codec is not None
        rows = [fresh(codec.encode([1, 2]))]
        gc.collect()  # forgets tuples of simple values
        (row,) = REGISTRY.decoder((1007,), ("a",))(rows)
        assert row == ([1, 2],)
        assert gc.is_tracked(row)

    def test_nothing_is_leaked(self) -> None:
        value = b"\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\1\0\0\0\1\0\0\0\1x"
        before = sys.getrefcount(value)
        for _ in range(50):
            assert REGISTRY.decoder((1009,), ("a",))([(value,), (value,), [value]]) == [(["x"],)] * 3
            with pytest.raises(DataError):
                REGISTRY.decoder((1009, 23), ("a", "b"))([(value, b"")])
        assert sys.getrefcount(value) == before
