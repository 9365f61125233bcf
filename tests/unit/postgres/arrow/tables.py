"""Tables and types without a server."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from sqlspec.postgres.arrow.plan import LoadOptions, LoadPlan, plan_load
from sqlspec.postgres.arrow.target import Target, TargetColumn
from sqlspec.postgres.catalog import TypeInfo
from sqlspec.postgres.codec import CodecRegistry

__all__ = ("TYPES", "column", "convert", "numeric", "plan", "registry", "table")

MOOD, PAIR, PAIRS, PLACE, SMALL, HSTORE, VECTOR, HALFVEC, LEFT = range(90001, 90010)
TYPES = [
    TypeInfo(MOOD, "mood", "public", "e", labels=("sad", "ok")),
    TypeInfo(PAIR, "pair", "public", "c", fields=(("a", 23), ("b", 25))),
    TypeInfo(PAIRS, "_pair", "public", "b", element_oid=PAIR),
    TypeInfo(PLACE, "place", "public", "c", fields=(("net", 869), ("price", 1700))),
    TypeInfo(SMALL, "small", "public", "d", base_oid=1043),
    TypeInfo(HSTORE, "hstore", "public", "b", extension="hstore"),
    TypeInfo(VECTOR, "vector", "public", "b", extension="vector"),
    TypeInfo(HALFVEC, "halfvec", "public", "b", extension="vector"),
    TypeInfo(LEFT, "left", "public", "d", base_oid=SMALL),
]


def registry() -> CodecRegistry:
    codecs = CodecRegistry()
    codecs.learn(TYPES)
    return codecs


def numeric(precision: int, scale: int) -> int:
    return (precision << 16 | scale & 0x7FF) + 4


def column(name: str, oid: int, typmod: int = -1, **facts: Any) -> TargetColumn:
    codecs = registry()
    codec = codecs.get(oid)
    assert codec is not None
    plain: dict[str, Any] = {
        "type_name": codec.name,
        "not_null": False,
        "identity": "",
        "generated": False,
        "has_default": False,
        "base_name": f"pg_catalog.{codec.name}",
        "array_oid": 1,
        "array_name": f"pg_catalog._{codec.name}",
    }
    return TargetColumn(name, oid, typmod, **(plain | facts))


def table(*columns: TargetColumn, **facts: Any) -> Target:
    plain: dict[str, Any] = {
        "oid": 1,
        "schema": "s",
        "name": "t",
        "kind": "r",
        "has_rules": False,
        "row_security": False,
        "client_encoding": "UTF8",
        "typmods": {},
    }
    return Target(columns=columns, **(plain | facts))


def plan(target: Target, source: pa.Table | pa.RecordBatch, copies: bool = True, **options: Any) -> LoadPlan:
    return plan_load(target, source.schema, registry(), LoadOptions(**options), copies)


def convert(array: pa.Array, oid: int, typmod: int = -1, *, copies: bool = True, first: int = 0, **options: Any) -> Any:
    """Return what an array is sent as, for a column of that type."""
    batch = pa.record_batch([array], names=["x"])
    made = plan(table(column("x", oid, typmod)), batch, copies, **options).convert(batch, first)
    made.validate(full=True)
    return made.column(0)
