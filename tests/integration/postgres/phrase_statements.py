"""Statements that fail, one a line, by what is wrong with them; each is run on its own and rolled back.

Every failure in `BLOCKS` has a text of its own on the server. Those in `UNCERTAIN` share theirs with others.
"""

from __future__ import annotations

from tests.integration.postgres.phrase_statements_more import MORE

SETUP = r"""
create table parent (id int constraint parent_key primary key, note text default 'x');
create table child (
    id int constraint child_parent references parent,
    kept int constraint child_kept references parent on delete restrict,
    later int constraint child_later references parent deferrable initially deferred,
    needed int not null default 1,
    amount int constraint amount_positive check (amount > 0),
    during int4range,
    code varchar(3),
    bits bit(3),
    price numeric(4, 2),
    constraint no_overlap exclude using gist (during with &&)
);
insert into parent values (1), (2);
insert into child (id, kept, during) values (1, 2, '[1,5)');
create domain positive as int constraint positive_check check (value > 0);
create domain needed_text as text not null;
create domain "odd "" name" as int constraint "odd "" check" check (value > 0);
create type mood as enum ('sad', 'happy');
create type pair as (a int, b text);
create table typed (n positive, t needed_text, o "odd "" name", m mood, p pair);
create table parts (n int not null) partition by range (n);
create table part_1 partition of parts for values from (0) to (10);
create table loose as select 50 as n;
alter table loose alter n set not null;
create table keys (n int primary key) partition by range (n);
create table keys_1 partition of keys for values from (0) to (10);
create table keys_rest partition of keys default;
insert into keys values (1), (15);
create table referring_keys (n int constraint to_keys references keys);
insert into referring_keys values (1);
insert into typed (n, t) values (1, 'x'), (null, 'y');
create table always (id int generated always as identity, n int generated always as (1) stored);
create view counted as select count(*) from parent;
create view positives as select id from parent where id > 0 with check option;
create materialized view empty as select 1 as n with no data;
create sequence short maxvalue 2;
select setval('short', 2);
create table "t "" violates unique constraint ""x" ("c "" of relation ""y" int not null
    constraint "k "" on table ""z" check ("c "" of relation ""y" > 0) constraint "u%s" unique);
create function two(out a int, out b int) language sql as 'select 1, 2';
create function same(int, bigint) returns int language sql as 'select 1';
create function same(bigint, int) returns int language sql as 'select 1';
create function set_of() returns setof int language sql as 'select 1';
create procedure proc() language plpgsql as $$ begin commit; end $$;
create function nothing() returns int language plpgsql as $$ begin end $$;
create function strictly(q text) returns text language plpgsql as $$
    declare x text; begin execute q into strict x; return x; end $$;
create index parent_note on parent (note);
prepare known as select 1;
"""

INTEGRITY = r"""
insert into parent values (1)
insert into child (id) values (9)
delete from parent where id = 1
delete from parent where id = 2
insert into child (needed) values (null)
update child set needed = null
insert into child (amount) values (0)
insert into child (during) values ('[2,3)')
insert into typed (n) values (-1)
insert into typed (t) values (null)
insert into typed (t, o) values ('x', 0)
insert into parts values (11)
insert into part_1 values (11)
insert into positives values (-1)
create unique index twice on parent (note)
alter table parent add constraint alike exclude using btree (note with =)
alter domain positive add constraint large check (value > 5)
alter domain positive set not null
alter table parts attach partition loose for values from (20) to (30)
alter table keys detach partition keys_1
create table keys_2 partition of keys for values from (10) to (20)
alter table child alter column amount set not null
alter table child add constraint large check (needed > 5)
alter table "t "" violates unique constraint ""x" add column x int, add check (1/0 > 0)
insert into "t "" violates unique constraint ""x" values (0)
insert into "t "" violates unique constraint ""x" values (null)
insert into "t "" violates unique constraint ""x" values (1), (1)
"""

