"""Waiting for the driver in one task, and then in another."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sqlspec.adapters.psqlpy._wait import Wait

pytestmark = pytest.mark.asyncio


class Steps:
    """A call as the driver makes it: it waits for these, one after the other."""

    def __init__(self, *futures: asyncio.Future[Any] | None) -> None:
        self.left = list(futures)
        self.closed = False

    def send(self, _: None) -> Any:
        if not self.left:
            raise StopIteration("done")
        future = self.left.pop(0)
        if future is not None:
            future._asyncio_future_blocking = True
        return future

    def close(self) -> None:
        self.closed = True


async def start(wait: Wait[Any]) -> asyncio.Task[Any]:
    async def run() -> Any:
        return await wait

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    return task


async def test_it_waits_for_each_step() -> None:
    future = asyncio.get_running_loop().create_future()
    steps: Any = Steps(None, future, None)
    task = await start(Wait(steps))
    await asyncio.sleep(0)
    future.set_result(None)
    assert await task == "done"
    assert not steps.closed


async def test_it_is_cancelled_while_its_task_is_not() -> None:
    steps: Any = Steps(asyncio.get_running_loop().create_future())
    wait = Wait[Any](steps)
    task = await start(wait)
    wait.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelling() == 0
    assert steps.closed


async def test_it_is_cancelled_while_it_lets_others_go_first() -> None:
    steps: Any = Steps(None, asyncio.get_running_loop().create_future())
    wait = Wait[Any](steps)
    task = await start(wait)
    wait.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps.closed


async def test_a_cancellation_of_its_task_closes_the_call() -> None:
    steps: Any = Steps(asyncio.get_running_loop().create_future())
    task = await start(Wait(steps))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps.closed


async def test_it_is_cancelled_when_it_is_about_to_go_on() -> None:
    loop = asyncio.get_running_loop()
    first, second = loop.create_future(), loop.create_future()
    steps: Any = Steps(first, second)
    wait = Wait[Any](steps)
    task = await start(wait)
    first.set_result(None)
    wait.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert steps.closed


async def test_an_answer_that_came_before_is_given() -> None:
    future = asyncio.get_running_loop().create_future()
    wait = Wait[Any](Steps(future))  # type: ignore[arg-type]
    task = await start(wait)
    future.set_result(None)
    wait.cancel()
    assert await task == "done"
