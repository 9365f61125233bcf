from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import (
    ImproperConfigurationError,
    ParameterError,
    SQLSpecError,
)
from tests.integration.harness import Flavour


@pytest.fixture
def table(flavour: Flavour, admin: psycopg.Connection[Any]) -> str:
    admin.execute(f"create table {flavour.schema}.t (id int primary key, v int)".encode())
    return f"{flavour.schema}.t"


async def ids(session: Any) -> list[int]:
    return [row["id"] for row in await session.select("select id from t order by id")]


async def insert(session: Any, number: int) -> None:
    await session.execute("insert into t (id) values ($1)", number)


async def fail(session: Any) -> None:
    """Meet a server error and swallow it; inside a transaction that aborts it."""
    with pytest.raises(SQLSpecError):
        await session.execute("select 1/0")


@pytest.fixture
def role(flavour: Flavour, admin: psycopg.Connection[Any]) -> Iterator[str]:
    name = f"role_of_{flavour.schema}"
    admin.execute(f"drop role if exists {name}".encode())
    admin.execute(f"create role {name}".encode())
    admin.execute(f"grant usage on schema {flavour.schema} to {name}".encode())
    yield name
    admin.execute(f"drop owned by {name}".encode())
    admin.execute(f"drop role {name}".encode())


SHOWN = (
    "select current_user::text as role, current_setting('statement_timeout') as t, current_setting('app.x', true) as x"
)


async def shown(session: Any) -> tuple[Any, ...]:
    return tuple((await session.select_one(SHOWN)).values())


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("how", ["success", "failure", "server error"])
async def test_settings_hold_inside_and_are_restored(session: Any, role: str, nested: bool, how: str) -> None:
    await session.execute("set app.x = 'before'")
    before = await shown(session)

    async def run() -> None:
        async with session.with_settings({"app.x": "it's 7"}, role=role, statement_timeout="5s"):
            assert await shown(session) == (role, "5s", "it's 7")
            if how == "failure":
                raise KeyError
            if how == "server error":
                await session.execute("select 1/0")

    expected: type[Exception] = KeyError if how == "failure" else SQLSpecError

    async def run_as_expected() -> None:
        if how == "success":
            await run()
        else:
            with pytest.raises(expected):
                await run()
        assert await shown(session) == before

    if nested:
        async with session.transaction():
            await run_as_expected()
    else:
        await run_as_expected()
    assert await shown(session) == before
    assert not session.in_transaction


async def test_settings_nest(session: Any) -> None:
    async with session.with_settings({"app.x": 1}):
        async with session.with_settings({"app.x": 2.5}, enable_seqscan=False):
            assert (await shown(session))[2] == "2.5"
            assert await session.select_value("show enable_seqscan") == "off"
        assert (await shown(session))[2] == "1"
        assert await session.select_value("show enable_seqscan") == "on"


async def test_an_error_swallowed_under_settings_does_not_leave_them_behind(session: Any, table: str) -> None:
    async with session.transaction():
        before = await shown(session)
        with pytest.raises(SQLSpecError):
            async with session.with_settings(statement_timeout="5s"):
                await fail(session)
        assert await shown(session) == before
        await insert(session, 1)
    assert await ids(session) == [1]


async def test_impossible_settings_are_refused(session: Any) -> None:
    for call, kind in [
        (lambda: session.with_settings(), ParameterError),
        (lambda: session.with_settings(work_mem=None), ParameterError),
        (lambda: session.with_settings(work_mem=[1]), ParameterError),
    ]:
        with pytest.raises(kind):
            call()
    for settings in ({"no such setting": "x"}, {"work_mem": "lots"}, {"role": "nobody'; drop table t"}):
        with pytest.raises(SQLSpecError):
            async with session.with_settings(settings):
                raise AssertionError("entered")
        assert not session.in_transaction
    assert await session.select_value("select 1") == 1


# -- settings that decide how text is read --------------------------------------------------------------------

MISREADING = (
    "set client_encoding = 'LATIN1'",
    "set client_encoding to sql_ascii",
    "/* a */ SET -- b\n session Client_Encoding='WIN1252';",
    'set local "client_encoding" to latin1',
    "set names 'latin1'",
    "set standard_conforming_strings = off",
    "set session standard_conforming_strings to 'false'",
)
KEEPING = (
    "set client_encoding = 'UTF-8'",
    "set client_encoding to default",
    "set names 'utf8'",
    "set local standard_conforming_strings = on",
    "reset client_encoding",
    "set client_min_messages = warning",
    "set application_name = 'set names latin1'",
)


@pytest.mark.parametrize("sql", MISREADING)
@pytest.mark.parametrize("way", ["execute", "execute_script", "execute_stack"])
async def test_text_is_read_in_one_way(session: Any, untouched: Any, sql: str, way: str) -> None:
    statements = [f"select 1;\n{sql}"] if way == "execute_script" else [sql]
    async with untouched(session):
        with pytest.raises(ImproperConfigurationError, match="decides how all text is read"):
            await getattr(session, way)(statements if way == "execute_stack" else statements[0])
    assert await session.select_value("select '\u20ac\\' || $1::text", "\u00e9") == "\u20ac\\\u00e9"


@pytest.mark.parametrize("sql", KEEPING)
async def test_statements_that_keep_it_are_run(session: Any, sql: str) -> None:
    await session.execute(sql)
    await session.execute_script(f"begin; {sql.rstrip(';')}; commit")
    assert await session.select_value("select '\u20ac\\' || $1::text", "\u00e9") == "\u20ac\\\u00e9"


@pytest.mark.parametrize("setting", [{"client_encoding": "latin1"}, {"Standard_conforming_strings": False}])
async def test_a_scope_of_settings_keeps_it_too(session: Any, untouched: Any, setting: dict[str, Any]) -> None:
    async with untouched(session):
        with pytest.raises(ImproperConfigurationError, match="decides how all text is read"):
            session.with_settings(setting)
    async with session.with_settings(client_encoding="utf8", standard_conforming_strings=True):
        assert await session.select_value("select '\u20ac'") == "\u20ac"
