# The synchronous twin is generated from this file by tools/unasync.py. Written for psycopg 3.3.
"""One statement for many rows of values, in one pipeline."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from psycopg import pq

from sqlspec.adapters.psycopg import _protocol as protocol
from sqlspec.core.result import RawResult
from sqlspec.driver._many import set_row
from sqlspec.postgres.codec import MissingTypesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from psycopg.pq.abc import PGconn, PGresult

    from sqlspec.adapters.psycopg._async_statements import AsyncStatements, Prepared
    from sqlspec.core.plan import Plan

__all__ = ("run_batch",)

ENOUGH = 1 << 20
"""Bytes of values that libpq may hold before it is waited for the server to take them."""

TUPLES_OK = pq.ExecStatus.TUPLES_OK
BINARY = pq.Format.BINARY


def _commands(prepared: Prepared, rows: Iterable[list[bytes | None]]) -> Iterator[Callable[[], Any]]:
    send, name, formats = prepared.send, prepared.name, prepared.formats
    size = 0
    for values in rows:
        yield partial(send, name, values, formats, BINARY)
        size += sum(map(len, filter(None, values)))
        if size > ENOUGH:
            size = 0
            yield protocol.FLUSH


async def run_batch(
    pgconn: PGconn, statements: AsyncStatements, plan: Plan, rows: Iterable[Sequence[Any]]
) -> RawResult:
    """Run a statement for each row of values, in the caller's transaction."""
    prepared, encoded = await statements.bound_rows(plan.sql, rows)
    commands = _commands(prepared, encoded)
    received = 0
    found: list[Any] = []
    late: list[tuple[int, PGresult]] = []
    count = 0
    known = True

    def receive(number: int, result: PGresult) -> None:
        nonlocal count, known, received
        received = number + 1
        if result.status == TUPLES_OK:
            try:
                found.extend(statements.rows(prepared, result).rows)
            except MissingTypesError:
                late.append((len(found), result))
        affected = result.command_tuples
        known = known and affected is not None
        count += affected or 0

    try:
        await statements.pipeline(commands, receive)
    except protocol.Error as error:
        set_row(error, received)
        statements.discard_stale(plan, error)
        raise
    for at, result in reversed(late):
        found[at:at] = await statements.decode_slowly(prepared, result)
    return RawResult(found, prepared.columns, "tuple", count if known else None)
