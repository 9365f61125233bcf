"""What must not be interrupted: in this task, and in one of its own once this one is cancelled. What runs ahead."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest

from sqlspec.driver._aio import Shielded, begun, uninterrupted

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("movable", [True, False])]


class Call:
    """An operation that waits three times, each time in another way."""

    def __init__(self, failure: Exception | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.plain: asyncio.Future[int] = loop.create_future()
        self.shielded: asyncio.Future[int] = loop.create_future()
        self.failure = failure
        self.steps: list[str] = []
        self.waits = asyncio.Event()

    async def __call__(self) -> int:
        try:
            await asyncio.sleep(0)
            self.waits.set()
            first = await self.plain
            self.steps.append("plain")
            second = await Shielded(self.shielded)
            self.steps.append("shielded")
            if self.failure is not None:
                raise self.failure
            return first + second
        except asyncio.CancelledError:
            self.steps.append("cancelled")
            raise


async def started(call: Call, **options: Any) -> asyncio.Task[int]:
    task = asyncio.ensure_future(uninterrupted(call, **options))
    await call.waits.wait()
    return task


async def test_it_gives_its_result(movable: bool) -> None:
    call = Call()
    task = await started(call, movable=movable)
    call.plain.set_result(1)
    call.shielded.set_result(2)
    assert await task == 3


async def test_it_finds_the_failure_of_what_it_waits_for(movable: bool) -> None:
    call = Call()
    task = await started(call, movable=movable)
    call.plain.set_exception(ValueError("lost"))
    with pytest.raises(ValueError, match="lost"):
        await task


async def test_it_finds_that_what_it_waits_for_was_cancelled(movable: bool) -> None:
    call = Call()
    task = await started(call, movable=movable)
    call.plain.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.steps == ["cancelled"]


@pytest.mark.parametrize("first", ["task", "future"])
async def test_a_cancellation_is_not_taken_for_that_of_what_it_waits_for(movable: bool, first: str) -> None:
    async def cut() -> None:
        try:
            await future
        except asyncio.CancelledError:
            raise ConnectionError("cut") from None

    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(uninterrupted(cut, movable=movable))
    await asyncio.sleep(0.01)
    for each in (task, future) if first == "task" else (future, task):
        each.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert isinstance(caught.value.__cause__, ConnectionError)


@pytest.mark.parametrize("failure", [None, ValueError("refused")])
async def test_a_cancellation_waits_for_its_end(movable: bool, failure: Exception | None) -> None:
    call, results = Call(failure), list[int]()
    task = await started(call, movable=movable, after=results.append)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    call.plain.set_result(1)
    call.shielded.set_result(2)
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert call.steps == ["plain", "shielded"]
    assert caught.value.__cause__ is failure
    assert results == ([3] if failure is None else [])


async def test_two_cancellations_at_once_are_one(movable: bool) -> None:
    call = Call()
    task = await started(call, movable=movable)
    call.plain.set_result(1)
    while "plain" not in call.steps:
        await asyncio.sleep(0)
    task.cancel()
    task.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    call.shielded.set_result(2)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.steps == ["plain", "shielded"]


async def test_a_failure_behind_a_second_cancellation_is_not_reported(movable: bool) -> None:
    reports: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
    call = Call()
    task = await started(call, movable=movable)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0.01)
    assert task.cancelled()
    call.plain.set_exception(ValueError("lost"))
    await asyncio.sleep(0.01)
    assert call.steps == []
    del call, task
    gc.collect()
    assert reports == []


async def test_a_cancellation_at_the_last_step_waits_too(movable: bool) -> None:
    call = Call()
    task = await started(call, movable=movable)
    call.plain.set_result(1)
    while "plain" not in call.steps:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    call.shielded.set_result(2)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.steps == ["plain", "shielded"]


async def test_a_cancellation_that_comes_with_the_answer_is_not_lost(movable: bool) -> None:
    call = Call()
    call.shielded.set_result(2)
    task = await started(call, movable=movable)
    call.plain.set_result(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.steps == ["plain", "shielded"]


async def test_it_is_cancelled_when_it_takes_too_long(movable: bool) -> None:
    call = Call()
    task = await started(call, movable=movable, grace=0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.steps == ["cancelled"]


async def test_what_cannot_be_cancelled_is_given_up(movable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlspec.driver._aio._STOPPING", 0.01)
    released, waits = asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            waits.set()
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    give_up: Callable[[], object] = released.set
    task = asyncio.ensure_future(uninterrupted(stubborn, 0.01, give_up, movable=movable))
    await waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert released.is_set()


async def test_a_shielded_future_tells_the_reason_of_a_cancellation(movable: bool) -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait() -> int:
        return await Shielded(future)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError, match="enough"):
        await task
    assert not future.done()


async def test_a_shielded_future_wakes_its_task_once(movable: bool) -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait() -> str:
        try:
            await Shielded(future)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
        return "slept"

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    task.cancel()
    assert await task == "slept"


async def shielded(movable: bool) -> tuple[asyncio.Future[int], Shielded[int], asyncio.Future[int]]:
    """Return a future, its shield, and what waits for that without being interrupted."""
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    shield = Shielded(future)

    async def wait() -> int:
        return await shield

    task = asyncio.ensure_future(uninterrupted(wait, movable=movable))
    await asyncio.sleep(0.01)
    return future, shield, task


async def test_a_shielded_future_can_be_interrupted(movable: bool) -> None:
    future, shield, task = await shielded(movable)
    assert shield.interrupt(ConnectionError("gone"))
    with pytest.raises(ConnectionError, match="gone"):
        await task
    assert not future.done()
    assert not shield.interrupt(ConnectionError("gone"))


async def test_a_shielded_future_can_be_interrupted_after_a_cancellation(movable: bool) -> None:
    _, shield, task = await shielded(movable)
    task.cancel()
    await asyncio.sleep(0.01)
    assert shield.interrupt(ConnectionError("gone"))
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert isinstance(caught.value.__cause__, ConnectionError)


@pytest.mark.parametrize("failure", [None, ValueError("refused")])
async def test_what_has_begun_runs_ahead(movable: bool, failure: Exception | None) -> None:
    call = Call(failure)
    wait = begun(call())
    assert not call.waits.is_set()  # it lets others go first
    task = asyncio.ensure_future(wait())
    await call.waits.wait()
    call.plain.set_result(1)
    call.shielded.set_result(2)
    if failure is None:
        assert await task == 3
    else:
        with pytest.raises(ValueError, match="refused"):
            await task


async def test_what_has_begun_and_is_cancelled_notices(movable: bool) -> None:
    call = Call()
    task = asyncio.ensure_future(begun(call())())
    await call.waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert call.steps == ["cancelled"]


async def test_what_has_begun_may_have_ended(movable: bool) -> None:
    async def short() -> int:
        return 7

    assert await begun(short())() == 7
