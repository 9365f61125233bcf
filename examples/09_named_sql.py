"""Keep statements in files, under names. Add conditions, order and pages to them without touching their text."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from sqlspec import SQL, SQLSpec
from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.testing import EmbeddedPostgres


async def main(dsn: str) -> None:
    spec = SQLSpec()
    spec.load_sql_files(Path(__file__).parent / "queries")
    print(spec.sql_names)
    database = spec.add_config(AsyncpgConfig(connection_config={"dsn": dsn}))
    async with spec, spec.provide_session(database) as session:  # leaving closes every pool
        await session.execute_script(spec.get_sql("create-rivers"))
        for row in await session.select(spec.get_sql("by-continent")):
            print(row)

        long = SQL(spec.get_sql("longer-than"), least=3000).order_by("km", desc=True)
        print(await session.select(long.where(continent="America")))
        rows, total = await session.select_with_total(long.paginate(page=2, page_size=2))
        print([row["name"] for row in rows], "of", total)


if __name__ == "__main__":
    if given := os.environ.get("SQLSPEC_TEST_DSN"):
        asyncio.run(main(given))
    else:
        with EmbeddedPostgres() as server:
            asyncio.run(main(server.dsn))
