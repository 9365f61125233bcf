"""Text, bytes, `uuid`, bit strings, `macaddr`, and system types whose canonical value is their text form.

Source of the formats: in `src/backend/utils/adt/`, `varlena.c`, `char.c`, `name.c`, `uuid.c`, `varbit.c`,
`mac.c`, `mac8.c`, `pg_lsn.c`, `tid.c`, `xid8funcs.c`, `int.c` (int2vector), `oid.c` (oidvector) and
`jsonpath.c`.
"""

from __future__ import annotations

import re
import struct
import uuid
from typing import Any

from sqlspec.postgres.codec.base import (
    INT4,
    UINT4,
    UINT8,
    Coerce,
    Pack,
    Unpack,
    ValueRefused,
    plain_text,
    refused,
)
from sqlspec.postgres.codec.reading import reader

__all__ = (
    "coerce_bit",
    "coerce_bytes",
    "coerce_char",
    "coerce_name",
    "coerce_uuid",
    "mac_address",
    "number_vector",
    "versioned_text",
)


def _unpack_text(data: bytes) -> str:
    return data.decode()


unpack_text = reader("text", _unpack_text)
"""Read UTF-8; connections with another client_encoding are refused at connect."""


# --- "char" and name ---------------------------------------------------------------------------------------

_OCTAL = re.compile(r"\\[2-3][0-7]{2}")


def coerce_char(value: Any) -> str:
    r"""Coerce to the text form of one byte: empty, one ASCII character, or an escape such as `\303`."""
    text = plain_text(value)
    if len(text) > 1 and not _OCTAL.fullmatch(text):
        raise ValueRefused('the str is longer than the single byte of "char"; use text')
    if len(text) == 1 and not text.isascii():
        raise ValueRefused('the character is not ASCII and does not fit the single byte of "char"; use text')
    return text


def pack_char(text: str) -> bytes:
    """Write one byte; the server's text form of the byte 0 is empty."""
    if not text:
        return b"\0"
    return bytes((int(text[1:], 8),)) if len(text) > 1 else text.encode()


def unpack_char(data: bytes) -> str:
    """Read one byte, the way `charout` prints it."""
    byte = data[0]
    if byte < 0x80:
        return chr(byte) if byte else ""
    return f"\\{byte:03o}"


def coerce_name(value: Any) -> str:
    """Coerce to an identifier of at most 63 bytes, which the server would cut short silently."""
    text = plain_text(value)
    if len(text) > 15 and len(text.encode()) > 63:
        raise ValueRefused("the str is longer than the 63 bytes of a name; shorten it or use text")
    return text


# --- bytea and uuid ----------------------------------------------------------------------------------------


def coerce_bytes(value: Any) -> bytes:
    """Coerce to `bytes`."""
    if value.__class__ is bytes:
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise refused(value, "bytes")


_UUID_TEXT = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_UUID = uuid.UUID
_UNKNOWN = uuid.SafeUUID.unknown
_new = object.__new__
# The slots' own descriptors: UUID forbids assignment, and its constructor takes three times as long.
_set_int = _UUID.int.__set__  # type: ignore[misc, attr-defined]
_set_safe = _UUID.is_safe.__set__  # type: ignore[misc, attr-defined]


def coerce_uuid(value: Any) -> uuid.UUID:
    """Coerce to `UUID`, also from its usual text forms (with or without hyphens or braces)."""
    if isinstance(value, _UUID):
        return value
    if not isinstance(value, str):
        raise refused(value, "a uuid.UUID")
    text = str.__str__(value)
    if text[:1] == "{" and text[-1:] == "}":
        text = text[1:-1]
    if not _UUID_TEXT.fullmatch(text):
        raise ValueRefused("the str is not a UUID; pass a uuid.UUID")
    return _UUID(text)


def pack_uuid(value: uuid.UUID) -> bytes:
    """Write 16 bytes."""
    return value.int.to_bytes(16, "big")


