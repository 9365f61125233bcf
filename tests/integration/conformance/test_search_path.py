"""Names that come to mean something else while statements are prepared: by search path, by ALTER, by undoing them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration.harness import Flavour

SQL = "select * from x where id = $1"
OTHER = {"first": [{"id": 1, "v": 1}], "second": [{"id": 1, "v": "one", "more": True}]}


@pytest.fixture
async def schemas(flavour: Flavour) -> AsyncIterator[list[str]]:
    """Two schemas with a table of one name in each, of other columns."""
    names = [f"{flavour.schema}_{name}" for name in OTHER]
    config = flavour.make_config()
    async with config.provide_session() as session:
        await session.execute_script(
            f"create schema {names[0]}; create table {names[0]}.x as select 1 as id, 1 as v;"
            f"create schema {names[1]}; create table {names[1]}.x as select 1 as id, 'one'::text as v, true as more"
        )
        yield names
        await session.execute_script(f"drop schema {', '.join(names)} cascade")


async def with_settings(session: Any, schema: str) -> Any:
    async with session.with_settings(search_path=schema):
        return await session.select(SQL, 1)


async def set_local(session: Any, schema: str) -> Any:
    async with session.transaction():
        await session.execute(f"set local search_path = {schema}")
        return await session.select(SQL, 1)


async def set_config(session: Any, schema: str) -> Any:
    async with session.transaction():
        await session.select_value("select set_config('search_path', $1, true)", schema)
        return await session.select(SQL, 1)


async def set_before(session: Any, schema: str) -> Any:
    await session.execute_script(f"set search_path = {schema}")
    async with session.transaction():
        return await session.select(SQL, 1)


async def set_schema(session: Any, schema: str) -> Any:
    await session.execute(f"set schema '{schema}'")
    async with session.transaction():
        return await session.select(SQL, 1)


async def in_savepoint(session: Any, schema: str) -> Any:
    async with session.transaction(), session.with_settings(search_path=schema):
        return await session.select(SQL, 1)


WAYS = [with_settings, set_local, set_config, set_before, set_schema, in_savepoint]


@pytest.mark.parametrize("way", WAYS)
async def test_a_statement_means_what_the_search_path_says(session: Any, schemas: list[str], way: Any) -> None:
    for schema, expected in zip(schemas * 2, list(OTHER.values()) * 2, strict=True):
        assert await way(session, schema) == expected


async def test_a_search_path_ends_with_its_savepoint(session: Any, schemas: list[str]) -> None:
    await session.execute(f"set search_path = {schemas[0]}")
    async with session.transaction():
        assert await session.select(SQL, 1) == OTHER["first"]
        with pytest.raises(ValueError, match="undone"):
            async with session.savepoint():
                await session.execute(f"set local search_path = {schemas[1]}")
                assert await session.select(SQL, 1) == OTHER["second"]
                raise ValueError("undone")
        assert await session.select(SQL, 1) == OTHER["first"]


async def test_a_search_path_ends_with_its_transaction(session: Any, schemas: list[str]) -> None:
    await session.execute(f"set search_path = {schemas[0]}")
    assert await set_local(session, schemas[1]) == OTHER["second"]
    async with session.transaction():
        assert await session.select(SQL, 1) == OTHER["first"]


async def test_a_migration_reads_the_table_that_it_alters(session: Any) -> None:
    await session.execute("create table t (a int)")
    await session.execute("insert into t values (1)")
    async with session.transaction():
        assert await session.select("select * from t") == [{"a": 1}]
        await session.execute("alter table t add b int")
        assert await session.select("select * from t") == [{"a": 1, "b": None}]
        await session.execute("alter table t alter a type text")
        assert await session.select("select * from t") == [{"a": "1", "b": None}]
        await session.execute_script("drop table t; create table t (c int)")
        assert await session.select("select * from t") == []


async def test_an_alteration_that_is_undone(session: Any) -> None:
    await session.execute("create table t (a int)")
    async with session.transaction():
        with pytest.raises(ValueError, match="undone"):
            async with session.savepoint():
                await session.execute("alter table t add b int")
                assert await session.select("select * from t") == []
                raise ValueError("undone")
        await session.execute("insert into t values (1)")
        assert await session.select("select * from t") == [{"a": 1}]
    with pytest.raises(ValueError, match="undone"):
        async with session.transaction():
            await session.execute("alter table t add b int")
            assert await session.select("select * from t") == [{"a": 1, "b": None}]
            raise ValueError("undone")
    async with session.transaction():
        assert await session.select("select * from t") == [{"a": 1}]
