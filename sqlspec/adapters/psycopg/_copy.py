"""COPY in both directions at the level of libpq, shared by both flavours. Written for psycopg 3.3."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import pq
from psycopg.generators import execute as run
from psycopg.generators import fetch_many
from psycopg.waiting import Ready, Wait

from sqlspec.adapters.psycopg import _protocol as protocol
from sqlspec.postgres.sql import quote_identifier, quote_qualified

if TYPE_CHECKING:
    from collections.abc import Generator

    from psycopg.pq.abc import PGconn, PGresult

    from sqlspec.driver._types import CopyTarget
    from sqlspec.postgres.arrow._wire import Sink

__all__ = ("CopyIn", "Rows")

_AT_ONCE = 256 << 10
"""Bytes put into libpq's buffer at a time: what the socket does not take is moved to the buffer's front, again and
again."""


class Functions(NamedTuple):
    """Addresses of functions of libpq."""

    get: int
    free: int
    consume: int


@cache
def functions() -> Functions | None:
    """Find functions of the very libpq that psycopg has loaded; there may be others in the process.

    Returns:
        Their addresses; `None` where the platform does not tell.
    """
    module: Any = sys.modules[pq.PGconn.__module__]
    try:
        # A compiled implementation is linked with libpq: a name is looked for in what it depends on, too.
        library = module.impl.pq if pq.__impl__ == "python" else ctypes.CDLL(module.__file__)
        if library.PQlibVersion() != pq.version():
            return None
        found = (library.PQgetCopyData, library.PQfreemem, library.PQconsumeInput)
    except (AttributeError, OSError):
        return None
    return Functions(*(ctypes.cast(function, ctypes.c_void_p).value or 0 for function in found))


def start(pgconn: PGconn, command: str) -> Generator[Wait, Ready | int, bool]:
    """Start a COPY.

    Returns:
        Whether that was interrupted. It may have started all the same: the server says so before the error.

    Raises:
        psycopg.Error: The server refuses it.
    """
    pgconn.send_query(command.encode())
    answer = run(pgconn)
    interrupted = False
    wanted = next(answer)
    try:
        while True:
            ready = yield wanted
            interrupted = interrupted or ready is None
            wanted = answer.send(ready or Ready.NONE)
    except StopIteration as stop:
        protocol.checked(stop.value[-1])
    return interrupted


def end(pgconn: PGconn) -> Generator[Wait, Ready | int, PGresult]:
    """Return the result of a COPY that has no more data, which may be an error."""
    results: list[PGresult] = yield from fetch_many(pgconn)
    return results[-1]


# -- from the client ------------------------------------------------------------------------------------------


class CopyIn:
    """A COPY from the client.

    Attributes:
        is_open: The COPY has not ended.
    """

    __slots__ = ("_pgconn", "is_open")

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self.is_open = False

    def start(self, target: CopyTarget) -> Generator[Wait, Ready | int, None]:
        """Start it, on a connection that is in no query."""
        columns = ", ".join(map(quote_identifier, target.columns))
        table = quote_qualified((target.schema, target.table))
        interrupted = yield from start(self._pgconn, f"copy {table} ({columns}) from stdin (format binary)")
        self.is_open = True
        if interrupted:
            yield from self._give_up()

    def send(self, piece: bytes) -> Generator[Wait, Ready | int, None]:
        """Send a piece of the stream."""
        interrupted = False
        view = memoryview(piece)
        for at in range(0, len(piece), _AT_ONCE):
            if not self._pgconn.put_copy_data(view[at : at + _AT_ONCE]):
                raise MemoryError  # the only reason that there is for an empty buffer
            interrupted = (yield from self._flush()) or interrupted
        if interrupted:
            yield from self._give_up()

    def end(self, reason: bytes | None = None) -> Generator[Wait, Ready | int, PGresult]:
        """End it; return what the server makes of it, which may be an error.

        Args:
            reason: Why it is to store nothing.
        """
        self.is_open = False
        self._pgconn.put_copy_end(reason)
        interrupted = yield from self._flush()
        result = yield from end(self._pgconn)
        if interrupted:
            raise psycopg.errors.QueryCanceled("interrupted")  # as in `_give_up`
        return result

    def _give_up(self) -> Generator[Wait, Ready | int, None]:
        yield from self.end(b"interrupted")
        raise psycopg.errors.QueryCanceled("interrupted")  # psycopg expects it, and raises what it was interrupted by

    def _flush(self) -> Generator[Wait, Ready | int, bool]:
        """Wait until all is sent; tell whether that was interrupted. It is sent all the same."""
        pgconn, interrupted = self._pgconn, False
        while True:
            ready = yield Wait.RW  # once at least: others may have to run
            interrupted = interrupted or ready is None
            if (ready or 0) & Ready.R:
                pgconn.consume_input()
            if not pgconn.flush():
                return interrupted


# -- to the client --------------------------------------------------------------------------------------------


class Rows:
    """Rows of a COPY to the client.

    Attributes:
        is_open: The COPY has not ended.
    """

    __slots__ = ("_functions", "_pgconn", "is_open")

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn: Any = pgconn  # the class of its type lacks the address
        self._functions = functions()
        self.is_open = False

    def start(self, query: str) -> Generator[Wait, Ready | int, None]:
        """Start the COPY of a query that has no parameters."""
        # The line breaks keep a comment at the end of the query from swallowing the parenthesis.
        interrupted = yield from start(self._pgconn, f"copy (\n{query}\n) to stdout (format binary)")
        self.is_open = True
        if interrupted:
            yield from self._give_up()

    def read(self, sink: Sink, size: int) -> Generator[Wait, Ready | int, bool]:
        """Give a sink about `size` bytes.

        Returns:
            Whether more may follow.

        Raises:
            psycopg.Error: The query has failed.
            WireError: From the sink; `drop` has to follow.
        """
        enough = sink.nbytes + size
        while self.is_open and sink.nbytes < enough:
            result = self._take(sink, enough - sink.nbytes)
            if result < 0:
                self.is_open = False
                protocol.checked((yield from end(self._pgconn)))
            elif result == 0 and (yield Wait.R) is None:
                yield from self._give_up()
        return self.is_open

    def _give_up(self) -> Generator[Wait, Ready | int, None]:
        yield from self.drop()
        raise psycopg.errors.QueryCanceled("interrupted")  # as in `CopyIn`

    def _take(self, sink: Sink, size: int) -> int:
        """Take rows that have come, without waiting.

        Returns:
            Positive when there may be more of them, 0 when the next has not come yet, negative at the end.
        """
        pgconn = self._pgconn
        if self._functions is not None:
            get, free, consume = self._functions
            return sink.drain(pgconn.pgconn_ptr or 0, get, free, size, consume)
        found: int
        while size > 0:
            found, data = pgconn.get_copy_data(1)
            if found == 0:
                pgconn.consume_input()
                found, data = pgconn.get_copy_data(1)
            if found <= 0:
                return found
            sink.feed(data)
            size -= found
        return 1

    def drop(self) -> Generator[Wait, Ready | int, None]:
        """Read to the end without looking at it. The server was asked to cancel."""
        self.is_open = False
        while (found := self._pgconn.get_copy_data(1)[0]) >= 0:
            if found == 0:
                yield Wait.R
                self._pgconn.consume_input()
        yield from end(self._pgconn)
