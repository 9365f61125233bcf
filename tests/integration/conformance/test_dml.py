"""Counts of changed rows: what the server said, or nothing."""

from __future__ import annotations

from typing import Any

from tests.integration.harness import needs

SETUP = """
create table items (id int primary key, name text);
insert into items select n, 'item ' || n from generate_series(1, 10) as n;
create view small as select * from items where id <= 5;
create table audited (id int);
create table audit (id int);
create rule no_delete as on delete to audited do instead nothing;
insert into audited values (1), (2);
create table partitioned (id int) partition by list (id);
create table partition_1 partition of partitioned for values in (1);
create table partition_2 partition of partitioned for values in (2);
"""

COUNTED = [
    ("insert into items values (11, 'x')", 1),
    ("insert into items select n, 'x' from generate_series(11, 15) as n", 5),
    ("insert into items select n, 'x' from generate_series(1, 0) as n", 0),
    ("insert into items values (1, 'x'), (11, 'x') on conflict do nothing", 1),
    ("insert into items values (1, 'x'), (11, 'x') on conflict (id) do update set name = excluded.name", 2),
    ("insert into items values (11, 'x'), (12, 'y') returning id", 2),
    ("insert into small values (0, 'x')", 1),
    ("insert into partitioned values (1), (2), (2)", 3),
    ("update items set name = 'y' where id <= 3", 3),
    ("update items set name = 'y' where false", 0),
    ("update small set name = 'y'", 5),
    ("update items set name = 'y' returning id, name", 10),
    ("delete from items where id > 7", 3),
    ("delete from items where id > 7 returning *", 3),
    ("delete from items where id > 100 returning *", 0),
    (
        """merge into items using (values (1), (99)) as v(i) on id = i
        when matched then delete when not matched then insert values (i, 'new')""",
        2,
    ),
    ("with gone as (delete from items where id < 4 returning id) insert into audit select id from gone", 3),
    ("select * from items", 10),
    ("select 1 where false", 0),
    ("with gone as (delete from items returning id) select id from gone where id < 3", 2),
    ("values (1), (2)", 2),
]
RETURNING = ("returning id", "returning id, name", "returning *")


@needs("rows_affected")
async def test_rows_affected_is_the_count_of_the_server(session: Any) -> None:
    await session.execute_script(SETUP)
    for sql, count in COUNTED:
        await session.begin()
        result = await session.execute(sql)
        await session.rollback()
        assert result.rows_affected == count, sql


async def test_rows_affected_is_never_a_guess(session: Any) -> None:
    await session.execute_script(SETUP)
    for sql, count in COUNTED:
        await session.begin()
        result = await session.execute(sql)
        await session.rollback()
        assert result.rows_affected in (count, None), sql
        returns = result.verb in ("SELECT", "VALUES") or sql.endswith(RETURNING)
        assert len(result) == (count if returns else 0), sql


@needs("rows_affected")
async def test_a_rule_that_does_nothing_counts_nothing(session: Any) -> None:
    await session.execute_script(SETUP)
    assert (await session.execute("delete from audited")).rows_affected == 0
    assert await session.select_value("select count(*) from audited") == 2


async def test_a_statement_that_counts_nothing_has_no_count(session: Any) -> None:
    await session.execute_script(SETUP)
    for sql in (
        "create table fresh (a int)",
        "create index on items (name)",
        "comment on table items is 'x'",
        "truncate items",
        "set work_mem = '5MB'",
        "do $$ begin delete from items; end $$",
        "analyze items",
        "drop table items cascade",
    ):
        result = await session.execute(sql)
        assert result.rows_affected is None, sql
        assert result.all() == []


@needs("rows_affected")
async def test_counts_with_parameters_and_again(session: Any) -> None:
    await session.execute_script(SETUP)
    sql = "update items set name = :name where id <= :most"
    for most in (2, 0, 7):
        assert (await session.execute(sql, name="z", most=most)).rows_affected == most
    assert await session.select_value("select count(*) from items where name = 'z'") == 7


async def test_returning_gives_rows(session: Any) -> None:
    await session.execute_script(SETUP)
    sql = "update items set name = upper(name) where id < $1 returning id, name"
    assert sorted((await session.execute(sql, 3)).get_data(schema_type=tuple)) == [(1, "ITEM 1"), (2, "ITEM 2")]
    assert await session.select_value("insert into items values (50, 'x') returning id") == 50
    assert await session.select("delete from items where id = 99 returning id") == []


async def test_a_statement_is_executed_exactly_once(session: Any) -> None:
    await session.execute("create table log (n int generated always as identity, note text)")
    await session.execute("insert into log (note) values ('a')")
    await session.execute("insert into log (note) values ($1)", "b")
    await session.execute("insert into log (note) values ($1) returning n", "c")
    await session.select("with new as (insert into log (note) values ('d') returning n) select n from new")
    await session.execute_many("insert into log (note) values ($1)", ["e", "f"])
    assert await session.select("select n, note from log order by n", schema_type=tuple) == list(enumerate("abcdef", 1))
