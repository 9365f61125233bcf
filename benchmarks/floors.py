"""What three figures of the suite cannot be less than: `python -m benchmarks.floors`.

- 1000 rows to Structs, over what asyncpg takes to fetch them: the Structs have to be made, and to be freed again. Both
  are timed on rows that are there already, once as the package does it and once as `[Struct(*row) for row in rows]`.
- A checkout around one query: the same steps written out in one scope, without the methods that they belong to, the
  branches for whatever is not the common case, and those that wait. It is entered by `with` in both flavours, so there
  is no coroutine either. Beside it stands what is left of it without any check: a connection is taken from the pool's
  list, gets a session, and goes back.
- A stack on psqlpy: given a text and parameters, the driver compiles a regular expression at each call, to look for
  placeholders of its own. One query is run so, and by the driver's prepared object, whose parameters cannot change.
  Between them is what no answer that comes sooner can save.

Each is measured in blocks that take turns, in one process. The server is an embedded one, or that of
`SQLSPEC_TEST_DSN`.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from functools import partial
from typing import Any

from benchmarks.contestants.asyncpg import Asyncpg
from benchmarks.contestants.psqlpy import Psqlpy
from benchmarks.contestants.sqlspec import AsyncSqlspec, SyncSqlspec
from benchmarks.data import QUERIES, SETUP, TEARDOWN
from benchmarks.harness.server import Control, start
from benchmarks.harness.timing import Call, Rounds, take, take_async
from benchmarks.models import model
from sqlspec.driver._async_session import AsyncSession
from sqlspec.driver._sync_session import SyncSession

BLOCK = 50
SECONDS = 10.0
LEAST = 5
ASYNC = ("asyncpg", "psycopg", "psqlpy", "pyro")
SYNC = ("psycopg sync", "pyro sync")


def main() -> None:
    """Measure and print."""
    with start() as (dsn, connection):
        control = Control(dsn, connection)
        control.execute(SETUP)
        try:
            asyncio.run(structs(dsn))
            asyncio.run(search(dsn))
            for adapter in ASYNC:
                asyncio.run(checkout(dsn, adapter))
            for adapter in SYNC:
                sync_checkout(dsn, adapter)
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


async def search(dsn: str) -> None:
    """Compare a query by psqlpy with the same without its search for placeholders."""
    driver = Psqlpy(dsn)
    await driver.open()
    sql, parameters = QUERIES["one"].sql("$1"), [5]
    prepared = await driver.connection.prepare(sql, parameters)
    calls = {"text": Call(partial(driver.connection.fetch, sql, parameters)), "prepared": Call(prepared.execute)}
    found = await medians(calls, BLOCK)
    text, saved = found["text"], found["text"] - found["prepared"]
    print(f"one row on psqlpy: {text:.0f} us by its text, {saved:.0f} us less by the driver's prepared object")
    driver.close()


async def checkout(dsn: str, adapter: str) -> None:
    """Compare a checkout with the same steps written out, and with less."""
    ours = AsyncSqlspec(dsn, adapter)
    await ours.open()
    config, sql = await ours._pool(1), QUERIES["one"].sql("$1")

    async def within(scope: type[Any]) -> None:
        with scope(config, AsyncSession) as session:
            await session.select(sql, 5)

    calls = {"kept": await ours.kept("one", 5), "scoped": await ours.checkout("one", 5)}
    calls |= {name: Call(partial(within, scope)) for name, scope in SCOPES.items()}
    calls |= {"acquire": await ours.acquire()}
    tell(adapter, await medians(calls, BLOCK))
    await ours.close()


def sync_checkout(dsn: str, adapter: str) -> None:
    """Do so in a synchronous flavour."""
    ours = SyncSqlspec(dsn, adapter)
    ours.open()
    config, sql = ours._pool(1), QUERIES["one"].sql("$1")

    def within(scope: type[Any]) -> None:
        with scope(config, SyncSession) as session:
            session.select(sql, 5)

    calls = {"kept": ours.kept("one", 5), "scoped": ours.checkout("one", 5)}
    calls |= {name: Call(partial(within, scope)) for name, scope in SCOPES.items()}
    calls |= {"acquire": ours.acquire()}
    rounds = Rounds(calls, SECONDS, LEAST)
    take(calls, rounds, BLOCK)
    tell(adapter, {name: statistics.median(rounds.seconds[name]) * 1e6 for name in calls})
    ours.close()


def tell(adapter: str, found: dict[str, float]) -> None:
    """Print what a checkout adds to a query, and what it takes alone."""
    query = found["kept"]
    print(f"checkout and one row on {adapter}: {query:.1f} us without, {found['acquire']:.1f} us the checkout alone")
    for name in ("scoped", *SCOPES):
        print(f"  {name}: {found[name] / query:.3f}x, {found[name] - query:+.1f} us")


async def medians(calls: dict[str, Call], block: int) -> dict[str, float]:
    """Return the median microseconds of each call."""
    rounds = Rounds(calls, SECONDS, LEAST)
    await take_async(calls, rounds, block)
    return {name: statistics.median(rounds.seconds[name]) * 1e6 for name in calls}


class _WrittenOut:
    """What a checkout does in the common case; anything else fails."""

    __slots__ = ("_config", "_kind", "_pooled", "_session")

    def __init__(self, config: Any, kind: Any) -> None:
        self._config, self._kind = config, kind

    def __enter__(self) -> Any:
        pool = self._config._pool
        with pool._mutex:
            pooled: Any = pool._idle.pop()
            pool._used.add(pooled)
        self._pooled, now = pooled, time.monotonic()
        driver = pooled.driver
        assert now < pooled.expires
        assert now - pooled.returned < pool._trusted
        assert not driver.is_closed()
        session = self._session = pooled.session = self._kind(driver, self._config._compiler, None)
        return session

    def __exit__(self, *_: object) -> None:
        session, pooled = self._session, self._pooled
        assert session._reader is None
        turn = session._turn
        assert turn.lock.acquire(False) if self._kind is SyncSession else not turn.taken
        session._closed = session._guarded = True
        assert session._transaction is None
        assert pooled.driver.status() == "idle"
        assert not session._dirty
        pool, pooled.session, pooled.returned = pooled.pool, None, time.monotonic()
        with pool._mutex:
            pool._used.discard(pooled)
            pool._idle.append(pooled)


class _Unchecked:
    """A pool that looks at nothing."""

    __slots__ = ("_config", "_kind", "_pooled")

    def __init__(self, config: Any, kind: Any) -> None:
        self._config, self._kind = config, kind

    def __enter__(self) -> Any:
        pooled = self._pooled = self._config._pool._idle.pop()
        return self._kind(pooled.driver, self._config._compiler, None)

    def __exit__(self, *_: object) -> None:
        self._config._pool._idle.append(self._pooled)


SCOPES = {"written out": _WrittenOut, "without any check": _Unchecked}


if __name__ == "__main__":
    main()
