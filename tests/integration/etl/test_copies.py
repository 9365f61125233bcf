"""What a copy does with rows, columns and types, between every two adapters of one flavour."""

from __future__ import annotations

from typing import Any

import pytest

from sqlspec import SQL
from sqlspec.exceptions import (
    DataError,
    NotNullViolationError,
    OperationalError,
    ParameterError,
    SQLParsingError,
    UniqueViolationError,
)
from tests.integration.etl.conftest import Copier, each_adapter, each_side, every_pair, one_of_each_flavour

KINDS = """
    create type mood as enum ('sad', 'ok', 'it''s fine');
    create domain positive as int check (value > 0);
    create type place as (x int, y text);
"""
COLUMNS = """
    id int generated always as identity primary key, big bigint, n numeric(10, 2), m numeric, f real, d float8, b bool,
    name text, code varchar(20), short char(3), day date, at timestamptz, ms timestamp(3), span interval, raw bytea,
    u uuid, j json, jb jsonb, ints int[], words text[], feeling mood, p positive, host inet, r int4range,
    "Odd ""name" text, doubled int generated always as (p * 2) stored
"""
NAMES = """
    big, n, m, f, d, b, name, code, short, day, at, ms, span, raw, u, j, jb, ints, words, feeling, p, host, r,
    "Odd ""name"
"""
ROWS = f"""
    insert into t ({NAMES}) values
    (1, 1.25, 1e-20, 0.1, 'NaN', true, 'Zoë', 'x', 'ab', '2024-02-29', '2024-01-01 12:00:00.123456+02',
     '2024-01-01 00:00:00.125', '1 mon 2 days 03:04:05.6', '\\x00ff5c', gen_random_uuid(), '{{"a" : 1}}',
     '{{"b": [1.0]}}', '{{1,NULL,3}}', '{{"a b","NULL",NULL}}', 'it''s fine', 7, '10.0.0.0/8', '[1,5)',
     E'tab\\tquote"'),
    (-1, -99999999.99, 12345678901234567890.123, '-0', '-Infinity', false, '', '', '', '0001-01-01', '1900-01-01',
     '9999-12-31', '-1 day', '', gen_random_uuid(), '[]', 'null', '{{}}', '{{}}', 'sad', 1, '::1', 'empty', '');
    insert into t ({NAMES.strip().split(",")[0]}) values (null);
"""


@every_pair
async def test_a_table_of_many_types(copier: Copier) -> None:
    copier.both(f"{KINDS}; create table t ({COLUMNS})")
    copier.source.execute(ROWS.encode())
    job = await copier.copy("t", "t", verify="checksum")
    copier.assert_same()
    assert (job.rows, job.verified, job.partitions) == (3, "checksum", 1)
    assert job.technique == ("binary" if copier.passes_through else "arrow")
    assert job.load.rows == job.load.inserted == 3
    assert job.bytes > 300
    assert job.seconds > 0


@each_adapter
async def test_parts_of_a_table(copier: Copier) -> None:
    copier.both("create table t (id int, x text)")
    copier.source.execute(b"insert into t select i, repeat('x', 100 + i % 7) from generate_series(1, 20000) i")
    copier.source.execute(b"delete from t where id % 3 = 0")
    job = await copier.copy("t", "t", partitions=3, verify="checksum")
    copier.assert_same()
    assert (job.partitions, job.rows) == (3, 13_334)


@one_of_each_flavour
async def test_parts_of_a_partitioned_table(copier: Copier) -> None:
    copier.both("create table t (id int, x text) partition by range (id)")
    for side in (copier.source, copier.target):
        for low, high in ((0, 3000), (3000, 3100), (3100, 10_000)):
            side.execute(f"create table t_{low} partition of t for values from ({low}) to ({high})".encode())
    copier.source.execute(b"insert into t select i, repeat('x', 100) from generate_series(0, 9999) i")
    job = await copier.copy("t", "t", partitions=4, verify="checksum")
    copier.assert_same()
    assert (job.partitions, job.rows) == (4, 10_000)


@each_adapter
async def test_parts_of_a_query(copier: Copier) -> None:
    copier.both("create table t (id int, k text)")
    copier.source.execute(
        b"insert into t select i, case when i % 10 > 0 then 'k ' || i % 97 end from generate_series(1, 5000) i"
    )
    query = SQL("select id, k from t where id > $1 and k is distinct from $2 -- all of them", 0, "it's")
    job = await copier.copy(query, "t", partitions=3, partition_by="k", verify="checksum")
    copier.assert_same()
    assert (job.partitions, job.rows) == (3, 5000)


