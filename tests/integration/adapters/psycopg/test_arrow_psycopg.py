"""COPY through libpq: with its functions called directly, and without."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from psycopg import pq

from sqlspec.adapters.psycopg import _copy
from sqlspec.core.plan import Compiler
from sqlspec.postgres.arrow._wire import Decoder, WireError
from sqlspec.postgres.arrow.wire import Kind, WireType

pytestmark = pytest.mark.only("psycopg", "psycopg-sync")

plan = Compiler().plan("select a, 'row ' || a from generate_series(1::int8, $1::int8) a")


def decoder(*types: pa.DataType) -> Decoder:
    fields = [pa.field(f"c{at}", kind) for at, kind in enumerate(types or (pa.int64(), pa.string()))]
    return Decoder(pa.schema(fields), [WireType(Kind.INT8, 20), WireType(Kind.BYTES, 25)][: len(fields)])


async def read(session: Any, count: int) -> pa.RecordBatch:
    rows = decoder()
    async with session.transaction():
        feed = await session.driver.open_feed(plan, (count,), 2)
        while await feed.feed(rows, 100_000):
            pass
        await feed.close()
    found = rows.batch()
    rows.finish()
    return found


async def test_functions_are_found_in_the_library_that_is_in_use() -> None:
    found = _copy.functions()
    assert found is not None
    assert all(found)
    version = ctypes.CDLL(sys.modules[pq.PGconn.__module__].__file__).PQlibVersion()
    assert version == pq.version()


async def test_without_the_functions_rows_come_one_by_one(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = await read(session, 50_000)
    assert expected.num_rows == 50_000
    monkeypatch.setattr(_copy, "functions", lambda: None)
    assert (await read(session, 50_000)).equals(expected)
    async with session.transaction():
        await session.driver.execute_script("savepoint here")
        feed = await session.driver.open_feed(plan, (1_000_000,), 2)
        assert await feed.feed(decoder(), 1000)
        with pytest.raises(WireError):
            await feed.feed(decoder(pa.int64()), 1000)
        await feed.close()
        await session.driver.execute_script("rollback to here")
        assert await session.select_value("select 1") == 1


async def test_another_library_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pq, "version", lambda: 10_000)
    assert _copy.functions.__wrapped__() is None


async def test_leaving_the_drivers_own_copy_early_blocks_the_connection(dsn: str) -> None:
    with psycopg.connect(dsn) as raw, raw.cursor() as cursor:
        with cursor.copy("copy (select generate_series(1, 1000000)) to stdout") as copy:
            next(iter(copy))
        assert raw.info.transaction_status == pq.TransactionStatus.ACTIVE
        raw.close()


async def test_a_connection_that_is_lost_is_an_error(session: Any, admin: psycopg.Connection[Any]) -> None:
    driver = session.driver
    await driver.begin("begin")
    feed = await driver.open_feed(plan, (10_000_000,), 2)
    rows = decoder()
    assert await feed.feed(rows, 1000)
    admin.execute("select pg_terminate_backend(%s, 5000)", (driver.backend_pid,))
    with pytest.raises(psycopg.OperationalError) as raised:
        while await feed.feed(rows, 1 << 20):
            pass
    assert driver.is_broken(raised.value)
    await feed.close()
