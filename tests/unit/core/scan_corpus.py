"""Texts for the scanner tests: hand-made cases with their results, and valid statements for the parser to judge."""

from __future__ import annotations

from typing import NamedTuple


class Rewrite(NamedTuple):
    """A text, what it becomes with `$n`, and its parameters: names, or their number."""

    sql: str
    spliced: str
    parameters: tuple[str, ...] | int


def same(sql: str) -> Rewrite:
    """Describe a text without placeholders."""
    return Rewrite(sql, sql, 0)


NAMED = (
    Rewrite("select :n", "select $1", ("n",)),
    Rewrite("select :a, :b, :a, :c", "select $1, $2, $1, $3", ("a", "b", "c")),
    Rewrite("select ':a' || :b", "select ':a' || $1", ("b",)),
    Rewrite("select 'don''t :a' || :b", "select 'don''t :a' || $1", ("b",)),
    Rewrite(r"select E'\' :a' || :b", r"select E'\' :a' || $1", ("b",)),
    Rewrite(r"select e'end\\' || :b", r"select e'end\\' || $1", ("b",)),
    Rewrite(r"select 'plain\' || :b", r"select 'plain\' || $1", ("b",)),
    Rewrite("select E'a'\n  '\\' :a' || :b", "select E'a'\n  '\\' :a' || $1", ("b",)),
    Rewrite("select E'a' -- '\n\n'\\' :a' || :b", "select E'a' -- '\n\n'\\' :a' || $1", ("b",)),
    Rewrite(r"select E'a' '\' || :b", r"select E'a' '\' || $1", ("b",)),
    Rewrite(r"select U&'\0041 :a' || :b", r"select U&'\0041 :a' || $1", ("b",)),
    Rewrite("select B'01', X'fe', N':a', :b", "select B'01', X'fe', N':a', $1", ("b",)),
    Rewrite("select namE':a', :b", "select namE':a', $1", ("b",)),
    Rewrite(r"select $$x$$E'\' :a', :b", r"select $$x$$E'\' :a', $1", ("b",)),
    Rewrite('select ":a" from t where x = :b', 'select ":a" from t where x = $1', ("b",)),
    Rewrite('select "say "":a"" to" = :b', 'select "say "":a"" to" = $1', ("b",)),
    Rewrite("select \"don't\", :b, 'x'", "select \"don't\", $1, 'x'", ("b",)),
    Rewrite("select :a::date", "select $1::date", ("a",)),
    Rewrite("select '1'::int4, :a::text::varchar(9)", "select '1'::int4, $1::text::varchar(9)", ("a",)),
    Rewrite("select 7::int8 - :a :: int", "select 7::int8 - $1 :: int", ("a",)),
    Rewrite("select $$ :a $1 ? %s $$, :b", "select $$ :a $1 ? %s $$, $1", ("b",)),
    Rewrite("select $x$ $$ :a $$ ' $x$, :b", "select $x$ $$ :a $$ ' $x$, $1", ("b",)),
    Rewrite("select $_1$ :a $_1$, $é$ :a $é$, :b", "select $_1$ :a $_1$, $é$ :a $é$, $1", ("b",)),
    Rewrite("select 1 -- :a isn't\n, :b", "select 1 -- :a isn't\n, $1", ("b",)),
    Rewrite("select 1 -- :a isn't\r, :b", "select 1 -- :a isn't\r, $1", ("b",)),
    Rewrite("select 1 /* :a isn't */, :b", "select 1 /* :a isn't */, $1", ("b",)),
    Rewrite("select 1 /* 1 /* 2 :a */ :c */, :b", "select 1 /* 1 /* 2 :a */ :c */, $1", ("b",)),
    Rewrite("select /* -- */ :a --", "select /* -- */ $1 --", ("a",)),
    Rewrite("select/**/:a/**/", "select/**/$1/**/", ("a",)),
    Rewrite("select 2*/* */:a", "select 2*/* */$1", ("a",)),
    Rewrite("select (array[4,5,6])[2:3], :a", "select (array[4,5,6])[2:3], $1", ("a",)),
    Rewrite("select v[i:j], :a from t", "select v[i:j], $1 from t", ("a",)),
    Rewrite("select v[i :j], :a from t", "select v[i :j], $1 from t", ("a",)),
    Rewrite("select v[:a : :b] from t", "select v[$1 : $2] from t", ("a", "b")),
    Rewrite("select v[:a], v[:a:2], v[f(1):3] from t", "select v[$1], v[$1:2], v[f(1):3] from t", ("a",)),
    Rewrite("select array[:a, -:b, (:c)]", "select array[$1, -$2, ($3)]", ("a", "b", "c")),
    Rewrite("select v[i + :a], v[(j) :k] from t", "select v[i + $1], v[(j) :k] from t", ("a",)),
    Rewrite(
        "select array[f(x, :a), (select y from t where y like :b)]",
        "select array[f(x, $1), (select y from t where y like $2)]",
        ("a", "b"),
    ),
    Rewrite("select array[(select y from t limit :a)]", "select array[(select y from t limit $1)]", ("a",)),
    Rewrite(
        "select array[case when :a then :b else :c end]",
        "select array[case when $1 then $2 else $3 end]",
        ("a", "b", "c"),
    ),
    Rewrite("select v[w['k' ? :a]] from t", "select v[w['k' ? $1]] from t", ("a",)),
    Rewrite("select f(x := 1, y := :a)", "select f(x := 1, y := $1)", ("a",)),
    Rewrite("select f(x => 1, y => :a, z=>:b)", "select f(x => 1, y => $1, z=>$2)", ("a", "b")),
    Rewrite("select 1 where x=:a and y>=:b and z<>:c", "select 1 where x=$1 and y>=$2 and z<>$3", ("a", "b", "c")),
    Rewrite("select d ? 'k', d ?| v, d ?& v, :a from t", "select d ? 'k', d ?| v, d ?& v, $1 from t", ("a",)),
    Rewrite("select d @? '$.k ? (@ > 1)', :a from t", "select d @? '$.k ? (@ > 1)', $1 from t", ("a",)),
    Rewrite("select d ?? 'k', d ? :a", "select d ?? 'k', d ? $1", ("a",)),
    Rewrite("select x % 3, x %% 3, :a from t", "select x % 3, x %% 3, $1 from t", ("a",)),
    Rewrite("select 1 where x like '%s' and y = :a", "select 1 where x like '%s' and y = $1", ("a",)),
    Rewrite("select time '10:20:30', :a", "select time '10:20:30', $1", ("a",)),
    Rewrite("select :été, :名前, :_x1", "select $1, $2, $3", ("été", "名前", "_x1")),
    Rewrite("select 5 as v$1, :a", "select 5 as v$1, $1", ("a",)),
    Rewrite("select :'v', :\"v\", :1, : x, :a", "select :'v', :\"v\", :1, : x, $1", ("a",)),
    Rewrite("select json_object('k':x, 'l': :a)", "select json_object('k':x, 'l': $1)", ("a",)),
    Rewrite("select interval :a", "select interval $1", ("a",)),
    Rewrite(
        "insert into t (a) values (:a) on conflict (a) do update set b = :b returning :c::int",
        "insert into t (a) values ($1) on conflict (a) do update set b = $2 returning $3::int",
        ("a", "b", "c"),
    ),
    Rewrite("explain select :a", "explain select $1", ("a",)),
    Rewrite("call p(:a)", "call p($1)", ("a",)),
    Rewrite("declare c cursor for select :a", "declare c cursor for select $1", ("a",)),
    Rewrite(":a", "$1", ("a",)),
)

