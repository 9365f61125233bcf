"""Exit statuses, errors as text and as JSON, and what must not be said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

import sqlspec as package
from sqlspec.cli import _app
from sqlspec.cli._failures import redacted
from tests.integration.cli.conftest import Done

Run = Callable[..., Done]
Start = Callable[..., subprocess.Popen[str]]

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("arguments", "status", "kind"),
    [
        (["query", "selec 1"], 1, "SQLParsingError"),
        (["query", "select 1/0"], 1, "DataError"),
        (["query", "select * from nowhere"], 1, "SQLParsingError"),
        (["query", "begin"], 1, "TransactionError"),
        (["query", "select :a"], 2, "ParameterError"),
        (["query"], 2, "UsageError"),
        (["query", "select 1", "more"], 2, "UsageError"),
        (["query", "select 1", "--limit", "x"], 2, "UsageError"),
        (["quer"], 2, "UsageError"),
        (["ping", "--drive", "x"], 2, "UsageError"),
        (["ping", "--driver", "libpq"], 2, "UsageError"),
        (["ping", "--db", "x"], 2, "ImproperConfigurationError"),
        (["ping", "--dsn", "postgresql://localhost:1/x"], 3, "DatabaseConnectionError"),
    ],
)
def test_each_kind_of_failure_has_its_status(
    sqlspec: Run, server: str, arguments: list[str], status: int, kind: str
) -> None:
    done = sqlspec(*arguments)
    assert (done.status, done.out) == (status, "")
    assert done.err.startswith("error: ")
    told = sqlspec(*arguments, "--json")
    assert (told.status, told.err) == (status, "")
    error = told.json["error"]
    assert (error["type"], error["status"]) == (kind, status)
    assert error["message"] in done.err.replace("\n", " ") or "\n" in error["message"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["ping", "--wait", "nan"], "--wait"),
        (["query", "select 1", "--timeout", "nan"], "--timeout"),
        (["export", "select 1 as a", "a.parquet", "--delimiter", ";"], "--delimiter is for CSV"),
        (["export", "select 1 as a", "a.csv", "--header", "b"], "--header"),
        (["load", "a.csv", "t", "--on-error", "abort", "--rejected", "bad.csv"], "leave one of them out"),
        (["load", "a.csv", "t", "--max-rejected", "5"], "--max-rejected is for the quarantine"),
    ],
)
def test_no_option_is_ignored(sqlspec: Run, server: str, directory: Path, arguments: list[str], complaint: str) -> None:
    done = sqlspec(*arguments, "--json")
    assert (done.status, complaint in done.json["error"]["message"]) == (2, True)
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("command", ["query", "export"])
def test_of_several_statements_none_is_run(sqlspec: Run, tables: psycopg.Connection[Any], command: str) -> None:
    tables.execute("create table t (n int)")
    file = ["t.csv"] if command == "export" else []
    done = sqlspec(command, "select :a; drop table t", *file, "-p", "a=1")
    assert (done.status, "2 statements" in done.err) == (1, True)
    assert tables.execute("select * from t").fetchall() == []


def test_an_argument_that_is_no_utf8_gives_json_too(sqlspec: Run, server: str) -> None:
    done = sqlspec("ping", "x\udcff", "--json")
    assert (done.status, done.json["error"]["type"]) == (2, "UsageError")


def test_an_error_of_the_server_keeps_its_fields(sqlspec: Run, tables: psycopg.Connection[Any], driver: str) -> None:
    tables.execute("create table t (n int constraint whole primary key)")
    tables.execute("insert into t values (1)")
    done = sqlspec("query", "insert into t values (1)", "--json", "--driver", driver)
    error = done.json["error"]
    assert (done.status, error["type"], error["sqlstate"]) == (1, "UniqueViolationError", "23505")
    assert (error["constraint"], error["detail"]) == ("whole", "Key (n)=(1) already exists.")
    told = sqlspec("query", "insert into t values (1)", "--driver", driver)
    assert told.err.splitlines() == [
        'error: duplicate key value violates unique constraint "whole" [23505]',
        "detail: Key (n)=(1) already exists.",
    ]


@pytest.mark.parametrize("given", [[], ["-p", "n=1"]])
def test_the_place_in_the_statement_is_shown(sqlspec: Run, server: str, driver: str, given: list[str]) -> None:
    """In the text as it was given, whatever was sent for its parameters."""
    lines = ["line 2: where nope = '**'", "              ^"]
    statement = f"select 1{' + :n' if given else ''}\nwhere nope = 'me'"
    done = sqlspec("query", statement, *given, "--driver", driver)
    assert done.err.splitlines() == ['error: column "nope" does not exist [42703]', *lines]
    told = sqlspec("query", statement, *given, "--driver", driver, "--json")
    assert told.json["error"]["excerpt"].splitlines() == lines


def test_a_connection_string_that_is_taken_for_a_statement_shows_no_password(sqlspec: Run, server: str) -> None:
    for statement in (f"postgresql://me:{SECRET}@localhost/db nope", f"host=localhost password={SECRET}"):
        done = sqlspec("query", statement)
        first, _, caret = done.err.splitlines()
        assert first.startswith("error: syntax error at or near")
        assert caret.strip() == "^"
        assert SECRET not in done.err


def test_a_long_message_is_searched_for_passwords_in_no_time() -> None:
    """The server quotes what it cannot read, however long it is."""
    began = time.monotonic()
    assert redacted("a" * 200_000) == "a" * 200_000
    assert time.monotonic() - began < 5


@pytest.fixture
def guest(dsn: str, admin: psycopg.Connection[Any], schema: str) -> Any:
    """The DSN of a role without rights, with a password."""
    role = f"{schema}_guest"
    admin.execute(f"create role {role} login password '{SECRET}'".encode())
    yield dsn.replace("//", f"//{role}:{SECRET}@", 1) if "@" not in dsn else _login(dsn, role)
    admin.execute(f"drop role {role}".encode())


def _login(dsn: str, role: str) -> str:
    scheme, _, rest = dsn.partition("//")
    return f"{scheme}//{role}:{SECRET}@{rest.rpartition('@')[2]}"


def test_a_missing_right_is_no_matter_of_the_connection(
    sqlspec: Run, tables: psycopg.Connection[Any], guest: str, schema: str, driver: str
) -> None:
    tables.execute("create table t (n int)")
    done = sqlspec("query", f"select * from {schema}.t", "--dsn", guest, "--json", "--driver", driver)
    assert (done.status, done.json["error"]["type"]) == (1, "PermissionDeniedError")
    assert SECRET not in done.out + done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["ping", "--dsn", f"postgresql://me:{SECRET}@localhost:1/db"],
        ["ping", "--dsn", f"postgresql://me:{SECRET}@no-such-host.invalid/db"],
        ["ping", "--dsn", f"host=localhost port=1 user=me password={SECRET}"],
        ["ping", "--dsn", f"postgresql://localhost:1/db?password={SECRET}"],
        ["ping", "--dsn", f"postgresql:/me:{SECRET}@localhost/db"],
        ["ping", f"postgresql://me:{SECRET}@localhost/db"],
        ["ping", "--db", f"postgresql://me:{SECRET}@localhost/db"],
        [f"postgresql://me:{SECRET}@localhost/db"],
        ["copy", f"postgresql://me:{SECRET}@localhost:1/db", f"host=localhost port=1 password={SECRET}", "t"],
        ["copy", f"postgresql://me:{SECRET}@localhost:1/db", "elsewhere", "t"],
        ["doctor", "--dsn", f"postgresql://me:{SECRET}@localhost:1/db"],
        ["query", "select :a", "-p", f"b={SECRET}", "--dsn", "postgresql://localhost:1/db"],
        ["ping", f"postgresql://me:it's {SECRET}@localhost/db"],
        ["ping", f"host=localhost sslpassword={SECRET}"],
        ["ping", "--db", f"host=localhost password=it's{SECRET}"],
        ["ping", "--db", f"host=localhost password='it\" {SECRET}'"],
    ],
)
def test_no_output_holds_a_password(sqlspec: Run, arguments: list[str], driver: str) -> None:
    for extra in ([], ["--json"]):
        done = sqlspec(*arguments, *(["--driver", driver] if len(arguments) > 1 else []), *extra)
        assert done.status in (2, 3)
        assert SECRET not in done.out + done.err


def test_a_wrong_password_is_not_shown(sqlspec: Run, guest: str, driver: str) -> None:
    done = sqlspec("doctor", "--dsn", guest, "--driver", driver)
    assert done.status == 0, "the server of the tests trusts everybody"
    assert SECRET not in done.out + done.err


# -- as a program -----------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", ["", "--json"])
def test_a_full_disk_behind_stdout_is_told_on_stderr(server: str, program: Start, extra: str) -> None:
    with Path("/dev/full").open("w") as full:
        running = program("query", "select 1 as n", *filter(None, [extra]), stdout=full)
        _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (1, "error: no space left on device; see what the system allows\n")


@pytest.mark.parametrize("extra", ["", " --json"])
def test_streams_may_be_closed(server: str, extra: str) -> None:
    command = f'"{sys.executable}" -m sqlspec query "select 1 as n"{extra} <&- >&-'
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_the_program_ends_quietly_when_nobody_reads_on(server: str, program: Start, unbuffered: str) -> None:
    sql = "select repeat('x', 100) as text from generate_series(1, 20000)"
    running = program("query", sql, "--limit", "0", env={**os.environ, "PYTHONUNBUFFERED": unbuffered})
    assert running.stdout is not None
    assert running.stdout.readline().strip() == "text"
    running.stdout.close()
    assert running.stderr is not None
    assert (running.wait(30), running.stderr.read()) == (141, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_slow_reader_gets_all_of_it(server: str, program: Start, unbuffered: str) -> None:
    sql = "select repeat('x', 100) as text from generate_series(1, 20000)"
    running = program("query", sql, "--json", env={**os.environ, "PYTHONUNBUFFERED": unbuffered})
    out, _ = running.communicate(timeout=30)
    assert (running.returncode, len(json.loads(out)["rows"])) == (0, 20000)


def test_json_is_utf8_whatever_the_locale_says(server: str, program: Start) -> None:
    running = program("query", "select 'é漢' as text", "--json", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    out, err = running.communicate(timeout=30)
    assert (running.returncode, json.loads(out)["rows"], err) == (0, [{"text": "é漢"}], "")


def test_a_mistake_in_the_program_is_not_hidden(
    sqlspec: Run, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(_app, "find_database", broken)
    with pytest.raises(ZeroDivisionError, match="a mistake"):
        _app.run(["ping"])


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_the_extra_is_named_when_it_is_missing(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from sqlspec.cli import main; main(['ping'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    expected = f"cannot import {missing}: it is not installed; run: pip install 'sqlspec[cli]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    sqlspec: Run, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("sqlspec.adapters.psqlpy", "psqlpy"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psqlpy", None)
    done = sqlspec("ping", "--driver", "psqlpy")
    assert (done.status, done.out) == (2, "")
    assert done.err == "error: cannot import psqlpy: it is not installed; run: pip install 'sqlspec[psqlpy]'\n"


def test_help_and_version(sqlspec: Run) -> None:
    assert sqlspec("--version").out == f"sqlspec, version {package.__version__}\n"
    assert sqlspec().out == sqlspec("--help").out
    listed = sqlspec("--help").out.partition("Commands:\n")[2].splitlines()
    commands = {line.split()[0] for line in listed if line.startswith("  ") and line[2] != " "}
    assert {"load", "export", "copy", "query", "ping", "doctor"} <= commands
    for name in ("load", "export", "copy", "query", "ping", "doctor"):
        done = sqlspec(name, "--help")
        assert (done.status, "--json" in done.out) == (0, True)
