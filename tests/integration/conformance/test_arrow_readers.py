"""Arrow readers: how they begin and end, and what they keep out meanwhile."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from sqlspec.exceptions import (
    DataError,
    OperationalError,
    ParameterError,
    TransactionError,
)
from tests.integration.harness import FLAVOURS, Flavour

REAL = tuple(name for name in FLAVOURS if name != "stub")
pytestmark = pytest.mark.only(*REAL)

NUMBERS = "select n from generate_series(1, $1::int) n"
READERS = ("reader", "batches")
BUSY = (
    "the session is busy with an Arrow reader; read it to its end or close it, best by a `with` block, "
    "or use a second session"
)


@pytest.mark.parametrize("inside", [False, True])
async def test_a_reader_closes_itself_at_its_end(session: Any, inside: bool) -> None:
    if inside:
        await session.begin()
    reader = await session.select_to_arrow(NUMBERS, 100_000, return_format="reader")
    assert sum([batch.num_rows async for batch in reader]) == 100_000
    assert session.in_transaction is inside
    assert await session.select_value("select 1") == 1
    assert [batch async for batch in reader] == []  # it is at its end
    await reader.close()
    if inside:
        await session.commit()


@pytest.mark.parametrize("inside", [False, True])
async def test_leaving_early(session: Any, inside: bool) -> None:
    pid = await session.select_value("select pg_backend_pid()")
    for _ in range(3):
        if inside:
            await session.begin()
            await session.execute("create temp table kept on commit drop as select 1 as n")
        async with await session.select_to_arrow(
            "select n, repeat('x', 100) as t from generate_series(1, 1000000) n", return_format="reader"
        ) as reader:
            async for batch in reader:
                assert batch.num_rows
                break
        assert session.in_transaction is inside
        if inside:
            assert await session.select_value("select n from kept") == 1
            await session.commit()
        with pytest.raises(OperationalError, match="it was closed"):
            await reader.read_batch()
        await reader.close()
    assert await session.select_value("select pg_backend_pid()") == pid


async def test_a_reader_is_at_its_end_when_all_rows_were_taken(session: Any) -> None:
    await session.execute("create table t (n int)")
    insert = "insert into t values (1), (2) returning n"
    for size, expected in ((None, 2), (1, 2)):
        async with await session.select_to_arrow(insert, return_format="reader", batch_size=size) as reader:
            assert await reader.read_batch() is not None
        assert await session.select_value("select count(*) from t") == expected, "with a row left it is undone"
    with pytest.raises(KeyError):
        async with await session.select_to_arrow(insert, return_format="reader") as reader:
            await reader.read_batch()
            raise KeyError
    assert await session.select_value("select count(*) from t") == 2


async def test_an_exception_of_the_caller_passes_through(session: Any) -> None:
    await session.execute_script("""
        create table log (n int);
        create function note(n int) returns int language sql as 'insert into log values (n) returning n';
    """)
    with pytest.raises(KeyError):
        async with await session.select_to_arrow(
            "select note(n) from generate_series(1, 100000) n", return_format="batches", batch_size=10
        ) as reader:
            async for _ in reader:
                raise KeyError
    assert await session.select_value("select count(*) from log") == 0, "what was not read to its end is undone"


@pytest.mark.parametrize("inside", [False, True])
async def test_other_calls_are_refused_while_a_reader_is_open(session: Any, config: Any, inside: bool) -> None:
    if inside:
        await session.begin()
    async with await session.select_to_arrow(NUMBERS, 100_000, return_format="reader") as reader:
        calls: dict[str, Callable[[], Any]] = {
            "select": lambda: session.select("select 1"),
            "execute": lambda: session.execute("select 1"),
            "execute_many": lambda: session.execute_many("select $1::int", [1]),
            "execute_script": lambda: session.execute_script("select 1"),
            "load_from_arrow": lambda: session.load_from_arrow("t", pa.table({"n": [1]})),
            "select_to_arrow": lambda: session.select_to_arrow("select 1"),
            "begin": session.begin,
            "savepoint": lambda: session.savepoint().__aenter__(),
        }
        if not inside:
            calls |= {"commit": session.commit, "rollback": session.rollback}
        for name, call in calls.items():
            with pytest.raises(TransactionError) as caught:
                await call()
            assert str(caught.value) == f"cannot call {name}(): {BUSY}"
        async with config.provide_session() as other:
            assert await other.select_value("select 1") == 1
        assert (await reader.read_all()).num_rows == 100_000
    assert await session.select_value("select 1") == 1
    if inside:
        await session.commit()


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_the_end_of_a_transaction_closes_the_reader(session: Any, end: str) -> None:
    await session.execute("create table t (n int)")
    await session.begin()
    await session.execute("insert into t values (1)")
    reader = await session.select_to_arrow(NUMBERS, 100_000, return_format="reader")
    assert await reader.read_batch() is not None
    await getattr(session, end)()
    assert not session.in_transaction
    with pytest.raises(OperationalError, match="it was closed"):
        await reader.read_all()
    assert await session.select_value("select count(*) from t") == (end == "commit")


async def test_the_end_of_a_scope_closes_the_reader(session: Any) -> None:
    await session.execute("create table t (n int)")
    async with session.transaction():
        await session.execute("insert into t values (1)")
        with pytest.raises(KeyError):
            async with session.savepoint():
                await session.execute("insert into t values (2)")
                await session.select_to_arrow(NUMBERS, 100_000, return_format="reader")
                raise KeyError
        await session.select_to_arrow(NUMBERS, 100_000, return_format="reader")
    assert await session.select("select n from t", schema_type=int) == [1]


async def test_a_session_left_with_an_open_reader(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)

    async def leave(inside: bool) -> Any:
        async with config.provide_session() as session:
            if inside:
                await session.begin()
            reader = await session.select_to_arrow(NUMBERS, 1_000_000, return_format="reader")
            await reader.read_batch()
        return reader

    for inside in (False, True):
        with pytest.warns(ResourceWarning, match="an Arrow reader was not closed"):
            reader = await leave(inside)
        with pytest.raises(OperationalError):
            await reader.read_batch()
        async with config.provide_session() as session:
            assert await session.select_value("select 1") == 1
    assert config.stats().size == 1
    assert config.stats().opened == 1


@pytest.mark.only("psycopg-sync", "pyro-sync")
async def test_an_object_of_pyarrow(session: Any) -> None:
    target = session._target

    def read() -> None:
        with target.select_to_arrow(NUMBERS, 100_000, return_format="reader") as result:
            reader = result.get_data()
            assert isinstance(reader, pa.RecordBatchReader)
            assert reader.schema == result.schema
            assert reader.read_all().num_rows == 100_000
        assert pl.DataFrame(target.select_to_arrow(NUMBERS, 5, return_format="reader")).shape == (5, 1)
        assert target.select_to_arrow(NUMBERS, 5, return_format="batches").to_polars().shape == (5, 1)
        lengths = [len(batch) for batch in target.select_to_arrow(NUMBERS, 5, return_format="batches").get_data()]
        assert lengths == [5]
        failing = "select 1 / (50 - n) from generate_series(1, 60) n"
        with target.select_to_arrow(failing, return_format="reader") as bad, pytest.raises(DataError):
            bad.get_data().read_all()
        assert target.select_value("select 1") == 1
        reader = target.select_to_arrow(NUMBERS, 1_000_000, return_format="reader").get_data()
        reader.read_next_batch()
        with pytest.warns(ResourceWarning, match="an Arrow reader was not closed"):
            del reader
        assert target.select_value("select 1") == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with target.select_to_arrow(NUMBERS, 1_000_000, return_format="reader") as result:
                for _ in result.get_data():
                    break
        assert target.select_value("select 1") == 1

    await asyncio.to_thread(read)


@pytest.mark.only("psycopg-sync", "pyro-sync")
async def test_a_reader_may_be_read_by_another_thread(session: Any) -> None:
    target = session._target

    def run() -> int:
        with target.select_to_arrow(NUMBERS, 100_000, return_format="reader") as reader:
            found: list[int] = []
            thread = threading.Thread(target=lambda: found.append(reader.read_all().num_rows))
            thread.start()
            thread.join()
        assert target.select_value("select 1") == 1
        return found[0]

    assert await asyncio.to_thread(run) == 100_000


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
async def test_a_reader_may_be_read_by_another_task(session: Any) -> None:
    async with await session.select_to_arrow(NUMBERS, 100_000, return_format="reader") as reader:
        assert reader.get_data() is reader
        found = await asyncio.create_task(reader.read_all())
        assert found.num_rows == 100_000
    assert await session.select_value("select 1") == 1
    assert (await (await session.select_to_arrow(NUMBERS, 5, return_format="batches")).to_pandas()).shape == (5, 1)


async def test_a_reader_feeds_a_load_of_another_session(config: Any, flavour: Flavour) -> None:
    async with config.provide_session() as session, config.provide_session() as other:
        await session.execute("create table t (n int)")
        reader = await other.select_to_arrow(NUMBERS, 100_000, return_format="reader", batch_size=10_000)
        async with reader:
            if flavour.is_sync:
                assert (await session.load_from_arrow("t", reader)).rows == 100_000
            else:
                with pytest.raises(ParameterError):
                    await session.load_from_arrow("t", reader)


# -- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
@pytest.mark.parametrize("return_format", READERS)
async def test_memory_does_not_grow_with_the_rows(session: Any, return_format: str) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    count = 0
    sql = "select repeat('x', 4000) as t from generate_series(1, $1::int)"
    await session.select_to_arrow(sql, 5000)
    start = most = resident()
    async with await session.select_to_arrow(sql, 25_000, return_format=return_format) as reader:
        async for batch in reader:
            count += batch.num_rows
            most = max(most, resident())
    assert count == 25_000
    assert most - start < 50_000_000, "the rows were 100 MB"