NUMERIC = (
    Rewrite("select $1, $12, $2", "select $1, $12, $2", 12),
    Rewrite("select $2", "select $2", 2),
    Rewrite("select $1 + $1", "select $1 + $1", 1),
    Rewrite("select '$3', \"$4\", $1 -- $9", "select '$3', \"$4\", $1 -- $9", 1),
    Rewrite("select $$ $5 $$, $1 /* $7 */", "select $$ $5 $$, $1 /* $7 */", 1),
    Rewrite("select a$2, $1 from t", "select a$2, $1 from t", 1),
    Rewrite("select a$b$c, $1 from t", "select a$b$c, $1 from t", 1),
    Rewrite("select é$2, _$3, $1 from t", "select é$2, _$3, $1 from t", 1),
    Rewrite("select $1::int, d ? $2 from t", "select $1::int, d ? $2 from t", 2),
    Rewrite("select d ? 'k', d ?? 'k', x %% 2, $1 from t", "select d ? 'k', d ?? 'k', x %% 2, $1 from t", 1),
    Rewrite(
        "select jsonb_path_query(d, '$.k ? (@ > $1)'), $1",
        "select jsonb_path_query(d, '$.k ? (@ > $1)'), $1",
        1,
    ),
    Rewrite("select x %some, $1 from t", "select x %some, $1 from t", 1),
    Rewrite("select v[$1:$2]", "select v[$1:$2]", 2),
    Rewrite("select ($1)", "select ($1)", 1),
    Rewrite("select 1 where x=$1and y", "select 1 where x=$1and y", 1),
    Rewrite("select $65535", "select $65535", 65535),
)

