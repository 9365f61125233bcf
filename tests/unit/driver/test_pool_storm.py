"""The pool under many users at once: no failure, cancellation or interleaving may lose a connection."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import threading
import time
import weakref
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sqlspec.driver._async_pool import AsyncPool
from sqlspec.driver._sync_pool import SyncPool
from sqlspec.exceptions import OperationalError, PoolTimeoutError
from sqlspec.postgres.settings import PoolSettings
from tests.unit.driver.fakes import Lost, Server, fake, give_back, make, settle


async def use(pool: AsyncPool, server: Server, chance: random.Random, rounds: int) -> None:
    """Take and give back, with failures of every kind on the way."""
    for _ in range(rounds):
        server.refuse = chance.random() < 0.05
        try:
            pooled = await pool.acquire()
        except (Lost, PoolTimeoutError):
            continue
        driver = fake(pooled)
        try:
            assert not driver.closed
            driver.users += 1
            assert driver.users == 1, "two users at once"
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        finally:
            driver.users -= 1
            driver.dead = chance.random() < 0.1
            driver.failing_reset = chance.random() < 0.1
            driver.state = chance.choice(["idle", "idle", "active", "failed"])
            try:
                if chance.random() < 0.05:
                    await driver.close()
            finally:  # cancelled while it closes
                await give_back(pool, pooled, dirty=chance.random() < 0.5, broken=chance.random() < 0.1)


async def storm(seed: int, max_size: int, users: int, reset: str) -> None:
    chance = random.Random(seed)
    server = Server(seed)
    server.slow = True
    pool = make(server, max_size=max_size, reset=reset, validate="always", acquire_timeout=30.0)
    tasks = [asyncio.create_task(use(pool, server, chance, 8)) for _ in range(users)]
    for task in tasks:
        if chance.random() < 0.4:
            for _ in range(chance.randrange(20)):
                await asyncio.sleep(0)
            task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        assert ended is None or isinstance(ended, asyncio.CancelledError), ended
    await settle()
    server.refuse = False
    stats = pool.stats()
    assert (stats.in_use, stats.resetting, stats.waiting) == (0, 0, 0)
    assert stats.size == stats.idle == server.open == stats.opened - stats.closed
    assert server.most <= max_size
    everything = [await asyncio.wait_for(pool.acquire(), 5) for _ in range(max_size)]
    assert len(set(everything)) == max_size
    for pooled in everything:
        await give_back(pool, pooled)
    await pool.close()
    assert server.open == 0


@example(seed=105067, max_size=2, users=25, reset="always")
@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    max_size=st.integers(1, 5),
    users=st.integers(1, 25),
    reset=st.sampled_from(["always", "when_dirty", "never"]),
)
def test_no_failure_or_cancellation_leaks_a_connection(seed: int, max_size: int, users: int, reset: str) -> None:
    asyncio.run(storm(seed, max_size, users, reset))


async def test_a_pool_that_is_given_up_is_garbage() -> None:
    pool = make(Server(), max_idle=None)
    pooled = await pool.acquire()
    await give_back(pool, pooled)
    driver = weakref.ref(pooled.driver)
    del pool, pooled
    gc.collect()
    assert driver() is None


# -- threads --------------------------------------------------------------------------------------------------


class ThreadServer:
    """Connections for threads, counted as a server sees them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.open = 0
        self.most = 0
        self.refuse = False

    def connect(self) -> ThreadDriver:
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        if self.refuse:
            with self.lock:
                self.open -= 1
            raise Lost("refused")
        return ThreadDriver(self)


class ThreadDriver:
    limits_itself = False
    retired = False
    native_errors = (Lost,)

    def __init__(self, server: ThreadServer) -> None:
        self.server = server
        self.users = 0
        self.state = "idle"
        self.dead = False
        self.closed = False

    def is_closed(self) -> bool:
        return self.closed

    def status(self) -> str:
        return "unknown" if self.closed else self.state

    def cancel(self) -> None:
        raise AssertionError("nothing takes that long")

    def abort(self) -> None:
        raise AssertionError("nothing takes that long")

    def ping(self) -> None:
        if self.dead:
            raise Lost("dead")

    def rollback(self) -> None:
        self.state = "idle"

    def reset(self) -> None:
        self.ping()
        self.state = "idle"

    def close(self) -> None:
        with self.server.lock:
            if not self.closed:
                self.closed = True
                self.server.open -= 1


def make_sync(server: ThreadServer, **given: Any) -> SyncPool:
    return SyncPool(server.connect, PoolSettings(**given))  # type: ignore[arg-type]


