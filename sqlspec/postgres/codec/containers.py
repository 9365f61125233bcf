"""Ranges, multiranges, composite types and anonymous records.

Source: `src/backend/utils/adt/{rangetypes,multirangetypes,rowtypes}.c`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from sqlspec.postgres.codec.base import (
    INT4,
    Codec,
    MissingTypesError,
    Unpack,
    ValueRefused,
    given,
    refuse_reading,
    refused,
)
from sqlspec.values import Range

__all__ = ("composite_codec", "multirange_codec", "range_codec", "record_unpack")

_FIELD = struct.Struct(">Ii")
_NULL = b"\xff\xff\xff\xff"
_EMPTY, _LOWER_INCLUSIVE, _UPPER_INCLUSIVE, _LOWER_INFINITE, _UPPER_INFINITE = 1, 2, 4, 8, 16


def _at(place: str, refusal: ValueRefused) -> ValueRefused:
    nested = ValueRefused(f"{place}: {refusal}")
    nested.__cause__ = refusal.__cause__
    return nested


# --- ranges ------------------------------------------------------------------------------------------------


def _to_range(value: Any) -> Range[Any]:
    """Take a `Range`, or a range object of asyncpg or psycopg by its attributes."""
    if isinstance(value, Range):
        return value
    try:
        if value.isempty:
            return Range(None, None, "empty")
        left, right = "[" if value.lower_inc else "(", "]" if value.upper_inc else ")"
        return Range(value.lower, value.upper, left + right)  # type: ignore[arg-type]
    except AttributeError:
        raise refused(value, "a sqlspec.values.Range") from None


def range_codec(oid: int, name: str, subtype: Codec) -> Codec:
    """Build the codec of a range type over `subtype`."""
    if subtype.is_text_fallback or not subtype.reads_binary:
        return unreadable_codec(oid, name, subtype)

    def convert(value: Any, function: Callable[[Any], Any]) -> tuple[Any, Any]:
        lower, upper = value.lower, value.upper
        place = "lower bound"
        try:
            if lower is not None:
                lower = function(lower)
            place = "upper bound"
            if upper is not None:
                upper = function(upper)
        except ValueRefused as refusal:
            raise _at(place, refusal) from refusal.__cause__
        return lower, upper

    def coerce(value: Any) -> Range[Any]:
        value = _to_range(value)
        lower, upper = convert(value, subtype.coerce)
        return Range(lower, upper, value.bounds)

    def write(value: Range[Any], function: Callable[[Any], bytes]) -> bytes:
        bounds = value.bounds
        if bounds == "empty":
            return b"\1"
        lower, upper = convert(value, function)
        flags = (_LOWER_INCLUSIVE if bounds[0] == "[" else 0) | (_UPPER_INCLUSIVE if bounds[1] == "]" else 0)
        data = b""
        if lower is None:
            flags |= _LOWER_INFINITE
        else:
            data = INT4.pack(len(lower)) + lower
        if upper is None:
            flags |= _UPPER_INFINITE
        else:
            data += INT4.pack(len(upper)) + upper
        return bytes((flags,)) + data

    def pack(value: Range[Any]) -> bytes:
        return write(value, subtype.pack)

    def encode(value: Any) -> bytes:
        return write(_to_range(value), subtype.encode)

    return Codec(oid, name, coerce, pack, _range_unpack(subtype.unpack), encode=encode, depends=(subtype.oid,))


def _range_unpack(unpack_bound: Unpack) -> Unpack:
    def unpack(data: bytes) -> Range[Any]:
        flags = data[0]
        if flags & _EMPTY:
            return Range(None, None, "empty")
        lower = upper = None
        at = 1
        place = "lower bound"
        try:
            if not flags & _LOWER_INFINITE:
                (size,) = INT4.unpack_from(data, at)
                lower = unpack_bound(data[at + 4 : at + 4 + size])
                at += 4 + size
            place = "upper bound"
            if not flags & _UPPER_INFINITE:
                (size,) = INT4.unpack_from(data, at)
                upper = unpack_bound(data[at + 4 : at + 4 + size])
        except ValueRefused as refusal:
            raise _at(place, refusal) from refusal.__cause__
        left = "[" if flags & _LOWER_INCLUSIVE else "("
        return Range(lower, upper, left + ("]" if flags & _UPPER_INCLUSIVE else ")"))  # type: ignore[arg-type]

    return unpack


def multirange_codec(oid: int, name: str, subtype: Codec) -> Codec:
    """Build the codec of a multirange type whose ranges are over `subtype`."""
    item = range_codec(0, name, subtype)
    if item.is_text_fallback or not item.reads_binary:
        return unreadable_codec(oid, name, subtype)

    def ranges(value: Any) -> Any:
        # psycopg's Multirange is a sequence but neither a list nor a tuple.
        is_sequence = isinstance(value, tuple | list) or type(value).__name__ == "Multirange"
        if not is_sequence:
            raise refused(value, "a tuple of sqlspec.values.Range")
        return value

    def coerce(value: Any) -> tuple[Range[Any], ...]:
        return tuple([item.coerce(part) for part in ranges(value)])

    def join(parts: list[bytes]) -> bytes:
        return INT4.pack(len(parts)) + b"".join([INT4.pack(len(part)) + part for part in parts])

    def pack(value: Any) -> bytes:
        return join([item.pack(part) for part in value])

    def encode(value: Any) -> bytes:
        return join([item.encode(part) for part in ranges(value)])

    def unpack(data: bytes) -> tuple[Range[Any], ...]:
        at, end = 4, len(data)
        parts: list[Range[Any]] = []
        while at < end:
            (size,) = INT4.unpack_from(data, at)
            parts.append(item.unpack(data[at + 4 : at + 4 + size]))
            at += 4 + size
        return tuple(parts)

    return Codec(oid, name, coerce, pack, unpack, encode=encode, nesting="list", depends=(subtype.oid,))


# --- composite types ---------------------------------------------------------------------------------------


def _fields(data: bytes) -> Iterator[tuple[int, bytes | None]]:
    """Yield the OID and the wire value of each field."""
    (count,) = INT4.unpack_from(data)
    at = 4
    for _ in range(count):
        oid, size = _FIELD.unpack_from(data, at)
        at += 8
        if size < 0:
            yield oid, None
        else:
            yield oid, data[at : at + size]
            at += size


def _field_values(value: Any, names: tuple[str, ...]) -> list[Any]:
    """Take a composite parameter apart, in the order of the type's fields."""
    if isinstance(value, dict):
        if len(value) == len(names):
            try:
                return [value[name] for name in names]
            except KeyError:
                pass
        missing = [name for name in names if name not in value]
        if missing:
            raise ValueRefused(f'the dict has no key "{missing[0]}"; pass every field')
        raise ValueRefused(f"the dict has {len(value)} keys; pass exactly the {len(names)} fields")
    if isinstance(value, tuple):
        if len(value) != len(names):
            raise ValueRefused(f"a tuple of length {len(value)} was given; pass {len(names)} fields")
        return list(value)
    if isinstance(value, msgspec.Struct):
        if set(value.__struct_fields__) != set(names):
            raise ValueRefused(f"the fields of {type(value).__name__} are not those of the composite type")
        return [getattr(value, name) for name in names]
    raise refused(value, "a dict, a tuple or a msgspec Struct")


