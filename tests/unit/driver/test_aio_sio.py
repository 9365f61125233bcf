"""The two flavours of waiting: the same names, the same promises."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from sqlspec.core.plan import Compiler
from sqlspec.core.result import RawResult, SQLResult
from sqlspec.driver import _aio, _sio
from sqlspec.exceptions import ErrorInfo


def until(condition: Callable[[], object]) -> None:
    """Wait for something that another thread is about to do."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def test_both_flavours_have_the_same_names() -> None:
    async_names = {name.replace("Async", "Sync") for name in _aio.__all__}
    assert async_names == set(_sio.__all__)


# -- Waiter ---------------------------------------------------------------------------------------------------


async def test_a_task_wakes_once_and_gets_what_it_was_given() -> None:
    waiter = _aio.Waiter()
    waiting = asyncio.create_task(waiter.wait())
    await asyncio.sleep(0)
    assert not waiter.woken
    assert waiter.wake("gift")
    assert not waiter.wake("second")
    assert await waiting
    assert (waiter.woken, waiter.gift) == (True, "gift")


def test_a_thread_wakes_once_and_gets_what_it_was_given() -> None:
    waiter = _sio.Waiter()
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.append(waiter.wait()))
    thread.start()
    assert waiter.wake("gift")
    assert not waiter.wake("second")
    thread.join(10)
    assert (seen, waiter.woken, waiter.gift) == ([True], True, "gift")


@pytest.mark.parametrize("seconds", [0, 0.001])
async def test_a_wait_that_timed_out_takes_no_gift_any_more(seconds: float) -> None:
    waiter, twin = _aio.Waiter(), _sio.Waiter()
    assert not await waiter.wait(seconds)
    assert not twin.wait(seconds)
    assert not waiter.wake("lost")
    assert not twin.wake("lost")
    assert (waiter.gift, twin.gift) == (None, None)
    assert not waiter.woken
    assert not twin.woken


async def test_a_gift_that_came_first_is_not_lost_by_a_short_wait() -> None:
    waiter, twin = _aio.Waiter(), _sio.Waiter()
    waiter.wake(1)
    twin.wake(1)
    assert await waiter.wait(0)
    assert twin.wait(0)


async def test_an_abandoned_waiter_takes_nothing() -> None:
    waiter, twin = _aio.Waiter(), _sio.Waiter()
    waiter.abandon()
    twin.abandon()
    assert not waiter.wake()
    assert not twin.wake()


async def test_a_cancelled_task_tells_whether_it_had_been_given_something() -> None:
    for given in (True, False):
        waiter = _aio.Waiter()
        waiting = asyncio.create_task(waiter.wait())
        await asyncio.sleep(0)
        if given:
            waiter.wake("gift")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert waiter.woken is given


# -- Turn -----------------------------------------------------------------------------------------------------


async def take(turn: _aio.Turn, name: object, order: list[object]) -> None:
    if turn.taken:
        await turn.wait()
    turn.taken = True
    try:
        order.append(name)
        await asyncio.sleep(0)
    finally:
        turn.pass_on()


async def test_tasks_take_turns_in_order() -> None:
    turn, order = _aio.Turn(), []  # type: ignore[var-annotated]
    await asyncio.gather(*(take(turn, number, order) for number in range(20)))
    assert order == list(range(20))
    assert not turn.is_taken()


async def test_a_cancelled_task_loses_its_turn_to_the_next() -> None:
    for wake_first in (False, True):
        turn, order = _aio.Turn(), []  # type: ignore[var-annotated]
        turn.taken = True
        tasks = [asyncio.create_task(take(turn, number, order)) for number in range(3)]
        await asyncio.sleep(0)
        if wake_first:
            turn.pass_on()  # the first task has the turn, but has not run
        tasks[0].cancel()
        if not wake_first:
            turn.pass_on()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [1, 2]
        assert not turn.is_taken()


def test_threads_take_turns() -> None:
    turn = _sio.Turn()
    inside = []
    most = []

    def work() -> None:
        for _ in range(200):
            if not turn.lock.acquire(False):
                turn.wait()
            inside.append(1)
            most.append(len(inside))
            inside.pop()
            turn.pass_on()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (len(most), max(most)) == (800, 1)
    assert not turn.is_taken()


