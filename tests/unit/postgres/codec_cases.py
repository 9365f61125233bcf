"""Canonical values of every built-in type: what to generate, and edges with the server's text for them."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any, NamedTuple

from hypothesis import strategies as st

from sqlspec.values import INFINITY, NEG_INFINITY, Interval, Path, Range

__all__ = ("CASES", "MARKER", "Case", "same")

MARKER = "s3cr3tmarker"
"""A text inside refused values that no error may repeat."""


class Case(NamedTuple):
    """Describe one type.

    Attributes:
        oid: OID of the type.
        values: Canonical values.
        edges: Value and the text that the server prints for it.
    """

    oid: int
    values: st.SearchStrategy[Any]
    edges: tuple[tuple[Any, str], ...]


def same(left: Any, right: Any) -> bool:
    """Compare exactly: type, sign of zero, scale of a Decimal, zone of a datetime, NaN equal to NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or (left == right and repr(left) == repr(right))
    if isinstance(left, Decimal):
        return str(left) == str(right)
    if isinstance(left, datetime | time):
        return left == right and left.utcoffset() == right.utcoffset()
    if isinstance(left, Range):
        return left.bounds == right.bounds and same(left.lower, right.lower) and same(left.upper, right.upper)
    return bool(left == right)


def ints(bits: int, *, signed: bool = True) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)


