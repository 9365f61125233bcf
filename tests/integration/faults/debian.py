"""Programs of Debian 12: those of this machine, or else of packages that are fetched and unpacked, without root.

PgBouncer 1.18, and a PostgreSQL that is built with OpenSSL, which the embedded one is not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ("Program", "pgbouncer", "postgres_programs")

CACHE = Path(__file__).parents[3] / "build" / "debian"

_POSTGRES = Path("/usr/lib/postgresql/15/bin")
# With the libraries that a machine without them lacks most likely; others, such as OpenSSL, are always there.
_PGBOUNCER_PACKAGES = ("pgbouncer", "libc-ares2", "libevent-2.1-7")
_POSTGRES_PACKAGES = ("postgresql-15", "postgresql-client-15", "libpq5", "libldap-2.5-0", "libxml2", "libicu72")
_FETCHING = 120


class Program(NamedTuple):
    """A program and the environment that it needs."""

    path: Path
    environment: dict[str, str]


@cache
def pgbouncer() -> Program:
    """Return PgBouncer.

    Raises:
        RuntimeError: It is neither there nor to be had.
    """
    path = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if path is not None:
        return Program(Path(path), {})
    root = _unpacked(_PGBOUNCER_PACKAGES)
    found = Program(root / "usr/sbin/pgbouncer", _library_path(root))
    _try(found)
    return found


@cache
def postgres_programs() -> Path:
    """Return the folder with the programs of PostgreSQL 15.

    Raises:
        RuntimeError: They are neither there nor to be had.
    """
    if (_POSTGRES / "postgres").exists():
        return _POSTGRES
    root = _unpacked(_POSTGRES_PACKAGES)
    folder = root / _POSTGRES.relative_to("/")
    os.environ.update(_library_path(root))  # `Cluster` runs them with the environment of this process
    _try(Program(folder / "postgres", {}))
    return folder


def _library_path(root: Path) -> dict[str, str]:
    folders = [str(folder) for folder in (root / "usr/lib").glob("*-linux-gnu")]
    return {"LD_LIBRARY_PATH": ":".join(folders + os.environ.get("LD_LIBRARY_PATH", "").split(":"))}


def _try(program: Program) -> None:
    done = _run([str(program.path), "--version"], Path.cwd(), program.environment)
    if done.returncode:
        raise RuntimeError(f"cannot run {program.path}: {_words(done)}; install the package that it belongs to")


def _unpacked(packages: Sequence[str]) -> Path:
    """Return the folder that the packages are unpacked in."""
    root = CACHE / packages[0]
    if root.is_dir():
        return root
    CACHE.mkdir(parents=True, exist_ok=True)
    work = CACHE / f"{packages[0]}.{os.getpid()}"
    work.mkdir()
    try:
        _download(packages, work)
        for package in work.glob("*.deb"):
            done = _run(["dpkg-deb", "-x", package.name, "root"], work)
            if done.returncode:
                raise RuntimeError(f"cannot unpack {package.name}: {_words(done)}")
        try:
            (work / "root").rename(root)
        except OSError:  # another process of the tests was faster
            assert root.is_dir()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return root


def _download(packages: Sequence[str], folder: Path) -> None:
    done = _run(["apt-get", "download", *packages], folder)
    if done.returncode:  # the lists of packages may be missing, and those of the system are root's to fetch
        state = folder / "apt"
        (state / "lists" / "partial").mkdir(parents=True)
        own = ["-o", f"Dir::State::lists={state}/lists", "-o", f"Dir::Cache={state}", "-o", "Debug::NoLocking=1"]
        _run(["apt-get", *own, "update"], folder)
        done = _run(["apt-get", *own, "download", *packages], folder)
    if done.returncode:
        raise RuntimeError(
            f"cannot fetch {packages[0]}: {_words(done)}; install the package, or run the tests on Debian 12 with a "
            "network"
        )


def _run(
    command: list[str], folder: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    start = time.monotonic()
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_FETCHING,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        words = f"{command[0]}: {error} ({time.monotonic() - start:.0f} s)"
        return subprocess.CompletedProcess(command, 1, "", words)


def _words(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stderr or done.stdout).split())[-400:] or "it failed without a word"
