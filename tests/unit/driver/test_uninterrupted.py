"""What must not be interrupted: in this task, and in one of its own once this one is cancelled."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest

from sqlspec.driver._aio import Shielded, uninterrupted

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
    task = asyncio.create_task(uninterrupted(call, **options))
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


@pytest.mark.parametrize("failure", [None, ValueError("refused")])
async def test_a_cancellation_waits_for_its_end(movable: bool, failure: Exception | None) -> None:
    call = Call(failure)
    task = await started(call, movable=movable)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    call.plain.set_result(1)
    call.shielded.set_result(2)
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert call.steps == ["plain", "shielded"]
    assert caught.value.__cause__ is failure


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
    task = asyncio.create_task(uninterrupted(stubborn, 0.01, give_up, movable=movable))
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
