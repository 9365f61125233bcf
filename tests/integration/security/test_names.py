"""A name means exactly its characters: tables, columns, schemas, savepoints and channels with hostile names work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from psycopg import sql

from sqlspec import SQL
from sqlspec.core.filters import BeforeAfter, Equals, InCollection, OrderBy, Search
from sqlspec.etl import copy_table
from sqlspec.exceptions import ParameterError
from tests.integration.harness import AsAsync, Flavour, needs
from tests.integration.security.hostile import NAMES, SPRUNG, TRAP

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")

WORST = ("both", "list", "placeholders", "comment")
"""For what takes its time."""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture
async def session(flavour: Flavour, config: Any, admin: psycopg.Connection[Any]) -> AsyncIterator[Any]:
    admin.execute(f"set search_path = {flavour.schema};{TRAP}reset search_path".encode())
    async with config.provide_session() as opened:
        yield opened
    assert admin.execute(SPRUNG.format(flavour.schema).encode()).fetchone() == (False,)


@pytest.fixture
def tables(flavour: Flavour, admin: psycopg.Connection[Any]) -> dict[str, str]:
    """A table for each name, in a schema of that name, with a key and a column of that name; by their full names."""
    found = {}
    for kind, name in NAMES.items():
        schema = f"{flavour.schema} {name}"[:63]
        parts = {"schema": sql.Identifier(schema), "name": sql.Identifier(name), "key": sql.Identifier(f"key {name}")}
        admin.execute(
            sql.SQL(
                "create schema {schema}; create table {schema}.{name} ({key} int primary key, {name} text);"
                "insert into {schema}.{name} values (1, 'one'), (2, 'two')"
            ).format(**parts)
        )
        found[kind] = f"{quoted(schema)}.{quoted(name)}"
    return found


@needs("arrow_in", "arrow_out")
async def test_tables_and_columns(session: Any, tables: dict[str, str], config: Any, tmp_path: Path) -> None:
    for kind, name in NAMES.items():
        table, key = tables[kind], f"key {name}"

        def rows(*pairs: tuple[int, str], key: str = key, name: str = name) -> Any:
            return pa.table({key: pa.array([n for n, _ in pairs], pa.int32()), name: [text for _, text in pairs]})

        async def stored(table: str = table) -> list[Any]:
            rows_of: list[Any] = await session.select(f"select * from {table} order by 1", schema_type=tuple)
            return rows_of

        await session.load_from_arrow(table, rows((3, "three")))
        await session.load_from_arrow(table, rows((3, "3"), (4, "four")), mode="upsert", key=[key])
        await session.load_from_records(table, [(5, "five")], columns=[key, name])
        assert await stored() == [(1, "one"), (2, "two"), (3, "3"), (4, "four"), (5, "five")], kind
        read = await session.select_to_arrow(f"select * from {table}")
        assert read.get_data().column_names == [key, name]
        if kind not in WORST:
            continue
        await session.load_from_arrow(table, rows((1, "1")), mode="update", key=[key])
        await session.load_from_arrow(table, rows((2, "")), mode="delete", key=[key])
        assert await stored() == [(1, "1"), (3, "3"), (4, "four"), (5, "five")], kind
        folder = tmp_path / kind
        await session.select_to_storage(f"select * from {table}", folder, partition_by=[name], file_format="csv")
        assert len(list(folder.iterdir())) == 4
        await session.load_from_storage(table, folder, mode="overwrite", partitioning="hive")
        assert [row[0] for row in await stored()] == [1, 3, 4, 5], kind


@needs("arrow_in", "arrow_out")
async def test_copies(session: Any, tables: dict[str, str], config: Any) -> None:
    given = config._target if isinstance(config, AsAsync) else config
    copy: Any = copy_table  # sync or async, as the config is
    for kind in WORST:  # each copy opens several connections
        name = NAMES[kind]
        again: dict[str, Any] = {"overwrite": True, "columns": [f"key {name}", name], "verify": "checksum"}
        for mode in (dict[str, Any](), again):
            job = copy(
                given, given, tables[kind], quoted(f"copy of {name}"[:63]), create=not mode,
                partition_by=f"key {name}", partitions=2, **mode,
            )  # fmt: skip
            job = job if isinstance(config, AsAsync) else await job
            assert job.rows == 2


async def test_filters(session: Any, tables: dict[str, str]) -> None:
    for kind, name in NAMES.items():
        if "." in name:
            continue  # there a dot parts a qualifier from a name
        query = SQL(f"select * from {tables[kind]}")
        column = Equals(name, "one")
        for each in (column, InCollection(name, ["one"]), BeforeAfter(name, before="p"), Search(name, "one")):
            assert len(await session.select(query.filter(each))) == 1, kind
        assert len(await session.select(query.order_by(name, desc=True).filter(OrderBy(f"key {name}")).limit(5))) == 2


async def test_a_name_that_the_server_would_cut_off_is_not_that_of_another(session: Any) -> None:
    """Of a longer name the server keeps 63 bytes: those may be the name of what the caller must not reach."""
    name, longer = "n" * 63, "n" * 64
    await session.execute_script(f"create table {name} (id int primary key, {name} text)")
    for call in (
        lambda: session.load_from_records(longer, [(1, "x")], columns=["id", name]),
        lambda: session.select(SQL(f"select * from {name}").order_by(longer)),
        lambda: session.select(SQL(f"select * from {name}").filter(Equals(longer, "x"))),
        lambda: session.select(SQL(f"select * from {name}").where(**{longer: "x"})),
    ):
        with pytest.raises(ParameterError, match="bytes"):
            await call()
    assert await session.select(f"select * from {name}") == []


@needs("savepoints")
async def test_savepoints(session: Any) -> None:
    await session.execute("create table kept (name text)")
    for name in NAMES.values():
        async with session.transaction():
            with pytest.raises(KeyError):
                async with session.savepoint(name):
                    await session.execute("insert into kept values ($1)", name)
                    raise KeyError
            async with session.savepoint(name):
                await session.execute("insert into kept values ($1)", name)
    assert [row["name"] for row in await session.select("select * from kept")] == list(NAMES.values())


@needs("listen")
async def test_channels(session: Any, config: Any) -> None:
    async with config.listen(*NAMES.values()) as notifications:
        for name in NAMES.values():
            await session.notify(name, name)
        heard = aiter(notifications)
        for name in NAMES.values():
            note = await anext(heard)
            assert (note.channel, note.payload) == (name, name)


async def test_values(session: Any, tables: dict[str, str]) -> None:
    """As parameters in every style, in batches, and where the server takes no parameters."""
    for name in NAMES.values():
        for text, params in (("$1", (name,)), ("?", (name,)), ("%s", (name,)), (":a", ({"a": name},))):
            assert await session.select_value(f"select {text}::text", *params) == name
        assert await session.select_value(SQL("select v from (values (1)) as t(v) where :a = :a", a=name)) == 1
    await session.execute("create table texts (v text)")
    await session.execute_many("insert into texts values ($1)", [(name,) for name in NAMES.values()])
    assert {row["v"] for row in await session.select("select v from texts")} == set(NAMES.values())


@needs("arrow_out")
async def test_a_type_whose_fields_have_hostile_names(session: Any, admin: Any, flavour: Flavour) -> None:
    """Names that come from the catalog are no safer than others: any role may have made the type."""
    for number, name in enumerate(NAMES.values()):
        parts = {"schema": sql.Identifier(flavour.schema), "field": sql.Identifier(name)}
        parts |= {word: sql.Identifier(f"{word} {number}") for word in ("inner", "outer", "made")}
        admin.execute(
            sql.SQL(
                "create type {schema}.{inner} as ({field} inet); create type {schema}.{outer} as (a {schema}.{inner});"
                "create table {schema}.{made} (v {schema}.{outer});"
                "insert into {schema}.{made} values (row(row('::1')))"
            ).format(**parts)
        )
        read = await session.select_to_arrow(f'select v from "made {number}"')
        assert read.get_data().to_pylist() == [{"v": {"a": {name: "::1"}}}]
