"""Calls of pyro-postgres that never return, or end the process or another's connection.

The bare driver does so in processes of its own, all at the same time; they are killed after a while. A test that fails
in its first half tells of a release that has changed the driver: the adapter's way around may go.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from sqlspec.adapters.pyro_postgres import PyroPostgresSyncConfig
from sqlspec.exceptions import DataError, NotSupportedError, QueryTimeoutError, TransactionError
from tests.integration.adapters.pyro_postgres.raw_driver import outputs, raw_url, run
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("pyro", "pyro-sync")

FAILING_PORTAL = """
c = Conn(url)
try:
    c.exec_iter("select 1 / 0", (), lambda portal: portal.fetch(5))
except Exception:
    before()
"""

IN_LOOP = """
async def main():
    c = await async_.Conn.new(url)
{}
asyncio.run(main())
"""

HANGING: Mapping[str, str] = {
    "numeric": 'c = Conn(url); before(); c.exec("select 0.00001::numeric"); after()',
    "numeric-async": IN_LOOP.format("""
    before()
    try:
        await asyncio.wait_for(c.exec("select 0.00001::numeric"), 0.1)
    finally:
        after()
"""),
    "locks": """
holder, waiter = Conn(url), Conn(url)
holder.query_drop("select pg_advisory_lock(7001)")
def wait():
    before()
    waiter.query_drop("select pg_advisory_lock(7001)")
thread = threading.Thread(target=wait, daemon=True)
thread.start()
thread.join(0.1)
holder.query_drop("select pg_advisory_unlock(7001)"); after()
""",
    "copy-in-a-batch": """
c = Conn(url); c.query_drop("create temp table t (a int)"); before()
c.exec_batch("copy t from stdin", [()]); after()
""",
    "batch-after-portal": FAILING_PORTAL + 'c.exec_batch("", [()]); after()',
    "query-after-portal": FAILING_PORTAL + 'c.query("select 1"); after()',
    "pipeline-after-portal": FAILING_PORTAL
    + """
with c.pipeline() as pipeline:
    pipeline.claim_drop(pipeline.exec("select 1"))
after()
""",
    "rollback-after-portal": """
c = Conn(url)
try:
    with c.tx() as tx:
        before(); tx.exec_portal("select 1 / 0").exec_collect(1)
finally:
    after()
""",
    "call-inside-a-portal": """
c = Conn(url)
def inside(portal):
    before(); c.query("select 1"); after()
c.exec_iter("select generate_series(1, 10)", (), inside)
""",
    "call-inside-a-pipeline": """
c = Conn(url)
with c.pipeline():
    before(); c.query("select 1"); after()
""",
    "thread-beside-a-portal": """
c = Conn(url)
def inside(portal):
    before()
    thread = threading.Thread(target=c.query, args=("select 1",))
    thread.start(); thread.join(0.1); portal.fetch(1); after()
c.exec_iter("select generate_series(1, 10)", (), inside)
""",
    "cancelled-before-a-pipeline": IN_LOOP.format("""
    async def use():
        async with c.pipeline():
            pass
    running = c.query("select pg_sleep(0.2)")
    before()
    try:
        await asyncio.wait_for(use(), 0.05)
    except TimeoutError:
        await running
    await c.query("select 1"); after()
"""),
    "async-after-fork": """
async def main():
    c = await async_.Conn.new(url)
    await c.query("select 1")
asyncio.run(main())
import warnings; warnings.simplefilter("ignore")
if (child := os.fork()) == 0:
    asyncio.run(main()); os._exit(0)
before()
import atexit, time
end = time.monotonic() + 0.7
while time.monotonic() < end:
    if os.waitpid(child, os.WNOHANG) != (0, 0):
        after(); os._exit(0)
    time.sleep(0.01)
