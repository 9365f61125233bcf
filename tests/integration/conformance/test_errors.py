from __future__ import annotations

import contextlib
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import psycopg
import pytest

from sqlspec import exceptions as errors
from sqlspec.exceptions import (
    CheckViolationError,
    CommitUnknownError,
    DatabaseConnectionError,
    DataError,
    ExclusionViolationError,
    ForeignKeyViolationError,
    IntegrityError,
    MappingError,
    NotFoundError,
    NotNullViolationError,
    NotSupportedError,
    OperationalError,
    OperationCancelledError,
    ParameterError,
    PermissionDeniedError,
    QueryTimeoutError,
    SQLParsingError,
    SQLSpecError,
    TransactionError,
    UniqueViolationError,
)
from tests.integration.harness import Flavour, needs
from tests.integration.loopback import Refusing

Call = Callable[[Any], Awaitable[Any]]


class Row(msgspec.Struct):
    missing: int


class Mine(Exception):
    """An error of the user's own code."""


def rows_that_fail() -> Iterator[tuple[int, str]]:
    for number in range(500):
        yield number, "x"
    raise Mine


# Every way to fail, with the least that must be said of it. `u` has a primary key and the row 1.
FAILURES: dict[str, tuple[type[BaseException], Call]] = {
    "syntax": (SQLSpecError, lambda s: s.execute("selec 1")),
    "syntax at the end": (SQLSpecError, lambda s: s.execute("select $1::int +", 5)),
    "unknown table": (SQLSpecError, lambda s: s.select("select * from missing where a = $1", 5)),
    "unknown type": (SQLSpecError, lambda s: s.select("select $1::missing", 5)),
    "undecidable parameter": (SQLSpecError, lambda s: s.select("select $1 is null or $1 > $2 or $3", 5, 6, "x")),
    "a str for an int": (DataError, lambda s: s.select("select $1::int", "x")),
    "an int too large": (DataError, lambda s: s.select("select $1::int", 2**40)),
    "a list for an int": (DataError, lambda s: s.select("select $1::int + $2", [[1], 2])),
    "a NUL in text": (DataError, lambda s: s.select("select $1::text", "a\0b")),
    "half a character": (DataError, lambda s: s.select("select $1::text", "\ud800")),
    "refused by the type's input": (SQLSpecError, lambda s: s.select("select $1::mood", "furious")),
    "first row": (SQLSpecError, lambda s: s.select("select 1/0")),
    "tenth row": (SQLSpecError, lambda s: s.select("select 1/(10-n) from generate_series(1, 99) n")),
    "late row": (
        SQLSpecError,
        lambda s: s.select("select 1/(60000-n), repeat('x', 50) from generate_series(1, 70000) n"),
    ),
    "raised": (SQLSpecError, lambda s: s.execute("do $$ begin raise notice 'n'; raise exception 'e'; end $$")),
    "a constraint": (SQLSpecError, lambda s: s.execute("insert into u values (1, $1)", "x")),
    "a count of parameters": (ParameterError, lambda s: s.select("select $1::int, $2::int", 5)),
    "a missing name": (ParameterError, lambda s: s.select("select :a::int, :b::int", {"a": 5})),
    "two styles": (ParameterError, lambda s: s.select("select $1::int, :b::int", 5)),
    "an open quote": (SQLParsingError, lambda s: s.select("select 'x")),
    "no statement": (SQLParsingError, lambda s: s.execute("  -- nothing")),
    "two statements": (SQLParsingError, lambda s: s.execute("select 1; select 2")),
    "a data transfer": (NotSupportedError, lambda s: s.execute("copy u from stdin")),
    "a data transfer in a script": (NotSupportedError, lambda s: s.execute_script("select 1; copy u to stdout")),
    "a missing column": (MappingError, lambda s: s.select("select 1 as a", schema_type=Row)),
    "no row": (NotFoundError, lambda s: s.select_one("select 1 where false")),
    "an unreadable value": (DataError, lambda s: s.select("select 'infinity'::date as d, 1 as one")),
    "an unreadable value late": (
        DataError,
        lambda s: s.select(
            "select case n when 999 then 'infinity' else '2020-01-01'::date end from generate_series(1, 999) n"
        ),
    ),
    "a late batch row at the server": (
        SQLSpecError,
        lambda s: s.execute_many(
            "insert into u values ($1, $2)", [(n if n != 900 else 1, "x") for n in range(2, 1000)]
        ),
    ),
    "a late batch row at the client": (
        DataError,
        lambda s: s.execute_many(
            "insert into u values ($1, $2)", [(n if n != 900 else "x", "x") for n in range(2, 1000)]
        ),
    ),
    "a late batch row of the wrong size": (
        ParameterError,
        lambda s: s.execute_many("insert into u values ($1, $2)", [(n, "x")[: 2 - (n == 900)] for n in range(2, 1000)]),
    ),
    "a batch whose rows fail": (
        Mine,
        lambda s: s.execute_many("insert into u values ($1 + 1000, $2)", rows_that_fail()),
    ),
    "a batch with an unreadable value": (
        DataError,
        lambda s: s.execute_many("insert into u values ($1, 'x') returning 'infinity'::date", [5, 6]),
    ),
    "a batch with bad syntax": (SQLSpecError, lambda s: s.execute_many("insert into u value ($1)", [1])),
    "a script": (SQLSpecError, lambda s: s.execute_script("insert into u values (2, 'x'); select 1/0; select 1")),
    "a script with a syntax error": (SQLSpecError, lambda s: s.execute_script("select 1; selec 2")),
    "a stack": (SQLSpecError, lambda s: s.execute_stack(["insert into u values (2, 'x')", "select 1/0", "select 1"])),
    "a stack with a bad value": (
        DataError,
        lambda s: s.execute_stack(["insert into u values (2, 'x')", ("select $1::int", "x")]),
    ),
    "a stack with a syntax error": (SQLSpecError, lambda s: s.execute_stack(["select 1", "selec 2", "select 3"])),
    "a stack with an unreadable value": (
        DataError,
        lambda s: s.execute_stack(["select 1", "select 'infinity'::timestamptz", "select 3"]),
    ),
    "a time limit": (QueryTimeoutError, lambda s: s.select("select pg_sleep(30)", timeout=0.02)),
    "a time limit of a batch": (
        QueryTimeoutError,
        lambda s: s.execute_many("insert into u select $1, pg_sleep(30)", [2, 3], timeout=0.05),
    ),
    "a time limit of a script": (QueryTimeoutError, lambda s: s.execute_script("select pg_sleep(30)", timeout=0.02)),
    "a time limit of a stack": (
        QueryTimeoutError,
        lambda s: s.execute_stack(["select 1", "select pg_sleep(30)", "select 2"], timeout=0.05),
    ),
    "an impossible time limit": (ParameterError, lambda s: s.select("select 1", timeout=-1)),
}