FORMAT = (
    Rewrite("select %s, %s", "select $1, $2", 2),
    Rewrite("select %s::int", "select $1::int", 1),
    Rewrite("select 9 %% 4, %s", "select 9 % 4, $1", 1),
    Rewrite("select 9 % 4, %s", "select 9 % 4, $1", 1),
    Rewrite("select 9 %%%s", "select 9 %$1", 1),
    Rewrite("select x %%some, %s from t", "select x %some, $1 from t", 1),
    Rewrite("select x %some, %s from t", "select x %some, $1 from t", 1),
    Rewrite("select x <%% y, x %%> y, %s from t", "select x <% y, x %> y, $1 from t", 1),
    Rewrite("select 1 where x like '%a%%' and y = %s", "select 1 where x like '%a%%' and y = $1", 1),
    Rewrite("select 1 /* 50%% %s */ + %s -- %s", "select 1 /* 50%% %s */ + $1 -- %s", 1),
    Rewrite("select '%s', \"%s\", $$%s$$, %s", "select '%s', \"%s\", $$%s$$, $1", 1),
    Rewrite("select d ? 'k', d ?? 'k', d ? %s", "select d ? 'k', d ?? 'k', d ? $1", 1),
    Rewrite("select x%some, a%s from t where b = %s", "select x%some, a%s from t where b = $1", 1),
    Rewrite("select format('%s %I', %s)", "select format('%s %I', $1)", 1),
    Rewrite("select 1 where a=%s and(b)>%s", "select 1 where a=$1 and(b)>$2", 2),
    Rewrite("select a = any(%s), b in (%s,%s)", "select a = any($1), b in ($2,$3)", 3),
)

PYFORMAT = (
    Rewrite("select %(a)s, %(b)s, %(a)s", "select $1, $2, $1", ("a", "b")),
    Rewrite("select '%(a)s', %(b)s", "select '%(a)s', $1", ("b",)),
    Rewrite("select 9 %% 4, %(a)s::int", "select 9 % 4, $1::int", ("a",)),
    Rewrite("select x %(y)some, %(a)s from t", "select x %(y)some, $1 from t", ("a",)),
    Rewrite("select x %(y + 1), %(a)s from t", "select x %(y + 1), $1 from t", ("a",)),
    Rewrite("select %(first name)s, %(a-b)s", "select $1, $2", ("first name", "a-b")),
    Rewrite("select d ? %(a)s", "select d ? $1", ("a",)),
    Rewrite("select 1 where a=%(a)s", "select 1 where a=$1", ("a",)),
)

