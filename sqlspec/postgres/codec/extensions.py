"""Types of extensions: pgvector's `vector`, `halfvec` and `sparsevec`, and `hstore`.

Source: the functions `*_send` and `*_recv` of pgvector and of `contrib/hstore`.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Callable
from typing import Any

from sqlspec.exceptions import MissingDependencyError
from sqlspec.postgres.codec.base import (
    INT4,
    CodecOptions,
    Coerce,
    Pack,
    Unpack,
    ValueRefused,
    is_numpy_array,
    plain_text,
    refused,
)
from sqlspec.postgres.codec.numeric import coerce_float4, coerce_float8
from sqlspec.values import SparseVector

__all__ = ("coerce_hstore", "pack_hstore", "sparse_vector", "unpack_hstore", "vector")

_SIZES = struct.Struct(">HH")  # dimensions, unused
_SPARSE_HEAD = struct.Struct(">iii")  # dimensions, elements that are not zero, unused
_MAX_DIM = 16_000  # the same for vector and halfvec
_NULL = b"\xff\xff\xff\xff"
_SPARSE_TEXT = re.compile(r"\{((?:\d+:[^,:{}]+(?:,\d+:[^,:{}]+)*)?)\}/(\d{1,10})", re.ASCII)


def _vector_text(value: str) -> list[float]:
    text = str.__str__(value).strip()
    if text[:1] == "[" and text[-1:] == "]":
        try:
            return [float(part) for part in text[1:-1].split(",")]
        except ValueError:
            pass
    raise ValueRefused("the str is not a vector; write it like [1,2,3]")


def _flat_numpy(value: Any, letter: str) -> bytes:
    """Round a numpy array to big-endian floats of the wire's width."""
    numpy = sys.modules["numpy"]
    if value.ndim != 1 or value.dtype.kind not in "fiu":
        raise ValueRefused("the numpy array is not one row of numbers; pass a list or an array with one dimension")
    with numpy.errstate(over="ignore"):
        packed = value.astype(">f4" if letter == "f" else ">f2")
    if numpy.isinf(packed).any() and not numpy.isinf(value).any():
        raise _too_large(letter)
    return packed.tobytes()  # type: ignore[no-any-return]


def _too_large(letter: str) -> ValueRefused:
    return ValueRefused(f"an element is too large for {'float4' if letter == 'f' else 'a half-precision float'}")


