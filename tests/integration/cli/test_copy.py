"""`sqlspec copy`: from one database to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sqlspec.cli._drivers import DRIVERS
from tests.integration.cli.conftest import Done

Run = Callable[..., Done]

NUMBERS = "select n, 'row ' || n as text from generate_series(1, 1000) n"


@pytest.fixture
def target(dsn: str, schema: str, admin: psycopg.Connection[Any]) -> Iterator[str]:
    """The DSN of another database."""
    name = f"{dsn.rpartition('/')[2]}_{schema}"
    admin.execute(f"create database {name}".encode())
    yield f"{dsn.rpartition('/')[0]}/{name}"
    admin.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def there(target: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(target, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("writer", list(DRIVERS))
def test_a_table_goes_from_one_database_and_driver_to_another(
    sqlspec: Run,
    tables: psycopg.Connection[Any],
    server: str,
    target: str,
    there: psycopg.Connection[Any],
    driver: str,
    writer: str,
) -> None:
    tables.execute(f"create table t as {NUMBERS}".encode())
    arguments = ("copy", server, target, "t", "--source-driver", driver, "--target-driver", writer)
    done = sqlspec(*arguments, "--create", "--verify", "checksum", "--partitions", 2, "--json")
    assert done.status == 0, done.out
    found = done.json
    assert (found["table"], found["rows"], found["verified"]) == ("t", 1000, "checksum")
    assert there.execute("select count(*), sum(n), min(text) from t").fetchone() == (1000, 500500, "row 1")
    again = sqlspec(*arguments, "--mode", "overwrite")
    assert (again.status, again.err) == (0, "")
    assert again.out.startswith("1,000 rows into t in ")
    assert again.out.endswith("verified by count\n")


def test_the_table_is_a_name_and_never_a_query(
    sqlspec: Run, tables: psycopg.Connection[Any], server: str, target: str, there: psycopg.Connection[Any]
) -> None:
    tables.execute('create table "my table" as select 1 as n')
    assert sqlspec("copy", server, target, "my table", "--create").status == 0
    assert there.execute('select n from "my table"').fetchall() == [(1,)]
    again = sqlspec("copy", server, target, "my table", "--create")
    assert (again.status, "there already" in again.err) == (1, True), again
    done = sqlspec("copy", server, target, "select 1 as n", "--create")
    assert (done.status, "select 1 as n" in done.err) == (1, True), done


def test_a_query_can_be_copied(sqlspec: Run, server: str, target: str, there: psycopg.Connection[Any]) -> None:
    there.execute("create table t (n int primary key, text text)")
    there.execute("insert into t values (1, 'old'), (2, 'row 2')")
    query = "select n, 'row ' || n as text from generate_series(1, 3) n"
    done = sqlspec("copy", server, target, "t", "--from", query, "--mode", "upsert", "--key", "n", "--json")
    assert done.status == 0, done.out
    found = {name: done.json[name] for name in ("rows", "inserted", "updated", "unchanged")}
    assert found == {"rows": 3, "inserted": 1, "updated": 1, "unchanged": 1}
    assert there.execute("select text from t order by n").fetchall() == [("row 1",), ("row 2",), ("row 3",)]


def test_databases_can_be_named(
    sqlspec: Run,
    tables: psycopg.Connection[Any],
    server: str,
    target: str,
    there: psycopg.Connection[Any],
    directory: Path,
) -> None:
    tables.execute(f"create table t as {NUMBERS}".encode())
    (directory / "pyproject.toml").write_text(
        f'[tool.sqlspec.databases]\nhere = "{server}"\nthere = {{ dsn = "{target}", driver = "psqlpy" }}\n'
    )
    done = sqlspec("copy", "here", "there", "t", "--create")
    assert (done.status, done.err) == (0, "")
    assert there.execute("select count(*) from t").fetchone() == (1000,)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nowhere"], 1, "nowhere"),
        (["t", "--from", "select 1/(n - 500) as n from t"], 1, "division by zero"),
        (["t", "--from", "select n, null::int as other from t"], 1, "other"),
        (["t", "--mode", "upsert"], 2, "key"),
        (["t", "--from", "delete from t"], 2, "returns no rows"),
    ],
)
def test_a_copy_that_fails_leaves_the_target_as_it_was(
    sqlspec: Run,
    tables: psycopg.Connection[Any],
    server: str,
    target: str,
    there: psycopg.Connection[Any],
    driver: str,
    arguments: list[str],
    status: int,
    message: str,
) -> None:
    tables.execute(f"create table t as {NUMBERS}".encode())
    there.execute("create table t as select 0 as n")
    done = sqlspec("copy", server, target, *arguments, "--driver", driver)
    assert (done.status, done.out) == (status, "")
    assert message in done.err
    assert there.execute("select array_agg(n) from t").fetchone() == ([0],)


def test_rows_that_the_target_refuses_can_be_put_aside(
    sqlspec: Run, server: str, target: str, there: psycopg.Connection[Any], driver: str
) -> None:
    there.execute("create table t (n int check (n <> 500), text text)")
    done = sqlspec("copy", server, target, "t", "--from", NUMBERS, "--on-error", "quarantine", "--driver", driver)
    assert (done.status, done.err) == (4, "")
    assert "1 row rejected" in done.lines
    assert done.lines[-1].startswith("499 ")
    assert there.execute("select count(*) from t").fetchone() == (999,)
