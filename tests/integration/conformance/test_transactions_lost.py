"""Answers that never arrive: what a caller is told then, and what the server has stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from sqlspec.adapters.pyro_postgres import _aio as pyro_aio
from sqlspec.core.observe import TransactionEnd
from sqlspec.driver import _aio, _async_base, _sio, _sync_base
from sqlspec.exceptions import CommitUnknownError, DatabaseConnectionError
from tests.integration.faults.proxy import DOWN, UP, Proxy, Way
from tests.integration.harness import Flavour, needs

MARK = "this is it"
SOON = 5.0
INSERT = "insert into t values (1, $1)"


async def transaction(session: Any) -> None:
    async with session.transaction():
        await session.execute(INSERT, MARK)


async def by_hand(session: Any) -> None:
    await session.begin()
    await session.execute(INSERT, MARK)
    await session.commit()


async def retried(session: Any) -> None:
    async def insert(own: Any) -> None:
        await own.execute(INSERT, MARK)

    await session.run_in_transaction(insert)


async def streamed(session: Any) -> None:
    async with session.select_stream("select write_one()") as stream:
        async for _ in stream:
            pass


# The text behind which the answer is lost: what makes the server commit.
COMMITS: dict[str, tuple[str, Callable[[Any], Awaitable[Any]]]] = {
    "transaction": ("commit", transaction),
    "commit": ("commit", by_hand),
    "run_in_transaction": ("commit", retried),
    "execute": (MARK, lambda s: s.execute(INSERT, MARK)),
    "select": (MARK, lambda s: s.select(f"{INSERT} returning id", MARK)),
    "select_value": (MARK, lambda s: s.select_value(f"with w as ({INSERT} returning id) select id from w", MARK)),
    "execute_many": ("commit", lambda s: s.execute_many("insert into t values ($1, $2)", [(1, MARK)])),
    "execute_stack": ("commit", lambda s: s.execute_stack([(INSERT, MARK)])),
    "execute_script": (MARK, lambda s: s.execute_script(f"insert into t values (1, '{MARK}')")),
    "execute_script with control": (
        MARK,
        lambda s: s.execute_script(f"begin; insert into t values (1, '{MARK}'); commit"),
    ),
}
BULK: dict[str, tuple[str, Callable[[Any], Awaitable[Any]]]] = {
    "load_from_arrow": ("commit", lambda s: s.load_from_arrow("t", pa.table({"id": [1], "word": [MARK]}))),
    "load_from_records": ("commit", lambda s: s.load_from_records("t", [{"id": 1, "word": MARK}])),
    "select_to_arrow": ("commit", lambda s: s.select_to_arrow("select write_one()")),
    "select_stream": ("commit", streamed),
}


@pytest.fixture
def config(flavour: Flavour, proxy: Proxy, admin: psycopg.Connection[Any]) -> Any:
    """A config that reaches the server by way of the proxy, over one connection at a time."""
    admin.execute(f"create table {flavour.schema}.t (id int primary key, word text)".encode())
    admin.execute(
        f"create function {flavour.schema}.write_one() returns int language sql as "
        f"$$ insert into {flavour.schema}.t values (1, 'x') returning id $$".encode()
    )
    admin.execute(
        f"create function {flavour.schema}.put(int, text) returns int language sql as "
        f"$$ insert into {flavour.schema}.t values ($1, $2) returning id $$".encode()
    )
    return flavour.make_config(dsn=proxy.dsn, max_size=1, application_name=f"app {flavour.schema}")


class Stored:
    """What the server has, when the connections of a test have come to their end."""

    def __init__(self, flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
        self._admin = admin
        self._table = f"{flavour.schema}.t"
        self._name = f"app {flavour.schema}"

    async def count(self) -> int:
        deadline = time.monotonic() + 10
        mine = "select count(*) from pg_stat_activity where application_name = %s"
        while self._admin.execute(mine, [self._name]).fetchone() != (0,):
            assert time.monotonic() < deadline, "a connection is still there"
            await asyncio.sleep(0.002)
        row = self._admin.execute(f"select count(*) from {self._table}".encode()).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def stored(flavour: Flavour, admin: psycopg.Connection[Any]) -> Stored:
    return Stored(flavour, admin)


async def assert_unknown(
    config: Any, proxy: Proxy, stored: Stored, way: Way, upon: str, call: Callable[[Any], Awaitable[Any]]
) -> None:
    async with config.provide_session() as session:
        await session.select("select 1")
        proxy.reset(way, upon=upon, once=True)
        with pytest.raises(CommitUnknownError, match="check whether the transaction's effects are there") as caught:
            await call(session)
        assert proxy.stats.struck
        assert isinstance(caught.value.__cause__, BaseException)
        assert not session.in_transaction
        with pytest.raises(DatabaseConnectionError, match="the connection was lost"):
            await session.select("select 1")
    assert await stored.count() == (1 if way == DOWN else 0)
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1


@pytest.mark.promise("transactions: a commit whose answer is lost raises CommitUnknownError, never a plain error")
@pytest.mark.parametrize("way", [DOWN, UP])
@pytest.mark.parametrize("name", COMMITS)
async def test_a_commit_whose_answer_is_lost_says_so(
    config: Any, proxy: Proxy, stored: Stored, name: str, way: Way
) -> None:
    upon, call = COMMITS[name]
    await assert_unknown(config, proxy, stored, way, upon, call)


@pytest.mark.parametrize("way", [DOWN, UP])
@pytest.mark.parametrize(
    "query", ["insert into t select $1, $2 where $1 < 10 returning id", "select put($1, $2) as id where $1 < 10"]
)
async def test_a_stack_of_known_queries_whose_answer_is_lost_says_so(
    flavour: Flavour, config: Any, proxy: Proxy, stored: Stored, way: Way, query: str
) -> None:
    """More drivers send it together, with what makes the server commit it."""

    async def known(session: Any) -> None:
        # The comment must not hide from us what follows it.
        await session.execute_stack(["select 1 as a -- one", (query, 1, MARK)])

    together = flavour.spec.name in ("psycopg", "pyro_postgres")
    async with config.provide_session() as session:
        await session.execute_stack(["select 1 as a -- one", (query, 10, "x")])
    await assert_unknown(config, proxy, stored, way, MARK if together else "commit", known)


@needs("arrow_in", "arrow_out", "stream")
@pytest.mark.promise("transactions: a bulk load whose commit is lost raises CommitUnknownError too")
@pytest.mark.parametrize("name", BULK)
async def test_a_bulk_commit_whose_answer_is_lost_says_so(config: Any, proxy: Proxy, stored: Stored, name: str) -> None:
    await assert_unknown(config, proxy, stored, DOWN, *BULK[name])


@pytest.mark.promise("transactions: run_in_transaction never runs a function again after an unknown commit")
async def test_an_unknown_commit_is_not_run_again(config: Any, proxy: Proxy, stored: Stored) -> None:
    calls: list[int] = []

    async def insert(own: Any) -> None:
        calls.append(1)
        await own.execute("insert into t values ($1, $2)", len(calls), MARK)

    async with config.provide_session() as session:
        proxy.reset(DOWN, upon="commit", once=True)
        with pytest.raises(CommitUnknownError):
            await session.run_in_transaction(insert, retries=5)
    assert calls == [1]
    assert await stored.count() == 1


@pytest.mark.promise("transactions: what is lost before the commit is stored nowhere, and is a plain connection error")
@pytest.mark.parametrize("way", [DOWN, UP])
async def test_what_is_lost_before_the_commit_is_a_plain_error(
    config: Any, proxy: Proxy, stored: Stored, way: Way
) -> None:
    async with config.provide_session() as session:
        proxy.reset(way, upon=MARK, once=True)
        with pytest.raises(DatabaseConnectionError):
            async with session.transaction():
                await session.execute(INSERT, MARK)
        assert not session.in_transaction
    assert await stored.count() == 0


async def test_a_query_whose_answer_is_lost_is_a_plain_error(config: Any, proxy: Proxy) -> None:
    """It can be sent again: it stores nothing."""
    queries: tuple[Callable[[Any], Awaitable[Any]], ...] = (
        lambda s: s.select("select id from t where word = $1 for update", MARK),
        lambda s: s.select_value("with w as (select $1::text as word) select word from w", MARK),
        lambda s: s.execute_stack([("select $1::text", MARK), "select 1"]),
        lambda s: s.execute_script(f"select '{MARK}'"),
    )
    for query in queries:
        async with config.provide_session() as session:
            proxy.reset(DOWN, upon=MARK, once=True)
            with pytest.raises(DatabaseConnectionError):
                await query(session)


# -- a network that swallows everything -----------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (_aio, _sio, _async_base, _sync_base, pyro_aio):
        monkeypatch.setattr(module, "GRACE", 0.2)
    for module in (_async_base, _sync_base):
        monkeypatch.setattr(module, "UNDO_LIMIT", 0.1)


@needs("concurrent_calls")
@pytest.mark.promise("timeouts: a silent network at COMMIT holds nobody beyond the session's limit")
async def test_a_commit_into_silence_ends_with_the_limit(
    config: Any, proxy: Proxy, stored: Stored, impatient: None
) -> None:
    async with config.provide_session(timeout=0.3) as session:
        await session.select("select 1")
        proxy.hold(upon="commit")
        began = time.monotonic()
        with pytest.raises(CommitUnknownError, match="the time limit passed"):
            await asyncio.wait_for(transaction(session), 20)
        assert time.monotonic() - began < 0.3 + SOON
        assert not session.in_transaction
    proxy.heal()
    assert await stored.count() in (0, 1)
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1


async def struck(proxy: Proxy, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start what the proxy's fault is meant for; return its task when the fault has hit it."""
    before = proxy.stats.struck
    task = asyncio.create_task(work)
    while proxy.stats.struck == before:
        await asyncio.sleep(0.002)
    return task


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
@pytest.mark.parametrize("cancelled", [False, True])
async def test_closing_the_pool_ends_a_commit_into_silence(
    config: Any, proxy: Proxy, stored: Stored, cancelled: bool
) -> None:
    async def work() -> None:
        async with config.provide_session() as session:
            await session.select("select 1")
            proxy.hold(upon="commit")
            await transaction(session)

    task = await struck(proxy, work())
    if cancelled:
        task.cancel()
        await asyncio.sleep(0)
    began = time.monotonic()
    await asyncio.wait_for(config.close(timeout=0.05), 20)
    with pytest.raises(asyncio.CancelledError if cancelled else CommitUnknownError) as caught:
        await asyncio.wait_for(task, 20)
    assert time.monotonic() - began < SOON
    if cancelled:
        assert task.cancelled()
    else:
        assert isinstance(caught.value.__cause__, BaseException)
    proxy.heal()
    assert await stored.count() in (0, 1)


