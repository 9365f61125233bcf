"""Loads that put bad rows aside: which ones, what is told of them, and what becomes of all others."""

from __future__ import annotations

import random
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from sqlspec import LoadJob
from sqlspec.exceptions import (
    DataError,
    NotSupportedError,
    ParameterError,
    QueryTimeoutError,
    SQLParsingError,
    SQLSpecError,
    UniqueViolationError,
)
from tests.integration.harness import FLAVOURS, Flavour

pytestmark = pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))

ROWS = 3000
COUNT = "select count(*) from t"
QUARANTINE: dict[str, Any] = {"on_error": "quarantine"}

Rejected = tuple[int, str | None, str | None]


def told(job: LoadJob) -> list[Rejected]:
    """Return number, column and SQLSTATE of the rejected rows."""
    assert job.rejected is not None
    return [(each["row"], each["column"], each["sqlstate"]) for each in job.rejected.to_pylist()]


async def ids(session: Any) -> list[int]:
    found: list[int] = await session.select("select id from t order by id", schema_type=int)
    return found


def source(bad: dict[int, Any], name: str = "v", kind: pa.DataType | None = None, good: Any = 1) -> pa.Table:
    values = [bad.get(number, good) for number in range(ROWS)]
    return pa.table({"id": pa.array(range(ROWS), pa.int32()), name: pa.array(values, kind)})


# -- what is put aside --------------------------------------------------------------------------------------------

FEW = "create table few (n int primary key); insert into few values (1)"

