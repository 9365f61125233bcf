"""Arrays of any element type.

Wire form (`src/backend/utils/adt/arrayfuncs.c`): number of dimensions, has-NULL flag, element OID, for each
dimension its length and lower bound, then each element with its length (-1: NULL).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

from sqlspec.postgres.codec.base import (
    INT4,
    Codec,
    Inline,
    Nesting,
    Unpack,
    ValueRefused,
    is_numpy_array,
    refused,
)
from sqlspec.postgres.codec.reading import reader

__all__ = ("FIXED_ITEMS", "array_codec", "array_unpack", "dynamic_array_unpack", "read_literal")

_HEAD = struct.Struct(">iiI")
_DIM = struct.Struct(">ii")
_ONE_DIM = struct.Struct(">iiIii")
_NULL = b"\xff\xff\xff\xff"
_MAX_DIMS = 6

FIXED_ITEMS: dict[Inline, struct.Struct] = {
    "int2": struct.Struct(">4xh"),
    "int4": struct.Struct(">4xi"),
    "int8": struct.Struct(">4xq"),
    "uint4": struct.Struct(">4xI"),
    "uint8": struct.Struct(">4xQ"),
    "float4": struct.Struct(">4xf"),
    "float8": struct.Struct(">4xd"),
    "bool": struct.Struct(">4x?"),
}
"""Read one element of fixed width behind its four length bytes."""

_NESTED: dict[Nesting, tuple[type[Any], ...]] = {
    "any": (list, tuple),
    "list": (list,),
    "none": (),
    "refuse": (),
}


def _flatten(value: Any, element: Codec) -> tuple[list[int], Sequence[Any]]:
    """Return the length of each dimension and all elements, in order.

    Raises:
        ValueRefused: Not a list, or the nested lists do not form a rectangle.
    """
    if is_numpy_array(value):
        if not value.ndim:
            raise ValueRefused("a numpy array without dimensions was given; pass a list")
        value = value.tolist()
    if not isinstance(value, list | tuple):
        raise refused(value, f"a list of {element.name}")
    if not value:
        return [], ()
    if element.nesting == "refuse" and any(isinstance(item, list | tuple) for item in value):
        raise ValueRefused(
            f"a list inside the list may be a dimension or a {element.name} value; wrap values in Json(...)"
        )
    nested = _NESTED[element.nesting]
    dims = [len(value)]
    flat: Sequence[Any] = value
    while isinstance(flat[0], nested):
        size = len(flat[0])
        if not size:
            raise ValueRefused("a nested list is empty; pass [] for an empty array")
        if not all(isinstance(item, nested) and len(item) == size for item in flat):
            raise ValueRefused("the nested lists differ in length; all lists of a dimension must be equally long")
        dims.append(size)
        if len(dims) > _MAX_DIMS:  # before the next level: a list may contain itself
            raise ValueRefused(f"the lists are nested more than {_MAX_DIMS} deep")
        flat = [inner for item in flat for inner in item]
    return dims, flat


def _nest(flat: list[Any], dims: Sequence[int]) -> list[Any]:
    for size in reversed(dims[1:]):
        flat = [flat[at : at + size] for at in range(0, len(flat), size)]
    return flat


def _each(function: Callable[[Any], Any], flat: Sequence[Any], dims: Sequence[int]) -> list[Any]:
    """Apply a function of the element's codec to every element that is not NULL."""
    try:
        return [None if item is None else function(item) for item in flat]
    except Exception as error:
        reason = str(error) if isinstance(error, ValueRefused) else "it cannot be converted"
        for number, item in enumerate(flat):
            try:
                if item is not None:
                    function(item)
            except Exception:
                raise ValueRefused(f"element {_subscript(number, dims)}: {reason}") from error.__cause__
        raise


def _subscript(number: int, dims: Sequence[int]) -> str:
    places: list[str] = []
    for size in reversed(dims):
        number, place = divmod(number, size)
        places.append(f"[{place + 1}]")
    return "".join(reversed(places))


def _pack_elements(oid: int, dims: Sequence[int], packed: Sequence[bytes | None]) -> bytes:
    has_null = None in packed
    if len(dims) == 1:
        parts = [_ONE_DIM.pack(1, has_null, oid, dims[0], 1)]
    else:
        parts = [_HEAD.pack(len(dims), has_null, oid), *[_DIM.pack(size, 1) for size in dims]]
    size_of = INT4.pack
    parts += [_NULL if data is None else size_of(len(data)) + data for data in packed]
    return b"".join(parts)


_EXACT_TYPES: dict[Inline, type] = {"int2": int, "int4": int, "int8": int, "float8": float, "text": str}


def _quick_encoder(element: Codec) -> Callable[[Sequence[Any]], list[bytes | None] | None] | None:
    """Build the way around the codec for elements that are all of the usual class and in range.

    Returns:
        A function that gives `None` where the codec has to look at each element, or `None` for other types.
    """
    exact = _EXACT_TYPES.get(element.inline)
    if exact is None:
        return None
    pack = str.encode if exact is str else element.pack

    def encode(flat: Sequence[Any]) -> list[bytes | None] | None:
        if set(map(type, flat)) != {exact} or (exact is str and "\0" in "".join(flat)):
            return None
        try:
            return [pack(item) for item in flat]
        except (struct.error, UnicodeEncodeError):
            return None

    return encode


