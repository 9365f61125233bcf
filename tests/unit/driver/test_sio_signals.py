"""Limits of time in threads, when the handler of a signal raises in the middle of keeping them."""

from __future__ import annotations

import heapq
import threading
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


def test_a_limit_whose_call_did_not_begin_stops_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    driver: Any = Driver()
    start = _sio._clock.start

    def interrupted(seconds: float, timer: _sio.Timer) -> None:
        start(seconds, timer)
        raise Signal

    with monkeypatch.context() as patched:
        patched.setattr(_sio._clock, "start", interrupted)
        with pytest.raises(Signal):
            _sio.call_with_timeout(0.01, driver, lambda: None)
    passed = threading.Event()
    _sio.later(0.05, passed.set)
    assert passed.wait(5)
    assert driver.asked == []


def test_a_limit_whose_timer_is_not_cancelled_stops_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    driver: Any = Driver()

    def interrupted(timer: _sio.Timer) -> None:
        raise Signal

    with monkeypatch.context() as patched:
        patched.setattr(_sio.Timer, "cancel", interrupted)
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
