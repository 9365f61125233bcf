# Generated from _async_leak_check.py by tools/unasync.py. Do not edit.
"""What a piece of code has not given back to a config, and to the server."""

from __future__ import annotations

import dataclasses
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from sqlspec.core.observe import TransactionEnd
from sqlspec.driver._sio import sleep
from sqlspec.driver._sync_leaks import Loan
from sqlspec.driver._listeners import connections
from sqlspec.testing._taps import listening
from sqlspec.testing.leaks import LeakError

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import TracebackType

    from sqlspec.core.observe import Event
    from sqlspec.driver._sync_config import SyncConfig
    from sqlspec.driver._sync_driver import SyncDriver

__all__ = ("SyncLeakCheck",)

_FOR_EVER = 86400.0
"""Makes a pool note who takes its connections, and not report them by itself."""

_ENDING = 2.0
"""Seconds within which the server must have ended what was closed here."""


class SyncLeakCheck:
    """A scope in which everything is given back; see `sqlspec.testing.no_leaks`."""

    def __init__(self, config: SyncConfig[Any]) -> None:
        self._config = config
        self._connected: list[tuple[SyncDriver, int | None, Loan]] = []
        self._given_back: list[str] = []
        self._cleanup = ExitStack()

    def __enter__(self) -> None:
        config = self._config
        if config._pool is None and config.pool_settings.leak_after is None:
            self._cleanup.callback(setattr, config, "pool_settings", config.pool_settings)
            config.pool_settings = dataclasses.replace(config.pool_settings, leak_after=_FOR_EVER)
        self._used_before = set(self._used())
        self._cleanup.enter_context(listening(config, self._hear))
        connections.append(self._note)
        self._cleanup.callback(connections.remove, self._note)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()
        if error is None:
            found = [*self._sessions(), *self._given_back, *self._connections()]
            if found:
                raise LeakError("\n".join((f"{len(found)} left behind:", *found)))

    def _note(self, config: Any, driver: SyncDriver) -> None:
        if config is self._config:
            self._connected.append((driver, driver.backend_pid, Loan()))

    def _used(self) -> list[Any]:
        pool = self._config._pool
        return [] if pool is None else list(pool._used)

    def _loan(self, pooled: Any) -> str:
        loan = getattr(self._config._pool, "_loans", {}).get(pooled)
        return "leak_after was not set when the pool was opened, so nobody knows whose" if loan is None else str(loan)

    def _hear(self, session: Any, event: Event) -> None:
        if isinstance(event, TransactionEnd) and session._closed:
            loan = next((self._loan(pooled) for pooled in self._used() if pooled.session is session), "")
            self._given_back.append(f"a transaction that was open when its session was given back: {loan}")

    def _sessions(self) -> list[str]:
        """Return what is said of sessions, and bare connections, that are still out."""
        deadline = time.monotonic() + _ENDING
        while self._config.stats().resetting and time.monotonic() < deadline:
            sleep(0.002)  # what was given back and is being cleaned counts as used
        told = []
        for pooled in self._used():
            if pooled not in self._used_before:
                session = pooled.session
                what = "a connection of the pool" if session is None else "a session"
                state = " with a transaction open" if session is not None and session.in_transaction else ""
                told.append(f"{what}{state}: {self._loan(pooled)}")
        return told

    def _connections(self) -> list[str]:
        """Return what is said of connections beside the pool that are open, here or at least at the server."""
        pool = self._config._pool
        own = set() if pool is None else {pooled.driver for pooled in (*pool._idle, *pool._used)}
        told = []
        closed = {}
        for driver, pid, loan in self._connected:
            if driver not in own:
                if not driver.is_closed():
                    told.append(f"a connection beside the pool: {loan}")
                elif pid is not None:
                    closed[pid] = loan
        told += [
            f"a process of the server, {pid}, behind a closed connection: {closed[pid]}"
            for pid in self._running(closed)
        ]
        return told

    def _running(self, pids: Collection[int]) -> list[int]:
        """Return which of these processes the server still has, after some time to end."""
        if not pids:
            return []
        listed = ", ".join(map(str, pids))
        deadline = time.monotonic() + _ENDING
        asking = self._config.connect()
        try:
            while True:
                rows = asking.fetch_text(
                    f"select pid from pg_catalog.pg_stat_activity where pid in ({listed}) order by pid"
                )
                if not rows or time.monotonic() > deadline:
                    return [int(pid or 0) for (pid,) in rows]
                sleep(0.02)
        finally:
            asking.close()