def vector(letter: str, options: CodecOptions) -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `vector` (letter `f`, float4) or `halfvec` (letter `e`, half precision).

    Args:
        letter: Format of one element in the `struct` module.
        options: `vector_format` chooses between lists and numpy arrays.

    Raises:
        MissingDependencyError: numpy was asked for and is not installed.
    """

    def coerce(value: Any) -> Any:
        if is_numpy_array(value):
            _flat_numpy(value, letter)
        else:
            if isinstance(value, str):
                value = _vector_text(value)
            elif not isinstance(value, list):
                raise refused(value, "a list of floats or a numpy array")
            value = [coerce_float8(number) for number in value]
            try:
                struct.pack(f">{len(value)}{letter}", *value)
            except OverflowError:
                raise _too_large(letter) from None
        if not 1 <= len(value) <= _MAX_DIM:
            raise ValueRefused(f"the vector has {len(value)} dimensions; pass 1 to {_MAX_DIM}")
        return value

    def pack(value: Any) -> bytes:
        if is_numpy_array(value):
            return _SIZES.pack(len(value), 0) + _flat_numpy(value, letter)
        return struct.pack(f">HH{len(value)}{letter}", len(value), 0, *value)

    def unpack(data: bytes) -> list[float]:
        return list(struct.unpack_from(f">{_SIZES.unpack_from(data)[0]}{letter}", data, 4))

    return coerce, pack, _numpy_reader(letter) if options.vector_format == "numpy" else unpack


def vector_encoder(letter: str, coerce: Coerce, pack: Pack) -> Pack:
    """Build the direct way from a list of floats to wire bytes; all else goes through `coerce`."""

    def encode(value: Any) -> bytes:
        # Most vectors are such lists, and one call into C tells.
        if value.__class__ is list and set(map(type, value)) == {float} and len(value) <= _MAX_DIM:
            try:
                return pack(value)
            except OverflowError:
                raise _too_large(letter) from None
        return pack(coerce(value))

    return encode


def _numpy_reader(letter: str) -> Callable[[bytes], Any]:
    try:
        import numpy
    except ImportError:
        raise MissingDependencyError("numpy") from None
    wire, native = ">f4" if letter == "f" else ">f2", numpy.float32

    def unpack(data: bytes) -> Any:
        return numpy.frombuffer(data, wire, offset=4).astype(native)

    return unpack


# --- sparsevec ---------------------------------------------------------------------------------------------


def sparse_vector() -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `sparsevec`."""

    def from_text(value: str) -> SparseVector:
        match = _SPARSE_TEXT.fullmatch(str.__str__(value).replace(" ", ""))
        try:
            if match:
                pairs = sorted(
                    (int(place) - 1, float(number))
                    for place, _, number in (item.partition(":") for item in match[1].split(",") if item)
                )
                return SparseVector(int(match[2]), tuple(p for p, _ in pairs), tuple(n for _, n in pairs))
        except ValueError:
            pass
        raise ValueRefused("the str is not a sparsevec; write it like {1:1.5,3:2}/5")

    def coerce(value: Any) -> SparseVector:
        if isinstance(value, str):
            value = from_text(value)
        if not isinstance(value, SparseVector):
            raise refused(value, "a SparseVector")
        numbers = tuple([coerce_float4(number) for number in value.values])
        if not 1 <= value.dim < 1 << 31:
            raise ValueRefused("the number of dimensions is outside the range of sparsevec")
        if 0.0 in numbers:
            raise ValueRefused("a SparseVector holds an explicit zero; leave it out")
        return SparseVector(value.dim, value.indices, numbers)

    def pack(value: SparseVector) -> bytes:
        count = len(value.indices)
        head = _SPARSE_HEAD.pack(value.dim, count, 0)
        return head + struct.pack(f">{count}i{count}f", *value.indices, *value.values)

    def unpack(data: bytes) -> SparseVector:
        dim, count, _ = _SPARSE_HEAD.unpack_from(data)
        numbers = struct.unpack_from(f">{count}i{count}f", data, 12)
        return SparseVector(dim, numbers[:count], numbers[count:])

    return coerce, pack, unpack


# --- hstore ------------------------------------------------------------------------------------------------


def coerce_hstore(value: Any) -> dict[str, str | None]:
    """Coerce to a dict of text by text; `None` is a NULL value."""
    if not isinstance(value, dict):
        raise refused(value, "a dict of str by str")
    try:
        return {plain_text(k): None if v is None else plain_text(v) for k, v in value.items()}
    except ValueRefused as error:
        raise ValueRefused(f"a key or value of the dict: {error}") from None


def pack_hstore(value: dict[str, str | None]) -> bytes:
    """Write the number of pairs, then each key and value with its length."""
    parts = [INT4.pack(len(value))]
    for key, text in value.items():
        name = key.encode()
        parts += (INT4.pack(len(name)), name)
        if text is None:
            parts.append(_NULL)
        else:
            content = text.encode()
            parts += (INT4.pack(len(content)), content)
    return b"".join(parts)


def unpack_hstore(data: bytes) -> dict[str, str | None]:
    """Read an hstore."""
    size_at = INT4.unpack_from
    (count,) = size_at(data)
    at = 4
    pairs: dict[str, str | None] = {}
    for _ in range(count):
        (size,) = size_at(data, at)
        key = data[at + 4 : at + 4 + size].decode()
        at += 4 + size
        (size,) = size_at(data, at)
        at += 4
        if size < 0:
            pairs[key] = None
        else:
            pairs[key] = data[at : at + size].decode()
            at += size
    return pairs
