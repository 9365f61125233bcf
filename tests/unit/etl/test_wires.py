from __future__ import annotations

import pytest

from sqlspec.etl._wires import Wire, fits, wire_of
from sqlspec.postgres.catalog import TypeInfo

INT, TEXT, VARCHAR, NUMERIC, MONEY = (("oid", oid) for oid in (23, 25, 1043, 1700, 790))


def known(*types: TypeInfo) -> dict[int, TypeInfo]:
    builtin = [TypeInfo(oid, f"t{oid}", "pg_catalog", "b") for oid in (23, 25, 790, 2205)]
    return {found.oid: found for found in (*builtin, *types)}


USER = [
    (TypeInfo(23, "int4", "pg_catalog", "b"), INT),
    (TypeInfo(1007, "_int4", "pg_catalog", "b", element_oid=23), ("oid", 1007)),
    (TypeInfo(791, "_money", "pg_catalog", "b", element_oid=790), None),
    (TypeInfo(790, "money", "pg_catalog", "b"), None),
    (TypeInfo(2205, "regclass", "pg_catalog", "b"), None),
    (TypeInfo(13_000, "cardinal", "information_schema", "d", base_oid=23), INT),
    (TypeInfo(20_000, "d", "public", "d", base_oid=790), None),
    (TypeInfo(20_000, "e", "public", "e", labels=("a", "b")), ("enum", "a", "b")),
    (TypeInfo(20_000, "_e", "public", "b", element_oid=23), None),
    (TypeInfo(20_000, "r", "public", "r", range_subtype=23), ("r", INT)),
    (TypeInfo(20_000, "r", "public", "r", range_subtype=2205), None),
    (TypeInfo(20_000, "c", "public", "c", fields=(("x", 23), ("y", 25))), ("row", ("x", 23), ("y", 25))),
    (TypeInfo(20_000, "c", "public", "c", fields=(("x", 20_001),)), None),
    (TypeInfo(20_000, "citext", "public", "b", extension="citext"), ("extension", "citext", "1.6", "citext")),
    (TypeInfo(20_000, "mine", "public", "b"), None),
]


@pytest.mark.parametrize(("found", "expected"), USER)
def test_what_bytes_mean(found: TypeInfo, expected: Wire | None) -> None:
    assert wire_of(found.oid, known(found), {"citext": "1.6"}) == expected


def test_a_type_that_nobody_knows_is_not_passed_on() -> None:
    assert wire_of(99_999, {}, {}) is None


@pytest.mark.parametrize(
    ("wire", "typmod", "target", "target_typmod", "expected"),
    [
        (INT, -1, INT, -1, True),
        (INT, -1, TEXT, -1, False),
        (None, -1, None, -1, False),
        (NUMERIC, 100, NUMERIC, -1, True),
        (NUMERIC, 100, NUMERIC, 100, True),
        (NUMERIC, -1, NUMERIC, 100, False),  # would be rounded
        (NUMERIC, 90, NUMERIC, 100, False),
        (TEXT, -1, VARCHAR, -1, True),
        (VARCHAR, 24, TEXT, -1, True),
        (TEXT, -1, VARCHAR, 24, False),  # would be cut, if only blanks
        (VARCHAR, 24, VARCHAR, 30, True),
        (VARCHAR, 30, VARCHAR, 24, False),
        (("enum", "a"), -1, ("enum", "b", "a"), -1, True),
        (("enum", "a", "c"), -1, ("enum", "b", "a"), -1, False),
        (("enum", "a"), -1, TEXT, -1, False),
    ],
)
def test_what_fits(wire: Wire | None, typmod: int, target: Wire | None, target_typmod: int, expected: bool) -> None:
    assert fits(wire, typmod, target, target_typmod) is expected