os.kill(child, 9)
""",
}
"""Each says that it is about to make the call, and what it says after it is never heard."""


@pytest.fixture(scope="module")
def heard(dsn: str) -> dict[str, list[str]]:
    return outputs(HANGING, raw_url(dsn), 1.5)


@pytest.fixture
def hangs(heard: dict[str, list[str]], trap: str) -> None:
    """Check that the bare driver hangs in what the test is named by."""
    assert heard[trap][0] == "before", heard[trap]
    assert not [line for line in heard[trap] if line.startswith("after")], heard[trap]


def trap(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("trap", names)


async def asked(session: Any) -> list[Any]:
    return [await session.select_value(f"select {number}") for number in (41, 42)]


@trap("numeric", "numeric-async")
async def test_a_small_number(hangs: None, session: Any, trap: str) -> None:
    assert await session.select_value("select 0.00001::numeric") == Decimal("0.00001")
    assert await session.select_value("select array[0.00001, -1e-30]") == [Decimal("0.00001"), Decimal("-1e-30")]
    result = await session.execute_many("select $1::numeric as n", [(Decimal("0.00001"),)])
    assert result.all() == [{"n": Decimal("0.00001")}]
    async with session.select_stream("select 0.00002::numeric as n") as stream:
        assert [row async for row in stream] == [{"n": Decimal("0.00002")}]


@trap("locks")
async def test_locks_of_one_process(hangs: None, session: Any, flavour: Flavour, trap: str) -> None:
    """The adapter cannot repair it where threads wait, so it says so; a limit of time ends it."""
    concurrent = flavour.spec.capabilities.concurrent_calls
    await session.execute("select pg_advisory_lock(7002)")
    config = flavour.make_config()
    async with config.provide_session() as other:
        if flavour.is_sync:
            assert concurrent.level == "no"
            assert "lock_timeout" in concurrent.reason
            with pytest.raises(QueryTimeoutError):
                await other.execute("select pg_advisory_lock(7002)", timeout=0.1)
            return
        waiting = asyncio.create_task(other.execute("select pg_advisory_lock(7002)"))
        assert await asked(session) == [41, 42]
        await session.execute("select pg_advisory_unlock(7002)")
        await waiting


@trap("copy-in-a-batch")
async def test_copying_in(hangs: None, session: Any, trap: str) -> None:
    with pytest.raises(NotSupportedError, match="COPY"):
        await session.execute_many("copy pg_class from stdin", [()])
    assert await asked(session) == [41, 42]


@trap("batch-after-portal", "query-after-portal", "pipeline-after-portal")
async def test_a_stream_that_fails(hangs: None, session: Any, trap: str) -> None:
    for text in ("select 1 / 0", "select 1 / (5 - g) from generate_series(1, 9) g"):
        with pytest.raises(DataError):
            async with session.select_stream(text, chunk_size=2) as stream:
                [row async for row in stream]
        assert await asked(session) == [41, 42]
        assert (await session.execute_many("select $1::int4 as n", [(1,)])).all() == [{"n": 1}]


@trap("rollback-after-portal")
async def test_a_stream_that_fails_in_a_transaction(hangs: None, session: Any, trap: str) -> None:
    with pytest.raises(DataError):
        async with session.transaction(), session.select_stream("select 1 / 0") as stream:
            [row async for row in stream]
    assert not session.in_transaction
    assert await asked(session) == [41, 42]


@trap("call-inside-a-portal", "call-inside-a-pipeline")
async def test_a_call_inside_a_stream(hangs: None, session: Any, trap: str) -> None:
    text = "select g from generate_series(1, 30) g"
    async with session.select_stream(text, chunk_size=10) as stream:
        with pytest.raises(TransactionError, match="the session is busy with a stream"):
            await session.select_value("select 1")
        assert len([row async for row in stream]) == 30
    async with session.transaction(), session.select_stream(text, chunk_size=10) as stream:
        assert await asked(session) == [41, 42]
        assert len([row async for row in stream]) == 30


@pytest.mark.only("pyro-sync")
@trap("thread-beside-a-portal")
def test_a_thread_beside_a_stream(hangs: None, flavour: Flavour, dsn: str, trap: str) -> None:
    refused: list[BaseException] = []

    def call() -> None:
        try:
            session.select_value("select 1")
        except TransactionError as error:
            refused.append(error)

    with PyroPostgresSyncConfig({"dsn": dsn}) as config, config.provide_session() as session:
        with session.select_stream("select generate_series(1, 30) as g", chunk_size=10) as stream:
            thread = threading.Thread(target=call)
            thread.start()
            thread.join(10)
            assert len(list(stream)) == 30
        assert "use a session of your own" in str(refused[0])


@pytest.mark.only("pyro")
@trap("cancelled-before-a-pipeline")
async def test_a_call_that_is_cancelled_while_it_waits(hangs: None, session: Any, trap: str) -> None:
    for statement in (session.execute_stack, session.execute_many):
        running = asyncio.create_task(session.select("select pg_sleep(0.2)"))
        await asyncio.sleep(0)
        args = (["select 1"],) if statement == session.execute_stack else ("select $1::int4", [(1,)])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await statement(*args)
        await running
        assert await asked(session) == [41, 42]


@pytest.mark.only("pyro")
@trap("async-after-fork")
def test_connecting_in_a_forked_process(hangs: None, flavour: Flavour, dsn: str, trap: str) -> None:
    """The driver's threads stay behind in the parent; there is an end to the waiting."""
    ended = run(
        """
from sqlspec.adapters.pyro_postgres import PyroPostgresAsyncConfig
from sqlspec.exceptions import SQLSpecError
async def main():
    async with PyroPostgresAsyncConfig({"dsn": url, "connect_timeout": 0.5}) as config:
        async with config.provide_session() as session:
            return await session.select_value("select 1")
asyncio.run(main())
if (child := os.fork()) == 0:
    try:
        asyncio.run(main())
    except SQLSpecError:
        os._exit(7)
    os._exit(1)
after(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), asyncio.run(main()))
""",
        dsn,
    )
    assert ended.stdout == "after 7 1\n", ended.stderr


