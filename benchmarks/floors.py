"""What two figures of the suite cannot be less than: `python -m benchmarks.floors`.

- 1000 rows to Structs, over what asyncpg takes to fetch them: the Structs have to be made, and to be freed again. Both
  are timed on rows that are there already, once as the package does it and once as `[Struct(*row) for row in rows]`.
- A checkout around one query: the same steps written out in one scope, without the methods that they belong to, the
  branches for whatever is not the common case, and those that wait.

Each is measured in blocks that take turns, in one process. The server is an embedded one, or that of
`SQLSPEC_TEST_DSN`.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

from benchmarks.contestants.asyncpg import Asyncpg
from benchmarks.contestants.sqlspec import AsyncSqlspec
from benchmarks.data import QUERIES, SETUP, TEARDOWN
from benchmarks.harness.server import Control, start
from benchmarks.harness.timing import Call, Rounds, take_async
from benchmarks.models import model
from sqlspec.driver._async_session import AsyncSession

BLOCK = 50
SECONDS = 10.0
LEAST = 5
ADAPTERS = ("asyncpg", "psycopg")


def main() -> None:
    """Measure and print."""
    with start() as (dsn, connection):
        control = Control(dsn, connection)
        control.execute(SETUP)
        try:
            asyncio.run(structs(dsn))
            for adapter in ADAPTERS:
                asyncio.run(checkout(dsn, adapter))
        finally:
            control.execute(TEARDOWN)


async def structs(dsn: str) -> None:
    """Compare the making of Structs with the query that their rows come from."""
    kind: Any = model("many", "Struct")
    ours, driver = AsyncSqlspec(dsn, "asyncpg"), Asyncpg(dsn)
    await ours.open()
    await driver.open()
    fetch = (await driver.select("many", 1000, "native")).run
    select = ours.select("many", 1000, "Struct").run
    rows: Any = await fetch()
    await select()
    make = ours.session._plans[QUERIES["many"].sql("$1")].mappers[kind][1]

    async def made() -> None:
        make(rows)

    async def called() -> None:
        [kind(*row) for row in rows]

    calls = {"fetch": fetch, "select": select, "made": made, "called": called}
    found = await medians({name: Call(run) for name, run in calls.items()}, block=5)
    whole = found["fetch"]
    print(f"1000 rows: asyncpg's fetch {whole:.0f} us, select to Struct {found['select'] / whole:.3f}x")
    for name, text in (("made", "by the package"), ("called", "by a list of Struct(*row)")):
        print(f"  made and freed {text}: {found[name]:.0f} us, which alone is {1 + found[name] / whole:.3f}x")
    await driver.close()
    await ours.close()


async def checkout(dsn: str, adapter: str) -> None:
    """Compare a checkout with the same steps written out."""
    ours = AsyncSqlspec(dsn, adapter)
    await ours.open()
    config, sql = await ours._pool(1), QUERIES["one"].sql("$1")

    async def scoped() -> None:
        async with config.provide_session() as session:
            await session.select(sql, 5)

    async def written_out() -> None:
        async with _WrittenOut(config) as session:
            await session.select(sql, 5)

    kept = await ours.kept("one", 5)
    found = await medians({"kept": kept, "scoped": Call(scoped), "written out": Call(written_out)}, block=BLOCK)
    query = found["kept"]
    print(f"checkout and one row on {adapter}: {query:.1f} us without, {found['scoped'] / query:.3f}x with it")
    print(f"  its steps written out: {found['written out'] / query:.3f}x")
    await ours.close()


async def medians(calls: dict[str, Call], block: int) -> dict[str, float]:
    """Return the median microseconds of each call."""
    rounds = Rounds(calls, SECONDS, LEAST)
    await take_async(calls, rounds, block)
    return {name: statistics.median(rounds.seconds[name]) * 1e6 for name in calls}


class _WrittenOut:
    """What a checkout does in the common case; anything else fails."""

    __slots__ = ("_config", "_pooled", "_session")

    def __init__(self, config: Any) -> None:
        self._config = config

    async def __aenter__(self) -> AsyncSession:
        pool = self._config._pool
        with pool._mutex:
            pooled: Any = pool._idle.pop()
            pool._used.add(pooled)
        self._pooled, now = pooled, time.monotonic()
        driver = pooled.driver
        assert now < pooled.expires
        assert now - pooled.returned < pool._trusted
        assert not driver.is_closed()
        session = self._session = pooled.session = AsyncSession(driver, self._config._compiler, None)
        return session

    async def __aexit__(self, *_: object) -> None:
        session, pooled = self._session, self._pooled
        assert session._reader is None
        assert not session._turn.taken
        session._closed = session._guarded = True
        assert session._transaction is None
        assert pooled.driver.status() == "idle"
        assert not session._dirty
        pool, pooled.session, pooled.returned = pooled.pool, None, time.monotonic()
        with pool._mutex:
            pool._used.discard(pooled)
            pool._idle.append(pooled)


if __name__ == "__main__":
    main()
