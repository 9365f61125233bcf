"""What is refused before sending, what is taken besides canonical values, and that no error tells a value."""

from __future__ import annotations

import enum
import math
import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from ipaddress import IPv4Address, ip_address, ip_interface, ip_network
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlspec.exceptions import DataError
from sqlspec.postgres.codec import Codec, CodecOptions, CodecRegistry, ValueRefused
from sqlspec.values import Interval, Json, Path, Range
from tests.unit.postgres.codec_cases import CASES, MARKER, same

REGISTRY = CodecRegistry()


def codec_of(name: str, registry: CodecRegistry = REGISTRY) -> Codec:
    codec = registry.get(CASES[name].oid)
    assert codec is not None
    return codec


class Number(enum.IntEnum):
    ONE = 1


class Label(enum.StrEnum):
    A = "a"


class OldLabel(str, enum.Enum):  # noqa: UP042 - prints as OldLabel.A, unlike a StrEnum
    A = "a"


class Plain(enum.Enum):
    A = "a"


class NoOffset(tzinfo):
    def utcoffset(self, _: datetime | None) -> None:
        return None

    def dst(self, _: datetime | None) -> None:
        return None

    def tzname(self, _: datetime | None) -> None:
        return None


class MyInt(int):
    pass


class MyDecimal(Decimal):
    pass


class MyUUID(UUID):
    pass


@dataclass
class Point:
    x: int


class Doc(msgspec.Struct):
    x: int


BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2024, 1, 1, 12)


@pytest.mark.parametrize(
    ("name", "given_value", "canonical"),
    [
        ("bool", np.bool_(True), True),
        ("int4", Number.ONE, 1),
        ("int4", MyInt(7), 7),
        ("int2", np.int64(5), 5),
        ("int8", np.uint8(5), 5),
        ("oid", np.int32(5), 5),
        ("float8", 1, 1.0),
        ("float8", Decimal("0.1"), 0.1),
        ("float8", np.float32(0.5), 0.5),
        ("float8", np.float64(0.1), 0.1),
        ("float8", np.int16(3), 3.0),
        ("float8", Decimal("Infinity"), math.inf),
        ("float8", Number.ONE, 1.0),
        ("float4", 16777217, 16777217.0),
        ("float4", Decimal("0.5"), 0.5),
        ("numeric", 5, Decimal(5)),
        ("numeric", 0.1, Decimal("0.1")),
        ("numeric", math.inf, Decimal("Infinity")),
        ("numeric", MyDecimal("1.50"), Decimal("1.50")),
        ("numeric", np.float32(0.1), Decimal("0.1")),
        ("numeric", np.float64(0.1), Decimal("0.1")),
        ("numeric", np.int64(3), Decimal(3)),
        ("numeric", "-1.50", Decimal("-1.50")),
        ("numeric", Decimal("-NaN"), Decimal("NaN")),
        ("numeric", "0E+200000", Decimal(0)),
        ("money", 5, Decimal(5)),
        ("money", Decimal("1.5"), Decimal("1.5")),
        ("text", Label.A, "a"),
        ("text", OldLabel.A, "a"),
        ("text", np.str_("a"), "a"),
        ("bytea", bytearray(b"x"), b"x"),
        ("bytea", memoryview(b"abcdef")[::2], b"ace"),
        ("uuid", str(UUID(int=5)), UUID(int=5)),
        ("uuid", UUID(int=5).hex, UUID(int=5)),
        ("timestamptz", datetime(2024, 1, 1, 12, tzinfo=BERLIN), datetime(2024, 1, 1, 11, tzinfo=UTC)),
        (
            "timestamptz",
            datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=0),
            datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
        ),
        (
            "timestamptz",
            datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1),
            datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
        ),
        ("timestamptz", pd.Timestamp("2024-01-01T12:00:00.5Z"), datetime(2024, 1, 1, 12, 0, 0, 500000, UTC)),
        ("timestamptz", "2024-01-01T12:00:00.5Z", datetime(2024, 1, 1, 12, 0, 0, 500000, UTC)),
        ("timestamp", pd.Timestamp("2024-01-01T12:00:00.5"), datetime(2024, 1, 1, 12, 0, 0, 500000)),
        ("timestamp", "2024-01-01T12:00:00.123456000", datetime(2024, 1, 1, 12, 0, 0, 123456)),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("date", "20240229", date(2024, 2, 29)),
        ("date", "2024-W09-4", date(2024, 2, 29)),
        ("time", "123456,5", time(12, 34, 56, 500000)),
        ("time", "T12:34", time(12, 34)),
        ("time", "12", time(12)),
        ("timetz", "12:34:56.123456000Z", time(12, 34, 56, 123456, tzinfo=UTC)),
        ("timestamp", "20240229 1234", datetime(2024, 2, 29, 12, 34)),
        ("timestamp", "2024-02-29", datetime(2024, 2, 29)),
        ("timestamptz", "2024-02-29T12:34:56+013000", datetime(2024, 2, 29, 11, 4, 56, tzinfo=UTC)),
        ("interval", timedelta(days=1, microseconds=5), Interval(0, 1, 5)),
        ("interval", pd.Timedelta(days=1), Interval(0, 1)),
        ("inet", "10.0.0.1/8", ip_interface("10.0.0.1/8")),
        ("inet", "10.0.0.1/32", ip_address("10.0.0.1")),
        ("inet", ip_interface("10.0.0.1/32"), ip_address("10.0.0.1")),
        ("cidr", "10.0.0.0/8", ip_network("10.0.0.0/8")),
        ("macaddr", "08:00:2B:01:02:03", "08:00:2b:01:02:03"),
        ("macaddr8", "0800.2b01.0203", "08:00:2b:ff:fe:01:02:03"),
        ("point", (1, 2.5), (1.0, 2.5)),
        ("path", (((1, 2),), False), Path(((1.0, 2.0),), False)),
        ("circle", ((1, 2), 3), ((1.0, 2.0), 3.0)),
        ("pg_lsn", "0016/b374d848", "16/B374D848"),
        ("json", '{"a": 1}', '{"a": 1}'),
        ("json", Point(1), '{"x":1}'),
        ("json", Doc(1), '{"x":1}'),
        ("json", Json(None), "null"),
        ("json", Json("a"), '"a"'),
        ("jsonb", [1, "ä"], '[1,"ä"]'),
    ],
)
def test_accepted_besides_canonical_values(name: str, given_value: Any, canonical: Any) -> None:
    codec = codec_of(name)
    coerced = codec.coerce(given_value)
    assert same(coerced, canonical)
    assert codec.pack(coerced) == codec.encode(given_value)


