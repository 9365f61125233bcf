"""`session.cancel()` on a slow network: what it was meant for ends meanwhile, and nothing else is stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import OperationCancelledError
from tests.integration.faults.proxy import UP, Proxy
from tests.integration.harness import Flavour, needs

pytestmark = [needs("concurrent_calls"), needs("cancel")]

FOLLOWING = "select 'following' from pg_sleep(0.4)"
LATE = 0.2
"""Seconds for which the network keeps a request: less than the following statement takes."""


class Watch:
    """What the server does for one application."""

    def __init__(self, admin: psycopg.Connection[Any], name: str) -> None:
        self._admin = admin
        self._name = name

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.002)

    def sleeps(self) -> bool:
        query = "select 1 from pg_stat_activity where application_name = %s and wait_event = 'PgSleep'"
        return self._admin.execute(query, [self._name]).fetchone() is not None

    def rests(self) -> bool:
        return not self.sleeps()


@asynccontextmanager
async def late_request(session: Any, watch: Watch, proxy: Proxy) -> AsyncIterator[asyncio.Task[Any]]:
    """Let a call end while the request to stop it is on its way."""
    assert await session.select_value("select 'known' from pg_sleep($1)", 0) == "known"
    call = asyncio.ensure_future(session.select_value("select 'known' from pg_sleep($1)", 0.05))
    await watch.until(watch.sleeps)
    before = proxy.stats.struck
    proxy.hold(UP, after=0, once=True, seconds=LATE)  # the call has been sent: the next to send is the request
    stop = asyncio.ensure_future(session.cancel())
    await watch.until(lambda: stop.done() or proxy.stats.struck > before)
    await watch.until(watch.rests)
    yield call
    await stop


async def ended(call: Awaitable[Any]) -> None:
    try:
        assert await call == "known"
    except OperationCancelledError:
        pass  # by a driver that cannot tell whether the request was in time


@pytest.mark.promise("cancellation: a cancel hits the running statement or none")
async def test_a_late_request_does_not_hit_the_next_statement(
    flavour: Flavour, proxy: Proxy, admin: psycopg.Connection[Any]
) -> None:
    name = f"next of {flavour.schema}"
    config = flavour.make_config(dsn=proxy.dsn, max_size=1, application_name=name)
    async with config.provide_session() as session, late_request(session, Watch(admin, name), proxy) as call:
        following = asyncio.ensure_future(session.select_value(FOLLOWING))
        await ended(call)
        assert await following == "following"
    assert config.stats().opened == 1


@pytest.mark.promise("cancellation: a cancel hits the running statement or none")
async def test_a_late_request_does_not_hit_the_next_borrower(
    flavour: Flavour, proxy: Proxy, admin: psycopg.Connection[Any]
) -> None:
    name = f"borrower of {flavour.schema}"
    config = flavour.make_config(dsn=proxy.dsn, max_size=1, application_name=name)
    scope = config.provide_session()
    async with late_request(await scope.__aenter__(), Watch(admin, name), proxy) as call:
        await scope.__aexit__(None, None, None)
        async with config.provide_session() as other:
            assert await other.select_value(FOLLOWING) == "following"
        await ended(call)
    assert config.stats().opened == 1


@pytest.mark.promise("cancellation: a cancel hits the running statement or none")
async def test_a_scope_may_be_left_while_cancel_is_under_way(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    for number in range(40):
        async with config.provide_session() as session:
            call = asyncio.ensure_future(session.select_value("select 'known' from pg_sleep($1)", number % 4 / 1000))
            await asyncio.sleep(0)
            stop = asyncio.ensure_future(session.cancel())
            await ended(call)
        async with config.provide_session() as other:
            assert await other.select_value("select $1::int from pg_sleep(0.01)", number) == number
        await asyncio.gather(stop)
