"""A copy that fails, is cancelled or killed: the target stays as it was, and nobody goes on working for it."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sqlspec.etl import copy_table
from sqlspec.exceptions import DatabaseConnectionError, DataError, ParameterError, SQLSpecError
from tests.integration.etl.conftest import ALIKE, AROUND, Copier, each_adapter, each_side, name_of, one_of_each_flavour
from tests.integration.signals import heard

ROOT = Path(__file__).resolve().parents[3]
ROWS = 100_000  # of 500 bytes: more than what fits into the buffers of two connections
STALLING = "select i as id, repeat('x', 100) as x, case when i = 80000 then pg_sleep(600)::text end as y from "
STALLING += f"generate_series(1, {ROWS}) i"


def make_tables(copier: Copier) -> None:
    copier.both("create table t (id int, x text, y text)")
    copier.source.execute(f"insert into t select i, repeat('x', 500), null from generate_series(1, {ROWS}) i".encode())
    copier.target.execute(b"insert into t values (-1, 'as it was')")


def backends(copier: Copier) -> list[tuple[int, str]]:
    """Return the sessions of the copy that are still there, with their sides."""
    found: list[tuple[int, str]] = []
    for admin, name in ((copier.source, "reads"), (copier.target, "writes")):
        query = (
            "select pid, application_name from pg_stat_activity "
            "where application_name = %s and datname = current_database()"
        )
        found += admin.execute(query, [name]).fetchall()
    return found


def kill(copier: Copier, side: str) -> Callable[[Any], None]:
    """Return a function for `progress` that cuts the connections of one side."""

    def progress(so_far: Any) -> None:
        for pid, name in backends(copier):
            if name == side:
                copier.source.execute("select pg_terminate_backend(%s)", [pid])

    return progress


async def assert_untouched(copier: Copier) -> None:
    assert copier.rows("select id, x from t") == [(-1, "as it was")]
    assert copier.rows("select count(*) from pg_prepared_xacts") == [(0,)]


async def assert_all_gone(copier: Copier) -> None:
    deadline = time.monotonic() + 20
    while left := backends(copier):
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.02)


@each_side
@pytest.mark.parametrize("side", ["reads", "writes"])
async def test_a_lost_connection(copier: Copier, side: str) -> None:
    make_tables(copier)
    source, target = copier.config(0), copier.config(1)
    name = {"reads": "source", "writes": "target"}[side]
    with pytest.raises(
        DatabaseConnectionError, match=f"copy failed at the {name}: .*the target is as it was, run it"
    ) as caught:
        await copier.copy("t", "t", source, target, overwrite=True, partitions=2, progress=kill(copier, side))
    assert str(caught.value).count("copy failed") == 1
    await assert_untouched(copier)
    job = await copier.copy("select * from t where id <= 10", "t", source, target, overwrite=True)
    assert job.rows == 10


@each_adapter
async def test_what_progress_raises_ends_the_copy(copier: Copier) -> None:
    make_tables(copier)
    seen: list[Any] = []

    def progress(so_far: Any) -> None:
        seen.append(so_far)
        if so_far.rows > 10_000:
            raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        await copier.copy("t", "t", overwrite=True, partitions=2, progress=progress)
    assert 0 < seen[0].rows < seen[-1].rows < ROWS
    assert {each.partitions for each in seen} == {2}
    assert all(a.bytes < b.bytes for a, b in pairwise(seen))
    await assert_untouched(copier)


@each_adapter
async def test_a_failing_query(copier: Copier) -> None:
    make_tables(copier)
    query = f"select i as id, (10 / (i - {ROWS - 5}))::text as x, null::text as y from generate_series(1, {ROWS}) i"
    with pytest.raises(SQLSpecError, match="copy failed at the source: division by zero"):
        await copier.copy(query, "t")
    with pytest.raises(SQLSpecError, match="copy failed at the source: .*read-only"):
        await copier.copy("with gone as (delete from t returning *) select * from gone", "t")
    for change in (
        "insert into t (id) values (1) returning *",
        "update t set x = '' returning *",
        "with old as (select 1 as id) delete from t using old where t.id = old.id returning t.*",
    ):
        verb = "DELETE" if change.startswith("with") else change.split()[0].upper()
        with pytest.raises(
            ParameterError, match=f"cannot copy: the statement is {verb}, and the source is only read; run"
        ):
            await copier.copy(change, "t")
    await assert_untouched(copier)
    assert copier.source.execute(b"select count(*) from t").fetchone() == (ROWS,)


@each_adapter
async def test_a_row_that_the_target_refuses(copier: Copier) -> None:
    make_tables(copier)
    copier.target.execute(f"alter table t add check (id < {ROWS})".encode())
    with pytest.raises(SQLSpecError, match="copy failed at the target: .*check constraint") as caught:
        await copier.copy("t", "t", overwrite=True, partitions=2)
    assert str(ROWS) not in str(caught.value)
    await assert_untouched(copier)


@pytest.mark.parametrize("copier", [pair for pair in AROUND if "sync" not in pair[0]], indirect=True, ids=name_of)
async def test_a_cancelled_task(copier: Copier) -> None:
    make_tables(copier)
    source, target = copier.config(0), copier.config(1)
    begun = asyncio.Event()
    copying = asyncio.ensure_future(copy_table(source, target, STALLING, "t", progress=lambda _: begun.set()))
    await asyncio.wait((copying, asyncio.ensure_future(begun.wait())), return_when=asyncio.FIRST_COMPLETED)
    copying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await copying
    await assert_untouched(copier)
    await target.close()
    await assert_all_gone(copier)


SCRIPT = """
import asyncio, sys
from sqlspec.etl import copy_table
from tests.integration.harness import FLAVOURS

