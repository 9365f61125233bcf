"""The columns of a table that is made for an Arrow source."""

from __future__ import annotations

import pyarrow as pa

from sqlspec.exceptions import DataError
from sqlspec.postgres.arrow.nested import is_list

__all__ = ("create_table_types",)

_PLAIN = {
    pa.bool_(): "boolean",
    pa.int8(): "smallint",
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.uint8(): "smallint",
    pa.uint16(): "integer",
    pa.uint32(): "bigint",
    pa.uint64(): "numeric(20,0)",
    pa.float16(): "real",
    pa.float32(): "real",
    pa.float64(): "double precision",
    pa.string(): "text",
    pa.large_string(): "text",
    pa.string_view(): "text",
    pa.binary(): "bytea",
    pa.large_binary(): "bytea",
    pa.binary_view(): "bytea",
    pa.date32(): "date",
    pa.date64(): "date",
    pa.month_day_nano_interval(): "interval",
    pa.null(): "text",
}

MAX_PRECISION = 1000
"""Of PostgreSQL's `numeric`; Arrow has no scale outside what it takes with that."""


def create_table_types(schema: pa.Schema) -> list[str]:
    """Return the SQL type for each field of a table to be created.

    Structs, maps and lists in lists become `jsonb`, dictionaries what their values are, fields of the type null
    `text`. What is finer than a microsecond is not refused here, but when it is loaded.

    Raises:
        DataError: Fields have types without a PostgreSQL counterpart; all of them are listed.
    """
    found = [(field.name, field.type, _sql_type(field.type)) for field in schema]
    bad = [f'"{name}" of type {kind}' for name, kind, sql in found if sql is None]
    if bad:
        raise DataError(
            f"cannot create the table: there is no PostgreSQL type for {', '.join(bad)}; cast or leave out, or make "
            "the table first"
        )
    return [sql for _, _, sql in found if sql is not None]


def _sql_type(kind: pa.DataType) -> str | None:
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        known = {"arrow.uuid": "uuid", "arrow.json": "jsonb", "arrow.bool8": "boolean"}
        return known.get(kind.extension_name) or _sql_type(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _sql_type(kind.value_type)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if types.is_decimal(kind):
        # Digits in front of the point that a negative scale takes away are zeros in the server's notation.
        return f"numeric({kind.precision},{kind.scale})" if abs(kind.scale) <= MAX_PRECISION else "numeric"
    if types.is_fixed_size_binary(kind):
        return "bytea"
    if types.is_time(kind):
        return "time"
    if types.is_timestamp(kind):
        return "timestamp" if kind.tz is None else "timestamptz"
    if types.is_duration(kind):
        return "interval"
    if is_list(kind):
        item = "" if _is_nested(kind.value_type) else _sql_type(kind.value_type)
        return "jsonb" if item == "" else f"{item}[]" if item else None
    return "jsonb" if types.is_struct(kind) or types.is_map(kind) else None


def _is_nested(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return _is_nested(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _is_nested(kind.value_type)
    return bool(pa.types.is_nested(kind))
