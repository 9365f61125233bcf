"""Conversions of Arrow values: exact, or an error that names the first row that does not fit."""

from __future__ import annotations

import json
import math
import struct
from datetime import date, datetime, time, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.exceptions import DataError
from tests.unit.postgres.arrow.tables import (
    HALFVEC,
    HSTORE,
    LEFT,
    MOOD,
    PAIR,
    PAIRS,
    PLACE,
    SMALL,
    VECTOR,
    convert,
    numeric,
)

BOUNDS = {
    21: (-(1 << 15), (1 << 15) - 1),
    23: (-(1 << 31), (1 << 31) - 1),
    20: (-(1 << 63), (1 << 63) - 1),
    26: (0, (1 << 32) - 1),
    5069: (0, (1 << 64) - 1),
}
INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
DECIMALS = [pa.decimal32(9, 2), pa.decimal64(18, 4), pa.decimal128(38, 3), pa.decimal256(60, 5), pa.decimal128(5, -2)]
DAY = 86_400_000_000
NAIVE = [pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")]
UUID_TEXT = "00112233-4455-6677-8899-aabbccddeeff"


def whole(kind: pa.DataType) -> st.SearchStrategy[int]:
    signed = pa.types.is_signed_integer(kind)
    bits = kind.bit_width
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)


def column_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | values, min_size=1, max_size=20)


def check(array: pa.Array, oid: int, expected: list[Any], typmod: int = -1, **options: Any) -> None:
    """Convert, whole and in slices; a value that should not fit is `Ellipsis`."""
    if ... in expected:
        with pytest.raises(DataError, match=f"column 'x': row {expected.index(...) + 7} of the source"):
            convert(array, oid, typmod, first=7, **options)
        return
    assert convert(array, oid, typmod, **options).to_pylist() == expected
    assert convert(array.slice(1), oid, typmod, **options).to_pylist() == expected[1:]


# --- numbers -----------------------------------------------------------------------------------------------


@given(st.data(), st.sampled_from(INTEGERS), st.sampled_from(sorted(BOUNDS)))
def test_integers(data: st.DataObject, kind: pa.DataType, oid: int) -> None:
    low, high = BOUNDS[oid]
    values = data.draw(column_of(whole(kind)))
    check(pa.array(values, kind), oid, [v if v is None or low <= v <= high else ... for v in values])


@given(column_of(st.floats(width=32)), st.sampled_from([pa.float32(), pa.float64()]), st.sampled_from(sorted(BOUNDS)))
def test_floats_to_integers(values: list[float | None], kind: pa.DataType, oid: int) -> None:
    low, high = BOUNDS[oid]
    expected = [
        None if v is None else int(v) if math.isfinite(v) and v == int(v) and low <= v <= high else ... for v in values
    ]
    check(pa.array(values, kind), oid, expected)


@given(st.data(), st.sampled_from(DECIMALS), st.sampled_from(sorted(BOUNDS)))
def test_decimals_to_integers(data: st.DataObject, kind: pa.DataType, oid: int) -> None:
    low, high = BOUNDS[oid]
    values = data.draw(column_of(decimals(kind)))
    expected = [None if v is None else int(v) if v == int(v) and low <= v <= high else ... for v in values]
    check(pa.array(values, kind), oid, expected)


def decimals(kind: pa.DataType) -> st.SearchStrategy[Decimal]:
    most = 10**kind.precision - 1
    return (st.integers(-most, most) | st.integers(-999, 999)).map(lambda n: Decimal(f"{n}E{-kind.scale}"))


def nearest(value: float, form: str) -> Any:
    if math.isinf(value):
        return value
    try:
        return struct.unpack(form, struct.pack(form, value))[0]
    except OverflowError:
        return ...


@given(column_of(st.floats(allow_nan=False)))
def test_doubles_to_the_nearest_float4(values: list[float | None]) -> None:
    near = [None if v is None else nearest(v, "<f") for v in values]
    check(pa.array(values, pa.float64()), 700, near, round=True)
    check(pa.array(values, pa.float64()), 700, [... if n == 0 != v else n for v, n in zip(values, near, strict=True)])