def unpack_uuid(data: bytes) -> uuid.UUID:
    """Read 16 bytes."""
    if len(data) != 16:
        raise ValueRefused("its wire form is not 16 bytes long")
    value = _new(_UUID)
    _set_int(value, int.from_bytes(data, "big"))
    _set_safe(value, _UNKNOWN)
    return value


# --- bit strings -------------------------------------------------------------------------------------------


def coerce_bit(value: Any) -> str:
    """Coerce to a `str` of the characters 0 and 1."""
    text = plain_text(value, "a str of 0 and 1")
    if text.strip("01"):
        raise ValueRefused("the str holds other characters than 0 and 1")
    if "0" in text or "1" in text or not text:
        return text
    raise ValueRefused("the str holds other characters than 0 and 1")


def pack_bit(bits: str) -> bytes:
    """Write the number of bits and the bits, left-aligned."""
    size = len(bits)
    if not size:
        return b"\0\0\0\0"
    length = (size + 7) >> 3
    return INT4.pack(size) + int(bits.ljust(8 * length, "0"), 2).to_bytes(length, "big")


def unpack_bit(data: bytes) -> str:
    """Read bits as text."""
    (size,) = INT4.unpack_from(data)
    if not size:
        return ""
    return format(int.from_bytes(data[4:], "big"), f"0{8 * (len(data) - 4)}b")[:size]


# --- macaddr -----------------------------------------------------------------------------------------------

_MAC_FORMS = tuple(
    re.compile(pattern, re.IGNORECASE | re.ASCII)
    for pattern in (
        r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?:(?:\1[0-9a-f]{2}){2})?",
        r"[0-9a-f]{6}[:-](?:[0-9a-f]{6}|[0-9a-f]{10})",
        r"[0-9a-f]{4}([.-])[0-9a-f]{4}\1[0-9a-f]{4}(?:\1[0-9a-f]{4})?",
        r"[0-9a-f]{12}(?:[0-9a-f]{4})?",
    )
)


