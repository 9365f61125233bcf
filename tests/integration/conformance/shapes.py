"""Statements of every shape that a driver may treat in a way of its own, as data for `test_shapes`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlspec.exceptions import DataError, NotSupportedError, SQLParsingError, SQLSpecError

__all__ = ("RESET", "SCHEMA", "SHAPES", "STATE", "Shape")

SCHEMA = """
create type mood as enum ('sad', 'ok');
create type pt as (a int, b text, c numeric);
create domain dnum as numeric(6, 2);
create domain dts as timestamptz;
create table t (
    id int primary key, n numeric, ts timestamptz, d date, iv interval, o oid, j jsonb, u uuid,
    a int[], na numeric[], c char(4), m mood
);
create table w (id int, v numeric, ts timestamptz);
create table src (id int primary key, v numeric);
create table parted (id int, d date) partition by range (d);
create table parted_1 partition of parted default;
create sequence calls;
create function vol(n int) returns int language plpgsql as $$ begin perform nextval('calls'); return n; end $$;
create function called() returns trigger language plpgsql as $$ begin perform nextval('calls'); return null; end $$;
create trigger called after insert or update or delete on w for each row execute function called();
create function frec() returns record language sql as $$ select 1, 2.50, '2024-01-01'::timestamptz $$;
create function fset() returns setof pt language sql as $$ values (1, 'a b', 1.50), (2, null, null) $$;
create function fnums() returns setof numeric language sql as $$ values (0.00001), (1.50) $$;
create function ftab() returns table (x date, y interval) language sql as $$
    values ('2024-02-29'::date, '1 mon 2 days'::interval) $$;
create function fout(out a numeric, out b timestamptz) language sql as $$
    select 1.50, '1999-01-01 10:00'::timestamptz $$;
create function fvoid() returns void language plpgsql as $$ begin perform nextval('calls'); end $$;
create procedure pnone() language plpgsql as $$ begin perform nextval('calls'); end $$;
create procedure pout(inout a int, out b numeric, out c timestamptz) language plpgsql as $$
    begin perform nextval('calls'); a := a + 1; b := 1.50; c := '1999-01-01 10:00+00'; end $$;
create procedure pint(inout a int) language plpgsql as $$ begin perform nextval('calls'); a := a + 1; end $$;
"""

# Back to the state in which a statement is run, by the oracle as by the flavour.
RESET = """
drop table if exists made; drop view if exists made_view; drop index if exists made_index;
truncate t, w, src, parted;
insert into t values
    (1, 1.50, '2024-01-01 10:00', '2024-02-29', '1 year 2 mons 3 days 04:05:06.7', 4000000000,
     '{"b": 1, "a": [1.5, null]}', '550e8400-e29b-41d4-a716-446655440000', '{1,NULL}', '{1.50,NULL}', 'ab', 'sad'),
    (2, 0.00001, '1999-12-31 23:59:59.123456', '1999-01-01', '-1 mons', 0, '"text"', null, '{}', '{}', '', 'ok'),
    (3, 'NaN', '9999-12-31 23:59:59', '9999-12-31', '-00:00:00.000001', 1, 'null', null,
     '{{1,2},{3,4}}', null, null, null),
    (4, null, null, null, null, null, null, null, null, null, null, null),
    (5, 12345678901234567890123456789.123456789, '0001-01-01', '0001-01-01', '0', null, '12345678901234567890', null,
     null, '{NaN,1e40}', 'abcd', 'ok');
insert into w values (1, 1, null), (2, 2, null), (9, 9, null);
insert into src values (1, 1.1), (2, 2.20), (3, 3.300);
insert into parted values (1, '2024-01-01'), (2, null);
alter sequence calls restart;
"""

# Everything that a statement may have changed.
STATE = """
select 'w ' || w::text from w union all select 't ' || t::text from t union all select 'src ' || src::text from src
union all select 'parted ' || parted::text from parted
union all select 'calls ' || last_value || is_called from calls
union all select 'relation ' || relname || relkind::text || reltuples from pg_class
    where relnamespace = current_schema::regnamespace and relname like 'made%'
