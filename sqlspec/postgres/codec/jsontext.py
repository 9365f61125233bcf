"""`json` and `jsonb`.

msgspec reads and writes; the standard library steps in for what msgspec refuses. Neither may lose anything:
a float that is not finite is refused in both directions, integers of any size stay exact. What msgspec would write
otherwise than it is, or leave out, is looked for in documents that hold more than the classes of JSON itself.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterable
from copy import copy
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, NoReturn
from uuid import UUID

import msgspec

from sqlspec.postgres.codec.base import (
    CodecOptions,
    Coerce,
    Pack,
    Unpack,
    ValueRefused,
    given,
    is_numpy,
    plain_text,
)
from sqlspec.postgres.codec.reading import compiled, reader
from sqlspec.values import Json

__all__ = ("is_ordinary", "json_codec")

_NOT_FINITE = "the document holds NaN or infinity, which JSON does not have; pass None or a str in its place"
_TOO_DEEP = "the document is nested too deeply"


# --- writing -----------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """Convert what msgspec does not take: subclasses of str, int and float, numpy scalars, nested `Json`."""
    if value is None or value is True or value is False:  # msgspec asks about these as keys alone
        raise ValueRefused("the document holds a dict key that is None or a bool; use str keys")
    if isinstance(value, Json):
        return value.value
    if isinstance(value, str):
        return str.__str__(value)
    if is_numpy(value, "bool_"):
        return bool(value)
    if isinstance(value, int) or is_numpy(value, "integer"):
        return int(value)
    if isinstance(value, float) or is_numpy(value, "floating"):
        return float(value)
    raise ValueRefused(f"{given(value)} inside the document, which has no JSON form; convert it or set json_serializer")


_encode = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number").encode
_encode_strictly = json.JSONEncoder(allow_nan=False, check_circular=False).encode

_IS_KEY = frozenset({str}).issuperset
_LEAVES = frozenset({NoneType, bool, int, float, str, date, datetime, UUID})
_ARE_LEAVES = _LEAVES.issuperset


def is_ordinary(value: Any) -> bool:
    """Tell whether a document, which has no cycles, is of classes that msgspec writes as they are."""
    pending = [value]
    for item in pending:
        inner: Iterable[Any] = item
        if item.__class__ is dict:
            if not _IS_KEY(map(type, item)):
                return False
            inner = item.values()
        elif item.__class__ is not list and item.__class__ is not tuple:
            return item.__class__ in _LEAVES and len(pending) == 1
        if not _ARE_LEAVES(map(type, inner)):
            pending += [part for part in inner if part.__class__ not in _LEAVES]
    return True


_is_ordinary: Callable[[Any], bool] = getattr(compiled, "is_ordinary", is_ordinary)


def _writable(value: Any) -> Any:
    """Return a document that msgspec writes without losing anything.

    Raises:
        ValueRefused: It holds what has no form of its own in JSON.
    """
    if value.__class__ in _LEAVES:
        return value
    if isinstance(value, dict):
        return dict(zip(_keys(value), map(_writable, value.values()), strict=True))
    if isinstance(value, list | tuple | set | frozenset):
        return [_writable(item) for item in value]
    if isinstance(value, Json | Enum):
        return _writable(value.value)
    if isinstance(value, bytes | bytearray | memoryview):
        raise ValueRefused(
            f"{given(value)} inside the document, and binary has no JSON form; pass text, such as its hex()"
        )
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueRefused(_NOT_FINITE)
        return Decimal(value)
    if isinstance(value, msgspec.Struct):
        return _writable_struct(value)
    names = _attributes(value)
    if names is None:
        return value
    return {name: _writable(getattr(value, name)) for name in names if hasattr(value, name)}


def _keys(value: dict[Any, Any]) -> Iterable[str]:
    if _IS_KEY(map(type, value)):
        return value
    if any(isinstance(key, bytes | bytearray | memoryview) for key in value):
        raise ValueRefused("the document holds a dict key that is binary; use str keys")
    texts = msgspec.to_builtins(dict.fromkeys(value), str_keys=True, enc_hook=_plain)
    if len(texts) < len(value):
        raise ValueRefused("the document holds dict keys that are the same as text, such as 1 and '1'; use str keys")
    return texts  # type: ignore[no-any-return]


def _writable_struct(value: msgspec.Struct) -> msgspec.Struct:
    # Its class knows which fields are written and under which names.
    made = value
    for name in value.__struct_fields__:
        part = getattr(value, name)
        written = _writable(part)
        if written is not part:
            made = copy(value) if made is value else made
            msgspec.structs.force_setattr(made, name, written)
    return made


def _attributes(value: Any) -> list[str] | None:
    """Return the names of what a dataclass or attrs class holds; msgspec leaves out what is private in the latter."""
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        return [field.name for field in dataclasses.fields(kind)]
    fields = getattr(kind, "__attrs_attrs__", None)
    return None if fields is None else [field.name for field in fields]


def _dumps(value: Any) -> bytes:
    try:
        data = _encode(value)
        if not _is_ordinary(value):
            value = _writable(value)
            data = _encode(value)
        # msgspec writes null for a float that is not finite, so a document with a null needs a second look.
        if b"null" in data:
            _encode_strictly(msgspec.to_builtins(value, str_keys=True, enc_hook=_plain))
    except RecursionError:
        raise ValueRefused(_TOO_DEEP) from None
    except UnicodeEncodeError:
        raise ValueRefused("the document holds half a surrogate pair, which UTF-8 cannot hold; remove it") from None
    except TypeError:
        raise ValueRefused("the document holds a dict key or an object without a JSON form; use str keys") from None
    except ValueError:
        # The messages of both libraries quote the value; only the check for finite floats raises it, apart
        # from integers too long for the interpreter's limit on decimal text.
        raise ValueRefused(_NOT_FINITE if _has_infinite(value) else "an int inside the document is too long") from None
    return data


def _has_infinite(value: Any) -> bool:
    pending = [msgspec.to_builtins(value, str_keys=True, enc_hook=_plain)]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list | tuple):
            pending.extend(item)
        elif isinstance(item, float) and not math.isfinite(item):
            return True
    return False


def _is_document(value: Any) -> bool:
    if isinstance(value, dict | list | msgspec.Struct):
        return True
    kind = type(value)
    return hasattr(kind, "__dataclass_fields__") or hasattr(kind, "__attrs_attrs__")


def _custom_dumps(serializer: Callable[[Any], str | bytes]) -> Callable[[Any], bytes]:
    def dumps(value: Any) -> bytes:
        try:
            data = serializer(value)
        except Exception as error:
            raise ValueRefused(f"json_serializer raised {type(error).__name__}") from error
        if isinstance(data, str):
            return plain_text(data).encode()
        if isinstance(data, bytes | bytearray | memoryview):
            return bytes(data)
        raise ValueRefused(f"json_serializer returned no str or bytes: {given(data)}")

    return dumps


# --- reading -----------------------------------------------------------------------------------------------


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueRefused("a number in the document is too large for a float; select it with ::text")
    return number


def _exact(text: str) -> int:
    # int() refuses more than 4300 digits; numeric, and so jsonb, holds 131072.
    return int(text) if len(text) < 4300 else int(Decimal(text))


def _no_constant(_: str) -> NoReturn:
    raise ValueRefused("the document holds NaN or infinity")


_decode = msgspec.json.Decoder().decode
_decode_rest = json.JSONDecoder(parse_float=_finite, parse_int=_exact, parse_constant=_no_constant).decode


def _loads(data: bytes) -> Any:
    try:
        return _decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        return _decode_rest(data.decode())
    except RecursionError:
        raise ValueRefused(_TOO_DEEP + "; select it with ::text") from None
    except ValueError:
        raise ValueRefused("the document is not JSON that Python can read; select it with ::text") from None


def _custom_loads(deserializer: Callable[[str | bytes], Any]) -> Callable[[bytes], Any]:
    def loads(data: bytes) -> Any:
        try:
            return deserializer(data.decode())
        except Exception as error:
            raise ValueRefused(f"json_deserializer raised {type(error).__name__}") from error

    return loads


# --- the codecs --------------------------------------------------------------------------------------------


def json_codec(options: CodecOptions, *, binary: bool) -> tuple[Coerce, Pack, Pack, Unpack]:
    """Build `coerce`, `pack`, `encode` and `unpack` for `json`, or for `jsonb` with its version byte.

    `coerce` gives JSON text, so that a driver without JSON support of its own can bind it.

    Args:
        options: Holds the user's serializer and deserializer.
        binary: Whether the type is `jsonb`.
    """
    dumps = _custom_dumps(options.json_serializer) if options.json_serializer else _dumps
    loads = _custom_loads(options.json_deserializer) if options.json_deserializer else _loads
    version = b"\1" if binary else b""

    def document(value: Any) -> bytes:
        if isinstance(value, str):
            return plain_text(value).encode()
        if isinstance(value, Json):
            return dumps(value.value)
        if _is_document(value):
            return dumps(value)
        raise ValueRefused(f"{given(value)}; wrap it in Json(...) to write it as a JSON value")

    def coerce(value: Any) -> str:
        return document(value).decode()

    def pack(text: str) -> bytes:
        return version + text.encode()

    def encode(value: Any) -> bytes:
        return version + document(value)

    def unpack_jsonb(data: bytes) -> Any:
        if data[:1] != b"\1":
            raise ValueRefused("its jsonb format is newer than this package; select it with ::text")
        return loads(data[1:])

    unpack = unpack_jsonb if binary else loads
    if options.json_deserializer is None:
        unpack = reader("jsonb" if binary else "json", unpack)
    return coerce, pack, encode, unpack
