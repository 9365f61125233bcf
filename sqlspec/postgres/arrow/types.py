"""What the columns of a result are in Arrow, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import pyarrow as pa

from sqlspec.core.arguments import choice
from sqlspec.core.result import Column
from sqlspec.exceptions import ParameterError
from sqlspec.postgres.arrow.creating import create_table_types
from sqlspec.postgres.arrow.kernels import pc
from sqlspec.postgres.arrow.nested import join_map, list_parts, map_values, struct_array
from sqlspec.postgres.arrow.shapes import MAX_DECIMAL, TEXT, Shape, decimal_type, numeric_limits, shape_of
from sqlspec.postgres.arrow.wire import Kind, WireType
from sqlspec.postgres.codec import CodecRegistry
from sqlspec.postgres.sql import quote_identifier

__all__ = (
    "VALUE",
    "WRITTEN_TEXT",
    "ReadColumn",
    "ReadOptions",
    "create_table_types",
    "decoder_schema",
    "finish_batch",
    "read_columns",
    "result_schema",
)

Finish: TypeAlias = Callable[[pa.Array], pa.Array]

LABELS = pa.dictionary(pa.int32(), pa.string())
WRITTEN_TEXT = {b"sqlspec": b"text"}
"""Metadata of a field that holds the server's text form of another type."""

_TEXT = "pg_catalog.text"

VALUE = "\0"
"""Stands for the value in expressions. No SQL text and no name can hold it, so putting one in never hits another."""

HSTORE = pa.map_(pa.string(), pa.string())


class ReadOptions(NamedTuple):
    """Choices of a reader.

    Attributes:
        numeric: `"declared"`: decimal of the declared precision, else string; `"string"`; `"float64"`; a decimal type.
        infinity: Infinite dates and timestamps: an error, NULL, or the Arrow type's extreme value.
        nan: NaN and infinity in a column that is read as decimal: an error or NULL.
        nested: Arrays of several dimensions: an error, or `"text"`: every array is read as its text form.
        form: `"arrow"`: by the types above. `"parquet"`: the same, but for types that Parquet lacks their text form.
            `"ipc"`: the same as `"arrow"`, with `WRITTEN_TEXT` in the schema. `"text"`: every column as its text
            form. `"json"`: every column as JSON.
    """

    numeric: Literal["declared", "string", "float64"] | pa.DataType = "declared"
    infinity: Literal["error", "null", "clamp"] = "error"
    nan: Literal["error", "null"] = "error"
    nested: Literal["error", "text"] = "error"
    form: Literal["arrow", "parquet", "ipc", "text", "json"] = "arrow"


class Reading(NamedTuple):
    """How values of one type are read.

    Attributes:
        shape: The type.
        wire: The layout that the decoder is told.
        decoded: Arrow type that the decoder makes.
        final: Arrow type that the reader gives.
        finish: Makes `final` of `decoded`; `None` when it is that already.
        cast: The SQL type that a value is cast to first; empty for none.
        select: Expression over the value, which is `VALUE` in it; just that when it is read as it is.
        parts: Of the fields of a struct, or the element of a list.
    """

    shape: Shape
    wire: WireType
    decoded: pa.DataType
    final: pa.DataType
    finish: Finish | None = None
    cast: str = ""
    select: str = VALUE
    parts: tuple[Reading, ...] = ()


class ReadColumn(NamedTuple):
    """How one result column is read.

    Attributes:
        field: Name and Arrow type that the reader gives.
        wire: The layout that the decoder is told.
        select: Expression over the column, which is `VALUE` in it; just `VALUE` when the column is read as it is.
        decoded: Arrow type that the decoder makes.
        finish: Makes `field.type` of the decoded array; `None` when it is that already.
    """

    field: pa.Field
    wire: WireType
    select: str
    decoded: pa.DataType
    finish: Finish | None = None


def read_columns(
    columns: Sequence[Column], codecs: CodecRegistry, typmods: Sequence[int], options: ReadOptions | None = None
) -> tuple[ReadColumn, ...]:
    """Plan the reading of a result.

    Args:
        columns: The result's columns.
        codecs: Knows their types (`learn_types` was called).
        typmods: Type modifier of each, -1 where unknown. Those in `columns` are not used: not every driver tells them.
        options: Choices of the reader.

    Raises:
        MissingTypesError: A type has to be read from the catalog first.
        ParameterError: An option has no such value.
    """
    options = options or ReadOptions()
    _check(options)
    found = []
    for column, typmod in zip(columns, typmods, strict=True):
        way = _in_form(shape_of(column.oid, codecs, typmod), options)
        field = pa.field(column.name, way.final)
        if options.form in ("parquet", "ipc") and way.cast == _TEXT and pa.types.is_string(way.final):
            field = field.with_metadata(WRITTEN_TEXT)
        found.append(ReadColumn(field, way.wire, way.select, way.decoded, way.finish))
    return tuple(found)


