"""Loads of files that are slow, fail, or are given up in the middle: the table stays, and nobody else waits."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from sqlspec.exceptions import OperationalError, OperationCancelledError, QueryTimeoutError
from tests.integration.harness import FLAVOURS, Flavour

REAL = tuple(name for name in FLAVOURS if name != "stub")
pytestmark = pytest.mark.only(*REAL)
ASYNC = ("asyncpg", "psycopg", "psqlpy", "pyro")

FORMATS = ("parquet", "arrow", "csv", "jsonl", "csv.gz")
WRITTEN: dict[str, bytes] = {}
"""The file of each format, as the first test wrote it."""


class Slow(MemoryFileSystem):  # type: ignore[misc]
    """Files that wait, or fail, behind so many bytes.

    Attributes:
        after: How many.
        reached: Set when they have been read.
        goes_on: Reading goes on when it is set.
        failure: Raised then.
        is_open: Files that are open.
    """

    protocol = ("slow",)
    store: dict[str, Any] = {}
    pseudo_dirs = [""]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.after = 1 << 60
        self.reached, self.goes_on = threading.Event(), threading.Event()
        self.failure: Exception | None = None
        self.is_open = 0

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        file = super()._open(path, mode, **options)
        if mode != "rb":
            return file
        self.is_open += 1
        return Waiting(file.getvalue(), self)


class Waiting:
    closed = False

    def __init__(self, data: bytes, disk: Slow) -> None:
        self._data, self._disk, self._at = data, disk, 0
        self._left = disk.after

    def read(self, size: int = -1) -> bytes:
        if self._left <= 0:
            self._disk.reached.set()
            if not self._disk.goes_on.wait(60):
                raise AssertionError("nobody let it go on")
            if self._disk.failure is not None:
                raise self._disk.failure
        data = self._data[self._at : self._at + size if size >= 0 else None]
        self._at += len(data)
        self._left -= len(data)
        return data

    def seek(self, to: int, whence: int = 0) -> int:
        self._at = to + (0, self._at, len(self._data))[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def size(self) -> int:
        return len(self._data)

    def close(self) -> None:
        self._disk.is_open -= not self.closed
        self.closed = True


@pytest.fixture
def disk() -> Iterator[Slow]:
    made = Slow(skip_instance_cache=True)
    yield made
    made.goes_on.set()
    made.store.clear()


@pytest.fixture
async def session(config: Any, disk: Slow) -> AsyncIterator[Any]:
    async with config.provide_session() as opened:
        await prepare(opened, disk, *FORMATS)
        yield opened


async def prepare(session: Any, disk: Slow, *suffixes: str) -> None:
    await session.execute("create table t (n int, x text)")
    for suffix in suffixes:
        path = f"/t.{suffix}"
        if suffix not in WRITTEN:
            sql = "select n, md5(n::text) as x from generate_series(1, 60000) as n"
            await session.select_to_storage(sql, path, filesystem=disk, batch_size=10_000)
            WRITTEN[suffix] = disk.store[path].getvalue()
        disk.pipe(path, WRITTEN[suffix])
    await session.execute("insert into t values (0, 'kept')")


async def is_kept(session: Any) -> bool:
    kept: list[Any] = await session.select("select n, x from t", schema_type=tuple)
    return kept == [(0, "kept")]


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.002)


PLAIN: tuple[dict[str, Any], ...] = ({}, {"mode": "upsert", "key": ["n"]})
CAREFUL: tuple[dict[str, Any], ...] = ({"on_error": "quarantine"}, {"overwrite": True})


@pytest.mark.parametrize(
    ("suffix", "modes"),
    [("parquet", PLAIN), ("arrow", CAREFUL), ("csv", CAREFUL), ("jsonl", PLAIN), ("csv.gz", CAREFUL)],
    ids=FORMATS,
)
async def test_a_file_system_that_fails_in_the_middle(
    session: Any, disk: Slow, suffix: str, modes: tuple[dict[str, Any], ...]
) -> None:
    disk.after, disk.failure = 600_000, OSError(errno.EIO, "Input/output error")
    disk.goes_on.set()
    await session.execute("create unique index u on t (n)")
    for options in modes:
        with pytest.raises(OperationalError, match=r"cannot read 'slow://t\..*: input/output error; nothing is kept"):
            await session.load_from_storage("t", f"/t.{suffix}", filesystem=disk, **options)
        assert await is_kept(session)
        assert disk.is_open == 0
    disk.after, disk.failure = 1 << 60, None
    assert (await session.load_from_storage("t", f"/t.{suffix}", filesystem=disk)).rows == 60_000


@pytest.mark.only(*ASYNC)
@pytest.mark.parametrize("suffix", FORMATS)
async def test_a_file_that_is_waited_for_does_not_stop_the_event_loop(session: Any, disk: Slow, suffix: str) -> None:
    disk.after = 0
    load = asyncio.ensure_future(session.load_from_storage("t", f"/t.{suffix}", filesystem=disk))
    await until(disk.reached.is_set)  # by this loop, while the file is waited for
    assert not load.done()
    disk.goes_on.set()
    assert (await load).rows == 60_000
    assert disk.is_open == 0


@pytest.mark.only(*ASYNC)
@pytest.mark.parametrize(
    ("suffix", "inside"), [("parquet", True), ("arrow", False), ("csv", False), ("jsonl", True), ("csv.gz", True)]
)
async def test_a_load_that_waits_for_its_file_can_be_given_up(
    flavour: Flavour, disk: Slow, suffix: str, inside: bool
) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        await prepare(session, disk, suffix)
        disk.after = 600_000

        async def run() -> None:
            if inside:
                await session.begin()
            await session.load_from_storage("t", f"/t.{suffix}", filesystem=disk, overwrite=True)

        load = asyncio.ensure_future(run())
        await until(disk.reached.is_set)
        load.cancel()
        with pytest.raises(asyncio.CancelledError):
            await load
        if not inside:
            assert await is_kept(session)
        disk.goes_on.set()
        await until(lambda: disk.is_open == 0)
    async with config.provide_session() as session:
        assert await is_kept(session)
    assert config.stats().size == 1


@pytest.mark.only("psycopg-sync")
async def test_a_thread_that_waits_for_a_file_is_stopped_behind_it(session: Any, disk: Slow) -> None:
    disk.after = 600_000
    load = asyncio.ensure_future(session.load_from_storage("t", "/t.parquet", filesystem=disk, overwrite=True))
    await until(disk.reached.is_set)
    await session.cancel()
    disk.goes_on.set()
    with pytest.raises(OperationCancelledError):
        await load
    assert await is_kept(session)
    assert disk.is_open == 0


@pytest.mark.only(*ASYNC)
async def test_a_limit_counts_the_waiting_for_a_file(session: Any, disk: Slow) -> None:
    disk.after = 600_000
    with pytest.raises(QueryTimeoutError):
        await session.load_from_storage("t", "/t.csv", filesystem=disk, timeout=0.3)
    assert await is_kept(session)
    disk.goes_on.set()
    await until(lambda: disk.is_open == 0)
