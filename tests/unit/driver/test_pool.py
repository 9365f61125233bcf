"""The pool against connections that fail in every way, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from sqlspec.driver import _async_pool
from sqlspec.driver._async_pool import AsyncPool
from sqlspec.driver._types import PoolStats
from sqlspec.exceptions import OperationalError, PoolTimeoutError
from tests.unit.driver.fakes import Lost, Server, fake, give_back, make, settle


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until `now` is set, and timers that run when they are told to."""
    time = SimpleNamespace(now=1000.0, timers=[])
    time.monotonic = lambda: time.now
    monkeypatch.setattr(_async_pool, "time", time)

    def later(seconds: float, callback: Callable[[], object]) -> SimpleNamespace:
        time.timers.append((time.now + seconds, callback))
        return SimpleNamespace(cancel=lambda: None)

    monkeypatch.setattr(_async_pool, "later", later)
    return time


async def pass_time(clock: SimpleNamespace, seconds: float) -> None:
    clock.now += seconds
    due = [callback for at, callback in clock.timers if at <= clock.now]
    clock.timers = [timer for timer in clock.timers if timer[0] > clock.now]
    for callback in due:
        callback()
    await settle()


# -- taking and giving back -----------------------------------------------------------------------------------


async def test_the_last_connection_returned_is_the_first_taken(server: Server) -> None:
    pool = make(server, max_size=3)
    one, two = await pool.acquire(), await pool.acquire()
    await give_back(pool, two)
    await give_back(pool, one)
    assert await pool.acquire() is one
    assert await pool.acquire() is two
    assert server.most == 2


async def test_a_retired_connection_is_not_kept(server: Server) -> None:
    pool = make(server, max_size=1)
    one = await pool.acquire()
    fake(one).retired = True
    await give_back(pool, one)
    assert (server.open, server.log) == (0, ["close"])
    assert await pool.acquire() is not one


async def test_counters_follow_a_connection(server: Server) -> None:
    pool = make(server, max_size=1)
    assert pool.stats() == PoolStats(0, 0, 0, 0, 0, 0, 0, 0)
    pooled = await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    await settle()
    assert pool.stats() == PoolStats(size=1, idle=0, in_use=1, resetting=0, waiting=1, opened=1, closed=0, timeouts=0)
    await give_back(pool, pooled)
    await give_back(pool, await waiting)
    assert pool.stats() == PoolStats(size=1, idle=1, in_use=0, resetting=0, waiting=0, opened=1, closed=0, timeouts=0)
    assert repr(pool) == "<AsyncPool: 0 in use, 1 idle, 0 waiting, max_size=1>"


async def test_waiters_are_served_in_order_and_nobody_overtakes(server: Server) -> None:
    pool = make(server, max_size=1)
    first = await pool.acquire()
    served: list[int] = []

    async def wait(number: int) -> None:
        pooled = await pool.acquire()
        served.append(number)
        await give_back(pool, pooled)

    tasks = []
    for number in range(6):
        tasks.append(asyncio.create_task(wait(number)))
        await asyncio.sleep(0)
    tasks[2].cancel()
    await give_back(pool, first)
    late = asyncio.create_task(wait(99))  # comes when the connection is free but promised
    await asyncio.gather(*tasks, late, return_exceptions=True)
    assert served == [0, 1, 3, 4, 5, 99]


async def test_a_waiter_who_gets_a_dead_connection_keeps_its_place(server: Server) -> None:
    pool = make(server, max_size=1, validate="always")
    held = await pool.acquire()
    served: list[int] = []

    async def wait(number: int) -> None:
        pooled = await pool.acquire()
        served.append(number)
        await give_back(pool, pooled)

    tasks = [asyncio.create_task(wait(number)) for number in range(3)]
    await settle()
    fake(held).dead = True
    await give_back(pool, held)
    await asyncio.gather(*tasks)
    assert served == [0, 1, 2]
    assert server.most == 1


