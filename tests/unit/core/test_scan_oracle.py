"""The statement scanner against PostgreSQL's own parser and scanner (libpg_query) and sqlglot's tokenizer."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pglast import ast, parse_sql
from pglast.parser import ParseError
from pglast.parser import scan as server_scan
from pglast.parser import split as server_split
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import TokenError

from sqlspec.core.scan import parameter_names, scan, splice
from sqlspec.exceptions import ParameterError, SQLParsingError
from tools import fuzz_scanner as fuzz

TEXTS = int(os.environ.get("SQLSPEC_FUZZ_TEXTS", "3000"))

# Valid statements, one per line, chosen for variety of syntax.
STATEMENTS = r"""
select name, price * 2 from items where price > 3 and kind in ('a', 'b') order by price desc nulls last limit 5
select distinct on (owner) owner, id from items order by owner, id
select count(*) filter (where ok), array_agg(n order by m desc), string_agg(distinct s, ';') from items
select percentile_disc(0.9) within group (order by cost) from items
select region, year, sum(x) from sales group by grouping sets ((region, year), (region), ())
select region, sum(x) from sales group by distinct rollup (region, year), cube (kind) having sum(x) > 10
select * from items i, lateral (select * from parts p where p.item = i.id limit 1) one
select * from items left join lateral unnest(tags) with ordinality as g(tag, pos) on true
select * from rows from (generate_series(1, 2), unnest(array['p', 'q'])) as r(a, b)
select * from jsonb_to_record('{"k": 1}') as r(k int, l text)
select * from items tablesample bernoulli (2.5) repeatable (7)
select * from only items for no key update of items skip locked
select * from items order by id offset 2 fetch next 3 rows with ties
table items
values (1, 'x'), (2, null)
select v.a from (values (1), (2)) as v(a)
with recursive n(i) as (values (1) union all select i + 1 from n where i < 9) select i from n
with recursive g(a, b) as (select 1, 0) search breadth first by a set pos cycle b set c using d table g
with a as materialized (select 1), b as not materialized (select 2) select * from a, b
with gone as (delete from items where old returning *) insert into archive select * from gone
with hot as (update items set seen = now() returning id) select count(*) from hot
with a as (select 1 as id) merge into items t using a on t.id = a.id when matched then do nothing
select id::bigint, cost::numeric(8,3), at::timestamptz, tags::text[], grid::int[][] from items
select cast(a as double precision), cast(b as bit varying(9)), cast(c as timestamp(2) without time zone) from t
select float8 '1.5', interval '3 hours', timestamp with time zone '2021-05-06 07:08:09+00', circle '<(0,0),1>'
select interval '4' month, interval '1 2:03' day to minute, interval(2) '1.234 s'
select made at time zone 'Europe/Vienna', made at local from items
select extract(year from made), extract(epoch from gap) from items
select substring(s from 3), substring(s from 2 for 4), overlay(s placing 'zz' from 1 for 2), position('q' in s) from t
select trim(both 'x' from s), trim(trailing from s), trim(s) from t
select s like 'a%', s not ilike '_b', s similar to '(c|d)%', s like '50!%' escape '!', s ~ '^e', s !~* 'f$' from t
select d -> 'k', d ->> 0, d #> '{a,b}', d #>> '{c}', d - 'x', d #- '{y}', d || '{"z":1}' from docs
select d @> '{"a":1}', d <@ '{}', d ? 'k', d ?| array['k','l'], d ?& array['m'], d @? '$.n', d @@ '$.o > 2' from docs
select d['a']['b'], list[2], list[1:3], list[:3], list[2:], list[:] from docs
select jsonb_path_query_array(d, '$.a[*] ? (@ >= $low && @ <= $high)', '{"low":1,"high":2}') from docs
select json_value(d, '$.a' returning int null on empty error on error), json_exists(d, '$.b') from docs
select json_query(d, '$.c' with conditional wrapper keep quotes) from docs
select * from json_table('[]'::jsonb, '$[*]' columns (n for ordinality, b text exists path '$.b')) j
select json_object('a': 1, 'b' value 2 null on null with unique keys), json_array(1, 'x' absent on null)
select json_arrayagg(v order by k returning jsonb), json_objectagg(k : v) from pairs
select s is json array with unique keys, s is not json from t
select xmlelement(name p, xmlattributes(a as "b:c"), s), xmlforest(a, b as c), xmlconcat('<a/>', '<b/>') from t
select x.* from t, xmltable('/r/i' passing doc columns n for ordinality, v int path 'v' default 0) as x
select int8range(1, 9) && r, r -|- s, r << s, r &> s, r * s, r + s, r - s, upper(r) from ranges
select a operator(pg_catalog.*) b, a <-> b, a <=> c, a <#> d, a %> b, a <<% b from t
select - x, + x, @ -3, |/ 16, ||/ 8, ~ 3, 6 # 2, 1 << 4, 9 >> 1, 2 ^ 8, 7 & 3, 7 | 8, 9 % 4, 5 - -5 from t
select to_tsvector('simple', s) @@ plainto_tsquery('q'), !! 'a'::tsquery, 'a' <-> 'b'::tsquery from t
select p <-> q, b ?# c, l ?|| m, l ?-| m, ?- l, ?| l, p <<| q, b |&> c, p ~= q, @-@ l, # l from shapes
select a is distinct from b, c is not distinct from d, e is unknown, f is not true, g isnull, h notnull from t
select row(1, 'a') = row(a, b), (a, b) < (c, d), (r).f, (r).*, (f(x)).y, row(t.*) from t
select a = any('{1,2}'), b <> all (select 1), c like any(array['x']), d > some (values (3)) from t
select exists (select), array(select n from t order by n), (select max(n) from t)
select case kind when 1 then 'one' when 2 then 'two' end, case when a then b else c end, nullif(a, b) from t
select sum(x) over (partition by a order by b rows between 2 preceding and current row exclude group) from t
select rank() over w, lag(x, 2) over (w range unbounded preceding) from t window w as (partition by a)
select a collate "C" < b collate pg_catalog."default" from t order by c collate "de-x-icu" using >
select current_date, current_timestamp(2), localtime, session_user, current_role, current_schema, current_catalog
select U&'\0441\043B', U&'d!0061' uescape '!', E'a\tb\'c\\', $$it's "d"$$, $t$ $$ $t$, B'0110', X'BEEF'
select 'one'
select 1e6, .25, 7., 0xFF, 0o17, 0b11, 1_000_000, 1.5e-3
select "Mixed ""Case"" !", "from", "a.b"."c" as "where" from "S"."T" as "X"
select t.*, u.a as b from t join u using (id, k) as j natural join v cross join w full join z on true
select * from (a join b on a.i = b.i) left join (c join d using (k)) on a.j = c.j
(select 1 union select 2) except all (select 3 intersect select 4) order by 1 offset 1
((select 1)) limit 1
(with a as (select 1) select * from a) union all select 2
with a as (select 1) (select * from a) union all (select 2)
with a as (select 1) values (1)
select make_interval(days => 3, hours := 4), f(variadic array[1, 2]), pg_catalog.lower('X')
select from t
select all a from t group by all a
select a into strict_copy from t
select * into unlogged table t2 from t where a = 1
(select 1 as x into temp t3)
with a as (select 1 as n) select n into temporary t4 from a
select 1 as into, 2 as returning, 3 as "end", t.into from t
insert into t default values
insert into t (a, b[2], c.d) values (1, default, 3), (4, 5, 6) returning a as x, b
insert into t as x (a) values (1) on conflict (a) where b do update set (a, b) = row(1, 2) returning *
insert into t (a) values (1) on conflict on constraint t_key do nothing
insert into t overriding user value select u.returning from u
insert into t select 1 as returning
update t set a = a + 1, (b, c) = row(1, 2), d[1] = default from u where t.i = u.i returning old.*, new.*
update only t x set a = 1 where current of cur
delete from t using u where t.i = u.i returning t.*
delete from only t as x
merge into t using (select 1 as i) u on t.i = u.i when matched and u.i > 0 then update set a = 1
merge into t using u on t.i = u.i when not matched then insert (a) values (2)
merge into t using u on t.i = u.i when not matched by source then delete returning merge_action(), t.*
truncate only t, u continue identity restrict
create table t (i bigint generated by default as identity, a text not null default 'x' check (a <> ''))
create table t (b int references u on update set null, unique (a, b), exclude using gist (r with &&))
create unlogged table if not exists t (like u including defaults, x int) with (fillfactor=80)
create table p partition of t for values from (minvalue) to (5) partition by list (lower(a))
create table p partition of t for values in ('a', null)
create temp table t on commit delete rows as table u with no data
create table t as execute q (1)
create unique index concurrently on t using btree (lower(a) text_pattern_ops desc, (b + 1)) where c is null
create index i on t using hnsw (v vector_cosine_ops) with (m = 8)
create or replace view v (a, b) with (security_invoker) as select 1, 2 with cascaded check option
create recursive view v (n) as select 1 union all select n + 1 from v
create materialized view v as values (1) with data
refresh materialized view concurrently v
create function add(a int, b int default 2) returns int language sql immutable return a + b
create function f(out n int) language sql begin atomic select case when true then 1 else 2 end; select 2; end
create or replace function f() returns trigger language plpgsql as $f$ begin return new; end; $f$
create procedure p(a int) language sql begin atomic insert into t values (a); delete from u where i = a; end
call p(5, b => 'x')
do language plpgsql $$ begin perform 1; end $$
create trigger g after update of a on t referencing old table as o for each statement execute function f()
create rule r as on insert to t do instead (insert into u values (1); delete from v)
create policy p on t for all to public using (a = current_user) with check (b > 0)
alter table t add column a int default 1, drop column if exists b, alter c type text using c::text
alter table t attach partition p default
alter sequence s restart
alter type e add value 'z' after 'y'
create type e as enum ('x', 'y')
create type r as range (subtype = float8)
create domain d as int check (value > 0)
create sequence if not exists s increment by 2 start with 7
create schema s create table t (a int) create view v as select 1
create extension if not exists hstore with schema public
create aggregate total(int) (sfunc = int4pl, stype = int, initcond = '0')
create operator <%> (leftarg = int, rightarg = int, function = f)
create publication p for table t where (a > 1), tables in schema s
create role r with login password 'secret' valid until 'infinity'
create server s foreign data wrapper w options (host 'h')
create event trigger e on ddl_command_start execute function f()
create statistics s (ndistinct) on a, b from t
drop table if exists a, b cascade
drop function f(int, text), g
grant select (a), insert on t to r with grant option
revoke all on schema s from public
comment on column t.a is 'it''s; fine'
security label on table t is null
copy t (a, b) from stdin (format csv, header match)
copy (select a from t where b = 'x') to stdout with binary
copy t to '/tmp/file' csv
copy t from program 'cat' with (delimiter '|')
listen c
notify c, 'payload; with semicolon'
unlisten *
vacuum (freeze, analyze) t (a)
analyze t
reindex index concurrently i
cluster t using i
checkpoint
discard temp
lock table t in share row exclusive mode
begin transaction isolation level repeatable read, read only
start transaction deferrable
commit and no chain
rollback to s
savepoint s
release s
prepare transaction 'g'
rollback prepared 'g'
set local lock_timeout = '2s'
set session characteristics as transaction read only
set time zone local
reset search_path
show server_version
prepare q (int) as select $1 + 1
execute q (4)
deallocate q
declare c no scroll cursor with hold for select 1
fetch backward 3 from c
move next in c
close all
explain (analyze, format json) delete from t returning *
explain create table t as select 1
alter system reset all
load 'lib'
"""

VERBS: dict[type, str] = {
    ast.InsertStmt: "INSERT",
    ast.UpdateStmt: "UPDATE",
    ast.DeleteStmt: "DELETE",
    ast.MergeStmt: "MERGE",
    ast.CopyStmt: "COPY",
    ast.CallStmt: "CALL",
    ast.DoStmt: "DO",
    ast.ExplainStmt: "EXPLAIN",
    ast.ExecuteStmt: "EXECUTE",
    ast.PrepareStmt: "PREPARE",
    ast.DeclareCursorStmt: "DECLARE",
    ast.CreateStmt: "CREATE",
    ast.CreateTableAsStmt: "CREATE",
    ast.CreateFunctionStmt: "CREATE",
    ast.ViewStmt: "CREATE",
    ast.IndexStmt: "CREATE",
    ast.TruncateStmt: "TRUNCATE",
    ast.DropStmt: "DROP",
    ast.ListenStmt: "LISTEN",
    ast.NotifyStmt: "NOTIFY",
    ast.VariableShowStmt: "SHOW",
}
PARAMETRIC = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
LINES = STATEMENTS.strip().splitlines()
SESSION_FREE = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "TABLE"}


def first_word(sql: str) -> str:
    """Return the first token that is neither comment nor parenthesis, by the server's scanner."""
    token = next(t for t in server_scan(sql) if t.name not in (*fuzz.COMMENTS, "ASCII_40"))
    return sql[token.start : token.end + 1].upper()


