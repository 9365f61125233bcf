"""Where psycopg's own values are not the canonical ones, and what stands in for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import adapt, pq

from sqlspec.postgres.codec import ValueRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.abc import Buffer, Transformer
    from psycopg.pq.abc import PGresult

    from sqlspec.core.result import Column
    from sqlspec.postgres.codec import CodecRegistry

__all__ = ("DECODE_ERRORS", "decode_slowly", "row_loaders")

# Types that psycopg's binary loaders read exactly, and their arrays. For date, time and timestamp the loader
# refuses what Python cannot hold, and the codec then says which column it was, or clamps.
EXACT = frozenset(
    {16, 17, 18, 19, 20, 21, 23, 25, 26, 700, 701, 1042, 1043, 1082, 1083, 1114, 1700, 2950}
    | {1000, 1001, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 1028, 1115, 1182, 1183, 1231, 2951}
)

DECODE_ERRORS = (psycopg.DataError, ValueRefused, OverflowError, ValueError)


def _loader_class(unpack: Callable[[bytes], Any]) -> type[adapt.Loader]:
    class CodecLoader(adapt.Loader):
        format = pq.Format.BINARY

        def load(self, data: Buffer) -> Any:
            return unpack(bytes(data))

    return CodecLoader


def row_loaders(connection: Any, columns: Sequence[Column], codecs: CodecRegistry) -> Transformer:
    """Return a transformer that decodes binary rows of these columns, with our codecs where psycopg is not exact."""
    context = adapt.AdaptersMap(connection.adapters)
    for oid in {column.oid for column in columns} - EXACT:
        codec = codecs.get(oid)
        if codec is not None:
            context.register_loader(oid, _loader_class(codec.unpack))
    transformer = adapt.Transformer(_Context(context, connection))
    transformer.set_loader_types([column.oid for column in columns], pq.Format.BINARY)
    return transformer


class _Context:
    """An adaptation context of one statement: its own loaders, the connection's encoding."""

    def __init__(self, adapters: adapt.AdaptersMap, connection: Any) -> None:
        self.adapters = adapters
        self.connection = connection


def decode_slowly(result: PGresult, columns: Sequence[Column], codecs: CodecRegistry) -> list[tuple[Any, ...]]:
    """Decode rows that a loader of psycopg refused, by our codecs alone.

    Raises:
        DataError: Names the column whose value Python cannot hold.
    """
    decode = codecs.decoder(tuple(column.oid for column in columns), tuple(column.name for column in columns))
    width = range(result.nfields)
    return [decode([result.get_value(row, column) for column in width]) for row in range(result.ntuples)]
