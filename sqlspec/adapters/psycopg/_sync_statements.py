# Generated from _async_statements.py by tools/unasync.py. Do not edit.
"""Statements prepared on one connection: kept, made ready, described anew, closed; and the rows they give."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg import pq

from sqlspec.adapters.psycopg import _protocol as protocol
from sqlspec.adapters.psycopg._types import (
    DECODE_ERRORS,
    columns_on_wire,
    decode_slowly,
    row_loaders,
    select_as_text,
)
from sqlspec.core.result import RawResult
from sqlspec.driver._sync_learning import with_types
from sqlspec.driver._sync_prepared import SyncPreparedStatements
from sqlspec.exceptions import staleness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from psycopg.pq.abc import PGresult

    from sqlspec.adapters.psycopg._sync_native import SyncNative
    from sqlspec.adapters.psycopg._types import RowLoaders
    from sqlspec.core.plan import Plan
    from sqlspec.core.result import Column
    from sqlspec.driver._statements import Derived
    from sqlspec.exceptions import Staleness

__all__ = ("SyncStatements", "Prepared")

TUPLES_OK = pq.ExecStatus.TUPLES_OK
SQLSTATE = pq.DiagnosticField.SQLSTATE
MESSAGE = pq.DiagnosticField.MESSAGE_PRIMARY
IDLE, INERROR = pq.TransactionStatus.IDLE, pq.TransactionStatus.INERROR


Send: TypeAlias = "Callable[[bytes, list[bytes | None], list[int], int], None]"


class Prepared:
    """A statement prepared on one connection.

    Attributes:
        send: Sends it, called with its name, its parameters, their formats and that of its rows.
        text: The statement that was prepared in place of the user's, to get some columns as text.
        wire: The columns as they are sent.
        learnt: Generation of the codecs; `None` when all types are built in.
    """

    __slots__ = ("columns", "encode", "formats", "learnt", "loaders", "name", "oids", "send", "text", "used", "wire")

    encode: Callable[[Sequence[Any]], list[bytes | None]]
    formats: list[int]
    loaders: RowLoaders
    learnt: int | None
    send: Send

    def __init__(
        self,
        name: bytes,
        oids: tuple[int, ...],
        columns: tuple[Column, ...],
        wire: tuple[Column, ...],
        text: str | None,
    ) -> None:
        self.name = name
        self.oids = oids
        self.columns = columns
        self.wire = wire
        self.text = text
        self.used = True


class SyncStatements(SyncPreparedStatements[Prepared]):
    """The prepared statements of one connection."""

    __slots__ = ("_connection", "_forgotten", "_names", "_pgconn")

    def __init__(
        self,
        connection: SyncNative[Any],
        derived: Derived,
        cached: int,
        learn: Callable[[Iterable[int]], None],
    ) -> None:
        super().__init__(derived, cached, learn)
        self._connection = connection
        self._pgconn = connection.pgconn
        self._forgotten: list[bytes] = []
        self._names = itertools.count(1)

    # -- making ready -----------------------------------------------------------------------------

    def prepare(self, sql: str) -> Prepared:
        name, described = self._parse(sql)
        oids = tuple(described.param_type(at) for at in range(described.nparams))
        columns = self._derived.columns(protocol.columns_of(described))
        types = (*oids, *(column.oid for column in columns))
        codecs = self._derived.codecs
        self._learn(types)
        learnt = codecs.stamp(types)
        wire, text = columns_on_wire(columns, codecs), None
        if wire is not columns:
            text = select_as_text(sql, columns, wire)
            if text is None:
                wire = columns
        prepared = Prepared(name, oids, columns, wire, text)
        prepared.learnt = learnt
        prepared.encode = codecs.encoder(oids)
        prepared.formats = [0 if (codec := codecs.get(oid)) is None or codec.is_text_fallback else 1 for oid in oids]
        prepared.loaders = row_loaders(self._connection, wire, codecs)
        if text is not None:  # last: while it waits, another connection may make all forget the types
            self._forgotten.append(name)
            prepared.name, _ = self._parse(text)
        prepared.send = self.sender(sql, prepared)
        self.keep(sql, prepared)
        return prepared

    def sender(self, sql: str, prepared: Prepared) -> Send:
        """Return the function that sends a statement."""
        return self._pgconn.send_query_prepared

    def _parse(self, sql: str) -> tuple[bytes, PGresult]:
        """Prepare a statement on the server, closing old ones in the same round trip; return its name and description.

        Statements are closed by protocol (message Close): that is no error for one that is gone already, and allowed
        in an aborted transaction, which SQL's DEALLOCATE is not.
        """
        name = self.new_name().encode() if self.kept else b""
        pgconn = self._pgconn
        closed, self._forgotten = self._forgotten, []
        commands = [
            *(partial(pgconn.send_close_prepared, old) for old in closed),
            partial(pgconn.send_prepare, name, sql.encode()),
            partial(pgconn.send_describe_prepared, name),
        ]
        answers: list[PGresult] = []
        absorbed = self._connection.absorbed
        try:
            self.pipeline(iter(commands), lambda _, result: answers.append(result))
            if self._connection.absorbed != absorbed:  # what was to be stopped is about to begin
                raise protocol.stopped()
        except BaseException as error:
            self._forgotten.append(name)  # cancelled, it may exist all the same
            protocol.set_sent(error, sql)
            raise
        return name, answers[-1]

    def pipeline(self, commands: Iterator[Callable[[], Any]], receive: Callable[[int, PGresult], None]) -> None:
        """Run many commands in one round trip; see `_protocol.pipeline`."""
        self._connection.wait(protocol.pipeline(self._pgconn, commands, receive))

    def new_name(self) -> str:
        """Return a name that nothing of this connection has."""
        return f"sqlspec_{next(self._names)}"

    # -- after a change of the schema -------------------------------------------------------------

    def prepare_again(self, plan: Plan, known: Prepared, result: PGresult) -> Prepared:
        """Prepare anew after a change of the schema; raise whatever else it is.

        Inside a transaction the error has already aborted it, so it must reach the user. So must that of a procedure,
        which may have committed before.
        """
        error = protocol.failure(result)
        stale = self.discard_stale(plan, error)
        if stale and self._pgconn.transaction_status == IDLE and plan.reads_or_writes:
            prepared = self.prepare(plan.sql)
            if stale == "surely" or prepared.oids != known.oids:
                return prepared
        raise error

    def can_prepare(self) -> bool:
        return self._pgconn.transaction_status != INERROR

    def is_inside(self) -> bool:
        return self._pgconn.transaction_status != IDLE

    def release(self, entries: Iterable[Prepared]) -> None:
        self._forgotten += [prepared.name for prepared in entries]

    def discard_stale(self, plan: Plan, error: BaseException) -> Staleness:
        """Forget what the schema has left behind; tell whether that may be why a statement failed."""
        stale: Staleness = ""
        if isinstance(error, psycopg.Error):
            stale = staleness(error.diag.sqlstate, error.diag.message_primary or "", plan.arity)
            self.forget_stale(plan.sql, stale)
        return stale

    def still_gives(self, prepared: Prepared, described: PGresult) -> bool:
        """Tell whether a description has the columns that a statement was prepared with."""
        return prepared.text is not None or protocol.columns_of(described) == prepared.columns

    # -- rows -------------------------------------------------------------------------------------

    def rows(self, prepared: Prepared, result: PGresult) -> RawResult:
        """Decode a result that has the columns of a prepared statement; the driver's `execute` does the same in place.

        Raises:
            MissingTypesError: `late_rows` can decode it once the connection is free.
        """
        if result.status != TUPLES_OK:
            return RawResult((), (), "tuple", result.command_tuples)
        loaders = prepared.loaders
        loaders.set_pgresult(result, set_loaders=False)
        try:
            rows = loaders.load_rows(0, result.ntuples, tuple)
        except DECODE_ERRORS:
            rows = decode_slowly(result, prepared.wire, self._derived.codecs)
        finally:
            loaders.set_pgresult(None, set_loaders=False)  # or the cache would keep each statement's last rows
        return RawResult(rows, prepared.columns, "tuple", result.command_tuples)

    def late_rows(self, prepared: Prepared, result: PGresult) -> RawResult:
        """Decode a result whose values hold types that were not known."""
        rows = self.decode_slowly(prepared, result)
        return RawResult(rows, prepared.columns, "tuple", result.command_tuples)

    def decode_slowly(self, prepared: Prepared, result: PGresult) -> list[tuple[Any, ...]]:
        """Decode by our codecs alone, which learn the types that stand in the values themselves."""
        return with_types(self._learn, decode_slowly, result, prepared.wire, self._derived.codecs)
