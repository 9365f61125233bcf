"""Values that a file holds as text, or as JSON: the column that they are for says what they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain as chained
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa

from sqlspec.postgres.arrow.convert import conversion, is_cut, server_text
from sqlspec.postgres.arrow.kernels import pc
from sqlspec.postgres.arrow.shapes import Shape
from sqlspec.postgres.arrow.steps import Conversion, LoadOptions, Misfit, Step, chain, refuse_where
from sqlspec.postgres.codec.arrays import read_literal

__all__ = ("JsonType", "TextType", "wrapped", "written_conversion")

Writer: TypeAlias = Callable[[str], str | None]

_JSON = ("json", "jsonb")


class _WrittenType(pa.ExtensionType):  # type: ignore[misc]
    """Not registered, so that no data from outside is ever taken for it."""

    NAME = ""

    def __init__(self) -> None:
        super().__init__(pa.string(), self.NAME)

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> _WrittenType:
        return cls()


class TextType(_WrittenType):
    """Values in the text form of the type that they are for, as the server reads it."""

    NAME = "sqlspec.text"


class JsonType(_WrittenType):
    """JSON values as they stand in a file; JSON null is NULL."""

    NAME = "sqlspec.json"


def wrapped(kind: _WrittenType, array: pa.Array) -> pa.Array:
    """Return a string array as one of a written type."""
    return pa.ExtensionArray.from_storage(kind, array)


def written_conversion(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    """Return how values of an Arrow type, which may be a written one, are stored as a PostgreSQL type.

    Raises:
        NoWay: They are not.
    """
    if isinstance(kind, JsonType):
        way = _from_text(shape, options)
        return way._replace(step=chain(_storage, _json_texts(shape), way.step))
    if isinstance(kind, TextType):
        way = _from_text(shape, options)
        return way._replace(step=chain(_storage, way.step))
    return conversion(kind, shape, options)


def _storage(array: pa.Array) -> pa.Array:
    return array.storage


# --- text --------------------------------------------------------------------------------------------------

_TAKE_TEXT = {
    *("text", "varchar", "bpchar", "name", "refcursor", "citext", "json", "jsonb", "enum", "uuid", "numeric", "money"),
    "hstore",
}
"""Families that take strings as they are, or check them in a way of their own."""

_TIME_OF_DAY = refuse_where(
    lambda array: pc.match_substring_regex(array, r"\d:\d"), "the text has a time of day; round=True cuts it"
)
_ZONE = refuse_where(
    lambda array: pc.match_substring_regex(array, r"(?i):\d\d(?:[.,]\d*)?\s*(?:[+-]\s*\d|z\b|utc|gmt)"),
    "the text has a time zone, which the column would drop; give the column a type with one, or round=True",
)


def _from_text(shape: Shape, options: LoadOptions) -> Conversion:
    """Return how the text forms of a type become its values, without losing what the server would drop in silence."""
    if shape.family in _TAKE_TEXT:
        return conversion(pa.string(), shape, options)
    if options.round:
        return server_text(shape, options)
    check: Step | None = None
    if shape.parts and any(is_cut(part) for _, part in shape.parts):
        check = _parts_check(shape, options)
        way = server_text(shape, options._replace(round=True))
    else:
        way = server_text(shape, options)
        if shape.family == "date":
            check = _TIME_OF_DAY
        elif shape.family in ("time", "timestamp"):
            check = _ZONE
    return way._replace(step=chain(check, way.step))


def _parts_check(shape: Shape, options: LoadOptions) -> Step:
    """Return the check of each part of an array or a composite value as if it were alone."""
    checks = [_from_text(part, options).step for _, part in shape.parts]

    def split(text: str) -> Iterable[list[str | None]]:
        if shape.family == "array":
            return [_leaves(read_literal(text, shape.codec.delimiter))]
        return [[field] for field in _fields(text)]

    def check(array: pa.Array) -> pa.Array:
        found: list[list[str | None]] = [[] for _ in checks]
        rows: list[list[int]] = [[] for _ in checks]
        for row, text in enumerate(array.to_pylist()):
            try:
                parts = [] if text is None else list(split(text))
            except IndexError:
                continue  # nothing the server will take for a value
            for texts, places, values in zip(found, rows, parts, strict=False):
                texts += values
                places += [row] * len(values)
        for step, texts, places in zip(checks, found, rows, strict=True):
            if step is not None:
                try:
                    step(pa.array(texts, pa.string()))
                except Misfit as misfit:
                    raise Misfit(places[misfit.index], misfit.reason) from None
        return array

    return check


def _leaves(items: list[Any]) -> list[str | None]:
    return list(chained.from_iterable(_leaves(item) if isinstance(item, list) else [item] for item in items))


_FIELD = re.compile(r'((?:"(?:[^"\\]|\\.|"")*"|\\.|[^",()\\])*)([,)])', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.|"")*)"|\\(.)', re.DOTALL)
_ESCAPED = re.compile(r'\\(.)|"(")', re.DOTALL)


def _fields(text: str) -> Iterator[str | None]:
    """Yield the fields of the text form of a composite value (manual, section 8.16.6)."""
    for field, _ in _FIELD.findall(text.strip()[1:]):
        yield _QUOTED.sub(_unquoted, field) if field else None


def _unquoted(found: re.Match[str]) -> str:
    return found[2] or _ESCAPED.sub(lambda mark: mark[1] or mark[2], found[1])


# --- JSON --------------------------------------------------------------------------------------------------

_DECODE_TEXT = msgspec.json.Decoder(str).decode
_DECODE_LIST = msgspec.json.Decoder(list[msgspec.Raw]).decode
_DECODE_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _json_texts(shape: Shape) -> Step:
    """Return the step from JSON values to the text forms of a type."""
    if shape.family in _JSON:
        return _without_null
    if shape.family in ("array", "composite", "hstore"):
        write = _writer(shape)
        return lambda array: _each(write, array)
    return _scalars


def _without_null(array: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(array, "null"), pa.scalar(None, pa.string()), array)


def _scalars(array: pa.Array) -> pa.Array:
    """Return JSON strings without their quotes; the text of what else there is stays."""
    array = _without_null(array)
    quoted = pc.starts_with(array, '"')
    if pc.any(pc.match_substring(array, "\\")).as_py():
        return _each(_plain, array)
    # Without a backslash there is no quote inside.
    return pc.if_else(quoted, pc.utf8_trim(array, '"'), array)


def _each(write: Writer, array: pa.Array) -> pa.Array:
    texts: list[str | None] = []
    for row, text in enumerate(array.to_pylist()):
        try:
            texts.append(None if text is None else write(text))
        except _NoPlace as error:
            raise Misfit(row, str(error)) from None
    return pa.array(texts, pa.string())


class _NoPlace(Exception):
    """A part of a JSON value has no place in the type."""


def _plain(text: str) -> str | None:
    if text[0] == '"':
        return _DECODE_TEXT(text)
    return None if text == "null" else text


def _writer(shape: Shape) -> Writer:
    """Return the function from the text of a JSON value to the text form of a type.

    What is no list or object where one could be is taken for the text form itself, as in
    `json_populate_record` of the server.
    """
    if shape.family in _JSON:
        return lambda text: None if text == "null" else text
    if shape.family == "array":
        return _array_writer(shape)
    if shape.family == "composite":
        return _composite_writer(shape)
    return _hstore_text if shape.family == "hstore" else _plain


def _array_writer(shape: Shape) -> Writer:
    item = _writer(shape.item)
    delimiter = shape.codec.delimiter
    nests = shape.item.family not in (*_JSON, "array")

    def element(raw: msgspec.Raw) -> str:
        text = str(raw, "utf-8")
        if nests and text[0] == "[":
            return write(text) or ""
        found = item(text)
        return "NULL" if found is None else _quoted(found)

    def write(text: str) -> str | None:
        if text[0] != "[":
            return _plain(text)
        return "{" + delimiter.join(map(element, _DECODE_LIST(text))) + "}"

    return write


def _composite_writer(shape: Shape) -> Writer:
    parts = [(name, _writer(part)) for name, part in shape.parts]
    names = {name for name, _ in parts}

    def write(text: str) -> str | None:
        if text[0] != "{":
            return _plain(text)
        given = _DECODE_OBJECT(text)
        if not names.issuperset(given):
            raise _NoPlace(f"the object has keys that {shape.name} has no fields for")
        return f"({','.join(field(write, given.get(name)) for name, write in parts)})"

    def field(write: Writer, raw: msgspec.Raw | None) -> str:
        found = None if raw is None else write(str(raw, "utf-8"))
        return "" if found is None else _quoted(found)

    return write


def _hstore_text(text: str) -> str | None:
    if text[0] != "{":
        return _plain(text)
    pairs = ((key, _plain(str(raw, "utf-8"))) for key, raw in _DECODE_OBJECT(text).items())
    return ",".join(f"{_quoted(key)}=>{'NULL' if item is None else _quoted(item)}" for key, item in pairs)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
