# The synchronous twin is generated from this file by tools/unasync.py. Written for psycopg 3.3.
"""Statements behind a pooler, where none can be prepared in one transaction and run in another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.adapters.psycopg import _protocol as protocol
from sqlspec.adapters.psycopg._async_statements import AsyncStatements
from sqlspec.postgres.codec import MissingTypesError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.pq.abc import PGresult

    from sqlspec.adapters.psycopg._async_statements import Prepared, Send
    from sqlspec.core.result import Column

__all__ = ("AsyncPooledStatements",)


class AsyncPooledStatements(AsyncStatements):
    """Statements that are described before each use, and sent as text with the types that the description gave.

    Outside a transaction the two may meet different states of the schema. Values that were sent keep their types all
    the same, as these are sent too; rows that came are read as what they are.
    """

    __slots__ = ()

    kept = False

    def sender(self, sql: str, prepared: Prepared) -> Send:
        prepared.loaders = _Loaders(prepared)
        text = (prepared.text or sql).encode()

        def send(name: bytes, values: list[bytes | None], formats: list[int], wanted: int) -> None:
            self._pgconn.send_query_params(text, values, prepared.oids, formats, wanted)

        return send


class _Loaders:
    """Stands before the loaders of a statement that is used once: if other columns came, they are not for them."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._loaders = prepared.loaders
        self._fit = True

    def set_pgresult(self, result: PGresult | None, *, set_loaders: bool = True) -> None:
        if result is not None:
            columns = protocol.columns_of(result)
            self._fit = _types(columns) == _types(self._prepared.wire)
            if not self._fit:
                self._prepared.columns = self._prepared.wire = columns
        self._loaders.set_pgresult(result, set_loaders=set_loaders)

    def load_rows(self, first: int, end: int, make: Callable[[Sequence[Any]], Any], /) -> list[Any]:
        if self._fit:
            return self._loaders.load_rows(first, end, make)
        # What reads rows without loaders looks up the types first.
        raise MissingTypesError(column.oid for column in self._prepared.wire)


def _types(columns: Sequence[Column]) -> list[tuple[str, int]]:
    return [(column.name, column.oid) for column in columns]
