"""`inet` and `cidr`.

Wire form (`src/backend/utils/adt/network.c`): family (2 or 3), prefix length, is-cidr flag, length of the
address, address.
"""

from __future__ import annotations

import re
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_interface,
    ip_network,
)
from typing import Any

from sqlspec.postgres.codec.base import ValueRefused, refused

__all__ = ("coerce_cidr", "coerce_inet", "pack_cidr", "pack_inet", "unpack_cidr", "unpack_inet")

Inet = IPv4Address | IPv6Address | IPv4Interface | IPv6Interface
Cidr = IPv4Network | IPv6Network

# The standard library also takes netmasks after the slash, which PostgreSQL does not.
_TEXT = re.compile(r"[0-9a-f:.]+(?:/\d{1,3})?", re.IGNORECASE | re.ASCII)


def _check_scope(address: Any) -> None:
    if getattr(address, "scope_id", None) is not None:
        raise ValueRefused("the address has a scope (%...), which PostgreSQL cannot store; remove it")


def coerce_inet(value: Any) -> Inet:
    """Coerce to an address, or to an interface when the prefix is shorter than the address."""
    if isinstance(value, str):
        text = str.__str__(value)
        try:
            if not _TEXT.fullmatch(text):
                raise ValueError
            value = ip_interface(text)
        except ValueError:
            raise ValueRefused("the str is not an IP address, with or without a prefix length") from None
    if isinstance(value, IPv4Interface | IPv6Interface):
        _check_scope(value)
        return value.ip if value.network.prefixlen == value.max_prefixlen else value
    if isinstance(value, IPv4Address | IPv6Address):
        _check_scope(value)
        return value
    raise refused(value, "an ipaddress address or interface")


def pack_inet(value: Inet) -> bytes:
    """Write an address with its prefix length."""
    packed = value.packed
    size = len(packed)
    bits = value.network.prefixlen if isinstance(value, IPv4Interface | IPv6Interface) else 8 * size
    return bytes((2 if size == 4 else 3, bits, 0, size)) + packed


def unpack_inet(data: bytes) -> Inet:
    """Read an address; the prefix length makes it an interface unless it is the full length."""
    bits, size, packed = data[1], data[3], data[4:]
    if size == 4:
        return IPv4Address(packed) if bits == 32 else IPv4Interface((packed, bits))
    return IPv6Address(packed) if bits == 128 else IPv6Interface((packed, bits))


def coerce_cidr(value: Any) -> Cidr:
    """Coerce to a network without host bits."""
    if isinstance(value, str):
        text = str.__str__(value)
        try:
            if not _TEXT.fullmatch(text):
                raise ValueError
            return ip_network(text)
        except ValueError:
            raise ValueRefused("the str is not an IP network, or it has bits set to the right of its mask") from None
    if isinstance(value, IPv4Network | IPv6Network):
        _check_scope(value.network_address)
        return value
    raise refused(value, "an ipaddress network")


def pack_cidr(value: Cidr) -> bytes:
    """Write a network."""
    packed = value.network_address.packed
    size = len(packed)
    return bytes((2 if size == 4 else 3, value.prefixlen, 1, size)) + packed


def unpack_cidr(data: bytes) -> Cidr:
    """Read a network."""
    bits, size, packed = data[1], data[3], data[4:]
    return IPv4Network((packed, bits)) if size == 4 else IPv6Network((packed, bits))
