"""Transactions that get in each other's way, and what is run again."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from sqlspec.driver import _async_transaction, _sync_transaction
from sqlspec.exceptions import (
    DeadlockError,
    ForeignKeyViolationError,
    SerializationConflictError,
    SQLSpecError,
    UniqueViolationError,
)
from tests.integration.conformance.transfers import ACCOUNTS, START, in_process, transfer_all
from tests.integration.harness import Flavour, needs


@pytest.fixture
def table(flavour: Flavour, admin: psycopg.Connection[Any]) -> str:
    admin.execute(f"create table {flavour.schema}.t (id int primary key, v int)".encode())
    return f"{flavour.schema}.t"


@pytest.fixture
def account(flavour: Flavour, admin: psycopg.Connection[Any]) -> str:
    name = f"{flavour.schema}.account"
    admin.execute(f"create table {name} (id int primary key, balance int, moves int default 0)".encode())
    admin.execute(f"insert into {name} select n, {START} from generate_series(0, {ACCOUNTS - 1}) n".encode())
    return name


@needs("sqlstate")
@pytest.mark.promise("transactions: serializable transfers under contention keep the total, each done exactly once")
async def test_transfers_keep_the_total(
    flavour: Flavour, config: Any, dsn: str, account: str, admin: psycopg.Connection[Any]
) -> None:
    workers, each = 4, 15
    if flavour.spec.capabilities.concurrent_calls:
        calls = [transfer_all(config, seed, each) for seed in range(workers)]
    else:
        workers, each = 2, 40
        start = asyncio.Barrier(workers)
        calls = [in_process(flavour.name, dsn, flavour.schema, seed, each, start) for seed in range(workers)]
    attempts = sum(await asyncio.gather(*calls))
    found = admin.execute(f"select sum(balance), min(balance), sum(moves) from {account}".encode()).fetchone()
    assert found is not None
    total, lowest, moves = found
    assert (total, moves) == (ACCOUNTS * START, 2 * workers * each)
    assert lowest >= 0
    assert attempts > workers * each, "nobody was ever in the way"


@needs("sqlstate", "concurrent_calls")
async def test_two_sessions_in_a_deadlock_both_succeed(config: Any, table: str, admin: psycopg.Connection[Any]) -> None:
    admin.execute(f"insert into {table} values (1, 0), (2, 0)".encode())
    locked: set[str] = set()  # not an event: a sync flavour runs each function in a loop of its own
    attempts: list[str] = []
    failures: list[SQLSpecError] = []

    async def cross(name: str, first: int, second: int) -> None:
        async def update(session: Any) -> None:
            attempts.append(name)
            await session.execute("set local deadlock_timeout = '20ms'")
            await session.execute("update t set v = v + 1 where id = $1", first)
            locked.add(name)
            while len(locked) < 2:
                await asyncio.sleep(0.002)
            try:
                await session.execute("update t set v = v + 1 where id = $1", second)
            except SQLSpecError as error:
                failures.append(error)
                raise

        async with config.provide_session() as session:
            await session.run_in_transaction(update)

    await asyncio.wait_for(asyncio.gather(cross("a", 1, 2), cross("b", 2, 1)), 60)
    assert failures
    assert {type(error) for error in failures} == {DeadlockError}
    assert len(attempts) == 2 + len(failures)
    assert admin.execute(f"select v from {table} order by id".encode()).fetchall() == [(2,), (2,)]


# -- what is run again, and when ------------------------------------------------------------------------------

CONFLICTS = {
    "40001": ("could not serialize access due to concurrent update", SerializationConflictError),
    "40P01": ("deadlock detected", DeadlockError),
}
OTHERS = ("40000", "40002", "40003", "25P02", "23505", "55P03", "57014", "53100", "P0001", "XX000")


@needs("sqlstate")
@pytest.mark.promise("transactions: run_in_transaction runs again after serialization failures and deadlocks alone")
async def test_exactly_the_retryable_is_run_again(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (_async_transaction, _sync_transaction):
        monkeypatch.setattr(module, "FIRST_BACKOFF", 0.0)
    calls = 0

    async def attempts(code: str, message: str = "sorry") -> int:
        nonlocal calls
        calls = 0

        async def fail(own: Any) -> None:
            nonlocal calls
            calls += 1
            await own.execute(f"do $$ begin raise exception '{message}' using errcode = '{code}'; end $$")

        kind = CONFLICTS[code][1] if code in CONFLICTS else SQLSpecError
        with pytest.raises(kind):
            await session.run_in_transaction(fail, retries=2)
        assert not session.in_transaction
        return calls

    for code, (message, _) in CONFLICTS.items():
        assert await attempts(code, message) == 3, code
    for code in OTHERS:
        assert await attempts(code) == 1, code


@pytest.mark.promise(
    "transactions: run_in_transaction pauses at random before each retry, longer each time, to a limit"
)
async def test_pauses_grow_to_a_limit(flavour: Flavour, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def pause_async(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(_async_transaction, "sleep", pause_async)
    monkeypatch.setattr(_sync_transaction, "sleep", pause)

    async def lose(own: Any) -> None:
        raise SerializationConflictError("again")

    for _ in range(5):
        with pytest.raises(SerializationConflictError):
            await session.run_in_transaction(lose, retries=12)
    assert len(pauses) == 60
    for number in range(12):
        those = pauses[number::12]
        assert max(those) <= min(0.01 * 2**number, 2.0)
        assert len(set(those)) == 5, "not at random"
    assert max(pauses) > 0.5


@pytest.mark.promise("transactions: run_in_transaction does not run again what has already committed by itself")
async def test_what_has_committed_by_itself_is_not_run_again(session: Any, table: str) -> None:
    calls: list[int] = []

    async def commit_and_lose(own: Any) -> None:
        calls.append(1)
        await own.execute("insert into t values ($1, 0)", len(calls))
        await own.commit()
        raise SerializationConflictError("too late")

    with pytest.raises(SerializationConflictError):
        await session.run_in_transaction(commit_and_lose)
    assert calls == [1]
    assert await session.select_value("select count(*) from t") == 1


# -- deferred constraints -------------------------------------------------------------------------------------


@needs("sqlstate")
@pytest.mark.promise("transactions: a deferred constraint fails the commit, which stores nothing, and is not run again")
async def test_deferred_constraints_of_every_kind(session: Any, table: str) -> None:
    await session.execute_script("""
        create table parent (id int primary key);
        create table child (id int references parent deferrable initially deferred);
        create table numbered (n int unique deferrable initially immediate);
        insert into numbered values (1), (2);
    """)
    calls: list[int] = []

    async def orphan(own: Any) -> None:
        calls.append(1)
        await own.execute("insert into child values (7)")

    with pytest.raises(ForeignKeyViolationError):
        await session.run_in_transaction(orphan)
    assert calls == [1]
    with pytest.raises(ForeignKeyViolationError):
        await session.execute_many("insert into child values ($1)", [1, 2])
    with pytest.raises(ForeignKeyViolationError):
        await session.execute_stack(["insert into child values (1)", "insert into parent values (2)"])
    with pytest.raises(UniqueViolationError):
        async with session.transaction():
            await session.execute("set constraints all deferred")
            await session.execute("update numbered set n = 2")
    async with session.transaction():  # in order only at the end
        await session.execute("insert into child values (1)")
        await session.execute("set constraints all deferred")
        await session.execute("update numbered set n = 3 - n")
        await session.execute("insert into parent values (1)")
    assert await session.select("select id from child") == [{"id": 1}]
    assert await session.select("select n from numbered order by n", schema_type=int) == [1, 2]


# -- savepoints -----------------------------------------------------------------------------------------------


@pytest.mark.promise("transactions: a savepoint survives every error inside it, and so does what came before it")
async def test_savepoints_survive_errors_of_every_kind(session: Any, table: str) -> None:
    async with session.transaction():
        for number, wrong in enumerate(
            (
                "selec",
                "select * from missing",
                "select 1/0",
                "insert into t values (0, 0), (0, 0)",
                "select 'x'::int",
                "do $$ begin raise exception 'mine'; end $$",
                "set local transaction_isolation = 'nonsense'",
            )
        ):
            await session.execute("insert into t values ($1, 0)", 10 + number)
            with pytest.raises(SQLSpecError):
                async with session.savepoint():
                    await session.execute("insert into t values (100, 0)")
                    await session.execute(wrong)
            with pytest.raises(SQLSpecError):
                async with session.savepoint():
                    await session.execute_many("insert into t values ($1, 0)", [101, 102, 101])
            with pytest.raises(KeyError):
                async with session.savepoint(), session.savepoint():
                    await session.execute("insert into t values (103, 0)")
                    raise KeyError
    assert await session.select("select id from t order by id", schema_type=int) == list(range(10, 17))
