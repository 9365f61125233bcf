"""Scopes whose end is cancelled: what they wrote is stored only if the scope has said so."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import DatabaseConnectionError, DataError, QueryTimeoutError, TransactionError
from tests.integration.backends import is_waiting, until_waiting
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")

WRITE = "insert into t values (1)"


@pytest.fixture
async def table(flavour: Flavour) -> Callable[[], Awaitable[list[int]]]:
    """A table, and what another session sees in it."""
    config = flavour.make_config()
    async with config.provide_session() as session:
        await session.execute("create table t (n int)")

    async def stored() -> list[int]:
        async with config.provide_session() as session:
            return [row["n"] for row in await session.select("select n from t order by n")]

    return stored


class Sleeper:
    """A task started inside a scope whose statement keeps the turn while the scope is to end."""

    def __init__(self, session: Any, admin: psycopg.Connection[Any]) -> None:
        self._session, self._admin = session, admin
        self.call: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        pid = await self._session.select_value("select pg_backend_pid()")
        self.call = asyncio.ensure_future(self._session.select("select pg_sleep(0.5)"))
        await until_waiting(self._admin, pid, call=self.call)

    async def until_another_waits(self) -> None:
        while not self.call.done() and not self._session._turn.waiters:
            await asyncio.sleep(0)

    async def end(self) -> None:
        await asyncio.wait((self.call,))


async def transaction(session: Any, sleeper: Sleeper) -> None:
    async with session.transaction():
        await session.execute(WRITE)
        await sleeper.start()


async def failing(session: Any, sleeper: Sleeper) -> None:
    async with session.transaction():
        await session.execute(WRITE)
        await sleeper.start()
        raise ValueError


async def with_settings(session: Any, sleeper: Sleeper) -> None:
    async with session.with_settings(work_mem="1MB"):
        await session.execute(WRITE)
        await sleeper.start()


@pytest.mark.parametrize("scope", [transaction, failing, with_settings])
async def test_a_transaction_whose_end_waits_for_a_call(
    session: Any, admin: psycopg.Connection[Any], table: Any, scope: Any
) -> None:
    sleeper = Sleeper(session, admin)
    leaving = asyncio.ensure_future(scope(session, sleeper))
    await sleeper.until_another_waits()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert not session.in_transaction
    await sleeper.end()
    with pytest.raises(DatabaseConnectionError):  # rather than to take it into the transaction that is still there
        await session.execute("insert into t values (2)")
    with pytest.raises((DatabaseConnectionError, TransactionError)):
        await session.commit()
    assert await table() == []


@pytest.mark.parametrize("error", [None, ValueError()])
async def test_a_savepoint_whose_end_waits_for_a_call(
    session: Any, admin: psycopg.Connection[Any], table: Any, error: Exception | None
) -> None:
    sleeper = Sleeper(session, admin)

    async def inner() -> None:
        async with session.savepoint():
            await session.execute(WRITE)
            await sleeper.start()
            if error is not None:
                raise error

    async def outer() -> None:
        async with session.transaction():
            leaving = asyncio.ensure_future(inner())
            await sleeper.until_another_waits()
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
            await sleeper.end()
            await session.execute("insert into t values (2)")

    if error is None:  # the savepoint was undone, when its turn came
        await outer()
    else:
        with pytest.raises((TransactionError, DatabaseConnectionError)):
            await outer()
    assert await table() == ([2] if error is None else [])


@types.coroutine
def _cut(work: Coroutine[Any, Any, None], step: int) -> Generator[Any, Any, bool]:
    """Run `work`, and cancel the task when it is suspended for the `step`th time. Tell whether it came to that."""
    task = asyncio.current_task()
    assert task is not None
    steps, failure = 0, None
    try:
        while True:
            waited = work.send(None) if failure is None else work.throw(failure)
            failure = None
            steps += 1
            if steps == step:
                asyncio.get_running_loop().call_soon(task.cancel)
            if waited is not None:
                waited._asyncio_future_blocking = True
            try:
                yield waited
            except BaseException as error:
                failure = error
    except StopIteration:
        return steps >= step


async def test_a_savepoint_that_is_cancelled_at_any_moment(flavour: Flavour, table: Any) -> None:
    config = flavour.make_config()

    async def inner(session: Any) -> None:
        async with session.savepoint():
            await session.execute(WRITE)

    outcomes = []
    step, cut = 0, True
    while cut:
        step += 1
        async with config.provide_session() as session:
            await session.execute("truncate t")
            try:
                async with session.transaction():
                    try:
                        cut = await asyncio.ensure_future(_run(inner(session), step))
                        ended = True
                    except asyncio.CancelledError:
                        ended = False
            except (DatabaseConnectionError, TransactionError):
                assert not ended
        outcomes.append(ended)
        assert await table() == [1] * ended
    assert not all(outcomes[:-1])
    assert outcomes[-1]


async def _run(work: Coroutine[Any, Any, None], step: int) -> bool:
    return await _cut(work, step)


async def test_a_session_that_is_cancelled_while_it_closes_a_reader(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    left = asyncio.Event()

    async def borrow() -> None:
        async with config.provide_session() as session:
            sql = "select n, repeat('x', 1000) as text from generate_series(1, 20000) n"
            reader = await session.select_to_arrow(sql, return_format="reader")
            await reader.read_batch()
            left.set()

    async def be_cancelled() -> None:
        borrowing = asyncio.ensure_future(borrow())
        await left.wait()
        borrowing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await borrowing

    with pytest.warns(ResourceWarning, match="was not closed"):
        await be_cancelled()
    async with asyncio.timeout(10), config.provide_session() as session:
        assert await session.select_value("select 1") == 1
    assert config.stats().in_use == 0


class Signal(BaseException):
    """What a signal's handler raises, at any moment."""