# name: (column, setup, bad value, good value, Arrow type, column that is told, SQLSTATE). The column is told where the
# server, or the conversion, tells it; a driver may hide that.
FAULTS: dict[str, tuple[str, str, Any, Any, pa.DataType, str | None, str | None]] = {
    "check": ("v int check (v < 10)", "", 10, 1, pa.int32(), None, "23514"),
    "not null": ("v int not null", "", None, 1, pa.int32(), "v", "23502"),
    "foreign key": ("v int references few", FEW, 5, 1, pa.int32(), None, "23503"),
    "exclusion": ("v int4range, exclude using gist (v with &&)", "", "[5,6)", None, pa.string(), None, "23P01"),
    "text that only the server reads": ("v inet", "", "10.0.0.300", "10.0.0.1", pa.string(), "v", "22P02"),
    "json": ("v jsonb", "", "{bad", "{}", pa.string(), "v", "22P02"),
    "enum": ("v mood", "create type mood as enum ('ok', 'sad')", "mad", "ok", pa.string(), "v", None),
    "name of a relation": ("v regclass", "", "nope", "pg_class", pa.string(), "v", "42P01"),
    "domain": ("v positive", "create domain positive as int check (value > 0)", -1, 1, pa.int32(), None, "23514"),
    "too large for its column": ("v smallint", "", 40_000, 1, pa.int64(), "v", None),
    "too long for its column": ("v varchar(3)", "", "four", "abc", pa.string(), "v", None),
    "a NUL in a text": ("v text", "", "a\0b", "ab", pa.string(), "v", None),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_rows_that_are_refused_are_put_aside(session: Any, flavour: Flavour, name: str) -> None:
    column, setup, bad, good, kind, where, sqlstate = FAULTS[name]
    await session.execute_script(f"{setup}; create table t (id int primary key, {column})")
    places = (0, 1, 777, ROWS - 1)
    table = source(dict.fromkeys(places, bad), kind=kind, good=good)
    if name == "exclusion":  # the first one is stored, the others meet it
        await session.execute("insert into t values (-1, '[1,9)')")
    job = await session.load_from_arrow("t", table, **QUARANTINE)
    assert [row for row, *_ in told(job)] == list(places)
    assert await session.select_value("select count(*) from t where id >= 0") == ROWS - 4 == job.rows
    assert (await session.select("select id from t where id in (0, 1, 777, 2999)")) == []
    for each in job.rejected.to_pylist():
        assert each["sqlstate"] in ({sqlstate, None} if flavour.name == "psqlpy" else {sqlstate})
        assert each["column"] == where if where is not None else each["column"] in (None, "v")
        assert each["reason"]
        assert each["record"] == {"id": each["row"], "v": bad}


async def test_of_rows_with_one_key_the_first_is_stored(session: Any) -> None:
    await session.execute("create table t (id int primary key, v int)")
    await session.execute("insert into t values (70, -1)")
    keys = list(range(ROWS))
    keys[2000] = 5
    job = await session.load_from_arrow("t", pa.table({"id": keys, "v": range(ROWS)}), **QUARANTINE)
    assert [(row, sqlstate) for row, _, sqlstate in told(job)] == [(70, "23505"), (2000, "23505")]
    assert await session.select("select v from t where id in (5, 70) order by id", schema_type=int) == [5, -1]
    assert job.rows == ROWS - 2


async def test_what_a_trigger_refuses_is_put_aside(session: Any, flavour: Flavour) -> None:
    await session.execute_script("""
        create table t (id int, v int);
        create function refuse() returns trigger language plpgsql as $$ begin
            if new.v = 2 then raise exception 'not this one'; end if;
            if new.v = 3 then raise exception 'nor this' using errcode = 'ZZ123'; end if;
            if new.v = 4 then perform 1 / (new.v - 4); end if;
            return new;
        end $$;
        create trigger refuse before insert on t for each row execute function refuse();
    """)
    job = await session.load_from_arrow("t", source({100: 2, 200: 3, 300: 4}), **QUARANTINE)
    assert [row for row, *_ in told(job)] == [100, 200, 300]
    assert job.rejected["reason"].to_pylist() == ["not this one", "nor this", "division by zero"]
    if flavour.spec.capabilities.sqlstate.level == "native":
        assert job.rejected["sqlstate"].to_pylist() == ["P0001", "ZZ123", "22012"]
    assert await session.select_value(COUNT) == ROWS - 3


async def test_a_row_without_a_partition_is_put_aside(session: Any) -> None:
    await session.execute_script("""
        create table t (id int, v int) partition by list (v);
        create table t1 partition of t for values in (1);
    """)
    job = await session.load_from_arrow("t", source({5: 2, 6: 2}), **QUARANTINE)
    assert [(row, sqlstate) for row, _, sqlstate in told(job)] == [(5, "23514"), (6, "23514")]
    assert await session.select_value(COUNT) == ROWS - 2


async def test_a_row_that_is_wrong_twice_is_told_once(session: Any) -> None:
    await session.execute("create table t (id int primary key, a smallint check (a < 10), b inet, c varchar(2))")
    table = pa.table({"id": [1, 1, 3], "a": [70_000, 20, 1], "b": ["x", "y", "::1"], "c": ["abc", "ab", "a"]})
    job = await session.load_from_arrow("t", table, **QUARANTINE)
    assert [row for row, *_ in told(job)] == [0, 1]
    assert told(job)[0] == (0, "a", None)
    assert job.rejected["record"].to_pylist() == table.slice(0, 2).to_pylist()
    assert await ids(session) == [3]


@pytest.mark.parametrize(("batch_rows", "seed"), [(None, 0), (1, 1), (7, 2)])
async def test_exactly_the_bad_rows_are_put_aside(session: Any, seed: int, batch_rows: int | None) -> None:
    """Rows that fail in the client, by a value, by a constraint and by each other, at random places."""
    dice = random.Random(seed * 10 + (batch_rows or 0))
    await session.execute("create table t (id int primary key, n smallint check (n < 100), x text not null, d jsonb)")
    share = dice.choice([0.002, 0.02, 0.2])
    count = 400 if batch_rows == 1 else ROWS
    rows: list[dict[str, Any]] = []
    bad: set[int] = set()
    stored: set[int] = set()
    for number in range(count):
        row: dict[str, Any] = {"id": number, "n": dice.randrange(100), "x": "x", "d": "{}"}
        if dice.random() < share:
            row |= dice.choice([{"n": 100}, {"n": 99_999}, {"x": None}, {"d": "{"}, {"id": dice.randrange(count)}])
        fails = row["n"] > 99 or row["x"] is None or row["d"] == "{" or row["id"] in stored
        if fails:
            bad.add(number)
        else:
            stored.add(row["id"])
        rows.append(row)
    job = await session.load_from_arrow(
        "t", pa.Table.from_pylist(rows), batch_rows=batch_rows, max_rejected=None, **QUARANTINE
    )
    assert [row for row, *_ in told(job)] == sorted(bad)
    assert job.rejected["record"].to_pylist() == [rows[number] for number in sorted(bad)]
    assert await ids(session) == sorted(stored)
    assert (job.rows, job.telemetry["rows_processed"]) == (len(stored), len(stored))


async def test_all_rows_are_bad(session: Any) -> None:
    await session.execute("create table t (id int, v smallint check (v < 0))")
    for bad in (1, 99_999):
        table = pa.table({"id": range(300), "v": [bad] * 300})
        job = await session.load_from_arrow("t", table, **QUARANTINE)
        assert (job.rows, job.rejected.num_rows) == (0, 300)
    assert await session.select_value(COUNT) == 0


async def test_nothing_is_bad(session: Any) -> None:
    await session.execute("create table t (id int primary key, v int)")
    table = source({})
    job = await session.load_from_arrow("t", table, **QUARANTINE)
    assert job.rows == ROWS
    assert job.rejected.num_rows == 0
    assert job.rejected.schema == pa.schema(
        [
            ("row", pa.int64()),
            ("column", pa.string()),
            ("sqlstate", pa.string()),
            ("reason", pa.string()),
            ("record", pa.struct(list(table.schema))),
        ]
    )
    again = await session.load_from_arrow("t", table.slice(0, 2), **QUARANTINE)
    assert again.rejected.schema == job.rejected.schema
    assert (await session.load_from_arrow("t", pa.table({"id": [-1], "v": [1]}))).rejected is None
    assert (await session.load_from_arrow("t", table.slice(0, 0), **QUARANTINE)).rejected.num_rows == 0


# -- what the record is good for ------------------------------------------------------------------------------------


async def test_rejected_rows_can_be_mended_and_loaded_again(session: Any) -> None:
    await session.execute("create table t (id int primary key, v int check (v < 10), word text)")
    table = source({3: 50, 4: 60}).append_column("word", pa.array(["w"] * ROWS).dictionary_encode())
    job = await session.load_from_arrow("t", table, **QUARANTINE)
    records = pa.Table.from_struct_array(job.rejected["record"])
    assert records.schema.types == table.schema.types
    mended = records.set_column(1, "v", pa.array([5, 6], pa.int64()))
    assert (await session.load_from_arrow("t", mended)).rows == 2
    assert await ids(session) == list(range(ROWS))


async def test_the_record_has_all_columns_of_the_source(session: Any) -> None:
    await session.execute('create table t ("Key" int primary key)')
    table = pa.table({"k": [1, 1], "list": [[1], None], "time": pa.array([0, 1], pa.timestamp("ns", "UTC"))})
    job = await session.load_from_arrow("t", table, columns={"k": "Key"}, **QUARANTINE)
    assert job.rejected["record"].type == pa.struct(list(table.schema))
    assert job.rejected["record"].to_pylist() == table.slice(1).to_pylist()


async def test_a_frame_of_polars(session: Any) -> None:
    await session.execute("create table t (id int primary key, word varchar(2))")
    frame = pl.DataFrame({"id": [1, 2, 3, 3], "word": ["a", "long", None, "b"]})
    job = await session.load_from_arrow("t", frame, **QUARANTINE)
    assert [(row, column) for row, column, _ in told(job)] == [(1, "word"), (3, None)]
    assert job.rejected["record"].to_pylist() == [{"id": 2, "word": "long"}, {"id": 3, "word": "b"}]
    assert await ids(session) == [1, 3]


# -- how much is put up with ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("bad", [50, 99_999])
async def test_more_bad_rows_than_allowed_undo_the_load(session: Any, inside: bool, bad: int) -> None:
    await session.execute("create table t (id int primary key, v smallint check (v < 10))")
    table = source(dict.fromkeys(range(100, 200, 10), bad))
    if inside:
        await session.begin()
        await session.execute("insert into t values (-1, 1)")
    for limit in (0, 9):
        with pytest.raises(DataError, match=f"more than {limit} rows were rejected, the last is row") as caught:
            await session.load_from_arrow("t", table, max_rejected=limit, **QUARANTINE)
        assert str(bad) not in str(caught.value)
        assert await session.select_value(COUNT) == inside
    assert (await session.load_from_arrow("t", table, max_rejected=10, **QUARANTINE)).rows == ROWS - 10
    if inside:
        await session.commit()
    assert await session.select_value(COUNT) == ROWS - 10 + inside


async def test_the_limit_is_1000_unless_told_otherwise(session: Any) -> None:
    await session.execute("create table t (id int, v smallint)")
    table = source(dict.fromkeys(range(1001), 99_999))
    with pytest.raises(DataError, match="more than 1000 rows"):
        await session.load_from_arrow("t", table, **QUARANTINE)
    job = await session.load_from_arrow("t", table, max_rejected=None, **QUARANTINE)
    assert job.rejected.num_rows == 1001


@pytest.mark.parametrize("options", [{"on_error": "ignore"}, {"max_rejected": -1}, {"max_rejected": True}])
async def test_impossible_options_are_refused_before_anything_is_sent(
    session: Any, untouched: Any, options: dict[str, Any]
) -> None:
    async with untouched(session):
        with pytest.raises(ParameterError):
            await session.load_from_arrow("t", pa.table({"id": [1]}), **options)


# -- what no row is to blame for ------------------------------------------------------------------------------------


async def test_an_error_that_is_no_rows_fault_ends_the_load(session: Any) -> None:
    await session.execute_script("""
        create table t (id int, v int check (v < 10));
        create function refuse() returns trigger language plpgsql as $$ begin
            if new.id = 2000 then perform 1 from nowhere; end if;
            return new;
        end $$;
        create trigger refuse before insert on t for each row execute function refuse();
    """)
    with pytest.raises(SQLParsingError, match='relation "nowhere" does not exist'):
        await session.load_from_arrow("t", source({5: 50}), **QUARANTINE)
    assert await session.select_value(COUNT) == 0
    assert not session.in_transaction
    with pytest.raises(DataError, match="has no column"):
        await session.load_from_arrow("t", pa.table({"nope": [1]}), **QUARANTINE)


async def test_a_read_only_transaction_ends_the_load(session: Any) -> None:
    await session.execute("create table t (id int, v int)")
    with pytest.raises(SQLSpecError, match="read-only"):
        async with session.transaction(readonly=True):
            await session.load_from_arrow("t", source({}), **QUARANTINE)
    assert await session.select_value(COUNT) == 0


async def test_a_time_limit_ends_the_load(session: Any) -> None:
    await session.execute_script("""
        create table t (id int, v int check (v < 10));
        create function wait() returns trigger language plpgsql as $$ begin
            if new.id = 100 then perform pg_sleep(30); end if;
            return new;
        end $$;
        create trigger wait before insert on t for each row execute function wait();
    """)
    with pytest.raises(QueryTimeoutError):
        await session.load_from_arrow("t", source({5: 50}), timeout=0.5, **QUARANTINE)
    assert await session.select_value(COUNT) == 0


async def test_what_the_source_and_progress_raise_ends_the_load(session: Any) -> None:
    await session.execute("create table t (id int, v int check (v < 10))")

    def broken() -> Any:
        yield from source({5: 50}).to_batches()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await session.load_from_arrow("t", broken(), **QUARANTINE)

    def stop(so_far: LoadJob) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        await session.load_from_arrow("t", source({5: 50}), progress=stop, **QUARANTINE)
    assert await session.select_value(COUNT) == 0


async def test_a_constraint_that_is_checked_at_commit_ends_the_load(session: Any) -> None:
    await session.execute("create table t (id int unique deferrable initially deferred)")
    with pytest.raises(UniqueViolationError):
        await session.load_from_arrow("t", pa.table({"id": [1, 1]}), **QUARANTINE)
    assert await session.select_value(COUNT) == 0


# -- transactions and options ---------------------------------------------------------------------------------------


async def test_it_belongs_to_the_open_transaction(session: Any) -> None:
    await session.execute("create table t (id int primary key, v int check (v < 10))")
    async with session.transaction():
        await session.execute("insert into t values (-1, 1)")
        job = await session.load_from_arrow("t", source({5: 50}), **QUARANTINE)
        assert (job.rows, job.rejected.num_rows) == (ROWS - 1, 1)
        async with session.savepoint():
            await session.load_from_arrow("t", pa.table({"id": [5, 6], "v": [1, 1]}), **QUARANTINE)
        assert await session.select_value(COUNT) == ROWS + 1
        await session.rollback()
    assert await session.select_value(COUNT) == 0


async def test_overwrite(session: Any) -> None:
    await session.execute_script("create table t (id int, v int check (v < 10)); insert into t values (-1, 1)")
    job = await session.load_from_arrow("t", source({5: 50}), overwrite=True, **QUARANTINE)
    assert job.rows == await session.select_value(COUNT) == ROWS - 1
    with pytest.raises(DataError, match="more than 0"):
        await session.load_from_arrow("t", source({5: 50}), overwrite=True, max_rejected=0, **QUARANTINE)
    assert await session.select_value(COUNT) == ROWS - 1


async def test_progress_counts_what_is_stored(session: Any) -> None:
    await session.execute("create table t (id int, v int check (v < 10))")
    seen: list[LoadJob] = []
    job = await session.load_from_arrow("t", source({5: 50, 2000: 50}), progress=seen.append, **QUARANTINE)
    assert [each.rows for each in seen] == sorted(each.rows for each in seen)
    assert seen[-1].rows == job.rows == ROWS - 2
    assert seen[-1].bytes == job.bytes


async def test_rows_that_a_trigger_drops_are_not_rejected(session: Any) -> None:
    await session.execute_script("""
        create table t (id int, v int check (v < 10));
        create function drop_odd() returns trigger language plpgsql as
            $$ begin if new.id % 2 = 1 then return null; end if; return new; end $$;
        create trigger drop_odd before insert on t for each row execute function drop_odd();
    """)
    job = await session.load_from_arrow("t", source({5: 50, 6: 50}), **QUARANTINE)
    assert [row for row, *_ in told(job)] == [6]
    assert (job.rows, job.telemetry["rows_processed"]) == (ROWS // 2 - 1, ROWS - 1)


# -- rows that refer to each other ------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["children first", "parents first", "mixed"])
async def test_rows_that_refer_to_later_ones_get_in(session: Any, order: str) -> None:
    await session.execute("create table t (id int primary key, parent int references t, v int check (v < 10))")
    rows = [{"id": number, "parent": (number - 1) // 2 if number else None, "v": 1} for number in range(100)]
    if order == "children first":
        rows.reverse()
    elif order == "mixed":
        random.Random(5).shuffle(rows)
    rows[50:50] = [{"id": 1000, "parent": 9999, "v": 1}, {"id": 1001, "parent": None, "v": 50}]
    rows += [{"id": 1002, "parent": 1000, "v": 1}]  # refers to one that is rejected
    job = await session.load_from_arrow("t", pa.Table.from_pylist(rows), batch_rows=20, **QUARANTINE)
    assert {each["record"]["id"]: each["sqlstate"] for each in job.rejected.to_pylist()} == {
        1000: "23503",
        1001: "23514",
        1002: "23503",
    }
    assert await ids(session) == list(range(100))
    assert job.rows == 100


# -- records ----------------------------------------------------------------------------------------------------------


async def test_records(session: Any) -> None:
    await session.execute(
        "create table t (id int primary key, v smallint check (v < 10), d numeric(4,2), tags text[], doc jsonb)"
    )
    records: list[Any] = [{"id": n, "v": 1, "d": "1.25", "tags": ["a"], "doc": {"n": n}} for n in range(200)]
    records[3] = {**records[3], "v": "three"}
    records[4] = {**records[4], "v": 99_999}
    records[50] = {**records[50], "d": "1.255"}
    records[60] = {"id": 60}
    records[70] = {**records[70], "v": 11}
    records[199] = {**records[199], "id": 0, "doc": None}
    job = await session.load_from_records("t", iter(records), batch_rows=64, **QUARANTINE)
    found = {each["row"]: each for each in job.rejected.to_pylist()}
    assert list(found) == [3, 4, 50, 60, 70, 199]
    assert [each["column"] for each in found.values()][:3] == ["v", "v", "d"]
    assert [each["sqlstate"] for each in found.values()] == [None, None, None, None, "23514", "23505"]
    assert found[3]["record"] == {"id": "3", "v": "three", "d": "1.25", "tags": '["a"]', "doc": '{"n":3}'}
    assert found[199]["record"]["doc"] is None
    assert found[60]["record"] == {"id": "60", "v": None, "d": None, "tags": None, "doc": None}
    assert "'d'" not in found[50]["reason"]
    assert len(await ids(session)) == job.rows == 194
    with pytest.raises(DataError, match="more than 1 rows"):
        await session.load_from_records("t", records, overwrite=True, max_rejected=1, **QUARANTINE)
    assert len(await ids(session)) == 194


GIVEN: dict[str, Callable[[list[dict[str, Any]]], Iterable[Any]]] = {
    "dicts": list,
    "tuples": lambda rows: [tuple(row.values()) for row in rows],
    "a generator": lambda rows: (row for row in rows),
}


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("batch_rows", [None, 1, 7, 64])
async def test_records_that_waited_for_others_in_vain_are_told_whole(
    session: Any, batch_rows: int | None, given: str
) -> None:
    await session.execute("create table node (id int primary key, name text, parent int references node)")
    # Large ones, so that there are many blocks: of the children some find their parents in the last, others nowhere.
    rows: list[dict[str, Any]] = [{"id": n, "name": f"{n}" * 400, "parent": None} for n in range(300)]
    adopted, orphans = (5, 6, 70, 150, 290), (3, 7, 71, 149, 299)
    for number in adopted:
        rows[number]["parent"] = 1000 + number
    for number in orphans:
        rows[number]["parent"] = 9000 + number
    rows[100] |= {"id": "a", "parent": 1}  # refused at once
    rows += [{"id": 1000 + number, "name": "parent", "parent": None} for number in adopted]
    rows += [{"id": 2000, "name": "child of an orphan", "parent": 3}]
    job = await session.load_from_records("node", GIVEN[given](rows), batch_rows=batch_rows, **QUARANTINE)
    found = {each["row"]: each["record"] for each in job.rejected.to_pylist()}
    bad = sorted([*orphans, 100, len(rows) - 1])
    assert found == {
        number: {name: None if value is None else str(value) for name, value in rows[number].items()} for number in bad
    }
    stored = await session.select("select id, name, parent from node order by id")
    assert stored == [row for number, row in enumerate(rows) if number not in bad]


async def test_only_records_that_wait_are_kept(session: Any) -> None:
    await session.execute("create table node (id int primary key, name text, parent int references node)")

    class Name(str):
        __slots__ = ("__weakref__",)

    alive: weakref.WeakSet[Name] = weakref.WeakSet()
    kept: list[int] = []

    def records() -> Iterator[tuple[int, str, int | None]]:
        for number in range(4000):
            name = Name(f"{number:1000}")
            alive.add(name)
            yield number, name, 9999 if number % 100 == 0 else None
        kept.append(len(alive))

    job = await session.load_from_records("node", records(), batch_rows=50, max_rejected=None, **QUARANTINE)
    assert (job.rows, job.rejected.num_rows) == (3960, 40)
    assert 40 <= kept[0] < 600  # and those of the last block


async def test_what_a_record_raises_ends_the_load(session: Any) -> None:
    await session.execute("create table t (id int primary key)")

    class Record:
        def __init__(self, number: int) -> None:
            self.number = number

        @property
        def id(self) -> int:
            if self.number == 5:
                raise LookupError("mine")
            return self.number

    with pytest.raises(LookupError, match="mine"):
        await session.load_from_records("t", map(Record, range(10)), columns=["id"], **QUARANTINE)
    assert await session.select_value(COUNT) == 0


# -- the other modes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("records", [False, True])
async def test_upsert(session: Any, records: bool) -> None:
    await session.execute_script("""
        create table t (id int primary key, v smallint check (v < 10));
        insert into t select n, 0 from generate_series(0, 99) as n;
    """)
    table = source({5: 50, 6: 99_999, 2999: 50}).set_column(
        0, "id", pa.array([None if n == 8 else 20 if n in (30, 40) else n for n in range(ROWS)], pa.int32())
    )
    options = {"mode": "upsert", "key": ["id"], **QUARANTINE}
    if records:
        job = await session.load_from_records("t", table.to_pylist(), **options)
    else:
        job = await session.load_from_arrow("t", table, **options)
    found = {each["row"]: each for each in job.rejected.to_pylist()}
    assert list(found) == [5, 6, 8, 20, 30, 40, 2999]
    assert [each["sqlstate"] for each in found.values()] == ["23514", *[None] * 5, "23514"]
    assert [each["column"] for each in found.values()] == [None, "v", "id", "id", "id", "id", None]
    same = {str(key): value for key, value in found[30]["record"].items()}
    assert same == ({"id": "20", "v": "1"} if records else {"id": 20, "v": 1})
    assert (job.inserted, job.updated, job.unchanged) == (ROWS - 101, 94, 0)
    assert await session.select("select id from t where v = 0 order by id", schema_type=int) == [5, 6, 8, 20, 30, 40]
    assert job.rows == ROWS - 7


async def test_update_and_delete(session: Any) -> None:
    await session.execute_script("""
        create table t (id int primary key, v smallint check (v < 10));
        create table child (id int references t);
        insert into t select n, 0 from generate_series(0, 99) as n;
        insert into child values (7), (9);
    """)
    changes = pa.table({"id": range(100), "v": [50 if n in (3, 60) else 1 for n in range(100)]})
    job = await session.load_from_arrow("t", changes, mode="update", key=["id"], **QUARANTINE)
    assert (job.updated, job.unmatched) == (98, 0)
    assert [row for row, *_ in told(job)] == [3, 60]
    job = await session.load_from_arrow("t", changes, mode="delete", key=["id"], **QUARANTINE)
    assert [(row, sqlstate) for row, _, sqlstate in told(job)] == [(7, "23503"), (9, "23503")]
    assert job.deleted == 98
    assert job.rejected["record"].to_pylist() == [{"id": 7, "v": 1}, {"id": 9, "v": 1}]
    assert await ids(session) == [7, 9]


async def test_merged_rows_that_refer_to_later_ones_get_in(session: Any) -> None:
    await session.execute_script("create table t (id int primary key, up int references t (id), v int check (v < 9))")
    table = pa.table({"id": range(20), "up": [19, 99, *[None] * 18], "v": [9 if row == 10 else 1 for row in range(20)]})
    job = await session.load_from_arrow("t", table, mode="upsert", key=["id"], **QUARANTINE)
    assert [each[0] for each in told(job)] == [1, 10]
    assert (job.inserted, job.updated, job.unchanged) == (18, 0, 0)
    assert await ids(session) == [row for row in range(20) if row not in (1, 10)]


async def test_deleted_rows_that_later_ones_refer_to_go_too(session: Any) -> None:
    await session.execute_script("""
        create table t (id int primary key, up int references t (id));
        create table other (id int references t);
        insert into t select n, nullif(n, 1) - 1 from generate_series(1, 6) n;
        insert into t values (10, null), (11, 10);
        insert into other values (10);
    """)
    job = await session.load_from_arrow(
        "t", pa.table({"id": [1, 2, 3, 10, 4, 5, 6]}), mode="delete", key=["id"], **QUARANTINE
    )
    assert [each[0] for each in told(job)] == [3]
    assert (job.deleted, job.unmatched) == (6, 0)
    assert await ids(session) == [10, 11]


async def test_too_many_bad_keys_undo_a_merge(session: Any) -> None:
    await session.execute_script("create table t (id int primary key, v int); insert into t values (1, 1)")
    with pytest.raises(DataError, match="more than 1 rows were rejected"):
        await session.load_from_arrow(
            "t", pa.table({"id": [1, 2, 2], "v": [5, 5, 5]}), mode="upsert", key=["id"], max_rejected=1, **QUARANTINE
        )
    assert await session.select("select * from t", schema_type=tuple) == [(1, 1)]
    with pytest.raises((SQLParsingError, NotSupportedError)):
        await session.load_from_arrow("t", pa.table({"id": [1], "v": [1]}), mode="upsert", key=["v"], **QUARANTINE)
