# Generated from _async_source.py by tools/unasync.py. Do not edit.
"""The side that is read: connections of its own, which all see the same snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.driver._sync_arrow import close_quietly, declared_typmods, next_batches, plan_reading
from sqlspec.driver._sync_literals import with_literals
from sqlspec.driver._reading import BatchReader, is_readable, read_request
from sqlspec.etl._errors import failed_at
from sqlspec.etl._parts import bounds_query, key_parts, page_parts, pages_query, parts_that_fit, sizes_of
from sqlspec.etl._request import compiler
from sqlspec.etl._source import ALL, Source, SourceColumn, missing
from sqlspec.etl._sums import STYLES, read_checksum
from sqlspec.exceptions import OperationalError, ParameterError, SQLSpecError, server_error
from sqlspec.postgres.arrow._wire import Relay, WireError
from sqlspec.postgres.arrow.target import READABLE_KINDS, parse_target, quoted_name, target_query
from sqlspec.postgres.sql import begin, quote_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from sqlspec.driver._sync_config import SyncConfig
    from sqlspec.driver._sync_driver import SyncDriver
    from sqlspec.driver._reading import ReadRequest
    from sqlspec.etl._sync_crew import SyncCrew
    from sqlspec.etl._request import CopyRequest
    from sqlspec.etl._source import Part
    from sqlspec.etl._sums import Checksum
    from sqlspec.postgres.arrow.target import Target

__all__ = ("SyncSource",)

T = TypeVar("T")

PIECE = 512 << 10
"""Bytes to read before they are handed over: large enough to be cheap, small for what waits in memory."""

BATCH = 2 << 20
"""Bytes of a record batch: it is handed over as a whole."""

BEGIN = begin("repeatable read", readonly=True)
EXPORT = "select pg_catalog.pg_export_snapshot()::pg_catalog.text"

_READABLE = """\
select (c.relkind in ('r', 'p', 'v') and pg_catalog.has_table_privilege(c.oid, 'select'))::pg_catalog.text
from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass(%s)"""


class SyncSource:
    """Connections to the source, in read-only transactions on one snapshot.

    Attributes:
        drivers: The connections; the first one makes the snapshot.
        source: What is copied, as the server describes it.
        checksums: Of the parts that were read.
        failures: What the server or the driver has reported, to each connection for itself.
    """

    def __init__(self, config: SyncConfig[Any], request: CopyRequest) -> None:
        self._config = config
        self._request = request
        self.drivers: list[SyncDriver] = []
        self.checksums: list[Checksum] = []
        self.failures: list[SQLSpecError] = []
        self.source: Source

    def call(self, driver: SyncDriver, operation: Callable[..., T], *args: Any) -> T:
        """Run an operation of the driver; its errors become ours."""
        try:
            return operation(*args)
        except driver.native_errors as error:
            text = self._request.label if self._request.plan is None else self._request.plan.source
            translated = server_error(driver.error_info(error), sql=text, adapter=driver.spec.name)
            self.failures.append(failed_at("source", translated))
            raise translated from error
        except WireError as error:
            raise OperationalError(f"copy failed at the source: its rows are malformed: {error.reason}") from error

    def close(self) -> None:
        """Close the connections, and with them the transactions; all of them, also when this is cancelled."""
        if self.drivers:
            try:
                self.drivers.pop().close()
            finally:
                self.close()

    # -- before the first row ---------------------------------------------------------------------

    def open(self) -> None:
        """Connect, and describe what is to be copied.

        Raises:
            SQLParsingError: There is no such table.
            ParameterError: The statement's rows cannot be read in bulk.
        """
        driver = self._connect()
        relation = self._request.relation
        if relation is not None:
            self._open_table(driver, quoted_name(*relation))
        else:
            self._open_query(driver)

    def _connect(self) -> SyncDriver:
        try:
            driver = self._config.connect()
        except SQLSpecError as error:
            self.failures.append(failed_at("source", error))
            raise
        self.drivers.append(driver)
        return driver

    def _open_table(self, driver: SyncDriver, name: str) -> None:
        lockable = self.call(driver, driver.fetch_text, _READABLE % quote_literal(name))
        if not lockable:
            raise missing(name)
        self.call(driver, driver.begin, BEGIN)
        if lockable[0][0] == "true":
            # Before the snapshot is made: a TRUNCATE or ALTER TABLE in between would leave the table empty in it.
            self.call(driver, driver.execute_script, f"lock table {name} in access share mode")
        table = self._described(driver)
        if table is None:
            raise missing(name)
        columns = [
            SourceColumn(column.name, column.oid, column.typmod, column.type_name, column.not_null)
            for column in table.columns
        ]
        self.source = Source(tuple(columns), "", table)

    def _described(self, driver: SyncDriver) -> Target | None:
        schema, name = self._request.relation or (None, "")
        rows = self.call(driver, driver.fetch_text, target_query(schema, name))
        return parse_target(rows, READABLE_KINDS)

    def _open_query(self, driver: SyncDriver) -> None:
        plan = self._request.plan
        assert plan is not None
        if not is_readable(plan):
            raise ParameterError("cannot copy: the statement cannot be part of another one; give a query")
        self.call(driver, driver.begin, BEGIN)
        text = self.call(driver, with_literals, driver, plan, self._request.args)
        plan = compiler.plan(text)
        described = self.call(driver, driver.describe, plan)
        columns = described.columns
        self.call(driver, driver.learn_types, [column.oid for column in columns])
        typmods = self.call(driver, declared_typmods, driver, plan, described)
        listed = ", ".join(f"({column.oid}, {typmod})" for column, typmod in zip(columns, typmods, strict=True))
        names = self.call(
            driver,
            driver.fetch_text,
            f"select pg_catalog.format_type(oid::pg_catalog.oid, typmod) from (values {listed}) v(oid, typmod)",
        )
        found = [
            SourceColumn(column.name, column.oid, typmod, str(name), False)
            for column, typmod, (name,) in zip(columns, typmods, names, strict=True)
        ]
        self.source = Source(tuple(found), text, None)

    def parts(self) -> list[Part]:
        """Divide the source, as it was asked for or as it fits.

        Raises:
            ParameterError: It cannot be divided without a column to do it by.
        """
        driver, wanted, source = self.drivers[0], self._request.partitions, self.source
        if self._request.partition_by is not None:
            key, count = source.place(self._request.partition_by), wanted or 2
            if count == 1:
                return [ALL]
            rows = self.call(driver, driver.fetch_text, bounds_query(source, key, count))
            return key_parts(source, key, rows)
        sizes: list[int] = []
        if wanted != 1 and source.table is not None:
            sizes = sizes_of(self.call(driver, driver.fetch_text, pages_query(source.table.oid)))
        if not sizes and (wanted or 1) > 1:
            raise ParameterError(
                f"cannot read {source.name} in parts: there are no pages to tell its rows by; name a column to "
                "divide it by with partition_by, or leave partitions out"
            )
        return page_parts(sizes, wanted or parts_that_fit(sizes)) if sizes else [ALL]

    def share(self, count: int) -> None:
        """Open connections until there are so many, all on the first one's snapshot."""
        if count == 1:
            return
        first = self.drivers[0]
        ((snapshot,),) = self.call(first, first.fetch_text, EXPORT)
        for _ in range(1, count):
            driver = self._connect()
            self.call(driver, driver.begin, BEGIN)
            try:
                self.call(
                    driver, driver.execute_script, f"set transaction snapshot {quote_literal(snapshot or '')}"
                )
            except SQLSpecError as error:
                error.add_note("where connections may reach different servers, pass partitions=1")
                raise

    def reading_schema(self, text: str) -> pa.Schema:
        """Return the Arrow schema of a query's rows."""
        driver = self.drivers[0]
        reading = self.call(driver, plan_reading, driver, compiler.plan(text), _reading(driver), False)
        return BatchReader(reading, 1, False).schema

    def styles(self) -> Sequence[Sequence[str | None]]:
        """Return the settings that the text of values depends on."""
        driver = self.drivers[0]
        return self.call(driver, driver.fetch_text, STYLES)

    # -- readers ----------------------------------------------------------------------------------

    def relay(self, crew: SyncCrew, driver: SyncDriver, text: str, width: int, digest: str) -> None:
        """Hand the rows of a query over as they are: pairs of their bytes and their number.

        Args:
            crew: Takes them.
            driver: The connection.
            text: The query.
            width: Number of its columns.
            digest: The query for the checksum of these rows; empty for none.
        """
        feed = self.call(driver, driver.open_feed, compiler.plan(text), (), width)
        try:
            relay, more = Relay(width), True
            while more:
                more = self.call(driver, feed.feed, relay, PIECE)
                rows = relay.rows
                if rows:
                    data = relay.take()
                    crew.give((data, rows), len(data))
            if driver.spec.capabilities.copy_out:
                relay.finish()
            self.call(driver, feed.close)
        except BaseException:
            close_quietly(driver, feed)
            raise
        crew.end()
        self._sum_up(driver, digest)

    def read(self, crew: SyncCrew, driver: SyncDriver, text: str, digest: str) -> None:
        """Hand the rows of a query over as record batches; see `relay`."""
        request = _reading(driver)
        reading = self.call(driver, plan_reading, driver, compiler.plan(text), request, False)
        rows = BatchReader(reading, request.rows, bool(driver.spec.capabilities.copy_out), BATCH)
        feed = self.call(driver, driver.open_feed, reading.plan, (), len(reading.columns))
        try:
            while rows.more:
                for batch in self.call(driver, next_batches, driver, rows, feed):
                    crew.give(batch, batch.nbytes)
        except BaseException:
            close_quietly(driver, feed)
            raise
        crew.end()
        self._sum_up(driver, digest)

    def _sum_up(self, driver: SyncDriver, digest: str) -> None:
        if digest:
            self.checksums.append(read_checksum(self.call(driver, driver.fetch_text, digest)))


def _reading(driver: SyncDriver) -> ReadRequest:
    """Return how rows are read as Arrow: with nothing lost on the way."""
    return read_request(driver.derived.codecs, "batches", None, "declared", "error", "error", "error")