@given(st.data(), st.sampled_from(DECIMALS))
def test_decimals_to_the_nearest_float8(data: st.DataObject, kind: pa.DataType) -> None:
    values = data.draw(column_of(decimals(kind)))
    check(pa.array(values, kind), 701, [None if v is None else float(v) for v in values])


@given(st.data(), st.sampled_from(INTEGERS), st.sampled_from([(700, "<f"), (701, "<d")]))
def test_integers_to_floats(data: st.DataObject, kind: pa.DataType, wanted: tuple[int, str]) -> None:
    oid, form = wanted
    values = data.draw(column_of(whole(kind)))
    near = [None if v is None else nearest(float(v), form) if oid == 701 else float(np.float32(v)) for v in values]
    check(pa.array(values, kind), oid, [n if n == v else ... for v, n in zip(values, near, strict=True)])
    check(pa.array(values, kind), oid, near, round=True)


def test_one_rounding_to_float4() -> None:
    # 16777217 is halfway; a rounding to 53 bits first would go down.
    above = Decimal("16777217.0000000000001")
    assert convert(pa.array([above], pa.decimal128(30, 13)), 700).to_pylist() == [16777218.0]
    with pytest.raises(DataError, match="too large"):
        convert(pa.array([Decimal(10**50)], pa.decimal256(51, 0)), 700)


@given(st.data(), st.sampled_from(DECIMALS), st.integers(1, 20), st.integers(-3, 8))
def test_decimals_in_a_declared_numeric(data: st.DataObject, kind: pa.DataType, precision: int, scale: int) -> None:
    values = data.draw(column_of(decimals(kind)))

    def fits(value: Decimal) -> bool:
        units = value.scaleb(scale)
        return units == int(units) and abs(units) < 10**precision

    expected: list[Any] = [v if v is None or fits(v) else ... for v in values]
    check(pa.array(values, kind), 1700, expected, numeric(precision, scale))

    def has_room(value: Decimal) -> bool:
        return abs(value.scaleb(scale).to_integral_value(ROUND_HALF_UP)) < 10**precision

    expected = [v if v is None or has_room(v) else ... for v in values]
    check(pa.array(values, kind), 1700, expected, numeric(precision, scale), round=True)
    texts = [None if v is None else f"{v:f}" for v in values]
    expected = [e if e is ... else text for text, e in zip(texts, expected, strict=True)]
    check(pa.array(texts, pa.string()), 1700, expected, numeric(precision, scale), round=True)


@given(st.data(), st.sampled_from(INTEGERS))
def test_integers_to_numeric(data: st.DataObject, kind: pa.DataType) -> None:
    values = data.draw(column_of(whole(kind)))
    check(pa.array(values, kind), 1700, values)


@given(column_of(st.floats()))
def test_floats_to_numeric_by_their_text(values: list[float | None]) -> None:
    made = convert(pa.array(values, pa.float64()), 1700)
    assert made.type == pa.string()
    for value, text in zip(values, made.to_pylist(), strict=True):
        assert (text is None) == (value is None)
        assert value is None or math.isnan(value) or float(text) == value


@pytest.mark.parametrize(
    ("values", "bad"),
    [(["1.50", "nan", " 2 ", "-1e2"], None), (["1", "1.505"], 1), (["1000"], 0), (["x"], 0), (["1", "inf"], 1)],
)
def test_text_in_a_declared_numeric(values: list[str], bad: int | None) -> None:
    expected: list[Any] = [... if index == bad else value for index, value in enumerate(values)]
    check(pa.array(values), 1700, expected, numeric(5, 2))
    expected = [... if value in ("1000", "inf") else value for value in values]
    check(pa.array(values), 1700, expected, numeric(5, 2), round=True)


def test_rounding_on_request() -> None:
    assert convert(pa.array([0.5, 1.5, -2.5]), 23, round=True).to_pylist() == [0, 2, -2]
    halves = pa.array([Decimal("0.5"), Decimal("1.5"), Decimal("-2.5")])
    assert convert(halves, 23, round=True).to_pylist() == [1, 2, -3]
    assert convert(pa.array([Decimal("1.505")]), 790, round=True).to_pylist() == [151]