def array_codec(oid: int, element: Codec, delimiter: str = ",") -> Codec:
    """Build the codec of an array type.

    Canonical values are nested lists; lower bounds other than 1 are not kept.

    Args:
        oid: OID of the array type.
        element: Codec of its elements.
        delimiter: Stands between elements in the text form.
    """

    def coerce(value: Any) -> list[Any]:
        dims, flat = _flatten(value, element)
        return _nest(_each(element.coerce, flat, dims), dims)

    def pack(value: Any) -> bytes:
        dims, flat = _flatten(value, element)
        return _pack_elements(element.oid, dims, _each(element.pack, flat, dims))

    encode_quickly = _quick_encoder(element)

    def encode(value: Any) -> bytes:
        dims, flat = _flatten(value, element)
        if encode_quickly is not None:
            packed = encode_quickly(flat)
            if packed is not None:
                return _pack_elements(element.oid, dims, packed)
        return _pack_elements(element.oid, dims, _each(element.encode, flat, dims))

    def as_text(value: Any) -> bytes:
        """Write the array literal (manual, section 8.15.6) for elements that only the server can parse."""
        dims, flat = _flatten(value, element)
        return _literal(_each(element.pack, flat, dims), dims, delimiter.encode())

    return Codec(
        oid,
        f"{element.name}[]",
        coerce,
        as_text if element.is_text_fallback else pack,
        array_unpack(element.unpack, FIXED_ITEMS.get(element.inline)),
        encode=None if element.is_text_fallback else encode,
        is_text_fallback=element.is_text_fallback,
        reads_binary=element.reads_binary,
        nesting="none",
        depends=(element.oid,),
        element=element,
        delimiter=delimiter,
    )


def _literal(packed: Sequence[bytes | None], dims: Sequence[int], delimiter: bytes) -> bytes:
    items = [
        b"NULL" if data is None else b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"' for data in packed
    ]
    for size in reversed(dims[1:]):
        items = [b"{" + delimiter.join(items[at : at + size]) + b"}" for at in range(0, len(items), size)]
    return b"{" + delimiter.join(items) + b"}"


_BRACE_OR_ITEM = r'[{}]|"(?:[^"\\]|\\.)*+"|[^{}"%s]++'
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_literal(text: str, delimiter: str = ",") -> list[Any]:
    """Read the text form that the server gives an array; elements are text.

    Args:
        text: Output of the server (`array_out`), which quotes whatever could be taken for syntax.
        delimiter: `typdelim` of the element type.
    """
    if text.startswith("["):  # lower bounds, which are not kept
        text = text.partition("=")[2]
    top: list[Any] = []
    lists = [top]
    for token in re.findall(_BRACE_OR_ITEM % re.escape(delimiter), text, re.DOTALL):
        if token == "{":
            inner: list[Any] = []
            lists[-1].append(inner)
            lists.append(inner)
        elif token == "}":
            lists.pop()
        elif token[0] == '"':
            lists[-1].append(_ESCAPED.sub(r"\1", token[1:-1]))
        else:
            lists[-1].append(None if token == "NULL" else token)
    return top[0]  # type: ignore[no-any-return]


def array_unpack(unpack_element: Unpack, fixed: struct.Struct | None = None) -> Unpack:
    """Build `unpack` for an array.

    Args:
        unpack_element: Reads one element.
        fixed: Reads one element of fixed width behind its length; used where no element is NULL.
    """

    def unpack(data: bytes) -> list[Any]:
        ndim, has_null, _ = _HEAD.unpack_from(data)
        if not ndim:
            return []
        start = 12 + 8 * ndim
        if fixed is not None and not has_null:
            flat: list[Any] = [item for (item,) in fixed.iter_unpack(data[start:])]
        else:
            flat = _read_elements(data, start, unpack_element)
        if ndim == 1:
            return flat
        return _nest(flat, [size for size, _ in _DIM.iter_unpack(data[12:start])])

    return reader("array", unpack, unpack_element)


def _read_elements(data: bytes, at: int, unpack_element: Unpack) -> list[Any]:
    size_at = INT4.unpack_from
    end = len(data)
    flat: list[Any] = []
    while at < end:
        (size,) = size_at(data, at)
        at += 4
        if size < 0:
            flat.append(None)
            continue
        try:
            flat.append(unpack_element(data[at : at + size]))
        except ValueRefused as refusal:
            raise ValueRefused(f"element {len(flat) + 1}: {refusal}") from refusal.__cause__
        at += size
    return flat


def dynamic_array_unpack(unpack_of: Callable[[int], Unpack]) -> Unpack:
    """Build `unpack` for `anyarray` and `record[]`, whose element type stands in each value."""

    def unpack(data: bytes) -> list[Any]:
        _, _, element_oid = _HEAD.unpack_from(data)
        values: list[Any] = array_unpack(unpack_of(element_oid))(data)
        return values

    return unpack
