"""The pytest plugin: `sqlspec_postgres`, a database to test against, and `sqlspec_config`, a config for it.

pytest loads this module in every run of every project that has the package installed. It therefore imports no
driver and starts nothing before a fixture is asked for.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

__all__ = ("sqlspec_config", "sqlspec_config_class", "sqlspec_postgres")

_DSN_VARIABLE = "SQLSPEC_TEST_DSN"
_DOCKER_SECONDS = 5.0
_CONTAINER_PLUGIN = "pytest_databases.docker.postgres"
# The first whose driver is installed: driver, module of the adapter, config class.
_DEFAULT_CONFIGS = (
    ("asyncpg", "sqlspec.adapters.asyncpg", "AsyncpgConfig"),
    ("psycopg", "sqlspec.adapters.psycopg", "PsycopgAsyncConfig"),
)


def pytest_configure(config: pytest.Config) -> None:
    """Register the fixtures that need pytest-asyncio, where that is active."""
    if config.pluginmanager.hasplugin("asyncio") or config.pluginmanager.hasplugin("pytest_asyncio.plugin"):
        from sqlspec.testing import _asyncio_fixtures

        config.pluginmanager.register(_asyncio_fixtures, "sqlspec_asyncio")


@pytest.fixture(scope="session")
def sqlspec_postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """Provide the DSN of a PostgreSQL server for the whole run.

    The first of these that exists: the server that the environment variable `SQLSPEC_TEST_DSN` names; a
    container of pytest-databases, where that package is installed and docker answers; an `EmbeddedPostgres`.
    What was chosen and does not work fails the tests: it never skips them or falls back to the next.

    Yields:
        A DSN of a role that may create objects.

    Raises:
        MissingDependencyError: None of the three is there.
        OperationalError: The embedded server did not start.
    """
    given = os.environ.get(_DSN_VARIABLE)
    if given:
        yield given
        return
    container = _container_dsn(request)
    if container is not None:
        yield container
        return
    from sqlspec.testing.embedded import EmbeddedPostgres

    with EmbeddedPostgres() as server:
        yield server.dsn


@pytest.fixture(scope="session")
def sqlspec_config_class() -> type[Any]:
    """Provide the class of `sqlspec_config`. Override this fixture, at any scope, to choose another.

    Returns:
        `AsyncpgConfig` if asyncpg is installed, else `PsycopgAsyncConfig`.

    Raises:
        MissingDependencyError: Neither driver is installed.
    """
    for driver, module, name in _DEFAULT_CONFIGS:
        if importlib.util.find_spec(driver) is not None:
            chosen: type[Any] = getattr(importlib.import_module(module), name)
            return chosen
    from sqlspec.exceptions import MissingDependencyError

    raise MissingDependencyError("asyncpg")


@pytest.fixture
def sqlspec_config(request: pytest.FixtureRequest, sqlspec_config_class: type[Any]) -> Any:
    """Provide a config of `sqlspec_config_class` for `sqlspec_postgres`, and close it after the test.

    With pytest-asyncio, an asynchronous config is closed in the event loop of the test, to which the
    connections of its pool belong.

    Returns:
        A config of its own for each test.
    """
    if inspect.iscoroutinefunction(sqlspec_config_class.close) and request.config.pluginmanager.hasplugin(
        "sqlspec_asyncio"
    ):
        return request.getfixturevalue(f"_sqlspec_config_in_{_loop_scope(request)}_loop")
    return request.getfixturevalue("_sqlspec_config_without_loop")


@pytest.fixture
def _sqlspec_config_without_loop(sqlspec_config_class: type[Any], sqlspec_postgres: str) -> Iterator[Any]:
    config = sqlspec_config_class(connection_config={"dsn": sqlspec_postgres})
    yield config
    closing = config.close()
    if inspect.isawaitable(closing):
        asyncio.run(_wait_for(closing))


async def _wait_for(closing: Awaitable[object]) -> None:
    await closing


def _loop_scope(request: pytest.FixtureRequest) -> str:
    """Return the scope of the event loop that pytest-asyncio runs the test in."""
    marker = request.node.get_closest_marker("asyncio")
    scope: str | None = marker.kwargs.get("loop_scope") if marker is not None else None
    return scope or str(request.config.getini("asyncio_default_test_loop_scope"))


def _container_dsn(request: pytest.FixtureRequest) -> str | None:
    """Return the DSN of pytest-databases' container, or `None` where there can be none."""
    if importlib.util.find_spec("pytest_databases") is None or not _docker_answers():
        return None
    try:
        plugin = importlib.import_module(_CONTAINER_PLUGIN)
    except ImportError:
        # The package is there for another database: what it needs for PostgreSQL is not installed.
        return None
    if not request.config.pluginmanager.is_registered(plugin):
        request.config.pluginmanager.register(plugin, _CONTAINER_PLUGIN)
    try:
        service = request.getfixturevalue("postgres_service")
    except pytest.skip.Exception as skipped:
        pytest.fail(f"cannot provide a PostgreSQL: pytest-databases wants to skip ({skipped}); set {_DSN_VARIABLE}")
    user, password, database = (quote(text, safe="") for text in (service.user, service.password, service.database))
    return f"postgresql://{user}:{password}@{service.host}:{service.port}/{database}"


def _docker_answers() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        # Without a daemon some versions of the client report success and an empty answer.
        answer = subprocess.run(
            [docker, "info", "--format", "{{.ServerVersion}}"],
            capture_output=True,
            timeout=_DOCKER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and bool(answer.stdout.strip())
