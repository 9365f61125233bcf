"""The select family and the results of `execute`."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest

from sqlspec import SQL
from sqlspec.exceptions import (
    MappingError,
    MultipleResultsFoundError,
    NotFoundError,
    NotSupportedError,
    ParameterError,
    SQLParsingError,
    TransactionError,
)
from sqlspec.values import Range
from tests.integration.harness import needs

NONE = "select 1 as a where false"
ONE = "select 1 as a, 'x' as b"
TWO = "select n as a, 'x' as b from generate_series(1, 2) as n order by n"
NULL = "select null::int as a"


# -- rows ---------------------------------------------------------------------------------------------------


async def test_select_gives_every_row_in_order_as_dict(session: Any) -> None:
    assert await session.select(NONE) == []
    assert await session.select(ONE) == [{"a": 1, "b": "x"}]
    rows = await session.select("select n, n * n as square from generate_series(1, 1000) as n order by n desc")
    assert rows == [{"n": n, "square": n * n} for n in range(1000, 0, -1)]
    assert type(rows) is list
    assert type(rows[0]) is dict
    assert list(rows[0]) == ["n", "square"]


async def test_select_one_wants_exactly_one_row(session: Any) -> None:
    assert await session.select_one(ONE) == {"a": 1, "b": "x"}
    with pytest.raises(NotFoundError, match="one row expected: none found"):
        await session.select_one(NONE)
    with pytest.raises(MultipleResultsFoundError, match="one row expected: 2 found"):
        await session.select_one(TWO)


async def test_select_one_or_none_wants_at_most_one_row(session: Any) -> None:
    assert await session.select_one_or_none(ONE) == {"a": 1, "b": "x"}
    assert await session.select_one_or_none(NONE) is None
    with pytest.raises(MultipleResultsFoundError):
        await session.select_one_or_none(TWO)


async def test_select_value_gives_the_first_column(session: Any) -> None:
    assert await session.select_value(ONE) == 1
    assert await session.select_value(NULL) is None
    with pytest.raises(NotFoundError):
        await session.select_value(NONE)
    with pytest.raises(MultipleResultsFoundError):
        await session.select_value(TWO)
    with pytest.raises(NotFoundError, match="no columns"):
        await session.select_value("select")


async def test_select_value_or_none_does_not_tell_null_from_absence(session: Any) -> None:
    assert await session.select_value_or_none(ONE) == 1
    assert await session.select_value_or_none(NULL) is None
    assert await session.select_value_or_none(NONE) is None
    with pytest.raises(MultipleResultsFoundError):
        await session.select_value_or_none(TWO)


async def test_rows_without_columns_are_counted(session: Any) -> None:
    assert await session.select("select from generate_series(1, 3)") == [{}, {}, {}]
    assert await session.select("select") == [{}]


async def test_a_statement_without_rows_gives_none(session: Any) -> None:
    assert await session.select("create table t (a int)") == []
    assert await session.select("insert into t values (1)") == []
    with pytest.raises(NotFoundError):
        await session.select_one("insert into t values (2)")
    assert await session.select_value("select count(*) from t") == 2


async def test_one_row_of_a_statement_without_rows_is_refused_as_what_it_is(session: Any) -> None:
    words = r"the statement has run and returns no columns; use execute\(\)"
    for number, method in enumerate((session.select_value, session.select_one)):
        with pytest.raises(NotFoundError, match=words):
            await method(f"create table t{number} (a int)")
        with pytest.raises(NotFoundError, match=words):
            await method(SQL(f"insert into t{number} values (:n)", n=1))
        assert await session.select_value(f"select a from t{number}") == 1
    result = await session.execute("update t0 set a = 2")
    for read in (result.one, result.scalar):
        with pytest.raises(NotFoundError, match=words):
            read()
    assert result.one_or_none() is result.scalar_or_none() is None
    with pytest.raises(NotFoundError, match="none found"):
        await session.select_one("update t0 set a = 3 where a = 9 returning a")


async def test_names_of_columns_stay_as_they_are(session: Any) -> None:
    row = await session.select_one(
        'select 1 as "A b", 2 as "select", 3 as "ünï", 4 as "a.b", 5 as "x\'\'\\", 6 as """q""", 7'
    )
    assert row == {"A b": 1, "select": 2, "ünï": 3, "a.b": 4, "x''\\": 5, '"q"': 6, "?column?": 7}


async def test_many_columns(session: Any) -> None:
    columns = ", ".join(f"{n} as c{n}" for n in range(300))
    assert await session.select_one(f"select {columns}") == {f"c{n}": n for n in range(300)}


@needs("duplicate_columns")
async def test_two_columns_of_one_name_are_refused_as_dict_and_kept_as_tuple(session: Any) -> None:
    sql = "select 1 as a, 2 as b, 3 as a"
    for call in (session.select, session.select_one):
        with pytest.raises(MappingError, match="2 columns are named 'a'") as caught:
            await call(sql)
        assert caught.value.column == "a"
    assert await session.select(sql, schema_type=tuple) == [(1, 2, 3)]
    result = await session.execute(sql)
    assert [column.name for column in result.columns] == ["a", "b", "a"]
    assert result.get_data(schema_type=tuple) == [(1, 2, 3)]
    assert result.scalar() == 1
    with pytest.raises(MappingError):
        result.all()


async def test_no_column_of_two_with_one_name_is_dropped_silently(session: Any) -> None:
    with pytest.raises(MappingError, match="2 columns are named 'a'"):
        await session.select("select 1 as a, 2 as a")
    assert await session.select_value("select 1") == 1


# -- statements of every kind that return rows --------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("values (1, 'a'), (2, 'b')", [{"column1": 1, "column2": "a"}, {"column1": 2, "column2": "b"}]),
        ("table things", [{"id": 1, "name": "one"}]),
        ("show search_path", None),
        ("explain select 1", None),
        ("explain (format json) select 1", None),
        ("insert into things values (2, 'two') returning *", [{"id": 2, "name": "two"}]),
        ("update things set name = 'uno' returning name", [{"name": "uno"}]),
        ("delete from things returning id", [{"id": 1}]),
        ("merge into things using (values (1)) as v(i) on id = i when matched then delete returning id", [{"id": 1}]),
        ("with gone as (delete from things returning *) select name from gone", [{"name": "one"}]),
        ("with a as (select 1 as n) insert into things select n + 5, 'six' from a returning id", [{"id": 6}]),
        ("call double(21)", [{"n": 42}]),
        ("execute prepared(20)", [{"sum": 21}]),
        ("(select 1 as a) union all (select 2) order by a", [{"a": 1}, {"a": 2}]),
        ("/* hint */ -- comment\n select 1 as a", [{"a": 1}]),
    ],
)
async def test_every_kind_of_statement_gives_its_rows(
    session: Any, sql: str, rows: list[dict[str, Any]] | None
) -> None:
    await session.execute_script(
        """
        create table things (id int, name text);
        insert into things values (1, 'one');
        create procedure double(inout n int) language plpgsql as $$ begin n := n * 2; end $$;
        prepare prepared(int) as select $1 + 1 as sum;
        """
    )
    found = await session.select(sql)
    assert found
    assert rows is None or found == rows


async def test_a_cursor_of_plain_sql(session: Any) -> None:
    async with session.transaction():
        await session.execute("declare c cursor for select n from generate_series(1, 5) as n")
        assert await session.select("fetch 2 from c", schema_type=int) == [1, 2]
        await session.execute("move 1 in c")
        assert await session.select("fetch all from c", schema_type=int) == [4, 5]


async def test_a_do_block_and_a_void_function(session: Any) -> None:
    await session.execute("do $$ begin perform 1; end $$")
    assert await session.select_value("select pg_notify('nobody', '')") is None


# -- results of execute -------------------------------------------------------------------------------------


async def test_execute_chains_to_the_methods_of_its_result(session: Any) -> None:
    assert await session.execute(TWO).all() == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
    assert await session.execute(TWO).get_data() == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
    assert await session.execute(TWO).get_data(schema_type=tuple) == [(1, "x"), (2, "x")]
    assert await session.execute(ONE).one() == {"a": 1, "b": "x"}
    assert await session.execute(NONE).one_or_none() is None
    assert await session.execute(TWO).first() == {"a": 1, "b": "x"}
    assert await session.execute(NONE).first() is None
    assert await session.execute(ONE).scalar() == 1
    assert await session.execute(NONE).scalar_or_none() is None
    assert await session.execute("select $1::int as a", 5).one() == {"a": 5}
    with pytest.raises(NotFoundError):
        await session.execute(NONE).one()
    with pytest.raises(NotFoundError):
        await session.execute(NONE).scalar()
    with pytest.raises(MultipleResultsFoundError):
        await session.execute(TWO).one_or_none()
    with pytest.raises(MultipleResultsFoundError):
        await session.execute(TWO).scalar_or_none()


async def test_execute_returns_a_coroutine_for_tasks(session: Any) -> None:
    call = session.execute("select 1")
    assert isinstance(call, Coroutine)
    assert (await asyncio.create_task(call)).scalar() == 1
    results = await asyncio.gather(*(session.execute("select $1::int", n) for n in range(5)))
    assert [result.scalar() for result in results] == list(range(5))
    session.execute("select 1 / 0").close()  # never run, and no warning


async def test_a_result_can_be_read_in_every_way_again_and_again(session: Any) -> None:
    result = await session.execute(TWO)
    assert result.verb == "SELECT"
    assert [column.name for column in result.columns] == ["a", "b"]
    assert [column.oid for column in result.columns] == [23, 25]
    assert len(result) == 2
    assert [row["a"] for row in result] == [1, 2]
    assert result.all() == result.get_data() == list(result)
    assert result.get_data(schema_type=tuple) == [(1, "x"), (2, "x")]
    assert result.first() == {"a": 1, "b": "x"}
    with pytest.raises(MultipleResultsFoundError):
        result.one()
    assert "2 rows" in repr(result)


async def test_a_result_can_be_copied_and_pickled(session: Any) -> None:
    sql = "select a, array[a, 2] as b, '1.50'::numeric as c, '(,5)'::int4range as d from generate_series(1, 2) as a"
    result = await session.execute(sql)
    clones = [pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)]
    result.all()
    clones += [pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)]
    for clone in clones:
        assert clone.all() == result.all()
        assert clone.get_data(schema_type=tuple) == result.get_data(schema_type=tuple)
        assert (clone.columns, clone.verb, clone.rows_affected) == (result.columns, result.verb, result.rows_affected)
        assert {type(value) for row in clone for value in row.values()} == {int, list, Decimal, Range}
    clones[-1].all()[0]["b"].append(3)
    assert result.first()["b"] == [1, 2]
    typed = pickle.loads(pickle.dumps(await session.execute("select 1 as a", schema_type=int)))
    assert (typed.one(), typed.scalar()) == (1, 1)
    done = pickle.loads(pickle.dumps(await session.execute("create table t (a int)")))
    assert (done.all(), done.verb, done.columns) == ([], "CREATE", ())


@pytest.mark.parametrize(
    ("sql", "verb"),
    [
        ("select 1", "SELECT"),
        ("  /* x */ Values (1)", "VALUES"),
        ("with a as (select 1) select * from a", "SELECT"),
        ("create table t (a int)", "CREATE"),
        ("show search_path", "SHOW"),
    ],
)
async def test_a_result_knows_its_verb(session: Any, sql: str, verb: str) -> None:
    assert (await session.execute(sql)).verb == verb


async def test_an_empty_result_is_true_and_has_no_rows(session: Any) -> None:
    result = await session.execute(NONE)
    assert result
    assert len(result) == 0
    assert result.all() == []


@needs("columns_when_empty")
async def test_an_empty_result_has_its_columns(session: Any) -> None:
    result = await session.execute("select 1::int8 as a, null::text as b, 'x'::varchar(3) as c where false")
    assert [(column.name, column.oid) for column in result.columns] == [("a", 20), ("b", 25), ("c", 1043)]


# -- SQL objects --------------------------------------------------------------------------------------------


async def test_filters_of_an_sql_object(session: Any) -> None:
    base = SQL("select n, n % 3 as rest from generate_series(1, 20) as n where n > $1", 5)
    assert await session.select(base.where(rest=0).order_by("n", desc=True).limit(2)) == [
        {"n": 18, "rest": 0},
        {"n": 15, "rest": 0},
    ]
    assert await session.select_value(base.count()) == 15
    assert await session.select_value(base.where("rest = $1 or n = $2", 1, 6).count()) == 6


async def test_a_page_with_its_total(session: Any) -> None:
    query = SQL("select n from generate_series(1, 45) as n where n > :least", least=5).order_by("n")
    rows, total = await session.select_with_total(query.paginate(page=2, page_size=10), schema_type=int)
    assert (rows, total) == (list(range(16, 26)), 40)
    rows, total = await session.select_with_total(query.paginate(page=9, page_size=10))
    assert (rows, total) == ([], 40)
    with pytest.raises(ParameterError, match="it needs an SQL object"):
        await session.select_with_total("select 1")


# -- what is not one statement ------------------------------------------------------------------------------


NO_STATEMENT: list[tuple[str, type[Exception], str]] = [
    ("", SQLParsingError, "no statement"),
    ("  -- nothing\n ; ", SQLParsingError, "no statement"),
    ("select 1; select 2", SQLParsingError, r"2 statements in one text; use execute_script"),
    ("begin", TransactionError, "BEGIN is transaction control"),
    ("START TRANSACTION", TransactionError, "START is transaction control"),
    ("commit", TransactionError, "COMMIT"),
    ("/* x */ end", TransactionError, "END"),
    ("rollback", TransactionError, "ROLLBACK"),
    ("abort", TransactionError, "ABORT"),
    ("savepoint a", TransactionError, "SAVEPOINT"),
    ("release a", TransactionError, "RELEASE"),
    ("rollback to a", TransactionError, "ROLLBACK"),
    ("copy t from stdin", NotSupportedError, "load_from_arrow"),
    ("copy (select 1) to stdout", NotSupportedError, "load_from_arrow"),
]


async def test_what_no_statement_is_must_go_elsewhere(session: Any, untouched: Any) -> None:
    async with untouched(session):
        for sql, error, words in NO_STATEMENT:
            for method in (session.select, session.select_value, session.execute):
                with pytest.raises(error, match=words):
                    await method(sql)
    assert not session.in_transaction


async def test_a_server_error_leaves_the_session_usable(session: Any) -> None:
    for sql in ("selec 1", "select * from nowhere", "select 1 / 0", "select 'x'::int"):
        for _ in range(2):
            with pytest.raises(Exception, match=r"syntax|exist|zero|invalid") as caught:
                await session.select(sql)
            assert getattr(caught.value, "sql", None) == sql
        assert await session.select_value("select 1") == 1