def until(condition: Any) -> None:
    """Wait for something that another thread is about to do."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def use_in_thread(pool: SyncPool, seed: int, rounds: int, failures: list[BaseException]) -> None:
    chance = random.Random(seed)
    try:
        for _ in range(rounds):
            try:
                pooled = pool.acquire()
            except (Lost, PoolTimeoutError):
                continue
            driver: Any = pooled.driver
            assert not driver.closed
            driver.users += 1
            assert driver.users == 1, "two users at once"
            time.sleep(0)
            driver.users -= 1
            driver.dead = chance.random() < 0.1
            driver.state = chance.choice(["idle", "idle", "active"])
            pool.release(pooled, dirty=chance.random() < 0.3, broken=chance.random() < 0.1)
    except BaseException as failure:
        failures.append(failure)


def test_threads_share_a_pool_without_losing_a_connection() -> None:
    server = ThreadServer()
    pool = make_sync(server, max_size=3, validate="always")
    failures: list[BaseException] = []
    threads = [threading.Thread(target=use_in_thread, args=(pool, seed, 300, failures)) for seed in range(10)]
    for thread in threads:
        thread.start()
    for _ in range(20):  # refuse connections now and then
        server.refuse = not server.refuse
        time.sleep(0.001)
    server.refuse = False
    for thread in threads:
        thread.join(30)
    assert failures == []
    until(lambda: pool.stats().resetting == 0)
    stats = pool.stats()
    assert (stats.in_use, stats.waiting) == (0, 0)
    assert stats.size == stats.idle == server.open == stats.opened - stats.closed
    assert server.most <= 3
    assert len({pool.acquire() for _ in range(3)}) == 3
    pool.close(0.01)
    assert server.open == 0


def test_threads_are_served_in_order() -> None:
    pool = make_sync(ThreadServer(), max_size=1)
    held = pool.acquire()
    served: list[int] = []

    def wait(number: int) -> None:
        pooled = pool.acquire()
        served.append(number)
        pool.release(pooled, dirty=False, broken=False)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(5)]
    for number, thread in enumerate(threads):
        thread.start()
        until(lambda number=number: pool.stats().waiting == number + 1)
    pool.release(held, dirty=False, broken=False)
    for thread in threads:
        thread.join(10)
    assert served == [0, 1, 2, 3, 4]


def test_a_thread_that_waits_too_long_leaves_the_queue() -> None:
    pool = make_sync(ThreadServer(), max_size=1, acquire_timeout=0.01)
    held = pool.acquire()
    try:
        pool.acquire()
    except PoolTimeoutError as error:
        assert "within 0.01 s: 1 in use, 0 others waiting, max_size=1" in str(error)
    else:
        raise AssertionError("a connection came from nowhere")
    pool.release(held, dirty=False, broken=False)
    assert pool.acquire() is held


def test_closing_wakes_threads_that_wait_and_waits_for_those_that_work() -> None:
    server = ThreadServer()
    pool = make_sync(server, max_size=1)
    held = pool.acquire()
    seen: list[BaseException] = []

    def wait() -> None:
        try:
            pool.acquire()
        except BaseException as error:
            seen.append(error)

    waiting, closing = threading.Thread(target=wait), threading.Thread(target=pool.close, args=(None,))
    waiting.start()
    until(lambda: pool.stats().waiting == 1)
    closing.start()
    waiting.join(10)
    assert [str(error) for error in seen] == ["cannot take a connection: the pool is closed; make a new config"]
    assert closing.is_alive()
    pool.release(held, dirty=True, broken=False)
    closing.join(10)
    assert not closing.is_alive()
    assert server.open == 0


def test_a_failing_close_of_a_connection_does_not_stop_later_resets() -> None:
    server = ThreadServer()
    pool = make_sync(server, max_size=1)
    pooled = pool.acquire()
    driver: Any = pooled.driver
    close = driver.close

    def failing_close() -> None:
        close()
        raise RuntimeError("no driver does that")

    driver.close, driver.dead = failing_close, True
    pool.release(pooled, dirty=True, broken=False)
    second = pool.acquire()
    pool.release(second, dirty=True, broken=False)
    assert pool.acquire() is second


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_does_not_wait_for_a_lock_that_nobody_opens() -> None:
    server = ThreadServer()
    pool = make_sync(server, max_size=2)
    taken = pool.acquire()
    pool.release(pool.acquire(), dirty=False, broken=False)
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with pool._mutex:
            held.set()
            go_on.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        try:
            pool.release(taken, dirty=True, broken=True)
            pool.close()
            pool.acquire()
        except OperationalError as error:
            os._exit(0 if "process" in str(error) and server.open == 2 else 1)
        os._exit(2)
    go_on.set()
    thread.join(10)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pool.release(taken, dirty=False, broken=False)
    assert pool.stats().idle == 2
    pool.close()
