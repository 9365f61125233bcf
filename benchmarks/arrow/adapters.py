"""The adapters of this package, through a session that is kept, as a program with a pool has one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from pkgutil import resolve_name
from typing import Any

import pyarrow as pa

__all__ = ("AsyncAdapter", "SyncAdapter")


class SyncAdapter:
    """An adapter without `async`."""

    def __init__(self, dsn: str, config_class: str) -> None:
        self.stack = ExitStack()
        config: Any = self.stack.enter_context(resolve_name(config_class)({"dsn": dsn, "max_size": 1}))
        self.session: Any = self.stack.enter_context(config.provide_session())

    def load(self, table: str, source: pa.Table | pa.RecordBatchReader, **options: Any) -> None:
        self.session.load_from_arrow(table, source, **options)

    def select(self, sql: str) -> pa.Table:
        return self.session.select_to_arrow(sql).get_data()

    def stream(self, sql: str, take: Callable[[pa.RecordBatch], None]) -> None:
        with self.session.select_to_arrow(sql, return_format="batches") as batches:
            for batch in batches:
                take(batch)

    def close(self) -> None:
        self.stack.close()


class AsyncAdapter:
    """An asynchronous adapter, on an event loop that stands still between the calls."""

    def __init__(self, dsn: str, config_class: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.session: Any = self.loop.run_until_complete(self._open(dsn, config_class))

    async def _open(self, dsn: str, config_class: str) -> Any:
        config: Any = await self.stack.enter_async_context(resolve_name(config_class)({"dsn": dsn, "max_size": 1}))
        return await self.stack.enter_async_context(config.provide_session())

    def load(self, table: str, source: pa.Table | pa.RecordBatchReader, **options: Any) -> None:
        self.loop.run_until_complete(self.session.load_from_arrow(table, source, **options))

    def select(self, sql: str) -> pa.Table:
        return self.loop.run_until_complete(self.session.select_to_arrow(sql)).get_data()

    def stream(self, sql: str, take: Callable[[pa.RecordBatch], None]) -> None:
        self.loop.run_until_complete(self._stream(sql, take))

    async def _stream(self, sql: str, take: Callable[[pa.RecordBatch], None]) -> None:
        async with await self.session.select_to_arrow(sql, return_format="batches") as batches:
            async for batch in batches:
                take(batch)

    def close(self) -> None:
        self.loop.run_until_complete(self.stack.aclose())
        self.loop.close()
