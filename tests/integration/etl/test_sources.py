"""What rows can come from, in how much memory, and who hears of it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from sqlspec import SQL
from sqlspec.core.observe import StatementEnd
from sqlspec.exceptions import NotSupportedError, OperationalError
from tests.integration.etl.conftest import Copier, each_adapter, each_side, one_of_each_flavour


@each_adapter
@pytest.mark.parametrize(
    "source",
    [
        "v",
        "m",
        "table t",
        "values (1), (2)",
        "with recursive q(n) as (values (1) union all select n + 1 from q where n < 2) select n, chr(n) as c from q",
        "select * from t order by 2 limit 5 -- the first ones",
        SQL("select * from t where id = any($1) or x = $2", [1, 2], "it's"),
    ],
    ids=["view", "materialized view", "table", "values", "with", "comment", "parameters"],
)
async def test_whatever_gives_rows(copier: Copier, source: Any) -> None:
    copier.source.execute(b"create table t (id int, x text); insert into t values (1, 'a'), (2, null)")
    copier.source.execute(b"create view v as select * from t; create materialized view m as select * from t")
    names = (
        {"column1": "id"} if str(source).startswith("values") else {"n": "id"} if "recursive" in str(source) else None
    )
    copier.target.execute(b"create table t (id int, x text)")
    job = await copier.copy(source, "t", columns=names, verify="checksum")
    assert job.rows == 2
    copier.assert_same(columns="id" if names else "*")


@each_adapter
async def test_no_rows(copier: Copier) -> None:
    copier.both("create table t (id int, x text)")
    copier.target.execute(b"insert into t values (1, 'x')")
    job = await copier.copy("t", "t", partitions=3, verify="checksum")
    assert (job.rows, job.partitions, job.verified) == (0, 1, "checksum")
    await copier.copy("select * from t where false", "t", overwrite=True)
    assert copier.rows("select * from t") == []


@one_of_each_flavour
async def test_tables_that_inherit_are_read_with_their_parent(copier: Copier) -> None:
    copier.source.execute(b"create table t (id int); create table u (extra text) inherits (t)")
    copier.source.execute(
        b"insert into t select generate_series(1, 5000); insert into u select generate_series(5001, 9000)"
    )
    copier.target.execute(b"create table t (id int)")
    assert (await copier.copy("t", "t", partitions=3)).rows == 9000
    assert copier.rows("select count(distinct id) from t") == [(9000,)]


@one_of_each_flavour
async def test_names_that_need_quotes(copier: Copier) -> None:
    copier.both('create table "A.b" ("select" int, "{key}" text, "per%cent" int)')
    copier.source.execute(b"insert into \"A.b\" select i, '{key} ' || i, i from generate_series(1, 100) i")
    name = f'{copier.schema}."A.b"'
    job = await copier.copy(name, name, partitions=2, partition_by="{key}", verify="checksum")
    copier.assert_same('"A.b"')
    assert job.partitions == 2


@each_side
async def test_types_of_extensions(copier: Copier) -> None:
    """The binary form is known to be the same where both have the same version."""
    copier.both("create extension if not exists vector schema public")
    copier.both("create table t (id int, v public.vector(3), h public.halfvec, many public.vector[])")
    copier.source.execute(b"insert into t values (1, '[1,2,3]', '[1]', '{\"[1,2]\",NULL}'), (2, null, null, '{}')")
    job = await copier.copy("select id, h from t", "t", verify="checksum")
    assert job.technique == ("binary" if copier.passes_through else "arrow")
    copier.assert_same(columns="id, h")
    job = await copier.copy("t", "t", overwrite=True, verify="checksum")
    assert job.technique == "arrow"  # an array tells the number of its elements' type, which differs
    copier.assert_same()


@one_of_each_flavour
async def test_targets_that_cannot_tell_their_rows(copier: Copier) -> None:
    copier.both("create table t (id int); create view v as select id from t")
    copier.source.execute(b"insert into t values (1)")
    with pytest.raises(NotSupportedError, match="leave verify out"):
        await copier.copy("t", "v", verify="checksum")
    job = await copier.copy("t", "v")
    assert (job.rows, job.technique, job.verified) == (1, "arrow", "count")
    assert copier.rows("select * from t") == [(1,)]


@one_of_each_flavour
async def test_row_security_of_the_source(copier: Copier) -> None:
    role = f"{copier.schema}_reader"
    copier.both("create table t (id int)")
    copier.source.execute(f"create role {role}; grant usage on schema {copier.schema} to {role}".encode())
    try:
        copier.source.execute(b"insert into t select generate_series(1, 10); alter table t enable row level security")
        copier.source.execute(f"create policy p on t using (id > 7); grant select on t to {role}".encode())
        job = await copier.copy("t", "t", copier.config(0, session_settings={"role": role}), partitions=2)
        assert job.rows == 3
    finally:
        copier.source.execute(f"drop owned by {role}; drop role {role}".encode())


@one_of_each_flavour
async def test_observers_hear_of_one_load(copier: Copier) -> None:
    copier.both("create table t (id int)")
    copier.source.execute(b"insert into t values (1), (2)")
    seen: list[Any] = []
    await copier.copy("t", "t", None, copier.config(1, observers=[seen.append]))
    ends = [event for event in seen if isinstance(event, StatementEnd)]
    assert [(event.operation, event.sql, event.rows) for event in ends] == [("load", 'copy into "t"', 2)]


@one_of_each_flavour
async def test_no_connection_is_left(copier: Copier) -> None:
    copier.both("create table t (id int)")
    copier.source.execute(b"insert into t select generate_series(1, 10000)")
    target = copier.config(1, max_size=1)
    for _ in range(3):
        await copier.copy("t", "t", None, target, partitions=3)
    assert target.stats().in_use == 0
    count = "select count(*) from pg_stat_activity where application_name = 'reads' and datname = current_database()"
    deadline = time.monotonic() + 10
    while copier.source.execute(count.encode()).fetchone() != (0,):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
@pytest.mark.parametrize("columns", ["i, i, i, i, i, repeat('x', 50)", "i, i, i, i, i, repeat(md5(i::text), 32768)"])
@each_adapter
async def test_memory_does_not_grow_with_the_rows(copier: Copier, columns: str) -> None:
    rows, bound = (100_000, 32 << 20) if "50" in columns else (100, 56 << 20)
    copier.target.execute(b"create unlogged table t (a int, b int, c int, d int, e int, x text)")
    query = f"select {columns} from generate_series(1, {rows}) i"
    names = {name: name for name in "abcdex"}
    copier.source.execute(f"create unlogged table t (a, b, c, d, e, x) as {query}".encode())
    await copier.copy("select * from t limit 10", "t", columns=names)
    start = most = resident()

    def progress(so_far: Any) -> None:
        nonlocal most
        most = max(most, resident())

    job = await copier.copy("t", "t", partitions=2, progress=progress)
    assert job.rows == rows
    assert most - start < bound


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("t", {"partitions": 4, "partition_by": "day"}),
        ("t", {"partitions": 4, "partition_by": "at"}),
        ("select at::date as day, at, id, feeling from t", {}),
    ],
    ids=["date", "timestamptz", "query"],
)
@one_of_each_flavour
async def test_checksums_under_settings_of_the_source(copier: Copier, source: str, options: dict[str, Any]) -> None:
    """The rows, and the bounds of parts, mean what they mean under these settings."""
    copier.both("create type mood as (day date); create table t (day date, at timestamptz, id int, feeling mood)")
    copier.source.execute(
        b"insert into t select date '2024-01-01' + i, timestamptz '2024-01-01 01:00+00' + i * interval '13 hours', i, "
        b"row(date '2024-01-01' + i)::mood from generate_series(1, 400) i"
    )
    reader = copier.config(0, session_settings={"datestyle": "SQL, DMY", "timezone": "America/New_York"})
    job = await copier.copy(source, "t", reader, verify="checksum", **options)
    assert (job.rows, job.verified) == (400, "checksum")


@one_of_each_flavour
async def test_checksums_of_values_that_are_filled_up(copier: Copier) -> None:
    """Blanks at the end of character(n), and zeros at the end of numeric, make no difference."""
    copier.source.execute(b"create table t (code text, n numeric, i int); insert into t values ('ab', 1.5, 7)")
    copier.target.execute(b"create table t (code char(4), n numeric(8, 3), i numeric(6, 2))")
    assert (await copier.copy("t", "t", verify="checksum")).verified == "checksum"
    copier.target.execute(
        b"create function spoil() returns trigger language plpgsql as $$ begin new.n = new.n + 0.001; return new; end "
        b"$$; create trigger spoil before insert on t for each row execute function spoil()"
    )
    with pytest.raises(OperationalError, match="checksums of source and target differ"):
        await copier.copy("t", "t", verify="checksum")
