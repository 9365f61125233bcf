"""Public value types for PostgreSQL values that the standard library has no class for.

They are what results hold and what parameters take, the same on every adapter. All of them are immutable
and compare by value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from operator import index
from typing import Any, Final, Generic, Literal, NamedTuple, NoReturn, Self, SupportsIndex, TypeVar

__all__ = ("INFINITY", "NEG_INFINITY", "Infinity", "Interval", "Json", "Path", "Range", "SparseVector")

T = TypeVar("T")

_SECOND = 1_000_000
_HOUR = 3600 * _SECOND
_DAY = 24 * _HOUR
_ISO_DURATION = re.compile(
    r"(?P<sign>[-+]?)P(?!$)"
    r"(?:(?P<years>[-+]?\d+)Y)?(?:(?P<months>[-+]?\d+)M)?(?:(?P<weeks>[-+]?\d+)W)?(?:(?P<days>[-+]?\d+)D)?"
    r"(?:T(?!$)(?:(?P<hours>[-+]?\d+)H)?(?:(?P<minutes>[-+]?\d+)M)?"
    r"(?:(?P<seconds>[-+]?\d+)(?:[.,](?P<fraction>\d+))?S)?)?",
    re.ASCII,
)


class Interval(timedelta):
    """Hold a PostgreSQL `interval`: months, days and microseconds, kept apart as the server keeps them.

    As a `timedelta` its length counts 365 days for each whole year and 30 for each further month. Two
    intervals are equal when all three parts are; an interval equals another `timedelta` when the lengths
    are. Adding, subtracting and negating intervals works on the parts, every other operation on the length.

    It is made of whole numbers: `Interval(months=0, days=0, microseconds=0)`. Each may be negative, and microseconds
    are never carried over into days. A length beyond the range of `timedelta` (999999999 days) is an `OverflowError`.
    """

    __slots__ = ("_days_part", "_microseconds_part", "_months")

    _months: int
    _days_part: int
    _microseconds_part: int

    def __new__(cls, months: SupportsIndex = 0, days: SupportsIndex = 0, microseconds: SupportsIndex = 0) -> Self:
        """Build the `timedelta` of the length, and keep the parts.

        Args:
            months: Months, 12 for a year. May be negative, as may the other parts.
            days: Days.
            microseconds: Microseconds; never carried over into days.

        Raises:
            OverflowError: The length is beyond the range of `timedelta` (999999999 days).
        """
        months, days, microseconds = index(months), index(days), index(microseconds)
        years, rest = divmod(months, 12) if months >= 0 else (-(-months // 12), -(-months % 12))
        self = super().__new__(cls, years * 365 + rest * 30 + days, 0, microseconds)
        self._months = months
        self._days_part = days
        self._microseconds_part = microseconds
        return self

    @property
    def months(self) -> int:
        """The months part."""
        return self._months

    @property
    def days_part(self) -> int:
        """The days part; `days`, inherited from `timedelta`, belongs to the whole length."""
        return self._days_part

    @property
    def microseconds_part(self) -> int:
        """The part shorter than days, in microseconds."""
        return self._microseconds_part

    @classmethod
    def from_timedelta(cls, value: timedelta) -> Interval:
        """Split a `timedelta` into days and microseconds, as PostgreSQL drivers bind it."""
        if isinstance(value, Interval):
            return value
        return cls(0, value.days, value.seconds * _SECOND + value.microseconds)

    @classmethod
    def fromisoformat(cls, text: str) -> Interval:
        """Parse an ISO 8601 duration such as `P1Y2M3DT4H5M6.5S`; each number may carry a sign.

        Raises:
            ValueError: The text is not such a duration, or is finer than a microsecond.
        """
        match = _ISO_DURATION.fullmatch(text)
        if match is None:
            raise ValueError("not an ISO 8601 duration")
        sign = -1 if match["sign"] == "-" else 1
        years, months, weeks, days, hours, minutes, seconds = (
            int(match[name] or 0) for name in ("years", "months", "weeks", "days", "hours", "minutes", "seconds")
        )
        fraction = (match["fraction"] or "").rstrip("0")
        if len(fraction) > 6:
            raise ValueError("an ISO 8601 duration finer than a microsecond")
        micros = int(fraction.ljust(6, "0"))
        if (match["seconds"] or "").startswith("-"):
            micros = -micros
        micros += ((hours * 60 + minutes) * 60 + seconds) * _SECOND
        return cls(sign * (years * 12 + months), sign * (weeks * 7 + days), sign * micros)

    def isoformat(self) -> str:
        """Return the ISO 8601 duration, which `fromisoformat` reads back exactly."""
        years, months = _split(self._months, 12)
        hours, rest = _split(self._microseconds_part, _HOUR)
        minutes, micros = _split(rest, 60 * _SECOND)
        date = "".join(f"{n}{unit}" for n, unit in ((years, "Y"), (months, "M"), (self._days_part, "D")) if n)
        time = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M")) if n)
        if micros or not (date or time):
            time += f"{_seconds(micros)}S"
        return f"P{date}T{time}" if time else f"P{date}"

    def __str__(self) -> str:
        """Return the server's text form (`IntervalStyle` `postgres`): `1 year 2 mons -3 days +04:05:06`."""
        years, months = _split(self._months, 12)
        parts: list[str] = []
        negative = False
        for n, unit in ((years, "year"), (months, "mon"), (self._days_part, "day")):
            if n:
                parts.append(f"{'+' if negative and n > 0 else ''}{n} {unit}{'' if n == 1 else 's'}")
                negative = n < 0
        micros = self._microseconds_part
        if micros or not parts:
            sign = "-" if micros < 0 else "+" if negative else ""
            minutes, rest = divmod(abs(micros), 60 * _SECOND)
            seconds = _seconds(rest)
            padding = "0" if rest < 10 * _SECOND else ""
            parts.append(f"{sign}{minutes // 60:02d}:{minutes % 60:02d}:{padding}{seconds}")
        return " ".join(parts)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(months={self._months}, days={self._days_part}, "
            f"microseconds={self._microseconds_part})"
        )

    def _parts(self) -> tuple[int, int, int]:
        return self._months, self._days_part, self._microseconds_part

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Interval):
            return self._parts() == other._parts()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        # timedelta has a __ne__ of its own, which would compare lengths.
        return not self == other

    # Equal parts mean equal lengths, so the length's hash agrees with both kinds of equality.
    __hash__ = timedelta.__hash__

    def __neg__(self) -> Interval:
        return Interval(-self._months, -self._days_part, -self._microseconds_part)

    def __add__(self, other: timedelta) -> Interval:
        if not isinstance(other, timedelta):
            return NotImplemented
        months, days, micros = Interval.from_timedelta(other)._parts()
        return Interval(self._months + months, self._days_part + days, self._microseconds_part + micros)

    __radd__ = __add__

    def __sub__(self, other: timedelta) -> Interval:
        if not isinstance(other, timedelta):
            return NotImplemented
        return self + -Interval.from_timedelta(other)

    def __rsub__(self, other: timedelta) -> Interval:
        return -self + other

    def __reduce__(self) -> tuple[type[Interval], tuple[int, int, int]]:
        return type(self), self._parts()


