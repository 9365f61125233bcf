"""What all tests of the matrix share: the types on the server, a connection beside, one config per flavour, the report.

Unlike in the conformance suite a config lives as long as the module. There are thousands of tests here and what they
are about is values, not connections.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
import pytest_asyncio

from tests.integration.harness import FLAVOURS, Flavour
from tests.integration.matrix.cases import TYPES, SqlType
from tools.gen_matrix import WRITE_TO, Outcomes

SCHEMA = "matrix"
SETTINGS = {"TimeZone": "UTC", "lc_monetary": "C"}
OUTCOMES = pytest.StashKey[Outcomes]()
VERSION = pytest.StashKey[str]()


class Server:
    """A plain psycopg connection: what the server itself says of the values.

    Attributes:
        absent: Keys of the types that this server does not have.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._texts: dict[str, list[str]] = {}
        self.absent = {kind.key for kind in TYPES if not self._has(kind)}

    @property
    def version(self) -> str:
        return str(self._connection.info.server_version // 10000)

    def _has(self, kind: SqlType) -> bool:
        if kind.extension:
            query = "select from pg_available_extensions where name = %s"
            return self._connection.execute(query, (kind.extension,)).fetchone() is not None
        try:
            self._connection.execute(kind.probe.encode())
        except psycopg.Error:
            return False
        return True

    def make(self) -> None:
        """Make every type, and what its values are put into: a composite, a domain and a table."""
        self.run(f"create schema {SCHEMA}")
        self.make_types()

    def make_types(self) -> None:
        """Make them in the first schema of the search path."""
        for kind in TYPES:
            if kind.key not in self.absent:
                self._make(kind)

    def _make(self, kind: SqlType) -> None:
        if kind.extension:
            self.run(f"create extension if not exists {kind.extension} schema public")
        statements = [kind.setup]
        if kind.has("in_a_composite"):
            statements.append(f"create type in_{kind.key} as (n int4, v {kind.name})")
        if kind.has("in_a_domain"):
            statements.append(f"create domain as_{kind.key} as {kind.name}")
        if kind.has("stored"):
            statements.append(f"create table kept_{kind.key} (run text, n int4, v {kind.name})")
        self.run(";\n".join(statements))

    def drop(self) -> list[str]:
        """Drop all of it; return what is left over because a file drops less than it makes."""
        for kind in TYPES:
            if kind.key not in self.absent:
                self.run(
                    f"drop table if exists kept_{kind.key}; drop domain if exists as_{kind.key}; "
                    f"drop type if exists in_{kind.key}; {kind.drop}"
                )
        left = self.rows(f"select typname from pg_type where typnamespace = '{SCHEMA}'::regnamespace")
        self.run(f"drop schema {SCHEMA} cascade")
        return [name for (name,) in left]

    def run(self, text: str) -> None:
        self._connection.execute(text.encode())

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.encode()).fetchall()

    def texts(self, kind: SqlType) -> list[str]:
        """Return the server's text form of every value of a type."""
        found = self._texts.get(kind.key)
        if found is None:
            (row,) = self.rows(f"select {', '.join(f'{kind.cast(value.sql)}::text' for value in kind.values)}")
            found = self._texts[kind.key] = list(row)
        return found

    def oids(self, sql: str) -> list[int]:
        """Return the type of each column of a query."""
        return [column.type_code for column in self._connection.execute(sql.encode()).description or ()]


class Case(NamedTuple):
    """All that one test needs.

    Attributes:
        run: Marks the rows that this test stores in the tables of all flavours and techniques.
    """

    kind: SqlType
    session: Any
    server: Server
    run: str


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, dsn: str) -> Iterator[Server]:
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    with psycopg.connect(
        dsn, autocommit=True, options=f"{options} -c search_path={SCHEMA},public -c synchronous_commit=off"
    ) as connection:
        made = Server(connection)
        request.config.stash[VERSION] = made.version
        made.make()
        yield made
        assert made.drop() == []


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


@pytest.fixture
def case(request: pytest.FixtureRequest, kind: SqlType, session: Any, server: Server) -> Case:
    if kind.key in server.absent:
        request.node.user_properties.append(("absent", True))
    return Case(kind, session, server, request.node.name)


# -- the report -----------------------------------------------------------------------------------------------


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the comparison with the committed report behind what it compares."""
    items.sort(key=lambda item: "outcomes" in getattr(item, "fixturenames", ()))
    config.stash[OUTCOMES] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    parameters: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    if "kind" in parameters and (report.when == "call" or not report.passed):
        flavours = item.config.stash[OUTCOMES].setdefault(parameters["kind"].key, {})
        flavours.setdefault(parameters["flavour"], {})[technique_of(item)] = _outcome(report)
    return report


def technique_of(item: pytest.Item) -> str:
    return item.name.partition("[")[0].removeprefix("test_")


def _outcome(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"refused: {report.wasxfail}" if report.skipped else "wrong"
    if ("absent", True) in report.user_properties:
        return "absent"
    return "right" if report.passed else "wrong"


@pytest.fixture
def outcomes(request: pytest.FixtureRequest) -> Outcomes:
    """What the tests of this run gave so far."""
    return request.config.stash[OUTCOMES]


def pytest_sessionfinish(session: pytest.Session) -> None:
    target = os.environ.get(WRITE_TO)
    if target and VERSION in session.config.stash:
        run = {
            "server": session.config.stash[VERSION],
            "flavours": list(FLAVOURS),
            "outcomes": session.config.stash[OUTCOMES],
        }
        Path(target).write_text(json.dumps(run), encoding="utf-8")