@pytest.fixture
def tables(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    schema = flavour.schema
    admin.execute(f"create table {schema}.u (id int primary key, name text not null)".encode())
    admin.execute(f"insert into {schema}.u values (1, 'one')".encode())
    admin.execute(f"create type {schema}.mood as enum ('happy')".encode())


@pytest.fixture
async def session(flavour: Flavour, tables: None) -> AsyncIterator[Any]:
    async with flavour.make_config().provide_session() as opened:
        yield opened


async def assert_usable(session: Any, pid: int) -> None:
    assert await session.select_value("select $1::int + 1", 41) == 42
    assert await session.select("select id, name from u order by id") == [{"id": 1, "name": "one"}]
    async with session.transaction():
        assert (await session.execute("insert into u values ($1, $2)", 7, "x")).all() == []
        await session.rollback()
    result = await session.execute_many("delete from u where id = $1", [8, 9])
    assert result.rows_affected in (0, None)
    assert await session.select_value("select pg_backend_pid()") == pid, "the connection was replaced"


# -- usable after every error ---------------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(9))
async def test_everything_is_usable_after(flavour: Flavour, tables: None, first: int) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        pid = await session.select_value("select pg_backend_pid()")
    for name in list(FAILURES)[first::9]:
        await check_usable_after(config, pid, name)
    assert config.stats().opened == 1


async def check_usable_after(config: Any, pid: int, name: str) -> None:
    kind, call = FAILURES[name]
    async with config.provide_session() as session:
        for _ in range(2):  # the second time with everything cached
            with pytest.raises(kind):
                await call(session)
            assert not session.in_transaction
            await assert_usable(session, pid)
        await session.begin()
        await session.execute("insert into u values (5000, 'before')")
        with pytest.raises(kind):
            async with session.savepoint():
                await call(session)
        await session.execute("insert into u values (5001, 'after')")
        await session.commit()
        deleted = await session.select("delete from u where id >= 5000 returning id", schema_type=int)
        assert deleted == [5000, 5001]
        with pytest.raises(kind):
            await call(session)
    async with config.provide_session() as session:
        await assert_usable(session, pid)


async def test_five_hundred_errors_in_a_row(session: Any) -> None:
    pid = await session.select_value("select pg_backend_pid()")
    for number in range(500):
        with pytest.raises(SQLSpecError):
            await session.execute(f"select 1/(${1}::int - 1), {number % 7}", 1)
    await assert_usable(session, pid)


# -- classes --------------------------------------------------------------------------------------------------


class Case(NamedTuple):
    kind: type[SQLSpecError]
    sqlstate: str
    sql: str
    fields: dict[str, str] = {}


SETUP = """
    create table parent (id int constraint parent_key primary key);
    create table child (
        id int constraint child_parent references parent,
        kept int constraint child_kept references parent on delete restrict,
        needed int not null default 1,
        amount int constraint amount_positive check (amount > 0),
        during int4range,
        code varchar(3),
        constraint no_overlap exclude using gist (during with &&)
    );
    create domain positive as int constraint positive_check check (value > 0);
    create table typed (n positive);
    insert into parent values (1), (2);
    insert into child (id, kept, during) values (1, 2, '[1,5)');
    create view v as select 1 as a union select 2;
"""


def raised(sqlstate: str, kind: type[SQLSpecError]) -> Case:
    return Case(kind, sqlstate, f"do $$ begin raise exception 'it says so' using errcode = '{sqlstate}'; end $$")


CASES = [
    Case(UniqueViolationError, "23505", "insert into parent values (1)", {"constraint": "parent_key"}),
    Case(
        ForeignKeyViolationError,
        "23503",
        "insert into child (id) values (9)",
        {"table": "child", "constraint": "child_parent", "detail": 'Key (id)=(9) is not present in table "parent".'},
    ),
    Case(ForeignKeyViolationError, "23503", "delete from parent where id = 1", {"constraint": "child_parent"}),
    Case(ForeignKeyViolationError, "23001", "delete from parent where id = 2", {"constraint": "child_kept"}),
    Case(
        NotNullViolationError,
        "23502",
        "insert into child (needed) values (null)",
        {"table": "child", "column": "needed"},
    ),
    Case(CheckViolationError, "23514", "insert into child (amount) values (0)", {"constraint": "amount_positive"}),
    Case(CheckViolationError, "23514", "insert into typed values (-1)", {"constraint": "positive_check"}),
    Case(ExclusionViolationError, "23P01", "insert into child (during) values ('[2,3)')", {"constraint": "no_overlap"}),
    Case(DataError, "22012", "select 1/0"),
    Case(DataError, "22003", "select 2147483647 + 1"),
    Case(DataError, "22P02", "select 'x'::int"),
    Case(DataError, "22001", "insert into child (code) values ('long')"),
    Case(DataError, "22023", "select generate_series(1, 5, 0)"),
    Case(DataError, "21000", "select (select n from generate_series(1, 2) n)"),
    Case(SQLParsingError, "42601", "selec 1"),
    Case(SQLParsingError, "42P01", "select * from nowhere"),
    Case(SQLParsingError, "42703", "select nothing from parent", {"sql": "select nothing from parent"}),
    Case(
        SQLParsingError,
        "42883",
        "select nofunction(1)",
        {"hint": "No function matches the given name and argument types. You might need to add explicit type casts."},
    ),
    Case(SQLParsingError, "42P07", "create table parent (a int)"),
    Case(SQLParsingError, "3F000", "create table noschema.t (a int)"),
    Case(NotSupportedError, "0A000", "select count(*) from parent for update"),
    Case(TransactionError, "25001", "vacuum parent"),
    Case(SQLParsingError, "42704", "grant select on parent to nobody_of_that_name"),
    Case(SQLParsingError, "42704", "alter table parent owner to nobody_of_that_name"),
    Case(DataError, "22023", "set role nobody_of_that_name"),
    Case(SQLParsingError, "42704", "select 1::nosuchtype"),
    Case(SQLParsingError, "42704", "create table t (a nosuchtype)"),
    Case(DataError, "22023", "create sequence s maxvalue 0"),
    Case(DataError, "22023", "select lo_open(1, 2)"),
    Case(OperationalError, "54000", "select repeat('x', 2000000000)"),
]
RAISED = [
    raised("23000", IntegrityError),
    raised("44000", IntegrityError),
    raised("25000", TransactionError),
    raised("2D000", TransactionError),
    raised("40003", CommitUnknownError),
    raised("53100", OperationalError),
    raised("P0001", OperationalError),
    raised("XX000", OperationalError),
    raised("58030", OperationalError),
    raised("53300", DatabaseConnectionError),
    raised("28000", PermissionDeniedError),
    raised("57014", OperationCancelledError),
]


@needs("sqlstate")
async def test_server_errors_have_their_classes_and_fields(session: Any, flavour: Flavour) -> None:
    await session.execute_script(SETUP)
    await _all_as_told(session, flavour, CASES)


@needs("sqlstate")
async def test_what_user_code_raises_has_the_class_of_its_code(session: Any, flavour: Flavour) -> None:
    await _all_as_told(session, flavour, RAISED)


@needs("sqlstate")
@pytest.mark.parametrize(
    "sql",
    [
        "create table t (a int default :value)",
        "create view w as select :value::int as a",
        "alter table u alter name set default :value",
    ],
)
async def test_a_command_that_takes_no_parameters(session: Any, sql: str) -> None:
    for call in (
        lambda: session.execute(sql, value=1),
        lambda: session.execute_many(sql, [{"value": 1}, {"value": 2}]),
        lambda: session.execute_stack([(sql, {"value": 1})]),
    ):
        with pytest.raises(SQLParsingError, match=r"there is no parameter \$1") as caught:
            await call()
        assert caught.value.sqlstate == "42P02"
    assert await session.select_value("select $1::int", 5) == 5


@needs("sqlstate")
async def test_a_violation_of_uniqueness_names_its_table(session: Any) -> None:
    await session.execute("create table parent (id int primary key)")
    await session.execute("insert into parent values (1)")
    with pytest.raises(UniqueViolationError) as caught:
        await session.execute("insert into parent values (1)")
    assert caught.value.table == "parent"


async def _all_as_told(session: Any, flavour: Flavour, cases: list[Case]) -> None:
    wrong: list[object] = []
    for case in cases:
        with pytest.raises(SQLSpecError) as caught:
            async with session.transaction() if case.sql.startswith("vacuum") else contextlib.nullcontext():
                await session.execute(case.sql)
        error = caught.value
        seen = (type(error), error.sqlstate, {name: getattr(error, name) for name in case.fields})
        if seen != (case.kind, case.sqlstate, case.fields):
            wrong.append((case.sql, seen))
        assert (error.sql, error.adapter) == (case.sql, flavour.spec.name)
        assert isinstance(error.__cause__, Exception)
        assert not isinstance(error.__cause__, SQLSpecError)
        assert str(error).startswith(f"{error.message} [{case.sqlstate}]")
        assert (error.hint or "") in str(error)
    assert wrong == []


async def test_every_class_below_the_base_is_public() -> None:
    import sqlspec

    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, SQLSpecError)}
    assert kinds <= set(errors.__all__)
    assert "SQLSpecError" in sqlspec.__all__