def _raise(*args: object) -> Any:
    raise Signal


@pytest.mark.parametrize("where", ["entering", "leaving"])
async def test_a_checkout_that_a_signal_ends(flavour: Flavour, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        await session.select_value("select 1")
    kind, name = (type(config), "_session") if where == "entering" else (type(session), "_try_give_back")
    with monkeypatch.context() as patched, pytest.raises(Signal):
        async with config.provide_session():
            patched.setattr(kind, name, _raise)
        async with config.provide_session():
            pass
    assert config.stats().in_use == 0
    async with asyncio.timeout(10), config.provide_session() as session:
        assert await session.select_value("select 1") == 1


async def test_a_transaction_that_a_signal_ends_as_it_is_entered(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch, table: Any
) -> None:
    """BEGIN is behind, and the block has not begun: nobody would end the transaction."""
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        begin = type(session)._begin

        async def begin_and_raise(*args: Any) -> None:
            await begin(*args)
            raise Signal

        with monkeypatch.context() as patched, pytest.raises(Signal):
            patched.setattr(type(session), "_begin", begin_and_raise)
            async with session.transaction():
                pass
        assert not session.in_transaction
        with pytest.raises(DatabaseConnectionError):
            await session.execute(WRITE)
    async with config.provide_session() as session:
        await session.execute(WRITE)
        assert await table() == [1]


# -- what leaves the body of a stream ---------------------------------------------------------------


SERIALIZATION = "could not serialize access due to concurrent update"

FAILURES: dict[str, tuple[Callable[[Any], Awaitable[Any]], type[BaseException]]] = {
    "error": (lambda session: session.select("select 1 / 0"), DataError),
    "limit": (lambda session: session.select("select pg_sleep(60)", timeout=0.05), QueryTimeoutError),
    "timeout": (lambda session: asyncio.wait_for(session.select("select pg_sleep(60)"), 0.05), TimeoutError),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_what_leaves_a_stream_is_what_its_body_raised(session: Any, name: str) -> None:
    call, expected = FAILURES[name]
    with pytest.raises(expected):
        async with session.transaction(), session.select_stream("select 1 as n") as stream:
            async for _ in stream:
                await call(session)
    assert await session.select_value("select 1") == 1


async def test_a_stream_does_not_swallow_a_cancellation(session: Any, admin: psycopg.Connection[Any]) -> None:
    pid = await session.select_value("select pg_backend_pid()")

    async def work() -> None:
        async with session.transaction(), session.select_stream("select 1 as n") as stream:
            async for _ in stream:
                await session.select("select pg_sleep(60)")

    working = asyncio.ensure_future(work())
    await until_waiting(admin, pid, call=working)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert not is_waiting(admin, pid)


async def test_a_stream_lets_a_transaction_be_run_again(session: Any) -> None:
    attempts = 0

    async def work(own: Any) -> int:
        nonlocal attempts
        attempts += 1
        async with own.select_stream("select 1 as n") as stream:
            async for _ in stream:
                if attempts == 1:
                    await own.execute_script(
                        f"do $$ begin raise exception using message = '{SERIALIZATION}', errcode = '40001'; end $$"
                    )
        return attempts

    assert await session.run_in_transaction(work) == 2


async def test_a_stream_that_was_left_unfinished_ends_in_silence(flavour: Flavour, caplog: Any) -> None:
    config = flavour.make_config(max_size=1)

    async def rows(session: Any) -> Any:
        async with session.select_stream("select n from generate_series(1, 1000) n", chunk_size=10) as stream:
            async for row in stream:
                yield row

    async with config.provide_session() as session:
        async for _ in rows(session):
            break
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1
    assert not [record for record in caplog.records if record.name == "asyncio"]
