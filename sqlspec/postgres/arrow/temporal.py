"""Conversions to dates, times, timestamps and intervals."""

from __future__ import annotations

import pyarrow as pa

from sqlspec.postgres.arrow.kernels import pc
from sqlspec.postgres.arrow.numbers import no_way
from sqlspec.postgres.arrow.shapes import Shape
from sqlspec.postgres.arrow.steps import Conversion, LoadOptions, NoWay, Step, casting, chain, refuse_where
from sqlspec.postgres.arrow.texts import floor_divide, interval_parts, sql_text

__all__ = ("seconds_digits", "to_date", "to_interval", "to_time", "to_timestamp")

_DAY = 86_400_000_000
_MICROS_PER = {"s": 1_000_000, "ms": 1000, "us": 1}
_FIRST_DAY, _LAST_DAY = -2_440_588, 2_145_042_905
_FIRST_MICRO = -210_866_803_200_000_000
"""PostgreSQL's range, counted from 1970 (`src/include/datatype/timestamp.h`); its last timestamp is beyond Arrow's."""

_TOO_FINE = "the time is finer than a microsecond; round=True rounds it"


def _in_micros(given: pa.DataType, wanted: pa.DataType, options: LoadOptions, reason: str) -> Step | None:
    """Return the step from any unit to microseconds."""
    if given == wanted:
        return None
    if given.unit == "ns":
        if options.round:
            return lambda array: _rounded(array.cast(pa.int64())).cast(wanted)
        reason = _TOO_FINE
    return casting(wanted, reason)


def _rounded(nanos: pa.Array) -> pa.Array:
    """Round nanoseconds to microseconds, halves to even, as the server does with text."""
    micros, rest = floor_divide(nanos, 1000)
    odd = pc.equal(pc.bit_wise_and(micros, 1), 1)
    up = pc.or_(pc.greater(rest, 500), pc.and_(pc.equal(rest, 500), odd))
    return pc.add(micros, up.cast(pa.int64()))


def _precise(shape: Shape, options: LoadOptions, digits: int) -> Step | None:
    """Return the check that the server has nothing to round to the digits that the column declares."""
    if options.round or not 0 <= digits < 6:
        return None
    unit = 10 ** (6 - digits)
    return refuse_where(
        lambda array: pc.not_equal(floor_divide(array.cast(pa.int64()), unit)[1], 0),
        f"the value has more than the {digits} digits of a second of {shape.name}({digits}); round=True rounds it",
    )


# --- dates and times ---------------------------------------------------------------------------------------