def decoder_schema(columns: Sequence[ReadColumn]) -> pa.Schema:
    """Return the schema that the decoder gets."""
    return pa.schema([pa.field(column.field.name, column.decoded) for column in columns])


def result_schema(columns: Sequence[ReadColumn]) -> pa.Schema:
    """Return the schema of finished batches."""
    return pa.schema([column.field for column in columns])


def finish_batch(columns: Sequence[ReadColumn], batch: pa.RecordBatch) -> pa.RecordBatch:
    """Turn a decoded batch into one of `result_schema`."""
    if all(column.finish is None for column in columns):
        return batch
    arrays = [
        array if column.finish is None else column.finish(array)
        for column, array in zip(columns, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=result_schema(columns))


def _check(options: ReadOptions) -> None:
    for name, known in (
        ("infinity", ("error", "null", "clamp")),
        ("nan", ("error", "null")),
        ("nested", ("error", "text")),
    ):
        choice(name, getattr(options, name), known)
    numeric = options.numeric
    if isinstance(numeric, pa.DataType):
        if not pa.types.is_decimal128(numeric) and not pa.types.is_decimal256(numeric):
            raise ParameterError("numeric must be a decimal128 or decimal256 type: another Arrow type was given")
    elif not isinstance(numeric, str) or numeric not in ("declared", "string", "float64"):
        raise ParameterError(
            "numeric must be one of declared, string, float64, or a pyarrow decimal type: another value was given"
        )


def _in_form(shape: Shape, options: ReadOptions) -> Reading:
    if options.form == "text":
        return _text(shape)
    if options.form == "json":
        return _json(shape)
    way = reading(shape, options)
    return _text(shape) if options.form == "parquet" and not _has_parquet(way.final) else way


def _has_parquet(kind: pa.DataType) -> bool:
    """Tell whether Parquet has a type for one of Arrow: not for intervals, and for no struct without fields."""
    if pa.types.is_interval(kind) or (pa.types.is_struct(kind) and not kind.num_fields):
        return False
    return all(_has_parquet(kind.field(at).type) for at in range(kind.num_fields))


# --- one type ----------------------------------------------------------------------------------------------


def reading(shape: Shape, options: ReadOptions) -> Reading:
    """Return how values of a type are read."""
    match shape.family:
        case "array":
            return _array(shape, options)
        case "composite":
            return _composite(shape, options)
        case "numeric":
            return _numeric(shape, options)
        case "enum":
            labels = pa.array(shape.labels, pa.string())
            return Reading(shape, shape.wire(), pa.string(), LABELS, lambda array: _labelled(array, labels))
        case "hstore":
            wire = WireType(Kind.LIST, 0, children=(WireType(Kind.BYTES, TEXT),))
            select = f"{quote_identifier(shape.schema)}.hstore_to_array({VALUE})"
            return Reading(shape, wire, pa.list_(pa.string()), HSTORE, _paired, select=select)
        case "void":
            return _text(shape)._replace(final=pa.null(), finish=lambda array: pa.nulls(len(array)))
    if shape.kind is None:
        return _text(shape)
    return Reading(shape, shape.wire(), shape.arrow, shape.arrow)


def _cast(shape: Shape, wire: WireType, arrow: pa.DataType, cast: str) -> Reading:
    return Reading(shape, wire, arrow, arrow, cast=cast, select=f"{VALUE}::{cast}")


def _text(shape: Shape) -> Reading:
    way = _cast(shape, WireType(Kind.BYTES, TEXT), pa.string(), _TEXT)
    if shape.family == "inet":
        # The cast adds the mask of a whole address, which the type's text form does not have.
        return way._replace(select=f"pg_catalog.textin(pg_catalog.inet_out({VALUE}))")
    return way


_JSON = ("json", "jsonb")
_VECTORS = ("int2vector", "oidvector")


def _json(shape: Shape) -> Reading:
    """Return how a type is read as JSON, in which its values can be told apart.

    Lists of JSON know no lower bounds, and of lists of documents none can tell a dimension from a document: such arrays
    go by their text form.
    """
    select = f"pg_catalog.to_json({VALUE})"
    if shape.family in _VECTORS or (shape.family == "array" and shape.item.family in _JSON):
        select = f"pg_catalog.to_json({VALUE}::pg_catalog.text)"
    elif shape.family == "array":
        bounded = f"pg_catalog.left({VALUE}::pg_catalog.text, 1) = '['"
        select = f"case when {bounded} then pg_catalog.to_json({VALUE}::pg_catalog.text) else {select} end"
    return _text(shape)._replace(select=f"({select})::pg_catalog.text")


def _numeric(shape: Shape, options: ReadOptions) -> Reading:
    choice, limits = options.numeric, numeric_limits(shape.typmod)
    if choice == "float64":
        return _cast(shape, WireType(Kind.INT8, 701), pa.float64(), "pg_catalog.float8")
    arrow: Any = None
    if isinstance(choice, pa.DataType):
        arrow = choice
    elif choice == "declared" and limits is not None:
        precision, scale = limits
        # The server's scale may be negative or greater than the precision; Arrow's readers know neither.
        precision, scale = (precision - scale, 0) if scale < 0 else (max(precision, scale), scale)
        arrow = decimal_type(precision, scale) if precision <= MAX_DECIMAL else None
    if arrow is None:
        return Reading(shape, shape.wire(), pa.string(), pa.string())
    wire = WireType(Kind.NUMERIC, shape.oid, arrow.byte_width, arrow.precision, arrow.scale)
    return Reading(shape, wire, arrow, arrow)


def _array(shape: Shape, options: ReadOptions) -> Reading:
    item = reading(shape.item, options)
    if options.nested == "text":
        return _text(shape)
    if item.select != VALUE and not item.cast:
        # An expression over each element would lose the array's dimensions.
        item = _text(shape.item)
    # A cast makes it an array of another type, whose OID is not looked at.
    wire = WireType(Kind.LIST, 0 if item.cast else shape.oid, children=(item.wire,))
    cast = f"{item.cast}[]" if item.cast else ""
    if cast and shape.codec.delimiter == ",":
        # By way of the whole array's text form: it is made of the elements' text forms, which casts are not always.
        cast = f"pg_catalog.text::{cast}"
    return Reading(
        shape,
        wire,
        pa.list_(item.decoded),
        pa.list_(item.final),
        _on_values(item.finish),
        cast,
        f"{VALUE}::{cast}" if cast else VALUE,
        (item,),
    )


def _composite(shape: Shape, options: ReadOptions) -> Reading:
    names = [name for name, _ in shape.parts]
    parts = tuple(reading(part, options) for _, part in shape.parts)
    children = tuple(part.wire for part in parts)
    final = [pa.field(name, part.final) for name, part in zip(names, parts, strict=True)]
    decoded = pa.struct([pa.field(name, part.decoded) for name, part in zip(names, parts, strict=True)])
    select, oid = VALUE, shape.oid
    if any(part.select != VALUE for part in parts):
        items = (
            part.select.replace(VALUE, f"({VALUE}).{quote_identifier(name)}")
            for name, part in zip(names, parts, strict=True)
        )
        # A composite of NULLs IS NULL too; only IS DISTINCT FROM tells it from NULL.
        select = f"case when {VALUE} is distinct from null then row({', '.join(items)}) end"
        oid = 0  # a row of no type
    finishes = [part.finish for part in parts]
    finish = None if not any(finishes) else lambda array: struct_array(array, finishes, final)
    wire = WireType(Kind.STRUCT, oid, children=children)
    return Reading(shape, wire, decoded, pa.struct(final), finish, "", select, parts)


# --- after decoding ----------------------------------------------------------------------------------------


def _on_values(finish: Finish | None) -> Finish | None:
    return None if finish is None else lambda array: map_values(array, finish)


def _labelled(array: pa.Array, labels: pa.Array) -> pa.Array:
    """Return an enum column as a dictionary array, with the labels in the type's order."""
    found = pc.index_in(array, value_set=labels)
    if found.null_count == array.null_count:
        return pa.DictionaryArray.from_arrays(found, labels)
    return array.dictionary_encode()  # labels that were added since the type was learnt


def _paired(array: pa.Array) -> pa.Array:
    """Return lists of keys and values in turn as a map."""
    parts = list_parts(array)
    places = pa.array(range(0, len(parts.values), 2), pa.int64())
    keys = parts.values.take(places)
    items = parts.values.take(pc.add(places, 1))
    halves = parts._replace(offsets=pc.divide(parts.offsets, 2).cast(pa.int32()))
    return join_map(halves, keys, items)
