from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from sqlspec import SQL
from sqlspec.exceptions import (
    CommitUnknownError,
    DataError,
    ForeignKeyViolationError,
    OperationalError,
    ParameterError,
    SQLParsingError,
    SQLSpecError,
    TransactionError,
    UniqueViolationError,
)
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


# -- scopes ---------------------------------------------------------------------------------------------------


async def test_a_scope_commits_on_success(session: Any, table: str) -> None:
    assert not session.in_transaction
    async with session.transaction():
        assert session.in_transaction
        await insert(session, 1)
    assert not session.in_transaction
    assert await ids(session) == [1]


@pytest.mark.promise("transactions: a transaction scope rolls back on every exception, cancellation included")
async def test_a_scope_rolls_back_on_any_exception(session: Any, table: str) -> None:
    for failure in (KeyError("mine"), asyncio.CancelledError()):
        with pytest.raises(type(failure)):
            async with session.transaction():
                await insert(session, 1)
                raise failure
        assert not session.in_transaction
    assert await ids(session) == []


async def test_begin_commit_and_rollback_by_hand(session: Any, table: str) -> None:
    await session.begin()
    await insert(session, 1)
    await session.commit()
    await session.begin()
    await insert(session, 2)
    await session.rollback()
    assert await ids(session) == [1]


async def test_others_see_the_rows_after_the_commit(session: Any, config: Any, table: str) -> None:
    async with config.provide_session() as other:
        async with session.transaction():
            await insert(session, 1)
            assert await ids(other) == []
        assert await ids(other) == [1]


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_ending_by_hand_inside_a_scope(session: Any, table: str, end: str) -> None:
    async with session.transaction():
        await insert(session, 1)
        await getattr(session, end)()
        assert not session.in_transaction
        await insert(session, 2)  # on its own
    assert await ids(session) == ([1, 2] if end == "commit" else [2])


@pytest.mark.promise("transactions: a session that is given back with an open transaction is rolled back")
async def test_leaving_the_session_rolls_an_open_transaction_back(config: Any, table: str) -> None:
    async with config.provide_session() as session:
        await session.begin()
        await insert(session, 1)
    async with config.provide_session() as session:
        assert not session.in_transaction
        assert await ids(session) == []


@pytest.mark.promise("transactions: nested scopes are savepoints and are undone one by one")
async def test_nested_scopes_are_undone_one_by_one(session: Any, table: str) -> None:
    async with session.transaction():
        await insert(session, 1)
        with pytest.raises(KeyError):
            async with session.transaction():
                await insert(session, 2)
                async with session.transaction():
                    await insert(session, 3)
                raise KeyError
        async with session.transaction():
            await insert(session, 4)
            with pytest.raises(SQLSpecError):
                async with session.savepoint('a "quoted" name'):
                    await insert(session, 4)
        await insert(session, 5)
    assert await ids(session) == [1, 4, 5]


@pytest.mark.promise("transactions: an error swallowed inside a savepoint undoes that savepoint alone, and says so")
async def test_a_swallowed_error_undoes_the_nested_scope_only(session: Any, table: str) -> None:
    async with session.transaction():
        await insert(session, 1)
        with pytest.raises(SQLSpecError):
            async with session.transaction():
                await insert(session, 2)
                await fail(session)
        await insert(session, 3)
    assert await ids(session) == [1, 3]


async def test_an_end_inside_a_savepoint_ends_its_scope_quietly(session: Any, table: str) -> None:
    await session.begin()
    async with session.savepoint():
        await insert(session, 1)
        await session.rollback()
        await session.begin()
        async with session.savepoint():
            await insert(session, 2)
    await session.commit()
    assert await ids(session) == [2]