def _split(n: int, unit: int) -> tuple[int, int]:
    """Divide towards zero, so that both parts have the sign of `n`."""
    whole, rest = divmod(abs(n), unit)
    return (-whole, -rest) if n < 0 else (whole, rest)


def _seconds(micros: int) -> str:
    whole, rest = divmod(abs(micros), _SECOND)
    sign = "-" if micros < 0 else ""
    return f"{sign}{whole}.{rest:06d}".rstrip("0").rstrip(".") if rest else f"{sign}{whole}"


RangeBounds = Literal["[]", "[)", "(]", "()", "empty"]

_BOUNDS: Final = frozenset({"[]", "[)", "(]", "()", "empty"})


class Range(Generic[T]):
    """Hold a PostgreSQL range.

    Args:
        lower: Lower bound; `None` when there is none.
        upper: Upper bound; `None` when there is none.
        bounds: Inclusive (`[` `]`) and exclusive (`(` `)`) ends, or `"empty"` for the range without points.
            An end without a bound is always exclusive, as on the server.

    Raises:
        ValueError: `bounds` is none of these, or an empty range was given a bound.
    """

    __slots__ = ("bounds", "lower", "upper")
    __match_args__ = ("lower", "upper", "bounds")

    lower: T | None
    upper: T | None
    bounds: RangeBounds

    def __init__(self, lower: T | None = None, upper: T | None = None, bounds: RangeBounds = "[)") -> None:
        if bounds not in _BOUNDS:
            raise ValueError("range bounds must be one of '[]', '[)', '(]', '()' and 'empty'")
        if bounds == "empty":
            if lower is not None or upper is not None:
                raise ValueError("an empty range has no bounds")
        elif lower is None or upper is None:
            left = "(" if lower is None else bounds[0]
            bounds = left + (")" if upper is None else bounds[1])  # type: ignore[assignment]
        _set(self, "lower", lower)
        _set(self, "upper", upper)
        _set(self, "bounds", bounds)

    @classmethod
    def make_empty(cls) -> Self:
        """Return the range that contains nothing."""
        return cls(None, None, "empty")

    @property
    def empty(self) -> bool:
        """Whether the range contains nothing."""
        return self.bounds == "empty"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Range is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Range is immutable")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Range):
            return NotImplemented
        return (self.lower, self.upper, self.bounds) == (other.lower, other.upper, other.bounds)

    def __hash__(self) -> int:
        return hash((self.lower, self.upper, self.bounds))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.lower!r}, {self.upper!r}, {self.bounds!r})"

    def __reduce__(self) -> tuple[type[Self], tuple[T | None, T | None, RangeBounds]]:
        return type(self), (self.lower, self.upper, self.bounds)


