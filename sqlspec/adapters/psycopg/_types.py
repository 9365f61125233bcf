"""Where psycopg's own values are not the canonical ones, and what stands in for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from psycopg import adapt, pq

from sqlspec.postgres.codec import MissingTypesError, ValueRefused
from sqlspec.postgres.codec.reading import is_compiled
from sqlspec.postgres.enclose import enclose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.abc import Buffer, Transformer
    from psycopg.pq.abc import PGresult

    from sqlspec.core.result import Column
    from sqlspec.postgres.codec import Codec, CodecRegistry

__all__ = ("DECODE_ERRORS", "RowLoaders", "columns_on_wire", "decode_slowly", "row_loaders", "select_as_text")

# Types that psycopg's binary loaders read exactly, and their arrays. For date, time and timestamp the loader
# refuses what Python cannot hold, and the codec then says which column it was, or clamps.
EXACT = frozenset(
    {16, 17, 19, 20, 21, 23, 25, 26, 700, 701, 1042, 1043, 1082, 1083, 1114, 1700, 2950}
    | {1000, 1001, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 1028, 1115, 1182, 1183, 1231, 2951}
)

DECODE_ERRORS = (psycopg.DataError, ValueRefused, MissingTypesError, OverflowError, ValueError)

TEXT, TEXT_ARRAY, TIMESTAMPTZ = 25, 1009, 1184


# As they were at the first import. What an application registers on a connection or globally is for its own cursors.
PRISTINE = adapt.AdaptersMap(psycopg.adapters)

# Read by `struct` alone, which takes any buffer, as compiled readers do: no copy, and no call in between.
ANY_BUFFER = frozenset({TIMESTAMPTZ})


def _loader_class(codec: Codec) -> type[adapt.Loader]:
    unpack: Callable[[Any], Any] = codec.unpack

    class CodecLoader(adapt.Loader):
        format = pq.Format.BINARY

        def load(self, data: Buffer) -> Any:
            return unpack(bytes(data))

    if codec.oid in ANY_BUFFER or is_compiled(unpack):
        CodecLoader.load = staticmethod(unpack)  # type: ignore[method-assign, assignment]
    return CodecLoader


class RowLoaders(Protocol):
    """What decodes the rows of one statement: psycopg's `Transformer`, or what stands before it."""

    def set_pgresult(self, result: PGresult | None, *, set_loaders: bool = True) -> None: ...
    def load_rows(self, first: int, end: int, make: Callable[[Sequence[Any]], Any], /) -> list[Any]: ...


def row_loaders(connection: Any, columns: Sequence[Column], codecs: CodecRegistry) -> Transformer:
    """Return a transformer that decodes binary rows of these columns, with our codecs where psycopg is not exact."""
    context = adapt.AdaptersMap(PRISTINE)
    # psycopg's loader takes the time zone of the session when it is made, and keeps it: made in UTC it stays right.
    in_utc = connection.pgconn.parameter_status(b"TimeZone") == b"UTC"
    exact = EXACT | {TIMESTAMPTZ} if in_utc else EXACT
    for oid in {column.oid for column in columns} - exact:
        codec = codecs.get(oid)
        if codec is not None:
            context.register_loader(oid, _loader_class(codec))
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
    return decode([[result.get_value(row, column) for column in width] for row in range(result.ntuples)])


def columns_on_wire(columns: tuple[Column, ...], codecs: CodecRegistry) -> tuple[Column, ...]:
    """Return the columns as they have to be sent: text in place of types that have no binary format we know."""
    wire = tuple(column._replace(oid=_text_type(codecs.get(column.oid)) or column.oid) for column in columns)
    return columns if wire == columns else wire


def _text_type(codec: Codec | None) -> int | None:
    if codec is None or codec.reads_binary or not codec.is_text_fallback:
        return None
    return TEXT if codec.element is None else TEXT_ARRAY


def select_as_text(sql: str, columns: Sequence[Column], wire: Sequence[Column]) -> str | None:
    """Enclose a statement in one that casts some of its columns to text.

    libpq takes one format for all columns of a result, so the server's text has to come as a value of type text.
    A round trip that converts fetched values could not do it: types such as `aclitem` have no binary format at all,
    and the search path that names depend on may have changed since.

    Args:
        sql: The statement.
        columns: Its columns.
        wire: The same with the types that are to be sent.

    Returns:
        The text; `None` for a statement that cannot be part of another.
    """
    casts = {TEXT: "::pg_catalog.text", TEXT_ARRAY: "::pg_catalog.text[]"}
    items = [
        f"c{at}{casts[sent.oid] if sent.oid != column.oid else ''}"
        for at, (column, sent) in enumerate(zip(columns, wire, strict=True))
    ]
    return enclose(sql, len(columns), items)