def test_money() -> None:
    check(pa.array([Decimal("1.5"), None, Decimal("-2.25")], pa.decimal128(8, 2)), 790, [150, None, -225])
    check(pa.array([5, -1]), 790, [500, -100])
    check(pa.array([Decimal("1.50"), Decimal("1.505")], pa.decimal128(8, 3)), 790, [150, ...])
    check(pa.array([1, 1 << 60]), 790, [100, ...])
    check(pa.array(["$1.50", "-$1,234.50", "$1.505"]), 790, ["", "", ...])


# --- times -------------------------------------------------------------------------------------------------


@given(st.data(), st.sampled_from(NAIVE), st.booleans())
def test_timestamps(data: st.DataObject, kind: pa.DataType, zoned: bool) -> None:
    unit = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}[kind.unit]
    kind = pa.timestamp(kind.unit, "Europe/Berlin") if zoned else kind
    values = data.draw(column_of(whole(pa.int64())))
    expected: list[Any] = []
    for value in values:
        micros, rest = (0, 0) if value is None else divmod(value * unit, 1000)
        fits = not rest and -210_866_803_200_000_000 <= micros < 1 << 63
        expected.append(None if value is None else micros if fits else ...)
    oid = 1184 if zoned else 1114
    array = pa.array(values, pa.int64()).view(kind)
    if ... in expected:
        check(array, oid, expected)
    else:
        assert convert(array, oid).cast(pa.int64()).to_pylist() == expected


@pytest.mark.parametrize(
    ("kind", "oid", "advice"),
    [
        (pa.timestamp("us"), 1184, "assume_timezone"),
        (pa.timestamp("us", "UTC"), 1114, "local_timestamp"),
        (pa.timestamp("us", "UTC"), 1082, "depends on the zone"),
        (pa.date32(), 1184, "with a zone"),
        (pa.string(), 1114, "cast to timestamp"),
        (pa.int64(), 1082, "cast to date32"),
        (pa.bool_(), 23, "cast to int32"),
        (pa.string(), 23, "cast to int32"),
        (pa.int64(), 16, "cast to bool"),
        (pa.int64(), 25, "cast to string"),
        (pa.string(), 17, "cast to binary"),
        (pa.binary(), 25, "cast to string"),
        (pa.int64(), 3802, "JSON text"),
        (pa.int64(), 869, "text form"),
        (pa.json_(), 25, "it is JSON"),
        (pa.list_(pa.list_(pa.int64())), 1007, "lists of lists"),
        (pa.struct([("a", pa.int8())]), PAIR, "fields of the struct"),
        (pa.list_(pa.float32(), 2), VECTOR, "3 dimensions"),
        (pa.map_(pa.int8(), pa.string()), 3802, "keys"),
        (pa.list_(pa.binary()), 114, "no JSON form"),
        (pa.map_(pa.string(), pa.int8()), HSTORE, "map of strings"),
    ],
    ids=str,
)
@pytest.mark.parametrize("copies", [True, False])
def test_types_that_do_not_go_together(kind: pa.DataType, oid: int, advice: str, copies: bool) -> None:
    with pytest.raises(DataError, match=f"column 'x': .*{advice}"):
        convert(pa.nulls(1, kind), oid, 3 if oid == VECTOR else -1, copies=copies)


def test_times_of_a_declared_precision() -> None:
    stamps = pa.array([1_000, 1_500], pa.timestamp("us"))
    with pytest.raises(DataError, match=r"row 1 .*timestamp\(3\)"):
        convert(stamps, 1114, 3)
    assert convert(stamps, 1114, 3, round=True) == stamps
    assert convert(stamps, 1114, 6) == stamps


def test_nanoseconds_are_rounded_on_request_only() -> None:
    stamps = pa.array([-1500, -500, 500, 1500, 2501], pa.timestamp("ns"))
    with pytest.raises(DataError, match=r"row 0 .*microsecond"):
        convert(stamps, 1114)
    assert convert(stamps, 1114, round=True).cast(pa.int64()).to_pylist() == [-2, 0, 0, 2, 3]


