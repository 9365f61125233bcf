"""Whether the binary form of one server's values is that of another server's: what can be passed on as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from sqlspec.postgres.catalog import TypeInfo

__all__ = ("EXTENSIONS_QUERY", "Wire", "base_oid", "fits", "is_stable", "wire_of")

Wire: TypeAlias = tuple[object, ...]
"""What the bytes of a type's values mean. Equal on two servers: they read each other's."""

EXTENSIONS_QUERY = "select extname::pg_catalog.text, extversion from pg_catalog.pg_extension"

_FIRST_UNSTABLE = 10_000
"""Types below this have the same OID on every server (`src/include/access/transam.h`)."""

# Their bytes are OIDs, which differ from database to database, or count units that a setting decides on (money), or are
# nothing that a server takes.
_NOT_PASSED_ON = frozenset({
    24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191,
    790, 32, 194, 1033, 3361, 3402, 4600, 4601, 5017,
})  # fmt: skip

_TEXT, _VARCHAR = ("oid", 25), ("oid", 1043)


def is_stable(oid: int) -> bool:
    """Tell whether a type is the same on every server."""
    return oid < _FIRST_UNSTABLE


def base_oid(oid: int, types: Mapping[int, TypeInfo]) -> int:
    """Return the type that a domain, perhaps over domains, is over; any other type itself."""
    while (found := types.get(oid)) is not None and found.kind == "d":
        oid = found.base_oid
    return oid


def wire_of(oid: int, types: Mapping[int, TypeInfo], versions: Mapping[str, str]) -> Wire | None:
    """Return what the bytes of a type's values mean.

    Args:
        oid: The type.
        types: What the catalog says of it and of its parts.
        versions: Version of each extension.

    Returns:
        `None` where another server would read something else, or nobody can tell.
    """
    found = types.get(oid)
    if found is None or oid in _NOT_PASSED_ON:
        return None
    parts = [
        *((found.element_oid,) if found.element_oid else ()),
        *((found.range_subtype,) if found.range_subtype else ()),
        *(part for _, part in found.fields),
    ]
    wires = [wire_of(part, types, versions) for part in parts]
    if None in wires:
        return None
    if found.kind == "d":
        return wire_of(found.base_oid, types, versions)
    if is_stable(oid):
        return ("oid", oid)
    if found.kind == "e":
        return ("enum", *found.labels)
    if found.kind in "rm":
        return (found.kind, *wires)
    if found.kind == "c" and all(is_stable(part) for part in parts):  # a value tells the types of its fields
        return ("row", *found.fields)
    if found.kind == "b" and found.extension is not None and not found.element_oid:
        return ("extension", found.extension, versions[found.extension], found.name)
    return None


def fits(wire: Wire | None, typmod: int, target: Wire | None, target_typmod: int) -> bool:
    """Tell whether values can go into a column as they are, with nothing lost that the server would not refuse.

    Args:
        wire: Of the values.
        typmod: Their type modifier; -1 for none, or where it is not known.
        target: Of the column.
        target_typmod: Its modifier.
    """
    if wire is None or target is None:
        return False
    if wire != target:
        both_text = {wire, target} <= {_TEXT, _VARCHAR}
        more_labels = wire[0] == target[0] == "enum" and set(wire) <= set(target)
        if not both_text and not more_labels:
            return False
    # A server rounds and cuts what has more digits than its column.
    return target_typmod in (-1, typmod) or (wire == target == _VARCHAR and 0 <= typmod <= target_typmod)