SYNTAX = r"""
selec 1
select 'x
select "x
select /* x
select $x$ x
select b'1
select ""
select 1x
select $1x
select U&'\d83d'
select 1; select 2
insert into parent values (1, 'x', 3)
insert into parent (id, note) values (1)
insert into parent (id, id) values (1, 2)
values (1), (1, 2)
select *
select default
select 1 union select 1, 2
select 1 order by 5
select distinct on (id) id from parent order by note
select distinct id from parent order by note
select 1 limit id from parent
select sum(sum(id)) from parent
select id, sum(id) from parent
select 1 from parent where sum(id) > 1
select 1 from parent where row_number() over () > 1
select row_number() over (rows between unbounded following and current row)
with recursive r as (select 1 union all select * from r union all select * from r) select * from r
insert into parent values (1) on conflict (note) do nothing
insert into always (id) values (1)
update always set id = 1
update always set n = 1
update parent set id = 1, id = 2
select a.b.c.d.e.f from parent
select * from json_to_record('{}')
select same(a => 1, a => 2)
select same(a => 1, 2)
select (1, 2) = (1, 2, 3)
select 1 = (select 1, 2)
select (select 1, 2)
explain (nonsense) select 1
select 'a' like 'a' escape 'bb'
select 'a b'::tsquery
create role pg_mine
create schema pg_mine
"""

NAMES = r"""
select * from missing
select * from missing.missing
select * from "mis ""sing"
select missing from parent
select parent.missing from parent
select m.id from parent
update parent set missing = 1
alter table parent drop column missing
create index on parent (missing)
create table t (a int, primary key (b))
alter table parent add foreign key (missing) references parent
select * from parent a join parent b using (missing)
select (p).missing from typed
update typed set p.missing = 1
select missing(1)
select missing('x', null)
select 1 || 2
select point '(1,1)' = 5
call missing()
drop function missing(int)
drop procedure missing()
drop aggregate missing(int)
select $1::int
select * from parent order by point '(1,1)'
create table t (like missing)
create table missing.t (a int)
create table t (a int, a int)
create table t (xmin int)
create table parent (a int)
create view counted as select 1
alter table parent add column note text
alter table parent rename to child
create schema public
create type mood as enum ()
create role postgres
alter type mood add value 'sad'
create function two() returns int language sql as 'select 1'
create database postgres
create extension plpgsql
create extension missing
prepare known as select 1
declare cursored cursor for select 1
select 1 from parent, parent
with a as (select 1), a as (select 2) select 1
select id from parent a, parent b
select 1 from parent a, (select 1 from pg_class) b join pg_class a on true
select same(1, 2)
select '1' + '2'
drop table missing
drop view missing
drop sequence missing
drop materialized view missing
drop foreign table missing
drop index missing
drop schema missing
drop database missing
drop extension missing
drop collation missing
drop language missing
drop server missing
drop publication missing
drop tablespace missing
drop event trigger missing
drop trigger missing on parent
drop policy missing on parent
drop access method missing
drop text search dictionary missing
alter table parent drop constraint missing
alter domain positive drop constraint missing
execute missing
deallocate missing
fetch missing
close missing
rollback to savepoint missing
release savepoint missing
show missing
set missing = 1
select 'a' collate missing
select sum(1) over missing
commit prepared 'missing'
alter table child add foreign key (id) references typed
alter table child add foreign key (id) references parent (note)
select nextval('missing')
"""