def mac_address(size: int) -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `macaddr` (6 bytes) or `macaddr8` (8).

    All notations of the manual, section 8.9.3 and 8.9.4, are taken; the canonical one is lower case with
    colons. As on the server a 6-byte address becomes an 8-byte one with `ff:fe` in the middle.
    """
    name = "macaddr" if size == 6 else "macaddr8"

    def coerce(value: Any) -> str:
        text = plain_text(value, "a str").strip()
        if not any(form.fullmatch(text) for form in _MAC_FORMS):
            raise ValueRefused(f"the str is not a {name}; write it like 08:00:2b:01:02:03")
        data = bytes.fromhex(re.sub("[:.-]", "", text))
        if len(data) == 6 and size == 8:
            data = data[:3] + b"\xff\xfe" + data[3:]
        if len(data) != size:
            raise ValueRefused(f"the str is not a {name}: it has {len(data)} bytes, not {size}")
        return data.hex(":")

    def pack(text: str) -> bytes:
        return bytes.fromhex(text.replace(":", ""))

    def unpack(data: bytes) -> str:
        return data.hex(":")

    return coerce, pack, unpack


# --- text behind a version byte ----------------------------------------------------------------------------


def versioned_text(name: str) -> tuple[Pack, Unpack]:
    """Build `pack` and `unpack` for types sent as a version byte 1 and their text."""

    def pack(text: str) -> bytes:
        return b"\1" + text.encode()

    def unpack(data: bytes) -> str:
        if data[:1] != b"\1":
            raise ValueRefused(f"its {name} format is newer than this package; select it with ::text")
        return data[1:].decode()

    return pack, unpack


# --- system types ------------------------------------------------------------------------------------------

_LSN = re.compile(r"([0-9a-f]{1,8})/([0-9a-f]{1,8})", re.IGNORECASE | re.ASCII)
_TID = re.compile(r"\((\d{1,10}),(\d{1,5})\)", re.ASCII)
_TID_WIRE = struct.Struct(">IH")
_SNAPSHOT = re.compile(r"(\d{1,20}):(\d{1,20}):((?:\d{1,20}(?:,\d{1,20})*)?)", re.ASCII)
_DIGITS = re.compile(r"\d{1,10}", re.ASCII)


def coerce_lsn(value: Any) -> str:
    """Coerce to the text form of a `pg_lsn`, such as `16/B374D848`."""
    match = _LSN.fullmatch(plain_text(value))
    if not match:
        raise ValueRefused("the str is not a pg_lsn; write it like 16/B374D848")
    return f"{int(match[1], 16):X}/{int(match[2], 16):X}"


def pack_lsn(text: str) -> bytes:
    """Write the position as an unsigned int8."""
    high, _, low = text.partition("/")
    return UINT8.pack(int(high, 16) << 32 | int(low, 16))


def unpack_lsn(data: bytes) -> str:
    """Read the position."""
    (position,) = UINT8.unpack(data)
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def coerce_tid(value: Any) -> str:
    """Coerce to the text form of a `tid`, such as `(0,1)`."""
    match = _TID.fullmatch(plain_text(value))
    if not match or int(match[1]) > 0xFFFFFFFF or int(match[2]) > 0xFFFF:
        raise ValueRefused("the str is not a tid; write it like (0,1)")
    return f"({int(match[1])},{int(match[2])})"


def pack_tid(text: str) -> bytes:
    """Write block number and offset."""
    block, _, offset = text[1:-1].partition(",")
    return _TID_WIRE.pack(int(block), int(offset))


def unpack_tid(data: bytes) -> str:
    """Read block number and offset."""
    block, offset = _TID_WIRE.unpack(data)
    return f"({block},{offset})"


def coerce_cid(value: Any) -> str:
    """Coerce to the text form of a `cid`, an unsigned number."""
    text = plain_text(value)
    if not _DIGITS.fullmatch(text) or int(text) > 0xFFFFFFFF:
        raise ValueRefused("the str is not a number from 0 to 4294967295")
    return str(int(text))


def pack_cid(text: str) -> bytes:
    """Write an unsigned int4."""
    return UINT4.pack(int(text))


def unpack_cid(data: bytes) -> str:
    """Read an unsigned int4."""
    return str(UINT4.unpack(data)[0])


def coerce_snapshot(value: Any) -> str:
    """Coerce to the text form of a `pg_snapshot`, `xmin:xmax:xip,...`; the server checks the order."""
    text = plain_text(value)
    match = _SNAPSHOT.fullmatch(text)
    if not match or any(int(part) > 0x7FFFFFFFFFFFFFFF for part in re.findall(r"\d+", text)):
        raise ValueRefused("the str is not a snapshot; write it like 10:20:10,14")
    return text


def pack_snapshot(text: str) -> bytes:
    """Write the number of transactions in progress, then xmin, xmax and these transactions."""
    xmin, xmax, listed = text.split(":")
    running = [int(xid) for xid in listed.split(",")] if listed else []
    return struct.pack(f">i{2 + len(running)}Q", len(running), int(xmin), int(xmax), *running)


def unpack_snapshot(data: bytes) -> str:
    """Read a snapshot."""
    (count,) = INT4.unpack_from(data)
    xmin, xmax, *running = struct.unpack_from(f">{2 + count}Q", data, 4)
    return f"{xmin}:{xmax}:{','.join(map(str, running))}"


def number_vector(form: struct.Struct) -> Unpack:
    """Build `unpack` for `int2vector` or `oidvector`, whose text form is numbers with spaces between.

    They are sent as arrays; the server refuses to receive an empty one, so parameters go as text.

    Args:
        form: Reads one number behind its length.
    """

    def unpack(data: bytes) -> str:
        return " ".join([str(number) for (number,) in form.iter_unpack(data[20:])])

    return unpack