# -- what ends a process, or another's connection -------------------------------------------------------------


def test_a_pipeline_in_another_thread_panics(dsn: str) -> None:
    """What it raises is no `Exception`. The adapter opens a pipeline and closes it in the same call."""
    ended = run(
        """
c = Conn(url)
with c.pipeline() as pipeline:
    def use():
        try:
            pipeline.exec("select 1")
        except BaseException as error:
            after(type(error).__name__, isinstance(error, Exception))
    thread = threading.Thread(target=use); thread.start(); thread.join()
""",
        raw_url(dsn),
    )
    assert "after PanicException False" in ended.stdout
    with PyroPostgresSyncConfig({"dsn": dsn}) as config, config.provide_session() as session:
        found: list[Any] = []
        for number in range(3):
            sql = f"select {number}.5::numeric as n"  # read in a pipeline
            thread = threading.Thread(target=lambda sql=sql: found.append(session.execute_many(sql, [()]).all()))
            thread.start()
            thread.join(10)
        assert found == [[{"n": Decimal(f"{number}.5")}] for number in range(3)]


def test_a_forked_process_ends_the_session_of_its_parent(dsn: str) -> None:
    """The adapter lends an inherited connection to nobody; the parent's session goes on."""
    ended = run(
        """
c = Conn(url)
if (child := os.fork()) == 0:
    del c
    os._exit(0)
os.waitpid(child, 0)
try:
    c.query("select 1"); after()
except Exception as error:
    print(error)
""",
        raw_url(dsn),
    )
    assert ended.stdout.startswith("I/O error")
    ended = run(
        """
from sqlspec.adapters.pyro_postgres import PyroPostgresSyncConfig
from sqlspec.exceptions import OperationalError
with PyroPostgresSyncConfig({"dsn": url}) as config:
    with config.provide_session() as session:
        pid = session.select_value("select pg_backend_pid()")
    if (child := os.fork()) == 0:
        try:
            config.provide_session().__enter__()
        except OperationalError as error:
            print(error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    with config.provide_session() as session:
        after(session.select_value("select pg_backend_pid()") == pid)
""",
        dsn,
    )
    assert "the pool was opened in another event loop or process" in ended.stdout, ended.stderr
    assert ended.stdout.endswith("after True\n")


def test_a_process_is_aborted_at_its_end(dsn: str) -> None:
    """A matter of chance. That the adapter's does not is in `test_a_process_ends_as_it_should`."""
    program = IN_LOOP.format("""
    await c.query("select 1")
    await c.close()
""")
    assert any(run(program, raw_url(dsn)).returncode == -6 for _ in range(100))
