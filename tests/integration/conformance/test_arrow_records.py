"""Python records into tables by the techniques of Arrow loads: their types are the table's, nothing is inferred."""

from __future__ import annotations

import asyncio
import datetime
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import attrs
import msgspec
import psycopg
import pydantic
import pytest

from sqlspec import LoadJob
from sqlspec.exceptions import (
    DataError,
    NotNullViolationError,
    ParameterError,
    SQLParsingError,
    SQLSpecError,
    UniqueViolationError,
)
from tests.integration.harness import FLAVOURS, Flavour, needs

REAL = tuple(name for name in FLAVOURS if name != "stub")
pytestmark = pytest.mark.only(*REAL)

COUNT = "select count(*) from t"


@dataclass
class Plain:
    id: int
    name: str | None


@attrs.define
class Attrs:
    id: int
    name: str | None


class Struct(msgspec.Struct):
    id: int
    name: str | None


class Model(pydantic.BaseModel):
    id: int
    name: str | None


class Named(NamedTuple):
    id: int
    name: str | None


VALUES: list[tuple[int, str | None]] = [(1, "Ann"), (2, None), (3, 'Zoë "x"\n\\')]
RECORDS: dict[str, Callable[[int, str | None], Any]] = {
    "dict": lambda key, name: {"name": name, "id": key},
    "tuple": lambda key, name: (key, name),
    "list": lambda key, name: [key, name],
    "named tuple": Named,
    "dataclass": Plain,
    "attrs": Attrs,
    "struct": Struct,
    "model": lambda key, name: Model(id=key, name=name),
}


async def make_table(session: Any) -> None:
    await session.execute("create table t (id int primary key, name text)")


async def stored(session: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = await session.select("select id, name from t order by id", schema_type=tuple)
    return rows


@pytest.mark.parametrize("name", RECORDS)
async def test_records(session: Any, name: str) -> None:
    await make_table(session)
    job = await session.load_from_records("t", (RECORDS[name](*values) for values in VALUES))
    assert isinstance(job, LoadJob)
    assert (job.rows, job.telemetry["rows_processed"]) == (3, 3)
    assert await stored(session) == VALUES


async def test_values_of_every_kind(session: Any) -> None:
    await session.execute("create type mood as enum ('sad', 'happy')")
    await session.execute("""
        create table t (
            i2 int2, i4 int4, i8 int8, f float8, n numeric, d numeric(8,2), b bool, s text, y bytea, u uuid, j jsonb,
            day date, at timestamptz, plain timestamp, t time, a int[], m mood, ip inet
        )
    """)
    record: dict[str, Any] = {
        "i2": -(2**15), "i4": 2**31 - 1, "i8": -(2**63), "f": -0.1, "n": Decimal("123456789012345678901234567890.5"),
        "d": Decimal("-12.50"), "b": True, "s": "x\n\\'", "y": b"\x00\xff", "u": uuid.UUID(int=5),
        "j": {"a": [1, None, "x"]}, "day": datetime.date(1, 1, 1),
        "at": datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=datetime.UTC),
        "plain": datetime.datetime(2026, 3, 1, 12, 30), "t": datetime.time(23, 59, 59), "a": [1, None, -3],
        "m": "happy", "ip": "10.0.0.1",
    }  # fmt: skip
    nothing = dict.fromkeys(record)
    await session.load_from_records("t", iter([record, nothing]))
    found = await session.select("select * from t order by i2")
    assert found[1] == nothing
    for name in record.keys() - {"ip"}:
        assert found[0][name] == record[name], name
    assert await session.select_value("select count(*) from t where ip = '10.0.0.1'") == 1


async def test_columns(session: Any) -> None:
    await session.execute("create table t (id int, extra int default 7, name text)")
    await session.load_from_records("t", [("Ann", 1)], columns=["name", "id"])
    await session.load_from_records("t", [{"id": 2}])
    await session.load_from_records("t", [{"id": 3, "name": "C", "extra": None}], columns=["id", "name"])
    assert await stored(session) == [(1, "Ann"), (2, None), (3, "C")]
    assert await session.select("select distinct extra from t", schema_type=int) == [7]


@pytest.mark.parametrize(
    ("records", "options"),
    [
        ([{"id": 1, "nmae": "x"}], {}),
        ([(1, "x", 5)], {}),
        ([(1,)], {"columns": ["id", "name"]}),
        ([{"id": 1}, {"name": "x"}], {}),
        ([(1, "x")], {"columns": ["id", "nowhere"]}),
        ([(1, "x")], {"columns": {"id": "id"}}),
        ([5], {}),
        ([(1, "x"), None], {}),
        (5, {}),
        ("text", {}),
        (None, {}),
    ],
)
async def test_what_does_not_fit_leaves_nothing(session: Any, records: Any, options: dict[str, Any]) -> None:
    await make_table(session)
    with pytest.raises((ParameterError, DataError)):
        await session.load_from_records("t", records, **options)
    assert await session.select_value(COUNT) == 0
    await session.load_from_records("t", VALUES)


