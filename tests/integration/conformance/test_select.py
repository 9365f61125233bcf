from __future__ import annotations
from tests.integration.harness import needs

async def test_a(session):
    assert await session.select("select $1::int as a", 5) == [{"a": 5}]
    assert await session.execute("select 1 as a").all() == [{"a": 1}]

@needs("stream")
async def test_b(session):
    await session.execute("create table t as select generate_series(1,10) n")
    async with session.select_stream("select n from t", chunk_size=3) as s:
        got = [r["n"] async for r in s]
    assert got == list(range(1, 11))
    async with session.select_stream("select n from t", chunk_size=3) as s:
        got = [c async for c in s.chunks()]
    assert len(got) == 4

async def test_tx(session, flavour):
    async with session.transaction():
        assert session.in_transaction
        await session.execute("create table t(a int)")
        await session.driver.ping()
        async with session.transaction():
            await session.execute("insert into t values(1)")
    async def fn(s):
        async with s.savepoint():
            return await s.select_value("select count(*) from t")
    assert await session.run_in_transaction(fn) == 1
