"""Limits of time in threads, when the handler of a signal raises in the middle of keeping them."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from typing import Any

import pytest

from sqlspec.driver import _sio


class Signal(BaseException):
    """What a signal's handler raises, at any moment."""


class Driver:
    """A driver that takes note of requests."""

    limits_itself = False

    def __init__(self) -> None:
        self.asked: list[str] = []

    def cancel(self) -> None:
        self.asked.append("cancel")

    def abort(self) -> None:
        self.asked.append("abort")


start = _sio._clock.start


def behind_the_start(seconds: float, timer: _sio.Timer) -> None:
    start(seconds, timer)
    raise Signal


def before_the_end(timer: _sio.Timer) -> None:
    raise Signal


@pytest.mark.parametrize(
    ("target", "name", "interrupted"),
    [(_sio._clock, "start", behind_the_start), (_sio.Timer, "cancel", before_the_end)],
    ids=["the call has not begun", "the timer is not cancelled"],
)
def test_a_limit_that_is_interrupted_stops_nobody_else(
    monkeypatch: pytest.MonkeyPatch, target: object, name: str, interrupted: Callable[..., None]
) -> None:
    driver: Any = Driver()
    with monkeypatch.context() as patched:
        patched.setattr(target, name, interrupted)
        with pytest.raises(Signal):
            _sio.call_with_timeout(0.01, driver, lambda: None)
    passed = threading.Event()
    _sio.later(0.05, passed.set)
    assert passed.wait(5)
    assert driver.asked == []


def test_a_timer_that_was_only_just_set_keeps_none_of_the_later_ones_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _sio._Clock()
    clock.add(3600.0, lambda: None)  # what the clock waits for
    heappush = heapq.heappush

    def interrupted(*args: Any) -> None:
        heappush(*args)
        raise Signal

    with monkeypatch.context() as patched:
        patched.setattr(heapq, "heappush", interrupted)
        with pytest.raises(Signal):
            clock.add(0.01, lambda: None)
    fired = threading.Event()
    clock.add(0.02, fired.set)
    assert fired.wait(5)