async def test_a_value_of_another_type_is_named_and_leaves_nothing(session: Any) -> None:
    await make_table(session)
    with pytest.raises(DataError, match=r"column .id.: record 1500 ") as caught:
        await session.load_from_records("t", ((n if n != 1500 else "secret", "x") for n in range(2000)))
    assert "secret" not in str(caught.value)
    assert await session.select_value(COUNT) == 0


@pytest.mark.parametrize(
    ("kind", "good", "bad", "rounded"),
    [
        ("numeric(5,2)", Decimal("1.250"), Decimal("1.255"), "1.26"),
        ("numeric(5,2)", Decimal("NaN"), 0.1 + 0.2, "0.30"),
        ("small", "1.5", "1.55", "1.6"),
        ("numeric(5,2)[]", [Decimal("1.25"), None], [Decimal("1.255")], "{1.26}"),
        (
            "timestamp(0)",
            datetime.datetime(2024, 1, 1),
            datetime.datetime(2024, 1, 1, 0, 0, 0, 600_000),
            "2024-01-01 00:00:01",
        ),
        (
            "timetz(1)",
            datetime.time(1, 2, 3, 100_000, tzinfo=datetime.UTC),
            datetime.time(1, 2, 3, 160_000, tzinfo=datetime.UTC),
            "01:02:03.2+00",
        ),
        ("interval(0)", datetime.timedelta(days=-1), datetime.timedelta(microseconds=600_000), "00:00:01"),
        ("pair", ("ab ", None), ("ab", Decimal("1.55")), "(ab,1.6)"),
        ("varchar(3)", "ab ", "abc ", None),
        ("char(3)", "ab", "abcd", None),
    ],
)
async def test_what_the_server_would_round_or_cut_is_refused(
    session: Any, kind: str, good: Any, bad: Any, rounded: str | None
) -> None:
    await session.execute_script(f"""
        create domain small as numeric(4,1);
        create type pair as (a varchar(3), n numeric(3,1));
        create table t (id int, c {kind});
    """)
    records = [(0, good), (1, None), (2, bad)]
    with pytest.raises(DataError, match=r"column .c.: (record|row) 2 ") as caught:
        await session.load_from_records("t", records)
    assert caught.value.column == "c"
    assert await session.select_value(COUNT) == 0
    await session.load_from_records("t", records[:2])
    if rounded is not None:
        await session.load_from_records("t", records[2:], round=True)
        assert await session.select_value("select c::text from t where id = 2") == rounded


async def test_all_or_nothing(session: Any) -> None:
    await make_table(session)
    with pytest.raises(UniqueViolationError):
        await session.load_from_records("t", [*VALUES, (1, "again")])
    with pytest.raises(NotNullViolationError):
        await session.load_from_records("t", [*VALUES, (None, "x")])
    assert await session.select_value(COUNT) == 0

    def broken(count: int) -> Iterator[Any]:
        yield from VALUES[:count]
        raise KeyError("mine")

    async with session.transaction():
        await session.load_from_records("t", VALUES[:1])
        for count in (0, 3):
            with pytest.raises(KeyError, match="mine"):
                await session.load_from_records("t", broken(count))
        assert await stored(session) == VALUES[:1]
        await session.load_from_records("t", VALUES[1:])
    assert await stored(session) == VALUES


async def test_overwrite_progress_and_pieces(session: Any) -> None:
    await make_table(session)
    await session.load_from_records("t", [(n, "old") for n in range(50)])
    seen: list[int] = []
    job = await session.load_from_records(
        "t", VALUES, overwrite=True, batch_rows=2, progress=lambda so_far: seen.append(so_far.rows)
    )
    assert (job.rows, seen) == (3, [2, 3])
    assert await stored(session) == VALUES
    await session.load_from_records("t", [], mode="overwrite", truncate=False)
    assert await stored(session) == []


# -- columns of types that were made by users ------------------------------------------------------------------------

OF_USERS = {"e": "mood", "c": "pair", "a": "mood[]", "d": "positive", "f": "feeling"}


async def make_typed_table(session: Any) -> None:
    await session.execute_script(f"""
        create type mood as enum ('sad', 'ok', 'happy');
        create type pair as (n int, m mood);
        create domain positive as int check (value > 0);
        create domain feeling as mood;
        create type other as enum ('x');
        create table t (n int, {", ".join(f"{name} {kind} unique" for name, kind in OF_USERS.items())});
    """)


def typed(n: int, mood: str, number: int) -> dict[str, Any]:
    return {"n": n, "e": mood, "c": (number, mood), "a": [mood, None, "ok"], "d": number, "f": mood}


