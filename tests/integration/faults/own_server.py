"""Fixtures that put a server of their own before the tests of a module that imports them, and what these share."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from tests.integration.faults.conftest import Server
from tests.integration.harness import Flavour

__all__ = ("PID", "admin", "assert_whole", "config_of", "dsn", "sessions_of", "table")

PID = "select pg_backend_pid()"


@pytest.fixture
def dsn(server: Server) -> str:
    """The server that these tests may stop, in place of the one that all tests share."""
    server.start()
    return server.dsn


@pytest.fixture
def admin(server: Server, dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with server.connect() as connection:
        yield connection


@pytest.fixture
def table(flavour: Flavour, admin: psycopg.Connection[Any]) -> str:
    name = f"{flavour.schema}.t"
    admin.execute(f"create table {name} (n int)".encode())
    return name


def config_of(flavour: Flavour, **keys: Any) -> Any:
    """Return a config for which a commit that is acknowledged is on disk."""
    settings = {"synchronous_commit": "on", **keys.pop("session_settings", {})}
    return flavour.make_config(application_name=f"server of {flavour.schema}", session_settings=settings, **keys)


@contextlib.asynccontextmanager
async def sessions_of(config: Any, count: int) -> AsyncIterator[list[Any]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(config.provide_session()) for _ in range(count)]


async def assert_whole(config: Any, size: int) -> None:
    """Check that the pool can give out as many working connections as it may have."""
    async with sessions_of(config, size) as sessions:
        assert len({await session.select_value(PID) for session in sessions}) == size
    stats = config.stats()
    assert (stats.size, stats.in_use, stats.waiting) == (size, 0, 0)
