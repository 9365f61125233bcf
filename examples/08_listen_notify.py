"""Wait for notifications. The listener has a connection of its own, and reconnects when that is lost."""

from __future__ import annotations

import asyncio
import os

from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.exceptions import DataError
from sqlspec.testing import EmbeddedPostgres


async def main(dsn: str) -> None:
    config = AsyncpgConfig(connection_config={"dsn": dsn})
    async with config, config.listen("orders", "Mixed Case") as notifications:
        async with config.provide_session() as session:
            await session.notify("orders", "first")
            await session.execute("select pg_notify('Mixed Case', 'second')")
            try:
                async with session.transaction():  # notifications of a transaction are sent when it is committed
                    await session.notify("orders", "never")
                    await session.execute("select 1 / 0")
            except DataError:
                print("rolled back")
            await session.notify("orders", "third")
        async for notification in notifications:
            print(f"{notification.channel}: {notification.payload}")
            if notification.payload == "third":
                break


if __name__ == "__main__":
    if given := os.environ.get("SQLSPEC_TEST_DSN"):
        asyncio.run(main(given))
    else:
        with EmbeddedPostgres() as server:
            asyncio.run(main(server.dsn))
