"""As in the matrix: a config lives as long as a module, and a plain connection says what the server thinks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from tests.integration.harness import Flavour
from tests.integration.matrix.conftest import SETTINGS, Server

SCHEMA = "arrow"


@pytest.fixture(scope="module")
def server(dsn: str) -> Iterator[Server]:
    """A connection to the schema of the module. The types of the matrix are made by tests that need them."""
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    with psycopg.connect(
        dsn, autocommit=True, options=f"{options} -c search_path={SCHEMA},public -c synchronous_commit=off"
    ) as connection:
        connection.execute(f"create schema {SCHEMA}".encode())
        yield Server(connection)
        connection.execute(f"drop schema {SCHEMA} cascade".encode())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flavour(request: pytest.FixtureRequest, dsn: str, server: Server) -> AsyncIterator[Flavour]:
    made = Flavour(request.param, dsn, SCHEMA)
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def config(flavour: Flavour) -> Any:
    return flavour.make_config(session_settings=SETTINGS)


@pytest_asyncio.fixture(loop_scope="module")
async def session(config: Any) -> AsyncIterator[Any]:
    async with config.provide_session() as opened:
        yield opened
