"""Values of results as JSON and as text."""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from sqlspec.values import Interval, Range, SparseVector

__all__ = ("as_json", "as_text", "encode", "printable")

# C0 and C1, line separators, marks that turn the direction of writing, halves of surrogate pairs.
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")

# As the server's own to_json does it: every digit of a numeric is kept, as a number.
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encode(document: Any) -> str:
    """Write a document of plain values as JSON, on one line."""
    try:
        return _ENCODER.encode(document).decode()
    except UnicodeEncodeError:  # the name of a file that is no UTF-8; results of a server have no such texts
        return json.dumps(document, separators=(",", ":"))


def as_json(value: Any) -> Any:
    """Return what stands for a value in JSON: null, a boolean, a number, a string, or lists and objects of these."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return value if value.is_finite() else str(value)
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, Interval | datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return Interval.from_timedelta(value).isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return f"\\x{bytes(value).hex()}"
    if isinstance(value, Range):
        return _range(value)
    if isinstance(value, SparseVector):
        items = ",".join(f"{at + 1}:{item}" for at, item in zip(value.indices, value.values, strict=True))
        return f"{{{items}}}/{value.dim}"
    return str(value)


def _range(value: Range[Any]) -> str:
    if value.empty:
        return "empty"
    lower, upper = ("" if end is None else as_text(end) for end in (value.lower, value.upper))
    return f"{value.bounds[0]}{lower},{upper}{value.bounds[1]}"


def as_text(value: Any) -> str:
    """Return a value as people read it, on one line and without control characters."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, Interval):
        return str(value)
    plain = as_json(value)
    return printable(plain if isinstance(plain, str) else encode(plain))


def printable(text: str, keep: str = "") -> str:
    """Return a text with control characters as escapes: one from a database could drive the terminal.

    Args:
        text: Any text.
        keep: Control characters to leave as they are.
    """
    return _CONTROL.sub(lambda found: found[0] if found[0] in keep else ascii(found[0])[1:-1], text)