def test_dates() -> None:
    first, last = -2_440_588, 2_145_042_905
    days = [first, 0, None, last]
    assert convert(pa.array(days, pa.date32()), 1082).cast(pa.int32()).to_pylist() == days
    for day in (first - 1, last + 1, -(1 << 31), (1 << 31) - 1):
        with pytest.raises(DataError, match="row 1"):
            convert(pa.array([0, day], pa.date32()), 1082)
    midnight, later = datetime(2024, 2, 29), datetime(1969, 12, 31, 23)
    for kind in NAIVE:
        check(pa.array([midnight, None], kind), 1082, [date(2024, 2, 29), None])
        check(pa.array([midnight, later], kind), 1082, [date(2024, 2, 29), ...])
    assert convert(pa.array([later], NAIVE[1]), 1082, round=True).to_pylist() == [date(1969, 12, 31)]
    millis = pa.array([86_400_000, -86_400_000, 1], pa.int64()).view(pa.date64())
    check(millis.slice(0, 2), 1082, [date(1970, 1, 2), date(1969, 12, 31)])
    check(millis, 1082, [None, None, ...])
    check(pa.array([date(2024, 1, 1)]), 1114, [datetime(2024, 1, 1)])


def test_times() -> None:
    check(pa.array([time(1, 2, 3)], pa.time32("s")), 1083, [time(1, 2, 3)])
    check(pa.array([1000, 1], pa.int64()).view(pa.time64("ns")), 1083, [time(0, 0, 0, 1), ...])
    check(pa.array([0, DAY], pa.int64()).view(pa.time64("us")), 1083, [time(0), ...])
    check(pa.array([0, -1], pa.int64()).view(pa.time64("us")), 1083, [time(0), ...])
    check(pa.array([0, 1500], pa.int64()).view(pa.time64("us")), 1083, [time(0), ...], 3)


@given(column_of(st.integers(-(1 << 62), 1 << 62)))
def test_durations_are_days_and_the_rest(values: list[int | None]) -> None:
    made = convert(pa.array(values, pa.duration("us")), 1186)
    for value, interval in zip(values, made.to_pylist(), strict=True):
        if value is None:
            assert interval is None
        else:
            days, micros = divmod(value, DAY)
            assert tuple(interval) == (0, days, micros * 1000)


def test_intervals() -> None:
    kind = pa.month_day_nano_interval()
    array = pa.array([(1, -2, 3000), None, (-1, 2, -1000)], kind)
    assert convert(array, 1186) == array
    assert convert(array.slice(1), 1186) == array.slice(1)
    fine = pa.array([(0, 0, 1000), (0, 0, -1500)], kind)
    with pytest.raises(DataError, match="row 1"):
        convert(fine, 1186)
    assert convert(fine, 1186, round=True) == pa.array([(0, 0, 1000), (0, 0, -2000)], kind)
    with pytest.raises(DataError, match="row 0"):
        convert(array, 1186, 0x7FFF << 16 | 3)
    with pytest.raises(DataError, match="fields"):
        convert(array, 1186, 6 << 16 | 0xFFFF)


# --- text, bytes, uuid, enum, json -------------------------------------------------------------------------

TEXT_KINDS = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]


@given(st.data(), st.sampled_from(TEXT_KINDS), st.sampled_from([25, 1043, 1042, 19, 114, 3802]))
def test_text(data: st.DataObject, kind: pa.DataType, oid: int) -> None:
    values = data.draw(column_of(st.text(st.characters(codec="utf-8"), max_size=5)))
    array = pa.array(values, pa.string())
    array = array.dictionary_encode() if pa.types.is_dictionary(kind) else array.cast(kind)
    check(array, oid, [... if v is not None and "\0" in v else v for v in values])


def test_text_of_a_declared_length() -> None:
    check(pa.array(["äöü", None, "abc "]), 1043, ["äöü", None, ...], 7)
    check(pa.array(["ab ", "ab  "]), 1042, ["ab ", ...], 7)
    check(pa.array(["abc", "abcd"]), SMALL, ["abc", ...], 7)
    check(pa.array(["abc", "abcd"]), LEFT, ["abc", ...], 7)


