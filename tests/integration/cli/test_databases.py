"""Which database a command is about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Done

Run = Callable[..., Done]

WHO = "select current_setting('application_name') as name"


def named(dsn: str, name: str) -> str:
    return f"{dsn}?application_name={name}"


@pytest.fixture
def who(sqlspec: Run) -> Callable[..., str]:
    """The application name of the connection that a command makes."""

    def call(*arguments: str) -> str:
        done = sqlspec("query", WHO, "--json", *arguments)
        assert done.status == 0, done.out
        name: str = done.json["rows"][0]["name"]
        return name

    return call


def test_the_first_source_counts(
    who: Callable[..., str], dsn: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / "pyproject.toml").write_text(
        f'[tool.sqlspec]\ndsn = "{named(dsn, "project")}"\n[tool.sqlspec.databases]\nlake = "{named(dsn, "lake")}"\n'
    )
    assert who() == "project"
    monkeypatch.setenv("DATABASE_URL", named(dsn, "url"))
    assert who() == "url"
    monkeypatch.setenv("SQLSPEC_DSN", named(dsn, "variable"))
    assert who() == "variable"
    monkeypatch.setenv("SQLSPEC_DSN", "")
    assert who() == "url"
    assert who("--db", "lake") == "lake"
    assert who("--dsn", named(dsn, "argument")) == "argument"


def test_the_nearest_project_with_a_table_of_ours_counts(
    who: Callable[..., str], dsn: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / "pyproject.toml").write_text(f'[tool.sqlspec]\ndsn = "{named(dsn, "above")}"\n')
    inner = directory / "inner" / "most"
    inner.mkdir(parents=True)
    (directory / "inner" / "pyproject.toml").write_text("[tool.other]\n")
    monkeypatch.chdir(inner)
    assert who() == "above"


def test_a_database_may_bring_its_driver(sqlspec: Run, dsn: str, directory: Path) -> None:
    (directory / "pyproject.toml").write_text(
        f'[tool.sqlspec.databases]\nlake = {{ dsn = "{dsn}", driver = "psqlpy" }}\nshop = {{ dsn = "{dsn}" }}\n'
    )
    assert sqlspec("ping", "--db", "lake", "--json").json["driver"] == "psqlpy"
    assert sqlspec("ping", "--db", "lake", "--driver", "psycopg", "--json").json["driver"] == "psycopg"
    assert sqlspec("ping", "--db", "shop", "--json").json["driver"] == "asyncpg"


def test_libpq_variables_complete_a_dsn(sqlspec: Run, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATABASE", dsn.rpartition("/")[2])
    done = sqlspec("ping", "--dsn", dsn.rpartition("/")[0], "--json")
    assert done.json["database"] == dsn.rpartition("/")[2]


@pytest.mark.parametrize(
    ("project", "arguments", "message"),
    [
        ("", [], "no database is given"),
        ("[tool.sqlspec.databases]\n", ["--dsn", "postgresql://h/d", "--db", "x"], "--dsn and --db are both given"),
        ("", ["--db", "lake"], "no database is named 'lake': there is no pyproject.toml with [tool.sqlspec]"),
        ("[tool.sqlspec.databases]\nlake = 'postgresql://h'\n", ["--db", "lakes"], "did you mean 'lake'?"),
        ("[tool.sqlspec]\n", ["--db", "lake"], "none is defined"),
        ("[tool.sqlspec]\ndatabases = 1\n", ["--db", "lake"], "none is defined"),
        ("[tool.sqlspec.databases]\nlake = 1\n", ["--db", "lake"], "[tool.sqlspec.databases] lake: `dsn` is not there"),
        ("[tool.sqlspec.databases]\nlake = {dsn = 'postgresql://h', driver = 'x'}\n", ["--db", "lake"], "choose among"),
        ("[tool.sqlspec]\ndsn = 1\n", [], "[tool.sqlspec]: `dsn` is not there or no string"),
        ("[tool.sqlspec\ndsn = 'postgresql://me:s3cr3t@h'\n", [], "pyproject.toml: "),
        ("", ["--dsn", "me:s3cr3t@h/db"], "cannot read the DSN"),
        ("", ["--dsn", "postgresql://me:s3cr3t@h/db?sslmod=require"], "did you mean 'sslmode'?"),
        ("", ["--dsn", "postgresql://me:s3cr3t@h/db?sslmode=require", "--driver", "pyro"], "on pyro_postgres"),
    ],
)
def test_a_database_that_cannot_be_found_is_wrong_usage(
    sqlspec: Run, directory: Path, project: str, arguments: list[str], message: str
) -> None:
    if project:
        (directory / "pyproject.toml").write_text(project)
    done = sqlspec("ping", *arguments)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert "s3cr3t" not in done.err


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("tool = 5", "no database is named 'x'"),
        ("[tool]\nsqlspec = 'postgresql://'", "tool.sqlspec is no table"),
        ("[tool.sqlspec]\ndns = 'postgresql://'", "'dns' is unknown there; choose among dsn, driver, databases"),
        ("[tool.sqlspec.databases]\nx = {dsn = 'postgresql://', drvier = 'psqlpy'}", "'drvier' is unknown there"),
        ("[tool.sqlspec.databases]\nx = {dsn = 'postgresql://', driver = ['psqlpy']}", "the driver is unknown"),
    ],
)
def test_nothing_in_the_project_file_is_ignored(sqlspec: Run, directory: Path, text: str, complaint: str) -> None:
    (directory / "pyproject.toml").write_text(text)
    done = sqlspec("ping", "--db", "x", "--json")
    assert (done.status, done.json["error"]["type"]) == (2, "ImproperConfigurationError")
    assert complaint in done.json["error"]["message"]


def test_a_database_of_the_project_lies_beside_others(sqlspec: Run, dsn: str, directory: Path) -> None:
    text = f'[tool.sqlspec]\ndsn = "{dsn}"\ndriver = "psycopg"\n[tool.sqlspec.databases]\nx = "postgresql://"\n'
    (directory / "pyproject.toml").write_text(text)
    assert sqlspec("ping", "--json").json["driver"] == "psycopg"
