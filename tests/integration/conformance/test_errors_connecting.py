"""Connections that cannot be opened: of one class, with the server's SQLSTATE, and where they should have led."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from sqlspec.exceptions import DatabaseConnectionError, PermissionDeniedError, SQLSpecError
from tests.integration.harness import Flavour, needs
from tests.secrets import PASSWORD

REFUSED: dict[str, tuple[type[SQLSpecError], str, dict[str, Any]]] = {
    "unknown setting": (DatabaseConnectionError, "42704", {"session_settings": {"missing": "x"}}),
    "wrong value": (DatabaseConnectionError, "22023", {"session_settings": {"work_mem": "x"}}),
    "fixed setting": (DatabaseConnectionError, "55P02", {"session_settings": {"max_connections": "5"}}),
    "option without value": (DatabaseConnectionError, "42601", {"options": "-c missing"}),
    "option that is none": (DatabaseConnectionError, "42601", {"options": "missing"}),
    "unknown option": (DatabaseConnectionError, "42704", {"options": "-c missing=1"}),
    "unknown database": (DatabaseConnectionError, "3D000", {"database": "no_such_database"}),
    "unknown role": (PermissionDeniedError, "28000", {"user": "no_such_role"}),
    "no login": (PermissionDeniedError, "28000", {"user": "{schema}_nologin"}),
    "too many connections": (DatabaseConnectionError, "53300", {"user": "{schema}_full"}),
    "closed database": (DatabaseConnectionError, "55000", {"database": "{schema}_closed"}),
    "no right to connect": (PermissionDeniedError, "42501", {"user": "{schema}_poor", "database": "{schema}_own"}),
}


@pytest.fixture
def refusing(flavour: Flavour, admin: psycopg.Connection[Any]) -> Iterator[None]:
    """Roles and databases that the server lets nobody use."""
    name = flavour.schema
    try:
        admin.execute(f"create role {name}_nologin".encode())
        admin.execute(f"create role {name}_full login connection limit 0".encode())
        admin.execute(f"create role {name}_poor login".encode())
        admin.execute(f"create database {name}_closed allow_connections false".encode())
        admin.execute(f"create database {name}_own".encode())
        admin.execute(f"revoke connect on database {name}_own from public".encode())
        yield
    finally:
        for database in ("closed", "own"):
            admin.execute(f"drop database if exists {name}_{database}".encode())
        for role in ("nologin", "full", "poor"):
            admin.execute(f"drop role if exists {name}_{role}".encode())


async def failure(config: Any) -> SQLSpecError:
    with pytest.raises(SQLSpecError) as caught:
        async with config.provide_session():
            pass
    return caught.value


def unused_port() -> int:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port: int = closed.getsockname()[1]
        return port


@needs("sqlstate")
async def test_what_the_server_refuses(flavour: Flavour, dsn: str, refusing: None) -> None:
    server = urlsplit(dsn)
    start = f"cannot connect to {server.hostname}:{server.port}: "
    wrong = []
    for what, (kind, sqlstate, keys) in REFUSED.items():
        given = {
            key: value.format(schema=flavour.schema) if isinstance(value, str) else value for key, value in keys.items()
        }
        error = await failure(flavour.make_config(**given))
        if (type(error), error.sqlstate) != (kind, sqlstate) or not error.message.startswith(start):
            wrong.append((what, type(error), str(error)))
        assert error.adapter == flavour.spec.name
    assert wrong == []


@needs("sqlstate")
async def test_what_the_server_adds_is_kept(flavour: Flavour, dsn: str, refusing: None) -> None:
    config = flavour.make_config(user=f"{flavour.schema}_poor", database=f"{flavour.schema}_own")
    error = await failure(config)
    assert error.message.endswith(f': permission denied for database "{flavour.schema}_own"')
    assert error.detail == "User does not have CONNECT privilege."


@pytest.mark.parametrize(
    ("hosts", "places"),
    [
        (["127.0.0.1"], "127.0.0.1:{0}"),
        (["127.0.0.1", "localhost"], "127.0.0.1:{0}, localhost:{1}"),
        (["::1"], "[::1]:{0}"),
        (["no-such-host.invalid"], "no-such-host.invalid:{0}"),
        (["/nonexistent"], "/nonexistent/.s.PGSQL.{0}"),
    ],
)
async def test_where_nobody_listens(flavour: Flavour, hosts: list[str], places: str) -> None:
    ports = [unused_port() for _ in hosts]
    error = await failure(flavour.make_config(dsn=None, hosts=hosts, ports=ports, user="somebody", database="db"))
    assert type(error) is DatabaseConnectionError
    assert re.match(re.escape(f"cannot connect to {places.format(*ports)}: ") + ".", error.message)
    assert PASSWORD not in str(error)


async def test_no_server_of_the_wanted_kind(flavour: Flavour, dsn: str) -> None:
    server = urlsplit(dsn)
    error = await failure(flavour.make_config(target_session_attrs="standby"))
    assert type(error) is DatabaseConnectionError
    assert error.message.startswith(f"cannot connect to {server.hostname}:{server.port}: ")