NANOS = pd.Timestamp("2024-01-01T12:00:00.123456789")
REFUSED: list[tuple[str, Any, str]] = [
    ("bool", 1, "an int was given; pass a bool"),
    ("bool", "t", "a str was given"),
    ("int4", True, "a bool was given; pass an int"),
    ("int4", 1.0, "a float was given; pass an int"),
    ("int4", Decimal(1), "a Decimal was given"),
    ("int4", "1", r"a str was given; pass an int, or write \$1::text::int4"),
    ("int4", Plain.A, "a Plain was given"),
    ("int4", np.float64(1), "a float64 was given"),
    ("int4", np.bool_(True), "given"),
    ("int4", [1], "a list was given"),
    ("int2", 32768, "outside -32768 to 32767"),
    ("int8", 1 << 63, "outside"),
    ("int8", -(1 << 63) - 1, "outside"),
    ("oid", -1, "outside 0 to 4294967295"),
    ("xid8", 1 << 64, "outside"),
    ("float8", True, "a bool was given; pass a float"),
    ("float8", "1.5", r"write \$1::text::float8"),
    ("float8", 10**400, "too large"),
    ("float8", Decimal("1e400"), "too large"),
    ("float8", Decimal("sNaN"), "signaling"),
    ("float8", 1j, "a complex was given"),
    ("float4", 1e39, "too large for a float4"),
    ("float4", 10**39, "too large for a float4"),
    ("numeric", True, "a bool was given"),
    ("numeric", "1,5", "not a decimal number"),
    ("numeric", Decimal("sNaN"), "signaling NaN"),
    ("numeric", Decimal("NaN123"), "payload"),
    ("numeric", Decimal("1e-16384"), "16383 digits after the point"),
    ("numeric", Decimal("1e131072"), "131072 digits before the point"),
    ("numeric", b"1", "a bytes was given"),
    ("money", 1.5, "a float was given; pass a Decimal"),
    ("money", "1.5", r"write \$1::text::money"),
    ("money", Decimal("1.005"), "more than 2 digits"),
    ("money", Decimal("NaN"), "not finite"),
    ("money", 10**17, "outside the range of money"),
    ("money", Decimal("1e999"), "outside the range of money"),
    ("text", 5, "an int was given; pass a str"),
    ("text", b"x", "a bytes was given"),
    ("text", Plain.A, "a Plain was given"),
    ("text", "a\0b", "NUL"),
    ("text", "\ud800", "surrogate"),
    ("varchar", None.__class__, "a type was given"),
    ("name", "x" * 64, "63 bytes"),
    ("name", "ä" * 32, "63 bytes"),
    ('"char"', "ab", "single byte"),
    ('"char"', "ä", "not ASCII"),
    ('"char"', "\\400", "single byte"),
    ("bytea", "x", r"a str was given; pass bytes, or write \$1::text::bytea"),
    ("bytea", [1], "a list was given"),
    ("uuid", "not one", "not a UUID"),
    ("uuid", "0x" + "1" * 30, "not a UUID"),
    ("uuid", "1_" * 16, "not a UUID"),
    ("uuid", b"0" * 16, "a bytes was given"),
    ("bit", "102", "other characters"),
    ("bit", 5, "an int was given"),
    ("varbit", "2", "other characters"),
    ("varbit", " 1", "other characters"),
    ("macaddr", "08:00:2b:01:02", "not a macaddr"),
    ("macaddr", "08:00:2b:01:02:03:04:05", "8 bytes, not 6"),
    ("macaddr", "08:00-2b:01-02:03", "not a macaddr"),
    ("macaddr8", "zz", "not a macaddr8"),
    ("json", 5, r"wrap it in Json\(...\)"),
    ("json", None.__class__, "wrap it"),
    ("json", (1, 2), "a tuple was given; wrap it"),
    ("json", [math.nan], "NaN or infinity"),
    ("jsonb", {"a": [None, -math.inf]}, "NaN or infinity"),
    ("jsonb", [np.float64("nan")], "NaN or infinity"),
    ("jsonb", {"a": object()}, "an object was given inside the document"),
    ("jsonb", {(1, 2): 1}, "a tuple was given inside the document"),
    ("jsonb", {True: 1}, "dict key that is None or a bool"),
    ("jsonb", {"a": {None: 1}}, "dict key that is None or a bool"),
    ("jsonb", ["\ud800"], "surrogate"),
    ("json", "a\0", "NUL"),
    ("date", NOON, "a datetime was given; pass a datetime.date"),
    ("date", "2024-02-30", "not an ISO 8601 date"),
    ("date", "infinity", "not an ISO 8601 date"),
    ("date", 5, "an int was given"),
    ("date", pd.NaT, "NaT"),
    ("time", time(12, tzinfo=UTC), "aware time"),
    ("time", NOON, "a datetime was given"),
    ("time", timedelta(1), "a timedelta was given"),
    ("time", "24:00", "24:00"),
    ("time", "12:00:00.1234567", "at most microseconds"),
    ("time", "noon", "not an ISO 8601 time"),
    *(
        ("time", text, "not an ISO 8601 time")
        for text in ("20240101", "1" * 32, "T20240101", "12:3456", "1234:56", "12:34:56.", "12:34 ", "\u0661", "123")
    ),
    *(
        ("timetz", text, "not an ISO 8601 time")
        for text in ("12:34:56+01:00:00.5", "12:34+01:0030", "12:34+1", "12:34:56.123456+01:02:03.000004")
    ),
    ("timetz", time(12), "naive time"),
    ("timetz", time(12, tzinfo=BERLIN), "depends on the date"),
    ("timetz", time(12, tzinfo=timezone(timedelta(hours=16))), "16 hours"),
    ("timetz", time(12, tzinfo=timezone(timedelta(microseconds=1))), "fractions of a second"),
    ("timestamp", NOON.replace(tzinfo=UTC), "aware datetime"),
    ("timestamp", "2024-01-01T12:00:00Z", "aware datetime"),
    ("timestamp", date(2024, 1, 1), "a date was given"),
    ("timestamp", NANOS, "a Timestamp was given with nanoseconds"),
    ("timestamp", pd.NaT, "pass None for a missing time"),
    ("timestamp", np.datetime64("2024-01-01T00:00:00", "us"), "a datetime64 was given"),
    ("timestamptz", NOON, "naive datetime"),
    ("timestamptz", NOON.replace(tzinfo=NoOffset()), "naive datetime"),
    ("timestamptz", "2024-01-01", "naive datetime"),
    ("timestamptz", "yesterday", "not an ISO 8601 timestamp"),
    *(
        ("timestamp", text, "not an ISO 8601 timestamp")
        for text in ("2024-01-01T20240101", "20240101123456", "2024-01-01x12:00", "2024-W01T12", "2024-01-01T24:00")
    ),
    ("timestamptz", "2024-01-01T12:34:56+01:00:00.5", "not an ISO 8601 timestamp"),
    ("date", "2024-W01", "not an ISO 8601 date"),
    ("timestamptz", datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))), "after year 9999"),
    ("timestamptz", NANOS.tz_localize("UTC"), "nanoseconds"),
    ("interval", 5, "an int was given; pass a timedelta or an Interval"),
    ("interval", "1 day", "not an ISO 8601 duration"),
    ("interval", pd.Timedelta(nanoseconds=1), "nanoseconds"),
    ("interval", Interval(0, 0, 1 << 63), "outside the range"),
    ("inet", ip_network("10.0.0.0/8"), "an IPv4Network was given"),
    ("inet", "10.0.0.1/255.0.0.0", "not an IP address"),
    ("inet", "localhost", "not an IP address"),
    ("inet", ip_address("fe80::1%eth0"), "scope"),
    ("inet", 5, "an int was given"),
    ("cidr", ip_address("10.0.0.1"), "an IPv4Address was given; pass an ipaddress network"),
    ("cidr", "10.0.0.1/8", "bits set to the right"),
    ("point", [1.0, 2.0], "a list was given"),
    ("point", (1.0,), "length 1"),
    ("point", ("1", 2.0), "a str was given; pass a float"),
    ("line", (1.0, 2.0), "length 2"),
    ("box", ((1.0, 2.0),), "a tuple was given"),
    ("lseg", ((1.0, 2.0), 3.0), "a float was given"),
    ("path", ((1.0, 2.0), (3.0, 4.0)), "pass a Path"),
    ("path", Path((), True), "no point"),
    ("polygon", (), "no point"),
    ("polygon", [(1.0, 2.0)], "a list was given"),
    ("circle", (1.0, 2.0, 3.0), "a tuple was given"),
    ("pg_lsn", "16", "not a pg_lsn"),
    ("pg_lsn", 5, "an int was given"),
    ("tid", "(1)", "not a tid"),
    ("tid", "(0,65536)", "not a tid"),
    ("cid", "-1", "not a number"),
    ("pg_snapshot", "1:2", "not a snapshot"),
    ("jsonpath", 5, "an int was given"),
    ("int4range", "[1,2)", r"write \$1::text::int4range"),
    ("int4range", (1, 2), "a tuple was given"),
    ("int4range", Range(1, 2.5), "upper bound: a float was given"),
    ("int4range", Range("a", 2), "lower bound: a str was given"),
    ("int4multirange", "{}", "a str was given"),
    ("int4multirange", (1,), "an int was given"),
]


