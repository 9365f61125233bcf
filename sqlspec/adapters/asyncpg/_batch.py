"""Batches that can be cancelled: asyncpg 0.32 swallows a cancellation while it sends rows, and then waits for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.adapters.asyncpg._connect import cut
from sqlspec.adapters.asyncpg._writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence

    from sqlspec.adapters.asyncpg._native import asyncpg

__all__ = ("run_batch",)

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds in which a cancelled batch has to end. The server may keep it waiting for a lock while rows are sent."""


class _Stopped(Exception):
    """Raised in place of the next row; asyncpg ends a batch cleanly when its rows cannot be had."""


class _Rows:
    """Rows that are taken one by one, until they are told to stop."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._rows = rows
        self.stopped = False
        self.all_taken = False

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in self._rows:
            if self.stopped:
                raise _Stopped
            yield row
        self.all_taken = True

    def stop(self) -> None:
        self.stopped = True


async def run_batch(
    run: Callable[[Iterable[Sequence[Any]]], Coroutine[Any, Any, T]],
    rows: Iterable[Sequence[Any]],
    connection: asyncpg.Connection,
) -> T:
    """Await `run(rows)`; when cancelled, end it without harm to the connection, or cut that.

    Args:
        run: `executemany` or `fetchmany` of a prepared statement.
        rows: The values, read lazily.
        connection: Where that runs.
    """
    source = _Rows(rows)
    task = asyncio.get_running_loop().create_task(run(source))
    with Writing(connection, source.stop):
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            source.stop()
            if source.all_taken:
                task.cancel()  # nothing is left to send, so asyncpg cancels on the server
            await asyncio.wait((task,), timeout=PATIENCE)
            if not task.done():
                cut(connection)
                await asyncio.wait((task,), timeout=PATIENCE)
            if task.done() and not task.cancelled():
                task.exception()  # seen: the cancellation is what the caller gets
            raise
