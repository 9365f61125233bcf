"""Connect, store some rows, ask for them again."""

from __future__ import annotations

import asyncio
import os

from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.testing import EmbeddedPostgres


async def main(dsn: str) -> None:
    config = AsyncpgConfig(connection_config={"dsn": dsn})
    # The first session opens the pool; leaving `async with config` closes it.
    async with config, config.provide_session() as session:
        await session.execute("create temporary table planets (name text primary key, moons int not null)")
        await session.execute("insert into planets values ($1, $2)", "Earth", 1)
        await session.execute("insert into planets values (:name, :moons)", name="Mars", moons=2)
        await session.execute("insert into planets values (%s, %s)", ("Venus", 0))

        print(await session.select("select * from planets order by moons"))
        print(await session.select_one("select * from planets where name = ?", "Mars"))
        print(await session.select_one_or_none("select * from planets where name = ?", "Pluto"))
        print(await session.select_value("select sum(moons) from planets"))

        result = await session.execute("update planets set moons = moons + :more", more=1)
        print(result.verb, result.rows_affected)


if __name__ == "__main__":
    if given := os.environ.get("SQLSPEC_TEST_DSN"):
        asyncio.run(main(given))
    else:
        with EmbeddedPostgres() as server:
            asyncio.run(main(server.dsn))
