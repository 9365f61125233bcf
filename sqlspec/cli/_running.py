"""Running a command's work so that a signal undoes it."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.exceptions import CommitUnknownError, SQLSpecError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from sqlspec.driver import AsyncConfig

__all__ = ("Interrupted", "run")

T = TypeVar("T")

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

CLOSING = 5.0
"""Seconds for connections to close at the end of a command."""


class Interrupted(Exception):
    """A signal ended the command; what it had begun is undone.

    Attributes:
        status: The exit status: 128 and the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__("interrupted")
        self.status = 128 + number


def run(work: Callable[..., Coroutine[Any, Any, T]], *configs: AsyncConfig[Any], stopping: Callable[[], object]) -> T:
    """Do a command's work on one or two databases, and close them.

    The first signal stops statements on the server and rolls back what is open; a second one ends the program there
    and then, and leaves that to the server.

    Args:
        work: Is called with the configs.
        *configs: The databases.
        stopping: Called by the first signal.

    Raises:
        Interrupted: A signal came before the work was done.
    """
    return asyncio.run(_watched(work(*configs), configs, stopping))


async def _watched(
    work: Coroutine[Any, Any, T], configs: Sequence[AsyncConfig[Any]], stopping: Callable[[], object]
) -> T:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    caught: list[int] = []

    def stop(number: int) -> None:
        if caught:
            os._exit(128 + number)
        caught.append(number)
        stopping()
        task.cancel()

    watched = [number for number in SIGNALS if _watch(loop, number, stop)]
    try:
        try:
            return await _undone(task, caught)
        finally:
            # A signal that comes now is too late to undo anything.
            await asyncio.gather(*(config.close(CLOSING) for config in configs))
    finally:
        for number in watched:
            loop.remove_signal_handler(number)


def _watch(loop: asyncio.AbstractEventLoop, number: int, stop: Callable[[int], object]) -> bool:
    # A program that was started to ignore a signal, as by nohup, goes on ignoring it.
    if signal.getsignal(number) is signal.SIG_IGN:
        return False
    try:
        loop.add_signal_handler(number, stop, number)
    except NotImplementedError:  # Windows: there asyncio itself cancels the work at Ctrl-C
        return False
    return True


async def _undone(task: Awaitable[T], caught: list[int]) -> T:
    """Await the work; whatever ends it after a signal was brought about by that."""
    try:
        return await task
    except CommitUnknownError:
        raise
    except (SQLSpecError, asyncio.CancelledError) as error:
        if caught:
            raise Interrupted(caught[0]) from error
        raise
