from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import (
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