# -- timers ---------------------------------------------------------------------------------------------------


async def test_a_timer_fires_unless_it_is_cancelled() -> None:
    fired, twin_fired = asyncio.Event(), threading.Event()
    _aio.later(0.001, fired.set)
    _sio.later(0.001, twin_fired.set)
    never: list[int] = []
    _aio.later(0.002, lambda: never.append(1)).cancel()
    _sio.later(0.002, lambda: never.append(1)).cancel()
    await asyncio.wait_for(fired.wait(), 5)
    assert await asyncio.to_thread(twin_fired.wait, 5)
    after = threading.Event()
    _sio.later(0.003, after.set)
    assert await asyncio.to_thread(after.wait, 5)
    assert never == []


def test_the_clock_survives_a_callback_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    after = threading.Event()
    with caplog.at_level(logging.ERROR, "sqlspec"):
        _sio.later(0.0, lambda: 1 / 0)
        _sio.later(0.001, after.set)
        assert after.wait(5)
        until(lambda: "a timer callback failed" in caplog.text)  # each callback has a thread of its own


@pytest.mark.parametrize("seconds", [1e10, float("inf")])
def test_the_clock_survives_a_time_that_never_comes(seconds: float) -> None:
    far = _sio.later(seconds, lambda: None)
    soon = threading.Event()
    _sio.later(0.001, soon.set)
    assert soon.wait(5)
    far.cancel()


def test_timers_fire_in_the_order_of_their_times() -> None:
    order: list[int] = []
    last = threading.Event()
    for number in (3, 1, 2):
        _sio.later(0.02 * number, partial(order.append, number))
    _sio.later(0.07, last.set)
    assert last.wait(5)
    assert order == [1, 2, 3]


def test_cancelled_timers_do_not_pile_up() -> None:
    clock = _sio._Clock()
    for _ in range(20 * _sio._SWEEP_AT):
        clock.add(3600.0, lambda: None).cancel()
    assert len(clock._heap) <= 2 * _sio._SWEEP_AT


def test_cancelling_a_timer_waits_for_a_callback_that_runs() -> None:
    started, go_on = threading.Event(), threading.Event()

    def callback() -> None:
        started.set()
        go_on.wait(5)

    timer = _sio.later(0.0, callback)
    assert started.wait(5)
    cancelled = threading.Event()

    def cancel() -> None:
        timer.cancel()
        cancelled.set()

    thread = threading.Thread(target=cancel)
    thread.start()
    assert not cancelled.is_set()
    go_on.set()
    assert cancelled.wait(5)
    assert timer.fired


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_the_clock_works_in_a_forked_process() -> None:
    _sio.later(0.0, lambda: None)
    child = os.fork()
    if child == 0:
        fired = threading.Event()
        _sio.later(0.001, fired.set)
        os._exit(0 if fired.wait(5) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# -- call_with_timeout ----------------------------------------------------------------------------------------


class Stoppable:
    """A driver whose only statement runs until it is cancelled."""

    limits_itself = False

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.aborted = threading.Event()
        self.settled = 0

    def cancel(self) -> None:
        self.cancelled.set()

    def settle(self) -> None:
        self.settled += 1

    def abort(self) -> None:
        self.aborted.set()

    def run(self) -> None:
        assert self.cancelled.wait(5)
        raise ValueError("stopped by the server")


async def test_a_task_is_stopped_at_the_limit() -> None:
    driver: Any = Stoppable()
    with pytest.raises(_aio.Expired):
        await _aio.call_with_timeout(0.001, driver, asyncio.Event().wait)
    value: Any = await _aio.call_with_timeout(60, driver, asyncio.sleep, 0, "value")
    assert value == "value"


class SelfLimiting:
    """A driver whose calls cannot be stopped: the server is told how long each may take."""

    limits_itself = True
    native_errors = (ValueError,)

    def __init__(self, message: str = "") -> None:
        self.limits: list[float | None] = []
        self.message = message
        self.closed = False

    def limit(self, seconds: float | None) -> None:
        self.limits.append(seconds)

    def error_info(self, error: ValueError) -> ErrorInfo:
        return ErrorInfo(str(error), "57014")

    def is_closed(self) -> bool:
        return self.closed

    def run(self) -> str:
        if self.message:
            raise ValueError(self.message)
        return "value"

    def lose(self) -> None:
        self.closed = True
        raise ValueError("lost")


def test_a_driver_that_cannot_be_stopped_has_its_limit_from_the_server() -> None:
    driver: Any = SelfLimiting()
    assert _sio.call_with_timeout(5, driver, driver.run) == "value"
    assert driver.limits == [5, None]


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("canceling statement due to statement timeout", _sio.Expired),
        ("canceling statement due to user request", ValueError),
    ],
)
def test_only_the_servers_own_limit_is_a_timeout(message: str, error: type[Exception]) -> None:
    driver: Any = SelfLimiting(message)
    with pytest.raises(error):
        _sio.call_with_timeout(5, driver, driver.run)
    assert driver.limits == [5, None]


