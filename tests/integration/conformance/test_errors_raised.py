"""SQL code may raise any SQLSTATE: the class is the same on every driver, and the session goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sqlspec.exceptions import NotSupportedError, OperationalError, SQLSpecError
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")

SETUP = """
    create table u (id int primary key, code text);
    create function fail(code text) returns int language plpgsql as
        $$ begin raise exception 'it says so' using errcode = code; end $$;
    create procedure fail_alone(code text) language plpgsql as
        $$ begin raise exception 'it says so' using errcode = code; end $$;
    create function fail_for_row() returns trigger language plpgsql as
        $$ begin perform fail(new.code); return null; end $$;
    create constraint trigger at_commit after insert on u deferrable initially deferred
        for each row when (new.id = 100) execute function fail_for_row();
    create trigger at_once before insert on u for each row when (new.id = 200) execute function fail_for_row();
"""


async def stream(session: Any, code: str) -> None:
    async with session.select_stream("select fail($1)", code) as rows:
        async for _ in rows:
            pass


async def commit(session: Any, code: str) -> None:
    async with session.transaction():
        await session.execute("insert into u values (100, $1)", code)


WAYS: dict[str, Callable[[Any, str], Awaitable[Any]]] = {
    "select": lambda s, code: s.select_value("select fail($1)", code),
    "call": lambda s, code: s.execute("call fail_alone($1)", code),
    "command": lambda s, code: s.execute(f"do $$ begin perform fail('{code}'); end $$"),
    "batch": lambda s, code: s.execute_many("select fail($1)", [(code,), (code,)]),
    "batch of inserts": lambda s, code: s.execute_many("insert into u values ($1, $2)", [(1, ""), (200, code)]),
    "stack": lambda s, code: s.execute_stack(["select 1", ("select fail($1)", code)]),
    "script": lambda s, code: s.execute_script(f"select 1; select fail('{code}')"),
    "stream": stream,
    "arrow": lambda s, code: s.select_to_arrow("select fail($1)", code),
    "load": lambda s, code: s.load_from_records("u", [(1, ""), (200, code)]),
    "commit": commit,
}


@pytest.fixture
async def prepared(session: Any) -> Any:
    await session.execute_script(SETUP)
    return session


async def assert_ordinary(session: Any, flavour: Flavour, way: str, code: str) -> None:
    """Check that an error is one as any other, at once and in a savepoint."""
    pid = await session.select_value("select pg_backend_pid()")
    with pytest.raises(OperationalError) as caught:
        await WAYS[way](session, code)
    assert type(caught.value) is OperationalError
    assert caught.value.message == "it says so"
    assert caught.value.sqlstate == (None if flavour.name == "psqlpy" else code)
    if way != "commit":
        async with session.transaction():
            await session.execute("insert into u values (2, 'before')")
            with pytest.raises(OperationalError):
                async with session.savepoint():
                    await WAYS[way](session, code)
            await session.execute("delete from u where id = 2")
    assert await session.select("select pg_backend_pid(), (select count(*) from u)", schema_type=tuple) == [(pid, 0)]


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("code", ["01004", "02000"])
async def test_codes_of_warnings_and_of_no_data(prepared: Any, flavour: Flavour, way: str, code: str) -> None:
    await assert_ordinary(prepared, flavour, way, code)


async def test_a_code_of_no_data_in_a_stack_names_the_statement(prepared: Any) -> None:
    with pytest.raises(OperationalError) as caught:
        await WAYS["stack"](prepared, "02000")
    assert "statement 1 of the stack: select fail($1)" in caught.value.__notes__


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("code", ["08001", "57P01"])
async def test_codes_of_a_lost_connection_that_lives(prepared: Any, flavour: Flavour, way: str, code: str) -> None:
    await assert_ordinary(prepared, flavour, way, code)


async def test_every_code_of_a_class(prepared: Any, flavour: Flavour) -> None:
    for code in ("01000", "02001", "08006", "08P01", "25P03", "25P04", "57P02", "57P03", "57P04", "57P05"):
        await assert_ordinary(prepared, flavour, "call", code)


async def test_an_unknown_prepared_statement_has_the_hint_of_the_server(prepared: Any, flavour: Flavour) -> None:
    with pytest.raises(OperationalError) as caught:
        await prepared.execute("execute nothing")
    error = caught.value
    told = (error.sqlstate, error.message, error.hint)
    assert told == ("26000", 'prepared statement "nothing" does not exist', None)
    for code in ("26000", "42P05"):
        with pytest.raises(SQLSpecError) as caught_too:
            await prepared.execute(
                f"do $$ begin raise exception 'it says so' using errcode = '{code}', hint = 'look there'; end $$"
            )
        assert caught_too.value.hint == "look there"


async def test_a_plan_that_must_not_change_is_told_in_the_words_of_the_server(prepared: Any) -> None:
    async with prepared.transaction():  # where nothing is prepared again
        await prepared.select("select * from u where id = $1", 1)
        with pytest.raises(NotSupportedError) as caught:
            await prepared.execute_script(
                "prepare kept as select * from u; alter table u add column more int; execute kept"
            )
        await prepared.rollback()
    assert caught.value.message == "cached plan must not change result type"
    assert await prepared.select_value("select 1") == 1
