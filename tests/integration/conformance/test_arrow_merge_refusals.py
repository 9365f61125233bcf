"""What cannot be upserted, updated or deleted by key: refused with the place and what to do, on every adapter alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from sqlspec.exceptions import DataError, NotSupportedError, ParameterError, SQLParsingError, SQLSpecError
from tests.integration.conformance.test_arrow_merge import REAL, counts, make_people, people, stored
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only(*REAL)


# -- keys that cannot be -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["upsert", "update", "delete"])
async def test_keys_that_are_null_or_in_several_rows(session: Any, mode: str) -> None:
    await make_people(session)
    source = people(id=[1, 9, 2, 1, None, 8, 2, 2, None], name=["secret"] * 9)
    with pytest.raises(DataError) as caught:
        await session.load_from_arrow("t", source, mode=mode, key=["id"])
    message = str(caught.value)
    assert "rows 0, 3 (the same key); rows 2, 6, 7 (the same key); rows 4, 8 (NULL);" in message
    assert "secret" not in message
    assert caught.value.detail == (
        "Key (id)=(1) is in rows 0, 3.\nKey (id)=(2) is in rows 2, 6, 7.\nKey (id)=(null) is in rows 4, 8."
    )
    assert await stored(session) == [(1, "Ann", 1), (2, "Bob", 2), (3, None, 3)]


async def test_only_the_first_keys_and_rows_are_listed(session: Any) -> None:
    await make_people(session)
    source = people(id=[*range(100, 130), *range(100, 130), *([99] * 50)])
    with pytest.raises(DataError) as caught:
        await session.load_from_arrow("t", source, mode="upsert", key=["id"])
    message = str(caught.value)
    assert "rows 0, 30 (the same key); " in message
    assert "rows 9, 39 (the same key); and 21 more keys; " in message
    assert "rows 10, 40" not in message
    with pytest.raises(DataError, match=r"rows 30, 31, .*, 39 and 41 more \(the same key\); nothing") as caught:
        await session.load_from_arrow("t", people(id=[*range(100, 130), *([99] * 51)]), mode="upsert", key=["id"])
    assert (caught.value.detail or "").startswith("Key (id)=(99) is in rows 30, 31")


async def test_half_a_key_that_is_null(session: Any) -> None:
    await session.execute("create table t (a int, b int, unique nulls not distinct (a, b))")
    source = pa.table({"a": [1, 1, 2], "b": pa.array([None, 2, None], pa.int32())})
    with pytest.raises(DataError, match=r"row 0 \(NULL\); row 2 \(NULL\); nothing"):
        await session.load_from_arrow("t", source, mode="upsert", key=["a", "b"])


async def test_keys_are_compared_as_their_type_does_it(session: Any) -> None:
    await session.execute("create table t (id numeric primary key, n int)")
    with pytest.raises(DataError, match=r"rows 0, 1 \(the same key\)"):
        await session.load_from_arrow("t", pa.table({"id": ["1.0", "1.00"], "n": [1, 2]}), mode="upsert", key=["id"])
    await session.execute("insert into t values (2.0, 1)")
    job = await session.load_from_arrow("t", pa.table({"id": ["2.00", "3"], "n": [5, 6]}), mode="upsert", key=["id"])
    assert counts(job) == {"inserted": 1, "updated": 1, "unchanged": 0}
    assert await stored(session, "select id::text, n from t order by n") == [("2.0", 5), ("3", 6)]


# -- refused before rows are sent --------------------------------------------------------------------------------


def never() -> pa.RecordBatchReader:
    schema = people(id=[1], name=["x"]).schema

    def batches() -> Iterator[pa.RecordBatch]:
        raise AssertionError("the source was read")
        yield  # pragma: no cover

    return pa.RecordBatchReader.from_batches(schema, batches())


async def test_a_missing_unique_index(session: Any) -> None:
    await session.execute_script("create table t (id int, name text); create unique index on t (id) where id > 5")
    with pytest.raises(SQLParsingError, match="no unique index of exactly the columns 'id'; make one"):
        await session.load_from_arrow("t", never(), mode="upsert", key=["id"])
    await session.execute("create unique index on t (id, name)")
    with pytest.raises(SQLParsingError, match="no unique index"):
        await session.load_from_arrow("t", never(), mode="upsert", key=["id"])
    await session.load_from_arrow("t", people(id=[1], name=["x"]), mode="upsert", key=["name", "id"])
    assert not session.in_transaction


async def test_a_key_that_cannot_be_compared(session: Any) -> None:
    await session.execute("create table t (id int, name json)")
    for mode in ("update", "delete", "upsert"):
        with pytest.raises(SQLParsingError):
            await session.load_from_arrow("t", never(), mode=mode, key=["name"])


@pytest.mark.parametrize(
    ("mode", "missing"),
    [("upsert", "select"), ("upsert", "insert"), ("upsert", "update"), ("update", "update"), ("delete", "delete")],
)
async def test_a_missing_privilege(
    session: Any, admin: psycopg.Connection[Any], flavour: Flavour, mode: str, missing: str
) -> None:
    role = f"{flavour.schema}_half"
    await make_people(session)
    given = ", ".join({"select", "insert", "update", "delete"} - {missing})
    admin.execute(
        f"create role {role}; grant usage on schema {flavour.schema} to {role};"
        f"grant {given} on {flavour.schema}.t to {role}".encode()
    )
    try:
        with pytest.raises(SQLSpecError, match="permission denied for table t"):
            async with session.with_settings(role=role):
                await session.load_from_arrow("t", never(), mode=mode, key=["id"])
    finally:
        admin.execute(f"drop owned by {role}; drop role {role}".encode())


async def test_rules_are_refused(session: Any) -> None:
    await make_people(session)
    await session.execute("create rule r as on insert to t do also select 1")
    with pytest.raises(NotSupportedError, match="rules"):
        await session.load_from_arrow("t", never(), mode="upsert", key=["id"])


async def test_columns_that_do_not_match_are_all_listed(session: Any) -> None:
    await session.execute(
        "create table t (id int primary key, must int not null, g int generated always as (id) stored)"
    )
    with pytest.raises(DataError) as caught:
        await session.load_from_arrow("t", pa.table({"g": [1], "other": [1]}), mode="upsert", key=["id", "nope"])
    message = str(caught.value)
    for part in (
        "key column 'id' is not filled by the source",
        "the table has no key column 'nope'",
        "column 'g' is generated",
        "no column 'other'",
        "column 'must' is missing",
    ):
        assert part in message
    assert "sqlspec row" not in message
    with pytest.raises(DataError, match="nothing to update"):
        await session.load_from_arrow("t", pa.table({"id": [1]}), mode="update", key=["id"])
    with pytest.raises(DataError, match="no column 'id'"):
        await session.load_from_arrow("t", pa.table({"idd": [1]}), mode="delete", key=["id"])


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "upsert"},
        {"mode": "update", "key": []},
        {"mode": "delete", "key": "id"},
        {"mode": "upsert", "key": ["id", "id"]},
        {"mode": "upsert", "key": [1]},
        {"key": ["id"]},
        {"mode": "overwrite", "key": ["id"]},
        {"mode": "upsert", "key": ["id"], "overwrite": True},
        {"mode": "upsert", "key": ["id"], "create": True},
    ],
)
async def test_impossible_options(session: Any, untouched: Any, options: dict[str, Any]) -> None:
    await make_people(session)
    async with untouched(session):
        with pytest.raises(ParameterError):
            await session.load_from_arrow("t", people(id=[1], name=["x"]), **options)
