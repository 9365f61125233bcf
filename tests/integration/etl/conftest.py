"""Two databases, and a config of one adapter for each of them."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from sqlspec.etl import copy_table
from tests.integration.harness import FLAVOURS, AsAsync, Flavour

ASYNC = ("asyncpg", "psycopg", "psqlpy", "pyro")
SYNC = ("psycopg-sync", "pyro-sync")
PAIRS = [*itertools.product(ASYNC, ASYNC), *itertools.product(SYNC, SYNC)]
AROUND = [pair for names in (ASYNC, SYNC) for pair in zip(names, (*names[1:], names[0]), strict=True)]
"""Each adapter reads once and writes once."""
ALIKE = [(name, name) for name in (*ASYNC, *SYNC)]

_numbers = itertools.count(1)


def name_of(pair: tuple[str, str]) -> str:
    return "-to-".join(pair)


every_pair = pytest.mark.parametrize("copier", PAIRS, indirect=True, ids=name_of)
each_side = pytest.mark.parametrize("copier", AROUND, indirect=True, ids=name_of)
each_adapter = pytest.mark.parametrize("copier", ALIKE, indirect=True, ids=name_of)
one_of_each_flavour = pytest.mark.parametrize(
    "copier", [("asyncpg", "psycopg"), ("psycopg-sync", "psycopg-sync")], indirect=True, ids=name_of
)


class Copier:
    """A source and a target in two databases, each with a schema that is first in the search path.

    Attributes:
        source: A superuser's connection to the source's database.
        target: One to the target's.
        source_name: The adapter that reads.
        target_name: The adapter that writes.
        processes: What the test has started; `close` ends those that are still there.
    """

    def __init__(self, pair: tuple[str, str], dsns: tuple[str, str]) -> None:
        self.source_name, self.target_name = pair
        self.schema = f"copy_{next(_numbers)}"
        self.dsns = dsns
        self._sides: list[Flavour] = []
        self.processes: list[asyncio.subprocess.Process] = []
        self.source, self.target = (self._connected(dsn) for dsn in dsns)

    def _connected(self, dsn: str) -> psycopg.Connection[Any]:
        connection = psycopg.connect(dsn, autocommit=True)
        connection.execute(f"create schema {self.schema}".encode())
        connection.execute(f"set search_path = {self.schema}, public; set synchronous_commit = off".encode())
        return connection

    def config(self, side: int, **keys: Any) -> Any:
        """Return a config, of the class that the copy takes: 0 for the source, 1 for the target.

        Args:
            side: Which of the two.
            keys: As for `Flavour.make_config`.
        """
        made = Flavour((self.source_name, self.target_name)[side], self.dsns[side], self.schema)
        self._sides.append(made)
        config = made.make_config(application_name=("reads", "writes")[side], **keys)
        return config._target if isinstance(config, AsAsync) else config

    async def copy(
        self, query_or_table: Any, table: str, source: Any = None, target: Any = None, **options: Any
    ) -> Any:
        """Copy between new configs, or those that are given."""
        source, target = source or self.config(0), target or self.config(1)
        if self.is_sync:
            return await asyncio.to_thread(lambda: copy_table(source, target, query_or_table, table, **options))
        return await copy_table(source, target, query_or_table, table, **options)

    @property
    def is_sync(self) -> bool:
        return self.source_name in SYNC

    @property
    def passes_through(self) -> bool:
        """Whether the target takes binary rows as they are."""
        return bool(FLAVOURS[self.target_name].spec.capabilities.copy_in)

    def both(self, script: str) -> None:
        """Run a script on both sides."""
        for side in (self.source, self.target):
            side.execute(script.encode())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what the target has."""
        return self.target.execute(query.encode()).fetchall()

    def assert_same(self, table: str = "t", columns: str = "*") -> None:
        """Compare the rows of a table on both sides, as text, in any order."""
        query = f"select q::text from (select {columns} from {table}) q order by 1".encode()
        expected = self.source.execute(query).fetchall()
        assert expected
        assert self.target.execute(query).fetchall() == expected

    async def close(self) -> None:
        for process in self.processes:
            if process.returncode is None:  # it would keep what is dropped below locked
                process.kill()
                await process.wait()
        for side in self._sides:
            await side.close()
        for connection in (self.source, self.target):
            # What a copy that hangs has left behind would let the next statement wait for ever.
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name in ('reads', 'writes') and datname = current_database()"
            )
            connection.execute(f"drop schema {self.schema} cascade".encode())
            connection.close()


@pytest.fixture(scope="session")
def second_dsn(dsn: str) -> Iterator[str]:
    name = f"sqlspec_second_{os.getpid()}"
    with psycopg.connect(dsn, autocommit=True) as server:
        server.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield urlsplit(dsn)._replace(path=f"/{name}").geturl()
        server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
async def copier(request: pytest.FixtureRequest, dsn: str, second_dsn: str) -> AsyncIterator[Copier]:
    made = Copier(request.param, (dsn, second_dsn))
    yield made
    await made.close()
