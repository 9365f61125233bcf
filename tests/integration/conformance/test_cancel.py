from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from sqlspec.driver import _aio, _async_base, _sio, _sync_base
from sqlspec.exceptions import (
    CommitUnknownError,
    DatabaseConnectionError,
    OperationalError,
    OperationCancelledError,
    ParameterError,
    QueryTimeoutError,
    SQLSpecError,
    TransactionError,
)
from tests.integration.faults.proxy import Proxy
from tests.integration.harness import Flavour, needs

# A driver whose calls cannot be stopped while they wait has its limits from the server: tested with its adapter.
pytestmark = needs("concurrent_calls")

PID = "select pg_backend_pid()"
SLEEP = "select pg_sleep(30)"

Call = Callable[[Any, float | None], Awaitable[Any]]

# Every call that takes a limit, running for half a minute at the server.
CALLS: dict[str, Call] = {
    "select": lambda s, limit: s.select(SLEEP, timeout=limit),
    "select_one": lambda s, limit: s.select_one(SLEEP, timeout=limit),
    "select_one_or_none": lambda s, limit: s.select_one_or_none(SLEEP, timeout=limit),
    "select_value": lambda s, limit: s.select_value(SLEEP, timeout=limit),
    "select_value_or_none": lambda s, limit: s.select_value_or_none(SLEEP, timeout=limit),
    "execute": lambda s, limit: s.execute("do $$ begin perform pg_sleep(30); end $$", timeout=limit),
    "execute_many": lambda s, limit: s.execute_many(
        "insert into t select $1 from pg_sleep(10)", [1, 2, 3], timeout=limit
    ),
    "execute_many returning": lambda s, limit: s.execute_many(
        "insert into t select $1 from pg_sleep(10) returning n", [1, 2, 3], timeout=limit
    ),
    "execute_script": lambda s, limit: s.execute_script("insert into t values (1); select pg_sleep(30)", timeout=limit),
    "execute_script with control": lambda s, limit: s.execute_script(
        "begin; insert into t values (1); select pg_sleep(30); commit", timeout=limit
    ),
    "execute_stack": lambda s, limit: s.execute_stack(["insert into t values (1)", SLEEP, "select 1"], timeout=limit),
}