@needs("sqlstate")
async def test_a_lacking_privilege(session: Any, flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    admin.execute(f"create role {flavour.schema}_poor".encode())
    try:
        admin.execute(f"grant usage on schema {flavour.schema} to {flavour.schema}_poor".encode())
        with pytest.raises(PermissionDeniedError) as caught:
            async with session.with_settings(role=f"{flavour.schema}_poor"):
                await session.select("select * from u")
        assert caught.value.sqlstate == "42501"
    finally:
        admin.execute(f"drop owned by {flavour.schema}_poor; drop role {flavour.schema}_poor".encode())


@needs("sqlstate")
@pytest.mark.parametrize("setting", ["statement_timeout", "lock_timeout"])
async def test_limits_of_the_server_are_timeouts(
    session: Any, flavour: Flavour, admin: psycopg.Connection[Any], setting: str
) -> None:
    sql = "select pg_sleep(30)" if setting == "statement_timeout" else "select * from u for update"
    with admin.transaction():
        admin.execute(f"select * from {flavour.schema}.u for update".encode())
        with pytest.raises(errors.SQLSpecError) as caught:
            async with session.with_settings({setting: "20ms"}):
                await session.execute(sql)
    if setting == "statement_timeout":
        assert type(caught.value) is QueryTimeoutError
        assert caught.value.sqlstate == "57014"
    else:
        assert isinstance(caught.value, OperationalError)
        assert caught.value.sqlstate == "55P03"


async def test_a_connection_that_the_server_ends(session: Any) -> None:
    with pytest.raises(DatabaseConnectionError) as caught:
        await session.execute("select pg_terminate_backend(pg_backend_pid())")
    assert caught.value.sqlstate in ("57P01", None)
    with pytest.raises(DatabaseConnectionError, match=r"cannot call select\(\): the connection was lost; open a new"):
        await session.select("select 1")


async def test_a_lost_connection_is_not_used_again(flavour: Flavour, session: Any) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as first:
        with pytest.raises(SQLSpecError):
            await first.execute("select pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(DatabaseConnectionError):
            await first.execute("select 1")
    async with config.provide_session() as second:
        assert await second.select_value("select 1") == 1
    assert config.stats().opened == 2


# -- hostile names --------------------------------------------------------------------------------------------

HOSTILE = [
    "timeout",
    "password",
    "duplicate key",
    "unique_code",
    "connection",
    "cancel",
    'a"b',
    "canceling statement due to",
]


@needs("sqlstate")
async def test_names_do_not_decide_the_class(session: Any) -> None:
    for name in HOSTILE:
        quoted = '"' + name.replace('"', '""') + '"'
        await session.execute(f"create table {quoted} ({quoted} int constraint {quoted} check ({quoted} > 0))")
        with pytest.raises(CheckViolationError) as caught:
            await session.execute(f"insert into {quoted} values (0)")
        assert (caught.value.table, caught.value.constraint) == (name, name)
        with pytest.raises(SQLParsingError):
            await session.execute(f"select * from {quoted} where missing")
        with pytest.raises(SQLParsingError):
            await session.execute(f'select {quoted[:-1]}_"')


async def test_words_of_a_raise_do_not_decide_the_class(session: Any) -> None:
    for words in (
        "canceling statement due to statement timeout",
        'duplicate key value violates unique constraint "x"',
        "terminating connection due to administrator command",
        "connection timed out",
        "cached plan must not change result type",
    ):
        with pytest.raises(OperationalError) as caught:
            await session.execute(f"do $$ begin raise exception '{words}'; end $$")
        assert type(caught.value) is OperationalError
        assert caught.value.message == words
        assert await session.select_value("select 1") == 1


# -- secrets --------------------------------------------------------------------------------------------------

SECRET = "hunter2-secret"

LEAKS: list[Call] = [
    lambda s: s.select("select $1::int", SECRET),
    lambda s: s.select("select $1::uuid", SECRET),
    lambda s: s.select("select $1::date", SECRET),
    lambda s: s.select("select $1::int[]", [SECRET]),
    lambda s: s.select("select $1::int", SECRET, SECRET),
    lambda s: s.select("select :a::int", {"a": SECRET}),
    lambda s: s.select("select :a::int, :b", {"a": SECRET}),
    lambda s: s.select("select $1::mood", SECRET),
    lambda s: s.execute("insert into u values (1, $1)", SECRET),
    lambda s: s.execute("insert into typed values ($1)", SECRET),
    lambda s: s.execute_many("insert into u values ($1, $2)", [(5, SECRET), (SECRET, SECRET)]),
    lambda s: s.execute_many("insert into u values ($1, $2)", [(5, SECRET), (1, SECRET)]),
    lambda s: s.execute_many("insert into u values ($1, $2)", [(SECRET,)]),
    lambda s: s.execute_stack([("select $1::int", SECRET)]),
    lambda s: s.select("select pg_sleep(10), $1::text", SECRET, timeout=0.02),
    lambda s: s.select("select $1::text", SECRET + "\0"),
    lambda s: s.select("select $1::text as a", SECRET, schema_type=int, validate=True),
    lambda s: s.with_settings(work_mem=SECRET).__aenter__(),
    lambda s: s.notify("c" * 64, SECRET),
]


async def test_no_value_gets_into_an_error(session: Any) -> None:
    await session.execute("create table typed (a int)")
    by_server = 0
    for call in LEAKS:
        with pytest.raises(SQLSpecError) as caught:
            await call(session)
        error = caught.value
        seen = [str(error), repr(error), *getattr(error, "__notes__", ()), error.sql or "", error.hint or ""]
        if error.__cause__ is not None and SECRET in error.message:
            by_server += 1  # the server quotes text that it could not read: those are its words
        else:
            assert SECRET not in "".join(seen)
            assert error.__cause__ is not None or SECRET not in "".join(traceback.format_exception(error))
    assert by_server <= 2


async def test_a_password_gets_into_no_error(flavour: Flavour) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    dsn = f"postgresql://someone:{SECRET}@127.0.0.1:{port}/db"
    config = flavour.make_config(dsn=dsn)
    with pytest.raises(DatabaseConnectionError) as caught:
        async with config.provide_session():
            pass
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(config)
    assert SECRET not in repr(config.settings)


# -- connecting -----------------------------------------------------------------------------------------------


async def test_an_unreachable_server(flavour: Flavour) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    config = flavour.make_config(dsn=f"postgresql://nobody@127.0.0.1:{port}/db")
    await config.open()  # without a minimum nothing is opened yet
    with pytest.raises(DatabaseConnectionError, match="cannot connect") as caught:
        async with config.provide_session():
            pass
    assert caught.value.adapter == flavour.spec.name
    assert isinstance(caught.value.__cause__, Exception)
    with pytest.raises(DatabaseConnectionError):
        await flavour.make_config(dsn=f"postgresql://nobody@127.0.0.1:{port}/db", min_size=1).open()
    assert config.stats().size == 0


async def test_an_unknown_database(flavour: Flavour, dsn: str) -> None:
    config = flavour.make_config(dsn=urlsplit(dsn)._replace(path="/no_such_database").geturl())
    with pytest.raises(DatabaseConnectionError, match="no_such_database"):
        async with config.provide_session():
            pass


async def test_too_many_connections(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    role = f"{flavour.schema}_limited"
    admin.execute(f"create role {role} login connection limit 1".encode())
    try:
        config = flavour.make_config(user=role)
        async with config.provide_session() as session:
            with pytest.raises(DatabaseConnectionError, match="too many connections"):
                async with config.provide_session():
                    pass
            assert await session.select_value("select 1") == 1
        await config.close()
    finally:
        admin.execute(f"drop role {role}".encode())


@pytest.mark.parametrize("how", [pytest.param("password", marks=needs("concurrent_calls")), "nologin", "unknown"])
async def test_a_refused_login(flavour: Flavour, admin: psycopg.Connection[Any], how: str) -> None:
    role = f"{flavour.schema}_refused"
    if how == "password":
        with Refusing("28P01", f'password authentication failed for user "{role}"') as server:
            config = flavour.make_config(
                dsn=f"postgresql://{role}:{SECRET}@127.0.0.1:{server.port}/db", sslmode="disable"
            )
            with pytest.raises(PermissionDeniedError) as caught:
                async with config.provide_session():
                    pass
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        return
    if how == "nologin":
        admin.execute(f"create role {role}".encode())
    try:
        with pytest.raises(PermissionDeniedError):
            async with flavour.make_config(user=role).provide_session():
                pass
    finally:
        admin.execute(f"drop role if exists {role}".encode())
