"""A server of its own, a proxy before it, and what is done to both while workers use them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

import psycopg

from sqlspec.exceptions import OperationalError
from sqlspec.testing import EmbeddedPostgres
from tests.integration.faults.proxy import BOTH, DOWN, UP, Proxy

__all__ = ("Faults", "Server")

SETTINGS: dict[str, str | float | bool] = {
    # What was acknowledged must survive a killed server: the operating system has it. Torn pages are repaired.
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": 200,
    "deadlock_timeout": "100ms",
    "max_wal_size": "256MB",
}

RESTART_LIMIT = 30.0


class Server:
    """A server that can be killed and comes back with its data, at another port."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        self._folder.chmod(0o755)  # the server may run as another user
        self._postgres = EmbeddedPostgres(settings=SETTINGS, data_dir=self._folder / "data")

    def __enter__(self) -> Self:
        self._postgres.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._postgres.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def dsn(self) -> str:
        return self._postgres.dsn

    @property
    def log(self) -> str:
        return self._postgres.log_path.read_text(errors="replace")

    def restart(self, number: signal.Signals) -> None:
        """End the server by a signal and start it again.

        Args:
            number: SIGINT ends all sessions in order, SIGQUIT without a word to the disk, SIGKILL only the main
                process, which the others notice.
        """
        main = int((self._postgres.data_dir / "postmaster.pid").read_text().split()[0])
        os.kill(main, number)
        self._postgres.stop()
        deadline = time.monotonic() + RESTART_LIMIT
        while True:
            try:
                self._postgres.start()
            except OperationalError:  # its former processes have not noticed yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return


class Faults:
    """Brings faults about at random, in a thread, until it is stopped.

    Attributes:
        counts: How often each was brought about.
        healed: When the last one had ended.
        failure: What ended the thread too early.
    """

    def __init__(self, server: Server, proxy: Proxy, seed: int, every: float, restart_every: float) -> None:
        self.counts: Counter[str] = Counter()
        self.healed = 0.0
        self.failure: BaseException | None = None
        self._server = server
        self._proxy = proxy
        self._random = Random(seed)
        self._every = every
        self._restart_every = restart_every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults")
        self._stopped: dict[int, threading.Timer] = {}
        self._admin: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all faults, and let everything go on."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            next_restart = time.monotonic() + self._random.expovariate(1 / self._restart_every)
            while not self._ended.wait(self._random.expovariate(1 / self._every)):
                if time.monotonic() > next_restart:
                    self._restart()
                    next_restart = time.monotonic() + self._random.expovariate(1 / self._restart_every)
                else:
                    kinds = self._kinds()
                    fault = self._random.choices(list(kinds), [often for _, often in kinds.values()])[0]
                    kinds[fault][0]()
                    self.counts[fault] += 1
        except BaseException as error:
            self.failure = error
        finally:
            self._end_all()

    def _end_all(self) -> None:
        try:
            self._let_all_go_on()
            self._proxy.heal()
        except BaseException as error:
            self.failure = self.failure or error
        self.healed = time.monotonic()
        if self._admin is not None:
            self._admin.close()

    def _kinds(self) -> dict[str, tuple[Callable[[], None], int]]:
        """Return what can be done, each with how often."""
        proxy, random = self._proxy, self._random
        way = random.choice((UP, DOWN))
        # Half of them strike where it matters: the server has committed, or is about to, and cannot say so.
        upon = random.choice(("", "", "commit", "commit", "commit", "insert", "begin"))
        after = int(random.expovariate(1 / 5)) if upon else int(random.expovariate(1 / 3000))
        soon: dict[str, Any] = {"after": after, "upon": upon, "once": True}
        return {
            "cut": (lambda: proxy.cut(way, **soon), 6),
            "reset": (lambda: proxy.reset(way, **soon), 6),
            "half close": (lambda: proxy.half_close(way, **soon), 3),
            "black hole": (lambda: proxy.hold(way, **soon, seconds=random.uniform(0.1, 3.0)), 6),
            "black hole for all": (lambda: proxy.hold(BOTH, seconds=random.uniform(0.1, 0.8)), 1),
            "reset of all": (proxy.reset, 1),
            "cut of all": (proxy.cut, 1),
            "delay": (lambda: proxy.delay(random.uniform(0.001, 0.05), way, seconds=random.uniform(0.1, 1)), 2),
            "one byte at a time": (lambda: proxy.trickle(way, seconds=random.uniform(0.05, 0.3)), 1),
            "refused connections": (lambda: proxy.refuse(seconds=random.uniform(0.05, 0.5)), 1),
            "terminated backend": (lambda: self._signal("pg_terminate_backend"), 6),
            "cancelled backend": (lambda: self._signal("pg_cancel_backend"), 8),
            "stopped backend": (self._stop_backend, 4),
        }

    def _restart(self) -> None:
        number = self._random.choice((signal.SIGINT, signal.SIGQUIT, signal.SIGKILL))
        self._let_all_go_on()
        if self._admin is not None:
            self._admin.close()
            self._admin = None
        self._server.restart(number)
        self._proxy.aim(self._server.dsn)
        names = {signal.SIGINT: "fast stop", signal.SIGQUIT: "immediate stop", signal.SIGKILL: "killed server"}
        self.counts[names[number]] += 1

    # -- backends -------------------------------------------------------------------------------------

    def _backend(self) -> int | None:
        """Return the process ID of a backend that serves a worker."""
        try:
            if self._admin is None:
                self._admin = psycopg.connect(self._server.dsn, autocommit=True)
            pids = self._admin.execute(
                "select pid from pg_stat_activity where application_name like 'chaos %' order by state = 'idle', pid"
            ).fetchall()
        except psycopg.OperationalError:  # it crashed with the others
            self._admin = None
            return None
        # Those that do something come first, and are hit more often.
        return pids[int(len(pids) * self._random.random() ** 2)][0] if pids else None

    def _signal(self, function: str) -> None:
        pid = self._backend()
        if pid is not None and self._admin is not None:
            self._admin.execute(f"select {function}({pid:d})".encode())

    def _stop_backend(self) -> None:
        pid = self._backend()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                # By a timer: what this thread does next may wait for a lock that the backend holds.
                timer = threading.Timer(self._random.uniform(0.1, 2.0), self._let_go_on, [pid])
                self._stopped[pid] = timer
                timer.start()

    def _let_go_on(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def _let_all_go_on(self) -> None:
        for pid, timer in self._stopped.items():
            timer.cancel()
            timer.join()
            self._let_go_on(pid)
        self._stopped.clear()
