from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from sqlspec import SQL
from sqlspec.exceptions import (
    DatabaseConnectionError,
    DataError,
    MappingError,
    OperationalError,
    ParameterError,
    SQLParsingError,
    TransactionError,
)
from tests.integration.harness import needs

NUMBERS = "select n from generate_series(1, $1::int) n"


class Number(msgspec.Struct):
    n: int


async def cursors(session: Any) -> int:
    count: int = await session.select_value("select count(*) from pg_cursors where statement not like '%pg_cursors%'")
    return count


# -- rows and chunks ------------------------------------------------------------------------------------------


@needs("stream")
@pytest.mark.parametrize(
    ("rows", "size", "expected"),
    [
        (10, 3, [3, 3, 3, 1]),
        (9, 3, [3, 3, 3]),
        (3, 1, [1, 1, 1]),
        (2, 1000, [2]),
        (0, 5, []),
        (1000, 1000, [1000]),
    ],
)
async def test_chunks(session: Any, rows: int, size: int, expected: list[int]) -> None:
    async with session.select_stream(NUMBERS, rows, chunk_size=size) as stream:
        chunks = [chunk async for chunk in stream.chunks()]
    assert [len(chunk) for chunk in chunks] == expected
    assert [row["n"] for chunk in chunks for row in chunk] == list(range(1, rows + 1))
    assert not session.in_transaction
    async with session.select_stream(NUMBERS, rows, chunk_size=size) as stream:
        assert [row async for row in stream] == [{"n": n} for n in range(1, rows + 1)]
        assert [row async for row in stream] == []  # it is at its end


@needs("stream")
async def test_parameters_of_every_form(session: Any) -> None:
    for call in (
        session.select_stream("select :a::int + :b::int as n", {"a": 1, "b": 2}),
        session.select_stream("select :a::int + :b::int as n", a=1, b=2),
        session.select_stream("select %s::int + %s::int as n", (1, 2)),
        session.select_stream("select $1::int + $2::int as n", 1, 2),
        session.select_stream(SQL("select ?::int + ?::int as n", 1, 2)),
        session.select_stream("values (3)"),
        session.select_stream("with x as (select 3 as n) select n from x;  -- done"),
    ):
        async with call as stream:
            assert [list(row.values()) async for row in stream] == [[3]]


@needs("stream")
async def test_schema_types(session: Any) -> None:
    async with session.select_stream(NUMBERS, 3, chunk_size=2, schema_type=Number) as stream:
        assert [row async for row in stream] == [Number(1), Number(2), Number(3)]
    async with session.select_stream(NUMBERS, 3, schema_type=int) as stream:
        assert [row async for row in stream] == [1, 2, 3]
    with pytest.raises(MappingError):
        async with session.select_stream("select 1 as other", schema_type=Number) as stream:
            async for _ in stream:
                raise AssertionError("a row")
    assert await session.select_value("select 1") == 1


@needs("stream")
async def test_values_are_those_of_select(session: Any) -> None:
    sql = """
        select n, n::text as t, n * 1.50 as x, date '2020-01-01' + n as d, array[n, null] as a,
               jsonb_build_object('n', n) as j
        from generate_series(1, 5) n
    """
    async with session.select_stream(sql, chunk_size=2) as stream:
        rows = [row async for row in stream]
    assert rows == await session.select(sql)


# -- ends -----------------------------------------------------------------------------------------------------


@needs("stream")
async def test_leaving_early_leaves_nothing_behind(session: Any) -> None:
    pid = await session.select_value("select pg_backend_pid()")
    for _ in range(3):
        seen = 0
        async with session.select_stream(NUMBERS, 100_000, chunk_size=10) as stream:
            async for _ in stream:
                seen += 1
                if seen == 25:
                    break
        assert not session.in_transaction
        assert await cursors(session) == 0
    assert await session.select_value("select pg_backend_pid()") == pid


@needs("stream")
async def test_an_exception_of_the_reader_passes_through(session: Any) -> None:
    with pytest.raises(KeyError):
        async with session.select_stream(NUMBERS, 100, chunk_size=10) as stream:
            async for row in stream:
                if row["n"] == 15:
                    raise KeyError
    assert await session.select_value("select 1") == 1