@pytest.mark.promise("transactions: committing an aborted transaction raises and stores nothing")
@needs("sqlstate")
async def test_committing_an_aborted_transaction_is_an_error_and_stores_nothing(session: Any, table: str) -> None:
    with pytest.raises(TransactionError) as caught:
        async with session.transaction():
            await insert(session, 1)
            await fail(session)
    assert not isinstance(caught.value, CommitUnknownError)
    await session.begin()
    await insert(session, 1)
    await fail(session)
    with pytest.raises(TransactionError):
        await session.commit()
    assert not session.in_transaction
    assert await ids(session) == []


@pytest.mark.promise("transactions: committing an aborted transaction raises and stores nothing")
async def test_an_aborted_transaction_is_never_stored_on_any_adapter(session: Any, table: str) -> None:
    with pytest.raises(SQLSpecError):
        async with session.transaction():
            await insert(session, 1)
            await fail(session)
    assert not session.in_transaction
    assert await ids(session) == []


# -- options --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["read uncommitted", "read committed", "repeatable read", "serializable"])
async def test_isolation_levels(session: Any, level: str) -> None:
    async with session.transaction(isolation=level):
        assert await session.select_value("show transaction_isolation") == level
    await session.begin(isolation=level.upper().replace(" ", "_"))
    assert await session.select_value("show transaction_isolation") == level
    await session.rollback()


@pytest.mark.parametrize("readonly", [True, False])
@pytest.mark.parametrize("deferrable", [True, False])
async def test_access_mode_and_deferrable(session: Any, readonly: bool, deferrable: bool) -> None:
    async with session.transaction(isolation="serializable", readonly=readonly, deferrable=deferrable):
        assert await session.select_value("show transaction_read_only") == ("on" if readonly else "off")
        assert await session.select_value("show transaction_deferrable") == ("on" if deferrable else "off")


@needs("sqlstate")
async def test_a_read_only_transaction_refuses_to_write(session: Any, table: str) -> None:
    with pytest.raises(TransactionError) as caught:
        async with session.transaction(readonly=True):
            await insert(session, 1)
    assert caught.value.sqlstate == "25006"


@pytest.mark.parametrize("level", ["snapshot", "", "serializable; drop table t", None.__class__])
async def test_an_unknown_isolation_level_is_refused_before_anything_is_sent(session: Any, level: Any) -> None:
    with pytest.raises(ParameterError, match="isolation level"):
        await session.begin(isolation=level)
    with pytest.raises(ParameterError, match="isolation level"):
        session.transaction(isolation=level)
    assert not session.in_transaction
    assert await session.select_value("select 1") == 1


async def test_set_transaction_works_as_the_first_statement(session: Any, table: str) -> None:
    async with session.transaction():
        await session.execute("set transaction isolation level serializable read only")
        assert await session.select_value("show transaction_isolation") == "serializable"
        assert await ids(session) == []
    async with session.transaction():
        await ids(session)
        with pytest.raises(SQLSpecError):
            async with session.savepoint():
                await session.execute("set transaction isolation level serializable")


# -- misuse ---------------------------------------------------------------------------------------------------


async def test_begin_inside_a_transaction_is_refused_and_harms_nothing(session: Any, table: str) -> None:
    async with session.transaction():
        await insert(session, 1)
        with pytest.raises(TransactionError, match=r"begin\(\).*open already"):
            await session.begin()
        with pytest.raises(TransactionError, match="nested transaction"):
            async with session.transaction(isolation="serializable"):
                pass
        await insert(session, 2)
    assert await ids(session) == [1, 2]


async def test_ending_without_a_beginning_is_refused(session: Any) -> None:
    for method in ("commit", "rollback"):
        with pytest.raises(TransactionError, match=rf"{method}\(\): no transaction is open"):
            await getattr(session, method)()
    with pytest.raises(TransactionError, match=r"savepoint\(\): no transaction is open"):
        async with session.savepoint("x"):
            pass
    assert await session.select_value("select 1") == 1


