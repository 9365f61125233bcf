"""Dates, times, timestamps and intervals.

PostgreSQL counts days and microseconds from 2000-01-01; the extremes of the integers mean infinity. Source:
`src/backend/utils/adt/{date,timestamp}.c` and `src/include/datatype/timestamp.h`.
"""

from __future__ import annotations

import re
import struct
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Any

from sqlspec.postgres.codec.base import (
    INT4,
    INT8,
    CodecOptions,
    Coerce,
    Pack,
    Unpack,
    ValueRefused,
    given,
    refused,
)
from sqlspec.values import INFINITY, Infinity, Interval

__all__ = ("DATE_EPOCH", "date_codec", "time_codec", "timestamp_codec", "timestamptz_codec", "timetz_codec")

DATE_EPOCH = date(2000, 1, 1).toordinal()
_EPOCH = datetime(2000, 1, 1)
_EPOCH_UTC = datetime(2000, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_INT4_MIN, _INT4_MAX = -(1 << 31), (1 << 31) - 1
_INT8_MIN, _INT8_MAX = -(1 << 63), (1 << 63) - 1
_ZONED_TIME = struct.Struct(">qi")
_INTERVAL = struct.Struct(">qii")
_MAX_ZONE = 16 * 3600  # exclusive; TZDISP_LIMIT of the server
# The standard parsers take far more than ISO 8601, which they misread, and drop what is finer than a microsecond.
_DAY_TEXT = r"(?:\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d-\d|\d{4}W\d{3})"
_CLOCK_TEXT = r"(?:[01]\d|2[0-3])(?::\d\d(?::\d\d(?:[.,]\d{1,6}0*)?)?|\d\d(?:\d\d(?:[.,]\d{1,6}0*)?)?)?"
_ZONE_TEXT = r"(?:Z|[+-]\d\d(?::\d\d(?::\d\d)?|\d\d(?:\d\d)?)?)?"
_ISO = {
    date: re.compile(_DAY_TEXT, re.ASCII).fullmatch,
    time: re.compile(f"T?{_CLOCK_TEXT}{_ZONE_TEXT}", re.ASCII).fullmatch,
    datetime: re.compile(f"{_DAY_TEXT}(?:[Tt ]{_CLOCK_TEXT}{_ZONE_TEXT})?", re.ASCII).fullmatch,
}
_OUTSIDE = "the year is before 1 or after 9999, which Python has no {} for; select it with ::text"
_INFINITE = 'infinity has no counterpart in Python; set infinity="clamp" or select it with ::text'


def _parse(kind: Any, value: str, wanted: str) -> Any:
    text = str.__str__(value)
    if _ISO[kind](text):
        try:
            return kind.fromisoformat(text)
        except (ValueError, OverflowError):
            pass
    raise ValueRefused(f"the str is not an ISO 8601 {wanted} with at most microseconds")


def _check_subclass(value: Any) -> None:
    """Refuse what subclasses (pandas) hold beyond the standard fields: nanoseconds, and not-a-time."""
    if value != value:
        raise ValueRefused(f"{given(value)}; pass None for a missing time")
    if getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0):
        raise ValueRefused(f"{given(value)} with nanoseconds, which PostgreSQL cannot store; round it first")


# --- date --------------------------------------------------------------------------------------------------


