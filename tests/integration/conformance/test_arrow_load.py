"""What a load does to the table, the transaction and the session, on every adapter alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import psycopg
import pyarrow as pa
import pytest

from sqlspec import ArrowResult, LoadJob
from sqlspec.exceptions import (
    CheckViolationError,
    DataError,
    ForeignKeyViolationError,
    NotNullViolationError,
    NotSupportedError,
    ParameterError,
    SerializationConflictError,
    SQLParsingError,
    SQLSpecError,
    UniqueViolationError,
)
from tests.integration.harness import FLAVOURS, Flavour, needs

REAL = tuple(name for name in FLAVOURS if name != "stub")
pytestmark = pytest.mark.only(*REAL)

COUNT = "select count(*) from t"
PEOPLE = pa.table({"id": pa.array([1, 2, 3], pa.int32()), "name": ["Ann", None, 'Zoë "x"\n\\']})
ROWS = [(1, "Ann"), (2, None), (3, 'Zoë "x"\n\\')]


def numbers(count: int, first: int = 0) -> pa.Table:
    return pa.table({"n": pa.array(range(first, first + count), pa.int32())})


async def stored(session: Any, sql: str = "select id, name from t order by id") -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = await session.select(sql, schema_type=tuple)
    return rows


async def make_people(session: Any) -> None:
    await session.execute("create table t (id int primary key, name text)")


# -- sources --------------------------------------------------------------------------------------------------


class OnlyAStream:
    """Has the Arrow C stream interface and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


SOURCES: dict[str, Callable[[], Any]] = {
    "table": lambda: PEOPLE,
    "chunked table": lambda: pa.concat_tables([PEOPLE.slice(0, 1), PEOPLE.slice(1, 0), PEOPLE.slice(1)]),
    "slice": lambda: pa.concat_tables([PEOPLE, PEOPLE]).slice(3, 3),
    "record batch": lambda: PEOPLE.to_batches()[0],
    "reader": lambda: PEOPLE.to_reader(),
    "list of batches": lambda: PEOPLE.to_batches(max_chunksize=1),
    "generator of batches": lambda: iter(PEOPLE.to_batches(max_chunksize=2)),
    "arrow result": lambda: ArrowResult(PEOPLE),
    "polars": lambda: pl.DataFrame(PEOPLE),
    "pandas": lambda: pd.DataFrame({"id": [1, 2, 3], "name": ["Ann", None, 'Zoë "x"\n\\']}),
    "c stream": lambda: OnlyAStream(PEOPLE),
}


@pytest.mark.parametrize("name", SOURCES)
async def test_sources(session: Any, name: str) -> None:
    await make_people(session)
    job = await session.load_from_arrow("t", SOURCES[name]())
    assert job.rows == 3
    assert await stored(session) == ROWS
    assert not session.in_transaction


@pytest.mark.parametrize("source", [None, 5, "text", {"id": [1]}, [1, 2], object(), [], [{"id": 1}]])
async def test_what_is_no_source_is_refused_before_anything_is_sent(session: Any, untouched: Any, source: Any) -> None:
    await make_people(session)
    async with untouched(session):
        with pytest.raises(ParameterError):
            await session.load_from_arrow("t", source)


async def test_a_result_goes_into_another_table(session: Any) -> None:
    await make_people(session)
    await session.load_from_arrow("t", PEOPLE)
    await session.execute("create table u (like t)")
    await session.load_from_arrow("u", await session.select_to_arrow("select * from t"))
    assert await stored(session, "select * from u order by id") == ROWS


async def test_what_the_job_tells(session: Any) -> None:
    await session.execute("create table t (n int)")
    job = await session.load_from_arrow("t", numbers(1000))
    assert isinstance(job, LoadJob)
    assert (job.rows, job.telemetry) == (1000, {"rows_processed": 1000})
    assert 4000 <= job.bytes < 20_000
    assert job.seconds > 0
    assert job.technique in ("copy", "unnest")