def expected_verb(sql: str, node: Any) -> str:
    word = first_word(sql)
    if isinstance(node, ast.SelectStmt) and word == "WITH":
        return "VALUES" if node.valuesLists else "TABLE" if "table g" in sql else "SELECT"
    return VERBS.get(type(node), word)


@pytest.mark.parametrize("sql", LINES)
def test_statement_is_read_as_the_parser_reads_it(sql: str) -> None:
    (raw,) = parse_sql(sql)
    found = scan(sql)

    rows = fuzz.tree_returns_rows(raw.stmt)
    assert (found.verb, found.returns_rows) == (expected_verb(sql, raw.stmt), rows)
    assert found.can_enclose == (rows and found.verb in SESSION_FREE)
    assert found.statements == ((0, len(sql)),)
    makes_table = found.verb == "SELECT" and not rows
    assert found.changes_session == (found.verb not in SESSION_FREE or makes_table)
    assert found.copies_stdio == (isinstance(raw.stmt, ast.CopyStmt) and raw.stmt.filename is None)


@pytest.mark.parametrize("sql", LINES)
def test_statement_without_placeholders_is_left_alone(sql: str) -> None:
    found = scan(sql)

    assert found.placeholders == ()
    assert splice(sql, found, "<{}>".format) == sql


@pytest.mark.parametrize("sql", [sql for sql in LINES if scan(sql).can_enclose])
def test_main_statement_can_become_a_cte(sql: str) -> None:
    assert len(parse_sql(fuzz.enclosed(sql, scan(sql)))) == 1


