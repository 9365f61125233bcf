"""An adapter that can do almost nothing: the contract's own defaults must carry the suite.

It prepares nothing ahead, counts nothing, hides SQLSTATE and transaction status, and gives rows as dicts. psycopg is
no more than its transport.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result
from psycopg.generators import execute as run

from sqlspec.adapters.psycopg import _protocol as libpq
from sqlspec.core.capabilities import NATIVE, AdapterSpec, Capabilities, Support
from sqlspec.core.result import Described, RawResult
from sqlspec.driver._async_config import AsyncConfig
from sqlspec.driver._async_driver import AsyncDriver
from sqlspec.driver._features import DriverFeatures
from sqlspec.driver._types import DriverStatus
from sqlspec.exceptions import DatabaseConnectionError, ErrorInfo
from sqlspec.postgres.errors import check_session
from sqlspec.postgres.settings import KeyDialect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from psycopg.pq.abc import PGresult

    from sqlspec.core.plan import Plan
    from sqlspec.driver._statements import Derived
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("StubConfig", "StubDriver")

_NO = Support("no", "the stub offers no interface for it", "never")
_OURS = Support("emulated", "the driver layer does it with plain statements")

SPEC = AdapterSpec(
    name="stub",
    dialect="postgres",
    parameter_style="numeric",
    tested_with="psycopg>=3.3.9,<3.4",
    capabilities=Capabilities(
        rows_affected=_NO,
        columns_when_empty=NATIVE,
        duplicate_columns=_NO,
        sqlstate=_NO,
        error_position=_NO,
        usable_after_error=NATIVE,
        savepoints=_OURS,
        isolation=_OURS,
        multi_statement=NATIVE,
        execute_many_returning=_OURS,
        stream=_NO,
        stack_in_one_trip=_OURS,
        listen=_NO,
        concurrent_calls=NATIVE,
        cancel=_NO,
        copy_in=_NO,
        copy_out=_NO,
        arrow_in=_NO,
        arrow_out=_NO,
        tls=NATIVE,
    ),
)


class StubDriver(AsyncDriver):
    """One connection that answers with dicts and knows nothing about itself."""

    __slots__ = ("_connection",)

    spec = SPEC
    native_errors = (psycopg.Error,)

    def __init__(self, connection: psycopg.AsyncConnection[Any], derived: Derived) -> None:
        self._connection = connection
        self.derived = derived

    @classmethod
    async def connect(cls, settings: ConnectionSettings, derived: Derived) -> StubDriver:
        try:
            connection = await psycopg.AsyncConnection.connect(autocommit=True, **libpq.connect_options(settings))
        except BaseException as error:
            error.__traceback__ = None  # or an interrupted attempt stays open as long as the error lives
            raise
        try:
            check_session(*libpq.session_parameters(connection.pgconn))
        except BaseException:
            await connection.close()
            raise
        return cls(connection, derived)

    @property
    def connection(self) -> psycopg.AsyncConnection[Any]:
        return self._connection

    @property
    def backend_pid(self) -> int | None:
        return None

    async def close(self) -> None:
        await self._connection.close()

    def is_closed(self) -> bool:
        return self._connection.closed

    def status(self) -> DriverStatus:
        return "unknown"

    async def _ask(self, send: Callable[..., Any], *args: Any) -> list[PGresult]:
        send(*args)
        results = await self._connection.wait(run(self._connection.pgconn))
        for result in results:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                raise error_from_result(result)
        return results

    async def describe(self, plan: Plan) -> Described:
        pgconn = self._connection.pgconn
        await self._ask(pgconn.send_prepare, b"", plan.sql.encode())
        (answer,) = await self._ask(pgconn.send_describe_prepared, b"")
        oids = tuple(answer.param_type(at) for at in range(answer.nparams))
        columns = self.derived.columns(libpq.columns_of(answer))
        missing = self.derived.codecs.missing((*oids, *(column.oid for column in columns)))
        if missing:
            await self.learn_types(missing)
            await self._ask(pgconn.send_prepare, b"", plan.sql.encode())
        return Described(oids, columns)

    async def execute(self, plan: Plan, args: Sequence[Any]) -> RawResult:
        if not (plan.returns_rows or plan.arity):
            await self._ask(self._connection.pgconn.send_query_params, plan.sql.encode(), None)
            return RawResult((), (), "mapping", None)
        described = await self.describe(plan)
        return await self._send(described, args)

    async def _send(self, described: Described, args: Sequence[Any]) -> RawResult:
        oids, columns = described
        codecs = self.derived.codecs
        formats = [0 if (codec := codecs.get(oid)) is None or codec.is_text_fallback else 1 for oid in oids]
        values = codecs.encoder(oids)(args)
        (result,) = await self._ask(self._connection.pgconn.send_query_prepared, b"", values, formats, pq.Format.BINARY)
        names = tuple(column.name for column in columns)
        decode = codecs.decoder(tuple(column.oid for column in columns), names)
        wire = [[result.get_value(row, at) for at in range(result.nfields)] for row in range(result.ntuples)]
        rows = [dict(zip(names, row, strict=True)) for row in decode(wire)]
        return RawResult(rows, columns, "mapping", None)

    async def execute_many(self, plan: Plan, rows: Iterable[Sequence[Any]]) -> RawResult:
        described = await self.describe(plan)
        found: list[Any] = []
        for row in rows:
            found.extend((await self._send(described, row)).rows)
        return RawResult(found, described.columns, "mapping", None)

    async def execute_script(self, text: str) -> None:
        await self._ask(self._connection.pgconn.send_query, text.encode())

    async def fetch_text(self, text: str) -> Sequence[Sequence[str | None]]:
        (result,) = await self._ask(self._connection.pgconn.send_query, text.encode())
        return libpq.text_rows(result)

    def error_info(self, error: BaseException) -> ErrorInfo:
        words = getattr(error, "diag", None) and error.diag.message_primary  # type: ignore[attr-defined]
        if self.is_broken(error):
            return ErrorInfo(words or str(error), fallback=DatabaseConnectionError)
        return ErrorInfo(words or str(error))

    @classmethod
    def connect_error_info(cls, error: BaseException) -> ErrorInfo:
        return ErrorInfo(str(error), fallback=DatabaseConnectionError)

    def is_broken(self, error: BaseException) -> bool:
        return self._connection.closed

    async def cancel(self) -> None:
        raise self.spec.refusal("cancel")

    def abort(self) -> None:
        libpq.cut(self._connection.pgconn)


class StubConfig(AsyncConfig[DriverFeatures]):
    """A database reached through the stub."""

    spec = SPEC
    driver_class = StubDriver
    features_class: ClassVar[type[DriverFeatures]] = DriverFeatures
    dialect = KeyDialect(adapter="stub")
