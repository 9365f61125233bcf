"""Rows in bulk out of psqlpy, which has no COPY to the client."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlspec.driver._async_driver import AsyncRowFeed
from sqlspec.driver._async_records import AsyncRecordFeed
from sqlspec.postgres.whole_rows import Pace, can_have_cursor, whole_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.adapters.psqlpy.driver import PsqlpyDriver
    from sqlspec.core.plan import Plan
    from sqlspec.postgres.arrow._wire import Sink

__all__ = ("open_feed",)

AHEAD = 8
"""FETCHes that are under way at a time: the server is at the next ones while the rows of one are decoded."""


async def open_feed(driver: PsqlpyDriver, plan: Plan, args: Sequence[Any], width: int) -> AsyncRowFeed:
    """Open the rows of a statement; see `AsyncDriver.open_feed`."""
    prepared, values = await driver._bound(plan, args)
    query = whole_rows(prepared.body, width)
    if can_have_cursor(query):
        return Feed(driver, await driver.declare(query, values))
    answer = await driver.run(driver._fetch(query, values or None, False))
    return AsyncRecordFeed(_records(answer))


def _records(answer: Any) -> list[bytes]:
    return list(chain.from_iterable(answer.result(None, True)))


class Feed(AsyncRowFeed):
    """A cursor that was declared in the open transaction."""

    __slots__ = ("_driver", "_name", "_pace")

    def __init__(self, driver: PsqlpyDriver, name: str) -> None:
        self._driver = driver
        self._name = name
        self._pace = Pace()

    async def feed(self, sink: Sink, size: int) -> bool:
        return await self._driver.run(self._read(sink, size))

    async def _read(self, sink: Sink, size: int) -> bool:
        pace, goal, more = self._pace, sink.nbytes + size, True
        under_way: deque[tuple[int, asyncio.Future[Any]]] = deque()  # sent, and answered, in this order
        try:
            while True:
                while more and sink.nbytes < goal and len(under_way) < AHEAD:
                    if under_way and sink.nbytes + sum(rows for rows, _ in under_way) * pace.width >= goal:
                        break
                    under_way.append((pace.rows, self._fetch(pace.rows)))
                if not under_way:
                    return more
                rows, answer = under_way.popleft()
                records = _records(await answer)
                self._driver.heed_request()
                before = sink.nbytes
                sink.feed_records(records)
                pace.note(len(records), sink.nbytes - before)
                more = more and len(records) == rows
        except asyncio.CancelledError:
            for _, answer in under_way:
                answer.cancel()
            raise
        finally:
            await asyncio.gather(*(answer for _, answer in under_way), return_exceptions=True)

    def _fetch(self, rows: int) -> asyncio.Future[Any]:
        text = f"fetch forward {rows:d} from {self._name}"
        return asyncio.ensure_future(self._driver._fetch(text, None, False))

    async def close(self) -> None:
        if self._name and self._driver.status() == "active":
            name, self._name = self._name, ""
            await self._driver.execute_script(f"close {name}")