async def test_waiting_too_long_says_how_long_and_how_many_wait(server: Server) -> None:
    pool = make(server, max_size=1, acquire_timeout=0.02)
    held = await pool.acquire()
    other = asyncio.create_task(asyncio.wait_for(pool.acquire(), 5))
    await settle()
    failures = await asyncio.gather(pool.acquire(), other, return_exceptions=True)
    assert all(isinstance(failure, PoolTimeoutError) for failure in failures)
    text = str(failures[0])
    assert "within 0.02 s" in text
    assert "1 in use" in text
    assert "max_size=1" in text
    assert {"0 others waiting" in str(failure) for failure in failures} == {True, False}
    assert pool.stats().timeouts == 2
    await give_back(pool, held)
    assert await pool.acquire() is held


async def test_a_timeout_of_zero_does_not_wait(server: Server) -> None:
    pool = make(server, max_size=1, acquire_timeout=0)
    held = await pool.acquire()
    with pytest.raises(PoolTimeoutError):
        await pool.acquire()
    await give_back(pool, held)
    assert await pool.acquire() is held


async def test_no_timeout_waits_until_one_is_free(server: Server) -> None:
    pool = make(server, max_size=1, acquire_timeout=None)
    held = await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    await settle()
    assert not waiting.done()
    await give_back(pool, held)
    assert await waiting is held


async def test_a_signal_while_an_observer_is_told_of_a_wait_leaves_nobody_in_the_queue(server: Server) -> None:
    pool = make(server, max_size=1)
    pooled = await pool.acquire()

    def interrupted() -> None:
        raise KeyboardInterrupt

    pool.on_wait = interrupted
    with pytest.raises(KeyboardInterrupt):
        await pool.acquire()
    assert pool.stats().waiting == 0
    await give_back(pool, pooled)
    assert await pool.acquire() is pooled


async def test_a_failed_connection_attempt_gives_its_place_to_the_next_waiter(server: Server) -> None:
    pool = make(server, max_size=1)
    server.hold = asyncio.Event()
    first = asyncio.create_task(pool.acquire())
    await settle()
    second = asyncio.create_task(pool.acquire())
    await settle()
    server.refuse = True
    server.hold.set()
    with pytest.raises(Lost):
        await first
    with pytest.raises(Lost):
        await second
    server.refuse = False
    assert await pool.acquire()
    assert pool.stats().size == 1


async def test_a_waiter_cancelled_with_a_connection_in_hand_passes_it_on(server: Server) -> None:
    pool = make(server, max_size=1)
    held = await pool.acquire()
    cancelled, next_one = asyncio.create_task(pool.acquire()), asyncio.create_task(pool.acquire())
    await settle()
    await give_back(pool, held)  # given to the first waiter, which has not run yet
    cancelled.cancel()
    assert await next_one is held
    assert cancelled.cancelled()


async def test_a_waiter_cancelled_with_a_free_place_in_hand_passes_it_on(server: Server) -> None:
    pool = make(server, max_size=1)
    held = await pool.acquire()
    cancelled, next_one = asyncio.create_task(pool.acquire()), asyncio.create_task(pool.acquire())
    await settle()
    await give_back(pool, held, broken=True)
    cancelled.cancel()
    assert await next_one is not held
    assert (server.open, server.most, pool.stats().size) == (1, 1, 1)


@pytest.mark.parametrize("what", ["connect", "ping"])
async def test_cancelling_a_caller_leaks_nothing(server: Server, what: str) -> None:
    pool = make(server, max_size=1, validate="always")
    if what == "ping":
        await give_back(pool, await pool.acquire())
    blocked = asyncio.Event()
    server.hold = blocked
    server.always_pause = True
    caller = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    blocked.set()
    assert pool.stats().size == server.open == 0
    assert await pool.acquire()


# -- what must not come back ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["broken", "closed", "failing reset", "state after reset"])
async def test_an_unusable_connection_never_comes_back(server: Server, how: str) -> None:
    pool = make(server, max_size=1)
    bad = await pool.acquire()
    if how == "closed":
        await fake(bad).close()
    fake(bad).failing_reset = how == "failing reset"
    if how == "state after reset":
        fake(bad).reset = lambda: asyncio.sleep(0)  # type: ignore[method-assign]
        fake(bad).state = "failed"
    await give_back(pool, bad, dirty=True, broken=how == "broken")
    good = await pool.acquire()
    assert good is not bad
    assert bad.driver.is_closed()
    assert (server.open, server.most) == (1, 1)


