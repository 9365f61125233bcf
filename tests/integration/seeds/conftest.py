"""What the samples need: variables of libpq lead to the test's schema, so a sample may leave out where to connect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.integration.harness import Flavour


@pytest.fixture
def schema_dsn(flavour: Flavour, dsn: str) -> str:
    """The DSN of the run with the test's schema in front of the search path."""
    options = f"-c search_path={flavour.schema},public -c synchronous_commit=off"
    return f"{dsn}{'&' if '?' in dsn else '?'}options={quote(options, safe='')}"


@pytest.fixture
def environment(flavour: Flavour, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let configs without host and credentials reach the server of the tests."""
    server = urlsplit(dsn)
    given = {
        "PGHOST": server.hostname,
        "PGPORT": server.port,
        "PGUSER": server.username,
        "PGPASSWORD": server.password,
        "PGDATABASE": server.path[1:],
        "PGOPTIONS": f"-c search_path={flavour.schema},public -c synchronous_commit=off",
    }
    for name, value in given.items():
        if value is not None:
            monkeypatch.setenv(name, unquote(str(value)))


@pytest.fixture
def vector_type(admin: psycopg.Connection[Any]) -> None:
    """The types of pgvector, which stay for the run."""
    admin.execute("create extension if not exists vector schema public")


@pytest.fixture
def bare_dsn(flavour: Flavour, dsn: str, admin: psycopg.Connection[Any]) -> Iterator[str]:
    """The DSN of a database without any extension."""
    name = f"{urlsplit(dsn).path[1:]}_{flavour.schema}"
    admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    yield urlsplit(dsn)._replace(path=f"/{name}").geturl()
    admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