def composite_codec(
    oid: int, name: str, fields: tuple[tuple[str, Codec], ...], stale: Callable[[int], object]
) -> Codec:
    """Build the codec of a named composite type; canonical values are dicts.

    Args:
        oid: OID of the type.
        name: Its name.
        fields: Name and codec of each attribute that is not dropped.
        stale: Called with the OID when a value shows that the type was altered; it has to be learnt anew then.
    """
    names = tuple(field for field, _ in fields)
    codecs = tuple(codec for _, codec in fields)
    oids = [codec.oid for codec in codecs]
    depends = tuple(oids)

    def convert(value: Any, method: str) -> list[Any]:
        values = _field_values(value, names)
        for number, (codec, item) in enumerate(zip(codecs, values, strict=True)):
            if item is not None:
                try:
                    values[number] = getattr(codec, method)(item)
                except ValueRefused as refusal:
                    raise _at(f'field "{names[number]}"', refusal) from refusal.__cause__
        return values

    def coerce(value: Any) -> dict[str, Any]:
        return dict(zip(names, convert(value, "coerce"), strict=True))

    def join(values: list[Any]) -> bytes:
        parts = [INT4.pack(len(oids))]
        for field_oid, data in zip(oids, values, strict=True):
            if data is None:
                parts.append(_FIELD.pack(field_oid, -1))
            else:
                parts += (_FIELD.pack(field_oid, len(data)), data)
        return b"".join(parts)

    def unpack(data: bytes) -> dict[str, Any]:
        read = list(_fields(data))
        if [field_oid for field_oid, _ in read] != oids:
            stale(oid)
            raise MissingTypesError((oid,))
        result: dict[str, Any] = {}
        for field, codec, (_, item) in zip(names, codecs, read, strict=True):
            try:
                result[field] = None if item is None else codec.unpack(item)
            except ValueRefused as refusal:
                raise _at(f'field "{field}"', refusal) from refusal.__cause__
        return result

    writable = not any(codec.is_text_fallback for codec in codecs)
    return Codec(
        oid,
        name,
        coerce if writable else _no_parameter(name),
        lambda value: join(convert(value, "pack")),
        unpack if all(codec.reads_binary for codec in codecs) else refuse_reading,
        encode=(lambda value: join(convert(value, "encode"))) if writable else None,
        reads_binary=all(codec.reads_binary for codec in codecs),
        nesting="list",
        depends=depends,
    )


def record_unpack(unpack_of: Callable[[int], Unpack]) -> Unpack:
    """Build `unpack` for anonymous records, which carry the OIDs of their fields; values are tuples.

    Args:
        unpack_of: Gives the `unpack` of a type, or raises `MissingTypesError`.
    """

    def unpack(data: bytes) -> tuple[Any, ...]:
        values: list[Any] = []
        for oid, item in _fields(data):
            try:
                values.append(None if item is None else unpack_of(oid)(item))
            except ValueRefused as refusal:
                raise _at(f"field {len(values) + 1}", refusal) from refusal.__cause__
        return tuple(values)

    return unpack


# --- types without a binary plan ---------------------------------------------------------------------------


def _no_parameter(name: str) -> Callable[[Any], Any]:
    def coerce(value: Any) -> Any:
        raise ValueRefused(
            f"{given(value)}, but {name} holds a type that only the server can parse; "
            f"pass text through $n::text::{name}"
        )

    return coerce


def unreadable_codec(oid: int, name: str, part: Codec) -> Codec:
    """Build the codec of a range whose bounds have no binary plan: neither read nor written, only refused."""
    return Codec(
        oid,
        name,
        _no_parameter(name),
        lambda value: b"",
        refuse_reading,
        reads_binary=False,
        depends=(part.oid,),
    )