def date_codec(options: CodecOptions) -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `date`."""
    unpack_days, from_ordinal, epoch = INT4.unpack, date.fromordinal, DATE_EPOCH
    clamp = options.infinity == "clamp"

    def coerce(value: Any) -> date | Infinity:
        if value.__class__ is date or value.__class__ is Infinity:
            return value
        if isinstance(value, str):
            return _parse(date, value, "date")  # type: ignore[no-any-return]
        if isinstance(value, date) and not isinstance(value, datetime):
            return date(value.year, value.month, value.day)
        raise refused(value, "a datetime.date")

    def pack(value: date | Infinity) -> bytes:
        if not isinstance(value, Infinity):
            return INT4.pack(value.toordinal() - DATE_EPOCH)
        return INT4.pack(_INT4_MAX if value is INFINITY else _INT4_MIN)

    def special(days: int) -> date:
        if days not in {_INT4_MAX, _INT4_MIN}:
            raise ValueRefused(_OUTSIDE.format("date"))
        if clamp:
            return date.max if days > 0 else date.min
        raise ValueRefused(_INFINITE)

    def unpack(data: bytes) -> date:
        (days,) = unpack_days(data)
        try:
            return from_ordinal(epoch + days)
        except (ValueError, OverflowError):
            return special(days)

    return coerce, pack, unpack


# --- time --------------------------------------------------------------------------------------------------


def _time_text(value: str) -> time:
    # Newer standard libraries read 24:00 as 00:00.
    if value.lstrip("T").startswith("24"):
        raise ValueRefused("24:00 has no counterpart in Python; write it as ::text")
    return _parse(time, value, "time")  # type: ignore[no-any-return]


def _micros(value: time) -> int:
    return ((value.hour * 60 + value.minute) * 60 + value.second) * _SECOND + value.microsecond


def _clock(micros: int, zone: timezone | None = None) -> time:
    if micros >= _DAY:
        raise ValueRefused("24:00 has no counterpart in Python; select it with ::text")
    seconds, micros = divmod(micros, _SECOND)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return time(hours, minutes, seconds, micros, zone)


def time_codec() -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `time`."""

    def coerce(value: Any) -> time:
        if isinstance(value, str):
            value = _time_text(value)
        if not isinstance(value, time):
            raise refused(value, "a datetime.time")
        if value.tzinfo is not None:
            raise ValueRefused("an aware time was given; drop its zone or use timetz")
        return value

    def pack(value: time) -> bytes:
        return INT8.pack(_micros(value))

    def unpack(data: bytes) -> time:
        return _clock(INT8.unpack(data)[0])

    return coerce, pack, unpack


@lru_cache(maxsize=256)
def _zone(seconds_east: int) -> timezone:
    return timezone(timedelta(seconds=seconds_east))


def timetz_codec() -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `timetz`; the server counts the zone in seconds west of Greenwich."""

    def coerce(value: Any) -> time:
        if isinstance(value, str):
            value = _time_text(value)
        if not isinstance(value, time):
            raise refused(value, "an aware datetime.time")
        offset = value.utcoffset()
        if offset is None:
            raise ValueRefused(
                "a time with a zone whose offset depends on the date was given; pass a fixed offset"
                if value.tzinfo is not None
                else "a naive time was given; pass an aware one"
            )
        if offset.microseconds:
            raise ValueRefused("the offset has fractions of a second, which timetz cannot store")
        if abs(offset) >= timedelta(seconds=_MAX_ZONE):
            raise ValueRefused("the offset is 16 hours or more, which timetz cannot store")
        return value

    def pack(value: time) -> bytes:
        offset = value.utcoffset()
        assert offset is not None
        return _ZONED_TIME.pack(_micros(value), -(offset.days * 86_400 + offset.seconds))

    def unpack(data: bytes) -> time:
        micros, west = _ZONED_TIME.unpack(data)
        return _clock(micros, _zone(-west))

    return coerce, pack, unpack


# --- timestamp ---------------------------------------------------------------------------------------------


def _standard(value: Any, wanted: str, kind: str) -> datetime:
    """Return a `datetime` of exactly that class."""
    if value.__class__ is datetime:
        return value
    if isinstance(value, str):
        return _parse(datetime, value, kind)  # type: ignore[no-any-return]
    if not isinstance(value, datetime):
        raise refused(value, wanted)
    _check_subclass(value)
    clock = (value.hour, value.minute, value.second, value.microsecond)
    return datetime(value.year, value.month, value.day, *clock, value.tzinfo, fold=value.fold)


def _pack_stamp(value: Any, epoch: datetime) -> bytes:
    if value.__class__ is datetime:
        since = value - epoch
        return INT8.pack((since.days * 86_400 + since.seconds) * _SECOND + since.microseconds)
    return INT8.pack(_INT8_MAX if value is INFINITY else _INT8_MIN)


def _unpack_stamp(epoch: datetime, options: CodecOptions) -> Unpack:
    unpack_micros, delta, zone = INT8.unpack, timedelta, epoch.tzinfo
    clamp = options.infinity == "clamp"

    def special(micros: int) -> datetime:
        if micros not in {_INT8_MAX, _INT8_MIN}:
            raise ValueRefused(_OUTSIDE.format("datetime"))
        if clamp:
            return (datetime.max if micros > 0 else datetime.min).replace(tzinfo=zone)
        raise ValueRefused(_INFINITE)

    def unpack(data: bytes) -> datetime:
        (micros,) = unpack_micros(data)
        try:
            return epoch + delta(0, 0, micros)
        except OverflowError:
            return special(micros)

    return unpack


def timestamp_codec(options: CodecOptions) -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `timestamp`."""

    def coerce(value: Any) -> datetime | Infinity:
        if value.__class__ is Infinity:
            return value
        stamp = _standard(value, "a naive datetime.datetime", "timestamp")
        if stamp.tzinfo is not None:
            raise ValueRefused("an aware datetime was given; drop its zone or use timestamptz")
        return stamp

    def pack(value: datetime | Infinity) -> bytes:
        return _pack_stamp(value, _EPOCH)

    return coerce, pack, _unpack_stamp(_EPOCH, options)


