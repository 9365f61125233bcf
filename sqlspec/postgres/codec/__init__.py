"""PostgreSQL's binary format <-> canonical Python values, by type OID.

A `CodecRegistry` finds the `Codec` of a type and builds functions that convert whole parameter lists and
rows. Nothing here performs I/O or imports a driver; types that are not built in are learnt from rows of
`sqlspec.postgres.catalog`.
"""

from __future__ import annotations

from sqlspec.postgres.codec.base import Codec, CodecOptions, MissingTypesError, ValueRefused
from sqlspec.postgres.codec.binders import Checker, Decoder, Encoder
from sqlspec.postgres.codec.builtin import ALWAYS_READ, MONEY
from sqlspec.postgres.codec.registry import CodecRegistry

__all__ = (
    "ALWAYS_READ",
    "MONEY",
    "Checker",
    "Codec",
    "CodecOptions",
    "CodecRegistry",
    "Decoder",
    "Encoder",
    "MissingTypesError",
    "ValueRefused",
)
