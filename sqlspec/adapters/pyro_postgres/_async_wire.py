# The synchronous twin is generated from this file by tools/unasync.py. Written for pyro-postgres 0.3.1.
"""The driver's connection, kept in step with the server after every failure.

After an error the driver leaves a part of the server's answer unread, and gives it to the next call as that call's
own. Two empty exchanges bring it back in step, and prove it: an empty pipeline reads up to the end of an answer, and
an empty batch fails when it finds one unread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.adapters.pyro_postgres._aio import Stopper, finish, start
from sqlspec.adapters.pyro_postgres._errors import is_aborted, lost, read
from sqlspec.adapters.pyro_postgres._native import NATIVE_ERRORS, PostgresError
from sqlspec.driver._aio import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlspec.driver._sockets import Link
    from sqlspec.driver._types import DriverStatus

__all__ = ("AsyncWire",)

_ROUNDS = 4
"""Tries to get in step. More than two were never needed, but in a transaction that hides a second error."""

_PROBE = "savepoint sqlspec_probe; release sqlspec_probe"


class AsyncWire:
    """One connection, and what is known of its state.

    Attributes:
        connection: The driver's own object.
        pid: Process ID of the server's backend.
        broken: It must not be used again.
        unsettled: A call may not have ended properly, so the connection is brought in step before the next one.
        lent: The user has the driver's own object: nobody notes what fails there, so each call of ours settles it.
        flawless: No call has failed since this was set, so the server cannot have aborted a transaction in between.
        state: The transaction status, as far as it follows from what went over this connection.
        stopper: Stops a call on the server when its task is cancelled.
        link: Its socket; `None` for a Unix socket, or one that was not found.
    """

    __slots__ = ("broken", "connection", "flawless", "lent", "link", "pid", "state", "stopper", "unsettled")

    def __init__(self, connection: Any, pid: int, stopper: Stopper) -> None:
        self.connection = connection
        self.pid = pid
        self.stopper = stopper
        self.link: Link | None = None
        self.broken = False
        self.unsettled = False
        self.lent = False
        self.flawless = False
        self.state: DriverStatus = "idle"

    # -- calls ------------------------------------------------------------------------------------

    async def rows(self, statement: Any, values: Sequence[Any] = ()) -> list[Any]:
        """Run a prepared statement; its columns are read with the types that the server sends along."""
        if self.unsettled:
            await self.settle()
        self.unsettled = True
        try:
            answer: Any = self.connection.exec(statement, values)
            answer = await finish(answer, self)  # async-only
        except BaseException as error:
            await self.recover(error)
            raise
        self.unsettled = self.lent
        return answer  # type: ignore[no-any-return]

    async def named_rows(self, statement: Any, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run a prepared statement for rows as dicts."""
        answer: list[dict[str, Any]] = await self.call(self.connection.exec, statement, values, as_dict=True)
        return answer

    async def count(self, statement: Any, values: Sequence[Any] = ()) -> int:
        """Run a prepared statement; return the count of its command tag, 0 when that has none."""
        if self.unsettled:
            await self.settle()
        self.unsettled = True
        try:
            answer: Any = self.connection.exec_drop(statement, values)
            answer = await finish(answer, self)  # async-only
        except BaseException as error:
            await self.recover(error)
            raise
        self.unsettled = self.lent
        return answer  # type: ignore[no-any-return]

    async def script(self, text: str) -> int:
        """Run statements without parameters; return the count of the last command tag."""
        answer: int = await self.call(self.connection.query_drop, text)
        return answer

    async def query(self, text: str) -> list[Any]:
        """Run statements whose columns are all of type text; return the rows of all."""
        answer: list[Any] = await self.call(self.connection.query, text)
        return answer

    async def prepare(self, text: str) -> Any:
        """Prepare a statement on the server."""
        return await self.call(self.connection.prepare, text)

    async def batch(self, statement: Any, rows: Sequence[Sequence[Any]]) -> None:
        """Run a prepared statement for each row of values; what it returns is dropped."""
        await self.call(self.connection.exec_batch, statement, rows)

    async def swapped_rows(self, statement: Any, values: Sequence[Any], named: bool = False) -> list[Any]:
        """Run a prepared statement; its columns are read with the types that it was prepared with."""
        (rows,) = await self.many_rows(statement, (values,), named)
        return rows  # type: ignore[no-any-return]

    async def many_rows(self, statement: Any, values: Sequence[Sequence[Any]], named: bool = False) -> list[Any]:
        """Do the same for several rows of values."""
        answers: list[Any] = []
        await self.each_rows([(statement, row) for row in values], answers.append, named)
        return answers

    async def each_rows(
        self, runs: Sequence[tuple[Any, Sequence[Any]]], take: Callable[[list[Any]], None], named: bool = False
    ) -> None:
        """Do the same for several statements, and hand over each answer while the server is at the next.

        Outside a transaction they are one of their own, which the server commits behind the last.

        Args:
            runs: The driver's object of a statement and its parameters, for one run after the other.
            take: Takes the rows of one run. Must not raise: answers would be left unread.
            named: Rows are dicts.
        """
        await self.call(lambda: start(self._pipeline(runs, take, named)))

    async def _pipeline(
        self, runs: Sequence[tuple[Any, Sequence[Any]]], take: Callable[[list[Any]], None], named: bool = False
    ) -> int:
        """Send all, then take each answer; return the number of answers."""
        pipeline: Any = None
        try:
            async with self.connection.pipeline() as pipeline:
                tickets = [pipeline.exec(statement, values) for statement, values in runs]
                await pipeline.sync()
                for ticket in tickets:
                    take(await pipeline.claim_collect(ticket, as_dict=named))
                return len(tickets)
        finally:
            # The traceback of an error would keep it, and no other thread may be the one that lets it go.
            pipeline = None

    async def call(self, operation: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Call a method of the driver's connection."""
        if self.unsettled:
            await self.settle()
        self.unsettled = True
        try:
            answer = operation(*args, **named)
            answer = await finish(answer, self)  # async-only
        except BaseException as error:
            await self.recover(error)
            raise
        self.unsettled = self.lent
        return answer

    # -- keeping in step --------------------------------------------------------------------------

    async def recover(self, error: BaseException) -> None:
        """Bring the connection in step after a call that failed, or mark it as broken."""
        self.flawless = False
        ended, self.stopper.failure = self.stopper.failure, None
        fault = read(ended or error)
        if fault.unsent and self.stopper.request is None:
            self.unsettled = self.lent
        elif fault.lost or self.stopper.abandoned or type(error).__name__ == "PanicException":
            self.mark_broken()
        elif not self.broken:
            if fault.from_server and self.state == "active":
                self.state = "failed"
            # A second interruption must not leave the connection in between.
            await uninterrupted(lambda: self._resync(fault.from_server))

    async def settle(self) -> None:
        """Bring the connection in step when a call was cut off somewhere.

        Raises:
            PostgresError: It cannot be done.
        """
        if not self.broken:
            await uninterrupted(lambda: self._resync(False))
        if self.broken:
            raise lost("the connection was closed after a call that was interrupted")

    async def _resync(self, plain: bool) -> None:
        """Exchange empty messages until nothing is left unread, and no request of `cancel` can hit what is sent next.

        Args:
            plain: The cause is an error of the server alone: one answer is left unread, which is read at once.
        """
        self.flawless = False
        self.unsettled = self.broken = True
        if self.stopper.request is not None:
            # One that comes too late finds nothing to stop in an empty exchange.
            plain = False
            if not await self.stopper.let_request_pass():
                self.mark_broken()
                return
        if plain:
            in_step = await self._exchange() != "more"
        else:
            in_step = False
            for _ in range(_ROUNDS):
                try:
                    await self._pipeline((), _drop)
                except NATIVE_ERRORS as error:
                    if read(error).lost:
                        break
                in_step = await self._exchange() == "clean"
                if in_step:
                    break
        self.broken, self.unsettled = not in_step, self.lent
        if not in_step:
            self.mark_broken()

    async def _exchange(self) -> str:
        """Exchange empty messages; tell whether all was read before (`clean`), or is now (`read`), or not."""
        try:
            await self.connection.exec_batch("", [()])
        except NATIVE_ERRORS as error:
            if is_aborted(error):
                return "clean"
            return "read" if str(error).endswith("got 'Z'") else "more"
        return "clean"

    def mark_broken(self) -> None:
        """Note that the connection is of no use any more."""
        self.broken = self.unsettled = True
        self.state = "unknown"

    # -- transactions -----------------------------------------------------------------------------

    async def ask_state(self) -> None:
        """Find out the transaction status by a savepoint, which exists in a transaction only."""
        if self.broken:
            return
        self.state = "unknown"
        try:
            await self.script(_PROBE)
        except PostgresError as error:
            if self.broken:
                return
            self.state = "failed" if is_aborted(error) else "idle"
        else:
            self.state = "active"


def _drop(rows: list[Any]) -> None:
    """Take rows that nobody wants."""