@pytest.mark.parametrize(("name", "value", "words"), REFUSED, ids=[f"{n}-{w[:25]}" for n, _, w in REFUSED])
def test_refused_before_sending(name: str, value: Any, words: str) -> None:
    oid = CASES[name].oid
    for bind in (REGISTRY.encoder((16, oid)), REGISTRY.checker((16, oid))):
        with pytest.raises(DataError, match=words.replace("$1", "$2")) as caught:
            bind([True, value])
        assert str(caught.value).startswith(f"cannot bind parameter $2 as {name}: ")
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
    with pytest.raises(ValueRefused):
        codec_of(name).coerce(value)


SPOILED = st.one_of(
    st.just(MARKER),
    st.just(MARKER + "\0"),
    st.just(MARKER + "\ud800"),
    st.just(MARKER.encode()),
    st.just([MARKER]),
    st.just((MARKER, MARKER)),
    st.just({MARKER: math.nan, "x": None}),
    st.just({MARKER: object()}),
    st.just({(MARKER,): 1}),
    st.just(Json({MARKER: math.nan})),
    st.just(Range(MARKER, None)),
    st.just([Range(None, MARKER)]),
    st.just(((MARKER, 1.0), 2.0)),
    st.just(Path((MARKER,), True)),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    st.just([[MARKER], [MARKER, MARKER]]),
)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=40)
@given(value=SPOILED, as_array=st.booleans())
def test_no_error_tells_the_value(name: str, value: Any, as_array: bool) -> None:
    codec = codec_of(name)
    oid = ARRAY_OF[codec.oid] if as_array else codec.oid
    for bind in (REGISTRY.encoder((oid,)), REGISTRY.checker((oid,))):
        try:
            bind([[value] if as_array else value])
        except DataError as error:
            assert MARKER not in str(error)
            assert MARKER not in repr(error.__dict__)
            assert error.__cause__ is None