def test_nothing_is_sent_to_a_lost_connection() -> None:
    driver: Any = SelfLimiting()
    with pytest.raises(ValueError, match="lost"):
        _sio.call_with_timeout(5, driver, driver.lose)
    assert driver.limits == [5]


async def test_an_error_of_its_own_is_no_timeout() -> None:
    async def fail() -> None:
        raise TimeoutError("the operation's own")

    def fail_now() -> None:
        raise TimeoutError("the operation's own")

    driver: Any = Stoppable()
    with pytest.raises(TimeoutError, match="own"):
        await _aio.call_with_timeout(60, driver, fail)
    with pytest.raises(TimeoutError, match="own"):
        _sio.call_with_timeout(60, driver, fail_now)
    assert not driver.cancelled.is_set()


def test_a_thread_is_stopped_at_the_limit_through_the_driver() -> None:
    driver: Any = Stoppable()
    with pytest.raises(_sio.Expired) as caught:
        _sio.call_with_timeout(0.001, driver, driver.run)
    assert isinstance(caught.value.__cause__, ValueError)
    assert _sio.call_with_timeout(60, driver, lambda value: value, "value") == "value"


def test_a_cancel_that_came_too_late_is_absorbed_before_the_next_statement() -> None:
    driver: Any = Stoppable()

    def finish_just_so() -> str:
        assert driver.cancelled.wait(5)
        return "done"

    assert _sio.call_with_timeout(0.001, driver, finish_just_so) == "done"
    assert driver.settled == 1


def test_a_thread_is_cut_off_when_the_server_cannot_be_told() -> None:
    driver: Any = Stoppable()

    def cancel() -> None:
        raise OSError("no route")

    def run() -> None:
        assert driver.aborted.wait(5)
        raise ValueError("the connection is gone")

    driver.cancel = cancel
    with pytest.raises(_sio.Expired):
        _sio.call_with_timeout(0.001, driver, run)


async def test_what_does_not_stop_when_told_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sio, "GRACE", 0.001)
    monkeypatch.setattr(_aio, "GRACE", 0.001)
    driver: Any = Stoppable()

    def run() -> None:
        assert driver.aborted.wait(5)
        raise ValueError("the connection is gone")

    with pytest.raises(_sio.Expired):
        _sio.call_with_timeout(0.001, driver, run)
    assert driver.cancelled.is_set()
    gone = asyncio.Event()
    driver.abort = gone.set

    async def deaf() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await gone.wait()
            raise

    with pytest.raises(_aio.Expired):
        await _aio.call_with_timeout(0.001, driver, deaf)


async def test_what_ends_in_time_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sio, "GRACE", 0.02)
    monkeypatch.setattr(_aio, "GRACE", 0.02)
    driver: Any = Stoppable()
    with pytest.raises(_sio.Expired):
        _sio.call_with_timeout(0.001, driver, driver.run)
    with pytest.raises(_aio.Expired):
        await _aio.call_with_timeout(0.001, driver, asyncio.Event().wait)
    later = threading.Event()
    _sio.later(0.05, later.set)
    assert await asyncio.to_thread(later.wait, 5)
    assert not driver.aborted.is_set()


async def test_a_cancelled_task_is_not_mistaken_for_a_timeout() -> None:
    driver: Any = Stoppable()
    waiting = asyncio.create_task(_aio.call_with_timeout(60, driver, asyncio.Event().wait))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


