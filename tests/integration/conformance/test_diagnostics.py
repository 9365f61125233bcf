"""What people see when they look for a fault: carets in errors, and the `repr` of what they hold in their hands."""

from __future__ import annotations

import logging
import pickle
from typing import Any

import pytest

from sqlspec import SQL
from sqlspec.exceptions import SQLParsingError, SQLSpecError, UniqueViolationError
from tests.integration.harness import Flavour, needs

ALL = ("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")
TELLING = ("asyncpg", "psycopg", "psycopg-sync")
SECRET = "s3cret-value"

pytestmark = pytest.mark.only(*ALL)


async def failure_of(session: Any, sql: Any, *args: Any, method: str = "select", **named: Any) -> SQLSpecError:
    with pytest.raises(SQLSpecError) as caught:
        await getattr(session, method)(sql, *args, **named)
    return caught.value


def pointed_at(error: SQLSpecError) -> str:
    """Return the rest of the line that the caret of an error points at, and check that its position says the same."""
    assert error.excerpt is not None
    assert error.position is not None
    assert error.sql is not None
    assert f"{error.excerpt}" in str(error)
    line, caret = error.excerpt.split("\n")
    number, _, text = line.partition(": ")
    assert number == f"line {error.sql.count(chr(10), 0, error.position - 1) + 1}"
    assert caret.strip() == "^"
    rest = line[len(caret) - 1 :]
    written = error.sql[error.position - 1 :].replace("\t", " ")
    assert written.startswith(rest.split("...")[0].split("*")[0])
    assert text
    return rest


# -- the caret ------------------------------------------------------------------------------------------------

STATEMENTS: dict[str, tuple[str, tuple[Any, ...], str]] = {
    "first word": ("selct 1", (), "selct 1"),
    "numeric": ("select $1::text, nme", (SECRET,), "nme"),
    "named": ("select :a_long_name::text, nme, :b::int", ({"a_long_name": SECRET, "b": 1},), "nme, :b::int"),
    "pyformat": ("select %(name)s::text, 5 %% 2, nme", ({"name": SECRET},), "nme"),
    "format": ("select %s::text, nme", (SECRET,), "nme"),
    "qmark": ("select ?::text, ?::int, nme", (SECRET, 1), "nme"),
    "lines": ("select :a::text,\n       nme,\n       2", ({"a": SECRET},), "nme,"),
    "tabs": ("select\t:a::text,\n\t\tnme,\t2", ({"a": SECRET},), "nme, 2"),
    "windows": ("select 1,\r\n  nme\r\n", (), "nme"),
    "not ascii": ("select 'é', :a::text, nme", ({"a": SECRET},), "nme"),
    "comment behind": ("select :a::text, nme; -- the end\n", ({"a": SECRET},), "nme; -- the end"),
    "table": ("select 1 from nowhere where true", (), "nowhere where true"),
    "function": ("select nothing(1)", (), "nothing(1)"),
    "target": ("update nowhere set a = 1", (), "nowhere set a = 1"),
}


async def test_a_caret_points_at_the_users_own_text(session: Any) -> None:
    for what, (sql, args, rest) in STATEMENTS.items():
        for _ in range(2):
            error = await failure_of(session, sql, *args)
            assert pointed_at(error) == rest, what
            assert error.sql == sql
            assert SECRET not in str(error)


async def test_wide_characters_take_two_columns(session: Any) -> None:
    error = await failure_of(session, 'select 1 as "漢字😀", nme')
    assert error.excerpt == 'line 1: select 1 as "漢字😀", nme\n' + " " * 30 + "^"


async def test_the_end_of_the_text(session: Any) -> None:
    error = await failure_of(session, "select 1 where\n\n")
    assert error.excerpt == "line 1: select 1 where\n                      ^"


async def test_a_long_line_is_cut(session: Any) -> None:
    error = await failure_of(session, f"select {'1, ' * 100} nme, {'2, ' * 100} 3")
    assert pointed_at(error).startswith("nme, 2, 2")
    assert max(map(len, str(error).splitlines())) < 120


