"""Calls that are interrupted at any of their waits: libpq is left in step, or the connection is given up."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from psycopg import pq, waiting

from sqlspec.exceptions import DatabaseConnectionError
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psycopg")

CALLS: dict[str, Callable[[Any, int], Awaitable[Any]]] = {
    "select": lambda s, n: s.select(f"select $1::int as a, {n} as b", n),
    "execute_stack": lambda s, n: s.execute_stack([("insert into t values ($1, 1)", (n,)), f"select {n} as b"]),
    "execute_many": lambda s, n: s.execute_many("insert into t values ($1, $2)", [(n, 1), (n, 2)]),
    "load": lambda s, n: s.load_from_arrow("t", pa.table({"a": pa.array([n], pa.int32())})),
    "select_to_arrow": lambda s, n: s.select_to_arrow(f"select {n} as b from generate_series(1, 3000)"),
}


async def stream(session: Any, number: int) -> None:
    async with session.select_stream(f"select {number} as b from generate_series(1, 40)", chunk_size=10) as rows:
        async for _ in rows:
            pass


CALLS["select_stream"] = stream


class Interrupted:
    """A call whose task is cancelled where it waits for the n-th time."""

    def __init__(self, call: Awaitable[Any], number: int) -> None:
        self._call = call
        self._left = number

    @property
    def reached(self) -> bool:
        return self._left <= 0

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._call.__await__()
        try:
            future = next(steps)
            while True:
                self._left -= 1
                task = asyncio.current_task()
                if self._left == 0 and task is not None:
                    task.cancel()
                try:
                    yield future
                except BaseException as error:
                    future = steps.throw(error)
                else:
                    future = next(steps)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("name", CALLS)
async def test_an_interruption_at_any_wait_leaves_libpq_in_step(
    flavour: Flavour, session: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where a socket takes writes at once psycopg lets others run, but only when nobody has had a turn for a while."""
    monkeypatch.setattr(waiting, "MAX_BUSY_TIME", 0.0, raising=False)
    await session.execute("create table t (a int, b int)")
    for number in itertools.count(1):
        await session.select("select $1::int as known", number)
        call = Interrupted(CALLS[name](session, number), number)
        ended = (await asyncio.gather(asyncio.ensure_future(call), return_exceptions=True))[0]
        assert not call.reached or isinstance(ended, asyncio.CancelledError), repr(ended)
        assert session.driver.connection.pgconn.pipeline_status == pq.PipelineStatus.OFF
        async with asyncio.timeout(5):
            assert await session.select("select $1::int as known", number) == [{"known": number}]
            assert await session.select_value(f"select {number}") == number
        if not call.reached:
            break
    assert number > 2


async def test_a_connection_in_pipeline_mode_is_given_up(flavour: Flavour) -> None:
    """Whatever is sent there is not answered before it is asked for: the next call would wait for ever."""
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        await session.select("select 1 as a")
        session.driver.connection.pgconn.enter_pipeline_mode()
        with pytest.raises(psycopg.OperationalError, match="pipeline mode"):
            await session.driver.settle()
        with pytest.raises(DatabaseConnectionError, match="pipeline mode"):
            await session.execute_script("select 1")
        with pytest.raises(DatabaseConnectionError, match="was lost"):
            await session.select("select 1 as a")
    async with asyncio.timeout(5), config.provide_session() as session:
        assert await session.select("select 1 as a") == [{"a": 1}]
    assert config.stats().opened == 2
