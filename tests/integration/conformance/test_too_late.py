"""Calls that come too late or make no sense: each says which method it was, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sqlspec.exceptions import OperationalError, ParameterError
from tests.integration.harness import needs


@pytest.mark.promise("pool: a session that is used after its return says so and names the method")
async def test_a_closed_session_names_the_method(config: Any) -> None:
    async with config.provide_session() as session:
        pass
    calls: dict[str, Callable[[], Any]] = {
        "select": lambda: session.select("select 1"),
        "select_value": lambda: session.select_value("select 1"),
        "select_value_or_none": lambda: session.select_value_or_none("select 1"),
        "execute": lambda: session.execute("select 1"),
        "execute_many": lambda: session.execute_many("select $1::int", [1]),
        "execute_script": lambda: session.execute_script("select 1"),
        "execute_stack": lambda: session.execute_stack(["select 1"]),
        "notify": lambda: session.notify("c"),
        "begin": session.begin,
        "commit": session.commit,
        "rollback": session.rollback,
        "transaction": lambda: session.transaction().__aenter__(),
        "savepoint": lambda: session.savepoint().__aenter__(),
    }
    for name, call in calls.items():
        with pytest.raises(OperationalError) as caught:
            await call()
        assert str(caught.value) == (
            f"cannot call {name}(): the session was closed and its connection given back; "
            "open a new one with provide_session()"
        )
    with pytest.raises(OperationalError, match=r"select_stream\(\)"):
        session.select_stream("select 1")
    with pytest.raises(OperationalError, match=r"driver\(\)"):
        _ = session.driver


@needs("cancel")
async def test_a_closed_session_stops_nothing(config: Any) -> None:
    async with config.provide_session() as session:
        pass
    await session.cancel()  # nothing runs; what the next borrower of the connection runs is not its affair


@pytest.mark.promise("pool: a config that is used after close() says so")
async def test_a_closed_config_says_what_to_do(config: Any) -> None:
    await config.close()
    with pytest.raises(OperationalError, match="the pool is closed; make a new config"):
        async with config.provide_session():
            pass


async def test_two_styles_name_both_places(session: Any) -> None:
    with pytest.raises(ParameterError) as caught:
        await session.select("select $1,\n  :name", 1)
    assert "1:8" in str(caught.value)
    assert "2:3" in str(caught.value)
