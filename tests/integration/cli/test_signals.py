"""Ctrl-C and its kin: what was begun is undone, and the program says how it ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sqlspec.cli._drivers import DRIVERS
from tests.integration.cli.conftest import Done
from tests.integration.signals import heard

Run = Callable[..., Done]
Start = Callable[..., subprocess.Popen[str]]

ROWS = 100_000
STOP = ROWS // 2
"""The row at which the server waits, so that the signal comes in the middle."""


class Gate:
    """A lock that statements of a command wait for, and the sight of it on the server.

    Attributes:
        key: Key of the advisory lock.
    """

    def __init__(self, connection: psycopg.Connection[Any], key: int) -> None:
        self._connection = connection
        self.key = key
        connection.execute("select pg_advisory_lock(%s)", (key,))

    def await_waiter(self, running: subprocess.Popen[str]) -> int:
        """Return the process number of the server process that waits."""
        sql = (
            "select pid from pg_locks where locktype = 'advisory' and objid = %s and not granted "
            "and database = (select oid from pg_database where datname = current_database())"
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and running.poll() is None:
            found = self._connection.execute(sql, (self.key,)).fetchone()
            if found is not None:
                pid: int = found[0]
                return pid
        raise AssertionError(running.communicate(timeout=5))

    def await_end(self, pid: int) -> None:
        """Wait until a server process runs no statement any more."""
        sql = "select 1 from pg_stat_activity where pid = %s and state <> 'idle'"
        deadline = time.monotonic() + 30
        while self._connection.execute(sql, (pid,)).fetchone() is not None:
            assert time.monotonic() < deadline, "the statement goes on"


@pytest.fixture
def gate(dsn: str, schema: str) -> Iterator[Gate]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield Gate(connection, int(schema.rpartition("_")[2]))


def interrupt(running: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[int, str, str]:
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    return running.returncode, out, err


STOPPED = (
    "stopping; a second signal ends the program at once\nerror: interrupted by a signal: what was begun is undone\n"
)


def test_ctrl_c_stops_the_statement_on_the_server(server: str, gate: Gate, program: Start, driver: str) -> None:
    running = program("query", f"select pg_advisory_lock({gate.key})", "--driver", driver)
    pid = gate.await_waiter(running)
    assert interrupt(running) == (130, "", STOPPED)
    gate.await_end(pid)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_other_signals_do_so_too(server: str, gate: Gate, program: Start, number: int, status: int) -> None:
    running = program("query", f"select pg_advisory_lock({gate.key})")
    pid = gate.await_waiter(running)
    assert interrupt(running, number) == (status, "", STOPPED)
    gate.await_end(pid)


def test_an_interruption_is_told_to_programs_too(server: str, gate: Gate, program: Start) -> None:
    running = program("query", f"select pg_advisory_lock({gate.key})", "--json")
    gate.await_waiter(running)
    status, out, _ = interrupt(running)
    error = json.loads(out)["error"]
    assert (status, error["type"], error["status"]) == (130, "Interrupted", 130)


# -- the runner, with work that is hard to stop -----------------------------------------------------

STUBBORN = """
import asyncio, sys
from sqlspec.cli._running import run

async def work():
    while True:
        try:
            print("working", flush=True)
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

run(work, stopping=lambda: None)
"""


@pytest.fixture
def stubborn() -> Iterator[subprocess.Popen[str]]:
    with heard():
        running = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True)
    yield running
    running.kill()
    running.communicate()


def test_a_second_signal_ends_the_program_at_once(stubborn: subprocess.Popen[str]) -> None:
    assert stubborn.stdout is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        assert stubborn.stdout.readline() == "working\n"
        stubborn.send_signal(number)
    assert stubborn.wait(30) == 130


LATE = """
import asyncio, sys
from sqlspec.cli._running import run