def test_scripts_are_split_as_the_parser_splits_them() -> None:
    rng = Random(20)
    for _ in range(200):
        script = " ;\n".join(rng.choices(LINES, k=rng.randint(2, 6))) + rng.choice(("", ";", " ; ;"))
        spans = scan(script).statements

        expected = [(part.start, part.stop) for part in server_split(script, only_slices=True)]
        assert list(spans) == expected


def constants_as_numbers(sql: str) -> str:
    """Replace constants by `$n` as far as the grammar allows it; return "" where no parameter is possible."""
    (raw,) = parse_sql(sql)
    if not isinstance(raw.stmt, PARAMETRIC):
        return ""
    tokens, count = server_scan(sql), 0
    for before, token in reversed(list(pairwise(tokens))):
        # The parser of libpg_query takes `interval $1`, which the server does not.
        if token.name in ("ICONST", "FCONST", "SCONST", "USCONST") and before.name not in (
            "INTERVAL",
            "ASCII_41",
        ):
            # A space keeps the number apart from a colon before it.
            candidate = f"{sql[: token.start]} ${count + 1}{sql[token.end + 1 :]}"
            try:
                parse_sql(candidate)
            except ParseError:
                continue
            sql, count = candidate, count + 1
    return sql if count else ""


NUMBERED = [numbered for sql in LINES if (numbered := constants_as_numbers(sql))]