async def test_no_rows(session: Any) -> None:
    await make_people(session)
    for source in (PEOPLE.slice(0, 0), PEOPLE.schema.empty_table().to_reader()):
        job = await session.load_from_arrow("t", source)
        assert (job.rows, job.telemetry["rows_processed"]) == (0, 0)
    assert await stored(session) == []


async def test_pieces_of_any_size(session: Any) -> None:
    await session.execute("create table t (n int)")
    for batch_rows, count in ((1, 5), (7, 50), (None, 200_000)):
        job = await session.load_from_arrow("t", numbers(count), batch_rows=batch_rows, overwrite=True)
        assert job.rows == count
        assert await session.select("select count(*), sum(n), max(n) from t", schema_type=tuple) == [
            (count, count * (count - 1) // 2, count - 1)
        ]


# -- tables and columns -----------------------------------------------------------------------------------------


async def test_columns_are_matched_by_name(session: Any) -> None:
    await session.execute("create table t (name text, extra int default 7, id int)")
    await session.load_from_arrow("t", PEOPLE)
    assert await stored(session, "select id, name, extra from t order by id") == [(*row, 7) for row in ROWS]


async def test_columns_are_chosen_and_renamed(session: Any) -> None:
    await session.execute("create table t (id int, name text)")
    await session.load_from_arrow("t", PEOPLE, columns=["id"])
    assert await stored(session) == [(1, None), (2, None), (3, None)]
    swapped = PEOPLE.rename_columns(["key", "title"])
    await session.load_from_arrow("t", swapped, columns={"title": "name", "key": "id"}, overwrite=True)
    assert await stored(session) == ROWS


async def test_columns_that_do_not_match_are_all_listed(session: Any) -> None:
    await session.execute("create table t (id int primary key, must text not null, may text)")
    with pytest.raises(DataError) as caught:
        await session.load_from_arrow("t", pa.table({"idd": [1], "may": ["x"], "other": [2.5]}))
    message = str(caught.value)
    assert all(name in message for name in ("idd", "other", "must", "id"))
    with pytest.raises(DataError, match="nowhere"):
        await session.load_from_arrow("t", PEOPLE, columns={"name": "nowhere"})
    with pytest.raises(SQLSpecError, match="missing"):
        await session.load_from_arrow("t", PEOPLE, columns=["missing"])
    assert await session.select_value(COUNT) == 0


async def test_two_source_columns_of_one_name_are_refused(session: Any) -> None:
    await make_people(session)
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id"])
    with pytest.raises(SQLSpecError, match="id"):
        await session.load_from_arrow("t", twice)
    assert await session.select_value(COUNT) == 0


async def test_what_the_server_fills(session: Any) -> None:
    await session.execute(
        "create table t (k int generated always as identity, d int default 5, g int generated always as (n * 2) stored,"
        " o int generated by default as identity, n int)"
    )
    await session.load_from_arrow("t", numbers(2))
    assert await stored(session, "select k, d, g, o, n from t order by n") == [(1, 5, 0, 1, 0), (2, 5, 2, 2, 1)]
    await session.load_from_arrow("t", pa.table({"n": [9], "o": [50], "d": pa.array([None], pa.int32())}))
    assert await stored(session, "select k, d, g, o, n from t where n = 9") == [(3, None, 18, 50, 9)]
    for name in ("k", "g"):
        with pytest.raises(DataError, match=name):
            await session.load_from_arrow("t", pa.table({"n": [1], name: [1]}))


@pytest.mark.parametrize("name", ["T", "with space", 'with "quote"', "a.b", "select", "ünï", "$1", "?"])
async def test_names_of_every_kind(session: Any, flavour: Flavour, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    await session.execute_script(f"create table {quoted} (id int, {quoted} text)")
    source = PEOPLE.rename_columns(["id", name])
    await session.load_from_arrow(quoted, source)
    await session.load_from_arrow(f"{flavour.schema}.{quoted}", source, overwrite=True)
    rows = await session.select_to_arrow(f"select * from {quoted} order by id")
    assert rows.get_data().equals(source)


async def test_a_name_is_never_sql(session: Any, untouched: Any) -> None:
    await make_people(session)
    for name in ("", "a.b.c", 'x"y', "t (id) select", '"', ".t", "t."):
        with pytest.raises((ParameterError, SQLParsingError)):
            await session.load_from_arrow(name, PEOPLE)
    with pytest.raises(SQLParsingError, match="no such table"):
        await session.load_from_arrow("t; drop table t", PEOPLE)
    assert await session.select_value(COUNT) == 0


async def test_case_counts(session: Any) -> None:
    await make_people(session)
    with pytest.raises(SQLParsingError):
        await session.load_from_arrow("T", PEOPLE)
    with pytest.raises(DataError):
        await session.load_from_arrow("t", PEOPLE.rename_columns(["ID", "NAME"]))


async def test_partitions(session: Any) -> None:
    await session.execute_script("""
        create table t (id int, name text) partition by range (id);
        create table t_low partition of t for values from (0) to (2);
        create table t_high partition of t for values from (2) to (4);
    """)
    await session.load_from_arrow("t", PEOPLE)
    assert await session.select_value("select count(*) from t_high") == 2
    with pytest.raises(CheckViolationError):
        await session.load_from_arrow("t", pa.table({"id": pa.array([1, 99], pa.int32())}))
    assert await session.select_value(COUNT) == 3


async def test_temporary_tables_and_search_path(session: Any) -> None:
    await make_people(session)
    await session.execute("create temp table t (id int, name text)")
    await session.load_from_arrow("t", PEOPLE)
    assert await session.select_value("select count(*) from pg_temp.t") == 3
    await session.execute("drop table pg_temp.t")
    assert await session.select_value(COUNT) == 0
    await session.load_from_arrow("t", PEOPLE)
    assert await stored(session) == ROWS


async def test_rules_and_views(session: Any) -> None:
    await session.execute_script("""
        create table t (id int, name text);
        create view v as select * from t;
        create table log (id int);
        create table ruled (id int, name text);
        create rule r as on insert to ruled do instead insert into log values (new.id);
    """)
    await session.load_from_arrow("v", PEOPLE)
    assert await stored(session) == ROWS
    await session.load_from_arrow("ruled", PEOPLE)
    assert await session.select("select id from log order by id", schema_type=int) == [1, 2, 3]
    assert await session.select_value("select count(*) from ruled") == 0


async def test_a_view_of_a_table_that_stores_less(session: Any) -> None:
    await session.execute_script("""
        create table t (n int);
        create view v as select * from t;
        create rule none as on insert to t where new.n = 2 do instead nothing;
    """)
    await session.load_from_arrow("v", numbers(3))
    assert await session.select("select n from t order by n", schema_type=int) == [0, 1]


async def test_triggers_that_store_less(session: Any) -> None:
    await session.execute_script("""
        create table t (n int);
        create function odd() returns trigger language plpgsql as
            $$ begin if new.n % 2 = 0 then return null; end if; return new; end $$;
        create trigger odd before insert on t for each row execute function odd();
    """)
    job = await session.load_from_arrow("t", numbers(10))
    assert (job.rows, job.telemetry["rows_processed"]) == (5, 10)
    assert await session.select_value(COUNT) == 5


async def test_row_security_is_obeyed(session: Any, admin: psycopg.Connection[Any], flavour: Flavour) -> None:
    role = f"{flavour.schema}_reader"
    admin.execute(f"create role {role}".encode())
    try:
        await session.execute_script(f"""
            create table t (n int);
            alter table t enable row level security;
            create policy few on t to {role} using (n < 5) with check (n < 5);
            grant usage on schema {flavour.schema} to {role};
            grant select, insert on t to {role};
        """)
        async with session.with_settings(role=role):
            await session.load_from_arrow("t", numbers(5))
        with pytest.raises(SQLSpecError, match="row-level security|row security"):
            async with session.with_settings(role=role):
                await session.load_from_arrow("t", numbers(6))
        assert await session.select_value(COUNT) == 5
    finally:
        await session.execute_script(f"drop table t; revoke all on schema {flavour.schema} from {role}")
        admin.execute(f"drop role {role}".encode())


# -- overwrite and create -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"overwrite": True}, {"mode": "overwrite"}])
@pytest.mark.parametrize("truncate", [True, False])
async def test_overwrite(session: Any, options: dict[str, Any], truncate: bool) -> None:
    await make_people(session)
    await session.execute_script("""
        insert into t values (1, 'old');
        create table log (event text);
        create function note() returns trigger language plpgsql as
            $$ begin insert into log values (tg_op); return null; end $$;
        create trigger gone after delete or truncate on t execute function note();
    """)
    await session.load_from_arrow("t", PEOPLE, truncate=truncate, **options)
    assert await stored(session) == ROWS
    assert await session.select("select event from log", schema_type=str) == ["TRUNCATE" if truncate else "DELETE"]


async def test_overwrite_that_fails_keeps_the_old_rows(session: Any) -> None:
    await make_people(session)
    await session.execute("insert into t values (9, 'old')")
    twice = pa.concat_tables([PEOPLE, PEOPLE])
    for truncate in (True, False):
        with pytest.raises(UniqueViolationError):
            await session.load_from_arrow("t", twice, overwrite=True, truncate=truncate)
        assert await stored(session) == [(9, "old")]


async def test_a_table_that_others_refer_to_needs_delete(session: Any) -> None:
    await make_people(session)
    await session.execute("create table child (id int references t)")
    with pytest.raises(NotSupportedError):
        await session.load_from_arrow("t", PEOPLE, overwrite=True)
    await session.load_from_arrow("t", PEOPLE, overwrite=True, truncate=False)
    assert await stored(session) == ROWS


async def test_create(session: Any, flavour: Flavour) -> None:
    name = f'{flavour.schema}."New one"'
    job = await session.load_from_arrow(name, PEOPLE, create=True)
    assert job.rows == 3
    assert (await session.select_to_arrow('select * from "New one" order by id')).get_data().equals(PEOPLE)
    with pytest.raises(ParameterError, match="there already"):
        await session.load_from_arrow(name, PEOPLE, create=True)
    with pytest.raises(ParameterError, match="nothing to overwrite"):
        await session.load_from_arrow("other", PEOPLE, create=True, overwrite=True)


async def test_create_with_columns(session: Any) -> None:
    source = pa.table({"a": [1], "b": ["x"], "c": [2.5]})
    await session.load_from_arrow("t", source, create=True, columns={"b": "B", "a": "key"})
    assert await session.select("select * from t") == [{"B": "x", "key": 1}]
    with pytest.raises(DataError, match="nope"):
        await session.load_from_arrow("u", source, create=True, columns=["nope"])
    assert await session.select_value("select to_regclass('u')::text") is None


async def test_create_that_fails_leaves_no_table(session: Any) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield PEOPLE.to_batches()[0]
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await session.load_from_arrow("t", broken(), create=True)
    assert await session.select_value("select to_regclass('t')::text") is None
    await session.load_from_arrow("t", PEOPLE, create=True)
    assert await stored(session) == ROWS


async def test_a_missing_table_is_named(session: Any) -> None:
    for name in ("missing", "missing_schema.t"):
        with pytest.raises(SQLParsingError, match="no such table; make it first, or pass create=True"):
            await session.load_from_arrow(name, PEOPLE)
    assert await session.select_value("select 1") == 1


# -- all or nothing -----------------------------------------------------------------------------------------------


VIOLATIONS: dict[str, tuple[str, type[SQLSpecError]]] = {
    "unique": ("unique (n)", UniqueViolationError),
    "check": ("check (n < 4999)", CheckViolationError),
    "foreign key": ("foreign key (n) references few (n)", ForeignKeyViolationError),
    "not null": ("", NotNullViolationError),
}


@pytest.mark.parametrize(
    ("name", "inside"), [("unique", False), ("check", True), ("foreign key", False), ("not null", True)]
)
async def test_a_violation_in_the_last_row_leaves_nothing(session: Any, name: str, inside: bool) -> None:
    constraint, kind = VIOLATIONS[name]
    nullable = "" if constraint else " not null"
    await session.execute_script(f"""
        create table few (n int primary key); insert into few select generate_series(0, 4998);
        create table t (n int{nullable}{", " + constraint if constraint else ""})
    """)
    values: list[int | None] = [*range(4_999), {"unique": 5, "not null": None}.get(name, 4_999)]
    source = pa.table({"n": pa.array(values, pa.int32())})
    if inside:
        await session.begin()
        await session.execute("insert into t values (7)" if name != "unique" else "select 1")
    with pytest.raises(kind):
        await session.load_from_arrow("t", source, batch_rows=1250)
    if inside:
        assert session.in_transaction
        assert await session.select_value(COUNT) == (name != "unique")
        await session.commit()
    assert await session.select_value(COUNT) == (inside and name != "unique")


@pytest.mark.parametrize("inside", [False, True])
async def test_a_value_that_does_not_fit_is_named_and_leaves_nothing(session: Any, inside: bool) -> None:
    await session.execute("create table t (id int, n smallint)")
    values = [0] * 100_000
    values[70_017] = 40_000
    source = pa.table({"id": pa.array(range(100_000), pa.int32()), "n": pa.array(values, pa.int64())})
    if inside:
        await session.begin()
    with pytest.raises(DataError, match=r"column .n.: row 70017 of the source") as caught:
        await session.load_from_arrow("t", source)
    assert "40000" not in str(caught.value)
    assert await session.select_value(COUNT) == 0
    if inside:
        await session.rollback()


async def test_a_load_belongs_to_the_open_transaction(session: Any, config: Any) -> None:
    await make_people(session)
    async with session.transaction():
        await session.load_from_arrow("t", PEOPLE)
        assert await stored(session) == ROWS
        async with config.provide_session() as other:
            assert await other.select_value(COUNT) == 0
        await session.rollback()
    assert await session.select_value(COUNT) == 0
    async with session.transaction():
        async with session.savepoint():
            await session.load_from_arrow("t", PEOPLE)
        with pytest.raises(UniqueViolationError):
            async with session.savepoint():
                await session.load_from_arrow("t", PEOPLE)
        with pytest.raises(UniqueViolationError):
            await session.load_from_arrow("t", PEOPLE)
        await session.load_from_arrow("t", pa.table({"id": [4], "name": ["D"]}))
    assert await stored(session) == [*ROWS, (4, "D")]


async def test_a_read_only_transaction(session: Any) -> None:
    await make_people(session)
    with pytest.raises(SQLSpecError, match="read-only"):
        async with session.transaction(readonly=True):
            await session.load_from_arrow("t", PEOPLE)
    assert await session.select_value(COUNT) == 0


@pytest.mark.parametrize("inside", [False, True])
async def test_what_the_source_raises_passes_through(session: Any, inside: bool) -> None:
    await session.execute("create table t (n int)")

    class Mine(Exception):
        pass

    def broken() -> Iterator[pa.RecordBatch]:
        for number in range(5):
            yield numbers(20_000, number * 20_000).to_batches()[0]
        raise Mine

    if inside:
        await session.begin()
    for source in (broken(), pa.RecordBatchReader.from_batches(numbers(0).schema, broken())):
        with pytest.raises(Mine):
            await session.load_from_arrow("t", source)
        assert await session.select_value(COUNT) == 0
    if inside:
        await session.commit()
    assert (await session.load_from_arrow("t", numbers(10))).rows == 10


async def test_progress(session: Any) -> None:
    await session.execute("create table t (n int)")
    seen: list[LoadJob] = []
    job = await session.load_from_arrow("t", numbers(1000), batch_rows=300, progress=seen.append)
    assert [each.rows for each in seen] == [300, 600, 900, 1000]
    assert [each.bytes for each in seen] == sorted({each.bytes for each in seen})
    assert seen[-1].technique == job.technique

    def stop(so_far: LoadJob) -> None:
        if so_far.rows > 500:
            raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        await session.load_from_arrow("t", numbers(1000), batch_rows=100, progress=stop)
    assert await session.select_value(COUNT) == 1000


async def test_a_constraint_that_is_checked_at_commit(session: Any) -> None:
    await session.execute("create table t (n int unique deferrable initially deferred)")
    with pytest.raises(UniqueViolationError):
        await session.load_from_arrow("t", pa.concat_tables([numbers(2), numbers(2)]))
    assert await session.select_value(COUNT) == 0
    assert not session.in_transaction


@needs("concurrent_calls")
async def test_a_table_that_is_altered_in_between(
    session: Any, admin: psycopg.Connection[Any], flavour: Flavour
) -> None:
    table = f"{flavour.schema}.t"
    admin.execute(f"create table {table} (n int)".encode())
    pid = await session.select_value("select pg_backend_pid()")
    with psycopg.connect(admin.info.dsn, password=admin.info.password or None) as altering:
        altering.execute(f"alter table {table} alter n type float4".encode())
        load = asyncio.ensure_future(session.load_from_arrow("t", numbers(3)))
        while not admin.execute("select 1 from pg_locks where pid = %s and not granted", [pid]).fetchone():
            if load.done():
                raise AssertionError(f"it gave {await load}")
            await asyncio.sleep(0.002)
        altering.commit()
        with pytest.raises(SerializationConflictError, match="altered meanwhile"):
            await load
    await session.load_from_arrow("t", numbers(3))
    assert await session.select("select n from t order by n", schema_type=float) == [0.0, 1.0, 2.0]


# -- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"mode": "upsert"}, ParameterError),
        ({"key": ["id"]}, ParameterError),
        ({"on_error": "ignore"}, ParameterError),
        ({"mode": "replace"}, ParameterError),
        ({"batch_rows": 0}, ParameterError),
        ({"batch_rows": True}, ParameterError),
        ({"progress": 5}, ParameterError),
        ({"timeout": 0}, ParameterError),
    ],
)
async def test_impossible_options_are_refused_before_anything_is_sent(
    session: Any, untouched: Any, options: dict[str, Any], kind: type[SQLSpecError]
) -> None:
    await make_people(session)
    async with untouched(session):
        with pytest.raises(kind):
            await session.load_from_arrow("t", PEOPLE, **options)