QMARK = (
    Rewrite("select ?, ?", "select $1, $2", 2),
    Rewrite("?", "$1", 1),
    Rewrite(
        "select * from t where a=? and b<=? or c||? <> ?",
        "select * from t where a=$1 and b<=$2 or c||$3 <> $4",
        4,
    ),
    Rewrite("select v <-> ?, v<->?, v<=>? from t", "select v <-> $1, v<->$2, v<=>$3 from t", 3),
    Rewrite("select * from t where d ? 'k' and id = ?", "select * from t where d ? 'k' and id = $1", 1),
    Rewrite("select * from t where d ? ? and id in (?, ?)", "select * from t where d ? $1 and id in ($2, $3)", 3),
    Rewrite("select ? ? ?", "select $1 ? $2", 2),
    Rewrite(
        "select * from t where d ?| v and d ?& ? and d @? '$.k ? (@ > 1)'",
        "select * from t where d ?| v and d ?& $1 and d @? '$.k ? (@ > 1)'",
        1,
    ),
    Rewrite("select * from t where d ?|? and d ?&?", "select * from t where d ?|$1 and d ?&$2", 2),
    Rewrite("select * from t where d @? ? and e @@ ?", "select * from t where d @? $1 and e @@ $2", 2),
    Rewrite("select * from t where d ?? 'k' and id = ?", "select * from t where d ? 'k' and id = $1", 1),
    Rewrite(
        "select * from t where d ??| ? and d ??& ? and d ?? ?",
        "select * from t where d ?| $1 and d ?& $2 and d ? $3",
        3,
    ),
    Rewrite("select * from t where d ???", "select * from t where d ?$1", 1),
    Rewrite("select d @?? '$', ? from t", "select d @? '$', $1 from t", 1),
    Rewrite("select '?', \"?\", $$?$$, ? -- ?", "select '?', \"?\", $$?$$, $1 -- ?", 1),
    Rewrite("select * from t limit ? offset ?", "select * from t limit $1 offset $2", 2),
    Rewrite("select * from t fetch first ? rows only", "select * from t fetch first $1 rows only", 1),
    Rewrite("select * from t fetch next ? row with ties", "select * from t fetch next $1 row with ties", 1),
    Rewrite(
        "select * from t where a between ? and ? and b like ? escape ?",
        "select * from t where a between $1 and $2 and b like $3 escape $4",
        4,
    ),
    Rewrite(
        "select * from t where a is not distinct from ? or not ?",
        "select * from t where a is not distinct from $1 or not $2",
        2,
    ),
    Rewrite("select case when ? then ? else ? end", "select case when $1 then $2 else $3 end", 3),
    Rewrite("select case ? when ? then 1 end ? 'k'", "select case $1 when $2 then 1 end ? 'k'", 2),
    Rewrite("select ?::jsonb ? 'k'", "select $1::jsonb ? 'k'", 1),
    Rewrite("select (d -> 'x') ? ?, f(d) ? 'k' from t", "select (d -> 'x') ? $1, f(d) ? 'k' from t", 1),
    Rewrite("select d['x'] ? 'k', d['x'] ? ? from t", "select d['x'] ? 'k', d['x'] ? $1 from t", 1),
    Rewrite("select v[?], v[?:?], array[?, ?] from t", "select v[$1], v[$2:$3], array[$4, $5] from t", 5),
    Rewrite("select \"d\" ? 'k', '{}' ? 'k', $$x$$ ? 'k', ?", "select \"d\" ? 'k', '{}' ? 'k', $$x$$ ? 'k', $1", 1),
    Rewrite("select t.limit ? 'k', t.select ? ? from t", "select t.limit ? 'k', t.select ? $1 from t", 1),
    Rewrite(
        "select date ? 'k', first ? 'k', value ? ? from t",
        "select date ? 'k', first ? 'k', value ? $1 from t",
        1,
    ),
    Rewrite(
        "select d ? f(x), d ? (select 'k'), d ? $$k$$, ? from t",
        "select d ? f(x), d ? (select 'k'), d ? $$k$$, $1 from t",
        1,
    ),
    Rewrite(
        "select sum(x) over (order by y rows ? preceding) from t",
        "select sum(x) over (order by y rows $1 preceding) from t",
        1,
    ),
    Rewrite(
        "select sum(x) over (order by y range between ? preceding and ? following) from t",
        "select sum(x) over (order by y range between $1 preceding and $2 following) from t",
        2,
    ),
    Rewrite("select distinct on (a) ?, b from t", "select distinct on (a) $1, b from t", 1),
    Rewrite("select json_object('k' value ?, 'l' : ?)", "select json_object('k' value $1, 'l' : $2)", 2),
    Rewrite(
        "select json_object('k' value ? null on null), json_object('k' value ? absent on null), d ? null, ?",
        "select json_object('k' value $1 null on null), json_object('k' value $2 absent on null), d ? null, $3",
        3,
    ),
    Rewrite(
        "select substring(x from ? for ?), trim(both ? from x)",
        "select substring(x from $1 for $2), trim(both $3 from x)",
        3,
    ),
    Rewrite("select x at time zone ? from t", "select x at time zone $1 from t", 1),
    Rewrite("select f(a := ?, b => ?)", "select f(a := $1, b => $2)", 2),
    Rewrite("select d->>?, e#>>? from t where f = ?", "select d->>$1, e#>>$2 from t where f = $3", 3),
    Rewrite("select d /* ? */ ? 'k', ? -- ?\n, ?", "select d /* ? */ ? 'k', $1 -- ?\n, $2", 2),
    Rewrite("select d -- ? \n ? /* ? */ 'k', ?", "select d -- ? \n ? /* ? */ 'k', $1", 1),
    Rewrite("select ?--c\n, ?/* ? */", "select $1--c\n, $2/* ? */", 2),
    Rewrite("select 1 /* c */?", "select 1 /* c */$1", 1),
    Rewrite("select ?*2, -?, ?-1, ?||'x', ?+?", "select $1*2, -$2, $3-1, $4||'x', $5+$6", 6),
    Rewrite(
        "select 1 where ?=a and ?<>b and ?=? and ?->>'k' = ''",
        "select 1 where $1=a and $2<>b and $3=$4 and $5->>'k' = ''",
        5,
    ),
    Rewrite("select ?| l, ?- m, ?|n, ?-1 from t", "select ?| l, ?- m, $1|n, $2-1 from t", 2),
    Rewrite("select a ?-| b, a ?|| b, a ?# b, ? from t", "select a ?-| b, a ?|| b, a ?# b, $1 from t", 1),
    Rewrite("select path ?<@ 'a', path ?~ 'b', ? from t", "select path ?<@ 'a', path ?~ 'b', $1 from t", 1),
    Rewrite(
        "insert into t values (?, default, ?) returning ?",
        "insert into t values ($1, default, $2) returning $3",
        3,
    ),
    Rewrite("update t set a = ?, b = ? where c = ?", "update t set a = $1, b = $2 where c = $3", 3),
    Rewrite('select ? as a, ? b, ? "c"', 'select $1 as a, $2 b, $3 "c"', 3),
    Rewrite("select x % 2, x %% 2, ?", "select x % 2, x %% 2, $1", 1),
    Rewrite("fetch forward ? from c", "fetch forward $1 from c", 1),
)

