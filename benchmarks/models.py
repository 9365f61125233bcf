"""Classes that rows are mapped to. Each library is imported when a class of it is asked for, as not all have it."""

from __future__ import annotations

import datetime
from dataclasses import make_dataclass
from functools import cache
from typing import Any

from benchmarks.data import QUERIES

__all__ = ("TARGETS", "model")

TYPES: dict[str, Any] = {
    "id": int,
    "name": str,
    "score": float,
    "active": bool,
    "created": datetime.datetime,
    "data": dict[str, Any],
}
TARGETS = ("dict", "tuple", "Struct", "dataclass", "pydantic")


@cache
def model(query: str, target: str) -> Any:
    """Return the class for the rows of a query; `None` for dicts."""
    fields = [(name, TYPES[name]) for name in QUERIES[query].names]
    if target == "dict":
        return None
    if target == "tuple":
        return tuple
    if target == "dataclass":
        return make_dataclass("Row", fields, slots=True)
    if target == "Struct":
        import msgspec

        return msgspec.defstruct("Row", fields)
    if target == "pydantic":
        import pydantic

        definitions: Any = {name: (kind, ...) for name, kind in fields}
        return pydantic.create_model("Row", **definitions)
    raise ValueError(f"unknown target: {target}; use one of {', '.join(TARGETS)}")
