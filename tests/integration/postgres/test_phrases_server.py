"""The server agrees with the phrases: what they say of its messages is what its own fields say.

To cover another message, add a statement to `phrase_statements`.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import asyncpg
import psycopg
import pytest
from psycopg import sql
from psycopg.pq import DiagnosticField as Field

from sqlspec.exceptions import error_class
from sqlspec.postgres.phrases import Phrase, classify, shared_class
from tests.integration.postgres.phrase_statements import BLOCKS, INTEGRITY, SETUP, TOLD_APART, UNCERTAIN

POOR = f"phrases_poor_{os.getpid()}"


class Failure(NamedTuple):
    message: str
    detail: str | None
    fatal: bool
    fields: Phrase
    hint: str | None = None

    @property
    def phrase(self) -> Phrase:
        return classify(self.message, self.detail, fatal=self.fatal)


def failure(connection: psycopg.Connection[Any], statement: str) -> Failure:
    """Run a statement that fails and return what the server says, with the fields that some drivers hide."""
    result = connection.pgconn.exec_params(statement.encode(), [])

    def field(which: Field) -> str | None:
        raw = result.error_field(which)
        return raw.decode() if raw else None

    message = field(Field.MESSAGE_PRIMARY)
    assert message is not None, f"{statement} did not fail"
    names = (field(which) for which in (Field.CONSTRAINT_NAME, Field.TABLE_NAME, Field.COLUMN_NAME))
    fields = Phrase(field(Field.SQLSTATE), *names)
    fatal = field(Field.SEVERITY_NONLOCALIZED) == "FATAL"
    return Failure(message, field(Field.MESSAGE_DETAIL), fatal, fields, field(Field.MESSAGE_HINT))


def wrong(found: Failure) -> bool:
    """Tell whether the phrase holds anything that the server does not say."""
    pairs = zip(found.phrase, found.fields, strict=True)
    return any(said is not None and said != meant for said, meant in pairs)


@pytest.fixture(scope="module")
def place(admin: psycopg.Connection[Any], dsn: str) -> Iterator[str]:
    """A database with the objects that the statements speak of."""
    name = f"phrases_{os.getpid()}"
    admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    try:
        admin.execute(sql.SQL("create role {}").format(sql.Identifier(POOR)))
        own = urlsplit(dsn)._replace(path=f"/{name}").geturl()
        with psycopg.connect(own, autocommit=True) as connection:
            connection.execute(SETUP.encode())
        yield own
    finally:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(POOR)))


def opened(place: str) -> psycopg.Connection[Any]:
    connection = psycopg.connect(place, autocommit=True)
    connection.execute("set lc_messages = 'C'; set deadlock_timeout = '5ms'")
    return connection


@pytest.fixture
def one(place: str) -> Iterator[psycopg.Connection[Any]]:
    with opened(place) as connection:
        yield connection


@pytest.fixture
def other(place: str) -> Iterator[psycopg.Connection[Any]]:
    with opened(place) as connection:
        yield connection


def failures(connection: psycopg.Connection[Any], block: str) -> Iterator[tuple[str, Failure]]:
    for statement in block.strip().splitlines():
        with connection.transaction(force_rollback=True):
            yield statement, failure(connection, statement)


@pytest.mark.parametrize("theme", BLOCKS)
def test_statements_fail_as_the_phrases_say(one: psycopg.Connection[Any], theme: str) -> None:
    one.execute("begin; prepare known as select 1; declare cursored cursor with hold for select 1; commit")
    if theme == "rights":
        one.execute(sql.SQL("set role {}").format(sql.Identifier(POOR)))
    found = list(failures(one, BLOCKS[theme]))
    assert [(statement, f.message, f.phrase, f.fields) for statement, f in found if wrong(f)] == []
    assert [(statement, f.message) for statement, f in found if f.phrase.sqlstate is None] == []


def test_texts_of_several_conditions_are_not_certain(one: psycopg.Connection[Any]) -> None:
    for statement, found in failures(one, UNCERTAIN):
        assert found.phrase == Phrase(), statement
        shared = shared_class(found.message, found.detail, fatal=found.fatal)
        assert shared is None or issubclass(error_class(found.fields.sqlstate), shared), statement


def test_what_the_message_does_not_tell_the_statement_or_the_hint_does(one: psycopg.Connection[Any]) -> None:
    for statement, found in failures(one, TOLD_APART):
        verb = statement.partition(" ")[0].upper()
        told = classify(found.message, found.detail, fatal=found.fatal, hint=found.hint or "", verb=verb)
        assert told.sqlstate == found.fields.sqlstate, statement
        assert found.phrase.sqlstate is None, statement


def test_names_are_found_where_the_server_gives_them(one: psycopg.Connection[Any]) -> None:
    named = [f.phrase for _, f in failures(one, INTEGRITY) if any(f.phrase[1:])]
    assert Phrase("23503", "child_parent", "child") in named
    assert Phrase("23502", None, "child", "needed") in named
    assert Phrase("23514", "positive_check") in named
    assert Phrase("23P01", "no_overlap") in named


def test_hostile_names_are_the_true_ones_or_none(one: psycopg.Connection[Any]) -> None:
    hostile = (
        '"', "x\ny", "%s", "é" * 31, "x" * 63, '" violates foreign key constraint "', '" on table "',
        '" of relation "', '" violates check constraint "',
    )  # fmt: skip
    seen = 0
    for number, name in enumerate(hostile):
        quoted = '"' + name.replace('"', '""') + '"'
        # An index shares the name space of tables.
        unique = '"i' + quoted[1:]
        with one.transaction(force_rollback=True):
            one.execute(
                f"create table {quoted} ({quoted} int constraint {unique} unique, "
                f"n int not null constraint {quoted} check (n > 0));"
                f"create table referring (n int constraint {quoted} references {quoted} ({quoted}))".encode()
            )
            one.execute(f"insert into {quoted} values (1, 1)".encode())
            one.execute("insert into referring values (1)")
            for statement in (
                f"insert into {quoted} values (1, 1)",
                f"insert into {quoted} values (2, null)",
                f"insert into {quoted} values (2, 0)",
                "insert into referring values (2)",
                f"delete from {quoted}",
            ):
                with one.transaction(force_rollback=True):
                    found = failure(one, statement)
                assert found.phrase.sqlstate == found.fields.sqlstate, (number, found)
                assert not wrong(found), (number, found)
                seen += found.phrase[1:] != (None, None, None)
    assert seen > len(hostile)


# -- transactions ---------------------------------------------------------------------------------------------


def assert_says(found: Failure, sqlstate: str) -> None:
    assert not wrong(found)
    assert found.phrase.sqlstate == sqlstate


def test_states_of_a_transaction(one: psycopg.Connection[Any]) -> None:
    assert_says(failure(one, "savepoint a"), "25P01")
    assert_says(failure(one, "rollback to a"), "25P01")
    assert_says(failure(one, "lock parent"), "25P01")
    assert_says(failure(one, "commit and chain"), "25P01")
    one.execute("begin read only")
    assert_says(failure(one, "insert into parent values (9)"), "25006")
    assert_says(failure(one, "select 1"), "25P02")
    one.execute("rollback; begin; select 1")
    assert_says(failure(one, "set transaction isolation level serializable"), "25001")
    one.execute("rollback; begin read only; select 1")
    assert_says(failure(one, "set transaction read write"), "25001")
    one.execute("rollback; begin")
    one.pgconn.exec_(b"insert into child (later) values (99)")
    assert_says(failure(one, "commit"), "23503")


def test_two_transactions_on_one_row(one: psycopg.Connection[Any], other: psycopg.Connection[Any]) -> None:
    for change in ("update parent set note = 'y' where id = 1", "delete from parent where id = 3"):
        other.execute("insert into parent values (3) on conflict do nothing")
        one.execute("begin isolation level repeatable read; select 1 from parent")
        other.execute(change.encode())
        assert_says(failure(one, change), "40001")
        one.execute("rollback")


def test_two_serializable_transactions(one: psycopg.Connection[Any], other: psycopg.Connection[Any]) -> None:
    for connection in (one, other):
        connection.execute("begin isolation level serializable; select sum(n) from parts")
    one.execute("insert into parts values (1); ")
    other.execute("insert into parts values (2)")
    one.execute("commit")
    assert_says(failure(other, "commit"), "40001")


def test_a_deadlock(one: psycopg.Connection[Any], other: psycopg.Connection[Any]) -> None:
    one.execute("begin; select 1 from parent where id = 1 for update")
    other.execute("begin; select 1 from parent where id = 2 for update")

    def wait(connection: psycopg.Connection[Any], number: int) -> Failure | None:
        try:
            return failure(connection, f"update parent set note = 'z' where id = {number}")
        except AssertionError:
            return None
        finally:
            connection.pgconn.exec_(b"rollback")

    with ThreadPoolExecutor(2) as threads:
        waits = [threads.submit(wait, one, 2), threads.submit(wait, other, 1)]
        found = [each for each in (waiting.result() for waiting in waits) if each is not None]
    assert found
    for each in found:
        assert_says(each, "40P01")


def test_locks_limits_and_cancelling(one: psycopg.Connection[Any], other: psycopg.Connection[Any]) -> None:
    other.execute("begin; select 1 from parent where id = 1 for update; lock table typed")
    assert_says(failure(one, "select 1 from parent where id = 1 for update nowait"), "55P03")
    one.execute("begin")
    assert_says(failure(one, "lock table typed nowait"), "55P03")
    one.execute("rollback")
    one.execute("set lock_timeout = '5ms'")
    assert_says(failure(one, "select 1 from parent where id = 1 for update"), "55P03")
    one.execute("set lock_timeout = 0; set statement_timeout = '5ms'")
    assert_says(failure(one, "select pg_sleep(30)"), "57014")
    one.execute("set statement_timeout = 0")
    assert_says(failure(one, "select pg_cancel_backend(pg_backend_pid()), pg_sleep(30)"), "57014")


def test_a_stale_plan(one: psycopg.Connection[Any]) -> None:
    one.execute("create temp table shape (a int); prepare p as select * from shape; alter table shape add b int")
    assert_says(failure(one, "execute p"), "0A000")


def test_a_deep_statement(one: psycopg.Connection[Any]) -> None:
    one.execute("set max_stack_depth = '100kB'")
    assert_says(failure(one, f"select {'not ' * 5000}true"), "54001")


# -- sessions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statements", "sqlstate"),
    [
        ("select pg_terminate_backend(pg_backend_pid())", "57P01"),
        ("set idle_session_timeout = '1ms'", "57P05"),
        ("begin; set idle_in_transaction_session_timeout = '1ms'", "25P03"),
    ],
)
def test_a_session_that_the_server_ends(place: str, statements: str, sqlstate: str) -> None:
    said: dict[str | None, str | None] = {}

    def listen(diag: psycopg.errors.Diagnostic) -> None:
        said[diag.sqlstate] = diag.message_primary

    with contextlib.closing(opened(place)) as connection:
        connection.add_notice_handler(listen)
        try:
            connection.execute(statements.encode())
            # What comes while nothing is under way is a notice to libpq.
            select.select([connection.pgconn.socket], [], [])
            connection.pgconn.consume_input()
            connection.pgconn.is_busy()
        except psycopg.OperationalError as error:
            listen(error.diag)
    message = said[sqlstate]
    assert message is not None
    assert classify(message, fatal=True) == classify(message) == Phrase(sqlstate)
    assert classify(message, fatal=False) == Phrase()


async def refused(dsn: str, **how: Any) -> asyncpg.PostgresError:
    with pytest.raises(asyncpg.PostgresError) as caught:
        await (await asyncpg.connect(dsn, **how)).close()
    return caught.value


async def test_connections_that_the_server_refuses(place: str, admin: psycopg.Connection[Any]) -> None:
    name = urlsplit(place).path[1:]
    admin.execute(f"alter role {POOR} login connection limit 0".encode())
    errors = [
        await refused(place, user="nobody_of_that_name"),
        await refused(place, database="nothing_of_that_name"),
        await refused(place, user=POOR),
        await refused(place, server_settings={"missing": "1"}),
        await refused(place, server_settings={"work_mem": "x"}),
        await refused(place, server_settings={"options": "-c missing"}),
        await refused(place, server_settings={"options": "--missing"}),
        await refused(place, server_settings={"options": "missing"}),
    ]
    admin.execute(f"alter role {POOR} nologin connection limit -1".encode())
    errors.append(await refused(place, user=POOR))
    admin.execute(f"alter role {POOR} login; alter database {name} connection limit 0".encode())
    errors.append(await refused(place, user=POOR))
    admin.execute(f"revoke connect on database {name} from public; alter database {name} connection limit -1".encode())
    errors.append(await refused(place, user=POOR))
    admin.execute(f"grant connect on database {name} to public; alter database {name} allow_connections false".encode())
    errors.append(await refused(place))
    admin.execute(f"alter database {name} allow_connections true".encode())
    found = [(str(error), classify(str(error), fatal=True).sqlstate) for error in errors]
    assert found == [(str(error), error.sqlstate) for error in errors]
    assert {sqlstate for _, sqlstate in found} >= {"28000", "3D000", "53300", "42704", "22023", "42501", "55000"}