@one_of_each_flavour
async def test_parts_need_something_to_divide_by(copier: Copier) -> None:
    copier.both("create table t (id int)")
    copier.source.execute(b"create view v as select generate_series(1, 10) as id")
    for source in ("v", "select * from v"):
        with pytest.raises(ParameterError, match="partition_by"):
            await copier.copy(source, "t", partitions=2)
        assert (await copier.copy(source, "t", partitions=2, partition_by="id")).partitions == 2
    with pytest.raises(DataError, match="0 columns named 'nope'"):
        await copier.copy("v", "t", partition_by="nope")
    assert len(copier.rows("select * from t")) == 20


@one_of_each_flavour
async def test_what_is_written_meanwhile_is_not_seen(copier: Copier) -> None:
    copier.both("create table t (id int, x text) with (autovacuum_enabled = off)")
    copier.source.execute(b"insert into t select i, repeat('x', 500) from generate_series(1, 20000) i")

    def change(so_far: Any) -> None:
        # Every row moves to another page: read without a common snapshot, it would be read twice or not at all.
        if so_far.rows < 5000:
            copier.source.execute(b"update t set x = x || 'y'")
            copier.source.execute(b"insert into t values (-1, '')")

    job = await copier.copy("t", "t", partitions=4, progress=change, verify="checksum")
    assert job.rows == 20_000
    assert copier.rows("select count(distinct id), max(length(x)), min(id) from t") == [(20_000, 500, 1)]


@one_of_each_flavour
async def test_columns(copier: Copier) -> None:
    copier.source.execute(b"create table t (a int, b text, \"C\" int); insert into t values (1, 'x', 2)")
    copier.target.execute(b"create table t (c int default 9, b text, a bigint)")
    await copier.copy("t", "t", columns=["b"])
    await copier.copy("t", "t", columns={"C": "c", "a": "a"})
    await copier.copy('select "C" as c, b from t', "t")
    assert copier.rows("select a, b, c from t") == [(None, "x", 9), (1, None, 2), (None, "x", 2)]
    for columns, complaint in ((None, "no column 'C'"), (["nope"], "no column 'nope'"), ({"b": "z"}, "no column 'z'")):
        with pytest.raises(DataError, match=complaint):
            await copier.copy("t", "t", columns=columns)
    with pytest.raises(DataError, match="several columns named 'a'"):
        await copier.copy("select a, a from t", "t")
    assert len(copier.rows("select * from t")) == 3


@every_pair
async def test_types_that_differ(copier: Copier) -> None:
    copier.source.execute(b"create table t (i int, s text, d date, n numeric(8, 3), v varchar(5))")
    copier.source.execute(b"insert into t values (1, 'a', '2024-01-01', 1.5, 'abc'), (null, null, null, null, null)")
    copier.target.execute(b"create table t (i bigint, s varchar, d date, n numeric, v varchar(3))")
    job = await copier.copy("t", "t", verify="checksum")
    copier.assert_same()
    assert job.technique == "arrow"
    copier.source.execute(b"insert into t (v) values ('abcd')")
    with pytest.raises(DataError, match="'v'|too long"):
        await copier.copy("t", "t")
    assert len(copier.rows("select * from t")) == 2


@one_of_each_flavour
async def test_digits_are_not_lost_unseen(copier: Copier) -> None:
    copier.source.execute(b"create table t (n numeric(8, 3), at timestamp); insert into t values (1.005, '2024-01-01')")
    copier.target.execute(b"create table t (n numeric(8, 2), at timestamp(0))")
    with pytest.raises(DataError, match="'n'"):
        await copier.copy("t", "t")
    await copier.copy("t", "t", round=True)
    assert [str(value) for (value,) in copier.rows("select n from t")] == ["1.01"]


@each_adapter
async def test_overwrite_and_append(copier: Copier) -> None:
    copier.both("create table t (id int primary key, x text)")
    copier.source.execute(b"insert into t select i, 'new' from generate_series(1, 1000) i")
    copier.target.execute(b"insert into t select i, 'old' from generate_series(1001, 1500) i")
    job = await copier.copy("t", "t", verify="checksum")
    assert job.load.inserted == 1000
    assert copier.rows("select x, count(*) from t group by x order by x") == [("new", 1000), ("old", 500)]
    with pytest.raises(UniqueViolationError, match="copy failed at the target: .*; the target is as it was"):
        await copier.copy("t", "t")
    assert copier.rows("select count(*) from t") == [(1500,)]
    for truncate in (True, False):
        await copier.copy("t", "t", overwrite=True, truncate=truncate, verify="checksum")
        copier.assert_same()


