"""One PostgreSQL cluster on disk and the processes that serve it. `EmbeddedPostgres` is the public face."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlspec.testing._binaries import Account, programs_for, server_account, server_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

__all__ = ("HOST", "Cluster", "StartError", "prepare")

HOST = "127.0.0.1"
_PORT_TAKEN = "could not bind"
_PORT_ATTEMPTS = 5
_POLL_SECONDS = 0.01
# `sun_path` has 104 bytes on macOS and 108 on Linux, with a final NUL.
_SOCKET_PATH_BYTES = 103
# Each signal with the seconds that the server gets for it: fast shutdown, immediate shutdown, the end.
_SHUTDOWN = ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))
# The guard reads from a pipe that only Python writes to. A line means a normal stop; the end of the pipe
# without a line means that Python is gone, however that happened.
_GUARD_SCRIPT = """
read -r line && exit 0
"$1" stop -D "$2" -m fast -t 20 || "$1" stop -D "$2" -m immediate -t 10
rm -rf "$3"
"""


class StartError(Exception):
    """The server did not come up. `log` is the output to show."""

    def __init__(self, reason: str, log: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.log = log


class Cluster(NamedTuple):
    """Where a cluster is and who serves it.

    Attributes:
        account: Identity of the server's processes.
        programs: Folder of the PostgreSQL programs, runnable by the account.
        data_dir: The data directory.
        scratch: A short-lived folder of the account, for the socket and everything temporary.
    """

    account: Account
    programs: Path
    data_dir: Path
    scratch: Path

    @property
    def log_path(self) -> Path:
        """Return the server's log."""
        return self.data_dir / "server.log"

    @property
    def is_new(self) -> bool:
        """Tell whether `initdb` is still to be done."""
        return not (self.data_dir / "PG_VERSION").exists()

    def initdb(self, version: int, deadline: float) -> None:
        """Create the cluster: UTF-8, the code point order, superuser `postgres`, no password.

        Raises:
            StartError: With the output of `initdb`.
        """
        command: list[str | Path] = [self.programs / "initdb", "--pgdata", self.data_dir]
        command += ["--username=postgres", "--auth=trust"]
        command += ["--encoding=UTF8", "--no-sync", "--no-instructions"]
        # The same order and case rules on every platform: since version 17 the server brings its own (manual,
        # section 23.1.4). macOS has no locale with the rules of C.UTF-8 to offer to earlier versions.
        if version >= 17:
            command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        else:
            command.append("--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C")
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=max(deadline - time.monotonic(), 0),
                check=False,
                cwd=self.scratch,
                env=server_environment(),
                user=self.account.uid,
                group=self.account.gid,
                extra_groups=self.account.groups,
            )
        except subprocess.TimeoutExpired as error:
            raise StartError("initdb did not end in time", _text(error.output or b"")) from None
        except OSError as error:
            raise StartError(f"initdb cannot be run ({error})", "") from error
        if done.returncode:
            raise StartError(f"initdb ended with status {done.returncode}", _text(done.stdout))

    def serve(self, settings: Mapping[str, str], deadline: float, cleanup: ExitStack) -> int:
        """Start the server on a free port, wait until it is ready, and leave its shutdown to the exit stack.

        Returns:
            The port.

        Raises:
            StartError: With what the server wrote to its log in this attempt.
        """
        log = ""
        for _ in range(_PORT_ATTEMPTS):
            port = _free_port()
            process, log_start = self._spawn(port, settings)
            try:
                failure = self._wait_until_ready(process, deadline)
            except BaseException:
                _shut_down(process)
                raise
            if failure is None:
                cleanup.callback(_shut_down, process)
                return port
            _shut_down(process)
            log = _text(self.log_path.read_bytes()[log_start:])
            # Another process may take the port between our look and the server's bind.
            if _PORT_TAKEN not in log:
                raise StartError(failure, log)
        raise StartError(f"no port was free in {_PORT_ATTEMPTS} attempts", log)

    def psql(self, port: int, sql: str) -> subprocess.CompletedProcess[str]:
        """Run one statement as superuser in the database `postgres`; rows come as lines."""
        command: list[str | Path] = [self.programs / "psql", "--no-psqlrc", "--quiet"]
        command += ["--no-align", "--tuples-only"]
        command += ["--host", self.scratch, "--port", str(port), "--username=postgres", "--dbname=postgres"]
        return subprocess.run(
            [*command, "--command", sql],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=server_environment(),
            check=False,
        )

    def guard(self, cleanup: ExitStack) -> None:
        """Start the process that stops the server and removes the scratch folder if Python is killed."""
        process = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD_SCRIPT, "guard", self.programs / "pg_ctl", self.data_dir, self.scratch],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=server_environment(),
            start_new_session=True,
            user=self.account.uid,
            group=self.account.gid,
            extra_groups=self.account.groups,
        )
        cleanup.callback(_dismiss, process)

    def _spawn(self, port: int, settings: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
        own = {"listen_addresses": HOST, "port": str(port), "unix_socket_directories": str(self.scratch)}
        arguments = [part for name, value in {**settings, **own}.items() for part in ("-c", f"{name}={value}")]
        with open(os.open(self.log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as log:
            self.account.own(self.log_path)
            log_start = self.log_path.stat().st_size
            try:
                process = subprocess.Popen(
                    [self.programs / "postgres", "-D", self.data_dir, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.scratch,
                    env=server_environment(),
                    # Ctrl-C in the terminal must reach the tests but not the server, which they still need.
                    start_new_session=True,
                    user=self.account.uid,
                    group=self.account.gid,
                    extra_groups=self.account.groups,
                )
            except OSError as error:
                raise StartError(f"the server cannot be run ({error})", "") from error
        return process, log_start

    def _wait_until_ready(self, process: subprocess.Popen[bytes], deadline: float) -> str | None:
        """Return `None` when the server accepts connections, else why it does not."""
        while process.poll() is None:
            if self._is_ready(process.pid):
                return None
            if time.monotonic() > deadline:
                return "the server was not ready in time"
            time.sleep(_POLL_SECONDS)
        return f"the server ended with status {process.returncode}"

    def _is_ready(self, pid: int) -> bool:
        # Line 1 is the process id, line 8 the state. The file may be an earlier server's, or half written.
        try:
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def prepare(installed: Path, given_dir: Path | None, cleanup: ExitStack) -> Cluster:
    """Make the folders of a cluster and leave their removal to the exit stack.

    Args:
        installed: Folder of the installed PostgreSQL programs.
        given_dir: Data directory to use and keep; `None` for a temporary one.
        cleanup: Undoes everything, in reverse order.
    """
    account = server_account(given_dir)
    scratch = _make_scratch(account)
    cleanup.callback(shutil.rmtree, scratch, ignore_errors=True)
    data_dir = given_dir or scratch / "data"
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not any(data_dir.iterdir()):
        account.own(data_dir)
    return Cluster(account, programs_for(account, installed, scratch), data_dir, scratch)


def _make_scratch(account: Account) -> Path:
    """Make a folder that the account can enter and whose path is short enough for a socket."""
    place = Path(tempfile.gettempdir()).resolve()
    longest = place / "sqlspec-pg-12345678" / ".s.PGSQL.65535"
    if len(os.fsencode(longest)) > _SOCKET_PATH_BYTES or not (account.uid is None or _open_to_all(place)):
        place = Path("/tmp")
    scratch = Path(tempfile.mkdtemp(prefix="sqlspec-pg-", dir=place))
    account.own(scratch)
    return scratch


def _open_to_all(folder: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (folder, *folder.parents))


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _shut_down(process: subprocess.Popen[bytes]) -> None:
    for number, seconds in _SHUTDOWN:
        process.send_signal(number)  # does nothing once the process has been waited for
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return


def _dismiss(guard: subprocess.Popen[bytes]) -> None:
    try:
        guard.communicate(b"stopped\n", timeout=5)
    except subprocess.TimeoutExpired:
        guard.kill()
        guard.wait()


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")
