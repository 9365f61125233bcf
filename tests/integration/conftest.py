"""Fixtures of the conformance suite: a database per run, a schema per test, a config per flavour."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.integration.expected import EXPECTED
from tests.integration.faults.proxy import Proxy
from tests.integration.harness import FLAVOURS, Flavour, apply_expectations

_numbers = itertools.count(1)

DATABASE = f"sqlspec_test_{os.getpid()}"
"""Of this process of the run."""

RUNNING = """
select pid, state, query from pg_stat_activity
where datname = %s and backend_type = 'client backend' and xact_start is not null
"""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): see tests.integration.harness.needs")
    config.addinivalue_line("markers", "only(*flavours): what cannot be said portably")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "flavour" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("only")
        metafunc.parametrize("flavour", only.args if only is not None else FLAVOURS, indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wrong = apply_expectations(items, EXPECTED, whole_files=not any("::" in arg for arg in config.args))
    if wrong:
        raise pytest.UsageError("expected failures:\n" + "\n".join(wrong))


@pytest.fixture(scope="session")
def dsn(sqlspec_postgres: str) -> Iterator[str]:
    """A database of this run. A server that cannot be reached fails the tests."""
    name = sql.Identifier(DATABASE)
    with psycopg.connect(sqlspec_postgres, autocommit=True) as server:
        server.execute(sql.SQL("drop database if exists {} with (force)").format(name))
        server.execute(sql.SQL("create database {}").format(name))
        try:
            yield urlsplit(sqlspec_postgres)._replace(path=f"/{DATABASE}").geturl()
        finally:
            server.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture(scope="session")
def admin(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection beside those under test: what the server says of them."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        yield connection


@pytest.fixture(scope="session")
def onlooker(sqlspec_postgres: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the server of the run, for what tests must not leave there; no test has it."""
    with psycopg.connect(sqlspec_postgres, autocommit=True) as connection:
        yield connection


@pytest.fixture(autouse=True)
def nothing_runs_on(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test whose transactions go on at the server, where others would meet their locks and tables.

    A server process that sleeps does not see that its client has gone, so closing a connection is not enough. Tests
    with a server of their own are not asked.
    """
    connection: psycopg.Connection[Any] | None = None
    if "sqlspec_postgres" in request.fixturenames:
        connection = request.getfixturevalue("onlooker")
    yield
    if connection is None:
        return
    deadline = time.monotonic() + 5
    while running := connection.execute(RUNNING, [DATABASE]).fetchall():
        if time.monotonic() > deadline:
            for pid, *_ in running:
                connection.execute("select pg_terminate_backend(%s, 5000)", [pid])
            pytest.fail(f"left running at the server: {running}", pytrace=False)


@pytest.fixture(scope="session")
def shared_proxy(dsn: str) -> Iterator[Proxy]:
    with Proxy(dsn) as made:
        yield made


@pytest.fixture
def proxy(shared_proxy: Proxy) -> Iterator[Proxy]:
    """A network before the server that lets everything pass."""
    yield shared_proxy
    shared_proxy.heal()


@pytest.fixture
async def flavour(request: pytest.FixtureRequest, dsn: str, admin: psycopg.Connection[Any]) -> AsyncIterator[Flavour]:
    schema = f"test_{next(_numbers)}"
    admin.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
    made = Flavour(request.param, dsn, schema)
    yield made
    await made.close()


@pytest.fixture
def config(flavour: Flavour) -> Any:
    """A config of its own for each test; its tables go to the test's schema."""
    return flavour.make_config()


@pytest.fixture
async def session(config: Any) -> AsyncIterator[Any]:
    async with config.provide_session() as opened:
        yield opened


@pytest.fixture
def untouched(admin: psycopg.Connection[Any]) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """A scope in which nothing may reach the server on a session's connection, as the server itself sees it."""

    @asynccontextmanager
    async def scope(session: Any) -> AsyncIterator[None]:
        pid = await session.select_value("select pg_backend_pid()")
        before = _last_contact(admin, pid)
        yield
        assert _last_contact(admin, pid) == before, "something was sent"

    return scope


def _last_contact(admin: psycopg.Connection[Any], pid: int) -> Any:
    return admin.execute(
        "select state_change, query_start, query from pg_stat_activity where pid = %s", (pid,)
    ).fetchone()