def test_wrapped_types() -> None:
    check(
        pa.DictionaryArray.from_arrays(pa.array([1, None, 0]), pa.array(["a", "b"], pa.string_view())),
        25,
        ["b", None, "a"],
    )
    check(pa.array(["a", None]).dictionary_encode(), MOOD, [..., None])
    ends = pa.array([2, 3], pa.int32())
    check(pa.RunEndEncodedArray.from_arrays(ends, pa.array([7, None])), 21, [7, 7, None])
    bits = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None], pa.int8()))
    check(bits, 16, [True, False, None])
    check(pa.nulls(2), 23, [None, None])


def test_enum_labels() -> None:
    check(pa.array(["sad", None, "ok"], pa.large_string()), MOOD, ["sad", None, "ok"])
    check(pa.array(["sad", "SAD"]), MOOD, ["sad", ...])


@given(column_of(st.uuids()), st.sampled_from(["str", "hex", "braces", "upper", "fixed", "binary", "uuid"]))
def test_uuids(values: list[UUID | None], form: str) -> None:
    raw = [None if v is None else v.bytes for v in values]
    if form in ("fixed", "binary", "uuid"):
        array = pa.array(raw, {"fixed": pa.binary(16), "binary": pa.binary(), "uuid": pa.uuid()}[form])
    else:
        write: Any = {"str": str, "hex": lambda v: v.hex, "braces": "{{{}}}".format, "upper": lambda v: str(v).upper()}[
            form
        ]
        array = pa.array([None if v is None else write(v) for v in values], pa.string())
    check(array, 2950, raw)


@pytest.mark.parametrize(
    "bad", ["", "x", UUID_TEXT[:-1], "{" + UUID_TEXT, UUID_TEXT.replace("-", "", 1), UUID_TEXT + "\n"]
)
def test_text_that_is_no_uuid(bad: str) -> None:
    check(pa.array([UUID_TEXT, bad]), 2950, [b"", ...])


def test_bytes() -> None:
    check(pa.array([b"a\0", None, b""], pa.binary_view()), 17, [b"a\0", None, b""])
    check(pa.array([b"ab", None], pa.binary(2)), 17, [b"ab", None])
    check(pa.array([b"a" * 16, b"a"]), 2950, [b"", ...])


@given(
    st.lists(
        st.none()
        | st.fixed_dictionaries(
            {
                "text": st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4),
                "number": st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
                "float": st.none() | st.floats(allow_nan=False, allow_infinity=False),
                "flag": st.none() | st.booleans(),
                "items": st.none() | st.lists(st.none() | st.text('aü"\\\n\x01', max_size=3), max_size=3),
                'odd "name"\n': st.none() | st.fixed_dictionaries({"deep": st.none() | st.integers(0, 9)}),
            }
        ),
        min_size=1,
        max_size=6,
    )
)
def test_structs_as_json(values: list[Any]) -> None:
    kind = pa.struct(
        [
            ("text", pa.string()),
            ("number", pa.int64()),
            ("float", pa.float64()),
            ("flag", pa.bool_()),
            ("items", pa.large_list(pa.string())),
            ('odd "name"\n', pa.struct([("deep", pa.int8())])),
        ]
    )
    made = convert(pa.array(values, kind), 3802)
    assert [None if text is None else json.loads(text) for text in made.to_pylist()] == values


def test_other_json() -> None:
    berlin = timezone(timedelta(hours=1))
    kind = pa.struct(
        [
            ("d", pa.date32()),
            ("t", pa.timestamp("ms", "Europe/Berlin")),
            ("x", pa.decimal128(30, 10)),
            ("u", pa.uuid()),
            ("j", pa.json_()),
            ("m", pa.map_(pa.string(), pa.int8())),
            ("e", pa.struct([])),
        ]
    )
    storage = pa.StructArray.from_arrays(
        [
            pa.array([date(2024, 1, 2)]),
            pa.array([datetime(2024, 1, 1, 1, tzinfo=berlin)], kind[1].type),
            pa.array([Decimal("12345678901234567890.5000000000")], kind[2].type),
            pa.array([UUID(UUID_TEXT).bytes], pa.uuid()),
            pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": [1]}'])),
            pa.array([[("k", 1), ("l", None)]], kind[5].type),
            pa.array([{}], kind[6].type),
        ],
        fields=list(kind),
    )
    (text,) = convert(storage, 114).to_pylist()
    assert json.loads(text, parse_float=Decimal) == {
        "d": "2024-01-02",
        "t": "2024-01-01T00:00:00.000+00:00",
        "x": Decimal("12345678901234567890.5"),
        "u": UUID_TEXT,
        "j": {"a": [1]},
        "m": {"k": 1, "l": None},
        "e": {},
    }


