"""Arrow arrays of every type, and the columns that they are loaded into."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

__all__ = ("COLUMNS", "DDL", "SOURCES", "Target")

_I64 = (1 << 63) - 1


def _decimal(kind: pa.DataType, *numbers: str) -> pa.Array:
    return pa.array([None if number == "null" else Decimal(number) for number in numbers], kind)


def _int(kind: pa.DataType, *more: int) -> pa.Array:
    bits = kind.bit_width
    signed = not str(kind).startswith("u")
    ends = [-(1 << (bits - 1)), (1 << (bits - 1)) - 1] if signed else [(1 << bits) - 1]
    return pa.array([0, 1, 5, None, *ends, *more], kind)


def _time(kind: pa.DataType, *ticks: int | None) -> pa.Array:
    storage = pa.int32() if kind.bit_width == 32 else pa.int64()
    return pa.array(ticks, storage).cast(kind)


_UUIDS = [UUID(int=0), UUID("12345678-1234-5678-1234-567812345678"), UUID(int=(1 << 128) - 1)]
_TEXTS = [
    *("", "5", "abc", "-1.25", "0.005", "1e3", "NaN", "t", "{}", '[1, {"a": "ü"}]', "null", "sad"),
    *(
        "2024-02-29",
        "2024-02-29 12:34:56.5",
        "2024-02-29T23:30:00+02:00",
        "infinity",
        "12:34:56.789",
        "12:34:56.789+02",
    ),
    *("1 mon -2 days 03:04:05", "[2024-01-01,2024-02-01)", "[1,5)", "(1,2)", "[1,2,3]", "101", "$12.34", "0/16B3748"),
    *("12345678-1234-5678-1234-567812345678", "10.0.0.0/8", "192.168.0.1/24", "08:00:2b:01:02:03", "pg_class", "a & b"),
    *("{1,NULL,3}", '{"a,b",NULL,"\\"q\\""}', '(7,"x ""y")', "ab   ", "line\nbreak\ttab", "\\N", "'quoted\\'"),
    *("ünïcødé 😀", "x" * 70, "nul\0byte", None),
]

# One array for each Arrow type; every value is tried in every column.
SOURCES: dict[str, pa.Array] = {
    **{str(kind): _int(kind) for kind in (pa.int8(), pa.int16(), pa.int32())},
    "int64": _int(pa.int64(), 1 << 53, (1 << 53) + 1, (1 << 31) - 1, -(1 << 31) - 1),
    **{str(kind): _int(kind) for kind in (pa.uint8(), pa.uint16(), pa.uint32())},
    "uint64": _int(pa.uint64(), _I64),
    "float16": pa.array([0.0, 1.5, -2.0, 65504.0, math.inf, math.nan, None], pa.float16()),
    "float32": pa.array([0.0, -0.0, 1.5, 7.0, 0.1, 3.4e38, -math.inf, math.nan, None], pa.float32()),
    "float64": pa.array(
        [0.0, -0.0, 1.5, 7.0, 0.1, 1e300, 5e-324, 2.0**53, math.inf, -math.inf, math.nan, None], pa.float64()
    ),
    "decimal32(5, 2)": _decimal(pa.decimal32(5, 2), "0.00", "1.25", "-999.99", "7.00", "null"),
    "decimal64(18, 4)": _decimal(pa.decimal64(18, 4), "0.0000", "12345678901234.5678", "1.2500", "7.0000", "null"),
    "decimal128(38, 10)": _decimal(
        pa.decimal128(38, 10), "0", "1.25", "-7", "0.0000000001", "9" * 28 + "." + "9" * 10, "100000000", "null"
    ),
    "decimal128(20, 0)": _decimal(pa.decimal128(20, 0), "0", "5", "-32768", "9" * 20, "null"),
    "decimal128(5, -3)": _decimal(pa.decimal128(5, -3), "0", "1000", "-99999000", "null"),
    "decimal256(76, 20)": _decimal(pa.decimal256(76, 20), "0", "1.25", "9" * 56 + "." + "9" * 20, "-7", "null"),
    "bool": pa.array([True, False, None]),
    "string": pa.array(_TEXTS),
    "large_string": pa.array([*_TEXTS[:6], "sad", None], pa.large_string()),
    "string_view": pa.array([*_TEXTS[:6], "sad", None], pa.string_view()),
    "dictionary<string>": pa.array(["sad", "", "5", None, "sad", "x" * 70]).dictionary_encode(),
    "dictionary<int64>": pa.array([5, 1 << 40, None, 5]).dictionary_encode(),
    "dictionary<timestamp>": pa.array([0, 1_709_210_096_500_000, None], pa.timestamp("us")).dictionary_encode(),
    "run_end_encoded<int32>": pa.RunEndEncodedArray.from_arrays([2, 3, 5], pa.array([5, None, 1 << 20], pa.int32())),
    "run_end_encoded<string>": pa.RunEndEncodedArray.from_arrays([1, 3], pa.array(["sad", None])),
    "run_end_encoded<string_view>": pa.RunEndEncodedArray.from_arrays(
        [2, 3], pa.array(["sad", None], pa.string_view())
    ),
    "binary": pa.array([b"", b"\x00\xff", b"abc", "ü".encode(), b"\x01" * 16, None]),
    "large_binary": pa.array([b"", b"\x00\xff", None], pa.large_binary()),
    "binary_view": pa.array([b"", b"\x00\xff", None], pa.binary_view()),
    "fixed_size_binary(16)": pa.array([item.bytes for item in _UUIDS] + [None], pa.binary(16)),
    "fixed_size_binary(3)": pa.array([b"abc", b"\x00\xff\x80", None], pa.binary(3)),
    "date32": pa.array([date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31), date(1969, 12, 31), None]),
    "date64": _time(pa.date64(), 0, 86_400_000, -86_400_000, 1_709_164_800_000, None),
    "time32[s]": _time(pa.time32("s"), 0, 86_399, None),
    "time32[ms]": _time(pa.time32("ms"), 0, 45_296_789, 86_399_999, None),
    "time64[us]": _time(pa.time64("us"), 0, 45_296_789_012, 86_399_999_999, None),
    "time64[ns]": _time(pa.time64("ns"), 0, 45_296_789_012_000, 45_296_789_012_345, None),
    **{
        f"timestamp[{unit}{zone and ', ' + zone}]": _time(
            pa.timestamp(unit, zone or None),
            0,
            1_709_164_800 * ticks,
            1_709_210_096 * ticks + ticks // 2,
            -ticks,
            odd,
            None,
        )
        for unit, zone, ticks, odd in (
            ("s", "", 1, -62_135_596_800),
            ("s", "UTC", 1, 253_402_300_799),
            ("ms", "", 1_000, 253_402_300_799_999),
            ("ms", "+05:30", 1_000, -62_135_596_800_000),
            ("us", "", 1_000_000, 253_402_300_799_999_999),
            ("us", "UTC", 1_000_000, 253_402_300_799_999_999),
            ("us", "Europe/Berlin", 1_000_000, -1),
            ("ns", "", 1_000_000_000, 1_709_210_096_123_456_789),
            ("ns", "America/New_York", 1_000_000_000, 1_709_210_096_123_456_789),
        )
    },
    **{
        f"duration[{unit}]": _time(pa.duration(unit), 0, 1, -86_400, ticks * 3_600, odd, None)
        for unit, ticks, odd in (
            ("s", 1, 10**9),
            ("ms", 1_000, 10**12 + 1),
            ("us", 1_000_000, 10**15 + 1),
            ("ns", 1_000_000_000, 10**18 + 1_000),
        )
    },
    "month_day_nano_interval": pa.array(
        [(0, 0, 0), (1, -2, 11_045_000_000_000), (-13, 40, -1_000), (0, 0, 1), None], pa.month_day_nano_interval()
    ),
    "null": pa.nulls(2),
    "list<int32>": pa.array([[], [1, None, 3], None, [-(1 << 31)]], pa.list_(pa.int32())),
    "large_list<int64>": pa.array([[], [1, None], [1 << 40], None], pa.large_list(pa.int64())),
    "fixed_size_list<int16>": pa.array([[1, 2], [3, None], None], pa.list_(pa.int16(), 2)),
    "list_view<int32>": pa.array([[1], [], None], pa.list_view(pa.int32())),
    "list<string>": pa.array([[], ["sad", None, 'a,"b"\\{}', "NULL", ""], None], pa.list_(pa.string())),
    "list<dictionary>": pa.array([["sad", None], ["sad"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
    "list<bool>": pa.array([[True, None, False]], pa.list_(pa.bool_())),
    "list<float64>": pa.array([[0.5, 1.0, -2.0], [math.nan], [None], None], pa.list_(pa.float64())),
    "list<float32>": pa.array([[0.5, 1.0, -2.0], [1.0], None], pa.list_(pa.float32())),
    "fixed_size_list<float32, 3>": pa.array([[0.5, 1.0, -2.0], None], pa.list_(pa.float32(), 3)),
    "fixed_size_list<float16, 3>": pa.array([[0.5, 1.0, -2.0], None], pa.list_(pa.float16(), 3)),
    "list<decimal128(10, 4)>": pa.array(
        [[Decimal("1.2500"), None], [Decimal("1.2345")], []], pa.list_(pa.decimal128(10, 4))
    ),
    "list<timestamp[us]>": pa.array([[0, None], [1_709_210_096_500_000]], pa.list_(pa.timestamp("us"))),
    "list<timestamp[ns, UTC]>": pa.array([[0, None], [1_709_210_096_500_000_001]], pa.list_(pa.timestamp("ns", "UTC"))),
    "list<date32>": pa.array([[date(2024, 2, 29), None]], pa.list_(pa.date32())),
    "list<fixed_size_binary(16)>": pa.array([[item.bytes for item in _UUIDS], [None]], pa.list_(pa.binary(16))),
    "list<list<int32>>": pa.array([[[1, 2], [3, 4]], [[5, 6]], [], None], pa.list_(pa.list_(pa.int32()))),
    "list<struct>": pa.array(
        [[{"a": 1, "B c": "x,y"}, None], []], pa.list_(pa.struct([("a", pa.int32()), ("B c", pa.string())]))
    ),
    "list<null>": pa.array([[None], []], pa.list_(pa.null())),
    "struct": pa.array(
        [{"a": 7, "B c": 'x "y'}, {"a": None, "B c": None}, None], pa.struct([("a", pa.int32()), ("B c", pa.string())])
    ),
    "struct, other order": pa.array([{"B c": "x", "a": 7}], pa.struct([("B c", pa.string()), ("a", pa.int64())])),
    "struct, other fields": pa.array([{"a": 1, "c": "x"}], pa.struct([("a", pa.int32()), ("c", pa.string())])),
    "struct<list, decimal>": pa.array(
        [{"l": [1, None], "d": Decimal("1.10")}], pa.struct([("l", pa.list_(pa.int32())), ("d", pa.decimal128(5, 2))])
    ),
    "map<string, string>": pa.array([[("k", "v"), ("n", None)], [], None], pa.map_(pa.string(), pa.string())),
    "map<string, int32>": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())),
    "uuid": pa.array([item.bytes for item in _UUIDS] + [None], pa.uuid()),
    "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}", '[1, {"a": "ü"}]', "null", "5", None])),
    "bool8": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, None], pa.int8())),
}

_INTEGERS = tuple(str(kind) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())) + tuple(
    str(kind) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
)
_FLOATS = ("float16", "float32", "float64")
_DECIMALS = tuple(name for name in SOURCES if name.startswith("decimal"))
_STRINGS = ("string", "large_string", "string_view", "dictionary<string>", "run_end_encoded<string>")
_BINARY = ("binary", "large_binary", "binary_view", "fixed_size_binary(16)", "fixed_size_binary(3)")
_NAIVE = ("dictionary<timestamp>", *(name for name in SOURCES if name.startswith("timestamp[") and "," not in name))
_ZONED = tuple(name for name in SOURCES if name.startswith("timestamp[") and "," in name)
_CODED = ("dictionary<int64>", "run_end_encoded<int32>")
_INTEGER_LISTS = ("list<int32>", "large_list<int64>", "fixed_size_list<int16>", "list_view<int32>")


@dataclass(frozen=True)
class Target:
    """One column of the table.

    Attributes:
        key: Name of the column.
        type: Its type.
        family: What its values are: a key of `meaning.READERS`.
        takes: Sources whose fitting values must arrive; all others either arrive as they are, or are refused.
        low: Least integer.
        high: Greatest integer.
        scale: Digits behind the point.
        precision: Digits of a numeric; characters or bytes of a text.
        element: Of an array.
    """

    key: str
    type: str
    family: str
    takes: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    precision: int | None = None
    scale: int | None = None
    element: Any = None


def _integer(key: str, low: int, high: int) -> Target:
    return Target(key, key, "integer", (*_INTEGERS, *_CODED, *_DECIMALS), low, high)


_NUMBERS = (*_INTEGERS, *_FLOATS, *_DECIMALS, *_CODED)
_numeric = Target("numeric", "numeric", "numeric", _NUMBERS)
_scaled = Target("scaled", "numeric(5,2)", "numeric", _NUMBERS, precision=5, scale=2)
_text = Target("text", "text", "text", _STRINGS)
_int4 = _integer("int4", -(1 << 31), (1 << 31) - 1)
_mood = Target("mood", "mood", "server", _STRINGS)
_uuid = Target("uuid", "uuid", "uuid", ("uuid", "fixed_size_binary(16)", *_STRINGS))
_timestamp = Target("timestamp", "timestamp", "wall", _NAIVE)
_timestamptz = Target("timestamptz", "timestamptz", "instant", _ZONED)
_pair = Target("pair", "pair", "pair", ("struct", "struct, other order"))


# Types whose text only the server reads.
_PARSED = {
    **{name: name for name in ("inet", "cidr", "macaddr", "varbit", "point", "tsvector", "timetz", "tid", "jsonpath")},
    "bit3": "bit(3)",
    "range": "int4range",
    "dates": "daterange",
    "lsn": "pg_lsn",
    "char": '"char"',
}

TARGETS = (
    Target("bool", "bool", "bool", ("bool", "bool8")),
    _integer("int2", -(1 << 15), (1 << 15) - 1),
    _int4,
    _integer("int8", -(1 << 63), _I64),
    _integer("oid", 0, (1 << 32) - 1),
    _integer("xid8", 0, (1 << 64) - 1),
    _integer("positive", 1, (1 << 31) - 1),
    Target("money", "money", "money", _STRINGS, precision=19, scale=2),
    Target("float4", "float4", "float4", (*_INTEGERS, *_FLOATS, *_DECIMALS)),
    Target("float8", "float8", "float8", (*_INTEGERS, *_FLOATS, *_DECIMALS)),
    _numeric,
    _scaled,
    Target("hundreds", "numeric(4,-2)", "numeric", _NUMBERS, precision=4, scale=-2),
    Target("wide", "numeric(60,20)", "numeric", _NUMBERS, precision=60, scale=20),
    _text,
    Target("varchar5", "varchar(5)", "text", _STRINGS, precision=5),
    Target("char5", "char(5)", "padded", _STRINGS, precision=5),
    Target("name", "name", "text", _STRINGS, precision=-63),
    Target("json", "json", "json", ("json", *_STRINGS)),
    Target("jsonb", "jsonb", "json", ("json", *_STRINGS, "struct", "map<string, string>", "list<struct>")),
    Target("bytea", "bytea", "bytes", _BINARY),
    _uuid,
    Target("date", "date", "date", ("date32", "date64")),
    Target("time", "time", "time", ("time32[s]", "time32[ms]", "time64[us]", "time64[ns]")),
    _timestamp,
    Target("seconds", "timestamp(0)", "wall", _NAIVE, scale=0),
    _timestamptz,
    Target("interval", "interval", "interval", tuple(n for n in SOURCES if n[:9] in ("duration[", "month_day"))),
    *(Target(key, name, "server", _STRINGS) for key, name in _PARSED.items()),
    # The server's cast looks a text of digits up as a name, its input function takes it for an OID.
    Target("regclass", "regclass", "server"),
    _mood,
    _pair,
    Target("vector", "vector(3)", "vector", ("list<float64>", "fixed_size_list<float32, 3>"), precision=3),
    Target("halfvec", "halfvec(3)", "halfvec", ("list<float32>", "fixed_size_list<float16, 3>"), precision=3),
    Target("vectors", "vector[]", "list", element=Target("vector", "vector", "vector")),
    Target("int4s", "int4[]", "list", _INTEGER_LISTS, element=_int4),
    Target("texts", "text[]", "list", ("list<string>", "list<dictionary>"), element=_text),
    Target("moods", "mood[]", "list", ("list<string>", "list<dictionary>"), element=_mood),
    Target("scaleds", "numeric(5,2)[]", "list", ("list<decimal128(10, 4)>", "list<int32>"), element=_scaled),
    Target("uuids", "uuid[]", "list", ("list<fixed_size_binary(16)>",), element=_uuid),
    Target("stamps", "timestamp[]", "list", ("list<timestamp[us]>",), element=_timestamp),
    Target("instants", "timestamptz[]", "list", ("list<timestamp[ns, UTC]>",), element=_timestamptz),
    Target("pairs", "pair[]", "list", ("list<struct>",), element=_pair),
    Target("jsonbs", "jsonb[]", "list", ("list<string>",), element=Target("jsonb", "jsonb", "json")),
)
COLUMNS = {target.key: target for target in TARGETS}

DDL = f"""
create extension if not exists vector schema public;
create type mood as enum ('sad', '5');
create domain positive as int4 check (value > 0);
create type pair as (a int4, "B c" text);
create table pairs_table (number int4, {", ".join(f'"{target.key}" {target.type}' for target in TARGETS)});
"""
