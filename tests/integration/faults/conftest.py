"""What is broken on purpose: a server of these tests' own. The network before it is `proxy`, for all tests."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any, Literal

import psycopg
import pytest

from sqlspec.driver import _aio, _async_base, _async_pool, _sio, _sync_base, _sync_pool
from sqlspec.testing._binaries import find_programs
from sqlspec.testing._cluster import HOST, Cluster, _free_port, _shut_down, prepare
from tests.integration.harness import FLAVOURS

ADAPTERS = tuple(name for name in FLAVOURS if name != "stub")

MAX_CONNECTIONS = 20
"""Of the server: more than a test needs, few enough to be used up soon."""
LIMIT = 30.0
"""Seconds within which a server starts or stops, on a machine that does much else."""

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "autovacuum": "off",
    "timezone": "UTC",
}
"""Of every server of these tests."""

STOPS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}


class Server:
    """A server that may be stopped, killed and started again, at the same port.

    Attributes:
        dsn: Its database `postgres`, over TCP.
        port: Where it listens, on 127.0.0.1, whenever it runs.
    """

    def __init__(self, cluster: Cluster, settings: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.dsn = f"postgresql://postgres@{HOST}:{self.port}/postgres"

    def start(self) -> None:
        """Start the server if it does not run, and wait until it accepts connections."""
        if self._process is not None and self._process.poll() is None:
            return
        self._process, _ = self._cluster._spawn(self.port, self._settings)
        failure = self._cluster._wait_until_ready(self._process, time.monotonic() + LIMIT)
        assert failure is None, f"{failure}: {self._cluster.log_path.read_text()[-3000:]}"

    def stop(self, how: Literal["smart", "fast", "immediate", "kill"], *, wait: bool = True) -> None:
        """Stop the server.

        Args:
            how: Smart: as soon as every session has ended; fast: in order, at once; immediate: by a crash; kill: its
                first process alone, which cannot tell the others to end.
            wait: Return when no process of it is left.
        """
        assert self._process is not None
        self._process.send_signal(STOPS[how])
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until no process of the server is left."""
        assert self._process is not None
        self._process.wait(LIMIT)
        until(lambda: not self._processes())

    def refusal(self) -> str:
        """Wait until the server refuses connections, and return its words."""

        def refused() -> str:
            try:
                self.connect().close()
            except psycopg.OperationalError as error:
                return str(error).rpartition("FATAL:")[2].strip()
            return ""

        return str(until(refused))

    def close(self) -> None:
        """Stop the server for good."""
        if self._process is not None:
            _shut_down(self._process)

    def connect(self) -> psycopg.Connection[Any]:
        """Return a connection beside those under test."""
        return psycopg.connect(self.dsn, autocommit=True)

    def _processes(self) -> list[int]:
        found = []
        for entry in os.listdir("/proc"):
            with suppress(OSError):
                if entry.isdigit() and os.readlink(f"/proc/{entry}/cwd") == str(self._cluster.data_dir):
                    found.append(int(entry))
        return found


def until(reached: Callable[[], Any], seconds: float = LIMIT) -> Any:
    """Wait until something is true, and return it. For synchronous code."""
    deadline = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < deadline, f"not reached within {seconds:g} s"
        time.sleep(0.005)
    return found


def place_for_cluster(cleanup: ExitStack) -> Cluster:
    """Return a cluster that has no files yet; it goes with this process, however that ends."""
    cluster = prepare(find_programs(18), None, cleanup)
    cluster.guard(cleanup)
    return cluster


def started(cluster: Cluster, settings: Mapping[str, str], cleanup: ExitStack) -> Server:
    """Return a server that runs on a cluster with files, until the cleanup."""
    made = Server(cluster, {**SETTINGS, **settings})
    cleanup.callback(made.close)
    made.start()
    return made


def new_server(settings: Mapping[str, str], cleanup: ExitStack) -> Server:
    """Return a new server, which runs until the cleanup."""
    cluster = place_for_cluster(cleanup)
    cluster.initdb(18, time.monotonic() + 2 * LIMIT)
    return started(cluster, settings, cleanup)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that these tests may do anything to. A test that stops it starts it again."""
    with ExitStack() as cleanup:
        yield new_server({"max_connections": str(MAX_CONNECTIONS)}, cleanup)


@pytest.fixture
def trusted_never(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every idle connection is asked whether it is alive before it is used, however short it was idle."""
    for module in (_async_pool, _sync_pool):
        monkeypatch.setattr(module, "TRUSTED_IDLE", -1.0)


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that does not answer is cut soon."""
    for module in (_aio, _sio, _async_base, _sync_base):
        monkeypatch.setattr(module, "GRACE", 0.2)
    for module in (_async_base, _sync_base):
        monkeypatch.setattr(module, "UNDO_LIMIT", 0.2)
