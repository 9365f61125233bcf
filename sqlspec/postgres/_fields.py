"""Imported in place of the compiled module where that was not built: extension modules are found first."""

from __future__ import annotations

from itertools import chain, islice, repeat, starmap
from struct import Struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_LENGTH = Struct(">i").pack
_NULL = _LENGTH(-1)
_MAX_DEPTH = 8
_CONTAINERS = (tuple, list, dict)


def _field(value: Any, encode: Callable[[Any], bytes]) -> bytes:
    if value is None:
        return _NULL
    wire = encode(value)
    return _LENGTH(len(wire)) + wire


def copy_fields(rows: list[Sequence[Any]], kinds: bytes, encoders: tuple[Callable[[Any], bytes], ...]) -> bytes:
    """Return rows as tuples of a binary COPY; see the compiled module."""
    count = Struct(">h").pack(len(kinds))
    # What a codec runs may change a list.
    pairs = [zip(tuple(row), encoders, strict=True) for row in rows]
    return b"".join([count + b"".join(starmap(_field, pair)) for pair in pairs])


def array_fields(rows: list[Sequence[Any]], kinds: bytes, encoders: tuple[Callable[[Any], bytes], ...]) -> list[bytes]:
    """Return the elements of one array for each column."""
    columns = zip(*map(tuple, rows), strict=True)
    return [b"".join(map(_field, column, repeat(encode))) for column, encode in zip(columns, encoders, strict=True)]


def _weight(value: Any, most: int, depth: int) -> int:
    found = 8
    if isinstance(value, (str, bytes, bytearray, memoryview)):
        return found + len(value)
    if depth < _MAX_DEPTH and type(value) in _CONTAINERS:
        for item in chain.from_iterable(value.items()) if type(value) is dict else value:
            found += _weight(item, most - found, depth + 1)
            if found >= most:
                break
    return found


def fill(rows: list[Sequence[Any]], more: Iterator[Sequence[Any]], start: int, count: int, size: int) -> int:
    """Return where a block of rows ends; see the compiled module."""
    while count > 0 and size > 0:
        if start >= len(rows):
            rows += islice(more, 1)
            if start >= len(rows):
                break
        size -= _weight(rows[start], size, 0)
        start += 1
        count -= 1
    return start
