# The synchronous twin is generated from this file by tools/unasync.py. Written for pyro-postgres 0.3.1.
"""Rows in bulk, from a cursor that is declared in SQL."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlspec.adapters.pyro_postgres._async_cursor import declare
from sqlspec.adapters.pyro_postgres._errors import stopped
from sqlspec.adapters.pyro_postgres._swap import freeing, name_of
from sqlspec.driver._async_driver import AsyncRowFeed
from sqlspec.driver._async_records import AsyncRecordFeed
from sqlspec.postgres.whole_rows import Pace, can_have_cursor, whole_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.adapters.pyro_postgres._async_driver import AsyncPyroPostgresDriver
    from sqlspec.core.plan import Plan
    from sqlspec.postgres.arrow._wire import Sink

__all__ = ("open_feed",)

AHEAD = 16
"""FETCHes that are sent at once."""


async def open_feed(driver: AsyncPyroPostgresDriver, plan: Plan, args: Sequence[Any], width: int) -> AsyncRowFeed:
    """Open the rows of a statement; see `AsyncDriver.open_feed`."""
    query = whole_rows(plan.sql, width)
    if can_have_cursor(query):
        prepared = await driver.statements.ready(plan.sql)
        return AsyncPyroPostgresFeed(driver, await declare(driver, query, prepared, args))
    prepared, values = await driver.statements.bound(query, args)
    return AsyncRecordFeed(list(chain.from_iterable(await driver.run(prepared, values))))


class AsyncPyroPostgresFeed(AsyncRowFeed):
    """A cursor that was declared in the open transaction."""

    __slots__ = ("_asked", "_driver", "_fetch", "_made", "_name", "_pace", "_rows")

    def __init__(self, driver: AsyncPyroPostgresDriver, name: str) -> None:
        self._driver = driver
        self._name = name
        self._pace = Pace()
        self._asked = driver.wire.stopper.asked
        self._made: list[str] = []  # statements of ours on the server
        self._fetch: Any = None
        self._rows = 0  # what `_fetch` asks for

    async def feed(self, sink: Sink, size: int) -> bool:
        goal, more = sink.nbytes + size, True
        while more and sink.nbytes < goal:
            more = await self._read(sink, goal - sink.nbytes)
        return more

    async def _read(self, sink: Sink, size: int) -> bool:
        """Send some FETCHes at once; decode the rows of one while the server is at the next."""
        driver, pace = self._driver, self._pace
        driver.limits.check()
        if self._rows != pace.rows:
            self._fetch = await driver.wire.prepare(f"fetch forward {pace.rows} from {self._name}")
            self._made.append(name_of(self._fetch))
            self._rows = pace.rows
        count = max(1, min(AHEAD, round(size / (self._rows * pace.width))))
        taking = _Taking(sink, self._rows)
        await driver.wire.each_rows([(self._fetch, ())] * count, taking.take)
        pace.note(taking.rows, taking.size)
        if driver.wire.stopper.asked != self._asked:  # the server ignores that while it waits for the next FETCH
            raise stopped()
        if taking.failure is not None:
            raise taking.failure
        return taking.more

    async def close(self) -> None:
        wire, made = self._driver.wire, self._made
        self._made = []
        if self._driver.status() != "active":
            self._driver.statements.forgotten += made
        elif self._name:
            name, self._name = self._name, ""
            await wire.script(f"{freeing(made)}close {name}")


class _Taking:
    """Gives rows to a sink, and keeps what that raises: no answer may be left unread.

    Attributes:
        rows: Rows that came.
        size: Bytes of them.
        more: More may come.
        failure: What the sink has raised.
    """

    __slots__ = ("_sink", "_wanted", "failure", "more", "rows", "size")

    def __init__(self, sink: Sink, wanted: int) -> None:
        self._sink = sink
        self._wanted = wanted
        self.rows = self.size = 0
        self.more = True
        self.failure: Exception | None = None

    def take(self, answer: list[tuple[bytes]]) -> None:
        """Take the rows of one FETCH."""
        self.more = self.more and len(answer) == self._wanted
        if self.failure is None and answer:
            before = self._sink.nbytes
            try:
                self._sink.feed_records(list(chain.from_iterable(answer)))
            except Exception as error:
                self.failure = error
            self.rows += len(answer)
            self.size += self._sink.nbytes - before