ARRAY_OF = {
    codec.depends[0]: codec.oid
    for codec in (REGISTRY.get(oid) for oid in range(7000))
    if codec is not None and codec.name.endswith("[]") and codec.depends
}


def test_each_wrong_wire_form_names_the_column() -> None:
    for name, case in CASES.items():
        decode = REGISTRY.decoder((23, case.oid), ("first", "se cond"))
        for wire in (b"", b"\xff", b"\xff" * 7, b"\xff" * 16):
            try:
                decode([[None, wire]])
            except DataError as error:
                assert str(error).startswith(f'cannot read column "se cond" as {name}: ')
                assert error.column == "se cond"
                assert error.__suppress_context__


def test_naive_datetimes_by_option() -> None:
    as_utc = codec_of("timestamptz", CodecRegistry(CodecOptions(naive_datetimes="utc")))
    assert same(as_utc.coerce(NOON), NOON.replace(tzinfo=UTC))
    assert same(as_utc.coerce(NOON.replace(tzinfo=BERLIN)), NOON.replace(hour=11, tzinfo=UTC))
    local = codec_of("timestamptz", CodecRegistry(CodecOptions(naive_datetimes="local")))
    assert same(local.coerce(NOON), NOON.astimezone(UTC))


def test_money_scale_by_option() -> None:
    yen = codec_of("money", CodecRegistry(CodecOptions(money_scale=0)))
    assert same(yen.unpack(yen.encode(5)), Decimal(5))
    with pytest.raises(ValueRefused, match="more than 0 digits"):
        yen.coerce(Decimal("0.5"))
    dinar = codec_of("money", CodecRegistry(CodecOptions(money_scale=3)))
    assert same(dinar.unpack(dinar.encode(Decimal("0.5"))), Decimal("0.500"))


