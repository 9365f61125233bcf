"""Filtered statements on a server, compared with the same filters applied in Python."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlspec.core.filters import BeforeAfter, InCollection, OrderBy, Search
from sqlspec.core.plan import Compiler
from sqlspec.core.scan import scan
from sqlspec.core.statement import SQL

ROWS = [
    (1, "Ann", 30, None),
    (2, "bob", 20, "x"),
    (3, "100%", 20, "y"),
    (4, "a_c", None, None),
    (5, "abc", 40, "x"),
    (6, "back\\slash", 10, "z"),
]
PLACEHOLDERS: dict[str | None, str] = {"qmark": "?", "format": "%s", "pyformat": "%(low)s"}

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    dsn = os.environ.get("SQLSPEC_TEST_DSN") or request.getfixturevalue("sqlspec_postgres")
    with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.RawCursor) as opened:
        opened.execute("create temp table people (id int, name text, age int, tag text, data jsonb)")
        for row in ROWS:
            opened.execute("insert into people values ($1, $2, $3, $4, '{}')", row)
        yield opened


def fetch(connection: Connection, statement: SQL) -> list[tuple[Any, ...]]:
    """Run a statement as a session would: compiled to `$n`, then bound."""
    text, params, named = statement.render()
    plan = Compiler().plan(text)
    return connection.execute(plan.sql.encode(), plan.bind(params, named)).fetchall()


def ids(connection: Connection, statement: SQL) -> list[int]:
    return [row[0] for row in fetch(connection, statement)]


BASES = [
    SQL("select id, name, age, tag from people where id > $1 and id > $1", 0),
    SQL("select id, name, age, tag from people where id > ?", 0),
    SQL("select id, name, age, tag from people where not data ?? 'k' and id > ? order by id desc limit 100", 0),
    SQL("select id, name, age, tag from people where id %% 100 > %s", 0),
    SQL("select id, name, age, tag from people where id > :limit and id > :where", limit=0, where=0),
    SQL("select id, name, age, tag from people where id > %(x)s -- %(y)s", x=0),
    SQL("select id, name, age, tag from people where not data ? 'k' -- all; \n ;"),
    SQL("select id, name, age, tag from people union select id, name, age, tag from people limit 1000"),
    SQL("with p as (select * from people limit 100) select id, name, age, tag from p"),
    SQL("(select id, name, age, tag from people order by age offset 0)"),
    SQL("select id, name, age, tag from people for update"),
    SQL("select id, name, age, tag from people fetch first 50 rows only"),
]


@pytest.fixture(params=BASES, ids=range(len(BASES)))
def base(request: pytest.FixtureRequest) -> SQL:
    statement: SQL = request.param
    return statement


@st.composite
def chains(draw: st.DrawFn) -> list[tuple[str, Any]]:
    age = st.sampled_from([10, 20, 30, 99])
    step = st.one_of(
        st.tuples(st.just("tag"), st.sampled_from(["x", "y", None])),
        st.tuples(st.just("ages"), st.lists(age, max_size=2)),
        st.tuples(st.just("not_ages"), st.lists(age, max_size=2)),
        st.tuples(st.just("between"), st.tuples(age, age, st.booleans())),
        st.tuples(st.just("search"), st.tuples(st.sampled_from(["a", "%", "_", "\\", "B"]), st.booleans())),
        st.tuples(st.just("where"), st.integers(0, 6)),
        st.tuples(st.just("limit"), st.integers(0, 7)),
        st.tuples(st.just("offset"), st.integers(0, 7)),
        st.tuples(st.just("page"), st.tuples(st.integers(1, 3), st.integers(1, 4))),
    )
    return draw(st.lists(step, max_size=5))


def applied(statement: SQL, chain: list[tuple[str, Any]]) -> tuple[SQL, list[tuple[Any, ...]], int]:
    """Return the filtered statement, its expected rows by id, and how many there are without limit."""
    rows = list(ROWS)
    limit, offset = None, 0
    for kind, value in chain:
        if kind == "tag":
            statement, rows = statement.where(tag=value), [row for row in rows if row[3] == value]
        elif kind == "ages":
            statement = statement.filter(InCollection("age", value))
            rows = [row for row in rows if row[2] in value]
        elif kind == "not_ages":
            statement = statement.filter(InCollection("age", value, negate=True))
            rows = [row for row in rows if not value or (row[2] is not None and row[2] not in value)]
        elif kind == "between":
            low, high, inclusive = value
            statement = statement.filter(BeforeAfter("age", high, low, inclusive))
            rows = [
                row
                for row in rows
                if row[2] is not None and (low < row[2] < high or (inclusive and low <= row[2] <= high))
            ]
        elif kind == "search":
            text, ignore = value
            statement = statement.filter(Search(("name", "tag"), text, ignore_case=ignore))
            rows = [
                row
                for row in rows
                if any((text.lower() in cell.lower()) if ignore else (text in cell) for cell in (row[1], row[3] or ""))
            ]
        elif kind == "where":
            # In the statement's own style, with a comment that must not swallow what follows.
            placeholder = PLACEHOLDERS.get(scan(statement.text).style, "$1")
            named = {"low": value} if "low" in placeholder else {}
            statement = statement.where(
                f"id > {placeholder} or false -- or true", *(() if named else (value,)), **named
            )
            rows = [row for row in rows if row[0] > value]
        elif kind == "limit":
            statement, limit = statement.limit(value), value
        elif kind == "offset":
            statement, offset = statement.offset(value), value
        else:
            page, size = value
            statement, limit, offset = statement.paginate(page, size), size, (page - 1) * size
    shown = rows[offset:]
    return statement.order_by("id"), shown if limit is None else shown[:limit], len(rows)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chain=chains())
def test_rows_counts_and_totals(connection: Connection, base: SQL, chain: list[tuple[str, Any]]) -> None:
    statement, expected, total = applied(base, chain)
    assert fetch(connection, statement) == expected
    assert fetch(connection, statement.count()) == [(len(expected),)]
    assert fetch(connection, statement.total()) == [(total,)]


@pytest.mark.parametrize("desc", [False, True])
@pytest.mark.parametrize("nulls", [None, "first", "last"])
def test_order(connection: Connection, base: SQL, desc: bool, nulls: Any) -> None:
    null_first = desc if nulls is None else nulls == "first"
    expected = sorted(
        ROWS,
        key=lambda row: ((row[2] is None) is not null_first, (row[2] or 0) * (-1 if desc else 1), row[0]),
    )
    statement = base.filter(OrderBy("age", desc, nulls)).order_by("id")
    assert ids(connection, statement) == [row[0] for row in expected]


def test_limit_keeps_the_order_of_the_statement(connection: Connection) -> None:
    for clause in ("order by id desc", "order by id desc limit 4"):
        statement = SQL(f"select id from people {clause}")
        assert ids(connection, statement.limit(2)) == [6, 5]
        assert ids(connection, statement.where("id < 6").limit(2)) == [5, 4]


def test_qualified_names_reach_the_tables_of_the_statement(connection: Connection) -> None:
    statement = SQL("select p.id from people p join people o on o.id = 7 - p.id")
    assert ids(connection, statement.order_by("o.id").limit(2)) == [6, 5]


def test_aggregates_are_filtered_by_their_result(connection: Connection) -> None:
    statement = SQL("select age, count(*) as people from people group by age")
    assert fetch(connection, statement.where(people=2)) == [(20, 2)]
    assert fetch(connection, statement.total()) == [(5,)]


def test_equal_column_names_do_not_hinder_what_needs_no_name(connection: Connection) -> None:
    statement = SQL("select id, id from people order by 1 limit 3")
    assert fetch(connection, statement.limit(1)) == [(1, 1)]
    assert fetch(connection, statement.total()) == [(3,)]


def test_names_are_never_read_as_sql(connection: Connection) -> None:
    for name in ("id; drop table people", 'id" desc --', "ID"):
        with pytest.raises(psycopg.errors.UndefinedColumn):
            fetch(connection, SQL("table people").order_by(name))
    assert fetch(connection, SQL("table people").total()) == [(len(ROWS),)]


def test_a_lone_array_is_one_parameter(connection: Connection) -> None:
    assert ids(connection, SQL("table people").filter(InCollection("id", [2, 4])).order_by("id")) == [2, 4]