@each_adapter
async def test_upsert_and_quarantine(copier: Copier) -> None:
    copier.both("create table t (id int primary key, x text not null)")
    copier.source.execute(b"alter table t alter x drop not null")
    copier.source.execute(b"insert into t select i, 'new' from generate_series(1, 100) i")
    copier.target.execute(b"insert into t select i, 'old' from generate_series(91, 110) i")
    job = await copier.copy("t", "t", mode="upsert", key=["id"])
    assert (job.load.inserted, job.load.updated, job.verified, job.technique) == (90, 10, "", "arrow")
    assert copier.rows("select x, count(*) from t group by x order by x") == [("new", 100), ("old", 10)]
    copier.source.execute(b"update t set x = null where id = 5")
    with pytest.raises(NotNullViolationError):
        await copier.copy("t", "t", overwrite=True)
    job = await copier.copy("t", "t", overwrite=True, on_error="quarantine")
    assert job.load.rejected is not None
    assert job.load.rejected.column("record").to_pylist() == [{"id": 5, "x": None}]
    assert copier.rows("select count(*) from t") == [(99,)]


@each_side
async def test_create(copier: Copier) -> None:
    copier.source.execute(
        b"create table t (id int not null, n numeric(6, 2), at timestamptz[]); insert into t values (1)"
    )
    await copier.copy("t", "New one", create=True, verify="checksum")
    await copier.copy("select n, id as key from t", "u", create=True)
    kinds = copier.rows(
        "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute where attnum > 0 "
        f"and attrelid in ('\"New one\"'::regclass, '{copier.schema}.u'::regclass) order by attrelid, attnum"
    )
    assert kinds == [
        ("id", "integer", True),
        ("n", "numeric(6,2)", False),
        ("at", "timestamp with time zone[]", False),
        ("n", "numeric(6,2)", False),
        ("key", "integer", False),
    ]
    with pytest.raises(ParameterError, match="there already"):
        await copier.copy("t", "u", create=True)
    with pytest.raises(SQLParsingError, match="pass create=True"):
        await copier.copy("t", "missing")
    with pytest.raises(SQLParsingError, match="the source has no such table"):
        await copier.copy("missing", "u")


@one_of_each_flavour
async def test_a_table_is_not_emptied_while_it_is_read(copier: Copier) -> None:
    copier.source.execute(b"create table t (id int); insert into t values (1), (2)")
    here = {"source": copier.config(0), "target": copier.config(0)}
    for source in ("t", "select id from t"):
        with pytest.raises(ParameterError, match="the source reads it"):
            await copier.copy(source, "t", overwrite=True, **here)
    await copier.copy("select id * 10 as id from t", "t", overwrite=True, truncate=False, **here)
    assert copier.source.execute(b"select id from t order by id").fetchall() == [(10,), (20,)]
    await copier.copy("t", "t", **here)
    assert copier.source.execute(b"select count(*) from t").fetchone() == (4,)


@one_of_each_flavour
async def test_a_trigger_may_drop_rows_but_a_checksum_tells(copier: Copier) -> None:
    copier.both("create table t (id int)")
    copier.source.execute(b"insert into t select generate_series(1, 10)")
    for body in ("if new.id = 3 then return null; end if; return new", "new.id := new.id + 1; return new"):
        copier.target.execute(
            f"create or replace function f() returns trigger language plpgsql as 'begin {body}; end'".encode()
        )
        copier.target.execute(b"create or replace trigger f before insert on t for each row execute function f()")
        with pytest.raises(OperationalError, match="copy into .* failed: .*the target is as it was"):
            await copier.copy("t", "t", verify="checksum")
        assert copier.rows("select count(*) from t") == [(0,)]
    copier.target.execute(
        b"create or replace function f() returns trigger language plpgsql as 'begin return null; end'"
    )
    job = await copier.copy("t", "t")
    assert (job.rows, job.load.rows, job.verified) == (10, 0, "")


@each_adapter
async def test_settings_have_no_say_in_checksums(copier: Copier) -> None:
    copier.both(f"{KINDS}; create table t (at timestamptz[], d float8, raw bytea, span interval, p place, m mood[])")
    copier.source.execute(
        b"insert into t values (array[now()], 0.1::float8 + 0.2, '\\xff', '1 day 2:03', (1, 'x'), '{ok,sad}')"
    )
    plain = {"TimeZone": "UTC", "DateStyle": "ISO, MDY", "bytea_output": "hex", "extra_float_digits": "1"}
    odd = {"TimeZone": "Asia/Tokyo", "DateStyle": "German", "bytea_output": "escape", "extra_float_digits": "-10"}
    job = await copier.copy(
        "t",
        "t",
        copier.config(0, session_settings={**plain, "IntervalStyle": "iso_8601"}),
        copier.config(1, session_settings=odd),
        verify="checksum",
    )
    assert job.verified == "checksum"
    copier.assert_same()
