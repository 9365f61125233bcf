"""What a contestant is: a connection, and a method for each operation that the cases ask for.

A method returns a `Call`, or something to await that gives one. A contestant without the method, or that raises
`NotOfferedError`, takes no part in the case. The methods, and what their calls give:

| method | does |
|---|---|
| `select(query, parameter, target)` | one of `QUERIES`; rows as `target`, or as the library gives them (`native`) |
| `named(query, parameter)` | the same with a named parameter, as dicts |
| `checkout(query, parameter)` | the same as dicts, on a connection that is taken from a pool for it |
| `kept(query, parameter)` | the same in blocks on one connection of that pool |
| `observed(observer, query, parameter)` | the same on a kept session that reports to an observer |
| `acquire()` | takes a connection from a pool and gives it back |
| `throughput(tasks, queries)` | so many tasks or threads, each `checkout` so many times, one row |
| `transaction(query, parameter)` | begin, a query, commit |
| `sequence(count)` | so many queries for one row, one after the other |
| `stack(count)` | the same sent together |
| `update_one()` | changes one row by its key |
| `many(verb, rows)` | one of `STATEMENTS` for so many rows, all or nothing |
| `each(rows)` | inserts row by row, each a statement and a transaction |
| `load(rows)` | inserts by the fastest way the library has |
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from benchmarks.data import RESET
from benchmarks.harness.timing import Call

__all__ = ("POOL", "AsyncContestant", "NotOfferedError", "SyncContestant", "required")

POOL = 10
"""Connections of the pool that `throughput` uses."""


class NotOfferedError(Exception):
    """The library has nothing for this operation."""


def required(condition: bool) -> None:
    """Take no part unless a condition holds.

    Raises:
        NotOfferedError: It does not.
    """
    if not condition:
        raise NotOfferedError


class _Contestant:
    is_async: ClassVar[bool]

    def __init__(self, dsn: str, argument: str = "", connection: Any = None) -> None:
        """Connect to nothing yet.

        Args:
            dsn: Where the server is.
            argument: What tells it from others of the same class.
            connection: Measure on this one, instead of a connection of its own.
        """
        self.dsn = dsn
        self.argument = argument
        self.connection = connection

    def open(self) -> Any:
        """Connect."""

    def close(self) -> Any:
        """Disconnect."""

    def raw(self) -> Any:
        """Return the driver alone, as a contestant on the same connection."""
        raise NotOfferedError

    def execute(self, sql: str) -> Any:
        """Run a statement without parameters."""
        raise NotImplementedError


class SyncContestant(_Contestant):
    """One that waits for its results."""

    is_async = False

    def batch(self, verb: str, rows: int, run: Callable[[], Any]) -> Call:
        """Return a call that finds the table in the same state each time."""

        def before() -> None:
            for sql in RESET[verb]:
                self.execute(sql.format(rows=rows))

        return Call(run, before)

    def checkout(self, query: str, parameter: Any, size: int = 1) -> Call:
        raise NotOfferedError

    def throughput(self, tasks: int, queries: int) -> Call:
        required(type(self).checkout is not SyncContestant.checkout)
        one: Any = None
        threads: Any = None

        def before() -> None:
            nonlocal one, threads
            one, threads = self.checkout("one", 5, POOL), ThreadPoolExecutor(tasks)
            run()

        def work(_: int) -> None:
            for _ in range(queries):
                one.run()

        def run() -> None:
            list(threads.map(work, range(tasks)))

        def after() -> None:
            threads.shutdown()
            one.close()

        return Call(run, before, after)


class AsyncContestant(_Contestant):
    """One whose calls are awaited."""

    is_async = True

    def batch(self, verb: str, rows: int, run: Callable[[], Any]) -> Call:
        """Return a call that finds the table in the same state each time."""

        async def before() -> None:
            for sql in RESET[verb]:
                await self.execute(sql.format(rows=rows))

        return Call(run, before)

    async def checkout(self, query: str, parameter: Any, size: int = 1) -> Call:
        raise NotOfferedError

    async def throughput(self, tasks: int, queries: int) -> Call:
        required(type(self).checkout is not AsyncContestant.checkout)
        one: Any = None

        async def before() -> None:
            nonlocal one
            one = await self.checkout("one", 5, POOL)
            await run()

        async def work() -> None:
            for _ in range(queries):
                await one.run()

        async def run() -> None:
            await asyncio.gather(*(work() for _ in range(tasks)))

        async def after() -> None:
            closing = one.close()
            if inspect.isawaitable(closing):
                await closing

        return Call(run, before, after)