def test_money_does_not_depend_on_the_decimal_context() -> None:
    import decimal

    codec = codec_of("money")
    with decimal.localcontext() as context:
        context.prec = 3
        value = Decimal("92233720368547758.07")
        assert same(codec.unpack(codec.encode(value)), value)
        numeric = codec_of("numeric")
        long = Decimal("1234567890.123456789")
        assert same(numeric.unpack(numeric.encode(long)), long)


def test_float4_is_rounded_once() -> None:
    codec = codec_of("float4")
    # Halfway between two float4 as a double, but the exact number is above.
    exact = Decimal("1.00000005960464477539062500000000000001")
    assert codec.unpack(codec.encode(exact)) == 1.00000011920928955078125
    assert codec.unpack(codec.encode(float(exact))) == 1.0


def test_user_s_serializer_keeps_its_error_as_cause() -> None:
    def fails(_: Any) -> str:
        raise RuntimeError(MARKER)

    registry = CodecRegistry(CodecOptions(json_serializer=fails, json_deserializer=fails))
    with pytest.raises(DataError, match="json_serializer raised RuntimeError") as caught:
        registry.encoder((3802,))([{}])
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert MARKER not in str(caught.value)
    with pytest.raises(DataError, match="json_deserializer raised RuntimeError") as caught:
        registry.decoder((3802,), ("c",))([[b"\x01{}"]])
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_any_failure_inside_a_codec_becomes_a_data_error() -> None:
    class Hostile(tuple[Any, ...]):
        __slots__ = ()

        def __iter__(self) -> Any:
            raise RuntimeError(MARKER)

    with pytest.raises(DataError, match="which cannot be converted") as caught:
        REGISTRY.encoder((600,))([Hostile((1.0, 2.0))])
    assert MARKER not in str(caught.value)


def test_numpy_overflow_warnings_do_not_escape() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueRefused):
            codec_of("float8").coerce(np.longdouble("1e4000"))


def test_ip_subclass_is_taken() -> None:
    class Address(IPv4Address):
        pass

    codec = codec_of("inet")
    assert codec.unpack(codec.encode(Address("10.0.0.1"))) == IPv4Address("10.0.0.1")
    uuid = codec_of("uuid")
    assert uuid.unpack(uuid.encode(MyUUID(int=7))) == UUID(int=7)
