from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import (
    DeadlockError,
    SerializationConflictError,
    SQLSpecError,
    TransactionError,
)
from tests.integration.backends import until_waiting
from tests.integration.harness import Flavour, needs


@pytest.fixture
def table(flavour: Flavour, admin: psycopg.Connection[Any]) -> str:
    admin.execute(f"create table {flavour.schema}.t (id int primary key, v int)".encode())
    return f"{flavour.schema}.t"


async def ids(session: Any) -> list[int]:
    return [row["id"] for row in await session.select("select id from t order by id")]


async def insert(session: Any, number: int) -> None:
    await session.execute("insert into t (id) values ($1)", number)


async def fail(session: Any) -> None:
    """Meet a server error and swallow it; inside a transaction that aborts it."""
    with pytest.raises(SQLSpecError):
        await session.execute("select 1/0")


@pytest.mark.promise("transactions: a serialization failure is run again, also one that shows at COMMIT")
@needs("sqlstate")
async def test_a_serialization_failure_is_run_again(session: Any, config: Any, table: str) -> None:
    await session.execute("insert into t values (1, 0)")
    attempts: list[int] = []
    async with config.provide_session() as rival:

        async def add_one(own: Any) -> str:
            value = await own.select_value("select v from t where id = 1")
            attempts.append(value)
            if len(attempts) < 3:
                await rival.execute("update t set v = v + 10 where id = 1")
            await own.execute("update t set v = $1 where id = 1", value + 1)
            return "done"

        assert await session.run_in_transaction(add_one, isolation="repeatable read") == "done"
    assert attempts == [0, 10, 20]
    assert await session.select_value("select v from t") == 21


@pytest.mark.promise("transactions: a serialization failure is run again, also one that shows at COMMIT")
@needs("sqlstate")
async def test_a_conflict_that_shows_at_commit_is_run_again(session: Any, config: Any, table: str) -> None:
    await session.execute("insert into t values (1, 0), (2, 0)")
    attempts: list[int] = []
    async with config.provide_session() as rival:

        async def skew(own: Any) -> None:
            total = await own.select_value("select sum(v) from t")
            attempts.append(total)
            if len(attempts) == 1:
                async with rival.transaction(isolation="serializable"):
                    seen = await rival.select_value("select sum(v) from t")
                    await rival.execute("update t set v = $1 where id = 2", seen + 1)
            await own.execute("update t set v = $1 where id = 1", total + 1)

        await session.run_in_transaction(skew, isolation="serializable")
    assert attempts == [0, 1]


@pytest.mark.promise("transactions: retries end, and the last error arrives")
@needs("sqlstate")
async def test_retries_end_and_the_last_error_arrives(session: Any, config: Any, table: str) -> None:
    await session.execute("insert into t values (1, 0)")
    attempts: list[int] = []
    async with config.provide_session() as rival:

        async def lose(own: Any) -> None:
            attempts.append(await own.select_value("select v from t where id = 1"))
            await rival.execute("update t set v = v + 1 where id = 1")
            await own.execute("update t set v = 0 where id = 1")

        with pytest.raises(SerializationConflictError) as caught:
            await session.run_in_transaction(lose, retries=2, isolation="repeatable read")
        assert caught.value.sqlstate == "40001"
        assert len(attempts) == 3
        attempts.clear()
        with pytest.raises(SerializationConflictError):
            await session.run_in_transaction(lose, retries=0, isolation="repeatable read")
        assert len(attempts) == 1
    assert not session.in_transaction


class Rival(threading.Thread):
    """Locks row 2, then row 1 when told to."""

    def __init__(self, dsn: str, table: str) -> None:
        super().__init__(daemon=True)
        self.connection = psycopg.connect(dsn)
        self.connection.execute("set deadlock_timeout = '1min'")
        self.connection.execute(f"update {table} set v = v + 100 where id = 2".encode())
        self.table = table

    def run(self) -> None:
        self.connection.execute(f"update {self.table} set v = v + 100 where id = 1".encode())
        self.connection.commit()


@pytest.fixture
def rival(dsn: str, table: str, admin: psycopg.Connection[Any]) -> Iterator[Rival]:
    admin.execute(f"insert into {table} values (1, 0), (2, 0)".encode())
    made = Rival(dsn, table)
    yield made
    made.connection.close()


@pytest.mark.promise("transactions: a deadlock of two sessions is resolved by running one of them again")
@needs("sqlstate")
async def test_a_deadlock_is_run_again(session: Any, table: str, rival: Rival, admin: psycopg.Connection[Any]) -> None:
    failures: list[BaseException] = []

    async def cross(own: Any) -> None:
        await own.execute("set local deadlock_timeout = '10ms'")
        await own.execute("update t set v = v + 1 where id = 1")
        if not failures:
            rival.start()
            await until_waiting(admin, rival.connection.info.backend_pid, "Lock")
        try:
            await own.execute("update t set v = v + 1 where id = 2")
        except DeadlockError as error:
            failures.append(error)
            raise

    await session.run_in_transaction(cross)
    rival.join(10)
    assert {error.sqlstate for error in failures if isinstance(error, DeadlockError)} == {"40P01"}
    assert await session.select("select v from t order by id") == [{"v": 101}, {"v": 101}]


@pytest.mark.promise("transactions: run_in_transaction runs again after serialization failures and deadlocks alone")
async def test_other_errors_are_not_run_again(session: Any, table: str) -> None:
    attempts: list[int] = []

    async def clash(own: Any) -> None:
        attempts.append(1)
        await insert(own, 1)
        await insert(own, 1)

    async def mine(own: Any) -> None:
        attempts.append(1)
        raise KeyError

    with pytest.raises(SQLSpecError):
        await session.run_in_transaction(clash)
    with pytest.raises(KeyError):
        await session.run_in_transaction(mine)
    assert len(attempts) == 2
    assert await ids(session) == []


async def test_retrying_is_refused_inside_a_transaction(session: Any, table: str) -> None:
    async def never(own: Any) -> None:
        raise AssertionError("called")

    async with session.transaction():
        with pytest.raises(TransactionError, match="open already; use transaction"):
            await session.run_in_transaction(never)
        await insert(session, 1)
    assert await ids(session) == [1]
