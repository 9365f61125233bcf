"""To whom something belongs: the task that opened it, and those started inside."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sqlspec.driver import _aio, _sio


def length(owner: _aio.Owner | None) -> int:
    return 0 if owner is None else 1 + length(owner._outer)


@pytest.mark.asyncio
async def test_tasks_started_inside_belong_to_it_and_no_others() -> None:
    go_on = asyncio.Event()

    async def is_here() -> bool:
        await go_on.wait()
        return owner.is_here()

    before = asyncio.create_task(is_here())
    owner = _aio.Owner()
    inside = asyncio.create_task(is_here())
    go_on.set()
    assert (await before, await inside, owner.is_here()) == (False, True, True)


@pytest.mark.asyncio
async def test_it_belongs_to_nobody_any_more_when_it_was_left() -> None:
    owner = _aio.Owner()
    inside = asyncio.create_task(asyncio.to_thread(owner.leave))
    await inside
    assert not owner.is_here()


@pytest.mark.asyncio
async def test_several_are_open_at_a_time() -> None:
    outer, inner = _aio.Owner(), _aio.Owner()
    assert outer.is_here()
    outer.leave()
    assert not outer.is_here()
    assert inner.is_here()


@pytest.mark.asyncio
async def test_those_that_were_left_are_forgotten() -> None:
    open_now = _aio.Owner()
    for _ in range(100):
        following = _aio.Owner()
        open_now.leave()
        open_now = following
    assert length(open_now) <= 2
    lasting = _aio.Owner()
    for _ in range(100):
        _aio.Owner().leave()
    assert length(_aio.Owner()) <= 3
    assert lasting.is_here()


@pytest.mark.asyncio
async def test_it_is_named_after_its_task() -> None:
    async def named() -> str:
        return _aio.Owner().name

    assert await asyncio.create_task(named(), name="importer") == "task 'importer'"


def test_it_is_named_after_its_thread() -> None:
    names: list[str] = []
    thread = threading.Thread(target=lambda: names.append(_sio.Owner().name), name="importer")
    thread.start()
    thread.join()
    assert names == ["thread 'importer'"]