async def test_literals_of_the_statement_are_hidden(session: Any) -> None:
    error = await failure_of(session, f"select '{SECRET}', $${SECRET}$$, nme")
    assert pointed_at(error) == "nme"
    assert SECRET not in str(error)
    assert SECRET not in repr(error)


async def test_every_method_shows_it(session: Any) -> None:
    for method in ("execute", "select_one", "select_value", "select_to_arrow", "explain"):
        assert pointed_at(await failure_of(session, "select :a::text, nme", a=SECRET, method=method)) == "nme", method


async def test_batches_streams_and_statement_objects_show_it(session: Any) -> None:
    assert pointed_at(await failure_of(session, "insert into nowhere values (:a)", [{"a": 1}], method="execute_many"))
    with pytest.raises(SQLParsingError) as caught:
        async with session.select_stream("select nme, :a::int", a=1) as stream:
            async for _ in stream:
                pass
    assert pointed_at(caught.value) == "nme, :a::int"
    error = await failure_of(session, SQL("select :a::text, nme", a=SECRET).limit(3))
    assert pointed_at(error) == "nme"


async def test_scripts_and_stacks_show_it(session: Any) -> None:
    error = await failure_of(session, "select 1;\nselect nme;\nselect 2", method="execute_script")
    assert pointed_at(error) == "nme;"
    stack = [("select :a::int as x", {"a": 1}), ("select :b::text, nme", {"b": SECRET})]
    error = await failure_of(session, stack, method="execute_stack")
    assert pointed_at(error) == "nme"
    assert error.excerpt is not None
    assert error.excerpt.startswith("line 2: ")


async def test_inside_a_transaction_too(session: Any) -> None:
    for _ in range(2):
        with pytest.raises(SQLParsingError) as caught:
            async with session.transaction():
                await session.select("select :a::text, nme", a=SECRET)
        assert pointed_at(caught.value) == "nme"


TOLD = {
    "select a from (values (1)) as u (a), (values (2)) as v (a)": "a from",
    "create function f() returns int language sql as $$\n select 'abc', nme\n$$": "nme",
    "create table x (a int, b intt)": "intt)",
    "select 'abc'::int": "'***'::int",
    "select 1 + true": "+ true",
}


@pytest.mark.only(*TELLING)
async def test_a_driver_that_tells_positions_shows_all_of_them(session: Any) -> None:
    for sql, rest in TOLD.items():
        error = await failure_of(session, sql, method="execute")
        assert error.excerpt is not None, sql
        line, caret = error.excerpt.split("\n")
        assert line[len(caret) - 1 :].startswith(rest)


async def test_without_a_certain_place_there_is_no_caret(session: Any) -> None:
    await session.execute(
        "create or replace function nothing_here() returns int language plpgsql as "
        "$$begin return (select nme from pg_catalog.pg_class limit 1); end$$"
    )
    for sql in (
        "do $$begin execute 'selct 1'; end$$",
        "select 1 / 0",
        "alter table nowhere add a int",
        "select nothing_here() from (select 1) as t",
    ):
        error = await failure_of(session, sql, method="execute")
        assert (error.position, error.excerpt) == (None, None), sql
        assert "^" not in str(error)


async def test_the_fields_beside_it_stay(session: Any) -> None:
    error = await failure_of(session, "select nothing(:a::int)", a=1)
    lines = str(error).splitlines()
    assert lines[0] == f"{error.message} [{error.sqlstate}]"
    assert "\n".join(lines[1:3]) == error.excerpt
    assert lines[3] == f"hint: {error.hint}"
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.position) == (str(error), error.position)


async def test_an_error_that_is_about_rows_stays_one_line(session: Any) -> None:
    await session.execute("create table t (a int primary key)")
    await session.execute("insert into t values (1)")
    error = await failure_of(session, "insert into t values (:a)", a=1, method="execute")
    assert isinstance(error, UniqueViolationError)
    assert "\n" not in str(error)


# -- repr -----------------------------------------------------------------------------------------------------


def plain(held: Any) -> str:
    """Return the `repr` of what a facade stands for."""
    return repr(getattr(held, "_target", held))