source, target = (
    FLAVOURS[name]({"dsn": dsn, "application_name": side, "session_settings": {"search_path": sys.argv[5]}})
    for name, dsn, side in zip(sys.argv[1:3], sys.argv[3:5], ("reads", "writes"))
)
def progress(so_far):
    print("begun", flush=True)
if sys.argv[1].endswith("-sync"):
    copy_table(source, target, sys.argv[6], "t", overwrite=True, progress=progress)
else:
    async def main():
        async with target:
            await copy_table(source, target, sys.argv[6], "t", overwrite=True, progress=progress)
    asyncio.run(main())
"""


async def started(copier: Copier) -> asyncio.subprocess.Process:
    """Start a copy in a process of its own, and wait until it has sent rows."""
    arguments = (copier.source_name, copier.target_name, *copier.dsns, copier.schema, STALLING)
    pipe = asyncio.subprocess.PIPE
    with heard():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SCRIPT, *arguments, stdout=pipe, stderr=pipe, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
        )
    copier.processes.append(process)
    assert process.stdout is not None
    assert process.stderr is not None
    line = await asyncio.wait_for(process.stdout.readline(), 60)
    assert line == b"begun\n", await process.stderr.read()
    return process


@each_adapter
async def test_a_killed_process(copier: Copier) -> None:
    make_tables(copier)
    process = await started(copier)
    process.kill()
    await process.wait()
    # The server of the source notices when it next has something to say, or when the query is ended.
    for pid, side in backends(copier):
        if side == "reads":
            copier.source.execute("select pg_terminate_backend(%s)", [pid])
    await assert_all_gone(copier)
    await assert_untouched(copier)


# A thread that waits inside pyro-postgres lets no signal through.
@pytest.mark.parametrize("copier", [pair for pair in ALIKE if pair[0] != "pyro-sync"], indirect=True, ids=name_of)
async def test_ctrl_c(copier: Copier) -> None:
    make_tables(copier)
    process = await started(copier)
    process.send_signal(signal.SIGINT)
    _, error = await asyncio.wait_for(process.communicate(), 30)
    assert error.rstrip().endswith(b"KeyboardInterrupt")
    await assert_all_gone(copier)
    await assert_untouched(copier)


@one_of_each_flavour
async def test_a_server_that_cannot_be_reached_is_named(copier: Copier) -> None:
    make_tables(copier)
    nowhere = {"host": "127.0.0.1", "port": 1, "connect_timeout": 2}
    for side, name in enumerate(("source", "target")):
        configs = [copier.config(0), copier.config(1)]
        configs[side] = copier.config(side, **nowhere)
        with pytest.raises(DatabaseConnectionError, match=f"copy failed at the {name}"):
            await copier.copy("t", "t", *configs)


@one_of_each_flavour
async def test_a_role_without_privileges(copier: Copier) -> None:
    make_tables(copier)
    role = f"{copier.schema}_nobody"
    copier.source.execute(f"create role {role}".encode())
    try:
        copier.both(f"grant usage on schema {copier.schema} to {role}")
        for side, name in enumerate(("source", "target")):
            configs = [copier.config(0), copier.config(1)]
            configs[side] = copier.config(side, session_settings={"role": role})
            with pytest.raises(SQLSpecError, match=f"copy failed at the {name}: permission denied"):
                await copier.copy("t", "t", *configs)
        await assert_untouched(copier)
        copier.source.execute(f"grant select (id) on t to {role}".encode())
        reader = copier.config(0, session_settings={"role": role})
        assert (await copier.copy("t", "t", reader, None, columns=["id"])).rows == ROWS
    finally:
        copier.both(f"drop owned by {role}")
        copier.source.execute(f"drop role {role}".encode())


@one_of_each_flavour
async def test_a_target_that_is_altered_meanwhile(copier: Copier) -> None:
    copier.both("create table t (id int, x text)")
    copier.source.execute(b"insert into t values (1, 'x')")
    waiting = psycopg.connect(copier.dsns[1])
    waiting.execute(f"alter table {copier.schema}.t alter x type varchar(1)".encode())
    copying = asyncio.ensure_future(copier.copy("t", "t"))
    while not copier.rows("select 1 from pg_locks where not granted"):
        assert not copying.done(), await copying
        await asyncio.sleep(0.01)
    waiting.commit()
    waiting.close()
    with pytest.raises(SQLSpecError, match="altered meanwhile; nothing is stored, run it again"):
        await copying
    assert copier.rows("select * from t") == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"mode": "replace"}, "mode"),
        ({"mode": "upsert"}, "key"),
        ({"create": True, "overwrite": True}, "create"),
        ({"on_error": "ignore"}, "on_error"),
        ({"partitions": 0}, "partitions"),
        ({"partitions": True}, "partitions"),
        ({"verify": "sums"}, "verify"),
        ({"verify": "checksum", "mode": "upsert", "key": ["id"]}, "checksum"),
        ({"progress": 5}, "progress"),
    ],
)
@one_of_each_flavour
async def test_impossible_arguments_are_refused_at_once(
    copier: Copier, options: dict[str, Any], complaint: str
) -> None:
    nowhere = {"host": "127.0.0.1", "port": 1}
    with pytest.raises(SQLSpecError, match=complaint):
        await copier.copy("t", "t", copier.config(0, **nowhere), copier.config(1, **nowhere), **options)


@one_of_each_flavour
async def test_sources_that_are_none(copier: Copier) -> None:
    for source in ("insert into t values (1)", "New one", "select $1", "select 1; select 2", 5, "a.b.c", "begin now"):
        with pytest.raises(SQLSpecError):
            await copier.copy(source, "t")


@pytest.mark.parametrize(
    "copier", [("asyncpg", "psycopg-sync"), ("psycopg-sync", "asyncpg")], indirect=True, ids=name_of
)
async def test_two_flavours_cannot_be_mixed(copier: Copier) -> None:
    with pytest.raises(ParameterError, match="asynchronous and a synchronous config: .*; use two alike"):
        copy_table(copier.config(0), copier.config(1), "t", "t")


@one_of_each_flavour
async def test_no_value_is_in_a_message(copier: Copier) -> None:
    copier.source.execute(b"create table t (v text); insert into t values ('secret')")
    copier.target.execute(b"create table t (v varchar(3))")
    with pytest.raises(DataError) as caught:
        await copier.copy("t", "t")
    assert "secret" not in str(caught.value)
