"""PgBouncer before a server: one database in transaction mode, the same in session mode."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import psycopg

from sqlspec.testing._binaries import server_account, server_environment
from sqlspec.testing._cluster import HOST, _free_port, _make_scratch, _shut_down
from tests.integration.faults.debian import pgbouncer

__all__ = ("SESSIONS", "Pooler")

SESSIONS = 3
"""Sessions of the server that are lent, each time the one that waited longest."""

_CONFIGURATION = """\
[databases]
by_transaction = {place} pool_mode=transaction
by_session = {place} pool_mode=session
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
default_pool_size = {sessions}
min_pool_size = {sessions}
server_round_robin = 1
ignore_startup_parameters = {ignored}
query_wait_timeout = 20
"""


class Pooler:
    """PgBouncer, in a process of its own. A context manager: leaving it ends the process.

    Args:
        dsn: URL of the server's database.
        ignored: Settings given when connecting that it drops without a word; it refuses all others.

    Attributes:
        dsn: The database in transaction mode.
        session_dsn: The database in session mode.
    """

    def __init__(self, dsn: str, ignored: str = "") -> None:
        self._server = urlsplit(dsn)
        self._ignored = ignored
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            self._start(cleanup)
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def fill(self) -> None:
        """Have every session of the server opened that may be lent: by itself the pooler takes its time for that."""
        with ExitStack() as clients:
            for _ in range(SESSIONS):
                clients.enter_context(psycopg.connect(self.dsn)).execute("select 1")  # begins a transaction

    def _start(self, cleanup: ExitStack) -> None:
        account = server_account(None)  # it does not run as root either
        folder = _make_scratch(account)
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        program = pgbouncer()
        port = _free_port()
        user = self._server.username or "postgres"
        self.dsn = f"postgresql://{user}@{HOST}:{port}/by_transaction"
        self.session_dsn = f"postgresql://{user}@{HOST}:{port}/by_session"
        libraries = [_copied(path, folder) for path in _libraries(program.environment)]
        users = folder / "users"
        users.write_text(f'"{unquote(user)}" ""\n')
        settings = folder / "settings.ini"
        settings.write_text(
            _CONFIGURATION.format(
                place=self._place(), host=HOST, port=port, users=users, sessions=SESSIONS, ignored=self._ignored
            )
        )
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [_copied(program.path, folder), settings],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**server_environment(), "LD_LIBRARY_PATH": ":".join(map(str, libraries))},
                user=account.uid,
                group=account.gid,
                extra_groups=account.groups,
            )
        cleanup.callback(_shut_down, process)
        deadline = time.monotonic() + 20
        while not _listens(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "PgBouncer does not listen"
            time.sleep(0.01)

    def _place(self) -> str:
        server = self._server
        given = {
            "host": server.hostname,
            "port": server.port,
            "dbname": server.path.lstrip("/"),
            "user": unquote(server.username or "postgres"),
            "password": unquote(server.password) if server.password else None,
        }
        return " ".join(f"{key}={value}" for key, value in given.items() if value)


def _libraries(environment: dict[str, str]) -> list[Path]:
    return [Path(part) for part in environment.get("LD_LIBRARY_PATH", "").split(":") if part]


def _copied(path: Path, folder: Path) -> Path:
    """Return a copy in a folder that the program's account can enter, for what only this process can read."""
    if not path.is_relative_to(Path(__file__).parents[3]):
        return path
    target = folder / path.name
    if path.is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copy(path, target)
    return target


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