NO_PARAMETERS = (
    same(""),
    same(" \n"),
    same("-- only :a comment"),
    same("select 1"),
    same("select d ? 'k', d ?? 'k', x %% 2, x % 2, a::int from t"),
    same("select x%some, x %some, x%s from t"),
    same("select v[i:j], v[:], v[1:] from t"),
    same("select limit?"),
    same("select '$1 :a %s ? %(a)s'"),
    same("do $$ declare n int := 1; begin perform :y, $1, ?, %s; end $$"),
    same("create function f() returns int language sql as $body$ select :x, $1, ?, %s $body$"),
    same("create function f(int) returns int language sql return $1 + 1"),
    same("create or replace function f(int) returns int begin atomic select $1; end"),
    same("Create /* x */ Or Replace -- y\nProcedure p(int) begin atomic select $1; end"),
    same("prepare q (int, int) as select $1, $2, $0"),
    same("select $$ $1 :a $$"),
)


class Kind(NamedTuple):
    """A text and what the scanner says of its first statement; `main` is the text that follows `main_verb_at`."""

    sql: str
    verb: str
    main: str
    rows: bool = False
    encloses: bool = False
    lasting: bool = False


def query(sql: str, verb: str = "SELECT", main: str | None = None, *, lasting: bool = False) -> Kind:
    return Kind(sql, verb, sql if main is None else main, rows=True, encloses=True, lasting=lasting)


def change(sql: str, verb: str, main: str | None = None, *, rows: bool = False) -> Kind:
    return Kind(sql, verb, sql if main is None else main, rows=rows, encloses=rows)


def other(sql: str, verb: str, *, rows: bool = False) -> Kind:
    return Kind(sql, verb, sql, rows=rows, lasting=True)