@needs("stream")
async def test_an_error_in_the_middle_comes_after_the_rows_before(session: Any) -> None:
    seen = 0
    with pytest.raises(DataError) as caught:
        async with session.select_stream(
            "select n, 1/(500 - n) from generate_series(1, 1000) n", chunk_size=100
        ) as stream:
            async for row in stream:
                seen += 1
                assert row["n"] == seen
    assert caught.value.sql is not None
    assert caught.value.sql.startswith("select n, 1/")
    assert seen == 400
    assert not session.in_transaction
    assert await session.select_value("select 1") == 1


@needs("stream")
async def test_an_error_on_opening(session: Any) -> None:
    for sql, params in [("select * from missing", ()), ("select $1::int", ("x",)), ("select from from", ())]:
        with pytest.raises((SQLParsingError, DataError)):
            async with session.select_stream(sql, *params):
                raise AssertionError("entered")
        assert not session.in_transaction
    assert await session.select_value("select 1") == 1


@needs("stream")
async def test_an_unreadable_value_is_an_error_that_the_session_survives(session: Any) -> None:
    sql = "select case n when 15 then 'infinity' else '2020-01-01'::date end as d from generate_series(1, 30) n"
    seen = 0
    with pytest.raises(DataError, match='column "d"'):
        async with session.select_stream(sql, chunk_size=10) as stream:
            async for _ in stream:
                seen += 1
    assert seen == 10
    assert not session.in_transaction
    assert await session.select_value("select 1") == 1


@needs("stream")
async def test_a_connection_lost_in_the_middle(config: Any, admin: psycopg.Connection[Any]) -> None:
    async with config.provide_session() as session:
        pid = await session.select_value("select pg_backend_pid()")
        with pytest.raises(DatabaseConnectionError):
            async with session.select_stream(NUMBERS, 1000, chunk_size=10) as stream:
                async for row in stream:
                    if row["n"] == 10:
                        admin.execute("select pg_terminate_backend(%s, 5000)", [pid])
        assert not session.in_transaction
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1


@needs("stream")
async def test_a_session_left_with_an_open_stream(config: Any) -> None:
    async with config.provide_session() as session:
        await session.select_stream(NUMBERS, 1000).__aenter__()
    async with config.provide_session() as session:
        assert await cursors(session) == 0
        assert not session.in_transaction


@needs("stream")
async def test_reading_outside_the_scope_is_refused(session: Any) -> None:
    stream = session.select_stream(NUMBERS, 5)
    for _ in range(2):
        with pytest.raises(OperationalError, match="not open; use it inside its `with` block"):
            async for _ in stream:
                pass
        async with stream:
            pass


# -- memory ---------------------------------------------------------------------------------------------------


@needs("stream")
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
async def test_memory_does_not_grow_with_the_rows(session: Any) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    rows, start, most = 0, resident(), 0
    async with session.select_stream("select repeat('x', 4000) as t from generate_series(1, 25000)") as stream:
        async for chunk in stream.chunks():
            rows += len(chunk)
            most = max(most, resident())
    assert rows == 25_000
    assert most - start < 50_000_000, "the rows were 100 MB"


# -- who may call meanwhile -----------------------------------------------------------------------------------


@needs("stream")
async def test_other_calls_are_refused_while_a_stream_has_its_own_transaction(session: Any) -> None:
    async with session.select_stream(NUMBERS, 10, chunk_size=2) as stream:
        calls = {
            "select": lambda: session.select("select 1"),
            "execute": lambda: session.execute("select 1"),
            "execute_many": lambda: session.execute_many("select $1::int", [1]),
            "execute_script": lambda: session.execute_script("select 1"),
            "commit": session.commit,
            "rollback": session.rollback,
            "begin": session.begin,
            "transaction": lambda: session.transaction().__aenter__(),
        }
        for name, call in calls.items():
            with pytest.raises(TransactionError) as caught:
                await call()
            assert str(caught.value) == (
                f"cannot call {name}(): the session is busy with a stream of rows; "
                "wrap both in session.transaction(), or use a second session"
            )
        with pytest.raises(TransactionError, match="busy with a stream"):
            session.select_stream("select 1")
        assert [row["n"] async for row in stream] == list(range(1, 11))
    assert await session.select_value("select 1") == 1


