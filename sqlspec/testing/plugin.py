"""The pytest plugin: a database to test against, a config for it, a session that stores nothing, budgets and checks.

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
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from weakref import WeakSet

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator, Iterator

    from sqlspec.testing.recorder import Budget, Recorder

__all__ = ("sqlspec_config", "sqlspec_config_class", "sqlspec_postgres", "sqlspec_recorder", "sqlspec_session")

_DSN_VARIABLE = "SQLSPEC_TEST_DSN"
_DOCKER_SECONDS = 5.0
_CONTAINER_PLUGIN = "pytest_databases.docker.postgres"
# The first whose driver is installed: driver, module of the adapter, config class.
_DEFAULT_CONFIGS = (
    ("asyncpg", "sqlspec.adapters.asyncpg", "AsyncpgConfig"),
    ("psycopg", "sqlspec.adapters.psycopg", "PsycopgAsyncConfig"),
)
_MARKER = "sqlspec_queries"
_PROPERTY = "sqlspec_slowest"
_USING = frozenset({"sqlspec_config", "sqlspec_recorder", "sqlspec_session"})
_recorders = pytest.StashKey["Recorder"]()
_recorded: WeakSet[pytest.Item] = WeakSet()
"""Tests whose config reports to their recorder already."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.addini(
        "sqlspec_leaks", "what sqlspec_config does about leaks of a test: fail (default) or ignore", default="fail"
    )
    parser.addini("sqlspec_max_queries", "most statements of a test by sqlspec_config; 0: any number", default="0")
    parser.getgroup("sqlspec").addoption(
        "--sqlspec-slowest", type=int, default=0, metavar="N", help="show the N slowest statements of sqlspec_config"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and register the fixtures that need pytest-asyncio, where that is active."""
    config.addinivalue_line("markers", f"{_MARKER}(exactly=None, max=None): number of statements that the test runs")
    if config.getini("sqlspec_leaks") not in ("fail", "ignore"):
        raise pytest.UsageError("sqlspec_leaks is not known: use fail or ignore")
    if not config.getini("sqlspec_max_queries").isdecimal():
        raise pytest.UsageError("sqlspec_max_queries is no number: use 0 for any number of statements")
    if config.pluginmanager.hasplugin("asyncio") or config.pluginmanager.hasplugin("pytest_asyncio.plugin"):
        from sqlspec.testing import _asyncio_fixtures

        config.pluginmanager.register(_asyncio_fixtures, "sqlspec_asyncio")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Compare the statements of a test with its budget."""
    marker = item.get_closest_marker(_MARKER)
    if marker is None and _USING.isdisjoint(getattr(item, "fixturenames", ())):
        return (yield)
    from sqlspec.testing._taps import listening
    from sqlspec.testing.recorder import Recorder

    budget = _budget(item, marker)
    recorder = item.stash.setdefault(_recorders, Recorder())
    recorder.clear()  # those of its fixtures do not count
    with ExitStack() as stack:
        if item not in _recorded:  # the test has a config of its own: it runs all that is run
            stack.enter_context(listening(None, recorder.hear))
        result = yield
    if budget is not None:
        budget.check(recorder)
    return result


def _budget(item: pytest.Item, marker: pytest.Mark | None) -> Budget | None:
    """Return the budget of a test, if it has one."""
    from sqlspec.exceptions import ParameterError
    from sqlspec.testing.recorder import Budget

    if marker is None:
        most = int(item.config.getini("sqlspec_max_queries"))
        return Budget(max=most) if most else None
    if marker.args or not marker.kwargs.keys() <= {"exactly", "max"}:
        raise ParameterError(f"the marker {_MARKER} has other arguments than it takes: give exactly= or max=")
    return Budget(**marker.kwargs)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the statements of a test that has failed, and keep the slowest ones."""
    report = yield
    recorder = item.stash.get(_recorders, None)
    if recorder is not None and call.when == "call":
        if report.failed and len(recorder):
            report.sections.append(("sqlspec statements", str(recorder)))
        count = int(item.config.getoption("--sqlspec-slowest") or 0)
        if count > 0:
            slowest = [(each.seconds, str(each)) for each in recorder.slowest(count)]
            report.user_properties.append((_PROPERTY, slowest))
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the slowest statements of all tests, if that was asked for."""
    count = int(config.getoption("--sqlspec-slowest") or 0)
    if count <= 0:
        return
    found = [
        (seconds, text, report.nodeid)
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, slowest in getattr(report, "user_properties", ())
        if name == _PROPERTY and report.when == "call"
        for seconds, text in slowest
    ]
    terminalreporter.section(f"slowest {count} statements")
    for _, text, nodeid in sorted(found, reverse=True)[:count]:
        terminalreporter.line(f"{text}  ({nodeid})")


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
def sqlspec_recorder(request: pytest.FixtureRequest) -> Recorder:
    """Provide the statements that the test has run so far by `sqlspec_config`, with their timings.

    They stand in the report of a test that fails. Those of its fixtures are forgotten when the test itself begins.

    Returns:
        The recorder of the test.
    """
    from sqlspec.testing.recorder import Recorder

    recorder: Recorder = request.node.stash.setdefault(_recorders, Recorder())
    return recorder


@pytest.fixture
def sqlspec_config(request: pytest.FixtureRequest, sqlspec_config_class: type[Any]) -> Any:
    """Provide a config of `sqlspec_config_class` for `sqlspec_postgres`, and close it after the test.

    What the test has not given back by then is an error of the test, see `no_leaks`, unless the ini option
    `sqlspec_leaks` is `ignore`. With pytest-asyncio, an asynchronous config is closed in the event loop of the test, to
    which the connections of its pool belong.

    Returns:
        A config of its own for each test.
    """
    return request.getfixturevalue(f"_sqlspec_config_{_home(request, sqlspec_config_class)}")


@pytest.fixture
def sqlspec_session(request: pytest.FixtureRequest, sqlspec_config_class: type[Any]) -> Any:
    """Provide a session of `sqlspec_config`, and roll back after the test what it has done; see `rolled_back`.

    Code under test that takes sessions of its own from `sqlspec_config` works in the same transaction.

    Returns:
        A session, asynchronous or synchronous as the config is.
    """
    home = _home(request, sqlspec_config_class)
    if home == "without_loop" and inspect.iscoroutinefunction(sqlspec_config_class.close):
        pytest.fail("sqlspec_session needs pytest-asyncio where the config is asynchronous: install it", pytrace=False)
    return request.getfixturevalue(f"_sqlspec_session_{home}")


@pytest.fixture
def _sqlspec_config_without_loop(
    request: pytest.FixtureRequest, sqlspec_config_class: type[Any], sqlspec_postgres: str, sqlspec_recorder: Recorder
) -> Iterator[Any]:
    config = sqlspec_config_class(connection_config={"dsn": sqlspec_postgres})
    if inspect.iscoroutinefunction(sqlspec_config_class.close):
        with recording(request, config, sqlspec_recorder):
            yield config
        asyncio.run(_wait_for(config.close()))
        return
    from sqlspec.testing.leaks import LeakError, no_leaks

    try:
        with recording(request, config, sqlspec_recorder):
            if looks_for_leaks(request, config):
                with no_leaks(config):
                    yield config
            else:
                yield config
    except LeakError:
        config.close(0)
        raise
    config.close()


@pytest.fixture
def _sqlspec_session_without_loop(_sqlspec_config_without_loop: Any) -> Iterator[Any]:
    from sqlspec.testing.isolation import rolled_back

    with rolled_back(_sqlspec_config_without_loop) as session:
        yield session


@contextmanager
def recording(request: pytest.FixtureRequest, config: Any, recorder: Recorder) -> Iterator[None]:
    """Record what the sessions of a config do."""
    if not _is_of_ours(config):
        yield
        return
    from sqlspec.testing._taps import listening

    _recorded.add(request.node)
    with listening(config, recorder.hear):
        yield


def looks_for_leaks(request: pytest.FixtureRequest, config: Any) -> bool:
    """Tell whether what a test has not given back is looked for."""
    return request.config.getini("sqlspec_leaks") == "fail" and _is_of_ours(config)


def _is_of_ours(config: Any) -> bool:
    """Tell whether this is a config of the package: the class may be anything that has the same methods."""
    return hasattr(config, "_opened_pool")


async def _wait_for(closing: Awaitable[object]) -> None:
    await closing


def _home(request: pytest.FixtureRequest, config_class: type[Any]) -> str:
    """Return the end of the names of the fixtures for a test: a pool belongs to the loop that opened it."""
    if inspect.iscoroutinefunction(config_class.close) and request.config.pluginmanager.hasplugin("sqlspec_asyncio"):
        return f"in_{_loop_scope(request)}_loop"
    return "without_loop"


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
