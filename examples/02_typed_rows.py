"""Read rows as objects: msgspec structs, dataclasses, plain values."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import date

import msgspec

from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.exceptions import MappingError
from sqlspec.testing import EmbeddedPostgres

BOOKS = """
    select * from (values
        (1, 'Dune', date '1965-08-01', '{"city": "Philadelphia", "founded": 1792}'::jsonb),
        (2, 'Emma', null, '{"city": "London", "founded": null}'::jsonb)
    ) as books (id, title, published, publisher)
"""


class Publisher(msgspec.Struct):
    city: str
    founded: int | None


class Book(msgspec.Struct):
    title: str
    published: date | None
    publisher: Publisher


@dataclass
class Edition:
    title: str
    published: date


async def main(dsn: str) -> None:
    config = AsyncpgConfig(connection_config={"dsn": dsn})
    async with config, config.provide_session() as session:
        for book in await session.select(BOOKS, schema_type=Book):
            print(book)
        print(await session.select(f"select title from ({BOOKS})", schema_type=str))
        print(await session.select(f"{BOOKS} where published is not null", schema_type=Edition))
        try:
            await session.select(BOOKS, schema_type=Edition)
        except MappingError as error:
            print(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    if given := os.environ.get("SQLSPEC_TEST_DSN"):
        asyncio.run(main(given))
    else:
        with EmbeddedPostgres() as server:
            asyncio.run(main(server.dsn))
