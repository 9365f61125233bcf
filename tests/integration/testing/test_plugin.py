"""The fixtures of the plugin on a real server: sessions that store nothing, budgets, leaks, what a report shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import sqlspec.testing

pytest_plugins = ("pytester",)

CONFIGS = {
    True: ("sqlspec.adapters.asyncpg", "AsyncpgConfig"),
    False: ("sqlspec.adapters.psycopg", "PsycopgSyncConfig"),
}


class Run:
    """Runs one file of tests, written once, on an asynchronous or a synchronous config."""

    def __init__(self, pytester: pytest.Pytester, asynchronous: bool) -> None:
        self._pytester = pytester
        self._asynchronous = asynchronous
        module, name = CONFIGS[asynchronous]
        pytester.makeconftest(f"""
            import pytest
            from {module} import {name}

            @pytest.fixture
            def sqlspec_config_class():
                return {name}
        """)
        self.ini(())

    def ini(self, lines: tuple[str, ...]) -> None:
        self._pytester.makeini(
            "\n".join(("[pytest]", "asyncio_mode = auto", "asyncio_default_fixture_loop_scope = function", *lines))
        )

    def test(self, source: str, *arguments: str) -> pytest.RunResult:
        if not self._asynchronous:
            source = source.replace("async ", "").replace("await ", "").replace("__aenter__", "__enter__")
        self._pytester.makepyfile(test_it=source)
        plugins = ("-p", "sqlspec.testing.plugin", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider")
        return self._pytester.runpytest_subprocess(*plugins, "-W", "error", *arguments)


@pytest.fixture(params=CONFIGS, ids=["async", "sync"])
def run(request: pytest.FixtureRequest, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, dsn: str) -> Run:
    monkeypatch.setenv("SQLSPEC_TEST_DSN", dsn)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(sqlspec.testing.__file__).parents[2]), prepend=os.pathsep)
    return Run(pytester, request.param)


TESTS = """
import pytest

async def store(config):
    async with config.provide_session() as session, session.transaction():
        await session.execute("insert into kept values (1)")

async def test_store(sqlspec_config, sqlspec_session):
    await sqlspec_session.execute("create table kept (id int primary key)")
    await store(sqlspec_config)
    await sqlspec_session.begin()
    await sqlspec_session.commit()
    assert await sqlspec_session.select_value("select count(*) from kept") == 1

async def test_nothing_is_stored(sqlspec_session):
    assert await sqlspec_session.select_value("select to_regclass('kept')::text") is None

async def test_leak(sqlspec_config):
    await sqlspec_config.provide_session().__aenter__()

@pytest.fixture
async def tables(sqlspec_session):
    for name in "abc":
        await sqlspec_session.execute(f"create table {name} (id int)")

async def read(session, times):
    for _ in range(times):
        await session.select_value("select 42")

@pytest.mark.sqlspec_queries(exactly=2)
async def test_exact(sqlspec_session, tables):
    await read(sqlspec_session, 2)

@pytest.mark.sqlspec_queries(max=2)
async def test_over(sqlspec_session, tables):
    await read(sqlspec_session, 3)

async def test_usual(sqlspec_session):
    await read(sqlspec_session, 9)

async def test_fails(sqlspec_session, sqlspec_recorder):
    await sqlspec_session.select_value("select 'shown'")
    assert len(sqlspec_recorder) == 1
    await sqlspec_session.select("select pg_sleep(0.2)")
    raise RuntimeError

async def test_passes(sqlspec_session):
    await sqlspec_session.select_value("select 'hidden'")

async def test_without_database():
    pass
"""


def test_sessions_budgets_leaks_and_reports(run: Run) -> None:
    result = run.test(TESTS, "--sqlspec-slowest", "1")
    result.assert_outcomes(passed=7, failed=2, errors=1)
    result.stdout.fnmatch_lines(["*LeakError: 1 left behind:", "*a session: in use for *", "*test_it.py*in test_leak*"])
    result.stdout.fnmatch_lines(["*AssertionError: at most 2 statements expected, 3 were run:", "*3 times: select 42*"])
    result.stdout.fnmatch_lines(
        [
            "*sqlspec statements*",
            "2 statements in *",
            "*1 row  select 'shown'",
            "*slowest 1 statements*",
            "*1 row  select pg_sleep(0.2)  (test_it.py::test_fails)",
            "FAILED test_it.py::test_over*",
            "FAILED test_it.py::test_fails*",
            "ERROR test_it.py::test_leak*",
        ]
    )
    assert "hidden" not in result.stdout.str()


IGNORED = """
async def test_leak(sqlspec_config):
    await sqlspec_config.provide_session().__aenter__()
    await sqlspec_config.close(0)

async def test_usual(sqlspec_session):
    for _ in range(5):
        await sqlspec_session.select_value("select 42")
"""


@pytest.mark.parametrize("run", [True], indirect=True)
def test_options_of_the_configuration(run: Run) -> None:
    run.ini(("sqlspec_leaks = ignore", "sqlspec_max_queries = 4"))
    result = run.test(IGNORED)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: at most 4 statements expected, 5 were run:*"])


@pytest.mark.parametrize("run", [True], indirect=True)
@pytest.mark.parametrize("line", ["sqlspec_leaks = maybe", "sqlspec_max_queries = many"])
def test_a_wrong_option_ends_the_run(run: Run, line: str) -> None:
    run.ini((line,))
    result = run.test("def test_it(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{line.partition(' ')[0]} is n*: use *"])


OWN_CONFIG = """
import pytest

@pytest.fixture
async def sqlspec_config(sqlspec_config_class, sqlspec_postgres):
    config = sqlspec_config_class(connection_config={"dsn": sqlspec_postgres})
    yield config
    await config.close()

@pytest.fixture
async def other(sqlspec_config_class, sqlspec_postgres):
    config = sqlspec_config_class(connection_config={"dsn": sqlspec_postgres})
    async with config.provide_session() as session:
        await session.select_value("select 'of the fixture'")
        yield session
    await config.close()

@pytest.mark.sqlspec_queries(max=1)
async def test_overridden(sqlspec_session, sqlspec_recorder):
    await sqlspec_session.select_value("select 1")
    assert len(sqlspec_recorder) == 1
    await sqlspec_session.select_value("select 2")

@pytest.mark.sqlspec_queries(max=1)
async def test_without_fixtures(other):
    await other.select_value("select 1")
    await other.select_value("select 2")

@pytest.mark.sqlspec_queries(exactly=1)
async def test_enough(other):
    await other.select_value("select 1")

@pytest.mark.sqlspec_queries(most=1)
def test_misspelt():
    raise RuntimeError("is not run")
"""


def test_budgets_of_configs_of_ones_own(run: Run) -> None:
    result = run.test(OWN_CONFIG)
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(["*at most 1 statements expected, 2 were run:*"] * 2)
    result.stdout.fnmatch_lines(
        ["*the marker sqlspec_queries has other arguments than it takes: give exactly= or max="]
    )
    assert "is not run" not in result.stdout.str()