@pytest.mark.parametrize(
    "array",
    [
        pa.array([[1.0], [2.0, math.nan]]),
        pa.array([["a"], ["b", "c\0"]]),
        pa.array([[("a", 1)], [("b", 1), ("b", 2)]], pa.map_(pa.string(), pa.int8())),
        pa.array([{"a": [1.0]}, {"a": [2.0, math.inf]}]),
    ],
    ids=str,
)
def test_values_without_json(array: pa.Array) -> None:
    with pytest.raises(DataError, match="row 1 of the source"):
        convert(array, 3802)


# --- nested types ------------------------------------------------------------------------------------------

LISTS = [pa.list_, pa.large_list, pa.list_view, pa.large_list_view]


@given(
    st.lists(
        st.none() | st.lists(st.none() | st.integers(-(1 << 40), 1 << 40) | st.integers(0, 9), max_size=4), min_size=1
    ),
    st.sampled_from(LISTS),
)
def test_lists(values: list[Any], make: Any) -> None:
    expected: list[Any] = [
        ... if v is not None and any(n is not None and abs(n) >= 1 << 31 for n in v) else v for v in values
    ]
    check(pa.array(values, make(pa.int64())), 1007, expected)


def test_fixed_size_lists_with_nulls() -> None:
    check(pa.array([[1, 2], None, [None, 3]], pa.list_(pa.int8(), 2)), 1007, [[1, 2], None, [None, 3]])


def test_lists_inside_an_insert_are_literals() -> None:
    made = convert(pa.array([['a"\\,', "NULL", None, "", " "], [], None]), 1009, copies=False)
    assert made.to_pylist() == [r'{"a\"\\,","NULL",NULL,""," "}', "{}", None]
    moments = pa.array([[0, -1, None]], pa.list_(pa.timestamp("us", "UTC")))
    (text,) = convert(moments, 1185, copies=False).to_pylist()
    assert text == '{"J2440588 00:00:00.000000+00","J2440587 23:59:59.999999+00",NULL}'
    raw = pa.array([[b"\0\xff", b"", None], [b"x"]])
    assert convert(raw.slice(0, 2), 1001, copies=False).to_pylist() == [r'{"\\x00ff","\\x",NULL}', r'{"\\x78"}']
    assert convert(pa.array([[b"a" * 16]], pa.list_(pa.binary(16))), 2951, copies=False).to_pylist() == [
        '{"' + "61" * 16 + '"}'
    ]
    spans = pa.array([[(-1, 2, -3000)]], pa.list_(pa.month_day_nano_interval()))
    assert convert(spans, 1187, copies=False).to_pylist() == ['{"-1 mons +2 days -3 us"}']
    assert convert(pa.array([["(3,4),(1,2)", "(1,1),(0,0)"]]), 1020).to_pylist() == ['{"(3,4),(1,2)";"(1,1),(0,0)"}']


def test_composites() -> None:
    array = pa.array(
        [{"b": "x", "a": 1}, None, {"b": None, "a": None}], pa.struct([("b", pa.string_view()), ("a", pa.int8())])
    )
    check(array, PAIR, [{"a": 1, "b": "x"}, None, {"a": None, "b": None}])
    assert convert(array, PAIR, copies=False) == convert(array, PAIR)
    pairs = convert(pa.array([[{"a": 1, "b": "x"}, None, {"a": None, "b": None}]]), PAIRS, copies=False)
    assert pairs.to_pylist() == [r'{"(\"1\",\"x\")",NULL,"(,)"}']
    check(pa.array([{"a": 1, "b": ""}, {"a": 1 << 40, "b": ""}]), PAIR, [{}, ...])