async def test_a_config_tells_where_it_leads_and_how_busy_it_is(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=3, password=SECRET)
    name = flavour.config_class.__name__
    assert plain(config).startswith(f"{name}(postgresql://")
    assert "pool" not in plain(config)
    assert config.stats().size == 0
    assert config.pool is None
    async with config.provide_session():
        assert plain(config).endswith(", pool: 1 in use, 0 idle, 0 waiting, max_size=3)")
        pool: Any = config.pool
        assert pool.stats() == config.stats()
        assert "1 in use" in plain(pool)
    assert "0 in use, 1 idle" in plain(config)
    await config.close()
    assert plain(config).endswith(", pool: closed, max_size=3)")
    assert SECRET not in plain(config)
    assert "***" in plain(config)


async def test_a_session_tells_its_backend_and_what_it_does(flavour: Flavour) -> None:
    config = flavour.make_config()
    async with config.provide_session() as session:
        pid = await session.select_value("select pg_backend_pid()")
        assert f" of {flavour.spec.name}, backend {pid}: idle>" in plain(session)
        async with session.transaction(), session.savepoint("one"):
            text = plain(session)
            assert "idle; in a transaction opened by " in text
            assert text.endswith("; savepoints one>")
        assert plain(session).endswith(": idle>")
        assert plain(session.driver) == f"<{type(getattr(session.driver, '_target', session.driver)).__name__}: idle>"
    assert plain(session).endswith(": given back>")


@needs("concurrent_calls")
async def test_a_session_whose_connection_is_gone_says_so(config: Any, admin: Any) -> None:
    async with config.provide_session() as session:
        pid = await session.select_value("select pg_backend_pid()")
        admin.execute("select pg_terminate_backend(%s, 5000)", (pid,))
        with pytest.raises(SQLSpecError):
            await session.select("select 1")
        assert plain(session).endswith(": connection lost>")
        assert str(pid) not in plain(session)


async def test_a_result_tells_its_statement_rows_and_columns(session: Any) -> None:
    result = await session.execute("select n as id, :a::text as name from generate_series(1, 2) as n", a=SECRET)
    assert plain(result) == f"<SQLResult SELECT: 2 rows of (id, name), rows_affected={result.rows_affected}>"
    done = await session.execute("create temp table x (a int)")
    assert plain(done) == f"<SQLResult CREATE: 0 rows, rows_affected={done.rows_affected}>"
    wide = await session.execute(f"select {', '.join(f'1 as c{n}' for n in range(20))}")
    assert "(c0, c1, c2, c3, c4, c5, c6, c7, ...)" in plain(wide)
    table = await session.select_to_arrow("select 1 as a")
    assert plain(table).startswith("<ArrowResult: 1 rows, 1 columns")


async def test_a_plan_tells_its_statement_and_parameters(session: Any) -> None:
    inner = getattr(session, "_target", session)
    await session.select(f"select :a::int,\n '{SECRET}' as b", a=1)
    plan = inner._plans[f"select :a::int,\n '{SECRET}' as b"]
    assert repr(plan) == f"<Plan SELECT: \"select :a::int, '{'*' * len(SECRET)}' as b\", parameters: a>"
    await session.select("select 1")
    assert repr(inner._plans["select 1"]) == "<Plan SELECT: 'select 1', parameters: none>"


async def test_no_repr_fails_or_shows_a_value(flavour: Flavour, caplog: pytest.LogCaptureFixture) -> None:
    config = flavour.make_config(password=SECRET)
    with caplog.at_level(logging.DEBUG):
        async with config.provide_session() as session:
            inner = getattr(session, "_target", session)
            async with session.transaction() as scope:
                result = await session.execute("select :a::text", a=SECRET)
                held = [
                    config,
                    inner,
                    scope,
                    result,
                    inner._driver,
                    inner._plans,
                    config.pool,
                    SQL("select :a", a=SECRET),
                ]
                for each in held:
                    assert SECRET not in plain(each)
                    assert len(plain(each).splitlines()) == 1
    assert SECRET not in caplog.text
