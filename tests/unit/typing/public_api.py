"""What type checkers must see, and must refuse: each line with an `error` comment has to be reported with its code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_type

from sqlspec import SQL, SQLSpec
from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.adapters.psycopg import PsycopgAsyncConfig, PsycopgSyncConfig
from sqlspec.core.result import SQLResult
from sqlspec.driver import AsyncSession, SyncSession


@dataclass
class User:
    id: int


async def any_driver(name: str) -> list[dict[str, Any]]:
    kinds = {"asyncpg": AsyncpgConfig, "psycopg": PsycopgAsyncConfig}
    async with kinds[name](connection_config={}).provide_session() as session:
        return await session.select("select 1 as id")


async def asynchronous(session: AsyncSession) -> None:
    assert_type(await session.select("select 1 as id"), list[dict[str, Any]])
    assert_type(await session.select("select 1 as id", schema_type=User), list[User])
    assert_type(await session.select_one("select 1 as id", schema_type=User), User)
    assert_type(await session.select_one_or_none("select 1 as id", schema_type=User), User | None)
    assert_type(await session.select("select 1", schema_type=int), list[int])
    assert_type(await session.execute("select 1", schema_type=User), SQLResult[User])
    assert_type(await session.execute("select 1", schema_type=User).all(), list[User])
    assert_type(await session.execute("select 1").get_data(schema_type=User), list[User])
    assert_type(await session.execute("select 1", schema_type=User).get_data(), list[User])
    assert_type(await session.execute("select 1").first(), dict[str, Any] | None)
    assert_type(await session.execute_script("select 1"), None)
    assert_type(await session.select_with_total(SQL("select 1").paginate()), tuple[list[dict[str, Any]], int])
    assert_type(await session.select_with_total(SQL("select 1").paginate(), schema_type=User), tuple[list[User], int])
    result = await session.execute("select 1")
    assert_type(result.get_data(schema_type=User), list[User])
    assert_type(result.rows_affected, int | None)

    await session.select(SQL("select 1").paginate(page=1))
    await session.select(1)  # error: [call-overload]
    await session.select("select 1", timeout="soon")  # error: [call-overload]
    await session.transaction(isolation=7).__aenter__()  # error: [arg-type]
    session.select("select 1").all()  # error: [attr-defined]
    with session.transaction():  # error: [attr-defined]
        pass


def synchronous(session: SyncSession) -> None:
    assert_type(session.select("select 1 as id", schema_type=User), list[User])
    assert_type(session.execute("select 1", schema_type=User), SQLResult[User])
    assert_type(session.execute("select 1").scalar(), Any)


async def configs() -> None:
    spec = SQLSpec()
    pool = spec.add_config(AsyncpgConfig(connection_config={"dsn": "postgresql://localhost/db"}))
    assert_type(pool, AsyncpgConfig)
    async with spec.provide_session(pool) as session:
        assert_type(session, AsyncSession)
    threads = spec.add_config(PsycopgSyncConfig({}))
    with spec.provide_session(threads) as blocking:
        assert_type(blocking, SyncSession)
    AsyncpgConfig(connection_config="postgresql://localhost/db")  # error: [arg-type]
    with PsycopgAsyncConfig({}).provide_session():  # error: [attr-defined]
        pass
