"""Connections that fail in every way, for the pool's tests."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from sqlspec.driver._async_pool import AsyncPool, Pooled
from sqlspec.postgres.settings import PoolSettings

__all__ = ("Driver", "Lost", "Server", "fake", "give_back", "make", "settle")


class Lost(Exception):
    """What the fake driver raises."""


class Server:
    """Counts connections as a server sees them: from the first byte of a connection to its end."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.open = 0
        self.most = 0
        self.log: list[str] = []
        self.refuse = False
        self.slow = False
        self.always_pause = False
        self.hold: asyncio.Event | None = None

    async def pause(self) -> None:
        for _ in range(3 if self.always_pause else self.random.randrange(4) if self.slow else 0):
            await asyncio.sleep(0)

    async def connect(self) -> Driver:
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await self.pause()
            if self.hold is not None:
                await self.hold.wait()
            if self.refuse:
                raise Lost("refused")
        except BaseException:
            self.open -= 1
            raise
        return Driver(self)


class Driver:
    """One fake connection."""

    native_errors = (Lost,)

    def __init__(self, server: Server) -> None:
        self.server = server
        self.users = 0
        self.state: str = "idle"
        self.dead = False
        self.closed = False
        self.failing_reset = False
        self.retired = False

    def is_closed(self) -> bool:
        return self.closed

    def status(self) -> str:
        return "unknown" if self.closed else self.state

    def abort(self) -> None:
        self.server.log.append("abort")

    async def ping(self) -> None:
        self.server.log.append("ping")
        await self.server.pause()
        if self.dead:
            raise Lost("dead")

    async def rollback(self) -> None:
        self.server.log.append("rollback")
        await self.server.pause()
        self.state = "idle"

    async def reset(self) -> None:
        self.server.log.append("reset")
        if self.server.hold is not None:
            await self.server.hold.wait()
        await self.server.pause()
        if self.failing_reset or self.dead:
            raise Lost("reset failed")
        self.state = "idle"

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.server.log.append("close")
            try:
                await self.server.pause()
            finally:
                self.server.open -= 1


def make(server: Server, **given: Any) -> AsyncPool:
    return AsyncPool(server.connect, PoolSettings(**given))  # type: ignore[arg-type]


async def settle() -> None:
    """Let everything run that can run."""
    for _ in range(40):
        await asyncio.sleep(0)


async def give_back(pool: AsyncPool, pooled: Pooled, *, dirty: bool = False, broken: bool = False) -> None:
    await pool.release(pooled, dirty=dirty, broken=broken)


def fake(pooled: Pooled) -> Driver:
    driver: Any = pooled.driver
    return driver
