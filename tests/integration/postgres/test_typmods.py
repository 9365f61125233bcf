"""The modifiers that the probes find are those of the server's own row description, for whatever statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlspec.core.plan import Compiler
from sqlspec.core.result import Column
from sqlspec.postgres.arrow.typmods import TYPMODS_QUERY, find_probes, numeric_typmod, read_typmods, typmod_script
from sqlspec.postgres.catalog import parse_type_rows, type_query
from sqlspec.postgres.codec import CodecRegistry
from sqlspec.postgres.enclose import enclose

SCHEMA = '''
create schema typmods;
set search_path = typmods, public;
create table t (a numeric(5,2), b numeric(10,4), c numeric, i int4, l numeric(6,2)[], ll numeric(3,1)[][], s text);
create table u (a numeric(5,2), b numeric(12,4), i int4, "x.y ""z""" numeric(4,-1));
create table "Ugly.""name (5,2)" ("numeric(9,9)" numeric(7,3), "$1" numeric);
create table parent (a numeric(5,2), i int4);
create table child (extra numeric(8,3)) inherits (parent);
create table parts (a numeric(9,3), i int4) partition by list (i);
create table parts_1 partition of parts for values in (1);
create table parts_2 (i int4, dropped int4, a numeric(9,3));
alter table parts_2 drop column dropped;
alter table parts attach partition parts_2 for values in (2);
create view v as select a + 1 as added, a, b, coalesce(a, a) as same, max(a) over () as top from t;
create materialized view mv as select a, c from t;
create domain money2 as numeric(10,2);
create domain money3 as money2 check (value > -100);
create domain free as numeric;
create domain "odd (7,7) ""name""" as numeric(11,1);
create domain many as numeric(8,2)[];
create type point2 as (x numeric(5,2), y numeric);
create table kept (d money2, e money3, f free, g "odd (7,7) ""name""", m many, ds money2[], p point2, ps point2[]);
create function pairs() returns table (a numeric(5,2), b numeric) language sql as 'values (1, 2)';
create function rows_of_t() returns setof t language sql as 'select * from t';
create function row_of_point() returns point2 language sql as 'select 1.5::numeric(5,2), 2.5';
create procedure nothing() language sql as '';
'''


class Server:
    """One connection, as the session layer uses it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.codecs = CodecRegistry()
        self.compiler = Compiler()

    def run(self, text: str) -> None:
        self.connection.execute(text.encode())

    def described(self, sql: str) -> tuple[tuple[int, ...], tuple[Column, ...], list[int]]:
        pgconn = self.connection.pgconn
        prepared = pgconn.prepare(b"", sql.encode())
        assert prepared.status == psycopg.pq.ExecStatus.COMMAND_OK, prepared.error_message.decode()
        found = pgconn.describe_prepared(b"")
        columns = tuple(Column(str(n), found.ftype(n)) for n in range(found.nfields))
        parameters = tuple(found.param_type(n) for n in range(found.nparams))
        return parameters, columns, [found.fmod(n) for n in range(found.nfields)]

    def typmods(self, sql: str) -> tuple[list[int], list[int]]:
        """Return what the probes find, and what the row description says of the same columns."""
        plan = self.compiler.plan(sql)
        parameters, columns, outer = self.described(plan.sql)
        missing = self.codecs.missing(column.oid for column in columns)
        if missing:
            self.codecs.learn(parse_type_rows(self.connection.execute(type_query(missing).encode()).fetchall()))
        probes = find_probes(columns, self.codecs)
        # Of an array over a domain the row description says nothing, of its elements it does.
        inner = enclose(plan.sql, len(columns), [probe.item for probe in probes])
        known = self.described(inner)[2] if inner is not None and probes else []
        declared = [-1] * len(columns)
        for probe, modifier in zip(probes, known, strict=inner is not None):
            declared[probe.column] = modifier
            if columns[probe.column].oid == probe.oid:
                assert modifier == outer[probe.column]
        script = typmod_script(plan.sql, parameters, len(columns), probes)
        rows: list[tuple[Any, ...]] = []
        if script is not None:
            with self.connection.transaction():
                self.run(script)
                rows = self.connection.execute(TYPMODS_QUERY.encode()).fetchall()
        return read_typmods(len(columns), probes, rows), declared


@pytest.fixture(scope="module")
def server(dsn: str) -> Iterator[Server]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        yield Server(connection)
        connection.execute("drop schema typmods cascade")


STATEMENTS = [
    # columns, expressions, casts
    "select a, b, c, i, l, ll, s from t",
    "select * from u",
    "select 1::numeric(5,2), 1.5, 1::numeric, 1::numeric(3), 1::numeric(1000,-1000), 1::numeric(3,7)",
    "select null::numeric(2,2), null::numeric, null::numeric(7,5), null::numeric(5,2)[]",
    "select a + 1, -a, abs(a), round(a, 1), (a)::numeric(7,1), (a::numeric(7,1)), a::numeric from t",
    "select case when i = 1 then a else a end, case when i = 1 then a else b end, case when i = 1 then a end from t",
    "select coalesce(a, a), coalesce(a, b), nullif(a, a), greatest(a, a), least(a, b), (a, b) from t",
    "select l[1], l[1:2], array[a], array[a, b], array[a, a::numeric(5,2)], ll[1][1], ll, array_append(l, 1) from t",
    "select array(select a from t), (select a from t limit 1), (select l from t limit 1)",
    'select "numeric(9,9)", "$1", "numeric(9,9)" as "$2" from "Ugly.""name (5,2)"',
    'select "x.y ""z""", "x.y ""z""" as a, 1::numeric(4,-1) from u',
    # what the planner folds away
    "select a, b from t where false",
    "select a from t where i = null",
    "select a from t limit 0",
    "select a from t union all select b from u where false",
    "select a from parts where i = 7",
    # joins, subqueries, CTEs
    "select t.a, u.a, t.b, u.b from t join u using (i)",
    "select t.a, u.a from t left join u on false full join t as t2 on t2.i = t.i",
    "select * from t natural join u",
    "select q.a, q.n from (select a, b + 1 as n from t offset 0) as q, lateral (select q.a as z) as r",
    "with q as (select a from t), r as materialized (select b from u) select q.a, r.b from q, r",
    "with recursive q(n, a) as (select 1, a from t union all select n + 1, a from q where n < 3) select n, a from q",
    "with recursive q(n, a) as (select 1, a::numeric from t union all select n + 1, a from q) select * from q",
    "select a from t where a in (select a from u) order by b for update",
    "select a from t for share of t skip locked",
    "select distinct on (a) a, b from t order by a, b desc",
    # set operations
    "select a from t union select a from u",
    "select a from t union all select b from t",
    "select b from t union all select b from u",
    "select a from t union all select a::numeric(6,3) from u",
    "select a from t intersect select a from u except select 1::numeric(5,2)",
    "(select a from t order by a limit 1) union all (select a from u order by a limit 1)",
    "values (1::numeric(5,2), 1.5), (2::numeric(5,2), 2.5)",
    "values (1::numeric(5,2)), (2::numeric(5,3))",
    "table t",
    "select l from t union all select l from t",
    # inheritance, partitions, views
    "select a, i from parent",
    "select a, extra from child",
    "select a, i from parts order by a",
    "select a from parts where i = 1",
    "select * from v",
    "select * from mv",
    # aggregates, windows, groups
    "select sum(a), max(a), avg(b), count(*), array_agg(a), mode() within group (order by a) from t",
    "select a, sum(b) from t group by a",
    "select a, b, count(*) from t group by rollup (a, b)",
    "select lag(a) over w, first_value(a) over w, row_number() over w, a from t window w as (order by b)",
    # functions
    "select * from pairs()",
    "select * from rows_of_t()",
    "select (rows_of_t()).a, (row_of_point()).x, (row_of_point()).*",
    "select * from row_of_point()",
    "select * from json_to_record('{\"a\": 1.25}') as x(a numeric(5,2), b numeric)",
    "select * from unnest(array[1.5, 2.5]::numeric(5,2)[]) as x(a)",
    "select unnest(l), generate_series(1.5::numeric(5,2), 3) from t",
    "select * from rows from (unnest(array[1::numeric(5,2)]), pairs()) with ordinality",
    # domains and composites
    "select d, e, f, g, m, ds, p, ps from kept",
    "select (p).x, (p).y, ps[1], (ps[1]).x, m[1], ds[1] from kept",
    'select 1::money2, 1::money3, 1::free, 1::"odd (7,7) ""name""", array[1]::many, \'{1}\'::money2[]',
    "select d from kept union all select d from kept",
    "select d from kept union all select a from t",
    "select t from t",
    # statements that write
    "insert into t (a, l) values (1, '{1}') returning a, a + 1, l, c, b::numeric(4,1)",
    "update t set a = u.b from u where u.i = t.i returning t.a, u.b, u.b - t.a",
    "update parts set a = 1 returning a, i",
    "update parent set a = 1 returning *",
    "delete from t using (select b from u union all select a from u) as q returning t.a, q.b",
    "with gone as (delete from t returning a, b) select a, b from gone",
    "with q as (select 1 as i) insert into u (i) select i from q returning a",
    "insert into kept (d) values (1) returning *",
    # nothing to find, or nowhere to look
    "select 1, 'x', now()",
    "select",
    "show server_version",
    "explain select a from t",
    "select 'recursive query \"sqlspec_r\" column 1 has type numeric(5,2) in non-recursive term', c from t",
    "select 1::numeric(5,2) as sqlspec_r, 2::numeric(6,2) as a from t as sqlspec_q(a)",
    "select a /* numeric(1,1) */ from t -- numeric(2,2)",
    "select a from t ;",
    "select '%s', '%%', '$sqlspec$', E'\\\\ \\' $$', $x$ ' \\ $x$, a from t",
]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_as_the_row_description_says(server: Server, sql: str) -> None:
    found, declared = server.typmods(sql)
    assert found == declared


PARAMETRISED = [
    "select a, $1::numeric(5,2), $1::numeric from t where i = $2",
    "select a from t where a = $1 union all select a from u where i = $2",
    "select a from t where s = $1 and '$1' = $$ $2 $$ and i = any($2) limit $3 offset $4",
    "select a, ($1::numeric(6,2)[])[1], $1::numeric(6,2)[] from t where $2::bpchar = 'xx' and $3::bit = '101'",
    "select a, coalesce(a, $1), case when $2 then a else $1 end, case when $2 then a end from t",
    "select $1, a, $2 + a from t group by $3::int, a",
    "insert into t (a, b) values ($1, $2), ($3, $4) returning a, b, $5::numeric(3,1)",
    "update t set a = $1 where i = $2 and (l)[1] = ($3::numeric[])[1] and l = $3::numeric[] returning a",
    "select a from t where a > $1 order by a fetch first $2 rows only",
    "select * from kept where d = $1 and p = $2 and ds = $3",
    "select a, percentile_disc($1) within group (order by b) filter (where i < $2) from t group by a",
    "select a from t where a < :limit and s <> ':limit' or b = :limit",
    "select a from t tablesample bernoulli ($1) where s like '%$1%' and s ~ $2",
    'select $1::"char", $2::name, $3::json, $4::varbit, $5::timestamptz(0), a from t',
]


@pytest.mark.parametrize("sql", PARAMETRISED)
def test_with_parameters(server: Server, sql: str) -> None:
    found, declared = server.typmods(sql)
    assert found == declared
    assert any(modifier >= 0 for modifier in found)


def test_dimensions_of_vectors(server: Server) -> None:
    if not server.connection.execute("select from pg_available_extensions where name = 'vector'").fetchone():
        return  # the type does not exist on this server
    server.run("create extension if not exists vector schema public")
    server.run("create table typmods.vectors (v vector(3), w vector, h halfvec(4), vs vector(2)[])")
    for path in ("typmods, public", "typmods"):
        server.run(f"set search_path = {path}")
        found, declared = server.typmods("select v, w, h, vs from typmods.vectors")
        assert found == declared == [3, -1, 4, 2]
    server.run("set search_path = typmods, public")


def test_nothing_is_run_and_the_transaction_goes_on(server: Server) -> None:
    server.run("truncate t; create sequence counting")
    for sql in (
        "insert into t (a) values (1) returning a",
        "with q as (insert into t (a) values (1) returning a) select a from q",
        "select nextval('counting')::numeric(5,2)",
    ):
        assert server.typmods(sql)[0] == [numeric_typmod(5, 2)]
    assert server.connection.execute("select count(*) from t").fetchone() == (0,)
    assert server.connection.execute("select is_called from counting").fetchone() == (False,)


def test_in_a_read_only_transaction_and_any_isolation(server: Server) -> None:
    for mode in ("read only", "isolation level serializable, read only, deferrable"):
        with server.connection.transaction():
            server.run(f"set transaction {mode}")
            assert server.typmods("select a, l from t where i = $1")[0] == [numeric_typmod(5, 2), numeric_typmod(6, 2)]


def test_a_temporary_table_of_this_session(server: Server) -> None:
    server.run("create temp table passing (a numeric(6,5), l numeric(7,1)[])")
    found, declared = server.typmods("select * from passing")
    assert found == declared == [numeric_typmod(6, 5), numeric_typmod(7, 1)]
    server.run("drop table passing")


# -- random queries -------------------------------------------------------------------------------------------

NUMERIC = [
    "a",
    "b",
    "c",
    "d",
    "1.5",
    "a + b",
    "a::numeric(7,3)",
    "l[1]",
    "max(a) over ()",
    "null::numeric(5,2)",
    "i::numeric",
]
FROM = [
    "(select a, b, c, l, i, d from t, lateral (select d from kept offset 0) as k) as {}",
    "(select a, b, a as c, array[b] as l, i, a as d from u) as {}",
    "(select a, a as b, a as c, array[a] as l, i, a as d from parts) as {}",
    "(select 1::numeric(5,2), 2::numeric(9,9), 3.5, '{{1}}'::numeric(4,1)[], 7, 1::money3) as {}(a, b, c, l, i, d)",
]


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> str:
    if depth == 0:
        return draw(st.sampled_from(NUMERIC))
    inner = expressions(depth - 1)
    one, other = draw(inner), draw(inner)
    return draw(
        st.sampled_from(
            [
                one,
                f"coalesce({one}, {other})",
                f"case when i = 1 then {one} else {other} end",
                f"({one})::numeric(5,2)",
                f"greatest({one}, {one})",
                f"(select {one})",
                f"(array[{one}, {other}])[1]",
                f"({one})::money2",
                f"({one}) * 2",
            ]
        )
    )


@st.composite
def queries(draw: st.DrawFn, depth: int = 2) -> str:
    """Queries of one numeric column called `n`."""
    plain = f"select {draw(expressions())} as n from {draw(st.sampled_from(FROM)).format('q')}"
    if depth == 0:
        return plain
    inner = queries(depth - 1)
    one, other = draw(inner), draw(inner)
    return draw(
        st.sampled_from(
            [
                plain,
                f"{plain} where {draw(st.sampled_from(['false', 'i = 1', 'a > $1', 'true']))}",
                f"({one}) union all ({other})",
                f"({one}) union ({other})",
                f"({one}) except all ({one})",
                f"select n from ({one}) as x order by n limit 3",
                f"select coalesce(x.n, y.n) as n from ({one}) as x full join ({other}) as y on x.n = y.n",
                f"with x as ({one}), y as materialized ({other}) select x.n from x, y",
                f"select n from ({one}) as x group by n",
                f"with recursive x(n) as (({one}) union all select n from x where false) select n from x",
            ]
        )
    )


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(sql=queries())
def test_random_queries(server: Server, sql: str) -> None:
    try:
        server.described(sql)
    except AssertionError:  # a recursion that the server refuses for what this is all about
        return
    found, declared = server.typmods(sql)
    assert found == declared