async def test_a_dead_idle_connection_is_replaced_before_use(server: Server) -> None:
    pool = make(server, max_size=2, validate="always")
    pooled = await pool.acquire()
    await give_back(pool, pooled)
    fake(pooled).dead = True
    assert await pool.acquire() is not pooled
    assert pool.stats().closed == 1


@pytest.mark.parametrize(
    ("validate", "idle_for", "pings"),
    [("always", 0.0, 1), ("when_idle", 0.1, 0), ("when_idle", 5.0, 1), ("never", 5.0, 0)],
)
async def test_validation_asks_the_server_when_it_should(
    server: Server, clock: SimpleNamespace, validate: str, idle_for: float, pings: int
) -> None:
    pool = make(server, validate=validate)
    await give_back(pool, await pool.acquire())
    clock.now += idle_for
    await pool.acquire()
    assert server.log.count("ping") == pings


async def test_a_connection_past_its_lifetime_is_replaced(server: Server, clock: SimpleNamespace) -> None:
    pool = make(server, max_size=1, max_lifetime=60.0, validate="never")
    old = await pool.acquire()
    clock.now += 59
    await give_back(pool, old)
    assert await pool.acquire() is old
    await give_back(pool, old)
    clock.now += 2
    young = await pool.acquire()
    assert young is not old
    assert old.driver.is_closed()
    assert server.most == 1


async def test_idle_connections_are_closed_down_to_the_minimum(server: Server, clock: SimpleNamespace) -> None:
    pool = make(server, max_size=4, min_size=1, max_idle=60.0, validate="never")
    taken = [await pool.acquire() for _ in range(4)]
    await give_back(pool, taken[0])
    await pass_time(clock, 30)
    await give_back(pool, taken[1])
    await give_back(pool, taken[2])
    await pass_time(clock, 31)
    assert [pooled.driver.is_closed() for pooled in taken] == [True, False, False, False]
    await give_back(pool, taken[3])
    for _ in range(5):
        await pass_time(clock, 31)
    assert pool.stats() == PoolStats(size=1, idle=1, in_use=0, resetting=0, waiting=0, opened=4, closed=3, timeouts=0)
    assert server.open == 1


# -- reset ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "dirty", "state", "expected"),
    [
        ("when_dirty", False, "idle", []),
        ("when_dirty", True, "idle", ["reset"]),
        ("when_dirty", False, "active", ["reset"]),
        ("when_dirty", False, "unknown", []),
        ("when_dirty", True, "unknown", ["reset"]),
        ("always", False, "idle", ["reset"]),
        ("always", True, "failed", ["reset"]),
        ("never", True, "idle", []),
        ("never", True, "active", ["rollback"]),
        ("never", True, "unknown", ["rollback"]),
    ],
)
async def test_reset_policies(server: Server, policy: str, dirty: bool, state: str, expected: list[str]) -> None:
    pool = make(server, reset=policy)
    pooled = await pool.acquire()
    fake(pooled).state = state
    await give_back(pool, pooled, dirty=dirty)
    await settle()
    assert server.log == expected
    assert pool.stats().idle == 1


async def test_a_reset_does_not_hold_up_who_gives_the_connection_back(server: Server) -> None:
    pool = make(server, max_size=1)
    pooled = await pool.acquire()
    server.hold = asyncio.Event()
    await give_back(pool, pooled, dirty=True)
    await settle()
    assert pool.stats() == PoolStats(size=1, idle=0, in_use=0, resetting=1, waiting=0, opened=1, closed=0, timeouts=0)
    waiting = asyncio.create_task(pool.acquire())
    await settle()
    assert not waiting.done()  # not before it is clean
    server.hold.set()
    assert await waiting is pooled


# -- opening and closing --------------------------------------------------------------------------------------


