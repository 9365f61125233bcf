"""Canonical Python values as text, the way the server prints them.

What the value does not hold cannot be printed: `money` is a plain number without the currency of `lc_monetary`, JSON is
written anew, and `timestamptz` inside a range is in UTC.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface, IPv6Network
from typing import Any
from uuid import UUID

from sqlspec.postgres.arrow.shapes import shape_of
from sqlspec.postgres.codec import Codec, CodecRegistry, ValueRefused
from sqlspec.postgres.codec.numeric import FLOAT4
from sqlspec.values import Json, Path, Range, SparseVector

__all__ = ("json_form", "number_form", "text_former")

Former = Callable[[Any], str]


def text_former(oid: int, codecs: CodecRegistry) -> Former:
    """Return the function from canonical values of a type to text.

    Raises:
        MissingTypesError: A type has to be read from the catalog first.
    """
    shape = shape_of(oid, codecs)
    codec, family = shape.codec, shape.family
    if family == "array":
        return _array(text_former(shape.item.oid, codecs), codec.delimiter, nests=codec.element)
    if family == "composite":
        return _composite([(name, text_former(part.oid, codecs)) for name, part in shape.parts])
    if family in ("json", "jsonb"):
        return lambda value: json_form(value, codec)
    if family == "hstore":
        return _hstore
    if family == "float4":
        return _float4
    info = codecs.info(codec.oid)
    range_kind = info.kind if info is not None else "m" if "multirange" in family else "r" if "range" in family else ""
    if range_kind in ("r", "m"):
        bound = text_former(codec.depends[0], codecs)
        if range_kind == "r":
            return lambda value: _range(value, bound)
        return lambda value: "{" + ",".join([_range(part, bound) for part in value]) + "}"
    return _GEOMETRIC.get(family, plain_form)


# --- scalars -----------------------------------------------------------------------------------------------


def plain_form(value: Any) -> str:
    """Return the text of a value that tells its type itself."""
    form = _BY_CLASS.get(type(value))
    if form is not None:
        return form(value)
    for kind, form in _BY_CLASS.items():
        if isinstance(value, kind):
            return form(value)
    return str(value)


def number_form(value: Decimal) -> str:
    """Return the text of a `numeric`."""
    if value.is_nan():
        return "NaN"
    return str(value) if value.is_infinite() else format(value, "f")


def _float8(value: float) -> str:
    return _shortest(repr(value), value, 15)


def _float4(value: float) -> str:
    digits = next((text for text in (f"{value:.{n}g}" for n in range(1, 9)) if _same(text, value)), f"{value:.9g}")
    return _shortest(digits, value, 6)


def _same(text: str, value: float) -> bool:
    try:
        return FLOAT4.pack(float(text)) == FLOAT4.pack(value)
    except OverflowError:
        return False


def _shortest(digits: str, value: float, places: int) -> str:
    """Write shortest digits as the server does, which takes to exponents from so many places on."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    sign = "-" if math.copysign(1, value) < 0 else ""
    if not value:
        return f"{sign}0"
    _, figures, exponent = Decimal(digits).normalize().as_tuple()
    text = "".join(map(str, figures))
    power = int(exponent) + len(text) - 1
    if -5 < power < places:
        if power < 0:
            return f"{sign}0.{'0' * (-power - 1)}{text}"
        whole = text[: power + 1].ljust(power + 1, "0")
        return f"{sign}{whole}.{text[power + 1 :]}" if len(text) > power + 1 else f"{sign}{whole}"
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{sign}{text[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _clock(value: time | datetime) -> str:
    fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
    return f"{value.hour:02d}:{value.minute:02d}:{value.second:02d}{fraction}"


def _zone(offset: timedelta) -> str:
    seconds = offset.days * 86_400 + offset.seconds
    hours, rest = divmod(abs(seconds), 3600)
    parts = [f"{hours:02d}"]
    if rest:
        parts.append(f"{rest // 60:02d}")
    if rest % 60:
        parts.append(f"{rest % 60:02d}")
    return ("-" if seconds < 0 else "+") + ":".join(parts)


def _time(value: time) -> str:
    offset = value.utcoffset()
    return _clock(value) + (_zone(offset) if offset is not None else "")


def _datetime(value: datetime) -> str:
    offset = value.utcoffset()
    return f"{value:%Y-%m-%d}".rjust(10, "0") + f" {_clock(value)}" + (_zone(offset) if offset is not None else "")


def _ipv6(value: Any) -> str:
    """Write an IPv6 address; the server has dots in its last part where an IPv4 address is embedded."""
    text = str(value)
    number = int(value.network_address if isinstance(value, IPv6Network) else value)
    if number >> 32 == 0xFFFF or (number >> 32 == 0 and number >> 16):
        _, slash, prefix = text.partition("/")
        low = ".".join(str(number >> shift & 0xFF) for shift in (24, 16, 8, 0))
        return f"::{'ffff:' if number >> 32 else ''}{low}{slash}{prefix}"
    return text


def json_form(value: Any, codec: Codec) -> str:
    """Return JSON text with the server's spacing, or what the configured serializer makes.

    Raises:
        ValueRefused: There is no JSON for the value.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return codec.encode(Json(value)).lstrip(b"\1").decode()


def _sparse(value: SparseVector) -> str:
    pairs = zip(value.indices, value.values, strict=True)
    return "{" + ",".join([f"{place + 1}:{_float4(number)}" for place, number in pairs]) + f"}}/{value.dim}"


# --- containers --------------------------------------------------------------------------------------------

_in_array = re.compile(r'[{}"\\\s]|\A\Z|\Anull\Z', re.IGNORECASE).search
_in_row = re.compile(r'[(),"\\\s]|\A\Z').search
_in_range = re.compile(r'[()\[\],"\\\s]|\A\Z').search


def _escaped(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _doubled(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'


def _array(item: Former, delimiter: str, nests: Codec | None) -> Former:
    # Lists that are elements rather than a dimension: vectors, and JSON, where both readings make sense.
    is_dimension = nests is None or nests.nesting == "any" or nests.nesting == "list"

    def write(value: Any) -> str:
        return "{" + delimiter.join([_element(part) for part in value]) + "}"

    def _element(part: Any) -> str:
        if part is None:
            return "NULL"
        if is_dimension and isinstance(part, list):
            return write(part)
        text = item(part)
        return _escaped(text) if _in_array(text) or delimiter in text else text

    return write


def _row(fields: Iterable[str | None]) -> str:
    listed = ["" if text is None else _doubled(text) if _in_row(text) else text for text in fields]
    return "(" + ",".join(listed) + ")"


def _composite(fields: Sequence[tuple[str, Former]]) -> Former:
    return lambda value: _row([None if value[name] is None else form(value[name]) for name, form in fields])


def _record(value: tuple[Any, ...]) -> str:
    """Write an anonymous record, whose values must tell their types themselves."""
    return _row([None if part is None else plain_form(part) for part in value])


_plain_array = _array(plain_form, ",", None)


def _range(value: Range[Any], bound: Former) -> str:
    if value.empty:
        return "empty"
    lower, upper = (
        "" if end is None else _doubled(text) if _in_range(text := bound(end)) else text
        for end in (value.lower, value.upper)
    )
    return f"{value.bounds[0]}{lower},{upper}{value.bounds[1]}"


def _hstore(value: dict[str, str | None]) -> str:
    return ", ".join([f"{_escaped(key)}=>{'NULL' if text is None else _escaped(text)}" for key, text in value.items()])


def _dict(value: dict[str, Any]) -> str:
    raise ValueRefused("the record holds a value whose type it does not tell; select its fields on their own")


# --- geometric types ---------------------------------------------------------------------------------------


def _point(value: Sequence[float]) -> str:
    return f"({_float8(value[0])},{_float8(value[1])})"


def _points(value: Iterable[Sequence[float]]) -> str:
    return ",".join(map(_point, value))


def _path(value: Path) -> str:
    return f"({_points(value.points)})" if value.closed else f"[{_points(value.points)}]"


_GEOMETRIC: dict[str, Former] = {
    "point": _point,
    "lseg": lambda value: f"[{_points(value)}]",
    "box": _points,
    "polygon": lambda value: f"({_points(value)})",
    "line": lambda value: "{" + ",".join(map(_float8, value)) + "}",
    "circle": lambda value: f"<{_point(value[0])},{_float8(value[1])}>",
    "path": _path,
}

_BY_CLASS: dict[type, Former] = {
    str: str,
    bool: lambda value: "t" if value else "f",
    int: int.__repr__,
    float: _float8,
    Decimal: number_form,
    bytes: lambda value: "\\x" + value.hex(),
    UUID: str,
    datetime: _datetime,
    date: date.isoformat,
    time: _time,
    IPv4Interface: str,
    IPv6Interface: _ipv6,
    IPv6Address: _ipv6,
    IPv6Network: _ipv6,
    Path: _path,
    SparseVector: _sparse,
    Range: lambda value: _range(value, plain_form),
    list: _plain_array,
    tuple: _record,
    dict: _dict,
}
