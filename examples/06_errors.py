"""Catch what the server reports by class. The classes are the same for every driver."""

from __future__ import annotations

import asyncio
import os

from sqlspec import SQLSpecError
from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.exceptions import ParameterError, QueryTimeoutError, UniqueViolationError
from sqlspec.testing import EmbeddedPostgres

MISTAKES = (
    "select 1 / 0",
    "selec 1",
    "select * from nowhere",
    "insert into users values (2, null)",
    "insert into users values (2, '')",
)


async def main(dsn: str) -> None:
    config = AsyncpgConfig(connection_config={"dsn": dsn})
    async with config, config.provide_session() as session:
        await session.execute_script(
            """
            create temporary table users (id int primary key, name text not null check (name <> ''));
            insert into users values (1, 'Ann');
            """
        )
        try:
            await session.execute("insert into users values (:id, :name)", id=1, name="Bob")
        except UniqueViolationError as error:
            print(f"{error.constraint} of {error.table}: {error.detail}")

        for sql in MISTAKES:
            try:
                await session.execute(sql)
            except SQLSpecError as error:
                print(f"{error.sqlstate} {type(error).__name__}: {error.message}")

        try:
            await session.execute("select :first + :second", first=1)
        except ParameterError as error:  # found before anything is sent
            print(error.message)

        try:
            await session.execute("select pg_sleep(60)", timeout=0.2)
        except QueryTimeoutError as error:  # the server has stopped, too
            print(type(error).__name__, "- but the session goes on:", await session.select_value("select 1 + 1"))


if __name__ == "__main__":
    if given := os.environ.get("SQLSPEC_TEST_DSN"):
        asyncio.run(main(given))
    else:
        with EmbeddedPostgres() as server:
            asyncio.run(main(server.dsn))
