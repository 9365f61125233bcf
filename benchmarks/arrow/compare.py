"""Whether a table that was read is the one that was stored, whatever Arrow types a library reads it as."""

from __future__ import annotations

import pyarrow as pa

__all__ = ("difference",)


def difference(found: pa.Table, expected: pa.Table) -> str:
    """Return the first difference, or nothing.

    Libraries name different Arrow types for one PostgreSQL type: numeric is a decimal of another precision or a string,
    text has large offsets. So values are compared after a cast that loses nothing. And rows come in any order, but the
    first column numbers them.
    """
    if found.column_names != expected.column_names:
        return f"columns {found.column_names}, expected {expected.column_names}"
    if found.num_rows != expected.num_rows:
        return f"{found.num_rows} rows, expected {expected.num_rows}"
    found = found.sort_by(expected.column_names[0])
    for field in expected.schema:
        column = _storage(found.column(field.name))
        try:
            same = column.cast(field.type).combine_chunks().equals(expected.column(field.name).combine_chunks())
        except pa.ArrowException as error:
            return f"column {field.name}: {column.type}, expected {field.type}: {error}"
        if not same:
            return f"column {field.name}: other values"
    return ""


def _storage(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if isinstance(column.type, pa.BaseExtensionType):
        return pa.chunked_array([chunk.storage for chunk in column.chunks], type=column.type.storage_type)
    return column
