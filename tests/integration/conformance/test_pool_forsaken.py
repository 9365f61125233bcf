"""Connections that nobody has any more: a signal's handler that raises can end a checkout at any of its steps."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import pytest

from sqlspec.driver import _async_config, _sync_config
from sqlspec.driver._async_pool import AsyncPool
from sqlspec.driver._sync_pool import SyncPool
from sqlspec.exceptions import PoolTimeoutError
from tests.integration.harness import FLAVOURS, Flavour

PID = "select pg_backend_pid()"
CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "limited": {"command_timeout": 30.0},
    "observed": {"observers": [lambda event: None]},
}

every_flavour = pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))


class Signal(BaseException):
    """What the handler raises."""


def config_of(flavour: Flavour, **keys: Any) -> Any:
    observers = keys.pop("observers", None)
    features = {} if observers is None else {"observers": observers}
    config = flavour.make_config(max_size=1, acquire_timeout=0.3, **keys, **features)
    return config._target if flavour.is_sync else config


async def now(answer: Any) -> Any:
    return await answer if isawaitable(answer) else answer


async def enter(scope: Any) -> Any:
    return await now(scope.__enter__() if hasattr(scope, "__enter__") else scope.__aenter__())


async def leave(scope: Any) -> None:
    await now(scope.__exit__(None, None, None) if hasattr(scope, "__exit__") else scope.__aexit__(None, None, None))


async def pid_of(config: Any) -> int:
    scope = config.provide_session()
    session = await enter(scope)
    try:
        pid: int = await now(session.select_value(PID))
    finally:
        await leave(scope)
    return pid


async def forsake_on_leaving(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(*_: object) -> None:
        raise Signal

    with monkeypatch.context() as patch:
        patch.setattr(_sync_config.SyncSessionContext, "__exit__", torn)
        patch.setattr(_async_config.AsyncSessionContext, "__aexit__", torn)
        with contextlib.suppress(Signal):
            await pid_of(config)


async def forsake_on_taking(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def tearing(taken: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def torn(pool: Any) -> None:
            taken(pool)
            raise Signal

        return torn

    with monkeypatch.context() as patch:
        patch.setattr(SyncPool, "try_acquire", tearing(SyncPool.try_acquire))
        patch.setattr(AsyncPool, "try_acquire", tearing(AsyncPool.try_acquire))
        with contextlib.suppress(Signal):
            await pid_of(config)


@every_flavour
@pytest.mark.parametrize("forsake", [forsake_on_leaving, forsake_on_taking])
@pytest.mark.promise("pool: a connection that a signal has torn from its checkout is replaced")
async def test_what_nobody_has_is_replaced(flavour: Flavour, monkeypatch: pytest.MonkeyPatch, forsake: Any) -> None:
    config = config_of(flavour)
    first = await pid_of(config)
    for _ in range(3):
        await forsake(config, monkeypatch)
        assert config.stats().in_use == 1
        second = await pid_of(config)
        assert second != first
        first = second
    assert (config.stats().size, config.stats().in_use) == (1, 0)
    await now(config.close())


@every_flavour
@pytest.mark.parametrize("keys", CONFIGS)
async def test_what_somebody_has_is_not_taken_away(flavour: Flavour, keys: str) -> None:
    config = config_of(flavour, **CONFIGS[keys])
    session = await enter(config.provide_session())  # nobody keeps the scope, but the session is used
    pid = await now(session.select_value(PID))
    with pytest.raises(PoolTimeoutError):
        await pid_of(config)
    assert await now(session.select_value(PID)) == pid
    del session
    gc.collect()
    assert await pid_of(config) != pid
    scope = config.provide_connection()
    await enter(scope)
    with pytest.raises(PoolTimeoutError):
        await pid_of(config)
    await leave(scope)
    connection = await enter(config.provide_connection())
    with pytest.raises(PoolTimeoutError):
        await pid_of(config)
    del connection
    await now(config.close(0.0))
