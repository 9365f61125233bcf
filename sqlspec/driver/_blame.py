"""The row that an error of the server is about, from what the error tells of it.

All of it is a guess that costs time when it is wrong, and nothing else: whoever guesses tries the row alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING

import pyarrow as pa

from sqlspec.exceptions import NotNullViolationError, error_class
from sqlspec.postgres.arrow.kernels import pc

if TYPE_CHECKING:
    from sqlspec.exceptions import ErrorInfo

__all__ = ("line_of", "suspect")

# Both in any language: the server translates the words around them.
_KEY = re.compile(r"\(([^()]+)\)=\((.*)\)", re.DOTALL)
_ROW = re.compile(r"[^()]*\((.*)\)[^()]*", re.DOTALL)
_CUT = "..."
_BOOLEANS = {"t": True, "f": False}


def line_of(info: ErrorInfo, table: str, columns: Sequence[str] = ()) -> tuple[int | None, str | None]:
    """Return the number of the row that a COPY was stopped at, from 0, and its column, as far as the CONTEXT tells.

    Its words are translated; the table's name, the number and the column's name are not.
    """
    _, found, tail = (info.context or "").rpartition(f"COPY {table}, ")
    digits = "".join(takewhile(str.isdigit, dropwhile(lambda sign: not sign.isdigit(), tail)))
    if not found or not digits:
        return None, None
    column = next((name for name in columns if tail.endswith(f" {name}") or f" {name}: " in tail), None)
    return int(digits) - 1, column


def suspect(info: ErrorInfo, columns: Sequence[str], batches: Iterable[tuple[int, pa.RecordBatch]]) -> int | None:
    """Return the position of a row that an error seems to be about.

    Args:
        info: The error. Its DETAIL quotes a key, or a row.
        columns: Names of all columns of the table, in order.
        batches: The rows, each batch behind the position of its first one.
    """
    if error_class(info.sqlstate) is NotNullViolationError and info.column is not None:
        known: dict[str, str | None] = {info.column: None}
        in_order = True
    elif key := _KEY.search(info.detail or ""):
        known = _fields(key[1].split(", "), key[2])
        in_order = False  # of two rows with one key, the second one is refused
    elif row := _ROW.fullmatch(info.detail or ""):
        known = _fields(columns, row[1])
        in_order = True
    else:
        return None
    found: int | None = None
    for position, batch in batches:
        places = _places(known, batch)
        if places and (in_order or found is not None or len(places) > 1):
            return position + places[0 if in_order or found is not None else 1]
        if places:
            found = position + places[0]
    return found


def _fields(names: Sequence[str], text: str) -> dict[str, str | None]:
    """Return the values of a list by their names; those that may be cut or run into others are left out."""
    values = text.split(", ")
    if len(values) != len(names):
        names, values = names[:1], values[:1]
    return {name: value for name, value in zip(names, values, strict=True) if not value.endswith(_CUT)}


def _places(known: dict[str, str | None], batch: pa.RecordBatch) -> list[int]:
    """Return the first two rows of a batch that have certain values; none when no column can be compared."""
    hits = None
    for name, value in known.items():
        hit = _hits(batch.column(name), value) if name in batch.schema.names else None
        if hit is not None:
            hits = hit if hits is None else pc.and_(hits, hit)
    if hits is None:
        return []
    first = pc.index(hits, True).as_py()
    second = pc.index(hits.slice(first + 1), True).as_py() if first >= 0 else -1
    return [first] * (first >= 0) + [first + 1 + second] * (second >= 0)


def _hits(array: pa.Array, text: str | None) -> pa.BooleanArray | None:
    """Tell which values have a certain text; `None` when that cannot be told."""
    kind = array.type
    nulls = pc.is_null(array)
    if text is None:
        return nulls
    try:
        if pa.types.is_integer(kind):
            value = None if text == "null" else pa.scalar(int(text), kind)
        elif pa.types.is_floating(kind):
            value = None if text == "null" else pa.scalar(float(text), kind)
        elif pa.types.is_boolean(kind):
            value = None if text == "null" else pa.scalar(_BOOLEANS[text], kind)
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
            value = pa.scalar(text, kind)
        elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            value = pa.scalar(text.encode(), kind)
        else:
            return None
    except (ValueError, KeyError, pa.ArrowInvalid):
        return None
    equal = nulls if value is None else pc.fill_null(pc.equal(array, value), False)
    return pc.or_(equal, nulls) if text == "null" and value is not None else equal
