"""The command line in this process, and as a program of its own."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from sqlspec.cli import main
from sqlspec.cli._drivers import DRIVERS
from tests.integration.signals import heard

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Done:
    """What a command has left."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment that names no database."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PG") or name in ("SQLSPEC_DSN", "DATABASE_URL")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture(params=list(DRIVERS))
def driver(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def schema(admin: psycopg.Connection[Any]) -> str:
    """A schema of its own for each test."""
    name = f"cli_{next(_numbers)}"
    admin.execute(f"create schema {name}".encode())
    return name


@pytest.fixture
def server(dsn: str, schema: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The DSN of the tests, in the test's schema; commands find it in the environment."""
    found = f"{dsn}?options={quote(f'-csearch_path={schema},public -csynchronous_commit=off')}"
    monkeypatch.setenv("SQLSPEC_DSN", found)
    return found


@pytest.fixture
def tables(server: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that sees the tables of the test."""
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection


@pytest.fixture
def sqlspec(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run a command in this process."""

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, captured.out, captured.err)

    return call


@pytest.fixture
def program() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command as a program; what still runs at the end of the test is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        command = [sys.executable, "-m", "sqlspec", *map(str, arguments)]
        with heard():
            process = subprocess.Popen(command, text=True, **pipes)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
