"""Geometric types: tuples of floats. Source: `src/backend/utils/adt/geo_ops.c`."""

from __future__ import annotations

import struct
from typing import Any

from sqlspec.postgres.codec.base import INT4, Coerce, Pack, Unpack, ValueRefused, given, refused
from sqlspec.postgres.codec.numeric import coerce_float8
from sqlspec.values import Path

__all__ = ("circle", "coerce_path", "flat", "pack_path", "pair", "polygon", "unpack_path")

_POINT = struct.Struct(">dd")
_LINE = struct.Struct(">ddd")
_PAIR = struct.Struct(">dddd")


def _numbers(value: Any, count: int, wanted: str) -> tuple[float, ...]:
    if not isinstance(value, tuple):
        raise refused(value, wanted)
    if len(value) != count:
        raise ValueRefused(f"a tuple of length {len(value)} was given; pass {wanted}")
    return tuple([coerce_float8(number) for number in value])


def _point(value: Any) -> tuple[float, ...]:
    return _numbers(value, 2, "a tuple (x, y)")


def flat(kind: str) -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `point` `(x, y)` or `line` `(a, b, c)`."""
    form, wanted = (_POINT, "a tuple (x, y)") if kind == "point" else (_LINE, "a tuple (a, b, c)")
    count = form.size // 8

    def coerce(value: Any) -> tuple[float, ...]:
        return _numbers(value, count, wanted)

    def pack(value: tuple[float, ...]) -> bytes:
        return form.pack(*value)

    return coerce, pack, form.unpack


def pair() -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `lseg` and `box`, `((x, y), (x, y))`.

    The server puts the upper right corner of a box first.
    """

    def coerce(value: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
        if not isinstance(value, tuple) or len(value) != 2:
            raise ValueRefused(f"{given(value)}; pass a tuple ((x, y), (x, y))")
        return _point(value[0]), _point(value[1])

    def pack(value: tuple[tuple[float, ...], tuple[float, ...]]) -> bytes:
        return _PAIR.pack(*value[0], *value[1])

    def unpack(data: bytes) -> tuple[tuple[float, float], tuple[float, float]]:
        a, b, c, d = _PAIR.unpack(data)
        return (a, b), (c, d)

    return coerce, pack, unpack


def circle() -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `circle`, `((x, y), radius)`."""

    def coerce(value: Any) -> tuple[tuple[float, ...], float]:
        if not isinstance(value, tuple) or len(value) != 2:
            raise ValueRefused(f"{given(value)}; pass a tuple ((x, y), radius)")
        return _point(value[0]), coerce_float8(value[1])

    def pack(value: tuple[tuple[float, ...], float]) -> bytes:
        return _LINE.pack(*value[0], value[1])

    def unpack(data: bytes) -> tuple[tuple[float, float], float]:
        x, y, radius = _LINE.unpack(data)
        return (x, y), radius

    return coerce, pack, unpack


def _points(value: Any, wanted: str) -> tuple[tuple[float, ...], ...]:
    if not isinstance(value, tuple):
        raise refused(value, wanted)
    if not value:
        raise ValueRefused(f"no point was given; pass {wanted}")
    return tuple([_point(point) for point in value])


def _pack_points(points: Any) -> bytes:
    return INT4.pack(len(points)) + b"".join([_POINT.pack(*point) for point in points])


def polygon() -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `polygon`, a tuple of points."""

    def coerce(value: Any) -> tuple[tuple[float, ...], ...]:
        return _points(value, "a tuple of points (x, y)")

    def unpack(data: bytes) -> tuple[tuple[float, ...], ...]:
        return tuple(_POINT.iter_unpack(data[4:]))

    return coerce, _pack_points, unpack


def coerce_path(value: Any) -> Path:
    """Coerce to a `Path`, also from a plain tuple `(points, closed)`."""
    wanted = "a Path of points (x, y)"
    if not isinstance(value, tuple) or len(value) != 2 or (value[1] is not True and value[1] is not False):
        raise ValueRefused(f"{given(value)}; pass {wanted}")
    return Path(_points(value[0], wanted), value[1])  # type: ignore[arg-type]


def pack_path(value: Path) -> bytes:
    """Write the closed flag, the number of points and the points."""
    return (b"\1" if value.closed else b"\0") + _pack_points(value.points)


def unpack_path(data: bytes) -> Path:
    """Read a path."""
    return Path(tuple(_POINT.iter_unpack(data[5:])), data[0] != 0)
