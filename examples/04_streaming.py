"""Read a large result piece by piece, in the memory of one piece."""

from __future__ import annotations

import asyncio
import os

from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.testing import EmbeddedPostgres

NUMBERS = "select n, n % 7 = 0 as by_seven from (select generate_series(1, :last::int) as n)"


async def main(dsn: str) -> None:
    config = AsyncpgConfig(connection_config={"dsn": dsn})
    async with config, config.provide_session() as session:
        count = 0
        async with session.select_stream(NUMBERS, last=100_000, chunk_size=5000) as stream:
            async for row in stream:
                count += row["by_seven"]
        print(f"{count:,} of 100,000 are multiples of seven")

        # In chunks, as tuples. Leaving early closes the cursor; the server computes no more.
        async with session.select_stream(NUMBERS, last=1_000_000, chunk_size=4, schema_type=tuple) as stream:
            async for chunk in stream.chunks():
                print(chunk)
                if any(by_seven for _, by_seven in chunk):
                    break
        print("still usable:", await session.select_value("select 'yes'"))


if __name__ == "__main__":
    if given := os.environ.get("SQLSPEC_TEST_DSN"):
        asyncio.run(main(given))
    else:
        with EmbeddedPostgres() as server:
            asyncio.run(main(server.dsn))
