"""Change the driver by changing the class. SQL, values and errors stay as they are."""

from __future__ import annotations

import asyncio
import os

from sqlspec import SQLSpecError
from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.adapters.psycopg import PsycopgAsyncConfig
from sqlspec.testing import EmbeddedPostgres

VALUES = """
    select 1.50::numeric as price, '1 mon 2 days'::interval as term, timestamptz '2024-05-01 12:00+02' as moment,
        '10.0.0.1/24'::inet as host, array[1, null] as numbers, b'101' as bits,
        '{"big": 12345678901234567890}'::jsonb as document
"""


async def main(dsn: str) -> None:
    for config_class in (AsyncpgConfig, PsycopgAsyncConfig):
        config = config_class(connection_config={"dsn": dsn, "application_name": "switch"})
        async with config, config.provide_session() as session:
            print(f"-- {config.spec.name}")
            for name, value in (await session.select_one(VALUES)).items():
                print(f"{name:<9}{value!r}")
            print("rows     ", await session.select("select :a::int + 1 as b", a=1))
            try:
                await session.execute("select 'x'::int")
            except SQLSpecError as error:
                print("error    ", type(error).__name__, error.sqlstate)


if __name__ == "__main__":
    if given := os.environ.get("SQLSPEC_TEST_DSN"):
        asyncio.run(main(given))
    else:
        with EmbeddedPostgres() as server:
            asyncio.run(main(server.dsn))
