"""More statements that fail, one a line, each with a text of its own on the server; on the objects of `SETUP`."""

from __future__ import annotations

MORE = r"""
create sequence s maxvalue 0
select lo_open(1, 2)
select repeat('x', 2000000000)
create table t (a int, b int generated always as (b + 1) stored)
create table t (a int generated always as identity generated always as identity)
create table t (a int default 1 default 2)
create table t (a int null not null)
create table t (a text generated always as identity)
create table t (a int references parent (id) match partial)
create table t (a int check (a > (select 1)))
create table t (a int default (select 1))
create table t (a int default (sum(1)))
create table t (a int check (sum(a) > 1))
create table t (a int) inherits (missing)
create table t (a int) inherits (counted)
create table t (id text) inherits (parent)
create table t (a int) with (nonsense = 1)
create table t (a int) with (fillfactor = 5)
create table t (a int) with (fillfactor = 'x')
create table t (a int) tablespace missing
create table t (a int) partition by range (b)
create table t (a int) partition by nonsense (a)
create table t (a int, primary key (a)) partition by range ((a + 1))
create table t partition of parent for values from (1) to (2)
create table t partition of parts for values from (20) to (15)
create table t partition of parts for values in (1)
create table t partition of parts for values from (1, 2) to (3, 4)
create table t partition of parts for values from ('x') to ('y')
create temp table public.t (a int)
create table pg_catalog.t (a int)
create table t (a int, constraint c check (a > 0), constraint c check (a > 1))
create table t (a serial[])
create table t (a int collate "C")
create table t (a text compression nonsense)
create table t (a int storage nonsense)
create table t (like parent including nonsense)
create unlogged table t (a int) on commit drop
alter table parent add primary key (note)
alter table parent alter id drop not null
alter table parent alter note type int using 'x'::text
alter table always alter id add generated always as identity
alter table parent alter id set statistics -5
alter table parent alter id set storage external
alter table parent inherit parent
alter table parent inherit child
alter table parent of pair
alter table parent not of
alter table parent attach partition child for values from (1) to (2)
alter table parent rename column ctid to x
alter table parent rename constraint missing to x
alter table parent disable trigger missing
alter table parent disable rule missing
alter table parent cluster on missing
alter table child validate constraint amount_positive, alter constraint amount_positive deferrable
alter table parent drop constraint parent_key
alter table counted add column x int
alter table part_1 add column x int
alter table parts drop column n
alter table parts add column x int, alter n type bigint
alter sequence short increment 0
alter sequence short cache 0
alter sequence short owned by missing
alter sequence short start 99
alter sequence short restart 99
alter sequence parent restart
create sequence short
create sequence s as text
create sequence s minvalue 5 start 1
create sequence s as smallint maxvalue 99999999
create sequence s increment 1 increment 2
create index on parent using nonsense (id)
create index on parent using hash (id, note)
create index on parent (id nonsense_ops)
create index on parent (sum(id))
create index on counted (count)
create index on parent (id) where sum(id) > 1
create index on parent using gin (id)
create index on parent (ctid)
drop index parent_key
reindex (nonsense) table parent
cluster parent
create view v as select $1
create view v (a, b) as select 1
create view v as select 1 as a, 2 as a
create view v as select 1 into t
create view v as select count(*) from parent with check option
refresh materialized view concurrently empty
create function f() returns int language nonsense as 'x'
create function f() returns int language sql as 'select'
create function f(a int, a int) returns int language sql as 'select 1'
create function f(out a int) returns text language sql as 'select 1'
create function f(a int default 1, b int) returns int language sql as 'select 1'
create function f(variadic a int) returns int language sql as 'select 1'
create function f() returns int language sql
create function f() returns int as 'select 1'
create function f() returns int language sql cost -1 as 'select 1'
create function f() returns int language sql rows 5 as 'select 1'
create function f() returns setof int language sql rows -5 as 'select 1'
create function f() returns int language plpgsql as 'begin x := 1; end'
create function f() returns int language c as 'missing', 'f'
create function f() returns int language internal as 'nonsense'
create function f() returns trigger language sql as 'select 1'
create or replace function two() returns table (a int) language sql as 'select 1'
create or replace procedure two() language sql as ''
alter function missing() owner to postgres
drop function same
drop function missing
drop procedure two()
drop operator + (none, point)
drop operator === (int, int)
drop cast (int as point)
drop transform for int language plpgsql
drop statistics missing
drop conversion missing
drop text search configuration missing
drop operator family missing using btree
drop user mapping for postgres server missing
drop foreign data wrapper missing
drop subscription missing
alter role postgres connection limit -5
alter role postgres valid until 'x'
alter role postgres set nonsense = 1
alter database missing set work_mem = 1
alter schema missing rename to x
alter schema public rename to pg_x
alter type mood add value 'x' before 'missing'
alter type mood rename value 'sad' to 'happy'
alter type parent rename to x
alter domain mood set default 'x'
alter domain positive add constraint positive_check check (value > 1)
create type x as enum ('a', 'a')
create type pair as (a int)
create type x as range (subtype = json)
create type x as range (nonsense = 1)
create domain d as anyelement
create domain d as int unique
create domain d as int null not null
create domain d as int default 1 default 2
create domain d as int references parent
create cast (int as int) without function
create cast (int as point) with function two()
create cast (mood as mood) with function same(int, bigint)
create operator === (leftarg = int)
create operator === (leftarg = int, procedure = missing)
create operator === (procedure = int4pl)
create operator class c for type int using btree as operator 99 <
create operator class int4_ops default for type int using btree as operator 1 <
create aggregate a (int) (sfunc = int4pl)
create aggregate a (int) (stype = int)
create aggregate a (int) (sfunc = missing, stype = int)
create aggregate a (*) (sfunc = int4pl, stype = text)
create aggregate a (int) (sfunc = int4pl, stype = anyelement)
create collation c from missing
create collation c (nonsense = 1)
create conversion c for 'nonsense' to 'utf8' from missing
create language plpgsql
create publication p for table counted
create publication p with (nonsense = 1)
create subscription s connection 'x' publication p with (connect = true, slot_name = none)
create subscription s connection 'x=y' publication p with (connect = false)
create subscription s connection 'host=x' publication p, p with (connect = false)
create statistics s on id from parent
create statistics s (nonsense) on id, note from parent
create statistics s on id, id from parent
create statistics s on id, note from counted
create text search configuration c (nonsense = 1)
create text search configuration c (parser = missing)
create text search dictionary d (template = missing)
create text search dictionary d (nonsense = 1)
create text search parser p (start = missing)
create event trigger e on nonsense execute function missing()
create event trigger e on ddl_command_start when tag in ('nonsense') execute function two()
create trigger t after truncate on parent for each row execute function suppress_redundant_updates_trigger()
create trigger t before insert on parent when (old.id = 1) execute function suppress_redundant_updates_trigger()
create trigger t before insert on pg_class execute function suppress_redundant_updates_trigger()
create rule r as on select to parent do instead select 1
create rule r as on insert to parent do instead select old.id
create policy p on parent for insert using (true)
create policy p on parent for delete with check (true)
create policy p on parent using (sum(id) > 1)
create extension missing version '9'
alter extension plpgsql update to 'nonsense'
alter extension missing update
create role r nonsense
create role none
create schema s create table other.t (a int)
create database x encoding 'nonsense'
grant nonsense on parent to postgres
grant select on function two() to postgres
grant execute on parent to postgres
grant usage on parent to postgres
grant select on parent to public with grant option
comment on large object 123456 is 'x'
security label on table parent is 'x'
copy parent to stdout (format nonsense)
copy parent to stdout (delimiter 'xx')
copy parent to stdout (delimiter E'\n')
copy parent to stdout (format csv, quote 'xx')
copy parent to stdout (quote 'x')
copy parent to stdout (format csv, escape 'xx')
copy parent to stdout (null E'a\nb')
copy parent to stdout (force_null (id))
copy parent to stdout (encoding 'nonsense')
copy counted to stdout
copy short to stdout
copy (insert into parent values (9)) to stdout
copy (select 1 into x) to stdout
copy parent to program 'x' where true
copy always (n) from stdin
explain (format nonsense) select 1
explain (timing) select 1
explain (wal) select 1
explain (generic_plan, analyze) select 1
explain execute missing
vacuum (nonsense) parent
analyze (nonsense) parent
lock table short
execute known2
set local nonsense.x to default; show nonsense.y
set datestyle = 'nonsense'
set debug_assertions = on
set extra_float_digits = 99
select set_config(null, 'x', false)
declare c insensitive cursor for select 1 from parent for update
move missing
insert into parent values (1) on conflict do update set note = 'x'
insert into parent select 1, 2, 3
insert into parent (id.x) values (1)
insert into parts values (null)
insert into positives values (0) on conflict do nothing
insert into pg_class values (1)
update parent set (id, note) = (1, 2, 3)
delete from parent using parent
merge into parent p using child p on true when matched then delete
merge into parent using child on true when matched then delete when matched then delete
merge into counted using child on true when matched then delete
select a.* from parent
select parent.* + 1 from parent
select distinct on (note) id from parent order by id
select id from parent group by 5
select id from parent group by sum(id)
select id from parent order by 'x'
select id from parent limit 'x'
select id from parent limit id
select id from parent offset -1 rows
select id from parent fetch first -1 rows only
select id from parent fetch first 1 rows with ties
select id from parent group by id for update
select distinct id from parent for update
select id from parent union select id from parent for update
select count(*) from parent for share
select row_number() over () from parent for update
select id from parent having note = 'x'
select sum(id) from parent where sum(id) > 0
select sum(sum(id) over ()) over () from parent
select sum(row_number() over ()) from parent
select row_number() from parent
select row_number() filter (where true) over ()
select sum(id) over (partition by sum(id) over ()) from parent
select sum(id) over (w) from parent window w as (order by id), w as (order by id)
select sum(id) over (w order by note) from parent window w as (order by id)
select sum(id) over (w partition by note) from parent window w as (order by id)
select sum(id) over (rows between 1 following and 1 preceding) from parent
select sum(id) over (rows between current row and unbounded preceding) from parent
select sum(id) over (range between 1 preceding and current row) from parent
select sum(id) over (groups between 1 preceding and current row) from parent
select sum(id) over (order by id rows id preceding) from parent
select sum(id) over (order by note range 1 preceding) from parent
select percentile_cont(0.5) from parent
select percentile_cont(0.5) within group (order by id) over () from parent
select percentile_cont(5) within group (order by id) from parent
select percentile_cont(distinct 0.5) within group (order by id) from parent
select sum(id) within group (order by id) from parent
select rank(1, 2) within group (order by id) from parent
select lower(id) filter (where true) from parent
select lower(a => 'x', a => 'y')
select lower('x', a => 'y')
select lower('x' order by 1)
select count()
select sum(distinct id order by note) from parent
select generate_series(1, 2) in (1)
select case when generate_series(1, 2) > 1 then 1 end
select coalesce(generate_series(1, 2), 1)
select 1 where exists (select generate_series(1, 2) having sum(generate_series(1, 2)) > 1)
select * from generate_series(1, 2) as g (a, b)
select * from generate_series(1, 2) as g (a int)
select * from json_to_record('{}') as x (a)
select * from rows from (generate_series(1, 2), lower('x')) as (a int)
select * from (values (1, 2), (3)) v
select * from parent tablesample nonsense (5)
select * from parent tablesample bernoulli (500)
select * from parent tablesample bernoulli (null)
select * from parent tablesample bernoulli (1, 2)
select * from parent tablesample system (5) repeatable (null)
select * from counted tablesample system (5)
with recursive a as (select * from a) select * from a
with recursive a as (select 1 union all select * from a order by 1) select * from a
with recursive a as (select 1 union all select * from a limit 1) select * from a
with recursive a as (select 1 union all select * from parent left join a on true) select * from a
with recursive a as (select 1 union all select * from a for update) select * from a
with recursive a as (select * from b), b as (select * from a) select * from a
with recursive a (n) as (select 1 union all select n + 1 from a) search depth first by missing set x select * from a
with recursive a (n) as (select 1 union all select n + 1 from a) cycle missing set x using y select * from a
with recursive a (n) as (select 1 union all select n::text from a) select * from a
with a (x, y) as (select 1) select * from a
with a as (delete from parent) select * from a
with a as (delete from parent returning id) select * from (with b as (delete from parent) select 1) x
select 1 = any (select 1, 2)
select (1, 2) in (select 1)
select row(1, 2) < row(1)
select row() = row()
select row(1, 2) ~ row(1, 2)
select (array[1, 2])[1][1:2][1:2][1:2][1:2][1:2][1:2]
select array[array[1], 2]
select array(select 1, 2)
select '{1,2'::int[]
select '[1:0]={}'::int[]
select array_fill(1, array[1], array[1, 2])
select array_fill(null, array[1])
select array_position(array[[1]], 1)
select array_remove(array[[1]], 1)
select array_sample(array[1], 5)
select array_upper(1, 1)
select trim_array(array[1], 5)
select width_bucket(1, array[[1]])
select unnest(1)
select string_to_array('x', 'y', 'z', 'a')
select array_to_string(1, ',')
select array_ndims(1)
select 1::bit(0)
select b'1'::bit(99999999)
select set_bit(b'1', 5, 1)
select set_bit(b'1', 0, 5)
select set_byte('x', 5, 1)
select overlay('x' placing 'y' from 0)
select substring('x' similar '(' escape '#')
select substring('abc' similar 'a#"b#"c#"' escape '#')
select 'a' similar to 'b' escape 'xx'
select regexp_replace('a', 'a', 'b', 'nonsense')
select regexp_match('a', 'a', 'g')
select regexp_split_to_array('a', 'a', 'g')
select regexp_like('a', 'a', 'g')
select 'a' ~ '*'
select 'a' ~ '[b-a]'
select 'a' ~ 'a{99999}'
select chr(-1)
select chr(99999999)
select chr(55296)
select ascii('')::text || format('%q', 1)
select format('%1$s %s', 1)::text || format('%', 1)
select format('%0$s', 1)
select format('%I', null)
select to_char(1, '9.9.9')
select to_char(1, '9V9.9')
select to_number('x', '9')
select to_number('1', 'RN9')
select to_timestamp('x', 'YYYY')
select to_timestamp('2020-01', 'YYYY-IW')
select to_timestamp('99', 'HH12')
select to_timestamp('1 2', 'YYYY YYYY')
select to_timestamp('infinity'::float8 * 0)
select to_timestamp('1e300'::float8)
select to_date('2020-01-01 5', 'YYYY-MM-DD TZ5')
select to_hex(1.5)
select make_timestamp(2020, 13, 1, 0, 0, 0)
select make_timestamptz(2020, 1, 1, 0, 0, 0, 'nonsense')
select make_interval(years => 999999999)
select date_part('nonsense', date '2020-01-01')
select date_part('timezone', date '2020-01-01')
select date_bin('0', now(), now())
select date_bin('1 month', now(), now())
select age('x')
select 'infinity'::date - 'infinity'::date
select now() at time zone interval '1 month'
select generate_series(now(), now(), '0')
select generate_series(1, 2, null::int), generate_series('nan'::numeric, 1)
select generate_series(1::numeric, 'infinity')
select justify_days('x')
select interval '1 day' / 0
select 1::interval
select '10:00 nonsense'::timetz
select '2020-02-30'::timestamp
select 'now nonsense'::timestamp
select pg_sleep('x')
select 5::numeric(3, 5)
select 1::numeric(1001)
select 1::numeric(3, 2000)
select 'nan'::numeric::int
select 'infinity'::numeric::bigint
select 'nan'::float8::int
select 1e30::float8::bigint
select 70000::smallint
select factorial(-1)
select factorial(99999)
select power(0::float8, -1::float8)
select ln(-1::float8)
select log(0::float8)
select sqrt(-1::float8)
select asin(5)
select gamma('-infinity'::float8)
select random(5, 1)
select random_normal(1, 2, 3)
select setseed(5)
select width_bucket(5, 1, 2, 0)
select width_bucket('nan'::float8, 1, 2, 5)
select '92233720368547758.08'::money
select '10.0.0.1/99'::inet
select '10.0.0.1/8'::cidr
select set_masklen('10.0.0.1', 99)
select inet '10.0.0.1' & inet '::1'
select inet '255.255.255.255' + 5
select inet_merge('10.0.0.1', '::1')
select '08:00:2b:01:02:zz'::macaddr
select macaddr8 '08:00:2b:01:02:03:04:05'::macaddr
select 'x'::uuid
select '(1,2'::point
select '<(1,2),-3>'::circle
select '((1,1))'::polygon::path::text, polygon(0, circle '<(0,0),1>')
select polygon(5, circle '<(0,0),0>')
select '{"a"'::json
select json_object('{a}')
select json_object('{{a,b,c}}')
select json_object('{a,b}', '{c}')
select json_object('{null,b}')
select json_build_object(1)
select json_build_object('{}'::json, 1)
select jsonb_build_object(null, 1)
select jsonb_object_agg(null, 1)
select json_object_agg_unique('a', 1) from generate_series(1, 2)
select json_array_length('{}')
select json_array_elements('1')
select json_each('[]')
select json_object_keys('[]')
select json_object_keys('1')
select json_populate_record(null::pair, '[]')
select json_populate_record(1, '{}')
select json_populate_recordset(null::pair, '{}')
select json_to_recordset('1')
select jsonb_set('[]', '{x}', '1')
select jsonb_insert('{"a": 1}', '{a}', '2')
select jsonb_insert('1', '{a}', '2')
select jsonb_set_lax('{}', '{a}', null, true, 'raise_exception')
select jsonb_set_lax('{}', '{a}', null, true, 'nonsense')
select '[1]'::jsonb - 'a' || ('1'::jsonb - 'a')
select '{}'::jsonb - 1
select '"x"'::jsonb::int
select '[]'::jsonb::bool
select '1e400'::jsonb::float8
select ('{"a": 1}'::jsonb)['a']['b'][point '(1,1)']
select jsonb_path_query('{}', '$.a[')
select jsonb_path_query('{}', 'strict $[0]')
select jsonb_path_query('[]', 'strict $.a')
select jsonb_path_query('[]', 'strict $[1 to 5]')
select jsonb_path_query('[1]', '$[last + "x"]')
select jsonb_path_query('1', 'strict $.*')
select jsonb_path_query('"x"', '$.double()')
select jsonb_path_query('true', '$.double()')
select jsonb_path_query('"x"', '$.datetime()')
select jsonb_path_query('1', '$.datetime()')
select jsonb_path_query('"x"', '$.datetime("nonsense")')
select jsonb_path_query('[]', 'strict $.keyvalue()')
select jsonb_path_query('"x"', '$.abs()')
select jsonb_path_query('"x"', '-$')
select jsonb_path_query('{}', '$x')
select jsonb_path_query('{}', '@')
select jsonb_path_query('{}', 'last')
select jsonb_path_query('"10:00+1"', '$.time_tz() ? (@ < "10:00".time())')
select jsonb_path_match('1', '$')
select json_value('{}', '$.a' error on empty)
select json_query('[1,2]', '$[*]' error on error)
select json_query('1', '$' with wrapper omit quotes)
select json_exists('{}', 'strict $.a' error on error)
select * from json_table('1', '$' columns (a int, a int))
select json('{"a":1,"a":2}' with unique keys)
select json_scalar(point '(1,1)')::int
select json_serialize('1' returning int)
select 1 is json with unique
select 'a & '::tsquery
select 'a:z'::tsvector
select to_tsquery('a b')
select ts_rank(array[1], 'x'::tsvector, 'x')
select ts_headline('x', 'x'::tsquery, 'nonsense')
select ts_headline('x', 'x'::tsquery, 'MinWords=5, MaxWords=1')
select ts_lexize('missing', 'x')
select ts_stat('select 1')
select array_to_tsvector(array[null])
select ts_filter('x'::tsvector, '{z}')
select phraseto_tsquery('a') <-> 'b'::tsvector
select tsquery_phrase('a', 'b', -5)
select 'a.b.c.d'::regclass
select 'x'::regproc
select 'same'::regproc
select 'x('::regprocedure
select '+'::regoper
select '+(none,none)'::regoperator
select ''::regclass
select to_regtype('x'), to_regtypemod(''), ''::name::regtype
select has_table_privilege('parent', 'nonsense')
select 'x=y'::aclitem
select pg_relation_size('parent', 'nonsense')
select pg_size_bytes('x')
select pg_size_pretty('x')
select pg_column_compression(1, 2)
select pg_cancel_backend(null::text)
select pg_xact_status('9999999999999')
select pg_export_snapshot(), pg_import('x')
select pg_current_snapshot()::text::pg_snapshot, '5:3:'::pg_snapshot
select pg_replication_origin_drop('missing')
select pg_stat_get_xact_tuples_inserted('x')
select pg_prepared_statement('x')
select pg_input_error_info('x', 'a.b.c.d')
select pg_get_object_address('table', '{}', '{}')
select pg_get_object_address('table column', '{a}', '{}')
select pg_get_object_address('type', '{a,b}', '{}')
select pg_get_object_address('operator', '{+}', '{int4}')
select pg_get_object_address('default value', '{parent,id}', '{}')
select pg_extension_config_dump('parent', '')
select loread(99, 5)
select lo_lseek(lo_open(lo_create(0), 131072), 0, 99)
select setval('short', 0)
select lastval(1)
select int4range(1, 2, 'x')
select int4range(1, 2, null)
select '[1,2'::int4range
select '(5,1)'::int4range
select range_merge(int4range(1, 2), numrange(1, 2))
select int4multirange(int4range(1, 2), null)
select '{[1,2'::int4multirange
select range_agg(1)
select 'x'::cstring::int
select 'x'::record
select 'x'::trigger
select 'x'::void::text || 'x'::internal::text
select row(1, 2)::pair::text || '(1)'::pair::text
select row(1)::pair
select (row(1, 2)).f3
select (1).a
select (null::positive).a
select 1::mood
select 'sad'::mood + 1
select enum_first(1)
select enum_range('sad'::mood, 1)
select mood(1)
select cast('x' as mood)
select upper('x' collate "C" || 'y' collate "POSIX")
select unicode_assigned(1)
select U&'\+110000'
select U&'x' uescape '+'
select E'\xff'
select E'\ud800'
select E'\U00110000'
select 0x
select 0b12
select x'zz'
select ' unterminated
select 1 as
select postgres.public.parent.id from parent
select nothing.public.parent.id from parent
select public.missing(1)
select pg_catalog.missing()
select 1 operator(pg_catalog.===) 1
select !1
select - 'x'
select not 1
select 1 and true
select 1 is true
select nullif(1, 'x'::text)
select greatest(1, 'x'::text)
select grouping(id) from parent
select merge_action()
select 'x'::varchar(99999999)
select 'x'::char(0)
select 'x'::numeric(1, 2, 3)
do $$ begin raise nothing_like_this; end $$
do $$ begin raise exception 'x %', 1, 2; end $$
do $$ begin raise exception 'x %'; end $$
do $$ begin raise exception using nonsense = 'x'; end $$
do $$ begin return 1; end $$
do $$ declare x int; x int; begin end $$
do $$ declare x constant int := 1; begin x := 2; end $$
do $$ declare x int not null; begin end $$
do $$ declare c cursor for select 1; begin fetch c into c; end $$
do $$ declare c cursor (a int) for select 1; begin open c; end $$
do $$ declare c cursor for select 1; begin open c; open c; end $$
do $$ declare x int; begin select 1, 2 into strict x from parent where false; end $$
do $$ begin exit; end $$
do $$ begin continue x; end $$
do $$ begin for x in select 1 loop end loop; end $$
do $$ begin for i in 1..2 by 0 loop end loop; end $$
do $$ begin for i in 1..2 by null loop end loop; end $$
do $$ begin foreach x in array array[1] loop end loop; end $$
do $$ declare x int; begin foreach x in array null::int[] loop end loop; end $$
"""
