"""Compiled reading of the values that are met every day; for all others, and where it is not compiled, Python reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlspec.postgres.codec.base import Unpack

try:
    from sqlspec.postgres.codec import _binary as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

__all__ = ("Kind", "compiled", "falling_back", "is_compiled", "reader", "rows_reader")

Kind = Literal[
    "bool",
    "int2",
    "int4",
    "int8",
    "uint4",
    "uint8",
    "float4",
    "float8",
    "text",
    "bytes",
    "numeric",
    "uuid",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "json",
    "jsonb",
    "array",
]


def reader(kind: Kind, unpack: Unpack, element: Unpack | None = None) -> Unpack:
    """Return a function that reads like `unpack`, faster where the value is a usual one.

    Compiled it takes any buffer, not just `bytes`.

    Args:
        kind: The binary format.
        unpack: Reads every value of it, or refuses it. It is called for what is unusual: infinity, malformed values,
            more digits than there is room for.
        element: Reads the elements of an array.
    """
    if compiled is None:
        return unpack
    if kind != "array":
        return compiled.Reader(kind, unpack).read
    inner = _reader_of(element)
    return unpack if inner is None else compiled.Reader(kind, unpack, inner).read


def is_compiled(unpack: Unpack | None) -> bool:
    """Tell whether a function is one of `reader` that is compiled."""
    return _reader_of(unpack) is not None


def falling_back(unpack: Unpack, fallback: Unpack) -> Unpack:
    """Return `fallback`, made as fast as `unpack` for the values that are read without its function in Python."""
    inner = _reader_of(unpack)
    return fallback if inner is None else inner.falling_back(fallback).read


def rows_reader(
    readers: Sequence[Unpack | None], fail: Callable[[Sequence[Any], Exception], Exception]
) -> Callable[[Sequence[Any]], list[tuple[Any, ...]]] | None:
    """Return the compiled function that reads rows; `None` where there is none.

    Args:
        readers: For each column the function that reads its values; `None` for values that stay as they are.
        fail: Gives the error for rows of which the first one could not be read, from what was raised.
    """
    if compiled is None:
        return None
    return compiled.RowsReader([_reader_of(unpack) or unpack for unpack in readers], fail).read


def _reader_of(unpack: Any) -> Any:
    if compiled is None:
        return None
    owner = getattr(unpack, "__self__", None)
    return owner if isinstance(owner, compiled.Reader) else None