def to_date(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    """Convert to `date`; a timestamp without a zone is taken when it is midnight."""
    step: Step | None = None
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            raise no_way(kind, shape, "which day it is depends on the zone; cast to date32")
        step = _midnight(kind.unit, options)
    elif pa.types.is_date64(kind):
        step = _midnight("ms", options)
    elif not pa.types.is_date32(kind):
        raise no_way(kind, shape, "cast to date32")
    in_range = refuse_where(_outside_dates, "the date is outside the range of date")
    return Conversion(shape.wire(), chain(step, in_range), sql_text)


def _midnight(unit: str, options: LoadOptions) -> Step:
    per_day = 86_400 * {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}[unit]
    has_time = refuse_where(lambda rest: pc.not_equal(rest, 0), "the value has a time of day; round=True cuts it")

    def run(array: pa.Array) -> pa.Array:
        days, rest = floor_divide(array.cast(pa.int64()), per_day)
        if not options.round:
            has_time(rest)
        return in_days(days).cast(pa.date32())

    in_days = casting(pa.int32(), "the date is outside the range of date")
    return run


def _outside_dates(array: pa.Array) -> pa.Array:
    days = array.cast(pa.int32())
    return pc.or_(pc.less(days, _FIRST_DAY), pc.greater(days, _LAST_DAY))


def to_time(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    """Convert to `time`."""
    if not pa.types.is_time(kind):
        raise no_way(kind, shape, "cast to time64")
    step = _in_micros(kind, shape.arrow, options, _TOO_FINE)
    in_range = refuse_where(
        lambda array: pc.or_(pc.less(array.cast(pa.int64()), 0), pc.greater_equal(array.cast(pa.int64()), _DAY)),
        "the time is not within a day; 24:00 has no counterpart in Arrow",
    )
    return Conversion(shape.wire(), chain(step, in_range, _precise(shape, options, shape.typmod)), sql_text)


def to_timestamp(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    """Convert to `timestamp` or `timestamptz`; neither is ever taken for the other."""
    zoned = shape.arrow.tz is not None
    if pa.types.is_date(kind) and not zoned:
        wide = pa.timestamp("ms") if pa.types.is_date64(kind) else pa.timestamp("s")
        before: Step | None = lambda array: array.cast(wide)  # noqa: E731
    elif not pa.types.is_timestamp(kind):
        raise no_way(kind, shape, "cast to timestamp" + (" with a zone" if zoned else ""))
    elif zoned and kind.tz is None:
        raise NoWay(
            f"the source has no time zone and {shape.name} needs one; say which with pyarrow.compute.assume_timezone"
        )
    elif kind.tz is not None and not zoned:
        raise NoWay(
            f"the source has the time zone {kind.tz} and {shape.name} keeps none; take the local time with "
            "pyarrow.compute.local_timestamp, or make the column timestamptz"
        )
    else:
        before, wide = None, kind
    # Arrow keeps instants in UTC whatever the zone is called, so that only the unit matters.
    plain = pa.timestamp("us", wide.tz)
    outside = f"the time is outside the range of {shape.name}"
    step = _in_micros(wide, plain, options, outside)
    in_range = refuse_where(lambda array: pc.less(array.cast(pa.int64()), _FIRST_MICRO), outside)
    return Conversion(shape.wire(), chain(before, step, in_range, _precise(shape, options, shape.typmod)), sql_text)


# --- intervals ---------------------------------------------------------------------------------------------

_ALL_FIELDS, _ANY_PRECISION = 0x7FFF, 0xFFFF


def seconds_digits(shape: Shape) -> int:
    """Return how many digits of a second an `interval` column with a modifier keeps.

    Raises:
        NoWay: It keeps only some of the fields.
    """
    if shape.typmod >> 16 & _ALL_FIELDS != _ALL_FIELDS:
        raise NoWay(f"the server would cut values to the fields that the {shape.name} declares; round=True lets it")
    return min(shape.typmod & _ANY_PRECISION, 6)


def to_interval(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    """Convert to `interval`; a duration becomes days and what is left of them, as a `timedelta` parameter does."""
    digits = seconds_digits(shape) if shape.typmod >= 0 and not options.round else 6
    step: Step | None
    if pa.types.is_duration(kind):
        micros = pa.duration("us")
        # A check of the whole is one of what is left of days.
        step = chain(
            _in_micros(kind, micros, options, "the duration is outside the range of interval"),
            _precise(shape, options, digits),
            _as_interval,
        )
    elif pa.types.is_interval(kind):
        step = _interval_check(shape, options, digits)
    else:
        raise no_way(kind, shape, "cast to duration")
    return Conversion(shape.wire(), step, sql_text)


def _interval_check(shape: Shape, options: LoadOptions, digits: int) -> Step | None:
    if options.round:
        return _round_interval
    fine = refuse_where(lambda array: pc.not_equal(floor_divide(interval_parts(array)[2], 1000)[1], 0), _TOO_FINE)
    precise = _precise(shape, options, digits)
    if precise is None:
        return fine

    def check(array: pa.Array) -> pa.Array:
        precise(floor_divide(interval_parts(array)[2], 1000)[0])
        return array

    return chain(fine, check)


def _round_interval(array: pa.Array) -> pa.Array:
    months, days, nanos = interval_parts(array)
    return _join_interval(months, days, pc.multiply(_rounded(nanos), 1000), array.is_null())


def _as_interval(array: pa.Array) -> pa.Array:
    days, micros = floor_divide(array.cast(pa.int64()), _DAY)
    days = days.cast(pa.int32())  # int64 microseconds are at most 106 million days
    return _join_interval(pc.subtract(days, days), days, pc.multiply(micros, 1000), array.is_null())


def _join_interval(months: pa.Array, days: pa.Array, nanos: pa.Array, nulls: pa.Array) -> pa.Array:
    """Put the parts side by side: Arrow has no kernel for it, but one that joins bytes."""
    parts = [
        pc.fill_null(part, 0).view(pa.binary(part.type.bit_width // 8)).cast(pa.binary())
        for part in (months, days, nanos)
    ]
    data = pc.binary_join_element_wise(*parts, b"").buffers()[2]
    joined = pa.Array.from_buffers(pa.month_day_nano_interval(), len(nulls), [None, data])
    return pc.if_else(nulls, pa.scalar(None, joined.type), joined)
