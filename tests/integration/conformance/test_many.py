"""`execute_many`: all rows or none, however they are given."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from sqlspec import SQL
from sqlspec.exceptions import DataError, NotSupportedError, ParameterError, SQLSpecError, TransactionError
from tests.integration.harness import Flavour, needs

INSERT = "insert into t values ($1, $2)"
NAMED = "insert into t values (:a, :b)"


@pytest.fixture
async def table(session: Any) -> Any:
    await session.execute("create table t (a int primary key, b text)")
    return session


async def rows_of(session: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = await session.select("select a, b from t order by a", schema_type=tuple)
    return rows


class Struct(msgspec.Struct):
    a: int
    b: str | None


@dataclass
class Data:
    a: int
    b: str | None
    ignored: int = 0


Pair = namedtuple("Pair", "a b")

EXPECTED = [(1, "x"), (2, None), (3, "")]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (INSERT, [(1, "x"), (2, None), (3, "")]),
        (INSERT, [[1, "x"], [2, None], [3, ""]]),
        (INSERT, [Pair(1, "x"), Pair(2, None), Pair(3, "")]),
        (INSERT, ((1, "x"), [2, None], (3, ""))),
        ("insert into t values (%s, %s)", [(1, "x"), (2, None), (3, "")]),
        ("insert into t values (?, ?)", [(1, "x"), (2, None), (3, "")]),
        (NAMED, [{"a": 1, "b": "x"}, {"b": None, "a": 2}, {"a": 3, "b": ""}]),
        ("insert into t values (%(a)s, %(b)s)", [{"a": 1, "b": "x"}, {"a": 2, "b": None}, {"a": 3, "b": ""}]),
        (NAMED, [Struct(1, "x"), Struct(2, None), Struct(3, "")]),
        (NAMED, [Data(1, "x"), Data(2, None), Data(3, "")]),
        (NAMED, [Pair(1, "x"), Pair(2, None), Pair(3, "")]),
        (NAMED, [SimpleNamespace(a=1, b="x"), Data(2, None), {"a": 3, "b": ""}]),
        (NAMED + " -- trailing comment", [Data(1, "x"), Data(2, None), Data(3, "")]),
        (NAMED + " ;", [Data(1, "x"), Data(2, None), Data(3, "")]),
    ],
)
async def test_rows_of_every_shape(table: Any, sql: str, rows: Any) -> None:
    await table.execute_many(sql, rows)
    assert await rows_of(table) == EXPECTED


async def test_a_named_tuple_has_no_other_names_than_its_fields(table: Any) -> None:
    for name in ("count", "index", "c"):
        with pytest.raises(ParameterError, match=f"row 1: missing parameters: Pair has no attribute {name}; pass"):
            await table.execute_many(f"insert into t values (:a, :{name})", [{"a": 1, name: "x"}, Pair(2, "y")])
    assert await rows_of(table) == []


async def test_rows_are_read_lazily_and_once(table: Any) -> None:
    def generated() -> Iterator[tuple[int, str]]:
        for n in range(5000):
            yield n, str(n)

    result = await table.execute_many(INSERT, generated())
    assert result.rows_affected in (5000, None)
    assert await rows_of(table) == [(n, str(n)) for n in range(5000)]
    await table.execute_many("delete from t where a = $1", iter(range(4990)))
    assert len(await rows_of(table)) == 10


async def test_bare_values_for_a_single_placeholder(table: Any) -> None:
    await table.execute_many("insert into t values ($1, 'x')", [1, (2,), 3])
    await table.execute_many("insert into t values (:a, 'x')", [{"a": 4}])
    assert await table.select("select a from t order by a", schema_type=int) == [1, 2, 3, 4]
    await table.execute("create table lists (v int[])")
    await table.execute_many("insert into lists values ($1)", [[1, 2], [], ([3],)])
    assert await table.select("select v from lists", schema_type=list) == [[1, 2], [], [3]]


async def test_an_empty_iterable_does_nothing(table: Any) -> None:
    empty: tuple[Any, ...] = ([], (), iter(()))
    for rows in empty:
        result = await table.execute_many(INSERT, rows)
        assert result.rows_affected in (0, None)
        assert result.all() == []
    assert await rows_of(table) == []
    result = await table.execute_many("insert into t values ($1, 'x') returning a", [])
    assert result.all() == []


@needs("rows_affected")
async def test_the_count_is_the_sum_over_all_rows(table: Any) -> None:
    result = await table.execute_many(INSERT, [(n, "x") for n in range(250)])
    assert result.rows_affected == 250
    result = await table.execute_many("update t set b = $2 where a < $1", [(10, "y"), (0, "z"), (5, "w")])
    assert result.rows_affected == 15
    result = await table.execute_many("insert into t values ($1, 'x') on conflict do nothing", [1, 1000, 1001])
    assert result.rows_affected == 2
    result = await table.execute_many("delete from t where a = :a", [{"a": 1}, {"a": -1}])
    assert result.rows_affected == 1
    assert (await table.execute_many(INSERT, [])).rows_affected == 0


@needs("rows_affected")
async def test_the_count_holds_whatever_follows_the_statement(table: Any) -> None:
    for text in (" -- note", ";", " /* note */ ; ", "\n--returning a\n"):
        await table.execute("truncate t")
        assert (await table.execute_many(INSERT + text, [(1, "x"), (2, "y")])).rows_affected == 2


@needs("execute_many_returning")
async def test_returning_gives_the_rows_of_all_in_order(table: Any) -> None:
    sql = "insert into t values ($1, $2) returning a * 10 as ten, b"
    result = await table.execute_many(sql, [(3, "c"), (1, "a"), (2, "b")])
    assert result.all() == [{"ten": 30, "b": "c"}, {"ten": 10, "b": "a"}, {"ten": 20, "b": "b"}]
    assert result.rows_affected in (3, None)
    assert [column.name for column in result.columns] == ["ten", "b"]
    result = await table.execute_many("update t set b = b || '!' where a >= $1 returning a", [3, 2, 9])
    assert result.get_data(schema_type=int)[0] == 3
    assert sorted(result.get_data(schema_type=int)[1:]) == [2, 3]
    result = await table.execute_many("select $1::int + 1 as n", [1, 2])
    assert result.get_data(schema_type=int) == [2, 3]


async def test_a_table_whose_rule_replaces_the_statement(table: Any) -> None:
    await table.execute("create table other (a int)")
    await table.execute("create rule moved as on insert to t do instead insert into other values (new.a)")
    result = await table.execute_many(INSERT, [(1, "x"), (2, "y")])
    assert result.rows_affected in (None, 2)
    assert await rows_of(table) == []
    assert await table.select("select a from other order by a", schema_type=int) == [1, 2]
    await table.execute_many(INSERT, [(3, "x")])
    assert await table.select_value("select count(*) from other") == 3


RULES = {
    "instead": "create rule late as on {} to t do instead insert into other values (new.a)",
    "sometimes": "create rule late as on {} to t where new.a % 2 = 0 do instead nothing",
    "also": "create rule late as on {} to t do also insert into other values (new.a)",
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("count", [2, 30, 300])
@pytest.mark.parametrize("verb", ["insert", "update"])
async def test_a_rule_that_is_made_between_two_batches(
    table: Any, flavour: Flavour, verb: str, count: int, rule: str
) -> None:
    # What an adapter adds to count rows, such a rule forbids.
    await table.execute("create table other (a int)")
    sql = INSERT if verb == "insert" else "update t set a = $1 where b = $2"
    rows = [(n, "x" * n) for n in range(1, count + 1)]
    if verb == "update":
        await table.execute_many(INSERT, rows)
    await table.execute_many(sql, rows)

    async def dump() -> list[Any]:
        found = [await table.select(f"select a from {name} order by a", schema_type=int) for name in ("t", "other")]
        await table.execute("truncate other")
        if verb == "insert":
            await table.execute("truncate t")
        return found

    await dump()
    async with flavour.make_config().provide_session() as other:
        await other.execute(RULES[rule].format(verb))
    for row in rows:
        await table.execute(sql, row)
    expected = await dump()
    for _ in range(2):
        result = await table.execute_many(sql, rows)
        assert result.rows_affected in (None, count, count // 2, 0)
        assert await dump() == expected


@needs("rows_affected")
async def test_rows_are_counted_again_without_the_rule(table: Any) -> None:
    await table.execute("create rule nothing as on insert to t do instead nothing")
    assert (await table.execute_many(INSERT, [(1, "x"), (2, "y")])).rows_affected in (None, 0)
    await table.execute("drop rule nothing on t")
    assert (await table.execute_many(INSERT, [(1, "x"), (2, "y")])).rows_affected == 2


@pytest.mark.parametrize("out", ["", "inout "])
async def test_procedures_run_in_the_order_of_rows(table: Any, out: str) -> None:
    await table.execute("create table called (n int generated always as identity, a int)")
    body = "begin insert into called (a) values (a); end"
    await table.execute(f"create procedure p({out}a int, b text) language plpgsql as $$ {body} $$")
    for count in (20, 200):
        await table.execute("truncate called")
        result = await table.execute_many("call p($1, $2)", [(n, "x" * (n % 7)) for n in range(count)])
        assert result.rows_affected is None  # as of one call
        assert result.get_data(schema_type=tuple) == [(n,) for n in range(count) if out]
        assert await table.select("select a from called order by n", schema_type=int) == list(range(count))


# -- all or nothing -----------------------------------------------------------------------------------------

BAD_ROWS = [
    pytest.param([(10, "a"), (11, "b"), (10, "c"), (12, "d")], SQLSpecError, "duplicate key", id="server"),
    pytest.param([(10, "a"), ("x", "b"), (12, "c")], DataError, r"\$1 as int4: a str was given", id="type"),
    pytest.param([(10, "a"), (11.5, "b")], DataError, r"\$1 as int4: a float was given", id="float"),
    pytest.param([(10, "a"), (2**40, "b")], DataError, "outside", id="range"),
    pytest.param([(10, "a"), (11,)], ParameterError, "row 1: 2 parameters expected: 1 given", id="count"),
    pytest.param([(10, "a"), {"a": 1, "b": "x"}], ParameterError, "row 1: 2 parameters expected", id="shape"),
]


@pytest.mark.parametrize(("rows", "error", "words"), BAD_ROWS)
async def test_a_bad_row_in_the_middle_undoes_the_batch(
    table: Any, rows: list[Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await table.execute_many(INSERT, rows)
    assert await rows_of(table) == []
    assert not table.in_transaction
    with pytest.raises(error, match=words):
        await table.execute_many(INSERT, iter(rows))
    await table.execute_many(INSERT, [(1, "x")])
    assert await rows_of(table) == [(1, "x")]


@pytest.mark.parametrize(("rows", "error", "words"), BAD_ROWS)
async def test_a_bad_row_inside_a_transaction_undoes_the_batch_alone(
    table: Any, rows: list[Any], error: type[Exception], words: str
) -> None:
    async with table.transaction():
        await table.execute(INSERT, 1, "before")
        with pytest.raises(error, match=words):
            await table.execute_many(INSERT, rows)
        assert table.in_transaction
        await table.execute_many(INSERT, [(2, "after")])
    assert await rows_of(table) == [(1, "before"), (2, "after")]


@pytest.mark.parametrize("count", [0, 1, 3, 2000])
async def test_rows_that_raise_undo_the_batch(table: Any, count: int) -> None:
    class OwnError(Exception):
        pass

    def generated() -> Iterator[tuple[int, str]]:
        for n in range(count):
            yield n, "x"
        raise OwnError

    with pytest.raises(OwnError):
        await table.execute_many(INSERT, generated())
    assert not table.in_transaction
    assert await rows_of(table) == []
    async with table.transaction():
        await table.execute(INSERT, -1, "before")
        with pytest.raises(OwnError):
            await table.execute_many(INSERT, generated())
    assert await rows_of(table) == [(-1, "before")]


async def test_a_deferred_constraint_undoes_the_batch_at_the_end(table: Any) -> None:
    await table.execute("create table later (a int unique deferrable initially deferred)")
    with pytest.raises(SQLSpecError):
        await table.execute_many("insert into later values ($1)", [1, 2, 1])
    assert not table.in_transaction
    assert await table.select_value("select count(*) from later") == 0


async def test_a_batch_joins_the_transaction_it_runs_in(table: Any) -> None:
    class Undo(Exception):
        pass

    async def insert_and_fail() -> None:
        async with table.transaction():
            await table.execute_many(INSERT, [(1, "x"), (2, "y")])
            assert len(await rows_of(table)) == 2
            raise Undo

    with pytest.raises(Undo):
        await insert_and_fail()
    assert await rows_of(table) == []


@pytest.mark.parametrize(
    ("sql", "rows", "words"),
    [
        (NAMED, [{"a": 1, "b": "x"}, {"a": 2}], "row 1: missing parameters: b"),
        (NAMED, [{"a": 1, "b": "x", "c": 1}], "row 0: unused parameters: c"),
        (NAMED, [(1, "x")], "row 0: parameters without names given"),
        (NAMED, [SimpleNamespace(a=1)], "row 0: missing parameters: SimpleNamespace has no attribute b"),
        (INSERT, {"a": 1}, "cannot iterate over rows of parameters: dict given"),
        (INSERT, "ab", "cannot iterate over rows of parameters: str given"),
        (INSERT, 5, "cannot iterate over rows of parameters: int given"),
        (INSERT, None, "cannot iterate over rows of parameters: NoneType given"),
        (INSERT, [1, 2], "row 0: 2 parameters expected: 1 given"),
    ],
)
async def test_rows_that_do_not_fit_are_named_by_number(table: Any, sql: str, rows: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        await table.execute_many(sql, rows)
    assert not table.in_transaction
    assert await rows_of(table) == []


async def test_what_a_batch_cannot_be(table: Any, untouched: Any) -> None:
    async with untouched(table):
        with pytest.raises(ParameterError, match="parameters of its own"):
            await table.execute_many(SQL("insert into t values ($1, $2)", 1, "x"), [(1, "x")])
        with pytest.raises(TransactionError):
            await table.execute_many("commit", [()])
        with pytest.raises(NotSupportedError):
            await table.execute_many("copy t from stdin", [()])
    await table.execute_many(SQL(INSERT), [(1, "x")])
    assert await rows_of(table) == [(1, "x")]


async def test_a_statement_without_parameters_runs_once_per_row(table: Any) -> None:
    await table.execute("create table log (n int generated always as identity)")
    await table.execute_many("insert into log default values", [(), (), ()])
    assert await table.select_value("select count(*) from log") == 3


async def test_values_are_bound_by_the_types_of_the_columns(table: Any) -> None:
    await table.execute("create table kinds (n numeric(10, 2), d date, j jsonb, x int[])")
    await table.execute_many(
        "insert into kinds values ($1, $2, $3, $4)",
        [(Decimal("1.5"), "2024-02-29", {"a": 1}, [1, None]), (2, None, [1], []), (0.25, None, None, None)],
    )
    assert await table.select("select n::text, d::text, j::text, x::text from kinds", schema_type=tuple) == [
        ("1.50", "2024-02-29", '{"a": 1}', "{1,NULL}"),
        ("2.00", None, "[1]", "{}"),
        ("0.25", None, None, None),
    ]


async def test_large_rows_in_a_large_batch(table: Any) -> None:
    # More than the buffers of both sides hold: neither may wait for the other to read.
    text = "x" * 10_000
    sql = "insert into t values ($1, $2) returning b"
    result = await table.execute_many(sql, ((n, text) for n in range(1000)))
    assert len(result.all()) == 1000
    assert await table.select_value("select sum(length(b)) from t") == 10_000_000