FIRST, SECOND, THIRD = typed(1, "sad", 1), typed(2, "ok", 2), typed(3, "happy", 3)


async def typed_rows(session: Any) -> list[tuple[Any, ...]]:
    sql = "select n, e::text, c::text, a::text, d::int, f::text from t order by n"
    rows: list[tuple[Any, ...]] = await session.select(sql, schema_type=tuple)
    return rows


def as_text(*records: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(r["n"], r["e"], f"({r['c'][0]},{r['c'][1]})", f"{{{r['a'][0]},NULL,ok}}", r["d"], r["f"]) for r in records]


@pytest.mark.parametrize("key", ["e", "c", "a", "d"])  # the server has no = for domains over enums
async def test_types_of_users_in_every_mode(config: Any, session: Any, key: str) -> None:
    await make_typed_table(session)
    async with config.provide_session() as other:
        assert (await other.load_from_records("t", [FIRST, SECOND])).rows == 2
    changed = {**SECOND, "n": 20}
    for _ in range(2):
        job = await session.load_from_records("t", [changed, THIRD], mode="upsert", key=[key])
    assert (job.inserted, job.updated, job.unchanged) == (0, 0, 2)
    assert await typed_rows(session) == as_text(FIRST, THIRD, changed)
    job = await session.load_from_records("t", [{**changed, "n": 2}], mode="update", key=[key])
    assert (job.updated, job.unmatched) == (1, 0)
    assert await typed_rows(session) == as_text(FIRST, SECOND, THIRD)
    job = await session.load_from_records("t", [FIRST, THIRD], mode="delete", key=[key])
    assert (job.deleted, job.unmatched) == (2, 0)
    assert await typed_rows(session) == as_text(SECOND)


@pytest.mark.parametrize("mode", ["upsert", "update"])
async def test_types_of_users_where_bad_rows_are_put_aside(session: Any, mode: str) -> None:
    await make_typed_table(session)
    await session.load_from_records("t", [FIRST, SECOND])
    records = [{**FIRST, "n": 10}, {**SECOND, "e": "none"}]
    options = {"mode": mode, "key": ["d"], "columns": ["n", "e", "d"], "on_error": "quarantine"}
    job = await session.load_from_records("t", records, **options)
    assert [(each["row"], each["record"]["e"]) for each in job.rejected.to_pylist()] == [(1, "none")]
    assert await typed_rows(session) == as_text(SECOND, records[0])


@needs("concurrent_calls")
@pytest.mark.parametrize("mode", ["append", "overwrite"])
@pytest.mark.parametrize("change", ["drop type other", "alter type mood add value 'new'"])
async def test_types_that_another_session_has_forgotten_before_the_first_row(
    session: Any, config: Any, admin: psycopg.Connection[Any], flavour: Flavour, change: str, mode: str
) -> None:
    await make_typed_table(session)
    pid = await session.select_value("select pg_backend_pid()")
    with psycopg.connect(admin.info.dsn, password=admin.info.password or None) as blocking:
        blocking.execute(f"lock table {flavour.schema}.t in share mode".encode())
        load = asyncio.ensure_future(session.load_from_records("t", [FIRST, SECOND], mode=mode))
        while not admin.execute("select 1 from pg_locks where pid = %s and not granted", [pid]).fetchone():
            assert not load.done(), f"it gave {await load}"
            await asyncio.sleep(0.002)
        async with config.provide_session() as other:
            await other.execute(change)
        blocking.commit()
        assert (await load).rows == 2
    assert await typed_rows(session) == as_text(FIRST, SECOND)


@pytest.mark.only("psycopg-sync", "pyro-sync")
@pytest.mark.parametrize("options", [{}, {"mode": "upsert", "key": ["d"]}])
async def test_types_that_the_source_has_forgotten_before_its_first_row(
    session: Any, config: Any, options: dict[str, Any]
) -> None:
    await make_typed_table(session)

    def records() -> Iterator[dict[str, Any]]:
        for number, record in enumerate([FIRST, SECOND]):
            with config._target.provide_session() as other:
                other.execute("drop type other" if number == 0 else "alter type mood add value 'new'")
            yield record

    assert (await session.load_from_records("t", records(), batch_rows=1, **options)).rows == 2
    assert await typed_rows(session) == as_text(FIRST, SECOND)


# -- refusals --------------------------------------------------------------------------------------------------------


async def test_what_is_refused(session: Any) -> None:
    await make_table(session)
    for options in ({"mode": "upsert"}, {"key": ["id"]}, {"on_error": "ignore"}):
        with pytest.raises(ParameterError):
            await session.load_from_records("t", VALUES, **options)
    with pytest.raises(SQLParsingError, match="no such table"):
        await session.load_from_records("missing", VALUES)
    with pytest.raises(SQLSpecError):
        await session.load_from_records("t; drop table t", VALUES)
    assert await session.select_value(COUNT) == 0
