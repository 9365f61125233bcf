from __future__ import annotations

import asyncio
import sys
import types
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import OperationalError, SQLSpecError, TransactionError
from tests.integration.harness import Flavour


@pytest.fixture(autouse=True)
def table(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    admin.execute(f"create table {flavour.schema}.t (n int)".encode())


def tasks_of(*coroutines: Any) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(coroutine) for coroutine in coroutines]


async def test_a_hundred_tasks_on_one_session_get_their_own_results(session: Any) -> None:
    calls = [session.select("select $1::int as a, $2::text as b", n, str(n)) for n in range(100)]
    assert await asyncio.gather(*tasks_of(*calls)) == [[{"a": n, "b": str(n)}] for n in range(100)]


async def test_results_of_different_shapes_are_not_mixed_up(session: Any) -> None:
    async def one(n: int) -> None:
        width = n % 7 + 1
        columns = ", ".join(f"{n + at} as c{at}" for at in range(width))
        assert await session.select(f"select {columns} from generate_series(1, {n % 5})") == [
            {f"c{at}": n + at for at in range(width)}
        ] * (n % 5)

    await asyncio.gather(*tasks_of(*(one(n) for n in range(100))))


async def test_calls_of_every_kind_queue(session: Any) -> None:
    """A batch or stack takes several round trips, and opens a transaction: others wait, they are not refused."""

    async def refused(n: int) -> None:
        with pytest.raises(SQLSpecError):
            await session.execute_many("insert into t values ($1 / 0)", [n])

    async def one(n: int) -> None:
        kind = n % 6
        if kind == 0:
            assert await session.select_value("select $1::int", n) == n
        elif kind == 1:
            await session.execute_many("insert into t values ($1)", [n, n])
        elif kind == 2:
            await session.execute_script(f"insert into t values ({n}); insert into t values ({n})")
        elif kind == 3:
            results = await session.execute_stack([("insert into t values ($1), ($1)", n), ("select $1::int as a", n)])
            assert results[1].all() == [{"a": n}]
        elif kind == 4:
            assert (await session.execute("insert into t values ($1), ($1) returning n", n)).all() == [{"n": n}] * 2
        else:
            await refused(n)

    await asyncio.gather(*tasks_of(*(one(n) for n in range(120))))
    expected = sorted(n for n in range(120) for _ in range(2) if n % 6 in (1, 2, 3, 4))
    assert await session.select("select n from t order by n", schema_type=int) == expected
    assert not session.in_transaction


async def test_many_sessions_of_one_config(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=5)

    async def one(n: int) -> int:
        async with config.provide_session() as session, session.transaction():
            await session.execute("insert into t values ($1)", n)
            count: int = await session.select_value("select count(*) from t where n = $1", n)
            return count

    assert await asyncio.gather(*tasks_of(*(one(n) for n in range(60)))) == [1] * 60
    async with config.provide_session() as session:
        assert await session.select_value("select sum(n) from t") == sum(range(60))


async def test_sessions_that_learn_a_type_at_once(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    admin.execute(f"create type {flavour.schema}.mood as enum ('happy', 'sad')".encode())
    admin.execute(f"create domain {flavour.schema}.small as int check (value < 10)".encode())
    config = flavour.make_config(max_size=8)

    async def one() -> Any:
        async with config.provide_session() as session:
            return await session.select("select $1::mood as m, array['sad'::mood] as a, 5::small as d", "happy")

    for rows in await asyncio.gather(*tasks_of(*(one() for _ in range(24)))):
        assert rows == [{"m": "happy", "a": ["sad"], "d": 5}]


async def test_a_queued_call_is_refused_once_another_task_has_begun(session: Any) -> None:
    running, begun, queued = tasks_of(
        session.select_value("select 1 from pg_sleep(0.02)"), session.begin(), session.select_value("select 2")
    )
    ended: list[Any] = list(await asyncio.gather(running, begun, queued, return_exceptions=True))
    first, second, third = ended
    assert (first, second) == (1, None)
    assert third == 2 or isinstance(third, TransactionError)
    with pytest.raises(TransactionError, match="in progress"):
        await session.select("select 1")


async def test_leaving_a_session_waits_for_a_call_that_runs(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        (running,) = tasks_of(session.select_value("select 1 from pg_sleep(0.03)"))
        while not (running.done() or session._turn.is_taken()):
            await asyncio.sleep(0)
    assert await running == 1
    with pytest.raises(OperationalError, match="the session was closed"):
        await session.select("select 1")
    async with config.provide_session() as session:
        assert await session.select_value("select 2") == 2
    assert config.stats().opened == 1


async def test_giving_up_while_leaving_leaks_no_connection(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    left = asyncio.Event()
    calls: list[asyncio.Task[Any]] = []

    async def borrow() -> None:
        async with config.provide_session() as session:
            calls.extend(tasks_of(session.select_value("select 1 from pg_sleep(0.05)")))
            await asyncio.sleep(0.005)
            left.set()

    borrower = asyncio.create_task(borrow())
    await left.wait()
    await asyncio.sleep(0)
    if not flavour.is_sync:  # nothing cancels a thread
        borrower.cancel()
    await asyncio.gather(borrower, *calls, return_exceptions=True)
    async with config.provide_session() as session:
        assert await session.select_value("select 2") == 2
    assert config.stats().size == 1


async def test_more_statements_than_a_connection_keeps(session: Any) -> None:
    for n in range(600):
        assert await session.select(f"select $1::int as c{n % 300}", n) == [{f"c{n % 300}": n}]
    kept = await session.select_value("select count(*) from pg_prepared_statements")
    assert kept <= 300


@pytest.mark.only("psycopg-sync", "pyro-sync")
@pytest.mark.parametrize("torn", ["acquire", "release"])
def test_a_thread_torn_out_of_its_turn_does_not_wait_for_itself(flavour: Flavour, torn: str) -> None:
    """A signal may strike between taking the turn and using it, and between using it and ending it."""

    def interrupt(frame: types.FrameType, event: str, called: Any) -> None:
        if frame.f_code.co_name == "select" and getattr(called, "__name__", "") == torn:
            wanted = "c_return" if torn == "acquire" else "c_call"
            if event == wanted:
                raise KeyboardInterrupt

    with flavour.make_config(max_size=1)._target as config:
        with config.provide_session() as session:
            session.select("select 1")
            with pytest.raises(KeyboardInterrupt):
                sys.setprofile(interrupt)
                session.select("select 1")
            sys.setprofile(None)
            assert session.select_value("select 2") == 2
        with config.provide_session() as session:
            assert session.select_value("select 3") == 3
