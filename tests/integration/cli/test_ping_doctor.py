"""`sqlspec ping` and `sqlspec doctor`."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from importlib import util
from importlib.machinery import ModuleSpec
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from sqlspec.adapters.psqlpy import PsqlpyConfig
from sqlspec.adapters.pyro_postgres import PyroPostgresSyncConfig
from sqlspec.cli._drivers import DRIVERS
from tests.integration.cli.conftest import Done

Run = Callable[..., Done]


def test_ping_tells_who_answers(sqlspec: Run, tables: psycopg.Connection[Any], driver: str) -> None:
    version, database, user = tables.execute(
        "select current_setting('server_version'), current_database(), current_user"
    ).fetchone() or ("", "", "")
    found = sqlspec("ping", "--driver", driver, "--json").json
    times = found.pop("connect_ms"), found.pop("round_trip_ms")
    assert found == {
        "server_version": version,
        "database": database,
        "user": user,
        "driver": DRIVERS[driver].package.rpartition(".")[2],
    }
    assert min(times) > 0
    told = sqlspec("ping", "--driver", driver)
    assert told.out.startswith(f"PostgreSQL {version}, database {database} as {user}: connected by ")
    assert (told.status, told.err) == (0, "")


def test_ping_waits_for_a_server(sqlspec: Run, server: str, program: Callable[..., subprocess.Popen[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        running = program("ping", "--dsn", f"postgresql://me@127.0.0.1:{port}/x?sslmode=disable", "--wait", "60")
        # Refused once: what listens here hangs up.
        free.accept()[0].close()
        # It came again, so it did not give up.
        free.accept()[0].close()
        running.kill()
    done = sqlspec("ping", "--dsn", f"postgresql://me@127.0.0.1:{port}/x?sslmode=disable", "--wait", "0.6")
    assert done.status == 3


def test_doctor_works_without_a_server(sqlspec: Run) -> None:
    done = sqlspec("doctor")
    assert (done.status, done.err) == (0, "")
    assert "no database is configured: give --dsn or --db to have the connection tried" in done.lines
    rows = {line.split()[0]: line.split() for line in reversed(done.lines) if line.strip()}
    for name, driver in DRIVERS.items():
        assert rows[name][1] == driver.version
        assert driver.configs[0] in rows[name]
    assert rows["capability"] == ["capability", *DRIVERS, "pyro", "(sync)"]
    assert rows["tls"] == ["tls", "native", "native", "emulated", "no", "no"]
    begin = done.lines.index("psqlpy cannot do")
    assert done.lines[begin + 1].split(maxsplit=1) == ["copy_out", PsqlpyConfig.spec.capabilities.copy_out.reason]
    assert "asyncpg cannot do" not in done.lines


def test_doctor_knows_a_module_that_was_not_compiled(sqlspec: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    place = ModuleSpec("sqlspec.postgres.arrow._wire", None, origin="/somewhere/_wire.py")  # as it is found then
    monkeypatch.setattr(util, "find_spec", lambda name: place)
    assert sqlspec("doctor", "--json").json["compiled"] is False


def test_doctor_tells_programs_everything(sqlspec: Run) -> None:
    found = sqlspec("doctor", "--json").json
    assert found["database"] is None
    assert found["compiled"] is True
    assert [driver["name"] for driver in found["drivers"]] == list(DRIVERS)
    last = found["drivers"][-1]["flavours"][-1]
    assert last["config"] == "sqlspec.adapters.pyro_postgres.PyroPostgresSyncConfig"
    expected = {
        name: {"level": answer.level, "reason": answer.reason}
        for name, answer in PyroPostgresSyncConfig.spec.capabilities.items()
    }
    assert last["capabilities"] == expected


def test_doctor_tries_every_driver(sqlspec: Run, server: str) -> None:
    done = sqlspec("doctor")
    assert done.status == 0
    begin = done.lines.index("database of SQLSPEC_DSN")
    assert [line.split()[:2] for line in done.lines[begin + 1 :]] == [[name, "PostgreSQL"] for name in DRIVERS]
    connections = sqlspec("doctor", "--json").json["database"]["connections"]
    assert all(answer["milliseconds"] > 0 for answer in connections.values())


def test_doctor_tells_why_a_database_is_not_reached(sqlspec: Run) -> None:
    done = sqlspec("doctor", "--dsn", "postgresql://127.0.0.1:1/x", "--driver", "psycopg")
    assert done.status == 3
    begin = done.lines.index("database of --dsn")
    answers = [line.split(maxsplit=1) for line in done.lines[begin + 1 :]]
    assert [name for name, _ in answers] == ["psycopg", "asyncpg", "psqlpy", "pyro"]
    assert all(text.startswith("failed: ") for _, text in answers)


def test_doctor_tells_what_a_driver_refuses_of_a_dsn(sqlspec: Run, server: str) -> None:
    joint = f"{server}&sslmode=require"
    connections = sqlspec("doctor", "--dsn", joint, "--json").json["database"]["connections"]
    assert connections["pyro"]["error"]["type"] == "ImproperConfigurationError"
    assert connections["asyncpg"]["error"]["type"] == "DatabaseConnectionError"


def test_doctor_names_the_extra_of_a_driver_that_is_not_there(sqlspec: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("sqlspec.adapters.psqlpy", "psqlpy"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psqlpy", None)
    monkeypatch.setitem(DRIVERS, "psqlpy", DRIVERS["psqlpy"]._replace(distribution="no-such-distribution"))
    done = sqlspec("doctor")
    assert done.status == 0
    row = next(line for line in done.lines if line.startswith("psqlpy "))
    assert row.split() == ["psqlpy", "no;", "pip", "install", "'sqlspec[psqlpy]'", "-", "-", "-"]


def test_names_on_the_server_drive_no_terminal(sqlspec: Run, admin: psycopg.Connection[Any], dsn: str) -> None:
    name = "odd\x1b[2J"
    admin.execute(f'create database "{name}"'.encode())
    try:
        done = sqlspec("ping", "--dsn", urlsplit(dsn)._replace(path=f"/{quote(name)}").geturl())
        assert (done.status, "database odd\\x1b[2J as" in done.out) == (0, True)
    finally:
        admin.execute(f'drop database "{name}" with (force)'.encode())