KINDS = (
    query("select 1"),
    query("  \n SELECT*from t", main="SELECT*from t"),
    query("-- select\n/* insert /* update */ */ select 1", main="select 1"),
    query("select 1;", main="select 1;"),
    query("select"),
    query("select'x'"),
    query("values (1), (2)", "VALUES"),
    query("table t", "TABLE"),
    query("(select 1)"),
    query("/* ( */ ( ( select 1 ) ) order by 1", main="( ( select 1 ) ) order by 1"),
    query("(select 1) union all (values (2))"),
    query("((values (1)) union (select 2))", "VALUES"),
    query("select 1 as into"),
    query('select t.into, t."into", "into" from t'),
    query("select 'into', $$into$$, into_, xinto, into$, éinto from t -- into"),
    query("select (select 1 as into from t) from t"),
    query("select f(x /* into */) from t for update"),
    query("with insert as (select 1) select * from insert", main="select * from insert"),
    query("with delete as (table t) table delete", "TABLE", "table delete"),
    query("with values (update) as materialized (select 1) values (1)", "VALUES", "values (1)"),
    query(
        "with recursive merge(a) as not materialized (select 1) (select * from merge)",
        main="(select * from merge)",
    ),
    query("with a as (insert into t values (1) returning *) select * from a", main="select * from a"),
    query("with a as (select 1), b as (select 2 into_) select 3", main="select 3"),
    query("with a as (select 1) -- x\n/* y */ select 2", main="select 2"),
    query("with a as (select 1) search depth first by update set insert select 2", main="select 2"),
    query("with a as (select 1) cycle b set c using merge (select 2)", main="(select 2)"),
    query("with a as (select 1) cycle b set c to 'y' default 'n' using set select 2", main="select 2"),
    query("with set (using_) as (select 1), recursive as (select 1) select 2", main="select 2"),
    query("with a as (select 1) ((select 2) union (select 3))", main="((select 2) union (select 3))"),
    query("with a as (select 1) (with b as (select 2) select 3)", main="(with b as (select 2) select 3)"),
    query("(with a as (select 1) values (2)) limit 1", "VALUES"),
    query("with a as (delete from t) select 1", main="select 1"),
    query("select '('"),
    query("select array[1, 2], (array[1])[1] from t where x in (select 1)"),
    query("select nextval('s')", lasting=True),
    query("select SetVal('s', 1)", lasting=True),
    query("select pg_catalog.set_config('a', 'b', false)", lasting=True),
    query('select "pg_advisory_lock"(1)', lasting=True),
    query("select pg_try_advisory_xact_lock(1)", lasting=True),
    query("select U&\"\\0073et_config\"('a', 'b', false)", lasting=True),
    query("select setseed(0.5)", lasting=True),
    query("select currval('s')"),
    Kind("select 1 into t", "SELECT", "select 1 into t", lasting=True),
    Kind("select a INTO temp t from u", "SELECT", "select a INTO temp t from u", lasting=True),
    Kind("(select 1 into t)", "SELECT", "(select 1 into t)", lasting=True),
    Kind("((select 1 into t) union select 2)", "SELECT", "((select 1 into t) union select 2)", lasting=True),
    Kind("with a as (select 1) select * into t from a", "SELECT", "select * into t from a", lasting=True),
    Kind("with a as (select 1) (select * into t from a)", "SELECT", "(select * into t from a)", lasting=True),
    Kind("select $$x$$into t", "SELECT", "select $$x$$into t", lasting=True),
    Kind("select (select max(x) from u) into t", "SELECT", "select (select max(x) from u) into t", lasting=True),
    change("insert into t values (1)", "INSERT"),
    change("insert into t values (1) returning id", "INSERT", rows=True),
    change("insert into t values (1) RETURNING*", "INSERT", rows=True),
    change("insert into t select 1 as returning", "INSERT"),
    change("insert into t select u.returning from u", "INSERT"),
    change("insert into t select u . /* x */ returning from u", "INSERT"),
    change("insert into t select 1 as -- x\n returning from u returning a as returning", "INSERT", rows=True),
    change("insert into t select 'returning', \"returning\", returning_ from u -- returning", "INSERT"),
    change("insert into t select json_value(d, '$' returning int) from u", "INSERT"),
    change("insert into t default values on conflict do nothing returning 1", "INSERT", rows=True),
    change("update t set a = 1", "UPDATE"),
    change("update t set a = 1 returning old.a, new.a", "UPDATE", rows=True),
    change("delete from t", "DELETE"),
    change("Delete From t Returning *", "DELETE", rows=True),
    change("merge into t using u on a = b when matched then delete", "MERGE"),
    change("merge into t using u on a = b when matched then delete returning merge_action()", "MERGE", rows=True),
    change(
        "with a as (delete from t returning *) insert into u select * from a",
        "INSERT",
        "insert into u select * from a",
    ),
    change(
        "with a as (select 1) update t set b = 1 from a returning 1",
        "UPDATE",
        "update t set b = 1 from a returning 1",
        rows=True,
    ),
    change("with a as (update t set b = 1 returning b), c as (select 1) delete from t", "DELETE", "delete from t"),
    change(
        "with a as (select 1) merge into t using a on true when matched then delete",
        "MERGE",
        "merge into t using a on true when matched then delete",
    ),
    other("show all", "SHOW", rows=True),
    other("explain select 1", "EXPLAIN", rows=True),
    other("explain analyze insert into t values (1)", "EXPLAIN", rows=True),
    other("fetch all from c", "FETCH", rows=True),
    other("execute q(1)", "EXECUTE", rows=True),
    other("call p(1)", "CALL", rows=True),
    other("create table t as select 1", "CREATE"),
    other("create table t (a int)", "CREATE"),
    other("create view v as select 1", "CREATE"),
    other("prepare q as select 1", "PREPARE"),
    other("declare c cursor for select 1", "DECLARE"),
    other("move 1 in c", "MOVE"),
    other("copy t from stdin", "COPY"),
    other("do $$ begin end $$", "DO"),
    other("set a = 1", "SET"),
    other("reset all", "RESET"),
    other("begin", "BEGIN"),
    other("START TRANSACTION", "START"),
    other("end", "END"),
    other("savepoint s", "SAVEPOINT"),
    other("listen c", "LISTEN"),
    other("vacuum", "VACUUM"),
    other("truncate t", "TRUNCATE"),
    other("lock t", "LOCK"),
    Kind("with a as (select 1)", "WITH", "", lasting=True),
    Kind("123", "", "", lasting=True),
    Kind("'select'", "", "", lasting=True),
    Kind("", "", ""),
    Kind(" -- select 1", "", ""),
    Kind("/* select 1 */ ; ;", "", ""),
)