KINDS = r"""
insert into parent values ('x'::text)
insert into parent values (true)
create table t (a int default 'x'::text)
alter table parent alter column note type int
select case when true then 1 else 'x'::text end
select 1 union select 'x'::text
select array[1, 'x'::text]
select 1 where 1
select 1 limit 'x'::text
select (1)[1]
update typed set n.a = 1
select array_append(1, 2)
select array_append(array[1], 'x'::text)
select array[]
alter table child add constraint f foreign key (during) references parent
select $1
select array[$1]
select $1::point::int4range
select 1::point
select cast(row(1, 2) as int)
select 1::text::point::int
select ('a' collate "C") < ('b' collate "POSIX")
drop view parent
drop table counted
call two()
select proc()
select row_number()
select upper(distinct 'x') over ()
select upper(distinct 'x')
insert into empty values (1)
select * from short for update
select 1 = any (1)
set constraints parent_key deferred
create table t (a int primary key, b int primary key)
create table t (a anyelement)
create or replace view counted as select 1 as other
create or replace view counted as select 1::text as count
create or replace function two(out a int) language sql as 'select 1'
create or replace function same(x int, bigint) returns text language sql as 'select 1'
refresh materialized view counted
create function f() returns int language sql as 'select true'
create index on parent ((random()))
create table t (a float generated always as (random()) stored)
create table part_3 partition of parts for values from (5) to (6)
grant postgres to postgres
drop table parent
drop type mood
drop function pg_catalog.now()
"""

DATA = r"""
select 'x'::int
select 'x'::bigint
select 'x'::smallint
select 'x'::numeric
select 'x'::float8
select 'x'::real
select 'x'::bool
select 'x'::uuid
select 'x'::money
select 'x'::oid
select '{'::json
select '{'::jsonb
select '\u'::bytea
select '\xz'::bytea
select '\x1'::bytea
select 'x'::inet
select 'x'::macaddr
select 'x'::point
select 'x'::tid
select 'x'::pg_lsn
select 'x'::mood
select '{'::int[]
select '['::int4range
select '['::int4multirange
select '('::pair
select 'x'::jsonpath
select '$ $'::jsonpath
select '1 " : "'::int
select 'x'::date
select 'x'::time
select 'x'::timestamp
select 'x'::timestamptz
select 'x'::interval
select '2020-13-45'::date
select '25:00'::time
select '999999-01-01'::timestamp
select '99999999-01-01'::date
select date '5874897-12-31' + 1
select timestamp '294276-12-31' + interval '1 year'
select '999999999999999999 years'::interval
select interval '178000000 years' * 2
select make_date(2020, 13, 1)
select make_time(25, 0, 0)
select make_interval(secs => 'NaN')
select '2020-01-01 00:00+99'::timestamptz
select now() at time zone 'nowhere'
select extract(nonsense from now())
select date_trunc('nonsense', now())
select to_date('x', 'YYYY')
select to_date('2020-99', 'YYYY-MM')
select 99999999999::int
select '99999999999'::int
select 2147483647 + 1
select 9223372036854775807 + 1
select 32767::smallint + 1::smallint
select '1e999'::float8
select '1e99'::real
select 1e200::float8 * 1e200::float8
select 1e-200::float8 * 1e-200::float8
select exp(1000::float8)
select '1e999999999'::numeric
update child set price = 1000
select 10.0 ^ 200000
select 1/0
select 1.0/0
select 1 % 0
insert into child (code) values ('long')
insert into child (bits) values ('1')
select b'1' & b'11'
select b'12'
select substring('x', 1, -1)
select ln(0)
select ln(-1)
select log(0.0)
select sqrt(-1)
select sqrt(-1.0)
select (-1) ^ 0.5
select 0 ^ -1
select ntile(0) over ()
select nth_value(1, 0) over ()
select width_bucket(1, 1, 1, 1)
select 1 limit -1
select 1 offset -1
select sum(n) over (order by n rows between -1 preceding and current row) from generate_series(1, 2) n
select sum(n) over (order by n rows between null preceding and current row) from generate_series(1, 2) n
select json_object_agg(null, 1)
select json_populate_record(null::pair, null) -> 1
select jsonb_set('1', '{a}', '1')
select jsonb_array_length('1')
select jsonb_array_elements('{}')
select jsonb_each('[]')
select jsonb_path_query('{}', 'strict $.a')
select jsonb_path_query('1', 'strict $[0]')
select jsonb_path_query('[1]', 'strict $[5]')
select jsonb_path_query('"x"', '$ + 1')
select '\u0000'::jsonb ->> 0
select '"\u0000"'::jsonb
select chr(0)
select convert_from('\xff', 'UTF8')
select convert('x', 'UTF8', 'NOWHERE')
select convert_to('€', 'LATIN1')
select encode('x', 'nonsense')
select decode('x', 'hex')
select 'a' ~ '('
select format('%s')
select split_part('a', 'b', 0)
select generate_series(1, 5, 0)
select (array[1, 2])[1:2][1] || array_fill(1, array[-1])
select array_fill(1, null)
select array[[1], [1, 2]]
select get_byte('x', 5)
select int4range(2, 1)
select int4range(1, 2) + int4range(5, 6)
select int4range(1, 9) - int4range(3, 4)
select nextval('short')
select setval('short', 5)
select (select n from generate_series(1, 2) n)
insert into parent values (7), (7) on conflict (id) do update set note = 'y'
merge into parent p using (values (1), (1)) v (id) on p.id = v.id when matched then update set note = 'y'
select pg_notify('', 'x')
select pg_notify(repeat('x', 100), 'x')
select pg_notify('x', repeat('x', 9000))
set statement_timeout = 'x'
set work_mem = -5
set enable_seqscan = 5
set max_connections = 5
set server_version = 'x'
set timezone = 'nowhere'
select 'x'::numeric(2000)
select 1::varchar(0)
select nothing()
select strictly('select 1 where false')
do $$ begin assert false; end $$
do $$ begin case 1 when 2 then null; end case; end $$
do $$ begin select 1; end $$
do $$ declare x int not null = 1; begin x = null; end $$
do $$ declare x record; begin x.a = 1; end $$
do $$ begin execute null; end $$
do $$ begin for i in 1..null loop end loop; end $$
do $$ begin commit; end $$
do $$ declare r pair; begin r.c = 1; end $$
"""