class Config:
    async def close(self, timeout):
        print("closing", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print("closed", flush=True)

async def work(*configs):
    return "done"

print(run(work, Config(), stopping=lambda: print("stopping", flush=True)))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_work_does_not_undo_its_result(number: int) -> None:
    command = [sys.executable, "-c", LATE]
    with heard():
        running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with running:
        assert running.stdout is not None
        assert running.stdout.readline() == "closing\n"
        running.send_signal(number)
        assert running.stdout.readline() == "stopping\n"
        out, _ = running.communicate("\n", timeout=30)
    assert (running.returncode, out) == (0, "closed\ndone\n")


def test_an_interruption_before_the_work_is_told_to_programs_too(
    sqlspec: Run, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stdin:
        def read(self) -> str:
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", Stdin())
    done = sqlspec("query", "-", "--json")
    assert (done.status, done.json["error"]["type"]) == (130, "Interrupted")


def test_a_signal_that_is_ignored_stays_ignored(server: str, gate: Gate, program: Start) -> None:
    running = program(
        "query",
        f"select pg_advisory_lock({gate.key})",
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    gate.await_waiter(running)
    running.send_signal(signal.SIGHUP)
    assert interrupt(running)[0] == 130


# -- loads, exports and copies ----------------------------------------------------------------------


@pytest.fixture
def waiting_table(tables: psycopg.Connection[Any], gate: Gate) -> str:
    """A table with one row, where an insert waits in the middle of the file."""
    tables.execute("create table t (n int primary key, text text)")
    tables.execute("insert into t values (0, 'old')")
    tables.execute(
        f"create function wait() returns trigger language plpgsql as "
        f"$$ begin perform pg_advisory_xact_lock({gate.key}); return new; end $$".encode()
    )
    tables.execute(
        f"create trigger waits before insert on t for each row when (new.n = {STOP}) execute function wait()".encode()
    )
    return "t"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of many rows, elsewhere than in the working directory."""
    path = tmp_path_factory.mktemp("source") / "rows.csv"
    path.write_text("n,text\n" + "".join(f"{n},row {n}\n" for n in range(1, ROWS + 1)))
    return path


def check_unchanged(tables: psycopg.Connection[Any], directory: Path) -> None:
    assert tables.execute("select n, text from t").fetchall() == [(0, "old")]
    assert list(directory.iterdir()) == []
    assert tables.execute("select relname from pg_class where relpersistence = 't'").fetchall() == []


@pytest.mark.parametrize(
    ("driver", "options"),
    [
        *((name, []) for name in DRIVERS),
        ("asyncpg", ["--mode", "overwrite"]),
        ("psycopg", ["--mode", "upsert", "--key", "n"]),
        ("psqlpy", ["--on-error", "quarantine"]),
    ],
)
def test_an_interrupted_load_leaves_the_table_as_it_was(
    tables: psycopg.Connection[Any],
    waiting_table: str,
    source: Path,
    gate: Gate,
    program: Start,
    driver: str,
    directory: Path,
    options: list[str],
) -> None:
    running = program("load", source, waiting_table, "--driver", driver, *options)
    pid = gate.await_waiter(running)
    assert interrupt(running) == (130, "", STOPPED)
    gate.await_end(pid)
    check_unchanged(tables, directory)


def test_an_interrupted_copy_leaves_the_target_as_it_was(
    tables: psycopg.Connection[Any],
    waiting_table: str,
    server: str,
    gate: Gate,
    program: Start,
    driver: str,
    directory: Path,
) -> None:
    rows = f"select n, 'row ' || n as text from generate_series(1, {ROWS}) n"
    running = program("copy", server, server, waiting_table, "--from", rows, "--driver", driver)
    pid = gate.await_waiter(running)
    assert interrupt(running) == (130, "", STOPPED)
    gate.await_end(pid)
    check_unchanged(tables, directory)


@pytest.mark.parametrize(
    ("driver", "name"), list(zip(DRIVERS, ["rows.parquet", "rows.csv.gz", "rows.arrow", "rows.jsonl"], strict=True))
)
def test_an_interrupted_export_leaves_no_file(
    server: str, gate: Gate, program: Start, driver: str, directory: Path, name: str
) -> None:
    sql = (
        "select n, repeat('x', 100) as text, case when n = :stop then pg_advisory_xact_lock(:key)::text end as wait "
        f"from generate_series(1, {ROWS}) n"
    )
    running = program("export", sql, name, "-p", f"stop={STOP}", "-p", f"key={gate.key}", "--driver", driver)
    pid = gate.await_waiter(running)
    assert interrupt(running) == (130, "", STOPPED)
    gate.await_end(pid)
    assert list(directory.iterdir()) == []
