"""Store many rows with one call, all or nothing, and send several statements in one go."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

from sqlspec import StatementStack
from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.exceptions import UniqueViolationError
from sqlspec.testing import EmbeddedPostgres

INSERT = "insert into squares values ($1, $2)"


def squares(first: int, last: int) -> Iterator[tuple[int, int]]:
    for number in range(first, last + 1):
        yield number, number * number


async def main(dsn: str) -> None:
    config = AsyncpgConfig(connection_config={"dsn": dsn})
    async with config, config.provide_session() as session:
        await session.execute("create temporary table squares (number int primary key, square bigint)")
        result = await session.execute_many(INSERT, squares(1, 20_000))
        print("stored:", result.rows_affected)

        try:
            await session.execute_many(INSERT, squares(19_000, 30_000))
        except UniqueViolationError as error:
            print(f"refused: {error.detail}")
        print("still there:", await session.select_value("select count(*) from squares"))

        rows = [{"number": 0, "square": 0}, {"number": -1, "square": 1}]
        result = await session.execute_many("insert into squares values (:number, :square) returning *", rows)
        print("returned:", result.all())

        stack = StatementStack()
        stack = stack.push_execute("delete from squares where number > $1", 10)
        stack = stack.push_execute("select sum(square) as total from squares")
        deleted, total = await session.execute_stack(stack)
        print("deleted:", deleted.rows_affected, "sum of the rest:", total.scalar())


if __name__ == "__main__":
    if given := os.environ.get("SQLSPEC_TEST_DSN"):
        asyncio.run(main(given))
    else:
        with EmbeddedPostgres() as server:
            asyncio.run(main(server.dsn))