_set = object.__setattr__


class Json:
    """Mark a value to be written as a JSON document.

    Needed where the bare value means something else: a `str` is JSON text already, and `None` is SQL NULL.

    Args:
        value: Anything that the JSON serializer takes.
    """

    # Not a dataclass: serializers would write it as an object where it stands inside a document.
    __slots__ = ("value",)
    __match_args__ = ("value",)

    value: Any

    def __init__(self, value: Any) -> None:
        _set(self, "value", value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Json is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Json is immutable")

    def __eq__(self, other: object) -> bool:
        return self.value == other.value if isinstance(other, Json) else NotImplemented

    def __hash__(self) -> int:
        return hash((Json, self.value))

    def __repr__(self) -> str:
        return f"Json({self.value!r})"

    def __reduce__(self) -> tuple[type[Self], tuple[Any]]:
        return type(self), (self.value,)


class Path(NamedTuple):
    """Hold a PostgreSQL `path`.

    Attributes:
        points: The points, each `(x, y)`.
        closed: Whether the last point is connected with the first.
    """

    points: tuple[tuple[float, float], ...]
    closed: bool


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Hold a `sparsevec` of pgvector without expanding it.

    Attributes:
        dim: Number of dimensions.
        indices: Positions of the elements that are not zero, ascending, counted from 0 (the text form of
            pgvector counts from 1).
        values: The elements at these positions.

    Raises:
        ValueError: Positions and elements do not go together, or a position is outside the dimensions.
    """

    dim: int
    indices: tuple[int, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "indices", tuple(self.indices))
        object.__setattr__(self, "values", tuple(self.values))
        if len(self.indices) != len(self.values):
            raise ValueError("a sparse vector needs one value for each index")
        if any(a >= b for a, b in zip(self.indices, self.indices[1:], strict=False)):
            raise ValueError("the indices of a sparse vector must ascend")
        if self.indices and not (self.indices[0] >= 0 and self.indices[-1] < self.dim):
            raise ValueError("an index of a sparse vector is outside its dimensions")


class Infinity:
    """Type of `INFINITY` and `NEG_INFINITY`, the parameters for infinite dates and timestamps."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name

    def __reduce__(self) -> str:
        # By name: unpickling must give the same object back.
        return self._name


INFINITY: Final = Infinity("INFINITY")
"""Later than every date and timestamp (PostgreSQL manual, section 8.5.1.4)."""

NEG_INFINITY: Final = Infinity("NEG_INFINITY")
"""Earlier than every date and timestamp."""