def test_composites_with_parts_that_only_the_server_parses() -> None:
    kind = pa.struct([("net", pa.string()), ("price", pa.decimal128(5, 2))])
    array = pa.array([{"net": "10.0.0.1", "price": Decimal("1.50")}, None], kind)
    assert convert(array, PLACE).to_pylist() == ['("10.0.0.1","1.50")', None]


def test_vectors() -> None:
    check(pa.array([[1, 2], None]), VECTOR, [[1.0, 2.0], None], 2)
    check(pa.array([[1.5, 2.5], None], pa.list_(pa.float64(), 2)), VECTOR, [[1.5, 2.5], None], 2)
    check(pa.array([[1.0, 2.0], [1.0]]), VECTOR, [[], ...], 2)
    check(pa.array([[1.0], []]), VECTOR, [[], ...])
    check(pa.array([[1.0], [None]], pa.list_(pa.float64())), VECTOR, [[], ...])
    check(pa.array([[1.0], [math.nan]]), VECTOR, [[], ...])
    check(pa.array([[1.0], [1e300]]), VECTOR, [[], ...])
    check(pa.array([[1.0], [65520.0]]), HALFVEC, [[], ...])
    assert convert(pa.array([[0.1]]), HALFVEC).to_pylist() == [[struct.unpack("e", struct.pack("e", 0.1))[0]]]


def test_maps_as_hstore() -> None:
    kind = pa.map_(pa.string(), pa.string())
    array = pa.array([[("a", "1"), ('b"\\', None)], None, []], kind)
    assert convert(array, HSTORE).to_pylist() == [r'"a"=>"1","b\"\\"=>NULL', None, ""]
    assert convert(array.slice(1), HSTORE).to_pylist() == [None, ""]
    check(pa.array([[("a", "1")], [("a", "1"), ("a", "2")]], kind), HSTORE, ["", ...])
    check(pa.array([[("a", "1"), ("b", "2")], [("c", "\0")]], kind), HSTORE, ["", ...])
    check(pa.array([[("a", "1"), ("b", "2")], [("\0", "c")]], kind), HSTORE, ["", ...])


# --- text that the server parses ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("oid", "typmod", "good", "bad"),
    [
        (18, -1, ["", "a", r"\303"], "ab"),
        (18, -1, ["a"], "ü"),
        (1266, -1, ["12:00:00.123456000+00"], "12:00:00.1234567+00"),
        (1266, 2, ["12:00:00.12+00"], "12:00:00.123+00"),
        (3910, -1, ["[2024-01-01 00:00:00.5+00,)"], "[2024-01-01 00:00:00.1234567+00,)"),
        (1115, -1, ["{2024-01-01}"], "{2024-01-01 00:00:00.1234567}"),
        (869, -1, ["10.0.0.1"], "a\0"),
    ],
)
def test_what_the_server_would_cut(oid: int, typmod: int, good: list[str], bad: str) -> None:
    check(pa.array(good), oid, good, typmod)
    check(pa.array([*good, bad]), oid, [*good, ...], typmod)


@pytest.mark.parametrize(
    ("oid", "typmod", "text"),
    [
        (1231, numeric(5, 2), "{1.505}"),
        (1015, 7, '{"abc "}'),
        (1014, 7, '{"abc "}'),
        (1003, -1, "{" + "a" * 64 + "}"),
        (1270, 0, "{12:00:00.6+00}"),
    ],
)
def test_text_of_parts_that_the_server_would_round_or_cut(oid: int, typmod: int, text: str) -> None:
    with pytest.raises(DataError, match="round=True"):
        convert(pa.array([text]), oid, typmod)
    assert convert(pa.array([text]), oid, typmod, round=True).to_pylist() == [text]


def test_no_value_is_in_a_message() -> None:
    with pytest.raises(DataError) as caught:
        convert(pa.array(["s3cr3t", "s3cr3t\0"]), 25)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.column == "x"
