"""Random values of the types that drivers treat in ways of their own, as Python holds them and as SQL writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_address
from random import Random
from typing import Any
from uuid import UUID

from sqlspec.values import Interval, Range

__all__ = ("TYPES", "UNREADABLE", "make", "same")

CHARACTERS = "ab '\"\\,{}()%$1:?;-/*\tüß😀"
EPOCH = datetime(1, 1, 1, tzinfo=UTC)
DAYS = (date.max - date.min).days

# Values that Python cannot hold: reading one is an error of ours, at the end of a statement that worked.
UNREADABLE = (
    "'infinity'::date",
    "'-infinity'::timestamptz",
    "'20000-01-01 01:00'::timestamp",
    "'0044-03-15 BC'::date",
    "'24:00'::time",
    "'infinity'::interval",
    "array['infinity'::date]",
)


def _text(random: Random) -> str:
    return "".join(random.choices(CHARACTERS, k=random.choice((0, 1, 5, 40))))


def _decimal(random: Random) -> Decimal:
    if random.random() < 0.05:
        return Decimal("NaN")
    digits = random.choice((1, 5, 20, 45))
    number = random.randrange(-(10**digits), 10**digits)
    # Digits in place of `scaleb`, which rounds to the context's precision.
    return Decimal(f"{number}E-{random.choice((1, 2, 5, 30))}")


def _moment(random: Random) -> datetime:
    return EPOCH + timedelta(days=random.randrange(DAYS), microseconds=random.randrange(86_400_000_000))


def _clock(random: Random) -> time:
    return (datetime.min + timedelta(microseconds=random.randrange(86_400_000_000))).time()


def _interval(random: Random) -> Interval:
    return Interval(random.randint(-500, 500), random.randint(-5000, 5000), random.randint(-(10**12), 10**12))


def _range(random: Random) -> Range[int]:
    lower = random.randrange(-(2**40), 2**40)
    return Range(lower, random.choice((None, lower + 1 + random.randrange(2**30))))


def _document(random: Random, depth: int = 2) -> Any:
    if depth and random.random() < 0.7:
        return {f"k{n}": _document(random, depth - 1) for n in range(random.randrange(3))}
    return random.choice((None, True, random.randrange(-(2**70), 2**70), _text(random), [1, None, "x"]))


def _list(of: Callable[[Random], Any]) -> Callable[[Random], list[Any]]:
    return lambda random: [None if random.random() < 0.2 else of(random) for _ in range(random.randrange(4))]


TYPES: dict[str, Callable[[Random], Any]] = {
    "bool": lambda random: random.random() < 0.5,
    "int2": lambda random: random.randrange(-(2**15), 2**15),
    "int4": lambda random: random.randrange(-(2**31), 2**31),
    "int8": lambda random: random.randrange(-(2**63), 2**63),
    "oid": lambda random: random.randrange(2**32),
    "float8": lambda random: random.choice((0.0, -0.0, float("inf"), random.uniform(-1e300, 1e300), random.random())),
    "numeric": _decimal,
    "text": _text,
    "varchar": _text,
    "char(6)": lambda random: "".join(random.choices("abc", k=random.randrange(7))).ljust(6),
    "bytea": lambda random: random.randbytes(random.choice((0, 1, 100))),
    "date": lambda random: _moment(random).date(),
    "time": _clock,
    "timestamp": lambda random: _moment(random).replace(tzinfo=None),
    "timestamptz": _moment,
    "interval": _interval,
    "uuid": lambda random: UUID(int=random.getrandbits(128)),
    "jsonb": lambda random: {"root": _document(random)},
    "json": lambda random: {"root": _document(random)},
    "inet": lambda random: ip_address(random.getrandbits(32)),
    "int8range": _range,
    "fuzz_mood": lambda random: random.choice(("sad", 'so "so"', "häppy")),
    "fuzz_pair": lambda random: {"a": random.randrange(2**31), "b": _text(random), "c": _decimal(random)},
    "int4[]": _list(lambda random: random.randrange(2**31)),
    "numeric[]": _list(_decimal),
    "text[]": _list(_text),
    "timestamptz[]": _list(_moment),
}


def make(random: Random, kind: str) -> tuple[Any, str | None]:
    """Return a value, which may be `None`, and a literal for it if there is a simple one."""
    if random.random() < 0.08:
        return None, f"null::{kind}"
    value = TYPES[kind](random)
    text = _literal(value, kind)
    return value, None if text is None else f"'{text.replace(chr(39), chr(39) * 2)}'::{kind}"


def _literal(value: Any, kind: str) -> str | None:
    if kind in ("json", "jsonb"):
        return json.dumps(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, Interval):
        return f"{value.months} mons {value.days_part} days {value.microseconds_part} microseconds"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, Range):
        return f"[{value.lower},{'' if value.upper is None else value.upper})"
    if isinstance(value, (list, dict)):
        return None
    return str(value)


def same(found: Any, wanted: Any) -> bool:
    """Compare classes too, and the scale of numbers; a driver's subclass of UUID is a UUID."""
    if isinstance(wanted, UUID):
        return isinstance(found, UUID) and found.int == wanted.int
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict) and found.keys() == wanted.keys() and all(same(found[k], wanted[k]) for k in wanted)
        )
    return type(found) is type(wanted) and repr(found) == repr(wanted)
