"""A process of workers: they borrow sessions until they are told to stop, then nothing of theirs may be left.

    python -m tools._chaos.process --flavour F --first 0 --workers 32 ...

Standard input tells when to stop, by its end. Standard output gets what was found, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import gc
import json
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg

from sqlspec.exceptions import (
    CommitUnknownError,
    DatabaseConnectionError,
    OperationalError,
    SQLSpecError,
    TransactionError,
)
from tests.integration.harness import Flavour
from tools._chaos.calls import CALLS, WEIGHTS, WRITES, Interrupted, Worker, Wrong
from tools._chaos.ledger import ABSENT, FAILED, RIGHT, UNKNOWN, WRONG, Entry, Ledger, Slots

ACQUIRE_LIMIT = 3.0
CONNECT_LIMIT = 3.0
CALL_LIMIT = 6.0
"""Seconds for a whole call, however many statements it makes."""

SETTLING = 5.0
"""Seconds in which all must be gone when the pool is closed."""

# What a fault may bring about. Anything else is a finding: the calls themselves are right.
EXPECTED = (DatabaseConnectionError, OperationalError, TransactionError)


class Borrower(Worker):
    """A worker that makes random calls, each noted before and after."""

    def __init__(self, at: int, options: argparse.Namespace, config: Any, interrupts: bool) -> None:
        super().__init__(at, options.seed)
        self._slots = Slots(options.folder / "slots", options.slots)
        self._ledger = Ledger(options.folder / "ledger")
        self._config = config
        self._interrupts = interrupts
        self._visit = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._visit = time.monotonic()
            await self.visit()
        self._ledger.close()

    async def visit(self) -> None:
        """Borrow a session for some calls."""
        scope = self._config.provide_session()

        async def check_out(_: Worker) -> str:
            self.session = await scope.__aenter__()
            return RIGHT

        async def give_back(_: Worker) -> str:
            await scope.__aexit__(None, None, None)
            return RIGHT

        self.session = None
        try:
            if await self.make("checkout", check_out, ACQUIRE_LIMIT + CONNECT_LIMIT):
                for _ in range(self.random.randint(1, 5)):
                    kind = self.random.choices(list(CALLS), WEIGHTS)[0]
                    goes_on = await self.make(kind, CALLS[kind], CALL_LIMIT)
                    if not goes_on or self.last or self.session.in_transaction:
                        break
        finally:
            if self.session is not None:
                await self.make("return", give_back, 0.0)

    def give_up_after(self, kind: str, limit: float) -> float | None:
        """Return the caller's own limit: mostly as long as all of the call may take, sometimes far less."""
        if not self._interrupts or kind == "return":
            return None
        return self.random.expovariate(200) if self.random.random() < 0.05 else limit

    async def make(self, kind: str, call: Callable[[Worker], Awaitable[str]], limit: float) -> bool:
        """Make a call and note it; tell whether the visit can go on."""
        self.number += 1
        self.doubt = ()
        self.last = False
        started = self._slots.enter(self.at, kind, self.number, limit)
        goes_on, note = True, ""
        try:
            outcome = await self.within(self.give_up_after(kind, limit), call)
        except (Wrong, Interrupted, SQLSpecError) as error:
            outcome, note = self.judged(kind, error), f"{type(error).__name__}: {error}"
            goes_on = kind != "checkout" and not isinstance(error, DatabaseConnectionError | CommitUnknownError)
        except Exception as error:  # whatever it is, it is a finding
            outcome, note, goes_on = WRONG, f"{type(error).__name__}: {error}", False
        self._slots.leave(self.at)
        self._ledger.note(Entry(self.at, self.number, kind, outcome, self._visit, started, time.monotonic(), note))
        return goes_on

    async def within(self, seconds: float | None, call: Callable[[Worker], Awaitable[str]]) -> str:
        """Make a call as a caller that gives up after a while."""
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                return await call(self)
        except TimeoutError as error:
            if scope.expired():
                raise Interrupted from error
            raise

    def judged(self, kind: str, error: Exception) -> str:
        """Return what a failure says of the call."""
        if isinstance(error, Wrong) or not isinstance(error, (*EXPECTED, Interrupted)) or kind == "return":
            return WRONG
        if kind not in WRITES:
            return FAILED
        return UNKNOWN if isinstance(error, (CommitUnknownError, *self.doubt)) else ABSENT


# -- the process --------------------------------------------------------------------------------------------