@pytest.mark.parametrize(("setting", "value"), [("client_encoding", "LATIN1"), ("array_nulls", "off")])
async def test_a_setting_that_gives_text_another_meaning_is_refused(session: Any, setting: str, value: str) -> None:
    await session.execute("create table t (a inet[])")
    addresses = pa.table({"a": [["10.0.0.1", None]]})
    with pytest.raises(NotSupportedError, match=setting):
        async with session.transaction():
            await session.execute(f"select set_config('{setting}', '{value}', true)")
            await session.load_from_arrow("t", addresses)
    assert await session.select_value(COUNT) == 0
    await session.load_from_arrow("t", addresses)


async def test_a_role_without_the_privilege(session: Any, admin: psycopg.Connection[Any], flavour: Flavour) -> None:
    role = f"{flavour.schema}_nobody"
    await make_people(session)
    admin.execute(f"create role {role}; grant usage on schema {flavour.schema} to {role}".encode())
    try:
        with pytest.raises(SQLSpecError, match="permission denied"):
            async with session.with_settings(role=role):
                await session.load_from_arrow("t", PEOPLE)
    finally:
        admin.execute(f"revoke all on schema {flavour.schema} from {role}; drop role {role}".encode())
    assert await session.select_value(COUNT) == 0


# -- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
async def test_memory_does_not_grow_with_the_source(session: Any) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    await session.execute("create unlogged table t (n int, x text)")
    batch = pa.record_batch({"n": pa.array(range(2000), pa.int32()), "x": ["x" * 1000] * 2000})
    await session.load_from_arrow("t", [batch] * 3)
    start = most = resident()

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal most
        for _ in range(60):
            most = max(most, resident())
            yield batch

    job = await session.load_from_arrow("t", batches())
    assert job.rows == 120_000
    assert job.bytes > 100_000_000
    assert most - start < 50_000_000
