"""COPY of asyncpg: each trap shown on the bare driver. That the adapter keeps out of them, the tests of COPY tell.

A test that fails tells of a release that has repaired the driver.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

pytestmark = pytest.mark.only("asyncpg")

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)


@pytest.fixture
async def raw(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn)
    yield connection
    connection.terminate()


async def hangs(raw: Any) -> bool:
    """Tell whether the next statement gets no answer."""
    try:
        async with asyncio.timeout(1.0):
            await raw.execute("select 1")
    except TimeoutError:
        return True
    return False


async def test_a_source_that_raises_behind_a_refused_row_leaves_the_connection_waiting(raw: Any) -> None:
    await raw.execute("create temp table t (a int8 not null)")
    row = struct.pack(">hi", 1, -1)

    async def source() -> AsyncIterator[bytes]:
        yield HEADER + row
        for _ in range(200):
            yield row * 10_000
            await asyncio.sleep(0.001)
        raise KeyError

    with pytest.raises(KeyError):
        await raw.copy_to_table("t", source=source(), format="binary")
    assert await hangs(raw)


async def test_a_sink_that_raises_at_the_last_piece_leaves_the_connection_waiting(raw: Any) -> None:
    async def sink(data: bytes) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await raw.copy_from_query("select 1", output=sink, format="binary")
    assert await hangs(raw)


async def test_a_task_that_is_cancelled_when_data_has_just_come_loses_the_connection(raw: Any) -> None:
    loop = asyncio.get_running_loop()
    started = False

    async def sink(data: bytes) -> None:
        nonlocal started
        started = True

    def watch() -> None:
        waiter = task._fut_waiter
        if started and waiter is not None and waiter.done():
            task.cancel()
        elif not task.done():
            loop.call_soon(watch)

    sql = "select generate_series(1, 10000000)"
    task: Any = asyncio.create_task(raw.copy_from_query(sql, output=sink, format="binary"))
    loop.call_soon(watch)
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(asyncpg.InternalClientError, match="another operation"):
        await raw.fetch("select 1")