async def test_savepoints_close_in_order_or_not_at_all(session: Any, table: str) -> None:
    async with session.transaction():
        outer, inner = session.savepoint("outer"), session.savepoint("inner")
        await outer.__aenter__()
        await insert(session, 1)
        await inner.__aenter__()
        await insert(session, 2)
        with pytest.raises(TransactionError, match=r"commit\(\): savepoint inner is still open"):
            await session.commit()
        with pytest.raises(TransactionError, match="close savepoint outer: inner inside it is still open"):
            await outer.__aexit__(None, None, None)
        with pytest.raises(TransactionError, match="one of this name is open"):
            async with session.savepoint("inner"):
                pass
        assert await ids(session) == [1, 2]  # nothing was sent: the transaction is as it was
        await inner.__aexit__(KeyError, KeyError(), None)
        await outer.__aexit__(None, None, None)
    assert await ids(session) == [1]


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 64])
async def test_impossible_savepoint_names_are_refused(session: Any, table: str, name: str) -> None:
    async with session.transaction():
        with pytest.raises(ParameterError):
            async with session.savepoint(name):
                pass
        await insert(session, 1)
    assert await ids(session) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "begin",
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
        "start transaction",
        "commit",
        "/* really */ Commit and chain;",
        "end",
        "rollback",
        "abort",
        "savepoint x",
        "release savepoint x",
        "rollback to x",
    ],
)
async def test_transaction_control_as_text_is_refused_and_names_the_methods(session: Any, text: str) -> None:
    calls = [
        lambda: session.execute(text),
        lambda: session.select(text),
        lambda: session.select_value(text),
        lambda: session.execute_many(text, []),
        lambda: session.execute_stack([text]),
        lambda: session.execute(SQL(text)),
    ]
    for call in calls:
        with pytest.raises(TransactionError, match=r"transaction control; use begin\(\), commit\(\)"):
            await call()
    assert not session.in_transaction
    async with session.transaction():
        with pytest.raises(TransactionError):
            await session.execute(text)
        assert await session.select_value("select 1") == 1


# -- scripts --------------------------------------------------------------------------------------------------


async def test_a_script_is_one_transaction_unless_it_says_otherwise(session: Any, table: str) -> None:
    with pytest.raises(SQLSpecError):
        await session.execute_script("insert into t values (1); insert into t values (2); select 1/0")
    assert await ids(session) == []
    with pytest.raises(SQLSpecError):
        await session.execute_script("begin; insert into t values (1); commit; insert into t values (2); select 1/0")
    assert await ids(session) == [1]
    await session.execute_script("begin; insert into t values (3); rollback; insert into t values (4);")
    assert await ids(session) == [1, 4]
    assert not session.in_transaction


@pytest.mark.parametrize(
    "text", ["begin; insert into t values (1)", "begin; insert into t values (1); commit and chain"]
)
@pytest.mark.promise("transactions: a script that leaves a transaction open is rolled back and says so")
async def test_a_script_that_leaves_a_transaction_open_is_rolled_back(session: Any, table: str, text: str) -> None:
    with pytest.raises(TransactionError, match="left a transaction open"):
        await session.execute_script(text)
    assert await ids(session) == ([1] if "commit" in text else [])
    await insert(session, 2)
    assert await session.select_value("select count(*) from t where id = 2") == 1
    await session.begin()
    await session.commit()


@pytest.mark.promise("transactions: a script that fails behind its BEGIN leaves no transaction open")
@pytest.mark.parametrize("middle", ["select 1/0", "insert into missing values (1)", "selec"])
async def test_a_script_that_fails_behind_its_begin_leaves_no_transaction(
    session: Any, table: str, middle: str
) -> None:
    with pytest.raises(SQLSpecError):
        await session.execute_script(f"begin; insert into t values (1); {middle}; commit")
    assert not session.in_transaction
    await insert(session, 2)
    assert await ids(session) == [2]
    await session.begin()
    await insert(session, 3)
    await session.rollback()
    assert await ids(session) == [2]


