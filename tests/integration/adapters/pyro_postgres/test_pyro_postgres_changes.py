"""Tables that other sessions alter, at any moment: nothing is read with types or names that it does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from sqlspec.adapters.pyro_postgres import PyroPostgresSyncConfig
from sqlspec.adapters.pyro_postgres._sync_wire import SyncWire
from sqlspec.driver._sync_session import SyncSession
from sqlspec.exceptions import NotSupportedError

TABLE = """
drop table if exists altered;
create table altered (id int, a int, n numeric, t timestamptz);
insert into altered values (1, 7, 0.00001, '1999-12-31 23:59:59.5+00')
"""

CHANGES = [
    "alter table altered alter a type numeric using 0.00001",
    "alter table altered alter n type int",
    "alter table altered alter n type text",
    "alter table altered alter t type timestamp",
    "alter table altered alter t type date",
    "alter table altered rename id to i2; alter table altered add id numeric default 0.00002",
    "alter table altered add late numeric default 0.00001",
]

QUERIES = ["select * from altered", "select id, a from altered", "select id, n, t from altered", "table altered"]


@pytest.fixture
def session(dsn: str, admin: psycopg.Connection[Any]) -> Iterator[SyncSession]:
    admin.execute(TABLE.encode())
    with PyroPostgresSyncConfig({"dsn": dsn, "max_size": 1}) as config, config.provide_session() as opened:
        yield opened
    admin.execute("drop table altered")


def now(admin: psycopg.Connection[Any], sql: str) -> list[dict[str, Any]]:
    cursor = admin.execute(sql.encode())
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def all_of(session: SyncSession, sql: str) -> list[dict[str, Any]]:
    return session.select(sql)


def streamed(session: SyncSession, sql: str) -> list[dict[str, Any]]:
    with session.select_stream(sql, chunk_size=1) as stream:
        return list(stream)


@pytest.mark.parametrize("read", [all_of, streamed])
@pytest.mark.parametrize("sql", QUERIES)
@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change(
    session: SyncSession,
    admin: psycopg.Connection[Any],
    read: Callable[[SyncSession, str], list[dict[str, Any]]],
    sql: str,
    change: str,
) -> None:
    read(session, sql)
    read(session, sql)
    admin.execute(change.encode())
    assert read(session, sql) == now(admin, sql)


@pytest.mark.parametrize("sql", QUERIES)
@pytest.mark.parametrize("change", CHANGES)
def test_in_the_middle_of_a_preparation(
    session: SyncSession, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, sql: str, change: str
) -> None:
    countdown = 0

    def counting(name: str) -> None:
        call = getattr(SyncWire, name)

        def counted(*args: Any, **named: Any) -> Any:
            nonlocal countdown
            countdown -= 1
            if countdown == 0:
                admin.execute(change.encode())
            return call(*args, **named)

        monkeypatch.setattr(SyncWire, name, counted)

    for name in ("prepare", "script", "rows", "swapped_rows"):
        counting(name)
    session.select("select 1")
    for step in range(1, 13):
        admin.execute(TABLE.encode())
        text = f"{sql} -- {step}"
        countdown = step
        first = session.select(text)
        if countdown > 0:
            break
        assert first == session.select(text) == now(admin, text)
    else:
        pytest.fail("a preparation takes more steps than were tried")


@pytest.mark.parametrize("change", CHANGES[1:5])
def test_inside_a_transaction_the_server_refuses_in_its_usual_words(
    session: SyncSession, admin: psycopg.Connection[Any], change: str
) -> None:
    sql = "select n, t from altered"
    all_of(session, sql)
    admin.execute(change.encode())
    with pytest.raises(NotSupportedError, match="cached plan must not change result type"), session.transaction():
        all_of(session, sql)
    assert all_of(session, sql) == now(admin, sql)


@pytest.mark.parametrize("change", CHANGES[1:5])
def test_a_batch_goes_back_to_its_savepoint_and_runs_again(
    session: SyncSession, admin: psycopg.Connection[Any], change: str
) -> None:
    sql = "select n, t from altered"
    session.execute_many(sql, [()])
    admin.execute(change.encode())
    with session.transaction():
        assert session.execute_many(sql, [()]).all() == now(admin, sql)


def test_what_is_enclosed_stays_what_it_was(session: SyncSession) -> None:
    ordered = "select n, n * 1.5 as m from generate_series(1, 50) n order by n desc limit $1 offset 1"
    assert [row["n"] for row in session.select(ordered, 3)] == [49, 48, 47]
    locked = "select id, t from altered where id = $1 for update"
    with session.transaction():
        assert len(session.select(locked, 1)) == 1
        count = "select count(*) from pg_locks where relation = 'altered'::regclass and mode = 'RowShareLock'"
        assert session.select_value(count) == 1
    changed = "with w as (update altered set a = a + 1 returning a) select a, 1.5 as n from w"
    assert [session.select_one(changed)["a"] for _ in range(3)] == [8, 9, 10]
    volatile = "select nextval('pg_temp.s') as s, nextval('pg_temp.s')::numeric as n"
    session.execute("create temp sequence s")
    assert [(row["s"], row["n"]) for _ in range(2) for row in session.select(volatile)] == [(1, 2), (3, 4)]