# -- uninterrupted --------------------------------------------------------------------------------------------


async def test_what_must_not_be_interrupted_ends_before_the_cancellation_goes_on() -> None:
    go_on, ended = asyncio.Event(), []

    async def commit() -> None:
        await go_on.wait()
        ended.append(True)

    task = asyncio.ensure_future(_aio.uninterrupted(commit))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


async def test_a_silent_server_does_not_hold_a_cancelled_task_for_ever() -> None:
    seen: list[str] = []

    async def never() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("given up")
            raise

    task = asyncio.ensure_future(_aio.uninterrupted(never, grace=0.001))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["given up"]


async def test_an_error_of_the_uninterrupted_operation_arrives() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await _aio.uninterrupted(fail)
    assert _sio.uninterrupted(lambda: 5) == 5


# -- Background -----------------------------------------------------------------------------------------------


async def test_background_work_is_waited_for_or_cut() -> None:
    background, done = _aio.Background(), []

    async def work(name: str, event: asyncio.Event | None) -> None:
        try:
            if event is not None:
                await event.wait()
            done.append(name)
        except asyncio.CancelledError:
            done.append(f"{name} cut")

    background.start(work, "quick", None)
    await background.drain(None)
    background.start(work, "slow", asyncio.Event())
    await background.drain(0.001)
    await background.drain(None)
    assert done == ["quick", "slow cut"]


def test_a_background_thread_does_its_work_in_order_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    background, done = _sio.Background(), []  # type: ignore[var-annotated]
    for number in range(5):
        background.start(done.append, number)
    background.drain(5)
    assert done == [0, 1, 2, 3, 4]
    thread = background._busy
    assert thread is not None
    thread.join(10)
    assert not thread.is_alive()
    background.start(done.append, 5)
    background.drain(5)
    assert done[-1] == 5


def test_failing_background_work_does_not_stop_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    background, done = _sio.Background(), []  # type: ignore[var-annotated]

    def fail() -> None:
        raise ValueError

    with caplog.at_level(logging.ERROR, "sqlspec"):
        background.start(fail)
        background.start(done.append, 1)
        background.drain(5)
    assert done == [1]
    assert "background work failed" in caplog.text


def test_draining_ends_at_its_limit() -> None:
    background, go_on = _sio.Background(), threading.Event()

    def wait() -> None:
        go_on.wait(5)

    background.start(wait)
    background.drain(0.001)
    assert not go_on.is_set()
    go_on.set()
    background.drain(5)


# -- who runs -------------------------------------------------------------------------------------------------


async def test_messages_name_the_task_or_the_thread() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.set_name("importer")
    assert _aio.current_name() == "task 'importer'"
    names: list[str] = []
    thread = threading.Thread(target=lambda: names.append(_sio.current_name()), name="worker-3")
    thread.start()
    thread.join()
    assert names == ["thread 'worker-3'"]


def test_an_execution_has_every_method_of_its_result() -> None:
    methods = {name: method for name, method in inspect.getmembers(SQLResult, inspect.isfunction) if name[0] != "_"}
    assert {"all", "get_data", "to_arrow"} <= set(methods)
    for name, method in methods.items():
        chained = getattr(_aio.AsyncExecution, name)
        assert inspect.iscoroutinefunction(chained), name
        assert inspect.signature(chained) == inspect.signature(method), name


async def test_an_execution_is_a_coroutine_with_the_methods_of_its_result() -> None:
    plan = Compiler().plan("select 1 as a")
    result: SQLResult[Any] = SQLResult(plan, RawResult([], (), "tuple", 0))

    async def call() -> SQLResult[Any]:
        await asyncio.sleep(0)
        return result

    assert await asyncio.create_task(_aio.AsyncExecution(call())) is result
    (gathered,) = await asyncio.gather(_aio.AsyncExecution(call()))
    assert gathered is result
    assert await _aio.AsyncExecution(call()).first() is None
    assert await _aio.AsyncExecution(call()).scalar_or_none() is None
    assert await _aio.AsyncExecution(call()).get_data(schema_type=tuple) == []
    assert await _aio.AsyncExecution(call()).get_data() == []
    assert _sio.begin_execution(result) is result
    _aio.AsyncExecution(call()).close()  # never awaited, and closed: no warning