def timestamptz_codec(options: CodecOptions) -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `timestamptz`; canonical values are in UTC."""
    naive = options.naive_datetimes

    def to_utc(stamp: datetime) -> datetime:
        try:
            return stamp.astimezone(UTC)
        except (OverflowError, ValueError, OSError):
            raise ValueRefused("the datetime is before year 1 or after year 9999 in UTC") from None

    def coerce(value: Any) -> datetime | Infinity:
        if value.__class__ is Infinity:
            return value
        stamp = _standard(value, "an aware datetime.datetime", "timestamp")
        if stamp.tzinfo is UTC:
            return stamp
        if stamp.tzinfo is not None and stamp.utcoffset() is not None:
            return to_utc(stamp)
        if naive == "utc":
            return stamp.replace(tzinfo=UTC)
        if naive == "local":
            return to_utc(stamp.replace(tzinfo=None))
        raise ValueRefused("a naive datetime was given; pass an aware one or set naive_datetimes")

    def pack(value: datetime | Infinity) -> bytes:
        return _pack_stamp(value, _EPOCH_UTC)

    return coerce, pack, _unpack_stamp(_EPOCH_UTC, options)


# --- interval ----------------------------------------------------------------------------------------------


def coerce_interval(value: Any) -> Interval:
    """Coerce to an `Interval`; a plain `timedelta` counts as days and microseconds."""
    if isinstance(value, str):
        try:
            value = Interval.fromisoformat(str.__str__(value))
        except (ValueError, OverflowError):
            raise ValueRefused("the str is not an ISO 8601 duration such as P1DT2H") from None
    elif not isinstance(value, timedelta):
        raise refused(value, "a timedelta or an Interval")
    if not isinstance(value, Interval):
        if value.__class__ is not timedelta:
            _check_subclass(value)
        value = Interval.from_timedelta(value)
    interval: Interval = value
    if not (
        _INT8_MIN <= interval.microseconds_part <= _INT8_MAX
        and _INT4_MIN <= interval.days_part <= _INT4_MAX
        and _INT4_MIN <= interval.months <= _INT4_MAX
    ):
        raise ValueRefused("a part of the interval is outside the range of PostgreSQL's interval")
    return interval


def pack_interval(value: Interval) -> bytes:
    """Write the three parts."""
    return _INTERVAL.pack(value.microseconds_part, value.days_part, value.months)


def unpack_interval(data: bytes) -> Interval:
    """Read the three parts."""
    micros, days, months = _INTERVAL.unpack(data)
    try:
        return Interval(months, days, micros)
    except OverflowError:
        raise ValueRefused("the interval is infinite or beyond the range of timedelta; select it with ::text") from None
