"""Sessions of this package, and of the one on the package index that shares its name: `select` and `execute_many`.

What differs is how a config is made, how one gets at the driver, and that the other has no stack of the same meaning.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack
from functools import partial
from operator import attrgetter
from pkgutil import resolve_name
from typing import Any, Protocol

from benchmarks.contestants.base import AsyncContestant, SyncContestant
from benchmarks.contestants.observers import observers
from benchmarks.data import BATCH, QUERIES, UPDATE_ONE, batch, batch_sql
from benchmarks.harness.timing import Call
from benchmarks.models import model

__all__ = ("AsyncSqlspec", "SyncSqlspec")

RAW = {
    "asyncpg": "benchmarks.contestants.asyncpg:Asyncpg",
    "psycopg": "benchmarks.contestants.psycopg:AsyncPsycopg",
    "psycopg sync": "benchmarks.contestants.psycopg:Psycopg",
    "psqlpy": "benchmarks.contestants.psqlpy:Psqlpy",
    "pyro": "benchmarks.contestants.pyro:AsyncPyro",
    "pyro sync": "benchmarks.contestants.pyro:Pyro",
}
CONFIGS = {
    "asyncpg": "sqlspec.adapters.asyncpg:AsyncpgConfig",
    "psycopg": "sqlspec.adapters.psycopg:PsycopgAsyncConfig",
    "psycopg sync": "sqlspec.adapters.psycopg:PsycopgSyncConfig",
    "psqlpy": "sqlspec.adapters.psqlpy:PsqlpyConfig",
    "pyro": "sqlspec.adapters.pyro_postgres:PyroPostgresAsyncConfig",
    "pyro sync": "sqlspec.adapters.pyro_postgres:PyroPostgresSyncConfig",
}
# Where a driver's own object is kept. Who asks for `driver.connection` is taken to use it, which makes all later calls
# of these adapters careful: that is not what is measured.
CONNECTIONS = {"psqlpy": "_link.connection", "pyro": "wire.connection", "pyro sync": "wire.connection"}


class _HasSession(Protocol):
    argument: str
    dsn: str
    kind: Any
    session: Any

    def batch(self, verb: str, rows: int, run: Any) -> Call: ...

    def config(self, size: int, **more: Any) -> Any: ...


class _Calls:
    """What is written in the same way with and without `async`, as each call is one of the session."""

    def __init__(self, dsn: str, argument: str = "", connection: Any = None) -> None:
        super().__init__(dsn, argument, connection)  # type: ignore[call-arg]
        self.kind: Any = resolve_name(CONFIGS[argument])

    def raw(self: _HasSession) -> Any:
        connection = attrgetter(CONNECTIONS.get(self.argument, "connection"))(self.session.driver)
        return resolve_name(RAW[self.argument])(self.dsn, connection=connection)

    def execute(self: _HasSession, sql: str) -> Any:
        return self.session.execute(sql)

    def config(self: _HasSession, size: int, **more: Any) -> Any:
        return self.kind({"dsn": self.dsn, "min_size": size, "max_size": size}, **more)

    def shut(self, config: Any) -> Any:
        """Close a pool."""
        return config.close()

    def select(self: _HasSession, query: str, parameter: Any, target: str) -> Call:
        select, sql = self.session.select, QUERIES[query].sql("$1")
        if target in ("native", "dict"):
            return Call(lambda: select(sql, parameter))
        kind = model(query, target)
        return Call(lambda: select(sql, parameter, schema_type=kind))

    def named(self: _HasSession, query: str, parameter: Any) -> Call:
        select, sql = self.session.select, QUERIES[query].sql(":id")
        return Call(lambda: select(sql, {"id": parameter}))

    def observed(self: _HasSession, observer: str, query: str, parameter: Any) -> Call:
        # On the connection of the others: one of its own is quicker or slower by more than an observer costs.
        session = self.config(1, observers=observers(observer))._session(self.session.driver, None)
        sql = QUERIES[query].sql("$1")
        return Call(lambda: session.select(sql, parameter))

    def stack(self: _HasSession, count: int) -> Call:
        session, stack = self.session, [(QUERIES["one"].sql("$1"), 5)] * count
        return Call(lambda: session.execute_stack(stack))

    def update_one(self: _HasSession) -> Call:
        execute, sql = self.session.execute, UPDATE_ONE.format("$1")
        return Call(lambda: execute(sql, 5))

    def many(self: _HasSession, verb: str, rows: int) -> Call:
        session, sql, data = self.session, batch_sql(verb, "${n}"), batch(verb, rows)
        return self.batch(verb, rows, lambda: session.execute_many(sql, data))

    def load(self: _HasSession, rows: int) -> Call:
        import pyarrow as pa

        session, data = self.session, batch("insert", rows)
        names = ("id", "name", "score", "active", "created")

        def run() -> Any:
            columns = zip(*data, strict=True)
            return session.load_from_arrow(BATCH, pa.table(dict(zip(names, map(pa.array, columns), strict=True))))

        return self.batch("insert", rows, run)


class AsyncSqlspec(_Calls, AsyncContestant):
    """A session on an asynchronous adapter, which is kept, as a program with a pool has one."""

    session: Any
    pool: Any = None

    async def open(self) -> None:
        self.scopes = AsyncExitStack()
        config = await self.scopes.enter_async_context(self.config(1))
        self.session = await self.scopes.enter_async_context(config.provide_session())

    async def close(self) -> None:
        await self.scopes.aclose()

    async def _pool(self, size: int) -> Any:
        """Return a config whose pool has so many connections; that of one is shared, so it is the same backend."""
        if size > 1:
            return await self.config(size).__aenter__()
        if self.pool is None:
            self.pool = await self.scopes.enter_async_context(self.config(1))
        return self.pool

    async def checkout(self, query: str, parameter: Any, size: int = 1) -> Call:
        config, sql = await self._pool(size), QUERIES[query].sql("$1")

        async def run() -> Any:
            async with config.provide_session() as session:
                return await session.select(sql, parameter)

        return Call(run, close=partial(self.shut, config) if size > 1 else None)

    async def kept(self, query: str, parameter: Any) -> Call:
        config, sql = await self._pool(1), QUERIES[query].sql("$1")
        scope: Any = None
        session: Any = None

        async def before() -> None:
            nonlocal scope, session
            scope = config.provide_session()
            session = await scope.__aenter__()

        async def after() -> None:
            await scope.__aexit__(None, None, None)

        return Call(lambda: session.select(sql, parameter), before, after)

    async def acquire(self) -> Call:
        config = await self._pool(1)

        async def run() -> None:
            async with config.provide_session():
                pass

        return Call(run)

    def transaction(self, query: str, parameter: Any) -> Call:
        session, sql = self.session, QUERIES[query].sql("$1")

        async def run() -> Any:
            async with session.transaction():
                return await session.select(sql, parameter)

        return Call(run)

    def sequence(self, count: int) -> Call:
        select, sql = self.session.select, QUERIES["one"].sql("$1")

        async def run() -> Any:
            return [await select(sql, 5) for _ in range(count)]

        return Call(run)


class SyncSqlspec(_Calls, SyncContestant):
    """A session on a synchronous adapter."""

    session: Any
    pool: Any = None

    def open(self) -> None:
        self.scopes = ExitStack()
        config = self.scopes.enter_context(self.config(1))
        self.session = self.scopes.enter_context(config.provide_session())

    def close(self) -> None:
        self.scopes.close()

    def _pool(self, size: int) -> Any:
        """Return a config whose pool has so many connections; that of one is shared, so it is the same backend."""
        if size > 1:
            return self.config(size).__enter__()
        if self.pool is None:
            self.pool = self.scopes.enter_context(self.config(1))
        return self.pool

    def checkout(self, query: str, parameter: Any, size: int = 1) -> Call:
        config, sql = self._pool(size), QUERIES[query].sql("$1")

        def run() -> Any:
            with config.provide_session() as session:
                return session.select(sql, parameter)

        return Call(run, close=partial(self.shut, config) if size > 1 else None)

    def kept(self, query: str, parameter: Any) -> Call:
        config, sql = self._pool(1), QUERIES[query].sql("$1")
        scope: Any = None
        session: Any = None

        def before() -> None:
            nonlocal scope, session
            scope = config.provide_session()
            session = scope.__enter__()

        def after() -> None:
            scope.__exit__(None, None, None)

        return Call(lambda: session.select(sql, parameter), before, after)

    def acquire(self) -> Call:
        config = self._pool(1)

        def run() -> None:
            with config.provide_session():
                pass

        return Call(run)

    def transaction(self, query: str, parameter: Any) -> Call:
        session, sql = self.session, QUERIES[query].sql("$1")

        def run() -> Any:
            with session.transaction():
                return session.select(sql, parameter)

        return Call(run)

    def sequence(self, count: int) -> Call:
        select, sql = self.session.select, QUERIES["one"].sql("$1")
        return Call(lambda: [select(sql, 5) for _ in range(count)])