@pytest.fixture(autouse=True)
def table(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    admin.execute(f"create table {flavour.schema}.t (n int)".encode())


class Backend:
    """What the server says of one connection."""

    def __init__(self, admin: psycopg.Connection[Any], pid: int) -> None:
        self._admin = admin
        self._pid = pid

    def state(self) -> tuple[str, str]:
        found = self._admin.execute(
            "select state, coalesce(wait_event, '') from pg_stat_activity where pid = %s", [self._pid]
        ).fetchone()
        return found if found is not None else ("gone", "")

    async def until(self, sleeping: bool, seconds: float, task: asyncio.Task[Any] | None = None) -> None:
        """Wait until the server sleeps for us, or does not any more. A task that has failed before tells why."""
        deadline = time.monotonic() + seconds
        while (self.state() == ("active", "PgSleep")) is not sleeping:
            if task is not None and task.done():
                await task
            assert time.monotonic() < deadline, f"{self.state()} after {seconds} s"
            await asyncio.sleep(0.002)


async def backend_of(session: Any, admin: psycopg.Connection[Any]) -> Backend:
    return Backend(admin, await session.select_value(PID))


async def assert_usable(session: Any) -> None:
    assert not session.in_transaction
    for number in range(3):
        assert await session.select_value("select $1::int", number) == number
    assert await session.select("select n from t") == []
    async with session.transaction():
        await session.execute("insert into t values (1)")
        await session.rollback()


# -- limits ---------------------------------------------------------------------------------------------------


@pytest.mark.promise("timeouts: timeout= stops the statement on the server within a second, and the session goes on")
@pytest.mark.parametrize("name", CALLS)
async def test_a_limit_stops_the_server_too(
    flavour: Flavour, session: Any, admin: psycopg.Connection[Any], name: str
) -> None:
    backend = await backend_of(session, admin)
    with pytest.raises(QueryTimeoutError) as caught:
        await CALLS[name](session, 0.05)
    await backend.until(sleeping=False, seconds=1.0)
    assert str(caught.value) == (
        "statement timed out: 0.05 s passed; it was cancelled on the server, give it more time or make it cheaper"
    )
    assert caught.value.sql is not None
    assert caught.value.adapter == flavour.spec.name
    await assert_usable(session)
    assert await session.select_value(PID) == backend._pid


@pytest.mark.promise("timeouts: a limit inside a transaction aborts that transaction and no more")
async def test_a_limit_inside_a_transaction_aborts_it_and_no_more(session: Any) -> None:
    await session.begin()
    await session.execute("insert into t values (1)")
    with pytest.raises(QueryTimeoutError):
        async with session.savepoint():
            await session.select(SLEEP, timeout=0.02)
    await session.execute("insert into t values (2)")
    with pytest.raises(QueryTimeoutError):
        await session.select(SLEEP, timeout=0.02)
    assert session.in_transaction
    with pytest.raises(SQLSpecError):
        await session.commit()
    await assert_usable(session)


@pytest.mark.parametrize("limit", [60, 1e9, float("inf")])
async def test_a_limit_that_is_not_reached_changes_nothing(session: Any, limit: float) -> None:
    for number in range(20):
        assert await session.select_value("select $1::int", number, timeout=limit) == number
    await session.execute_script("insert into t values (1); delete from t", timeout=limit)
    assert (await session.execute_many("insert into t values ($1)", [], timeout=limit)).all() == []
    (result,) = await session.execute_stack(["select 5 as a"], timeout=limit)
    assert result.scalar() == 5


@pytest.mark.promise("timeouts: what is no limit is refused before anything is sent")
@pytest.mark.parametrize("limit", [0, -1, -0.5, True, False, "5", float("nan"), [1]])
async def test_what_is_no_limit_is_refused_before_anything_is_sent(session: Any, limit: Any) -> None:
    for call in (
        lambda: session.select("insert into t values (1) returning n", timeout=limit),
        lambda: session.execute("insert into t values (1)", timeout=limit),
        lambda: session.execute_many("insert into t values ($1)", [1], timeout=limit),
        lambda: session.execute_script("insert into t values (1)", timeout=limit),
        lambda: session.execute_stack(["insert into t values (1)"], timeout=limit),
    ):
        with pytest.raises(ParameterError, match="timeout must be a positive number of seconds"):
            await call()
    await assert_usable(session)


@pytest.mark.promise("timeouts: a limit that just passes never hits the next statement")
async def test_a_limit_that_just_passes_does_not_hit_the_next_statement(session: Any) -> None:
    chance = random.Random(20)
    timed_out = 0
    for number in range(150):
        pause = chance.uniform(0.0, 0.002)
        try:
            value = await session.select_value(
                "select $1::int from pg_sleep($2)", number, pause, timeout=chance.uniform(0.0003, 0.003)
            )
        except QueryTimeoutError:
            timed_out += 1
        else:
            assert value == number
        assert await session.select_value("select $1::int + 1", number) == number + 1
    assert 0 < timed_out < 150
    await assert_usable(session)


# -- interruption from outside --------------------------------------------------------------------------------


async def interrupt(flavour: Flavour, session: Any, task: asyncio.Task[Any]) -> None:
    """Stop a call: by cancelling its task, or, as nothing cancels a thread, by `session.cancel()`."""
    if flavour.is_sync:
        await session.cancel()
    else:
        task.cancel()
    with pytest.raises((asyncio.CancelledError, OperationCancelledError)):
        await task


@pytest.mark.promise("cancellation: a cancelled call stops the server's work within a second, and the session goes on")
@pytest.mark.parametrize("name", CALLS)
async def test_an_interrupted_call_stops_the_server_too(
    flavour: Flavour, session: Any, admin: psycopg.Connection[Any], name: str
) -> None:
    backend = await backend_of(session, admin)
    task = asyncio.ensure_future(CALLS[name](session, None))
    await backend.until(sleeping=True, seconds=10, task=task)
    await interrupt(flavour, session, task)
    await backend.until(sleeping=False, seconds=1.0)
    await assert_usable(session)
    assert await session.select_value(PID) == backend._pid


@pytest.mark.promise("cancellation: a cancelled transaction is rolled back")
async def test_an_interrupted_transaction_is_rolled_back(
    flavour: Flavour, session: Any, admin: psycopg.Connection[Any]
) -> None:
    backend = await backend_of(session, admin)

    async def work() -> None:
        async with session.transaction():
            await session.execute("insert into t values (1)")
            async with session.transaction():
                await session.select(SLEEP)

    task = asyncio.create_task(work())
    await backend.until(sleeping=True, seconds=10, task=task)
    await interrupt(flavour, session, task)
    await assert_usable(session)


@pytest.mark.promise("cancellation: a COMMIT that is under way is waited for, so that its outcome is known")
async def test_a_commit_is_waited_for(flavour: Flavour, session: Any, admin: psycopg.Connection[Any]) -> None:
    """Given up in the middle it might have been stored or not; nobody would know."""
    await session.execute_script("""
        create function nap() returns trigger language plpgsql as $$ begin perform pg_sleep(0.05); return null; end $$;
        create constraint trigger napping after insert on t deferrable initially deferred
        for each row execute function nap();
    """)
    backend = await backend_of(session, admin)

    async def work() -> None:
        async with session.transaction():
            await session.execute("insert into t values (1)")

    task = asyncio.create_task(work())
    await backend.until(sleeping=True, seconds=10, task=task)
    await interrupt(flavour, session, task)
    # Asked for by name, the server gives the commit up and stores nothing.
    assert await session.select_value("select count(*) from t") == (0 if flavour.is_sync else 1)
    assert not session.in_transaction


@pytest.mark.promise("cancellation: a cancelled stream leaves a usable session")
@needs("stream")
async def test_an_interrupted_stream_leaves_a_usable_session(
    flavour: Flavour, session: Any, admin: psycopg.Connection[Any]
) -> None:
    backend = await backend_of(session, admin)

    async def work() -> None:
        slow = "select n, case when n > 20 then pg_sleep(10) end from generate_series(1, 100) n"
        async with session.select_stream(slow, chunk_size=10) as stream:
            async for _ in stream:
                pass

    task = asyncio.create_task(work())
    await backend.until(sleeping=True, seconds=10, task=task)
    await interrupt(flavour, session, task)
    await assert_usable(session)


@pytest.mark.promise("cancellation: a cancelled borrower leaks no connection")
async def test_an_interrupted_borrower_leaks_no_connection(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    config = flavour.make_config(max_size=1)
    sessions: list[Any] = []
    pids: list[int] = []

    async def work() -> None:
        async with config.provide_session() as session:
            pids.append(await session.select_value(PID))
            sessions.append(session)
            await session.select(SLEEP)

    for _ in range(3):
        task = asyncio.create_task(work())
        while not sessions:
            await asyncio.sleep(0.001)
        await Backend(admin, pids[-1]).until(sleeping=True, seconds=10, task=task)
        await interrupt(flavour, sessions.pop(), task)
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1
    assert config.stats().opened == 1


@pytest.mark.promise("cancellation: a call that is cancelled while it waits for its turn disturbs nobody")
async def test_a_call_that_is_interrupted_in_the_queue_disturbs_nobody(session: Any) -> None:
    running = asyncio.create_task(session.select_value("select 1 from pg_sleep(0.05)"))
    await asyncio.sleep(0)
    queued = [asyncio.create_task(session.select_value("select $1::int", number)) for number in range(10)]
    await asyncio.sleep(0)
    for task in queued[::2]:
        task.cancel()
    ended = await asyncio.gather(running, *queued, return_exceptions=True)
    assert ended[0] == 1
    assert [value for value in ended[1:] if not isinstance(value, BaseException)] == [1, 3, 5, 7, 9]
    assert await session.select_value("select 5") == 5


@pytest.mark.promise("cancellation: an interrupted BEGIN leaves no transaction behind")
async def test_an_interrupted_begin_leaves_no_transaction_behind(flavour: Flavour, session: Any) -> None:
    """What is written afterwards must not wait for a commit that nobody knows to be due."""
    async with flavour.make_config().provide_session() as other:
        for ticks in range(30):
            task = asyncio.create_task(session.begin())
            for _ in range(ticks):
                await asyncio.sleep(0)
            if flavour.is_sync:
                await session.cancel()
            else:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError, OperationCancelledError):
                await task
            if session.in_transaction:  # it was done before: the task's own
                with pytest.raises(TransactionError):
                    await session.select("select 1")
                return
            await session.execute("insert into t values ($1)", ticks)
            assert await other.select_value("select count(*) from t where n = $1", ticks) == 1


@pytest.mark.promise("cancellation: an interrupted connection attempt leaves no connection behind")
async def test_an_interrupted_connection_attempt_leaves_no_connection_behind(
    flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    name = f"attempts of {flavour.schema}"
    config = flavour.make_config(max_size=2, application_name=name)
    ended: list[BaseException | None] = []  # kept, as a framework may keep the errors of its tasks

    async def borrow() -> None:
        async with config.provide_session():
            pass

    for ticks in range(40):
        task = asyncio.create_task(borrow())
        for _ in range(ticks):
            await asyncio.sleep(0)
        if not flavour.is_sync:  # nothing cancels a thread
            task.cancel()
        ended += await asyncio.gather(task, return_exceptions=True)
    backends = "select count(*) from pg_stat_activity where application_name = %s"
    async with asyncio.timeout(10):
        while admin.execute(backends, [name]).fetchone() != (config.stats().size,):
            await asyncio.sleep(0.002)
    assert len(ended) == 40


# -- session.cancel -------------------------------------------------------------------------------------------


@pytest.mark.promise("cancellation: session.cancel() stops a call from another task or thread")
@needs("cancel")
@pytest.mark.parametrize("name", CALLS)
async def test_another_task_can_stop_a_call(session: Any, admin: psycopg.Connection[Any], name: str) -> None:
    backend = await backend_of(session, admin)
    task = asyncio.ensure_future(CALLS[name](session, None))
    try:
        await backend.until(sleeping=True, seconds=10, task=task)
        await session.cancel()
        with pytest.raises(OperationCancelledError) as caught:
            await task
    finally:
        task.cancel()
    assert caught.value.sqlstate in ("57014", None)
    await backend.until(sleeping=False, seconds=1.0)
    await assert_usable(session)
    assert await session.select_value(PID) == backend._pid


@needs("cancel")
async def test_cancelling_an_idle_session_does_nothing(session: Any) -> None:
    for _ in range(5):
        await session.cancel()
        assert await session.select_value("select 1") == 1


@pytest.mark.promise("cancellation: a cancel hits the running statement or none")
@needs("cancel")
async def test_a_cancel_hits_the_running_statement_or_none(session: Any) -> None:
    chance = random.Random(7)
    stopped = 0
    for number in range(100):
        # Long enough for a driver that has to open a connection to cancel over.
        task = asyncio.create_task(session.select_value("select $1::int from pg_sleep(0.03)", number))
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(chance.choice([0, 0, 0.001]))
        await session.cancel()
        try:
            assert await task == number
        except OperationCancelledError:
            stopped += 1
        assert await session.select_value("select $1::int + 1", number) == number + 1
    assert stopped > 0


@needs("cancel")
@pytest.mark.parametrize("step", ["opening", "batch"])
@pytest.mark.parametrize("inside", [False, True])
async def test_a_cancel_between_two_statements_of_a_call_ends_it(
    flavour: Flavour, session: Any, monkeypatch: pytest.MonkeyPatch, inside: bool, step: str
) -> None:
    """The server has nothing to stop just then, and would be asked to store it all next."""
    real = session._target if flavour.is_sync else session
    kind = type(real._driver)
    name = "execute_many" if step == "batch" else "execute_script" if inside else "begin"
    original = getattr(kind, name)

    def stopped(*args: Any) -> Any:
        answer = original(*args)
        other = threading.Thread(target=real.cancel)
        other.start()
        other.join()
        return answer

    async def async_stopped(*args: Any) -> Any:
        answer = await original(*args)
        await real.cancel()
        return answer

    if inside:
        await session.begin()
        await session.execute("insert into t values (0)")
    with monkeypatch.context() as patch, pytest.raises(OperationCancelledError, match="stopped by cancel"):
        patch.setattr(kind, name, stopped if flavour.is_sync else async_stopped)
        await session.execute_many("insert into t values ($1)", [1, 2])
    await session.execute_many("insert into t values ($1)", [3, 4])
    if inside:
        await session.commit()
    stored = await session.select("select n from t order by n", schema_type=tuple)
    assert stored == [*([(0,)] if inside else []), (3,), (4,)]


@pytest.mark.promise("cancellation: a cancel by the server is told apart from a limit")
async def test_a_cancel_by_the_server_is_told_apart_from_a_limit(session: Any, admin: psycopg.Connection[Any]) -> None:
    backend = await backend_of(session, admin)
    task = asyncio.create_task(session.select(SLEEP, timeout=60))
    await backend.until(sleeping=True, seconds=10, task=task)
    admin.execute("select pg_cancel_backend(%s)", [backend._pid])
    with pytest.raises(OperationalError) as caught:
        await task
    assert not isinstance(caught.value, QueryTimeoutError)
    await assert_usable(session)


# -- everything at once ---------------------------------------------------------------------------------------


@pytest.mark.promise("cancellation: random interruptions lose no write and no connection")
async def test_random_interruptions_lose_no_write_and_no_connection(
    flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    name = f"storm of {flavour.schema}"
    config = flavour.make_config(max_size=4, application_name=name, acquire_timeout=60)
    chance = random.Random(11)
    stored: list[int] = []

    async def one(session: Any, number: int) -> None:
        limit = chance.choice([None, None, None, 0.002])
        kind = chance.randrange(5)
        if kind == 0:
            assert await session.select_value("select $1::int", number, timeout=limit) == number
        elif kind == 1:
            await session.execute("insert into t values ($1)", number, timeout=limit)
            stored.append(number)
        elif kind == 2:
            async with session.transaction():
                await session.execute("insert into t values ($1)", number, timeout=limit)
                await session.select("select pg_sleep(0.0005)")
            stored.append(number)
        elif kind == 3:
            await session.execute_many("insert into t values ($1)", [number, -number], timeout=limit)
            stored.extend((number, -number))
        else:
            await session.select("select pg_sleep(0.004)", timeout=limit)

    async def work(first: int) -> None:
        for number in range(first, first + 30):
            async with config.provide_session() as session:
                with contextlib.suppress(QueryTimeoutError, CommitUnknownError):  # at its COMMIT
                    await one(session, number)

    tasks = [asyncio.create_task(work(1000 * number)) for number in range(1, 25)]
    if not flavour.is_sync:  # nothing cancels a thread: there only the limits interrupt
        for task in tasks[::2]:
            await asyncio.sleep(chance.uniform(0, 0.02))
            task.cancel()
    for end in await asyncio.gather(*tasks, return_exceptions=True):
        assert end is None or isinstance(end, asyncio.CancelledError), repr(end)
    sessions = [config.provide_session() for _ in range(4)]
    for number, context in enumerate(sessions):
        session = await context.__aenter__()
        assert await session.select_value("select $1::int", number) == number
    for context in sessions:
        await context.__aexit__(None, None, None)
    stats = config.stats()
    assert (stats.in_use, stats.waiting) == (0, 0)
    found = admin.execute(f"select n from {flavour.schema}.t".encode()).fetchall()
    rows = {n for (n,) in found}
    assert len(found) == len(rows), "a write was made twice"
    assert set(stored) <= rows
    backends = "select count(*) from pg_stat_activity where application_name = %s"
    async with asyncio.timeout(10):  # a connection that was closed in the middle ends with its statement
        while admin.execute(backends, [name]).fetchone() != (stats.size,):
            await asyncio.sleep(0.002)
    assert len(stored) > 50


# -- a network that swallows everything -----------------------------------------------------------------------


@pytest.mark.promise("timeouts: a silent network holds nobody beyond timeout= and a grace of seconds")
async def test_a_silent_network_holds_nobody_for_ever(
    flavour: Flavour, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_aio, _sio, _async_base, _sync_base):
        monkeypatch.setattr(module, "GRACE", 0.2)
    config = flavour.make_config(dsn=proxy.dsn, max_size=1)
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1
        proxy.hold()
        with pytest.raises(QueryTimeoutError, match="the server may still be working") as caught:
            await asyncio.wait_for(session.select_value("select 2", timeout=0.1), 30)
        assert caught.value.sql == "select 2"
        with pytest.raises(DatabaseConnectionError, match="the connection was lost"):
            await session.select("select 3")
    assert config.stats().size == 0
    proxy.heal()
    async with config.provide_session() as session:
        assert await session.select_value("select 4") == 4


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
async def test_a_call_is_stopped_in_a_task_that_was_cancelled_before(session: Any) -> None:
    """Whoever has caught a cancellation may go on, and some versions of Python do so behind a task group."""

    async def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await session.select(SLEEP)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0.05)
    await session.cancel()
    with pytest.raises(OperationCancelledError):
        await asyncio.wait_for(task, 5)
