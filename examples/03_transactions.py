"""Commit and roll back; nest transactions; let a transaction be tried again."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.exceptions import CheckViolationError
from sqlspec.testing import EmbeddedPostgres

if TYPE_CHECKING:
    from sqlspec.driver import AsyncSession

MOVE = "update accounts set balance = balance + :amount where owner = :owner"


async def transfer(session: AsyncSession, amount: int) -> None:
    await session.execute(MOVE, owner="Bob", amount=amount)
    await session.execute(MOVE, owner="Ann", amount=-amount)


async def main(dsn: str) -> None:
    config = AsyncpgConfig(connection_config={"dsn": dsn})
    async with config, config.provide_session() as session:
        await session.execute("create temporary table accounts (owner text, balance int check (balance >= 0))")
        async with session.transaction():
            await session.execute_many("insert into accounts values ($1, $2)", [("Ann", 100), ("Bob", 0)])
            await transfer(session, 30)
            try:
                async with session.transaction():  # inside another one: a savepoint
                    await transfer(session, 1000)
            except CheckViolationError as error:
                print("undone:", error.constraint)
            await transfer(session, 30)
        print(await session.select("select * from accounts order by owner"))

        async def close_account(session: AsyncSession) -> int:
            balance: int = await session.select_value("select balance from accounts where owner = 'Ann'")
            await transfer(session, balance)
            return balance

        # Run again, after a pause, whenever the server finds a conflict with another transaction.
        moved = await session.run_in_transaction(close_account, isolation="serializable", retries=5)
        print("moved:", moved)
        print(await session.select("select * from accounts order by owner"))


if __name__ == "__main__":
    if given := os.environ.get("SQLSPEC_TEST_DSN"):
        asyncio.run(main(given))
    else:
        with EmbeddedPostgres() as server:
            asyncio.run(main(server.dsn))