# Zero has no sign on the server, and a positive exponent becomes digits.
numerics = st.one_of(
    st.builds(
        lambda digits, scale: Decimal(digits).scaleb(-scale) if digits else Decimal((0, (0,), -scale)),
        st.integers(-(10**26), 10**26),
        st.integers(0, 20),
    ),
    st.builds(
        lambda sign, digits, zeros, scale: Decimal((sign, (9, *digits) + (0,) * zeros, -scale)),
        st.integers(0, 1),
        st.lists(st.integers(0, 9), max_size=120),
        st.integers(0, 60),
        st.integers(0, 300),
    ),
    st.sampled_from([Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")]),
)
float4s = st.floats(width=32)
float8s = st.floats()
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"], max_codepoint=0x7FF), max_size=31)
bits = st.text("01", max_size=40)
dates = st.dates()
times = st.times()
zones = st.integers(-57599, 57599).map(lambda seconds: timezone(timedelta(seconds=seconds)))
zoned_times = st.builds(lambda value, zone: value.replace(tzinfo=zone), st.times(), zones)
stamps = st.datetimes()
utc_stamps = st.datetimes().map(lambda value: value.replace(tzinfo=UTC))
intervals = st.builds(Interval, st.integers(-30000, 30000), st.integers(-(10**6), 10**6), ints(63))
points = st.tuples(float8s, float8s)
documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
macs = st.binary(min_size=6, max_size=6).map(lambda data: data.hex(":"))
macs8 = st.binary(min_size=8, max_size=8).map(lambda data: data.hex(":"))
inets = st.one_of(
    st.ip_addresses(),
    st.builds(lambda a, n: ip_interface(f"{a}/{n}"), st.ip_addresses(v=4), st.integers(0, 31)),
    st.builds(lambda a, n: ip_interface(f"{a}/{n}"), st.ip_addresses(v=6), st.integers(0, 127)),
)
cidrs = st.one_of(
    st.builds(lambda a, n: ip_network(f"{a}/{n}", strict=False), st.ip_addresses(v=4), st.integers(0, 32)),
    st.builds(lambda a, n: ip_network(f"{a}/{n}", strict=False), st.ip_addresses(v=6), st.integers(0, 128)),
)
single_bytes = st.one_of(
    st.just(""),
    st.characters(min_codepoint=1, max_codepoint=127),
    st.integers(128, 255).map(lambda byte: f"\\{byte:03o}"),
)
snapshots = st.builds(
    lambda xmin, gaps: f"{xmin}:{xmin + sum(gaps) + 1}:{','.join(str(xmin + sum(gaps[:n])) for n in range(len(gaps)))}",
    st.integers(1, 10**6),
    st.lists(st.integers(1, 1000), max_size=4),
)


def ranges(bounds: st.SearchStrategy[Any]) -> st.SearchStrategy[Range[Any]]:
    def ordered(pair: tuple[Any, Any], ends: Any, open_ends: tuple[bool, bool]) -> Range[Any]:
        lower, upper = sorted(pair)
        return Range(None if open_ends[0] else lower, None if open_ends[1] else upper, ends)

    made = st.builds(
        ordered,
        st.tuples(bounds, bounds).filter(lambda pair: pair[0] != pair[1]),
        st.sampled_from(["[]", "[)", "(]", "()"]),
        st.tuples(st.booleans(), st.booleans()),
    )
    return made | st.just(Range[Any].make_empty())


finite_numerics = st.builds(lambda digits: Decimal(digits).scaleb(-2), st.integers(-(10**9), 10**9))
# The server moves the ends of discrete ranges to [), so these are generated in that form.
int_ranges = st.builds(lambda low, size: Range(low, low + size, "[)"), st.integers(-1000, 1000), st.integers(1, 99))

UUID = uuid.UUID("550e8400-e29b-41d4-a716-446655440000")
CASES: dict[str, Case] = {
    "bool": Case(16, st.booleans(), ((True, "true"), (False, "false"))),
    "int2": Case(21, ints(16), ((-32768, "-32768"), (32767, "32767"), (0, "0"))),
    "int4": Case(23, ints(32), ((-(1 << 31), "-2147483648"), ((1 << 31) - 1, "2147483647"))),
    "int8": Case(20, ints(64), ((-(1 << 63), "-9223372036854775808"), ((1 << 63) - 1, "9223372036854775807"))),
    "oid": Case(26, ints(32, signed=False), ((4294967295, "4294967295"), (0, "0"))),
    "xid": Case(28, ints(32, signed=False), ((4294967295, "4294967295"),)),
    "xid8": Case(5069, ints(64, signed=False), (((1 << 64) - 1, "18446744073709551615"),)),
    "float4": Case(
        700,
        float4s,
        ((math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (-0.0, "-0"), (1.5, "1.5")),
    ),
    "float8": Case(
        701,
        float8s,
        ((math.nan, "NaN"), (math.inf, "Infinity"), (-0.0, "-0"), (5e-324, "5e-324"), (0.1, "0.1")),
    ),
    "numeric": Case(
        1700,
        numerics,
        (
            (Decimal("NaN"), "NaN"),
            (Decimal("-Infinity"), "-Infinity"),
            (Decimal("1.10"), "1.10"),
            (Decimal("0.00"), "0.00"),
            (Decimal(0), "0"),
            (Decimal("1e-30"), "0." + "0" * 29 + "1"),
            (Decimal(10**40), "1" + "0" * 40),
            (Decimal("-0.0001"), "-0.0001"),
            (Decimal(10000), "10000"),
            (Decimal("100000000.00000001"), "100000000.00000001"),
            (Decimal("12345678901234567890123456789.123456789"), "12345678901234567890123456789.123456789"),
            (Decimal("9" * 5000), "9" * 5000),
            (Decimal("0." + "0" * 5000 + "1"), "0." + "0" * 5000 + "1"),
        ),
    ),
    "text": Case(25, texts, (("", ""), ("häß \U0001f600", "häß \U0001f600"))),
    "varchar": Case(1043, texts, (("a ", "a "),)),
    # The text form of char(n) loses the padding, its values do not.
    "bpchar": Case(1042, texts.filter(lambda text: not text.endswith(" ")), (("x", "x"),)),
    "name": Case(19, names, (("x" * 63, "x" * 63), ("ä" * 31, "ä" * 31))),
    '"char"': Case(18, single_bytes, (("", ""), ("x", "x"), ("\\377", "\\377"))),
    "bytea": Case(17, st.binary(), ((b"", "\\x"), (b"a\0b", "\\x610062"))),
    "uuid": Case(2950, st.uuids(), ((UUID, str(UUID)),)),
    "bit": Case(1560, bits.filter(bool), (("101", "101"), ("0" * 9, "0" * 9))),
    "varbit": Case(1562, bits, (("", ""), ("1" * 8, "1" * 8))),
    "macaddr": Case(829, macs, (("08:00:2b:01:02:03", "08:00:2b:01:02:03"),)),
    "macaddr8": Case(774, macs8, (("08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:05"),)),
    "json": Case(
        114,
        documents.filter(lambda value: isinstance(value, dict | list)),
        (({"b": 1, "a": [None]}, '{"b":1,"a":[null]}'),),
    ),
    "jsonb": Case(
        3802,
        documents.filter(lambda value: isinstance(value, dict | list)),
        (([1.5, 2**70], "[1.5, 1180591620717411303424]"),),
    ),
    "inet": Case(
        869,
        inets,
        (
            (ip_address("10.0.0.1"), "10.0.0.1/32"),
            (ip_interface("10.0.0.1/8"), "10.0.0.1/8"),
            (ip_address("::1"), "::1/128"),
            (ip_interface("2001:db8::1/0"), "2001:db8::1/0"),
        ),
    ),
    "cidr": Case(650, cidrs, ((ip_network("10.0.0.0/8"), "10.0.0.0/8"), (ip_network("::/0"), "::/0"))),
    "date": Case(
        1082,
        dates,
        (
            (date.max, "9999-12-31"),
            (date.min, "0001-01-01"),
            (date(2000, 1, 1), "2000-01-01"),
            (INFINITY, "infinity"),
            (NEG_INFINITY, "-infinity"),
        ),
    ),
    "time": Case(1083, times, ((time.max, "23:59:59.999999"), (time.min, "00:00:00"))),
    "timetz": Case(
        1266,
        zoned_times,
        (
            (time(12, tzinfo=timezone(timedelta(hours=5, minutes=30))), "12:00:00+05:30"),
            (time(12, tzinfo=timezone(timedelta(hours=-15, minutes=-59, seconds=-59))), "12:00:00-15:59:59"),
            (time(12, tzinfo=UTC), "12:00:00+00"),
        ),
    ),
    "timestamp": Case(
        1114,
        stamps,
        (
            (datetime.max, "9999-12-31 23:59:59.999999"),
            (datetime.min, "0001-01-01 00:00:00"),
            (datetime(1999, 12, 31, 23, 59, 59, 999999), "1999-12-31 23:59:59.999999"),
            (INFINITY, "infinity"),
            (NEG_INFINITY, "-infinity"),
        ),
    ),
    "timestamptz": Case(
        1184,
        utc_stamps,
        (
            (datetime.max.replace(tzinfo=UTC), "9999-12-31 23:59:59.999999+00"),
            (datetime(2024, 1, 2, 3, 4, 5, 678901, UTC), "2024-01-02 03:04:05.678901+00"),
            (INFINITY, "infinity"),
            (NEG_INFINITY, "-infinity"),
        ),
    ),
    "interval": Case(
        1186,
        intervals,
        (
            (Interval(14, 3, 4), "1 year 2 mons 3 days 00:00:00.000004"),
            (Interval(1, -1), "1 mon -1 days"),
            (Interval(-1, 1, -1), "-1 mons +1 day -00:00:00.000001"),
            (Interval(0, -1, 90_000_000_000), "-1 days +25:00:00"),
            (Interval(), "00:00:00"),
        ),
    ),
    "point": Case(600, points, (((1.0, 2.5), "(1,2.5)"), ((math.nan, math.inf), "(NaN,Infinity)"))),
    "line": Case(628, st.tuples(float8s, float8s, float8s), (((1.0, -1.0, 1.0), "{1,-1,1}"),)),
    "lseg": Case(601, st.tuples(points, points), ((((1.0, 2.0), (3.0, 4.0)), "[(1,2),(3,4)]"),)),
    "box": Case(603, st.tuples(points, points), ((((3.0, 4.0), (1.0, 2.0)), "(3,4),(1,2)"),)),
    "path": Case(
        602,
        st.builds(Path, st.lists(points, min_size=1, max_size=4).map(tuple), st.booleans()),
        (
            (Path(((1.0, 2.0), (3.0, 4.0)), True), "((1,2),(3,4))"),
            (Path(((1.0, 2.0), (3.0, 4.0)), False), "[(1,2),(3,4)]"),
        ),
    ),
    "polygon": Case(
        604,
        st.lists(points, min_size=1, max_size=4).map(tuple),
        ((((1.0, 2.0), (3.0, 4.0)), "((1,2),(3,4))"),),
    ),
    "circle": Case(718, st.tuples(points, float8s), ((((1.0, 2.0), 3.0), "<(1,2),3>"),)),
    "jsonpath": Case(4072, st.just('$."a"'), (('$."a"[*]', '$."a"[*]'),)),
    "pg_lsn": Case(
        3220,
        ints(64, signed=False).map(lambda n: f"{n >> 32:X}/{n & 0xFFFFFFFF:X}"),
        (("16/B374D848", "16/B374D848"), ("0/0", "0/0")),
    ),
    "tid": Case(
        27,
        st.builds(lambda block, item: f"({block},{item})", ints(32, signed=False), ints(16, signed=False)),
        (("(0,1)", "(0,1)"), ("(4294967295,65535)", "(4294967295,65535)")),
    ),
    "cid": Case(29, ints(32, signed=False).map(str), (("4294967295", "4294967295"),)),
    "pg_snapshot": Case(5038, snapshots, (("10:20:10,14,15", "10:20:10,14,15"), ("1:1:", "1:1:"))),
    "txid_snapshot": Case(2970, snapshots, (("10:20:10,14,15", "10:20:10,14,15"),)),
    "money": Case(
        790,
        st.integers(-(10**15), 10**15).map(lambda cents: Decimal(cents).scaleb(-2)),
        ((Decimal("12.34"), "$12.34"), (Decimal("-92233720368547758.08"), "-$92,233,720,368,547,758.08")),
    ),
    "refcursor": Case(1790, texts, (("c", "c"),)),
    "int4range": Case(3904, int_ranges, ((Range(1, 5), "[1,5)"), (Range[Any].make_empty(), "empty"))),
    "int8range": Case(3926, int_ranges, ((Range(None, 5), "(,5)"), (Range[Any](), "(,)"))),
    "numrange": Case(3906, ranges(finite_numerics), ((Range(Decimal("1.5"), Decimal("2.0"), "(]"), "(1.5,2.0]"),)),
    "tsrange": Case(3908, ranges(stamps), ((Range(datetime(2024, 1, 1), None, "[]"), '["2024-01-01 00:00:00",)'),)),
    "tstzrange": Case(
        3910,
        ranges(utc_stamps),
        ((Range(datetime(2024, 1, 1, tzinfo=UTC), None), '["2024-01-01 00:00:00+00",)'),),
    ),
    "daterange": Case(
        3912,
        st.builds(
            lambda start, days: Range(start, start + timedelta(days)),
            st.dates(max_value=date(9000, 1, 1)),
            st.integers(1, 9),
        ),
        ((Range(date(2024, 1, 1), date(2024, 1, 2)), "[2024-01-01,2024-01-02)"),),
    ),
    "int4multirange": Case(
        4451,
        st.lists(st.integers(0, 1000), unique=True, max_size=8).map(
            lambda edges: tuple(
                Range(low, high) for low, high in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)
            )
        ),
        (((), "{}"), ((Range(1, 3), Range(5, 7)), "{[1,3),[5,7)}")),
    ),
    "nummultirange": Case(
        4532, st.just(()), (((Range(None, Decimal(1), "()"), Range(Decimal(2), None)), "{(,1),[2,)}"),)
    ),
}