order by 1
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """One statement, run by the oracle and by the flavour from the same state.

    Attributes:
        label: Name of the test.
        sql: The statement, with `$n` placeholders.
        args: Values and their texts, as the oracle sends them.
        before: Script for the connection that runs it, before each run.
        alone: The server refuses it inside a transaction.
        may_refuse: An adapter may raise `NotSupportedError` before anything has run.
        may_lose_count: An adapter that knows counts need not know this one.
        raises: It must fail with this, having changed nothing, whatever the oracle says.
        needs: Capabilities of the adapter.
    """

    label: str
    sql: str
    args: tuple[tuple[Any, str | None], ...] = ()
    before: str = ""
    alone: bool = False
    may_refuse: bool = False
    may_lose_count: bool = False
    raises: type[SQLSpecError] | None = None
    needs: tuple[str, ...] = ()


def _many_columns(count: int) -> str:
    return ", ".join(f"{n}.50 as c{n}" if n % 2 else f"{n} as c{n}" for n in range(count))


DUPLICATES = ("duplicate_columns",)
KNOWN = ("sqlstate",)
PREPARED = "deallocate all; prepare given(int) as {}"

SHAPES = (
    # -- reading
    Shape("every type", "select * from t order by id"),
    Shape("order and limit", "select id, n, ts, j, iv, m from t order by id desc limit 3 offset 1"),
    Shape("for update", "select id, ts from t where id < 3 order by id for update"),
    Shape("for no key update of", "select t.n from t join src using (id) order by id for no key update of t nowait"),
    Shape(
        "skip locked in cte",
        "with x as (select id, ts from t order by id limit 2 for update skip locked) select * from x",
    ),
    Shape(
        "cte recursive",
        "with recursive r(i, n) as (select 1, 1.5 union all select i + 1, n * 2 from r where i < 4) select * from r",
    ),
    Shape("cte materialized", "with x as materialized (select vol(id) as v, d from t) select v, d from x order by v"),
    Shape("union order", "select n from t where id < 3 union all select 0.50 order by 1"),
    Shape("except and intersect", "select n from t except select n from t where id > 2 order by 1"),
    Shape("parenthesised union", "(select ts from t where id = 1) union (select null) order by 1 limit 1"),
    Shape("window", "select id, sum(n) over w, rank() over w from t where id < 3 window w as (order by id)"),
    Shape("rollup", "select m, count(*), avg(id) from t group by rollup(m) order by 1, 2"),
    Shape("grouping sets", "select m, grouping(m), max(d) from t group by grouping sets ((m), ()) order by 1, 2"),
    Shape("distinct on", "select distinct on (m) m, id, ts from t order by m, id"),
    Shape("same name, same type", "select ts, ts, id from t where id = 1", needs=DUPLICATES),
    Shape(
        "same name, other types",
        'select n as a, ts as "A", id as a, j as a, null::timestamptz as a from t where id = 1',
        needs=DUPLICATES,
    ),
    Shape("unnamed", "select 1.5, now() - now(), 'x', null, true", needs=DUPLICATES),
    Shape("zero rows", "select n, ts, j, a, c from t where false"),
    Shape("zero columns", "select from t limit 2"),
    Shape("select alone", "select"),
    Shape("values", "values (1, 1.5, '2024-01-01'::timestamptz), (2, null, null)"),
    Shape("table", "table src"),
    Shape("join using star", "select * from src join w using (id) order by 1", needs=DUPLICATES),
    Shape("lateral", "select x.* from src, lateral (select src.v * 2 as d, src.id) x order by 2"),
    Shape("tablesample", "select count(*), max(ts) from t tablesample bernoulli (100)"),
    Shape("ordinality", "select * from unnest(array[1.5, null]) with ordinality as u(n, at)"),
    Shape("rows from", "select * from rows from (fnums(), generate_series(1, 3)) as r(n, g)"),
    Shape("placeholders in literals", "select '%s $1 :a ?' as \"%s\", '{}' as b"),
    Shape("a driver's own placeholder in a literal", "select '$(a)p' as a, 1.50 as b", may_refuse=True),
    Shape("whole row", "select src from src order by id limit 1"),
    Shape("system columns", "select ctid is not null as x, xmin is null as y from src"),
    Shape("many columns", "select " + _many_columns(1600)),
    Shape("long text", "select '" + "x" * 100_000 + "' as long, 1.50 as n"),
    # -- how a text may end and begin
    Shape("semicolon and comment", "select ts from t where id = 1; -- c"),
    Shape("comment without line end", "/* x */ select ts, d from t where id = 1 -- c"),
    Shape("several semicolons", ";; select n from t where id = 2 ;;\n ; "),
    Shape("nested comments", "/* a /* b; */ ' */ select /* $1 */ iv from t where id = 1 /* ; */;"),
    Shape("dml with a comment at its end", "update w set v = v + 1 where id = 1 -- all of them;"),
    Shape("returning with a comment at its end", "delete from w where id = 9 returning v, ts -- ;\n;"),
    # -- types whose values drivers get wrong
    Shape(
        "numeric",
        "select 0.00001::numeric as a, 'NaN'::numeric as b, 1e40::numeric as c, 1.10::numeric(8, 4) as d, "
        "'-Infinity'::numeric as e, 1e-30::numeric as f, -0.00::numeric as g",
    ),
    Shape(
        "dates",
        "select '0001-01-01'::date as a, '9999-12-31'::date as b, '1999-01-01 10:00'::timestamp as c, "
        "'1999-01-01 10:00'::timestamptz as d, '2024-01-01 00:00:00.000001'::timestamp as e",
    ),
    Shape("infinite date", "select 'infinity'::date as a", raises=DataError),
    Shape("infinite timestamptz", "select id, '-infinity'::timestamptz as a from t", raises=DataError),
    Shape("year 20000", "select '20000-01-01 01:00'::timestamp as a", raises=DataError),
    Shape("midnight at the end", "select '24:00'::time as a", raises=DataError),
    Shape("clock", "select '12:34+05'::timetz as a, '23:59:59.999999'::time as b, '1 year 2 mons'::interval as c"),
    Shape("infinite interval", "select 'infinity'::interval as a", raises=DataError),
    Shape("row", "select row(1, 2.5, 'x'::text, null, '2024-01-01'::date) as r"),
    Shape("composite", "select row(1, 'a b', 2.50)::pt as p, array[row(1, 'a', 2.5)::pt, null] as ps"),
    Shape(
        "arrays",
        "select array[1, null] as a, array[1.50] as b, '{}'::text[] as c, array['ok'::mood] as d, "
        "array[[1, 2], [3, 4]] as e, array['a,b', '', 'null', null] as f, array['2024-01-01'::date] as g, "
        "array['550e8400-e29b-41d4-a716-446655440000'::uuid] as h, array['x'::char(3)] as i",
    ),
    Shape(
        "others",
        "select int4range(1, 5) as a, numrange(1.5, null) as b, b'101' as c, '10.0.0.1/8'::inet as d, "
        "4000000000::oid as e, '\\x00ff'::bytea as f, 'a'::name as g, 'x'::\"char\" as h, 'a b'::tsvector as i, "
        "'10.0.0.0/8'::cidr as j, '08:00:2B:01:02:03'::macaddr as k, 'ab'::varchar(3) as l, '{\"a\":1}'::json as m",
    ),
    Shape("domains", "select 1.5::dnum as a, '2024-01-01'::dts as b"),
    Shape("unknown literals", "select 'x' as a, null as b"),
    # -- writing
    Shape("insert", "insert into w values (1, 2.5, '2024-01-01'), (2, 3, null)"),
    Shape("insert default values", "insert into w default values"),
    Shape("insert returning", "insert into w values (1, 0.00001, '2024-01-01') returning *"),
    Shape(
        "insert returning twice",
        "insert into w values (1, 2.5, '2024-01-01') returning id, v, ts, v, id",
        needs=DUPLICATES,
    ),
    Shape("insert returning no row", "insert into w select 1, 1, now() where false returning *"),
    Shape("insert returning an unnamed call", "insert into w values (7, 1, null) returning vol(id), v + 0.5"),
    Shape("insert select", "insert into w select id, v, null from src where id > 1"),
    Shape("insert into a partition", "insert into parted values (3, '1999-01-01') returning d, tableoid > 0 as x"),
    Shape("update", "update w set v = v + 1 where id = 1"),
    Shape("update nothing", "update w set v = v + 1 where false"),
    Shape("update from", "update w set v = src.v from src where src.id = w.id"),
    Shape("update returning", "update w set v = 1.25 where id = 1 returning id, v, ts"),
    Shape("update returning old and new", "update w set v = 2.25 where id = 1 returning old.v as was, new.v as v"),
    Shape("delete using", "delete from w using src where w.id = src.id and src.id = 2"),
    Shape("delete returning", "delete from w where id = 1 returning v"),
    Shape("delete returning no columns to keep", "delete from w where id < 3 returning 'gone' as what, 1.50 as n"),
    Shape(
        "merge",
        "merge into w using src on w.id = src.id when matched then update set v = src.v "
        "when not matched then insert values (src.id, src.v, null)",
    ),
    Shape(
        "merge returning",
        "merge into w using src on w.id = src.id when matched then delete "
        "when not matched then insert values (src.id, src.v, '2024-01-01') returning merge_action(), w.*",
    ),
    Shape(
        "on conflict",
        "insert into src(id, v) values (1, 1.25), (8, 8) on conflict(id) do update set v = excluded.v",
    ),
    Shape("on conflict do nothing", "insert into src(id, v) values (1, 1.25) on conflict do nothing returning v"),
    Shape(
        "dml cte and select",
        "with i as (insert into w values (9, 9.5, '2024-01-01') returning *) select id, v, ts from i",
    ),
    Shape(
        "dml cte and dml",
        "with i as (insert into w values (8, 9.5, null) returning id) delete from w using i where w.id = 9",
    ),
    Shape(
        "dml cte and insert returning",
        "with d as (delete from w where id = 9 returning *) insert into w select id + 1, v, ts from d "
        "returning id, v, ts",
    ),
    Shape(
        "two dml ctes that nobody reads",
        "with a as (insert into w values (5, 5, null)), b as (delete from w where id = 1) select 1.50 as n",
    ),
    # -- what is called must be called once
    Shape("volatile function", "select vol(7) as v"),
    Shape("volatile and inexact", "select vol(7) as v, 1.50 as n, now() is not null as x"),
    Shape("volatile in from", "select v, ts from vol(3) as v, t where id = 1"),
    Shape("sequence", "select nextval('calls') as n, 1.50 as m"),
    Shape("record function", "select frec()"),
    Shape("record function with columns", "select * from frec() as f(a int, b numeric, c timestamptz)"),
    Shape("set of composites", "select * from fset()"),
    Shape("set of composites as one column", "select fset() as p"),
    Shape("set in the select list", "select fnums() as n, vol(1) as v"),
    Shape("table function", "select * from ftab()"),
    Shape("function with out arguments", "select * from fout()"),
    Shape("void function", "select fvoid()"),
    # -- utility statements that return rows
    Shape("explain", "explain (costs off) select vol(id) from src"),
    Shape(
        "explain analyze",
        "explain (analyze, costs off, timing off, summary off, buffers off) select vol(1)",
    ),
    Shape("explain dml", "explain (costs off) insert into w values (1, 1, null)"),
    Shape("explain json", "explain (format json, costs off) select 1"),
    Shape("show", "show server_version_num"),
    Shape("show two words", "show time zone"),
    Shape("call without out", "call pnone()"),
    Shape("call with an exact out", "call pint(3)", may_refuse=True),
    Shape("call with out", "call pout(3, null, null)", may_refuse=True),
    Shape("execute, exact", "execute given(2)", before=PREPARED.format("select vol($1) as v"), may_refuse=True),
    Shape(
        "execute, inexact",
        "execute given(2)",
        before=PREPARED.format("select vol($1) as v, n, ts, j from t where id = $1"),
        may_refuse=True,
    ),
    Shape("execute, dml", "execute given(2)", before=PREPARED.format("delete from w where id = $1"), may_refuse=True),
    Shape(
        "fetch",
        "fetch 2 from c",
        before="close all; begin; "
        "declare c cursor with hold for select id, n, ts, vol(id) as v from t order by id; commit",
        may_refuse=True,
    ),
    Shape(
        "fetch backward",
        "fetch prior in c",
        before="close all; begin; declare c scroll cursor with hold for table src; commit; move absolute 3 in c",
        may_refuse=True,
    ),
    Shape(
        "move",
        "move 2 in c",
        before="close all; begin; declare c cursor with hold for table t; commit",
        may_refuse=True,
    ),
    # -- commands
    Shape("select into", "select 1.5 as x into made", may_lose_count=True),
    Shape("create table as", "create table made as select id, n from t", may_lose_count=True),
    Shape("create table as with no data", "create table made as table t with no data", may_lose_count=True),
    Shape(
        "create table as execute",
        "create table made as execute given(3)",
        before=PREPARED.format("select $1::int as n"),
        may_lose_count=True,
        may_refuse=True,
    ),
    Shape("create table", "create table made (a int)"),
    Shape("create temporary table", "create temp table passing (a int)", before="drop table if exists pg_temp.passing"),
    Shape("create view", "create view made_view as select n, ts from t"),
    Shape("create index", "create index made_index on w (id)"),
    Shape("create index concurrently", "create index concurrently made_index on w (id)", alone=True),
    Shape("vacuum", "vacuum (freeze) w", alone=True),
    Shape("analyze", "analyze w"),
    Shape("alter table", "alter table parted alter column id set default 5"),
    Shape("truncate", "truncate w, src"),
    Shape("comment", "comment on table w is 'a;b'"),
    Shape("set", "set application_name = 'shape'"),
    Shape("reset", "reset work_mem"),
    Shape("do", "do $$ begin perform vol(1); insert into w values (6, 6, null); end $$"),
    Shape("listen", "listen shapes"),
    Shape("unlisten", "unlisten *"),
    Shape("notify", "notify shapes, 'x'"),
    Shape("prepare", "prepare given as select 1", before="deallocate all", may_refuse=True),
    Shape("discard", "discard plans"),
    # -- parameters
    Shape("limit by parameter", "select n, ts from t order by id limit $1", args=((2, "2"),)),
    Shape("any", "select id, d from t where id = any($1) order by id", args=(([1, 3], "{1,3}"),)),
    Shape("insert of parameters", "insert into w values ($1, $2::int, $3)", args=((5, "5"), (6, "6"), (None, None))),
    Shape(
        "update by parameter returning",
        "update w set v = v + $1::int where id = $2 returning v",
        args=((1, "1"), (2, "2")),
    ),
    Shape("a parameter twice", "select $1::int as a, $2 || 'x' as b, $1 + 1 as c", args=((1, "1"), ("y", "y"))),
    Shape("explain with a parameter", "explain (costs off) select * from src where v > $1::int", args=((1, "1"),)),
    Shape("call with a parameter", "call pout($1, null, null)", args=((3, "3"),), may_refuse=True),
    Shape("void function with a parameter", "select fvoid(), $1::int as a", args=((3, "3"),)),
    # -- what must be refused or fail, and change nothing
    Shape("two statements", "insert into w values (1, 1, null); select 1", raises=SQLParsingError),
    Shape("nothing", " -- x\n;", raises=SQLParsingError),
    Shape("copy from the client", "copy w from stdin", raises=NotSupportedError),
    Shape("copy to the client", "copy (select 1) to stdout", raises=NotSupportedError),
    Shape("syntax error", "selec 1", raises=SQLParsingError, needs=KNOWN),
    Shape("unknown column", "insert into w (nope) values (1)", raises=SQLParsingError, needs=KNOWN),
    Shape(
        "error in the middle of rows",
        "select 1 / (3 - id), 1.50 as n from t order by id",
        raises=DataError,
        needs=KNOWN,
    ),
    Shape("error after rows were changed", "update w set v = 1 / (9 - id)", raises=DataError, needs=KNOWN),
    Shape(
        "error in a cte",
        "with i as (insert into w values (1, 1, null) returning 1 / (id - 1) as x) select x from i",
        raises=DataError,
        needs=KNOWN,
    ),
)