@pytest.mark.parametrize("word", ["begin", "commit", "rollback", "start transaction"])
async def test_a_script_that_controls_transactions_is_refused_inside_one(session: Any, table: str, word: str) -> None:
    async with session.transaction():
        await insert(session, 1)
        with pytest.raises(TransactionError, match="a transaction is open"):
            await session.execute_script(f"insert into t values (2); {word}")
    assert await ids(session) == [1]


async def test_a_script_may_use_savepoints_inside_a_transaction(session: Any, table: str) -> None:
    async with session.transaction():
        await session.execute_script(
            "insert into t values (1); savepoint a; insert into t values (2); rollback to a; release a"
        )
    assert await ids(session) == [1]


# -- commit ---------------------------------------------------------------------------------------------------


@pytest.mark.promise("transactions: a deferred constraint fails the commit, which stores nothing, and is not run again")
@needs("sqlstate")
async def test_a_deferred_constraint_fails_the_commit_and_stores_nothing(session: Any, table: str) -> None:
    await session.execute("create table child (id int references t deferrable initially deferred)")
    with pytest.raises(ForeignKeyViolationError) as caught:
        async with session.transaction():
            await insert(session, 1)
            await session.execute("insert into child values (99)")
    assert caught.value.constraint == "child_id_fkey"
    assert not session.in_transaction
    assert await ids(session) == []
    with pytest.raises(ForeignKeyViolationError):
        await session.execute("insert into child values (99)")
    assert await session.select_value("select count(*) from child") == 0


TERMINATE_AT_COMMIT = """
    create function die() returns trigger language plpgsql as $$
    begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
    create constraint trigger dying after insert on t deferrable initially deferred
    for each row execute function die();
"""


@pytest.mark.promise("transactions: a backend that is killed during COMMIT raises CommitUnknownError")
async def test_a_connection_lost_during_commit_leaves_the_outcome_unknown(config: Any, table: str) -> None:
    async with config.provide_session() as session:
        await session.execute_script(TERMINATE_AT_COMMIT)
        with pytest.raises(CommitUnknownError, match="check whether the transaction's effects are there") as caught:
            async with session.transaction():
                await insert(session, 1)
        assert caught.value.__cause__ is not None
        assert not session.in_transaction
        with pytest.raises(SQLSpecError, match="the connection was lost"):
            await session.select("select 1")
    async with config.provide_session() as session:
        assert await ids(session) == []


@pytest.mark.promise("transactions: a backend that is killed during COMMIT raises CommitUnknownError")
async def test_a_batch_whose_commit_is_lost_says_so_too(config: Any, table: str) -> None:
    async with config.provide_session() as session:
        await session.execute_script(TERMINATE_AT_COMMIT)
        with pytest.raises(CommitUnknownError):
            await session.execute_many("insert into t (id) values ($1)", [1, 2, 3])
    async with config.provide_session() as session:
        assert await ids(session) == []


@pytest.mark.promise("transactions: a connection that is lost before COMMIT stores nothing, and commit() says so")
async def test_a_connection_lost_before_commit_stores_nothing_and_says_so(
    config: Any, table: str, admin: psycopg.Connection[Any]
) -> None:
    async with config.provide_session() as session:
        await session.begin()
        await insert(session, 1)
        pid = await session.select_value("select pg_backend_pid()")
        admin.execute("select pg_terminate_backend(%s, 5000)", [pid])
        with pytest.raises(SQLSpecError):
            await session.select("select 1")
        with pytest.raises(TransactionError, match="nothing was stored") as caught:
            await session.commit()
        assert not isinstance(caught.value, CommitUnknownError)
        assert not session.in_transaction
    async with config.provide_session() as session:
        assert await ids(session) == []


# -- whose transaction ----------------------------------------------------------------------------------------