@pytest.mark.only("psqlpy", "pyro")
async def test_closing_the_pool_ends_what_follows_a_refused_commit(config: Any, proxy: Proxy, stored: Stored) -> None:
    """These drivers do not tell the transaction status, so the server is asked for it."""

    async def work() -> None:
        async with config.provide_session() as session:
            await session.execute_script("create table once (a int unique deferrable initially deferred)")
            async with session.transaction():
                await session.execute("insert into once values (1), (1)")
                proxy.hold(upon="savepoint sqlspec_probe")

    task = await struck(proxy, work())
    await asyncio.wait_for(config.close(timeout=0.05), 20)
    with pytest.raises(CommitUnknownError):
        await asyncio.wait_for(task, SOON)


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
async def test_closing_the_pool_ends_a_call_of_a_task_that_was_cancelled_before(config: Any, proxy: Proxy) -> None:
    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        async with config.provide_session() as session:
            await session.select("select 1")
            proxy.hold()
            ready.set()
            await session.select(f"{INSERT} returning id", MARK)

    ready = asyncio.Event()
    task = asyncio.create_task(work())
    await ready.wait()
    await asyncio.wait_for(config.close(timeout=0.05), 20)
    with pytest.raises((DatabaseConnectionError, CommitUnknownError)):
        await asyncio.wait_for(task, 20)
    proxy.heal()


@pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")
@needs("concurrent_calls")
@pytest.mark.promise("transactions: a rollback into a silent network ends, and the error that caused it arrives")
@pytest.mark.parametrize("scope", ["transaction", "savepoint"])
async def test_a_rollback_into_silence_ends(
    config: Any, proxy: Proxy, stored: Stored, impatient: None, scope: str
) -> None:
    async def work() -> None:
        async with config.provide_session() as session, session.transaction():
            await session.execute(INSERT, MARK)
            if scope == "transaction":
                proxy.hold()
                raise KeyError(MARK)
            async with session.savepoint():
                proxy.hold()
                raise KeyError(MARK)

    began = time.monotonic()
    with pytest.raises(KeyError):
        await asyncio.wait_for(work(), 20)
    assert time.monotonic() - began < SOON
    proxy.heal()
    assert await stored.count() == 0
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
async def test_a_rollback_that_is_interrupted_is_reported_as_one(flavour: Flavour, proxy: Proxy) -> None:
    events: list[Any] = []
    config = flavour.make_config(dsn=proxy.dsn, max_size=1, observers=[events.append])

    async def work() -> None:
        async with config.provide_session() as session, session.transaction():
            proxy.hold(upon="rollback")
            raise KeyError(MARK)

    task = await struck(proxy, work())
    task.cancel()
    await asyncio.sleep(0)
    await config.close(timeout=0.05)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 20)
    assert [event.outcome for event in events if isinstance(event, TransactionEnd)] == ["rollback"]


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
@pytest.mark.promise("cancellation: a task that is cancelled between two statements of a silent connection ends")
async def test_a_task_cancelled_between_statements_ends(
    config: Any, proxy: Proxy, stored: Stored, impatient: None
) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with config.provide_session() as session, session.transaction():
            await session.execute(INSERT, MARK)
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    proxy.hold()
    task.cancel()
    done, _ = await asyncio.wait((task,), timeout=SOON)
    assert done
    assert task.cancelled()
    proxy.heal()
    assert await stored.count() == 0
