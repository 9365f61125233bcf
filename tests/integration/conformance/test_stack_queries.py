"""Stacks of queries that the connection knows: what more drivers can send together, so each is run twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import (
    DataError,
    ForeignKeyViolationError,
    OperationCancelledError,
    ParameterError,
    QueryTimeoutError,
    SQLParsingError,
    SQLSpecError,
)
from tests.integration.backends import until_waiting
from tests.integration.faults.proxy import Proxy
from tests.integration.harness import Flavour, needs

SLEEP = "select pg_sleep($1)"
INSERT = "insert into t values ($1, $2) returning id"


@pytest.fixture(autouse=True)
def table(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    admin.execute(f"create table {flavour.schema}.t (id int primary key, name text)".encode())


def queries(number: int, name: Any = "x", divisor: int = 1) -> list[Any]:
    return [(INSERT, (number, name)), ("select 10 / $1::int as a", divisor), "select count(*) as n from t"]


async def ids(session: Any) -> list[int]:
    found: list[int] = await session.select("select id from t order by id", schema_type=int)
    return found


# -- results --------------------------------------------------------------------------------------------------


@needs("rows_affected")
async def test_every_result_is_that_of_its_statement(session: Any) -> None:
    for number in (1, 2, 3):
        results = await session.execute_stack(queries(number, divisor=number))
        assert [result.scalar() for result in results] == [number, 10 // number, number]
        assert [result.rows_affected for result in results] == [1, 1, 1]
        assert [result.columns[0].name for result in results] == ["id", "a", "n"]


async def test_values_are_those_of_single_queries(session: Any) -> None:
    await session.execute("create type mood as enum ('low', 'high')")
    texts: list[Any] = [
        ("select $1::numeric as n, $2::timestamptz as t", (Decimal("1.50"), datetime(2026, 1, 2, tzinfo=UTC))),
        ("select $1::mood as m, array[$1]::mood[] as ms", "high"),
        ("select $1::jsonb as j, null::int as a, null::text as b", {"k": [1, None]}),
        ("select $1::bytea as b where $2", (b"\0\xff", False)),
        ("select n from generate_series(1, $1::int) n", 1000),
        "select",
    ]
    expected = []
    for entry in texts:
        text, params = entry if isinstance(entry, tuple) else (entry, ())
        result = await session.execute(text, *(params if isinstance(params, tuple) else (params,)))
        expected.append((result.columns, result.all(), result.rows_affected))
    for _ in range(2):
        results = await session.execute_stack(texts)
        assert [(result.columns, result.all(), result.rows_affected) for result in results] == expected


FIRST_COMMANDS = {
    "lock": ["lock table t in exclusive mode", ("update t set name = $1", "x")],
    "cursor": ["declare c cursor for select 1 as a", "fetch 1 from c"],
    "do": ["do $$ begin insert into t values (5) on conflict do nothing; end $$", "select count(*) as n from t"],
    "a table": [("select $1::int as id into made", 7), "select id from made", "drop table made"],
    "a function that makes a table": ["select make()", "insert into made values (1)", "drop table made"],
}


@pytest.mark.parametrize("name", FIRST_COMMANDS)
async def test_whatever_comes_first_a_stack_works_again_and_again(session: Any, name: str) -> None:
    await session.execute("create function make() returns void language sql as 'create table made (id int)'")
    for _ in range(3):
        await session.execute_stack(FIRST_COMMANDS[name])
        async with session.transaction():
            await session.execute_stack(FIRST_COMMANDS[name])


@pytest.mark.parametrize("call", ["call put($1)", "do $$ begin insert into t values (1); commit; end $$"])
async def test_what_commits_by_itself_is_refused_in_a_stack(session: Any, call: str) -> None:
    await session.execute(
        "create procedure put(n int) language plpgsql as $$ begin insert into t values (n); commit; end $$"
    )
    parameters = (5,) if "$1" in call else ()
    await session.execute(call, *parameters)
    await session.execute("select 10 / $1::int as a", 1)
    await session.execute("delete from t")
    for _ in range(2):
        with pytest.raises(SQLSpecError):
            await session.execute_stack([(call, *parameters), ("select 10 / $1::int as a", 0)])
        assert await ids(session) == []


async def test_a_table_that_hides_another_is_seen(session: Any) -> None:
    await session.execute_script("create table hidden (id int); insert into hidden values (1)")
    assert await session.select_value("select id from hidden") == 1
    stack = [("select $1::int as id into temporary hidden", 2), "select id from hidden", "drop table hidden"]
    for _ in range(2):
        assert (await session.execute_stack(stack))[1].scalar() == 2
        assert await session.select_value("select id from hidden") == 1


async def test_more_than_may_be_under_way_at_once(session: Any) -> None:
    for count, size in ((300, 10), (20, 100_000)):
        stack = [("select $1::text || $2::int as t", ("x" * size, n)) for n in range(count)]
        for _ in range(2):
            results = await session.execute_stack(stack)
            assert [result.scalar()[size:] for result in results] == [str(n) for n in range(count)]


async def test_a_setting_is_in_force_for_the_next_statement(session: Any, flavour: Flavour) -> None:
    await session.execute_script("create table pg_temp.t (id text); insert into pg_temp.t values ('temporary')")
    stack = [("select set_config('search_path', $1, true)", f"{flavour.schema}"), "select id from t"]
    plain = ["select id from t", "select 1 as a"]
    for _ in range(3):
        await session.execute_stack(plain)
        assert [result.all() for result in await session.execute_stack(stack)][1] == [{"id": "temporary"}]
        async with session.transaction():
            await session.execute_stack([("select set_config('search_path', $1, true)", f"{flavour.schema}, pg_temp")])
            assert (await session.execute_stack(plain))[0].all() == []


async def test_statements_are_run_in_their_order(session: Any) -> None:
    await session.execute("create table log (at serial, n int)")
    texts = [f"insert into log (n) values ($1 + {n}) returning n" for n in range(40)]
    for start in range(0, 1000, 100):
        results = await session.execute_stack([(text, start) for text in texts])
        assert [result.scalar() for result in results] == list(range(start, start + 40))
    found = await session.select("select n from log order by at", schema_type=int)
    assert found == [start + n for start in range(0, 1000, 100) for n in range(40)]


@pytest.mark.parametrize("verb", ["insert", "update", "delete", "merge"])
@needs("rows_affected")
async def test_rows_that_were_changed_are_counted(session: Any, verb: str) -> None:
    texts = {
        "insert": "insert into t select n from generate_series(1, $1::int) n on conflict do nothing",
        "update": "update t set name = 'x' where id <= $1",
        "delete": "delete from t where id <= $1",
        "merge": "merge into t using (select $1::int as n) s on id = n when matched then delete",
    }
    for _ in range(3):
        await session.execute("insert into t select n from generate_series(1, 5) n on conflict do nothing")
        results = await session.execute_stack([(texts[verb], 3), "select 1 as a"])
        assert results[0].rows_affected == {"insert": 0, "merge": 1}.get(verb, 3)
        assert results[0].all() == []
        assert results[1].scalar() == 1


@pytest.mark.parametrize(
    "more", [[], ["insert into t values (1) on conflict do nothing", "set local work_mem = '5MB'"]]
)
async def test_many_types_that_have_changed_are_noticed_at_once(
    session: Any, flavour: Flavour, admin: psycopg.Connection[Any], more: list[str]
) -> None:
    stack = [*(f"select id, {n} as n from t" for n in range(8)), *more]
    for _ in range(2):
        await session.execute_stack(stack)
    admin.execute(f"alter table {flavour.schema}.t alter id type text".encode())
    failures = 0
    for _ in range(3):
        try:
            await session.execute_stack(stack)
        except SQLSpecError:
            failures += 1
    assert failures <= 1


async def test_a_type_that_has_changed_is_noticed(
    session: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    stack: list[Any] = ["select id, name from t", ("select $1::text as a", "x")]
    for _ in range(2):
        await session.execute_stack(stack)
    admin.execute(f"alter table {flavour.schema}.t alter id type text".encode())
    admin.execute(f"insert into {flavour.schema}.t values ('one', 'a')".encode())
    for attempt in range(2):
        try:
            results = await session.execute_stack(stack)
        except SQLSpecError as error:
            assert attempt == 0, "the outdated statement was kept"
            assert error.__notes__ == ["statement 0 of the stack: select id, name from t"]
        else:
            assert results[0].all() == [{"id": "one", "name": "a"}]


# -- all or nothing -------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[type[SQLSpecError], list[Any], int]] = {
    "at the server": (SQLSpecError, queries(2, divisor=0), 1),
    "the first": (SQLSpecError, queries(1), 0),
    "a value": (DataError, [*queries(2), ("select 10 / $1::int as a", "ten")], 3),
    "a count": (ParameterError, [*queries(2), ("select 10 / $1::int as a", (1, 2))], 3),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("nested", [False, True])
async def test_a_failure_undoes_the_whole_stack(session: Any, name: str, nested: bool) -> None:
    kind, stack, index = REFUSED[name]
    await session.execute_stack(queries(1))
    if nested:
        await session.begin()
        await session.execute("insert into t values (100)")
    for _ in range(2):
        with pytest.raises(kind) as caught:
            await session.execute_stack(stack)
        assert [note for note in caught.value.__notes__ if note.startswith(f"statement {index} of the stack")]
        assert session.in_transaction is nested
        (result,) = await session.execute_stack(["select 7 as a"])
        assert result.scalar() == 7
    if nested:  # the stack alone is undone
        await session.execute("insert into t values (101)")
        await session.commit()
    assert await ids(session) == ([1, 100, 101] if nested else [1])


UNREADABLE = "select date '294276-01-01' + $1::int as day"


FIRST: dict[str, str] = {
    "a change": "insert into t values ($1) returning id",
    "a function that changes": "select put($1) as id",
    "a query": "select $1::int as id",
}


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("nested", [False, True])
async def test_a_value_that_python_cannot_hold_undoes_the_stack(session: Any, first: str, nested: bool) -> None:
    await session.execute(
        "create function put(int) returns int language sql as 'insert into t values ($1) returning id'"
    )

    def stack(number: int, days: int) -> list[Any]:
        return [(FIRST[first], number), (UNREADABLE, days), "select 1 as a"]

    for number in (1, 2):  # to know them all
        assert (await session.execute_stack(stack(number, -105_000_000)))[0].scalar() == number
    before = await ids(session)
    if nested:
        await session.begin()
        await session.execute("insert into t values (100)")
    with pytest.raises(DataError, match="year") as caught:
        await session.execute_stack(stack(3, 1))
    assert [note for note in caught.value.__notes__ if note.startswith("statement 1 of the stack")]
    if nested:
        await session.execute("insert into t values (101)")
        await session.commit()
    assert await ids(session) == before + ([100, 101] if nested else [])


@needs("sqlstate")
async def test_a_constraint_that_is_checked_at_the_end(session: Any) -> None:
    await session.execute("create table child (id int references t deferrable initially deferred)")
    child = "insert into child values ($1) returning id"
    await session.execute_stack([*queries(1), (child, 1)])
    for _ in range(2):
        with pytest.raises(ForeignKeyViolationError) as caught:
            await session.execute_stack([(child, 9), *queries(2)])
        assert caught.value.constraint == "child_id_fkey"
        assert not hasattr(caught.value, "__notes__")
        assert await ids(session) == [1]
        assert (await session.execute_stack(["select 7 as a"]))[0].scalar() == 7


@pytest.mark.parametrize("stack", [[()], [("select 1",), ()]])
async def test_an_empty_tuple_is_no_statement(session: Any, stack: list[Any]) -> None:
    with pytest.raises(SQLParsingError, match="tuple given") as caught:
        await session.execute_stack(stack)
    assert caught.value.__notes__ == [f"statement {len(stack) - 1} of the stack"]


async def test_a_limit_is_that_of_the_whole_stack(session: Any) -> None:
    stack = [*queries(1), *[(SLEEP, 0.0)] * 4]
    await session.execute_stack(stack)
    slow = [*queries(2), *[(SLEEP, 0.3)] * 4]
    with pytest.raises(QueryTimeoutError):
        await session.execute_stack(slow, timeout=0.7)
    assert await ids(session) == [1]
    results = await session.execute_stack(queries(2), timeout=30)
    assert [result.scalar() for result in results] == [2, 10, 2]


async def slow(session: Any, nested: bool) -> None:
    """Run a stack that sleeps; inside a transaction, commit that when the stack has failed."""
    stack = [*queries(2), (SLEEP, 30.0)]
    if not nested:
        await session.execute_stack(stack)
        return
    async with session.transaction():
        try:
            await session.execute_stack(stack)
        except OperationCancelledError:
            return


async def test_a_limit_shorter_than_the_users_own_comes_first(session: Any) -> None:
    await session.execute("set statement_timeout = '500ms'")
    slow = [(SLEEP, 0.3)] * 4
    for _ in range(2):
        with pytest.raises(QueryTimeoutError):
            await session.execute_stack(slow, timeout=0.7)
    assert await session.select_value("show statement_timeout") == "500ms"
    assert len(await session.execute_stack([(SLEEP, 0.0)] * 4, timeout=1e9)) == 4


@pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro")
@pytest.mark.parametrize("nested", [False, True])
async def test_a_request_to_stop_undoes_the_stack(session: Any, admin: psycopg.Connection[Any], nested: bool) -> None:
    await session.execute_stack([*queries(1), (SLEEP, 0.0)])
    pid = await session.select_value("select pg_backend_pid()")
    call = asyncio.ensure_future(slow(session, nested))
    await until_waiting(admin, pid, "PgSleep", call)
    await session.cancel()
    if nested:
        await call
    else:
        with pytest.raises(OperationCancelledError):
            await call
    assert not session.in_transaction
    assert await ids(session) == [1]


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
@pytest.mark.parametrize("nested", [False, True])
async def test_a_task_that_is_cancelled_undoes_the_stack(
    session: Any, admin: psycopg.Connection[Any], nested: bool
) -> None:
    await session.execute_stack([*queries(1), (SLEEP, 0.0)])
    pid = await session.select_value("select pg_backend_pid()")
    call = asyncio.ensure_future(slow(session, nested))
    await until_waiting(admin, pid, "PgSleep", call)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not session.in_transaction
    assert await ids(session) == [1]


# -- the wire -------------------------------------------------------------------------------------------------

TRIPS = {"psycopg": (1, 1), "pyro_postgres": (2, 4)}
"""Outside and inside a transaction. pyro-postgres asks for a second answer, and has a savepoint set and released."""


@needs("stack_in_one_trip")
async def test_known_queries_are_sent_together(flavour: Flavour, proxy: Proxy) -> None:
    config = flavour.make_config(dsn=proxy.dsn, max_size=1)
    async with config.provide_session() as session:

        async def turns(stack: list[Any]) -> int:
            before = proxy.turns
            await session.execute_stack(stack)
            return proxy.turns - before

        stack: list[Any] = [("select $1::int as a", n) for n in range(20)]
        await session.execute_stack(stack)
        threaded = (
            flavour.spec.name == "psqlpy"
        )  # what is sent in one piece is up to its threads, and they to the machine
        plain = min([await turns(stack) for _ in range(10 if threaded else 1)])
        await session.begin()
        nested = min([await turns(stack) for _ in range(10 if threaded else 1)])
        await session.rollback()
    if flavour.spec.name in TRIPS:
        assert (plain, nested) == TRIPS[flavour.spec.name]
    elif threaded:
        assert max(plain, nested) < len(stack)
    else:
        assert min(plain, nested) >= len(stack) + 2