# A text and the statements that it holds.
SCRIPTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ()),
    (" ; ;; /* ; */ -- ;\n;", ()),
    ("select 1", ("select 1",)),
    (" select 1 ; ", ("select 1",)),
    ("select 1;;select 2", ("select 1", "select 2")),
    ("select 1 -- ;\n;\n\n select 2 /* ; */", ("select 1", "select 2")),
    ("-- one\nselect 1; -- two\nselect 2", ("-- one\nselect 1", "-- two\nselect 2")),
    ("/*+ hint */ select 1 /* a */ -- b", ("/*+ hint */ select 1",)),
    ("select 1 -- x ", ("select 1",)),
    ("select ';', \";\", $$;$$, E'\\';'; select 2", ("select ';', \";\", $$;$$, E'\\';'", "select 2")),
    ("select (1 ; 2); select 3", ("select (1 ; 2)", "select 3")),
    (
        "create rule r as on update to t do (delete from u; delete from v); select 1",
        ("create rule r as on update to t do (delete from u; delete from v)", "select 1"),
    ),
    (
        "create function f() returns int begin atomic select 1; select 2; end; select 3",
        ("create function f() returns int begin atomic select 1; select 2; end", "select 3"),
    ),
    (
        "create or replace procedure p() BEGIN ATOMIC select case when a then 1 end; END; select 3",
        ("create or replace procedure p() BEGIN ATOMIC select case when a then 1 end; END", "select 3"),
    ),
    (
        "create function f() begin /* x */ atomic select (case 1 when 2 then case 3 when 4 then 5 end end); end; begin",
        (
            "create function f() begin /* x */ atomic select (case 1 when 2 then case 3 when 4 then 5 end end); end",
            "begin",
        ),
    ),
    (
        "create function f() begin atomic select 1 as end, 2 as case, t.end, \"end\", 'end', endx from t; end; begin",
        (
            "create function f() begin atomic select 1 as end, 2 as case, t.end, \"end\", 'end', endx from t; end",
            "begin",
        ),
    ),
    (
        "create function f(a int default case when true then 1 end) returns int begin atomic; end; select 1",
        (
            "create function f(a int default case when true then 1 end) returns int begin atomic; end",
            "select 1",
        ),
    ),
    (
        "create function f() language sql return 1; create function g() begin atomic end; begin",
        (
            "create function f() language sql return 1",
            "create function g() begin atomic end",
            "begin",
        ),
    ),
    ("create table atomic (begin int); select 1", ("create table atomic (begin int)", "select 1")),
    (
        "create view v as select begin atomic from t where case when a then b end; end",
        ("create view v as select begin atomic from t where case when a then b end; end",),
    ),
    ("begin; insert into t values (1); end", ("begin", "insert into t values (1)", "end")),
    (
        "with a as (select 1) select 2; with b as (select 1) insert into t select 2",
        ("with a as (select 1) select 2", "with b as (select 1) insert into t select 2"),
    ),
    ("select v[1;2]; select 3", ("select v[1;2]", "select 3")),
    ("select 1); select 2", ("select 1)", "select 2")),
    ("select 'é'; select '😀'", ("select 'é'", "select '😀'")),
)