class Leaks:
    """What is there before the first connection, to be compared with what is there after the last."""

    def __init__(self, dsn: str, application: str) -> None:
        self._dsn = dsn
        self._application = application
        self._files = self.files()
        self._threads = set(threading.enumerate())
        self.told: list[str] = []
        sys.unraisablehook = lambda raised: self.told.append(f"unraisable: {raised.exc_value!r} in {raised.object!r}")
        warnings.simplefilter("always", ResourceWarning)
        warnings.showwarning = lambda message, *_, **__: self.told.append(f"warning: {message}")

    def note(self, flavour: str, context: dict[str, Any]) -> None:
        """Note what asyncio says of failures that nobody has looked at."""
        # asyncpg forgets futures of its own when it is interrupted while it connects or copies. They hold nothing.
        if flavour != "asyncpg" or context["message"] != "Future exception was never retrieved":
            self.told.append(f"unhandled: {context}")

    def files(self) -> dict[str, str]:
        """Return the open files by number; what reading them opens is not there any more."""
        found = {}
        for number in os.listdir("/proc/self/fd"):
            try:
                found[number] = os.readlink(f"/proc/self/fd/{number}")
            except FileNotFoundError:
                continue
        return found

    def left(self) -> list[str]:
        """Return what is there and was not."""
        gc.collect()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        left = [f"task {task.get_name()}: {task.get_coro()}" for task in tasks]
        # The clock is one for all pools, and those of the loop's executor are kept for its next call.
        threads = {
            thread for thread in threading.enumerate() if not thread.name.startswith(("sqlspec-clock", "asyncio_"))
        } - self._threads
        left += [f"thread {thread.name}" for thread in threads]
        left += [f"file {number}: {name}" for number, name in self.files().items() if self._files.get(number) != name]
        with psycopg.connect(self._dsn, autocommit=True) as beside:
            left += [
                f"connection {state}, {query}"
                for state, query in beside.execute(
                    "select state, query from pg_stat_activity where application_name = %s", [self._application]
                ).fetchall()
            ]
        return left

    async def settled(self) -> list[str]:
        """Return what is left after some seconds."""
        deadline = time.monotonic() + SETTLING
        while (left := self.left()) and time.monotonic() < deadline:  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.1)
        return left + self.told


async def use(flavour: Flavour, options: argparse.Namespace, application: str) -> dict[str, Any]:
    """Run the workers to their end; return what was found."""
    loop = asyncio.get_running_loop()
    warm = flavour.make_config(max_size=1)
    async with warm.provide_session() as session:
        await session.select("select 1")
        await session.select_to_arrow("select 1")
    await warm.close()
    leaks = Leaks(options.proxy, application)
    loop.set_exception_handler(lambda _, context: leaks.note(flavour.name, context))

    stop = asyncio.Event()
    waiting = threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(stop.set)), daemon=True)
    waiting.start()
    print("ready", flush=True)
    config = flavour.make_config(
        application_name=application,
        max_size=options.size,
        min_size=min(2, options.size),
        acquire_timeout=ACQUIRE_LIMIT,
        connect_timeout=CONNECT_LIMIT,
        max_lifetime=5.0,
        max_idle=2.0,
        session_settings={"lock_timeout": "2s", "synchronous_commit": "on", "search_path": "public"},
    )
    workers = [
        Borrower(options.first + at, options, config, interrupts=not flavour.is_sync) for at in range(options.workers)
    ]
    await asyncio.gather(*(asyncio.create_task(worker.run(stop), name=f"worker {worker.at}") for worker in workers))
    health = await ill(config, options.size)
    stats = config.stats()
    await config.close(5.0)
    del workers
    waiting.join()
    return {"ill": health, "leaks": await leaks.settled(), "stats": stats._asdict()}


async def ill(config: Any, size: int) -> list[str]:
    """Use all connections of the pool at once; return what is wrong."""
    wrong = []
    together = asyncio.Barrier(size)

    async def one() -> None:
        async with config.provide_session() as session:
            await session.select("select 1", timeout=5)
            await together.wait()

    try:
        async with asyncio.timeout(15), asyncio.TaskGroup() as group:
            for _ in range(size):
                group.create_task(one())
    except* Exception as failures:
        wrong += [f"after all: {error!r}" for error in failures.exceptions]
    deadline = time.monotonic() + 2
    stats = config.stats()
    while (stats.in_use or stats.waiting or stats.idle != stats.size) and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
        stats = config.stats()
    if stats.in_use or stats.waiting or stats.idle != stats.size or stats.size > size:
        wrong.append(f"the pool is not idle: {stats}")
    return wrong


def show_tasks() -> None:
    """Print where every task waits."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--flavour", required=True)
    parser.add_argument("--folder", type=Path, required=True, help="of slots and ledger")
    parser.add_argument("--proxy", required=True, help="DSN of the server, by way of the proxy")
    for name in ("--seed", "--first", "--workers", "--slots", "--size"):
        parser.add_argument(name, type=int, required=True)
    options = parser.parse_args()
    faulthandler.register(signal.SIGUSR1, all_threads=True)

    async def start() -> dict[str, Any]:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, show_tasks)
        return await use(Flavour(options.flavour, options.proxy, "public"), options, f"chaos {os.getpid()}")

    print(json.dumps(asyncio.run(start())), flush=True)


if __name__ == "__main__":
    main()