@needs("stream")
async def test_inside_a_transaction_other_calls_go_between(session: Any) -> None:
    async with session.transaction():
        await session.execute("create temp table t (n int)")
        async with session.select_stream(NUMBERS, 10, chunk_size=3) as stream:
            async for row in stream:
                await session.execute("insert into t values ($1)", row["n"])
                async with session.select_stream(NUMBERS, row["n"], chunk_size=2) as inner:
                    assert len([1 async for _ in inner]) == row["n"]
        assert session.in_transaction
        assert await session.select_value("select sum(n) from t") == 55
        async with session.select_stream(NUMBERS, 100_000, chunk_size=3) as stream:
            async for _ in stream:
                break
        assert await cursors(session) == 0, "the cursor holds its rows and snapshot until the end"
        await session.execute("drop table t")


@needs("stream")
async def test_an_error_inside_a_transaction_can_be_undone(session: Any) -> None:
    async with session.transaction():
        await session.execute("create temp table t on commit drop as select 1 as n")
        with pytest.raises(DataError):
            async with (
                session.savepoint(),
                session.select_stream("select 1/(2 - n) from generate_series(1, 9) n") as stream,
            ):
                async for _ in stream:
                    pass
        assert await session.select_value("select n from t") == 1


@needs("stream")
async def test_reading_after_the_transaction_has_ended_is_refused(session: Any) -> None:
    await session.begin()
    async with session.select_stream(NUMBERS, 100, chunk_size=2) as stream:
        await session.rollback()
        with pytest.raises(OperationalError, match="its transaction has ended"):
            async for _ in stream:
                pass
    assert await session.select_value("select 1") == 1


# -- what is stored -------------------------------------------------------------------------------------------


@needs("stream")
async def test_what_the_query_writes_is_stored_unless_the_reader_fails(session: Any) -> None:
    await session.execute_script("""
        create table log (n int);
        create function note(n int) returns int language sql as 'insert into log values (n) returning n';
    """)
    async with session.select_stream("select note(n) from generate_series(1, 3) n") as stream:
        assert len([1 async for _ in stream]) == 3
    with pytest.raises(KeyError):
        async with session.select_stream("select note(n) from generate_series(11, 13) n") as stream:
            async for _ in stream:
                raise KeyError
    assert await session.select("select n from log", schema_type=int) == [1, 2, 3]


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
async def test_a_cancellation_that_comes_at_the_end_is_not_turned_into_another_error(session: Any) -> None:
    class Slow:
        async def close(self) -> None:
            task = asyncio.current_task()
            assert task is not None
            asyncio.get_running_loop().call_soon(task.cancel)
            await session._driver.execute_script("select pg_sleep(30)")

    async def read() -> None:
        async with session.select_stream(NUMBERS, 3) as stream:
            assert [row["n"] async for row in stream] == [1, 2, 3]
            stream._cursor = Slow()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(read())
    assert not session.in_transaction


# -- what cannot be streamed ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "insert into t values (1)",
        "insert into t values (1) returning n",
        "update t set n = 1",
        "create table x ()",
        "show work_mem",
        "explain select 1",
        "select 1 into x",
        "with x as (insert into t values (1) returning n) insert into t select n from x",
    ],
)
async def test_what_has_no_cursor_is_refused_before_anything_is_sent(session: Any, sql: str) -> None:
    with pytest.raises(ParameterError, match=r"cannot call select_stream\(\)"):
        session.select_stream(sql)
    assert await session.select_value("select 1") == 1


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "10", None])
async def test_an_impossible_chunk_size_is_refused(session: Any, size: Any) -> None:
    with pytest.raises(ParameterError, match="chunk_size must be an integer of at least 1"):
        session.select_stream("select 1", chunk_size=size)


async def test_wrong_parameters_are_refused_at_once(session: Any) -> None:
    with pytest.raises(ParameterError):
        session.select_stream("select $1::int")
    with pytest.raises(ParameterError):
        session.select_stream("select :a::int", a=1, b=2)
