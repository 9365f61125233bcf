"""Requests to stop that come when the server has nothing to stop yet, or not any more."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import OperationCancelledError, SQLSpecError
from tests.integration.backends import until_waiting
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")


@pytest.mark.parametrize("inside", [False, True])
async def test_a_request_to_stop_does_not_hide_that_the_server_was_faster(session: Any, inside: bool) -> None:
    """The call would fail, be made again, and store its row twice."""
    insert = "insert into t values ($1)"
    await session.execute("create table t (a int)")
    await session.execute(insert, -1)
    for number in range(40):
        if inside:
            await session.begin()
        task = asyncio.create_task(session.execute(insert, number))
        for _ in range(number % 8 + 1):
            await asyncio.sleep(0)
        await session.cancel()
        answer: Any = (await asyncio.gather(task, return_exceptions=True))[0]
        stopped = isinstance(answer, OperationCancelledError)
        assert stopped or answer.rows_affected == 1
        if inside:
            await (session.rollback() if stopped else session.commit())
        stored = [] if stopped else [{"a": number}]
        assert await session.select("select a from t where a = $1", number) == stored


@pytest.mark.parametrize("inside", [False, True])
async def test_a_request_to_stop_reaches_what_is_still_prepared(
    session: Any, flavour: Flavour, admin: psycopg.Connection[Any], dsn: str, inside: bool
) -> None:
    """It could be taken for a table that forbids RETURNING, and the statement be run in spite of it."""
    await session.execute_script("create table t (a int); insert into t values (1)")
    pid = await session.select_value("select pg_backend_pid()")
    with psycopg.connect(dsn) as other:
        other.execute(f"lock table {flavour.schema}.t".encode())
        if inside:
            await session.begin()
        task = asyncio.create_task(session.execute("delete from t"))
        await until_waiting(admin, pid, "Lock", task)
        await session.cancel()
        with pytest.raises(OperationCancelledError):
            await asyncio.wait_for(task, 5)
        if inside:
            await session.rollback()
    assert (await session.execute("delete from t")).rows_affected == 1


@pytest.mark.only("asyncpg", "pyro")
async def test_a_request_to_stop_ends_a_stack_of_fast_statements(session: Any) -> None:
    """Each of them ends before the request arrives."""
    await session.execute("create table t (a int)")
    driver = session.driver
    task = asyncio.create_task(session.execute_stack([("insert into t values ($1)", n) for n in range(5000)]))
    while driver.status() != "active":
        await asyncio.sleep(0)
    await session.cancel()
    with pytest.raises(OperationCancelledError):
        await task
    assert await session.select("select a from t") == []


@pytest.mark.only("psqlpy", "pyro")
async def test_a_request_to_stop_that_found_no_server_can_be_made_again(
    session: Any, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, flavour: Flavour
) -> None:
    """Its connection may be one too many."""
    driver = session.driver
    pid = await session.select_value("select pg_backend_pid()")
    task = asyncio.create_task(session.select("select pg_sleep(30)"))
    await until_waiting(admin, pid, call=task)
    failure = driver.native_errors[0]("error connecting to server: too many clients")

    async def refused(*_: Any) -> None:
        raise failure

    with monkeypatch.context() as patched:
        if flavour.name == "psqlpy":
            patched.setattr("sqlspec.adapters.psqlpy._calls._cancel_backend", refused)
        else:
            patched.setattr("sqlspec.adapters.pyro_postgres._aio.Stopper.tell_server", refused)
        with pytest.raises(SQLSpecError):
            await session.cancel()
    await session.cancel()
    with pytest.raises(OperationCancelledError):
        await asyncio.wait_for(task, 5)
    assert await session.select_value("select pg_backend_pid()") == pid


@pytest.mark.only("pyro")
async def test_a_request_to_stop_made_while_another_passes_is_left_to_nobody(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopper = session.driver.wire.stopper
    task = asyncio.create_task(session.select("select 1"))
    while stopper.waits is None:
        await asyncio.sleep(0)
    passing = type(stopper).let_request_pass
    second: list[asyncio.Task[None]] = []

    async def passing_while_asked(self: Any) -> bool:
        passed: bool = await passing(self)
        second.append(asyncio.create_task(session.cancel()))
        return passed

    with monkeypatch.context() as patched:
        patched.setattr(type(stopper), "let_request_pass", passing_while_asked)
        asking = asyncio.create_task(session.cancel())
        await asyncio.wait((task,))
        assert stopper.request is None
    await asyncio.gather(asking, *second)
    assert len(second) == 1