@pytest.mark.promise("transactions: no other task or thread can write into an open transaction")
async def test_another_task_is_refused_while_a_transaction_is_open(session: Any, table: str) -> None:
    opened, seen = asyncio.Event(), asyncio.Event()

    async def open_and_wait() -> None:
        async with session.transaction():
            await insert(session, 1)
            opened.set()
            await seen.wait()
            await insert(session, 2)

    opener = asyncio.create_task(open_and_wait(), name="the-opener")
    await opened.wait()
    calls = {
        "select": lambda: session.select("select 1"),
        "select_value": lambda: session.select_value("select 1"),
        "execute": lambda: session.execute("insert into t values (50)"),
        "execute_many": lambda: session.execute_many("insert into t (id) values ($1)", [51]),
        "execute_script": lambda: session.execute_script("insert into t values (52)"),
        "execute_stack": lambda: session.execute_stack(["insert into t values (53)"]),
        "begin": session.begin,
        "commit": session.commit,
        "rollback": session.rollback,
        "notify": lambda: session.notify("c"),
        "transaction": lambda: session.transaction().__aenter__(),
        "savepoint": lambda: session.savepoint().__aenter__(),
        "run_in_transaction": lambda: session.run_in_transaction(fail),
    }
    for name, call in calls.items():
        with pytest.raises(TransactionError) as caught:
            await call()
        assert f"cannot call {name}()" in str(caught.value)
        assert "the-opener" in str(caught.value)
    with pytest.raises(TransactionError, match=r"select_stream\(\).*the-opener"):
        session.select_stream("select 1")
    seen.set()
    await opener
    assert await ids(session) == [1, 2]
    await insert(session, 3)


async def test_tasks_started_inside_belong_to_the_transaction(session: Any, table: str) -> None:
    with pytest.raises(KeyError):
        async with session.transaction():
            await asyncio.gather(*(insert(session, number) for number in range(20)))
            assert await ids(session) == list(range(20))
            raise KeyError
    assert await ids(session) == []


async def test_batches_of_tasks_inside_a_transaction_do_not_get_in_each_others_way(session: Any, table: str) -> None:
    async with session.transaction():
        batches = [
            session.execute_many("insert into t (id) values ($1)", [10 * number + digit for digit in range(10)])
            for number in range(5)
        ]
        doubled = session.execute_many("insert into t (id) values ($1)", [100, 100])
        *stored, refused = await asyncio.gather(*map(asyncio.create_task, [*batches, doubled]), return_exceptions=True)
        assert isinstance(refused, SQLSpecError)
        for end in stored:
            if isinstance(end, BaseException):
                raise end
    assert await ids(session) == list(range(50))


async def test_tasks_that_open_savepoints_out_of_order_are_refused(session: Any, table: str) -> None:
    async with session.transaction():
        await insert(session, 1)
        scopes = [session.savepoint(), session.savepoint()]
        await asyncio.gather(*(asyncio.create_task(scope.__aenter__()) for scope in scopes))
        with pytest.raises(TransactionError, match="inside it is still open"):
            await asyncio.create_task(scopes[0].__aexit__(None, None, None))
        await asyncio.create_task(scopes[1].__aexit__(None, None, None))
        await asyncio.create_task(scopes[0].__aexit__(None, None, None))
    assert await ids(session) == [1]


@needs("sqlstate")
async def test_errors_of_a_transaction_have_their_classes(session: Any, table: str) -> None:
    async with session.transaction():
        with pytest.raises(UniqueViolationError):
            async with session.savepoint():
                await insert(session, 1)
                await insert(session, 1)
        with pytest.raises(DataError):
            async with session.savepoint():
                await session.execute("select 1/0")
        with pytest.raises(SQLParsingError):
            async with session.savepoint():
                await session.execute("select nothing")
        with pytest.raises(SQLParsingError):
            await session.execute("select nothing")
        with pytest.raises(TransactionError) as caught:
            await session.execute("select 1")
        assert caught.value.sqlstate == "25P02"
        await session.rollback()
    assert not isinstance(OperationalError(""), TransactionError)