STATE = r"""
savepoint s1; savepoint s2
vacuum
create database other
create index concurrently on parent (note)
call proc()
select lastval()
select * from empty
delete from counted
update counted set count = 1
insert into counted values (1)
truncate parent
drop role postgres
drop database postgres
alter table parent drop column ctid
prepare transaction 'x'
select 1 from parent group by id for update
select count(*) from parent for update
select * from (values (1)) v for update of w
with w as (insert into parent values (50)) select * from w
select 1 where generate_series(1, 2) > 1
select (1, 2)::record::text::record
select 1 from other.public.parent
select array_fill(1, array[100000, 100000])
insert into parent select 61, string_agg(md5(n::text), '') from generate_series(1, 900) n
copy parent from '/nonexistent/file'
load '/nonexistent/library'
select pg_read_file('/nonexistent/file')
delete from parent where current of cursored
fetch backward from cursored
"""

AS_POOR = r"""
select * from parent
insert into parent values (3)
select * from counted
create table public.t (a int)
select pg_read_file('x')
select pg_sleep(0) from pg_authid
alter table parent add column x int
drop function two()
drop type mood
drop schema public
create role x
create database x
set session_preload_libraries = 'x'
copy parent to '/nonexistent/file'
select nextval('short')
create extension plpgsql
alter system set work_mem = 64
"""

UNCERTAIN = r"""
drop domain missing
drop index parent
select array[1] || array[[[1]]]
refresh materialized view parent
select 1::missing
drop type missing
select $1 is null or $1 > 5
select parent.id from parent p
set role missing
select strictly('select generate_series(1, 2)')
select U&'\00'
grant select on parent to missing
"""

# Texts that the server has for two conditions; the first word of the statement, or the hint, tells which of them it is.
TOLD_APART = r"""
grant select on parent to missing
revoke select on parent from missing
alter table parent owner to missing
create schema s authorization missing
reassign owned by missing to postgres
drop role missing
set role missing
set session authorization missing
select 1::missing
drop type missing
create table t (a missing)
create type missing (input = int4in, output = int4out)
"""

BLOCKS = {
    "integrity": INTEGRITY,
    "syntax": SYNTAX,
    "names": NAMES,
    "kinds": KINDS,
    "data": DATA,
    "state": STATE,
    "rights": AS_POOR,
    "more": MORE,
}
