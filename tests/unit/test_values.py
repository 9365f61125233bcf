"""The public value types: equality, immutability, pickling, text forms."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.values import INFINITY, NEG_INFINITY, Interval, Json, Path, Range, SparseVector

parts = st.tuples(st.integers(-30000, 30000), st.integers(-(10**6), 10**6), st.integers(-(10**15), 10**15))


@pytest.mark.parametrize(
    ("interval", "days"),
    [
        (Interval(14, 3), 365 + 60 + 3),
        (Interval(-14), -365 - 60),
        (Interval(24), 730),
        (Interval(1, -1), 29),
        (Interval(), 0),
    ],
)
def test_interval_length_counts_years_and_months(interval: Interval, days: int) -> None:
    assert timedelta.total_seconds(interval) == days * 86400
    assert interval == timedelta(days)
    assert hash(interval) == hash(timedelta(days))


def test_interval_keeps_its_parts() -> None:
    interval = Interval(1, 2, 90_000_000_000)
    assert (interval.months, interval.days_part, interval.microseconds_part) == (1, 2, 90_000_000_000)
    assert isinstance(interval, timedelta)
    assert interval != Interval(0, 32, 90_000_000_000)
    assert interval == timedelta(days=32, hours=25)
    assert not interval != Interval(1, 2, 90_000_000_000)  # noqa: SIM202 - timedelta has a __ne__ of its own
    assert {Interval(1), Interval(0, 30), Interval(1)} == {Interval(1), Interval(0, 30)}
    assert Interval(1) != "P1M"


@given(a=parts, b=parts)
def test_interval_arithmetic_works_on_the_parts(a: tuple[int, int, int], b: tuple[int, int, int]) -> None:
    left, right = Interval(*a), Interval(*b)
    total = left + right
    assert total == Interval(*(x + y for x, y in zip(a, b, strict=True)))
    assert total - right == left
    assert -left == Interval(*(-x for x in a))


def test_interval_mixes_with_timedelta_and_datetime() -> None:
    assert Interval(1) + timedelta(days=1, microseconds=1) == Interval(1, 1, 1)
    assert timedelta(days=1) + Interval(1) == Interval(1, 1)
    assert timedelta(days=1) - Interval(1) == Interval(-1, 1)
    assert datetime(2024, 1, 1, tzinfo=UTC) + Interval(0, 1) == datetime(2024, 1, 2, tzinfo=UTC)
    with pytest.raises(TypeError):
        Interval(1) + 1  # type: ignore[operator]
    with pytest.raises(TypeError):
        Interval(1) - 1  # type: ignore[operator]


def test_interval_beyond_timedelta() -> None:
    with pytest.raises(OverflowError):
        Interval(2**31 - 1)
    with pytest.raises(TypeError):
        Interval(1.5)  # type: ignore[arg-type]


def test_interval_parts_cannot_be_assigned() -> None:
    with pytest.raises(AttributeError):
        Interval(1).months = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("interval", "text", "iso"),
    [
        (Interval(), "00:00:00", "PT0S"),
        (Interval(14, 3, 4_000_005), "1 year 2 mons 3 days 00:00:04.000005", "P1Y2M3DT4.000005S"),
        (Interval(12, 1), "1 year 1 day", "P1Y1D"),
        (Interval(-13, 1), "-1 years -1 mons +1 day", "P-1Y-1M1D"),
        (Interval(0, -1, 14_706_000_000), "-1 days +04:05:06", "P-1DT4H5M6S"),
        (Interval(0, 0, -500_000), "-00:00:00.5", "PT-0.5S"),
        (Interval(0, 0, 360_000_000_000), "100:00:00", "PT100H"),
    ],
)
def test_interval_text_forms(interval: Interval, text: str, iso: str) -> None:
    assert str(interval) == text
    assert interval.isoformat() == iso
    assert Interval.fromisoformat(iso) == interval


@given(values=parts)
def test_interval_iso_form_reads_back(values: tuple[int, int, int]) -> None:
    interval = Interval(*values)
    assert Interval.fromisoformat(interval.isoformat()) == interval
    assert eval(repr(interval)) == interval


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("P2W", Interval(0, 14)),
        ("-P1Y2DT3S", Interval(-12, -2, -3_000_000)),
        ("PT1M", Interval(0, 0, 60_000_000)),
        ("P1M", Interval(1)),
        ("PT1,25S", Interval(0, 0, 1_250_000)),
        ("PT0.1234560S", Interval(0, 0, 123_456)),
    ],
)
def test_interval_reads_other_iso_forms(text: str, interval: Interval) -> None:
    assert Interval.fromisoformat(text) == interval


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1 day", "P1.5D", "PT0.1234567S", "P1S", "PT1Y", "P1D "])
def test_interval_refuses_other_texts(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        Interval.fromisoformat(text)


def test_interval_from_timedelta() -> None:
    assert Interval.from_timedelta(timedelta(days=-1, seconds=1)) == Interval(0, -1, 1_000_000)
    interval = Interval(1)
    assert Interval.from_timedelta(interval) is interval


VALUES: list[Any] = [
    Interval(1, -2, 3),
    Range(1, 5, "(]"),
    Range[int].make_empty(),
    Json({"a": 1}),
    SparseVector(3, (0, 2), (1.0, 2.0)),
    Path(((1.0, 2.0),), True),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_survive_pickling_and_copying(value: Any) -> None:
    for clone in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert clone == value
        assert type(clone) is type(value)
        assert repr(clone) == repr(value)


@pytest.mark.parametrize("sentinel", [INFINITY, NEG_INFINITY])
def test_sentinels_stay_single(sentinel: Any) -> None:
    assert pickle.loads(pickle.dumps(sentinel)) is sentinel
    assert copy.deepcopy(sentinel) is sentinel
    assert repr(INFINITY) == "INFINITY"
    assert repr(NEG_INFINITY) == "NEG_INFINITY"


def test_range_ends_without_a_bound_are_exclusive() -> None:
    assert Range(None, 5, "[]").bounds == "(]"
    assert Range(5, None, "[]").bounds == "[)"
    assert Range(None, None, "[]").bounds == "()"
    assert Range(1, 2).bounds == "[)"


def test_empty_range() -> None:
    empty = Range[int].make_empty()
    assert empty.empty
    assert empty == Range(bounds="empty")
    assert empty != Range()
    assert not Range().empty
    with pytest.raises(ValueError, match="no bounds"):
        Range(1, None, "empty")


def test_range_refuses_other_bounds() -> None:
    with pytest.raises(ValueError, match="bounds"):
        Range(1, 2, "[[")  # type: ignore[arg-type]


def test_range_is_an_immutable_value() -> None:
    value = Range(1, 5)
    with pytest.raises(AttributeError):
        value.lower = 2
    with pytest.raises(AttributeError):
        del value.lower
    assert hash(value) == hash(Range(1, 5))
    assert value != Range(1, 6)
    assert value != (1, 5, "[)")
    match value:
        case Range(lower, upper, bounds):
            assert (lower, upper, bounds) == (1, 5, "[)")


@pytest.mark.parametrize(
    ("dim", "indices", "values"),
    [(3, (0,), ()), (3, (1, 0), (1.0, 2.0)), (3, (1, 1), (1.0, 2.0)), (3, (3,), (1.0,)), (3, (-1,), (1.0,))],
)
def test_sparse_vector_checks_its_parts(dim: int, indices: Any, values: Any) -> None:
    with pytest.raises(ValueError, match="sparse vector"):
        SparseVector(dim, indices, values)


def test_sparse_vector_makes_tuples() -> None:
    assert SparseVector(3, [0], [1.0]) == SparseVector(3, (0,), (1.0,))  # type: ignore[arg-type]


def test_values_and_codecs_import_no_third_party_package_but_msgspec() -> None:
    program = (
        "import sys, sqlspec.values; assert 'msgspec' not in sys.modules\n"
        "import sqlspec.postgres.codec\n"
        "loaded = {'numpy', 'asyncpg', 'psycopg', 'sqlglot', 'pyarrow'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
