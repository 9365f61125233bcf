"""What an Arrow value means, and what a stored value means: two ways to the same plain Python value.

Nothing here knows how a load is planned. An Arrow value is taken apart by pyarrow, a stored one is read from the
server's text, and of a string that goes into a column of another type the server is asked what it makes of it.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, localcontext
from typing import Any, NamedTuple
from uuid import UUID

import numpy
import pyarrow as pa

from tests.integration.arrow.sources import Target

__all__ = ("READ_AS", "Meaning", "Unfit", "meaning", "read", "wanted")

_UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_EPOCH = datetime(1970, 1, 1)
_DAY = 86_400 * 10**9


class Unfit(Exception):
    """The column has no such value: a load must refuse it."""


class Whole(Decimal):
    """A number of an integer type: no column may change it, one of floats neither."""


class Meaning(NamedTuple):
    """A value with the kind of thing that it is; dates in days, moments and spans in nanoseconds, since 1970."""

    kind: str
    value: Any


def meaning(scalar: Any) -> Meaning | None:
    """Return what an Arrow scalar means; `None` for NULL."""
    if isinstance(scalar, pa.DictionaryScalar | pa.RunEndEncodedScalar):
        scalar = (
            scalar.value
            if isinstance(scalar, pa.DictionaryScalar)
            else pa.scalar(scalar.as_py(), scalar.type.value_type)
        )
    kind = scalar.type
    if not scalar.is_valid or pa.types.is_null(kind):
        return None
    if isinstance(kind, pa.BaseExtensionType):
        return _of_extension(kind, scalar)
    if pa.types.is_timestamp(kind):
        return Meaning("instant" if kind.tz else "wall", scalar.value * _UNITS[kind.unit])
    if pa.types.is_time(kind):
        return Meaning("time", scalar.value * _UNITS[kind.unit])
    if pa.types.is_date(kind):
        return Meaning("date", scalar.value // (86_400_000 if kind == pa.date64() else 1))
    if pa.types.is_duration(kind):
        return Meaning("duration", scalar.value * _UNITS[kind.unit])
    if pa.types.is_map(kind):
        return Meaning("map", dict(scalar.as_py()))
    if isinstance(scalar, pa.ListScalar):  # of every kind of list
        return Meaning("list", [meaning(item) for item in scalar.values])
    if pa.types.is_struct(kind):
        return Meaning("record", {field.name: meaning(scalar[field.name]) for field in kind})
    value = scalar.as_py()
    if pa.types.is_floating(kind):
        return Meaning("float", (value, kind.bit_width))
    if isinstance(value, pa.MonthDayNano):
        return Meaning("interval", tuple(value))
    by_class = {bool: "bool", int: "number", Decimal: "number", str: "text", bytes: "bytes"}
    return Meaning(
        by_class[type(value)], Whole(value) if isinstance(value, int) and value.__class__ is not bool else value
    )


def _of_extension(kind: Any, scalar: Any) -> Meaning:
    value = scalar.as_py()
    if isinstance(value, UUID):
        return Meaning("uuid", value)
    return Meaning("bool", bool(value)) if kind.extension_name == "arrow.bool8" else Meaning("json", value)


# -- what is stored ---------------------------------------------------------------------------------------------

READ_AS = {
    "bytes": "pg_catalog.encode({}, 'hex')",
    "interval": "pg_catalog.encode(pg_catalog.interval_send({}), 'hex')",
    "list": "pg_catalog.array_to_json({}::text[])::text",
    "pair": "pg_catalog.row_to_json({})::text",
}
"""The expression for the text form of a stored value, by family; `{}::text` for those that are not here."""


def _elements(target: Target, text: str) -> Any:
    def of(item: Any) -> Any:
        if isinstance(item, list):
            return [of(part) for part in item]
        return None if item is None else read(target.element, item)

    return of(json.loads(text))


def _record(text: str) -> Any:
    """Read a composite with two fields from its text form."""
    found = re.fullmatch(r'\(([^,]*),(?:"((?:[^"\\]|""|\\.)*)"|([^"]*))\)', text)
    assert found is not None, text
    quoted, plain = found[2], found[3]
    second = re.sub(r'""|\\(.)', lambda hit: hit[1] or '"', quoted) if quoted is not None else (plain or None)
    return {"a": int(found[1]) if found[1] else None, "B c": second}


def _float4(value: float) -> Any:
    with numpy.errstate(over="ignore"):
        return _same_float(float(numpy.float32(value)))


def _same_float(value: float) -> Any:
    """Return something that is equal where two floats are the same, with NaN and the sign of zero."""
    return "NaN" if math.isnan(value) else struct.pack(">d", value)


def _interval(text: str) -> tuple[int, int, int]:
    micros, days, months = struct.unpack(">qii", bytes.fromhex(text))
    return months, days, micros * 1000


def _wall(text: str) -> Any:
    return (
        text
        if "infinity" in text or "BC" in text
        else (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1) * 1000
    )


def _instant(text: str) -> Any:
    return _wall(text.removesuffix("+00"))


def _time(text: str) -> int:
    at = time.fromisoformat(text)
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 10**9 + at.microsecond * 1000


def _number(text: str) -> Any:
    return _plain(Decimal(text))


def _plain(number: Decimal) -> Any:
    return "NaN" if number.is_nan() else number


READERS: dict[str, Callable[[str], Any]] = {
    "bool": lambda text: {"true": True, "false": False}[text],
    "integer": _number,
    "numeric": _number,
    "float4": lambda text: _float4(float(text)),
    "float8": lambda text: _same_float(float(text)),
    "text": str,
    "padded": str.rstrip,
    "json": lambda text: json.loads(text, parse_float=Decimal, parse_int=Decimal),
    "bytes": bytes.fromhex,
    "uuid": UUID,
    "date": lambda text: text if "infinity" in text else (date.fromisoformat(text) - _EPOCH.date()).days,
    "time": _time,
    "wall": _wall,
    "instant": _instant,
    "interval": _interval,
    "money": lambda text: Decimal(re.sub("[$,]", "", text)),
    "server": str,
    "pair": lambda text: json.loads(text) if text.startswith("{") else _record(text),
    "vector": lambda text: [_float4(item) for item in json.loads(text)],
    "halfvec": lambda text: [_same_float(item) for item in json.loads(text)],
}


def read(target: Target, text: str | None) -> Any:
    """Return the plain value of a stored one, whose text is that of `READ_AS`."""
    if text is None:
        return None
    return _elements(target, text) if target.family == "list" else READERS[target.family](text)


# -- what should be stored --------------------------------------------------------------------------------------


def wanted(target: Target, found: Meaning | None, server: Callable[[str, str], str | None]) -> list[Any]:
    """Return the plain values that may be stored for an Arrow value, mostly one.

    Args:
        target: The column.
        found: What the Arrow value means.
        server: What the server stores in a column (its key) for a text, read by `READ_AS`; `None` when it refuses.

    Raises:
        Unfit: There is none.
    """
    if found is None:
        return [None]
    if found.kind == "text" and target.family != "text":
        return _of_text(target, found.value, server)
    return _RULES[target.family](target, found, server)


def _of_text(target: Target, text: str, server: Callable[[str, str], str | None]) -> list[Any]:
    stored = None if "\0" in text else server(target.key, text)
    if stored is None or _loses(target, text, server):
        raise Unfit
    value = read(target, stored)
    return [value, text.encode()] if target.family == "bytes" else [value]


def _loses(target: Target, text: str, server: Callable[[str, str], str | None]) -> bool:
    """Tell whether the server takes a text but drops a part of what it says."""
    has_clock, has_date, has_zone = ":" in text, text[:2] == "20", "+02" in text
    match target.key:
        case "scaled" | "hundreds" | "wide" | "money":
            exact = server("numeric", text)
            return exact not in (None, "NaN") and Decimal(exact) != Decimal(
                re.sub("[$,]", "", server(target.key, text) or "")
            )
        case "seconds":
            return has_zone or server("timestamp", text) != server("seconds", text)
        case "date":
            return has_date and has_clock
        case "time":
            return has_date
        case "timestamp":
            return has_zone
        case "timestamptz":
            return has_date and not has_zone
        case "char":
            return len(text.encode()) > 1
        case "char5":
            return len(text.rstrip(" ")) > 5
        case _:
            return False


def _as_number(found: Meaning) -> list[Decimal]:
    """Return the numbers that a value may stand for: a float for its shortest form, or for exactly what it is."""
    match found:
        case Meaning("number", number):
            return [number]
        case Meaning("bool", value):
            return [Decimal(int(value))]
        case Meaning("float", (value, width)):
            shortest = numpy.float32(value) if width == 32 else value
            return list(dict.fromkeys([Decimal(str(shortest)), Decimal(value)]))
    raise Unfit


def _integer(target: Target, found: Meaning, server: Any) -> list[Any]:
    fits = [
        n for n in _as_number(found) if n.is_finite() and n == n.to_integral_value() and target.low <= n <= target.high
    ]
    if not fits:
        raise Unfit
    return fits


def _numeric(target: Target, found: Meaning, server: Any) -> list[Any]:
    fits = [_plain(number) for number in _as_number(found) if _holds(target, number)]
    if not fits:
        raise Unfit
    return fits


def _holds(target: Target, number: Decimal) -> bool:
    if target.precision is None or target.scale is None or number.is_nan():
        return True
    if not number.is_finite():
        return False
    with localcontext(prec=2000):
        return number == number.quantize(Decimal(1).scaleb(-target.scale)) and abs(number) < Decimal(10) ** (
            target.precision - target.scale
        )


def _floating(target: Target, found: Meaning, server: Any) -> list[Any]:
    value: Any = found.value[0] if found.kind == "float" else _as_number(found)[0]
    as_target = _float4 if target.family == "float4" else _same_float
    stored = as_target(float(value))
    (near,) = struct.unpack(">d", stored) if stored != "NaN" else (math.nan,)
    if (isinstance(value, Whole) and near != value) or (near == 0 and value != 0):
        raise Unfit
    finite = float(value) if found.kind == "float" else value
    if math.isfinite(finite) and stored in (as_target(math.inf), as_target(-math.inf)):
        raise Unfit
    return [stored]


def _text(target: Target, found: Meaning, server: Any) -> list[Any]:
    match found:
        case Meaning("text" | "json", value):
            size = len(value) if (target.precision or 0) > 0 else len(value.encode())
            if "\0" in value or (target.precision is not None and size > abs(target.precision)):
                raise Unfit
            return [value]
        case Meaning("uuid", value):
            return [str(value)]
        case Meaning("number" | "bool", value):
            return [str(value), str(value).lower()]
    raise Unfit


def _json(target: Target, found: Meaning, server: Any) -> list[Any]:
    if found.kind == "json":
        return [json.loads(found.value, parse_float=Decimal, parse_int=Decimal)]
    return [_json_value(found)]


def _json_value(found: Meaning | None) -> Any:
    match found:
        case None:
            return None
        case Meaning("number" | "bool" | "text" | "map", value):
            return value
        case Meaning("float", (value, _)) if math.isfinite(value):
            return _as_number(found)[0]
        case Meaning("date" | "wall" | "instant", _):
            return _Moment(found)
        case Meaning("list", items):
            return [_json_value(item) for item in items]
        case Meaning("record", fields):
            return {name: _json_value(item) for name, item in fields.items()}
    raise Unfit


class _Moment:
    """Equal to an ISO text of the same date or time."""

    def __init__(self, found: Meaning) -> None:
        self.found = found

    def __eq__(self, other: object) -> bool:
        if self.found.kind == "date":
            return other == (_EPOCH.date() + timedelta(days=self.found.value)).isoformat()
        hit = re.fullmatch(r"(.{19})(?:\.(\d+))?((?:\+00:00|Z)?)", str(other))
        if hit is None or bool(hit[3]) != (self.found.kind == "instant"):
            return False
        return _wall(hit[1]) + int((hit[2] or "").ljust(9, "0")) == self.found.value

    def __hash__(self) -> int:
        return hash(self.found.kind)


def _exactly(*kinds: str) -> Callable[[Target, Meaning, Any], list[Any]]:
    def rule(target: Target, found: Meaning, server: Any) -> list[Any]:
        if found.kind not in kinds:
            raise Unfit
        return [found.value]

    return rule


def _uuid(target: Target, found: Meaning, server: Any) -> list[Any]:
    if found.kind == "bytes" and len(found.value) == 16:
        return [UUID(bytes=found.value)]
    return _exactly("uuid")(target, found, server)


def _bytes(target: Target, found: Meaning, server: Any) -> list[Any]:
    return [found.value.bytes] if found.kind == "uuid" else _exactly("bytes")(target, found, server)


def _microseconds(nanoseconds: int) -> int:
    if nanoseconds % 1000:
        raise Unfit
    return nanoseconds


def _date(target: Target, found: Meaning, server: Any) -> list[Any]:
    if found.kind == "wall" and found.value % _DAY == 0:
        return [found.value // _DAY]
    return _exactly("date")(target, found, server)


def _moment(kind: str) -> Callable[[Target, Meaning, Any], list[Any]]:
    def rule(target: Target, found: Meaning, server: Any) -> list[Any]:
        if kind == "wall" and found.kind == "date":
            return [found.value * _DAY]
        if found.kind != kind or (target.scale == 0 and found.value % 10**9):
            raise Unfit
        return [_microseconds(found.value)]

    return rule


def _span(target: Target, found: Meaning, server: Any) -> list[Any]:
    if found.kind == "time":
        return [(0, 0, _microseconds(found.value))]
    if found.kind == "duration":  # days and what is left of them, as for a timedelta
        days, rest = divmod(_microseconds(found.value), _DAY)
        return [(0, days, rest)]
    months, days, nanoseconds = _exactly("interval")(target, found, server)[0]
    return [(months, days, _microseconds(nanoseconds))]


def _money(target: Target, found: Meaning, server: Any) -> list[Any]:
    return [number for number in _numeric(target, found, server) if number != "NaN"] or _exactly("no")(
        target, found, server
    )


def _pair(target: Target, found: Meaning, server: Any) -> list[Any]:
    if found.kind != "record" or set(found.value) != {"a", "B c"}:
        raise Unfit
    number = wanted(Target("", "", "integer", low=-(1 << 31), high=(1 << 31) - 1), found.value["a"], server)[0]
    text = wanted(Target("", "", "text"), found.value["B c"], server)[0]
    return [{"a": None if number is None else int(number), "B c": text}]


def _vector(target: Target, found: Meaning, server: Any) -> list[Any]:
    if found.kind != "list" or len(found.value) != (target.precision or len(found.value)) or not found.value:
        raise Unfit
    parts = []
    for item in found.value:
        if item is None or item.kind not in ("float", "number"):
            raise Unfit
        value = float(_as_number(item)[-1])
        held = float(numpy.float16(value)) if target.family == "halfvec" else float(numpy.float32(value))
        if not math.isfinite(held):
            raise Unfit
        parts.append(_same_float(held))
    return [parts]


def _list(target: Target, found: Meaning, server: Any) -> list[Any]:
    if found.kind != "list":
        raise Unfit

    def of(item: Meaning | None) -> Any:
        if item is not None and item.kind == "list" and target.element.family != "vector":
            return [of(part) for part in item.value]
        return wanted(target.element, item, server)[0]

    return [[of(item) for item in found.value]]


_RULES: dict[str, Callable[[Target, Meaning, Any], list[Any]]] = {
    "bool": _exactly("bool"),
    "integer": _integer,
    "numeric": _numeric,
    "float4": _floating,
    "float8": _floating,
    "text": _text,
    "padded": _text,
    "json": _json,
    "bytes": _bytes,
    "uuid": _uuid,
    "date": _date,
    "time": lambda *a: [_microseconds(_exactly("time")(*a)[0])],
    "wall": _moment("wall"),
    "instant": _moment("instant"),
    "interval": _span,
    "money": _money,
    "server": _exactly("nothing but text"),
    "pair": _pair,
    "vector": _vector,
    "halfvec": _vector,
    "list": _list,
}
