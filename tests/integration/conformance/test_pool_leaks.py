"""Connections that are not given back: who has them, and since when."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import Any

import pytest

from sqlspec.exceptions import PoolTimeoutError
from tests.integration.harness import FLAVOURS, AsAsync, Flavour

every_flavour = pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))


async def forgetful(config: Any) -> Any:
    """Take a connection and keep it: here, not in the facade's thread, as this is what shall be found."""
    scope = (config._target if isinstance(config, AsAsync) else config).provide_session()
    entered = scope.__enter__() if hasattr(scope, "__enter__") else scope.__aenter__()
    if inspect.isawaitable(entered):
        await entered
    return scope


async def give_back(scope: Any) -> None:
    left = (scope.__exit__ if hasattr(scope, "__exit__") else scope.__aexit__)(None, None, None)
    if inspect.isawaitable(left):
        await left


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "sqlspec"]


async def until_reported(caplog: pytest.LogCaptureFixture, count: int) -> list[str]:
    deadline = time.monotonic() + 10
    while len(found := messages(caplog)) < count:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)
    return found


def assert_is_here(text: str) -> None:
    assert 'test_pool_leaks.py", line' in text
    assert "in forgetful" in text
    assert "scope.__enter__()" in text or "await entered" in text, "the line of source"
    assert "sqlspec/driver" not in text
    assert "taken by task 'Task-" in text or "taken by thread 'MainThread'" in text


@every_flavour
@pytest.mark.promise(
    "pool: with leak_after, a connection that is not given back is reported with the stack of who took it"
)
async def test_a_leak_is_reported_once(flavour: Flavour, caplog: pytest.LogCaptureFixture) -> None:
    config = flavour.make_config(max_size=2, leak_after=0.2)
    for _ in range(5):
        async with config.provide_session() as session:
            await session.select("select 1")
    scope = await forgetful(config)
    (text,) = await until_reported(caplog, 1)
    assert text.startswith("a connection was not given back within leak_after=0.2 s: in use for 0.")
    assert_is_here(text)
    await give_back(scope)
    second = await forgetful(config)
    await until_reported(caplog, 2)
    await give_back(second)
    assert len(messages(caplog)) == 2, "those who gave theirs back in time are not named"
    assert config.stats().in_use == 0


@every_flavour
@pytest.mark.promise("pool: with leak_after, who waits in vain is told who has the connections")
async def test_who_waits_in_vain_is_told_who_has_them(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1, leak_after=60, acquire_timeout=0.05)
    scope = await forgetful(config)
    with pytest.raises(PoolTimeoutError) as caught:
        async with config.provide_session():
            pass
    (note,) = caught.value.__notes__
    assert note.startswith("connection in use for 0.")
    assert_is_here(note)
    await give_back(scope)


@every_flavour
@pytest.mark.promise("pool: closing reports the connections that it had to cut")
@pytest.mark.parametrize("watched", [True, False])
async def test_closing_reports_what_it_cut(flavour: Flavour, caplog: pytest.LogCaptureFixture, watched: bool) -> None:
    config = flavour.make_config(max_size=2, leak_after=60 if watched else None)
    scope = await forgetful(config)
    await config.close(0.05)
    (text,) = messages(caplog)
    assert text.startswith("closing the pool cut connections: 1 still in use after 0.05 s; ")
    if watched:
        assert_is_here(text)
    else:
        assert "forgetful" not in text, "nothing is noted where nothing was asked for"
    await give_back(scope)
    await config.close()
    assert len(messages(caplog)) == 1


@every_flavour
async def test_a_pool_that_was_closed_in_time_reports_nothing(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    config = flavour.make_config(max_size=2, leak_after=60)
    async with config.provide_session() as session:
        await session.execute("set work_mem = '7MB'")
    await config.close()
    assert messages(caplog) == []