async def test_filling_opens_the_minimum_once(server: Server) -> None:
    pool = make(server, min_size=3, max_size=5)
    await pool.fill()
    await pool.fill()
    assert pool.stats().idle == server.most == 3


async def test_a_failed_fill_leaves_a_usable_pool(server: Server) -> None:
    pool = make(server, min_size=2, max_size=2)
    server.refuse = True
    with pytest.raises(Lost):
        await pool.fill()
    server.refuse = False
    await pool.fill()
    assert pool.stats().size == server.open == 2


async def test_closing_waits_for_connections_in_use(server: Server) -> None:
    pool = make(server, max_size=2)
    used, idle = await pool.acquire(), await pool.acquire()
    await give_back(pool, idle)
    closing = asyncio.create_task(pool.close(None))
    await settle()
    assert (closing.done(), idle.driver.is_closed(), used.driver.is_closed()) == (False, True, False)
    await give_back(pool, used)
    await closing
    assert server.open == pool.stats().size == 0
    assert pool.closed


async def test_closing_cuts_what_is_still_in_use_after_a_while(server: Server) -> None:
    pool = make(server)
    used = await pool.acquire()
    await pool.close(0.01)
    assert used.driver.is_closed()
    assert pool.stats().size == 0
    await give_back(pool, used)  # by its user, later
    assert pool.stats() == PoolStats(size=0, idle=0, in_use=0, resetting=0, waiting=0, opened=1, closed=1, timeouts=0)


async def test_closing_waits_for_a_connection_that_is_being_opened(server: Server) -> None:
    pool = make(server)
    server.hold = asyncio.Event()
    opening = asyncio.create_task(pool.acquire())
    await settle()
    closing = asyncio.create_task(pool.close(None))
    await settle()
    assert not closing.done()
    server.hold.set()
    with pytest.raises(OperationalError, match="closed"):
        await opening
    await closing
    assert server.open == 0


async def test_closing_waits_for_a_reset_or_gives_it_up(server: Server) -> None:
    pool = make(server)
    pooled = await pool.acquire()
    server.hold = asyncio.Event()
    await give_back(pool, pooled, dirty=True)
    await settle()
    await pool.close(0.01)
    assert (server.open, pool.stats().size, pool.stats().resetting) == (0, 0, 0)


async def test_callers_who_wait_are_told_that_the_pool_is_closed(server: Server) -> None:
    pool = make(server, max_size=1)
    held = await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    await settle()
    closing = asyncio.create_task(pool.close(None))
    with pytest.raises(OperationalError, match="pool is closed"):
        await waiting
    await give_back(pool, held)
    await closing


async def test_a_connection_promised_to_a_waiter_is_closed_with_the_pool(server: Server) -> None:
    pool = make(server, max_size=1)
    held = await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    await settle()
    await give_back(pool, held)
    closing = asyncio.create_task(pool.close(None))
    with pytest.raises(OperationalError, match="pool is closed"):
        await waiting
    await closing
    assert server.open == 0


async def test_a_closed_pool_stays_closed(server: Server) -> None:
    pool = make(server, min_size=1)
    await pool.close()
    await pool.close()
    for call in (pool.acquire, pool.fill):
        with pytest.raises(OperationalError, match="pool is closed; make a new config"):
            await call()
    assert server.most == 0
    assert repr(pool) == "<AsyncPool: closed, max_size=10>"


async def test_a_close_that_was_cancelled_can_be_repeated(server: Server) -> None:
    pool = make(server, max_size=3)
    taken = [await pool.acquire() for _ in range(3)]
    await give_back(pool, taken[0])
    await give_back(pool, taken[1])
    closing = asyncio.create_task(pool.close(None))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await pool.close(0.01)
    assert server.open == 0


def test_another_event_loop_is_refused_with_advice(server: Server) -> None:
    pools: list[AsyncPool] = []

    async def first() -> None:
        pools.append(make(server))
        await give_back(pools[0], await pools[0].acquire())

    asyncio.run(first())

    async def second() -> None:
        with pytest.raises(OperationalError, match="another event loop or process"):
            await pools[0].acquire()

    asyncio.run(second())
