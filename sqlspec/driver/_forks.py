"""Processes that are forked while connections are open: what was opened before stays with the parent.

Both processes have the socket. Whatever the child does with it, closing a connection included, it does in the parent's
name; and letting the driver's object go is a way of closing it. So the child's copies are kept for ever, unused.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from sqlspec.exceptions import OperationalError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("Inheritable", "after_fork", "keep_for_ever", "note_threads", "refuse_after_fork", "tell_after_fork")


class Inheritable(Protocol):
    """What holds a connection, or leads to one."""

    def leave_to_parent(self) -> None:
        """Give up the connection without touching it: this process was forked from the one that it belongs to."""


_opened: WeakSet[Inheritable] = WeakSet()

_started: dict[str, int] = {}
"""Process in which the threads of an adapter's driver were started."""

tell_after_fork = _opened.add
"""Call `leave_to_parent` of an object in each process that is forked from now on. It is not kept alive for that."""


def after_fork(callback: Callable[[], object]) -> None:
    """Call `callback` in each process that is forked from now on."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=callback)


def keep_for_ever(item: object) -> None:
    """Keep an object beyond the end of the interpreter, which lets go of all that a program can refer to."""
    import ctypes  # needed in a forked process only

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(item))


def note_threads(adapter: str) -> int:
    """Note that a driver starts its threads in this process, unless it has before; return the process that has them."""
    return _started.setdefault(adapter, os.getpid())


def refuse_after_fork(adapter: str) -> None:
    """Refuse a driver that has threads of its own where they are not; called before each connection.

    Raises:
        OperationalError: This process was forked from the one that has the threads: everything would wait for ever.
    """
    if note_threads(adapter) != os.getpid():
        raise OperationalError(
            f"cannot connect: {adapter} was in use before this process was forked, and its threads have stayed behind; "
            'start processes with the method "spawn" or "forkserver", or fork before the adapter is imported',
            adapter=adapter,
        )


def _leave_all() -> None:
    for item in tuple(_opened):
        item.leave_to_parent()
    _opened.clear()


after_fork(_leave_all)
