"""Rows of Python values to Arrow, for results that came as rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import pyarrow as pa

from sqlspec.core.result import RawResult
from sqlspec.exceptions import DataError
from sqlspec.postgres.arrow.forms import json_form, number_form, text_former
from sqlspec.postgres.arrow.shapes import shape_of
from sqlspec.postgres.arrow.steps import Misfit
from sqlspec.postgres.arrow.types import HSTORE, Reading, ReadOptions, reading
from sqlspec.postgres.codec import CodecRegistry, ValueRefused

__all__ = ("rows_table", "value_array")

# Rows of an `SQLResult` come this way too, which has no options.
ADVICE = "select it with ::text, or use select_to_arrow({})"


def rows_table(
    raw: RawResult,
    codecs: CodecRegistry,
    typmods: Sequence[int] | None = None,
    options: ReadOptions | None = None,
) -> pa.Table:
    """Return a result's rows as a table of the types that `read_columns` gives.

    Types that are text in Arrow are printed as the server would, see `forms`.

    Args:
        raw: The result, of canonical values.
        codecs: Knows the types of its columns.
        typmods: Type modifier of each column, -1 where unknown; by default all unknown, so that numeric is string.
        options: Choices of the reader. Infinite dates have become errors or clamped values before, in the codec.

    Raises:
        DataError: A value has no counterpart in the column's Arrow type; names column and row.
        MissingTypesError: A type has to be read from the catalog first.
    """
    options = options or ReadOptions()
    arrays, fields = [], []
    for place, column in enumerate(raw.columns):
        key: Any = place if raw.shape == "tuple" else column.name
        way = reading(shape_of(column.oid, codecs, -1 if typmods is None else typmods[place]), options)
        try:
            arrays.append(value_array(way, [row[key] for row in raw.rows], codecs, options))
        except Misfit as misfit:
            raise DataError(
                f"cannot read column {column.name!r} as {way.final}: row {misfit.index} of the result does not fit: "
                f"{misfit.reason}",
                column=column.name,
            ) from None
        fields.append(pa.field(column.name, way.final))
    if not fields:  # rows all the same
        return pa.Table.from_batches([pa.RecordBatch.from_struct_array(pa.array([{}] * len(raw.rows), pa.struct([])))])
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def value_array(
    way: Reading, values: list[Any], codecs: CodecRegistry, options: ReadOptions, coerced: bool = False
) -> pa.Array:
    """Return canonical values as an array of `way.final`.

    Args:
        way: How the type is read.
        values: Canonical values, `None` for NULL.
        codecs: Knows the types.
        options: Choices of the reader.
        coerced: The values come from the codec's `coerce`, where JSON is text.

    Raises:
        Misfit: A value has no counterpart.
    """
    if way.cast == "pg_catalog.text":  # also void: its values are text before they are nothing
        texts = _each(text_former(way.shape.oid, codecs), values)
        return way.finish(texts) if way.finish else texts
    match way.shape.family:
        case "array":
            return _lists(way, values, codecs, options, coerced)
        case "composite":
            return _structs(way, values, codecs, options, coerced)
        case "hstore":
            return _built([None if value is None else list(value.items()) for value in values], HSTORE)
        case "enum":
            array = _built(values, pa.string())
            return way.finish(array) if way.finish else array
        case "numeric":
            return _numbers(way, values, options)
        case "interval":
            return _built([None if v is None else _interval(v) for v in values], way.final)
        case "uuid":
            return _built([None if value is None else value.bytes for value in values], way.final)
        case "json" | "jsonb" if not coerced:
            codec = way.shape.codec
            return _each(lambda value: json_form(value, codec), values)
        case "vector" | "halfvec":
            return _built([None if value is None else [float(n) for n in value] for value in values], way.final)
    return _built(values, way.final)


def _interval(value: Any) -> tuple[int, int, int]:
    return value.months, value.days_part, value.microseconds_part * 1000


def _each(function: Callable[[Any], str], values: Sequence[Any]) -> pa.Array:
    texts: list[str | None] = []
    for value in values:
        try:
            texts.append(None if value is None else function(value))
        except ValueRefused as refusal:
            raise Misfit(len(texts), str(refusal)) from None
    return pa.array(texts, pa.string())


def _built(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Build an array; when that fails, find the value that is to blame."""
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        pass
    for index, value in enumerate(values):
        try:
            pa.array([value], kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            raise Misfit(index, f"there is no {kind} for it; select it with ::text") from None
    raise Misfit(0, f"together the values are too large for one array of {kind}; fetch fewer rows")


def _numbers(way: Reading, values: Sequence[Any], options: ReadOptions) -> pa.Array:
    if pa.types.is_string(way.final):
        return _each(number_form, values)
    if pa.types.is_floating(way.final):
        floats = [None if value is None else float(value) for value in values]
        for index, (value, number) in enumerate(zip(values, floats, strict=True)):
            if value is not None and value.is_finite() and number in (float("inf"), float("-inf")):
                raise Misfit(index, "the number is too large for a double; select it with ::text")
        return pa.array(floats, way.final)
    finite = [value if value is None or value.is_finite() else None for value in values]
    if options.nan == "error":
        for index, (value, kept) in enumerate(zip(values, finite, strict=True)):
            if value is not kept:
                raise Misfit(index, "NaN or infinity, which decimals do not have; " + ADVICE.format('nan="null"'))
    return _built(finite, way.final)


def _lists(way: Reading, values: Sequence[Any], codecs: CodecRegistry, options: ReadOptions, coerced: bool) -> pa.Array:
    (item,) = way.parts
    flat: list[Any] = []
    nesting = item.shape.codec.nesting
    for index, value in enumerate(values):
        if value is not None:
            if nesting != "none" and nesting != "refuse" and any(isinstance(part, list) for part in value):
                raise Misfit(index, "the array has several dimensions; " + ADVICE.format('nested="text"'))
            flat += value
    offsets = [0, *accumulate(0 if value is None else len(value) for value in values)]
    try:
        items = value_array(item, flat, codecs, options, coerced)
    except Misfit as misfit:
        raise Misfit(bisect_right(offsets, misfit.index) - 1, misfit.reason) from None
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items, mask=_nulls(values))


def _structs(
    way: Reading, values: Sequence[Any], codecs: CodecRegistry, options: ReadOptions, coerced: bool
) -> pa.Array:
    names = [name for name, _ in way.shape.parts]
    if not names:
        return pa.array(values, way.final)
    children = [
        value_array(part, [None if value is None else value[name] for value in values], codecs, options, coerced)
        for name, part in zip(names, way.parts, strict=True)
    ]
    return pa.StructArray.from_arrays(children, fields=list(way.final), mask=_nulls(values))


def _nulls(values: Sequence[Any]) -> pa.Array | None:
    nulls = [value is None for value in values]
    return pa.array(nulls, pa.bool_()) if any(nulls) else None