@pytest.mark.parametrize("sql", NUMBERED)
def test_constants_of_a_statement_as_placeholders_of_every_style(sql: str) -> None:
    tokens = server_scan(sql)

    assert [hit.name for hit in scan(sql).placeholders] == [
        int(sql[token.start + 1 : token.end + 1]) for token in tokens if token.name == "PARAM"
    ]
    for style in fuzz.STYLES:
        assert fuzz.check_style(sql, tokens, style, escaped=False) is None
    assert fuzz.check_style(sql, tokens, "qmark", escaped=True) is None


@pytest.mark.parametrize("kind", ["fragments", "statements", "scripts"])
def test_random_texts_are_read_as_the_server_reads_them(kind: fuzz.Kind) -> None:
    outcomes, differences = fuzz.run(kind, TEXTS, seed=1)

    assert differences == []
    # A check that hardly any text reaches would prove nothing.
    assert outcomes["same"] > TEXTS * 0.4


def test_sqlglot_finds_the_same_placeholders_where_it_can_read_the_text() -> None:
    rng = Random(4)
    dialect = Postgres()
    read = agreed = 0
    for _ in range(TEXTS // 4):
        sql = fuzz.Grammar(rng).statement().sql
        try:
            tokens = dialect.tokenize(sql)
        except TokenError:
            continue
        read += 1
        theirs = [
            (token.start, number.end + 1)
            for token, number in pairwise(tokens)
            if token.token_type.name == "PARAMETER" and number.token_type.name == "NUMBER"
        ]
        ours = [(hit.start, hit.end) for hit in scan(sql).placeholders]
        servers = [(token.start, token.end + 1) for token in server_scan(sql) if token.name == "PARAM"]
        # Where they differ the server decides.
        assert ours in (theirs, servers)
        agreed += ours == theirs
    assert read > TEXTS // 8
    assert agreed > 0.9 * read


SAFE = st.sampled_from(
    [
        *"'a' '' \"b\" E'\\'' $$x$$ $q$ $q$ /*c*/ ( ) , ; a 1 :: := = [ ] select case ||".split(),
        " ",
        "\n",
        "--c\n",
        "é",
    ]
)
WRITTEN = {
    "numeric": st.sampled_from(["$1", "$2", "$12"]),
    "named": st.sampled_from([":a", ":b", ":é"]),
    "pyformat": st.sampled_from(["%(a)s", "%(b)s"]),
    "format": st.just("%s"),
    "qmark": st.just("?"),
}


@st.composite
def texts(draw: st.DrawFn) -> str:
    placeholder = WRITTEN[draw(st.sampled_from(sorted(WRITTEN)))]
    return "".join(draw(st.lists(st.one_of(SAFE, SAFE, placeholder), max_size=12)))


@given(texts())
def test_splicing_what_was_written_gives_the_text_again(sql: str) -> None:
    try:
        found = scan(sql)
    except (SQLParsingError, ParameterError):
        return
    names = parameter_names(found)
    written: dict[str | None, Callable[[int], str]] = {
        "numeric": "${}".format,
        "named": lambda index: f":{names[index - 1]}",
        "pyformat": lambda index: f"%({names[index - 1]})s",
        "format": lambda _: "%s",
        "qmark": lambda _: "?",
        None: str,
    }
    collapsed = sum(end - start - 1 for start, end in found.escapes)

    spliced = splice(sql, found, written[found.style])

    assert spliced == sql if not collapsed else len(spliced) == len(sql) - collapsed


@given(st.text(alphabet="'\"$?:%()[];-/*\\eE a1\n@|{}\x00é", max_size=30))
def test_any_text_is_scanned_or_refused(sql: str) -> None:
    try:
        found = scan(sql)
    except (SQLParsingError, ParameterError) as error:
        assert error.sql == sql
        return
    edges = [0, *(edge for hit in found.placeholders for edge in (hit.start, hit.end)), len(sql)]
    assert edges == sorted(edges)
    assert all(sql[start:end].strip() for start, end in found.statements)
