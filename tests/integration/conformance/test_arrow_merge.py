"""Upsert, update and delete by key: what they do to the table, and what they count, on every adapter alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from sqlspec import LoadJob
from sqlspec.exceptions import (
    CheckViolationError,
    DataError,
    NotNullViolationError,
    SQLSpecError,
)
from sqlspec.postgres.arrow.merging import MergeSQL
from tests.integration.harness import FLAVOURS, Flavour, needs

REAL = tuple(name for name in FLAVOURS if name != "stub")
pytestmark = pytest.mark.only(*REAL)

Rows = list[tuple[Any, ...]]

STAGING = "select count(*) from pg_class where relname = 'sqlspec merge'"


async def stored(session: Any, sql: str = "select id, name, n from t order by id") -> Rows:
    rows: Rows = await session.select(sql, schema_type=tuple)
    return rows


async def make_people(session: Any) -> None:
    await session.execute_script("""
        create table t (id int primary key, name text, n int default 7);
        insert into t values (1, 'Ann', 1), (2, 'Bob', 2), (3, null, 3);
    """)


def people(**columns: list[Any]) -> pa.Table:
    kinds = {"id": pa.int32(), "n": pa.int64(), "name": pa.string()}
    return pa.table({name: pa.array(values, kinds.get(name)) for name, values in columns.items()})


def counts(job: LoadJob) -> dict[str, int]:
    """Return what a job counts."""
    names = ("inserted", "updated", "unchanged", "deleted", "unmatched")
    return {name: count for name in names if (count := getattr(job, name)) is not None}


# -- what it does ---------------------------------------------------------------------------------------------


async def test_upsert(session: Any) -> None:
    await make_people(session)
    source = people(id=[2, 3, 4, 5], name=["Bea", None, "Dan", None], n=[2, 3, 4, None])
    job = await session.load_from_arrow("t", source, mode="upsert", key=["id"])
    assert await stored(session) == [(1, "Ann", 1), (2, "Bea", 2), (3, None, 3), (4, "Dan", 4), (5, None, None)]
    assert counts(job) == {"inserted": 2, "updated": 1, "unchanged": 1}
    assert (job.rows, job.telemetry) == (3, {"rows_processed": 4})
    again = await session.load_from_arrow("t", source, mode="upsert", key=["id"])
    assert counts(again) == {"inserted": 0, "updated": 0, "unchanged": 4}
    assert again.rows == 0


async def test_update(session: Any) -> None:
    await make_people(session)
    source = people(id=[1, 2, 9], name=["Ann", None, "Nobody"])
    job = await session.load_from_arrow("t", source, mode="update", key=["id"])
    assert await stored(session) == [(1, "Ann", 1), (2, None, 2), (3, None, 3)]
    assert counts(job) == {"updated": 1, "unchanged": 1, "unmatched": 1}
    assert (job.rows, job.telemetry) == (1, {"rows_processed": 3})


async def test_delete(session: Any) -> None:
    await make_people(session)
    # The other columns are not looked at: one is not in the table, one does not fit.
    source = people(id=[2, 3, 9], n=[1 << 40, 0, 0], other=["a", "b", "c"])
    job = await session.load_from_arrow("t", source, mode="delete", key=["id"])
    assert await stored(session) == [(1, "Ann", 1)]
    assert counts(job) == {"deleted": 2, "unmatched": 1}
    assert (job.rows, job.telemetry) == (2, {"rows_processed": 3})


async def test_other_modes_count_what_they_insert(session: Any) -> None:
    await make_people(session)
    assert counts(await session.load_from_arrow("t", people(id=[4]))) == {"inserted": 1}
    assert counts(await session.load_from_arrow("t", people(id=[4, 5]), overwrite=True)) == {"inserted": 2}


async def test_columns_that_the_source_does_not_have(session: Any) -> None:
    await make_people(session)
    await session.load_from_arrow("t", people(id=[3, 4], name=["Cid", "Dan"]), mode="upsert", key=["id"])
    assert await stored(session) == [(1, "Ann", 1), (2, "Bob", 2), (3, "Cid", 3), (4, "Dan", 7)]


async def test_upsert_of_keys_only(session: Any) -> None:
    await make_people(session)
    job = await session.load_from_arrow("t", people(id=[3, 4]), mode="upsert", key=["id"])
    assert await stored(session) == [(1, "Ann", 1), (2, "Bob", 2), (3, None, 3), (4, None, 7)]
    assert counts(job) == {"inserted": 1, "updated": 0, "unchanged": 1}


async def test_chosen_and_renamed_columns(session: Any) -> None:
    await make_people(session)
    source = pa.table({"key": [1, 9], "title": ["A", "Z"], "rest": [0, 0]})
    names = {"key": "id", "title": "name"}
    await session.load_from_arrow("t", source, mode="upsert", key=["id"], columns=names)
    await session.load_from_arrow("t", source.slice(1), mode="delete", key=["id"], columns=names)
    assert await stored(session) == [(1, "A", 1), (2, "Bob", 2), (3, None, 3)]
    await session.load_from_arrow(
        "t", people(id=[1], name=["no"], n=[5]), mode="update", key=["id"], columns=["id", "n"]
    )
    assert await stored(session, "select name, n from t where id = 1") == [("A", 5)]


async def test_a_key_of_several_columns(session: Any) -> None:
    await session.execute_script("""
        create table t (a int, b text, n int, unique (b, a));
        insert into t values (1, 'x', 1), (1, 'y', 2), (2, 'x', 3), (2, null, 4);
    """)
    source = pa.table({"n": [20, 30, 40], "b": ["y", "x", "z"], "a": [1, 2, 2]})
    job = await session.load_from_arrow("t", source, mode="upsert", key=["a", "b"])
    assert counts(job) == {"inserted": 1, "updated": 2, "unchanged": 0}
    rows = await stored(session, "select a, b, n from t order by a, b")
    assert rows == [(1, "x", 1), (1, "y", 20), (2, "x", 30), (2, "z", 40), (2, None, 4)]
    job = await session.load_from_arrow("t", source.select(["a"]).slice(0, 1), mode="delete", key=["a"])
    assert counts(job) == {"deleted": 2, "unmatched": 0}


async def test_a_key_that_several_rows_of_the_table_have(session: Any) -> None:
    await session.execute_script("create table t (k int, n int); insert into t values (1, 1), (1, 2), (2, 2), (3, 3)")
    job = await session.load_from_arrow("t", pa.table({"k": [1, 3, 4], "n": [2, 2, 2]}), mode="update", key=["k"])
    assert counts(job) == {"updated": 2, "unchanged": 1, "unmatched": 1}
    assert await stored(session, "select k, n from t order by k, n") == [(1, 2), (1, 2), (2, 2), (3, 2)]
    job = await session.load_from_arrow("t", pa.table({"k": [1, 5]}), mode="delete", key=["k"])
    assert counts(job) == {"deleted": 2, "unmatched": 1}


async def test_many_rows_in_pieces(session: Any) -> None:
    await session.execute_script("""
        create table t (id int primary key, n int);
        insert into t select i, i % 2 from generate_series(0, 9999) i
    """)
    source = pa.table({"id": pa.array(range(5000, 15_000), pa.int32()), "n": pa.array([0] * 10_000, pa.int32())})
    seen: list[LoadJob] = []
    job = await session.load_from_arrow("t", source, mode="upsert", key=["id"], batch_rows=999, progress=seen.append)
    assert counts(job) == {"inserted": 5000, "updated": 2500, "unchanged": 2500}
    assert [each.rows for each in seen] == [*range(999, 10_000, 999), 10_000]
    assert await stored(session, "select count(*), sum(n) from t") == [(15_000, 2500)]


async def test_no_rows(session: Any) -> None:
    await make_people(session)
    for mode, expected in (
        ("upsert", {"inserted": 0, "updated": 0, "unchanged": 0}),
        ("update", {"updated": 0, "unchanged": 0, "unmatched": 0}),
        ("delete", {"deleted": 0, "unmatched": 0}),
    ):
        job = await session.load_from_arrow("t", people(id=[], name=[]), mode=mode, key=["id"])
        assert (job.rows, counts(job)) == (0, expected)


# -- records ----------------------------------------------------------------------------------------------------


@dataclass
class Person:
    id: int
    name: str | None


async def test_records(session: Any) -> None:
    await make_people(session)
    job = await session.load_from_records("t", [Person(3, "Cid"), Person(4, None)], mode="upsert", key=["id"])
    assert counts(job) == {"inserted": 1, "updated": 1, "unchanged": 0}
    job = await session.load_from_records("t", [{"id": 4, "n": 44}, {"id": 5, "n": 55}], mode="update", key=["id"])
    assert counts(job) == {"updated": 1, "unchanged": 0, "unmatched": 1}
    assert await stored(session) == [(1, "Ann", 1), (2, "Bob", 2), (3, "Cid", 3), (4, None, 44)]
    await session.load_from_records("t", [(1,)], mode="delete", key=["id"])
    await session.load_from_records("t", [Person(2, "whatever")], mode="delete", key=["id"])
    await session.load_from_records("t", [("x", 3)], columns=["name", "id"], mode="delete", key=["id"])
    assert await stored(session) == [(4, None, 44)]


# -- columns of every kind ----------------------------------------------------------------------------------------


async def test_what_the_server_fills(session: Any) -> None:
    await session.execute_script("""
        create table t (
            k int generated always as identity primary key, d int default 5, g int generated always as (n * 2) stored,
            n int unique
        );
        insert into t (n) values (1), (2);
    """)
    with pytest.raises(DataError, match="column 'k' is an identity"):
        await session.load_from_arrow("t", pa.table({"k": [1], "n": [5]}), mode="upsert", key=["k"])
    job = await session.load_from_arrow("t", pa.table({"n": [2, 3], "d": [6, 6]}), mode="upsert", key=["n"])
    assert counts(job) == {"inserted": 1, "updated": 1, "unchanged": 0}
    assert await stored(session, "select d, g, n from t order by n") == [(5, 2, 1), (6, 4, 2), (6, 6, 3)]
    job = await session.load_from_arrow("t", pa.table({"k": [1, 7], "n": [11, 0]}), mode="update", key=["k"])
    assert counts(job) == {"updated": 1, "unchanged": 0, "unmatched": 1}
    with pytest.raises(DataError, match="column 'g' is generated"):
        await session.load_from_arrow("t", pa.table({"k": [1], "g": [11]}), mode="update", key=["k"])
    job = await session.load_from_arrow("t", pa.table({"g": [4, 22]}), mode="delete", key=["g"])
    assert counts(job) == {"deleted": 2, "unmatched": 0}


async def test_a_required_column_that_is_missing(session: Any) -> None:
    await session.execute("create table t (id int primary key, must int not null, n int)")
    await session.execute("insert into t values (1, 1, 1)")
    source = pa.table({"id": [1], "n": [2]})
    with pytest.raises(DataError, match="column 'must' is missing"):
        await session.load_from_arrow("t", source, mode="upsert", key=["id"])
    await session.load_from_arrow("t", source, mode="update", key=["id"])
    assert await stored(session, "select * from t") == [(1, 1, 2)]
    null = pa.table({"id": [1], "must": pa.array([None], pa.int32())})
    for mode in ("upsert", "update"):
        with pytest.raises(NotNullViolationError):
            await session.load_from_arrow("t", null, mode=mode, key=["id"])


async def test_types_of_every_kind(session: Any) -> None:
    await session.execute_script("""
        create type mood as enum ('sad', 'ok');
        create domain small as numeric(4, 1) check (value < 100);
        create type pair as (a int, "B b" text);
        create table t (
            gone int, e mood, d small, p pair, l int[], j json, x jsonb, i inet, r int4range, u uuid, "Mixed Case" text,
            primary key (e, d)
        );
        alter table t drop column gone;
        insert into t values
            ('ok', 1.5, (1, 'x'), '{1,2}', '{"a": 1}', '{"a": 1}', '10.0.0.1', '[1,5)', null, 'same'),
            ('ok', 2.5, (1, 'x'), '{1,2}', '{"a": 1}', '{"a": 1}', '10.0.0.1', '[1,5)', null, 'other');
    """)
    pair = pa.struct([("a", pa.int32()), ("B b", pa.string())])
    source = pa.table(
        {
            "e": ["ok", "ok", "sad"],
            "d": ["1.5", "2.5", "1.5"],
            "p": pa.array([{"a": 1, "B b": "x"}] * 3, pair),
            "l": pa.array([[1, 2]] * 3, pa.list_(pa.int32())),
            "j": ['{"a": 1}', '{"a":1}', None],
            "x": ['{"a": 1}'] * 3,
            "i": ["10.0.0.1"] * 3,
            "r": ["[1,5)"] * 3,
            "u": pa.array([None, None, "a" * 32], pa.string()),
            "Mixed Case": ["same", "other", "new"],
        }
    )
    job = await session.load_from_arrow("t", source, mode="upsert", key=["e", "d"])
    # Another text of the same JSON is another value of json, though not of jsonb.
    assert counts(job) == {"inserted": 1, "updated": 1, "unchanged": 1}
    rows = await stored(session, 'select e::text, d::text, j::text, "Mixed Case" from t order by t.e, t.d')
    assert rows == [("sad", "1.5", None, "new"), ("ok", "1.5", '{"a": 1}', "same"), ("ok", "2.5", '{"a":1}', "other")]
    job = await session.load_from_arrow("t", source, mode="update", key=["Mixed Case", "e"])
    assert counts(job) == {"updated": 0, "unchanged": 3, "unmatched": 0}
    job = await session.load_from_arrow("t", source, mode="delete", key=["p", "i", "r", "e", "d"])
    assert counts(job) == {"deleted": 3, "unmatched": 0}


async def test_a_value_that_does_not_fit_is_named(session: Any) -> None:
    await session.execute("create table t (id int primary key, v varchar(3), i inet)")
    with pytest.raises(DataError, match="column 'v': row 1 of the source"):
        await session.load_from_arrow("t", pa.table({"id": [1, 2], "v": ["a", "toolong"]}), mode="upsert", key=["id"])
    with pytest.raises(DataError, match="column 'i': row 2 of the source"):
        await session.load_from_arrow(
            "t", pa.table({"id": [1, 2, 3], "i": ["10.0.0.1", None, "nowhere"]}), mode="update", key=["id"]
        )


async def test_names_of_every_kind(session: Any) -> None:
    for name in ("sqlspec row", "s", "t", "changed", "matched", "n", "excluded", 'with "quote"', "select"):
        await check_name(session, name)


async def check_name(session: Any, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    await session.execute_script(f"create table {quoted} (id int primary key, {quoted} int unique)")
    for mode, expected in (("upsert", [(1, 5), (2, 6)]), ("update", [(1, 5), (2, 6)]), ("delete", [])):
        source = pa.table({"id": [1, 2], name: [5, 6]})
        await session.load_from_arrow(quoted, source, mode=mode, key=["id"])
        assert await stored(session, f"select * from {quoted} order by id") == expected
    for mode in ("upsert", "update", "delete"):
        await session.load_from_arrow(quoted, pa.table({"id": [7], name: [5]}), mode=mode, key=[name])


# -- tables of every kind ------------------------------------------------------------------------------------------


async def test_partitions(session: Any) -> None:
    await session.execute_script("""
        create table t (id int primary key, name text, n int) partition by range (id);
        create table low partition of t for values from (0) to (10);
        create table high (n int, gone int, name text, id int not null);
        alter table high drop column gone;
        alter table t attach partition high for values from (10) to (20);
        insert into t values (1, 'a', 1), (11, 'b', 2);
    """)
    source = people(id=[1, 2, 11, 12], name=["A", "x", "b", "y"], n=[1, 1, 2, 2])
    job = await session.load_from_arrow("t", source, mode="upsert", key=["id"])
    assert counts(job) == {"inserted": 2, "updated": 1, "unchanged": 1}
    assert await stored(session) == [(1, "A", 1), (2, "x", 1), (11, "b", 2), (12, "y", 2)]
    with pytest.raises(CheckViolationError):
        await session.load_from_arrow("t", people(id=[1, 99], name=["no", "no"]), mode="upsert", key=["id"])
    job = await session.load_from_arrow("t", people(id=[2, 12, 99]), mode="delete", key=["id"])
    assert counts(job) == {"deleted": 2, "unmatched": 1}
    assert await stored(session) == [(1, "A", 1), (11, "b", 2)]


async def test_a_table_that_others_inherit_from(session: Any) -> None:
    await make_people(session)
    await session.execute_script("create table child () inherits (t); insert into child values (4, 'kid', 4)")
    job = await session.load_from_arrow("t", people(id=[3, 4], n=[9, 9]), mode="upsert", key=["id"])
    assert counts(job) == {"inserted": 1, "updated": 1, "unchanged": 0}
    job = await session.load_from_arrow("t", people(id=[4]), mode="delete", key=["id"])
    assert counts(job) == {"deleted": 2, "unmatched": 0}


async def test_views(session: Any) -> None:
    await make_people(session)
    await session.execute("create view v as select id, name from t")
    source = people(id=[1, 4], name=["A", "D"])
    assert counts(await session.load_from_arrow("v", source, mode="upsert", key=["id"])) == {
        "inserted": 1,
        "updated": 1,
        "unchanged": 0,
    }
    assert await stored(session) == [(1, "A", 1), (2, "Bob", 2), (3, None, 3), (4, "D", 7)]
    await session.load_from_arrow("v", people(id=[1, 2], name=["", ""]), mode="update", key=["id"])
    await session.load_from_arrow("v", people(id=[3, 4]), mode="delete", key=["id"])
    assert await stored(session) == [(1, "", 1), (2, "", 2)]


async def test_temporary_tables(session: Any) -> None:
    await session.execute_script("create temp table t (id int primary key, n int); insert into t values (1, 1)")
    await session.load_from_arrow("t", people(id=[1, 2], n=[5, 6]), mode="upsert", key=["id"])
    assert await stored(session, "select * from pg_temp.t order by id") == [(1, 5), (2, 6)]


async def test_triggers_decide_what_is_counted(session: Any) -> None:
    await make_people(session)
    await session.execute_script("""
        create table log (event text, id int);
        create function note() returns trigger language plpgsql as $$ begin
            insert into log values (tg_op, coalesce(new.id, old.id)); return null; end $$;
        create trigger noted after insert or update or delete on t for each row execute function note();
        create function odd() returns trigger language plpgsql as $$ begin
            if coalesce(new.id, old.id) % 2 = 0 then return null; end if;
            if tg_op = 'DELETE' then return old; end if; return new; end $$;
        create trigger only_odd before insert or update or delete on t for each row execute function odd();
    """)
    source = people(id=[1, 2, 3, 4, 5], n=[10, 10, 3, 10, 10])
    job = await session.load_from_arrow("t", source, mode="update", key=["id"])
    assert counts(job) == {"updated": 1, "unchanged": 2, "unmatched": 2}
    job = await session.load_from_arrow("t", source, mode="delete", key=["id"])
    assert counts(job) == {"deleted": 2, "unmatched": 2}
    job = await session.load_from_arrow("t", source, mode="upsert", key=["id"])
    assert counts(job) == {"inserted": 3, "updated": 0, "unchanged": 2}
    assert job.rows == 3
    assert await stored(session, "select id, event from log order by id, event desc") == [
        *((1, event) for event in ("UPDATE", "INSERT", "DELETE")),
        *((3, event) for event in ("INSERT", "DELETE")),
        (5, "INSERT"),
    ]


async def test_row_security_is_obeyed(session: Any, admin: psycopg.Connection[Any], flavour: Flavour) -> None:
    role = f"{flavour.schema}_few"
    admin.execute(f"create role {role}".encode())
    try:
        await make_people(session)
        await session.execute_script(f"""
            alter table t enable row level security;
            create policy few on t to {role} using (id <> 2) with check (id < 5);
            grant usage on schema {flavour.schema} to {role};
            grant select, insert, update, delete on t to {role};
        """)
        source = people(id=[1, 4], n=[50, 60])
        async with session.with_settings(role=role):
            job = await session.load_from_arrow("t", source, mode="upsert", key=["id"])
            assert counts(job) == {"inserted": 1, "updated": 1, "unchanged": 0}
            job = await session.load_from_arrow("t", people(id=[2, 3]), mode="delete", key=["id"])
            assert counts(job) == {"deleted": 1, "unmatched": 1}
        with pytest.raises(SQLSpecError, match="row-level security"):
            async with session.with_settings(role=role):
                await session.load_from_arrow("t", people(id=[6], n=[1]), mode="upsert", key=["id"])
        assert await stored(session) == [(1, "Ann", 50), (2, "Bob", 2), (4, None, 60)]
    finally:
        admin.execute(f"drop owned by {role}; drop role {role}".encode())


@pytest.mark.parametrize(
    "case",
    [
        test_upsert,
        test_upsert_of_keys_only,
        test_a_key_of_several_columns,
        test_types_of_every_kind,
        test_partitions,
        test_a_table_that_others_inherit_from,
        test_views,
        test_triggers_decide_what_is_counted,
    ],
)
async def test_upserts_that_the_server_takes_no_merge_for(
    session: Any, monkeypatch: pytest.MonkeyPatch, case: Callable[[Any], Awaitable[None]]
) -> None:
    monkeypatch.setattr(MergeSQL, "quick", "merge into")
    await case(session)


# -- all or nothing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [False, True])
async def test_a_violation_leaves_nothing(session: Any, inside: bool) -> None:
    await make_people(session)
    await session.execute("alter table t add check (n < 100)")
    if inside:
        await session.begin()
        await session.execute("update t set n = 0 where id = 1")
    for mode in ("upsert", "update"):
        with pytest.raises(CheckViolationError):
            await session.load_from_arrow("t", people(id=[1, 2, 3], n=[5, 5, 100]), mode=mode, key=["id"])
        assert session.in_transaction == inside
        assert await session.select_value(STAGING) == 0
    if inside:
        await session.commit()
    assert await stored(session) == [(1, "Ann", 0 if inside else 1), (2, "Bob", 2), (3, None, 3)]


async def test_what_the_source_raises_passes_through(session: Any) -> None:
    await make_people(session)

    def broken() -> Iterator[pa.RecordBatch]:
        yield people(id=[1], name=["x"]).to_batches()[0]
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await session.load_from_arrow("t", broken(), mode="delete", key=["id"])
    assert await session.select_value("select count(*) from t") == 3


async def test_several_in_one_transaction(session: Any) -> None:
    await make_people(session)
    async with session.transaction():
        for number in range(3):
            await session.load_from_arrow("t", people(id=[1, 9], n=[number, number]), mode="upsert", key=["id"])
            assert await session.select_value(STAGING) == 0
        await session.load_from_arrow("t", people(id=[2, 3]), mode="delete", key=["id"])
    assert await stored(session, "select id, n from t order by id") == [(1, 2), (9, 2)]


async def test_a_constraint_that_is_checked_at_commit(session: Any) -> None:
    await session.execute_script("""
        create table t (id int primary key, n int unique deferrable initially deferred);
        insert into t values (1, 1), (2, 2);
    """)
    await session.load_from_arrow("t", people(id=[1, 2], n=[2, 1]), mode="upsert", key=["id"])
    assert await stored(session, "select id, n from t order by id") == [(1, 2), (2, 1)]


@needs("concurrent_calls")
async def test_upserts_of_two_sessions_at_once(session: Any, config: Any) -> None:
    await make_people(session)
    async with config.provide_session() as other, session.transaction():
        await session.load_from_arrow("t", people(id=[1, 8], n=[5, 5]), mode="upsert", key=["id"])
        waiting = asyncio.ensure_future(
            other.load_from_arrow("t", people(id=[1, 8, 9], n=[6, 6, 6]), mode="upsert", key=["id"])
        )
        pid = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        async with config.provide_session() as observer:
            while await observer.select_value(pid) == 0:
                assert not waiting.done()
                await asyncio.sleep(0.005)
        await session.commit()
        job = await waiting
    assert job.rows == 3
    assert await stored(session, "select id, n from t where id in (1, 8, 9) order by id") == [(1, 6), (8, 6), (9, 6)]