# A text and whether it has a COPY from or to the client.
COPIES = (
    ("copy t from stdin", True),
    ("COPY t (a, b) FROM STDIN WITH (FORMAT binary)", True),
    ("copy t from /* x */ stdin", True),
    ("copy (select stdin from t) to stdout", True),
    ("copy (delete from t returning *) to stdout csv", True),
    ("select 1; copy t to STDOUT", True),
    ("copy t from 'stdin'", False),
    ("copy stdin from '/tmp/x'", False),
    ("copy (select * from stdin) to '/tmp/x'", False),
    ("copy t to program 'cat' -- to stdout", False),
    ("copy t (stdout) to '/tmp/x'", False),
    ('copy t from "stdin"', False),
    ("select stdin from stdout", False),
    ("insert into t select 'copy t from stdin'", False),
)

# A text and a part of the message: what is wrong, where.
UNTERMINATED = (
    ("select 'abc", "string at 1:8"),
    ("select 1,\n  'it''s", "string at 2:3"),
    ("select E'a\\'", "string at 1:9"),
    ("select E'a''", "string at 1:9"),
    ("select E'a''\\'", "string at 1:9"),
    ("select E'a'\n'b\\'", "string at 1:9"),
    ("select 'a''", "string at 1:8"),
    ('select "abc', "quoted identifier at 1:8"),
    ('select "a""', "quoted identifier at 1:8"),
    ("select $$ab$", "dollar-quoted string at 1:8"),
    ("select 1, $a$ $A$", "dollar-quoted string at 1:11"),
    ("select 1 /* a", "block comment at 1:10"),
    ("select 1\n/* /* */", "block comment at 2:1"),
    ("/* a", "block comment at 1:1"),
    ("select ? /*", "block comment at 1:10"),
    ("create /*", "block comment at 1:8"),
    ("select 'a';\n\nselect 'b", "string at 3:8"),
)

MISUSED = (
    ("select $1, :a", "$1 at 1:8 and :a at 1:12"),
    ("select :a,\n %s", ":a at 1:8 and %s at 2:2"),
    ("select %s, %(a)s", "%s at 1:8 and %(a)s at 1:12"),
    ("select %(a)s\n, $2", "%(a)s at 1:8 and $2 at 2:3"),
    ("select %s; select :a", "%s at 1:8 and :a at 1:19"),
    ("select ?, :a, $1", ":a at 1:11 and $1 at 1:15"),
    ("select $0", "$0 at 1:8"),
    ("select $1,\n$00", "$00 at 2:1"),
    ("select $65536", "$65536 at 1:8"),
    ("select $" + "9" * 5000, "at 1:8"),
    ("select ?1, ?2", "?1 at 1:8"),
    ("select *\nfrom t limit ?1", "?1 at 2:14"),
)
