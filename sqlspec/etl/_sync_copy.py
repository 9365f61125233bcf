# Generated from _async_copy.py by tools/unasync.py. Do not edit.
"""One copy, from the first connection to the commit."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlspec.core.parameters import RowsError
from sqlspec.core.result import LoadJob
from sqlspec.driver._sio import closing
from sqlspec.driver._sync_loading import may_store_others, prepared_target, target_of
from sqlspec.driver._loading import altered
from sqlspec.driver._types import CopyTarget
from sqlspec.etl._sio import blocking_iterator
from sqlspec.etl._sync_crew import SyncCrew
from sqlspec.etl._sync_source import SyncSource
from sqlspec.etl._errors import failed_at
from sqlspec.etl._plan import (
    READS,
    SERVER,
    XID,
    differs,
    known_types,
    miscounted,
    own_rows,
    passes_through,
    reads_itself,
)
from sqlspec.etl._request import CopyJob
from sqlspec.etl._source import create_sql, pick_columns
from sqlspec.etl._sums import Checksum, digest_expressions, digest_items, read_checksum, styles_script
from sqlspec.etl._wires import EXTENSIONS_QUERY
from sqlspec.exceptions import NotSupportedError, SQLSpecError
from sqlspec.postgres.arrow._wire import Encoder
from sqlspec.postgres.arrow.plan import takes_copy
from sqlspec.postgres.arrow.source import ArrowSource
from sqlspec.postgres.catalog import type_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Callable, Iterable, Sequence

    from sqlspec.driver._sync_config import SyncConfig
    from sqlspec.driver._sync_driver import SyncDriver
    from sqlspec.driver._sync_session import SyncSession
    from sqlspec.etl._plan import KnownTypes
    from sqlspec.etl._request import CopyRequest
    from sqlspec.etl._source import Part, Pick
    from sqlspec.postgres.arrow.target import Target

__all__ = ("copy_now",)

ROOM = 4 << 20
"""Bytes that may wait between readers and writer."""


def copy_now(source_config: SyncConfig[Any], target_config: SyncConfig[Any], request: CopyRequest) -> CopyJob:
    """Copy rows as they were asked for."""
    started = time.perf_counter()
    source = SyncSource(source_config, request)
    crew = SyncCrew(ROOM)
    try:
        source.open()
        # One snapshot for all that is compared afterwards.
        isolation = "repeatable read" if request.checksum else None
        with target_config.provide_session() as session, session.transaction(isolation=isolation):
            job = SyncCopy(request, source, session, crew, started).run()
        return replace(job, seconds=time.perf_counter() - started)
    except RowsError as wrapped:
        raise wrapped.error from wrapped.error.__cause__
    except SQLSpecError as error:
        native = target_config.driver_class.native_errors
        if error not in source.failures and isinstance(error.__cause__, native):
            failed_at("target", error)
        raise
    finally:
        try:
            crew.dismiss()
        finally:
            source.close()


class SyncCopy:
    """A copy on its way, inside a transaction of the target's session."""

    def __init__(
        self, request: CopyRequest, source: SyncSource, session: SyncSession, crew: SyncCrew, started: float
    ) -> None:
        self._request = request
        self._source = source
        self._session = session
        self._crew = crew
        self._started = started
        self._rows = self._bytes = 0
        self._partitions = 1
        self._picks: tuple[Pick, ...] = ()
        self._target: Target
        self._types: tuple[KnownTypes, KnownTypes]

    def run(self) -> CopyJob:
        """Copy everything, and verify it."""
        self._prepare()
        request, target, source = self._request, self._target, self._source
        copies = takes_copy(target, bool(self._session._driver.spec.capabilities.copy_in)) and request.only_adds
        binary = copies and passes_through(source.source.columns, target, self._picks, *self._types)
        if request.overwrites:
            self._check_overlap()
        had_rows = not request.overwrites and not request.into.create
        xid = self._text(XID) if request.checksum and had_rows else None
        parts = source.parts()
        source.share(len(parts))
        self._partitions = len(parts)
        load = (self._relayed(parts) if binary else self._loaded(parts))
        self._crew.finish()
        verified = self._verify(load.rows, xid)
        return self._job(load, "binary" if binary else "arrow", verified)

    def _prepare(self) -> None:
        """Describe the target, make it first where that was asked for, and match its columns with the source's."""
        request, source = self._request, self._source.source

        def create() -> str:
            return create_sql(request.into.name, source, pick_columns(source, None, request.columns))

        found = self._run(prepared_target, self._session._driver, request.into, request.label, create)
        if request.checksum and found.kind not in ("r", "p"):
            raise NotSupportedError(
                f"cannot compare checksums: {found.quoted} is no table whose rows tell who has stored them; leave "
                "verify out"
            )
        self._target = found
        self._picks = pick_columns(source, found, request.columns)
        columns = {column.name: column for column in found.columns}
        driver = self._source.drivers[0]

        def ask(text: str) -> Sequence[Sequence[str | None]]:
            return self._source.call(driver, driver.fetch_text, text)

        self._types = (
            _known_types(ask, [source.columns[pick.place].oid for pick in self._picks]),
            _known_types(
                self._text_rows, [columns[pick.name].oid for pick in self._picks if pick.name in columns]
            ),
        )

    # -- the way of binary rows -------------------------------------------------------------------

    def _relayed(self, parts: Sequence[Part]) -> LoadJob:
        source, picks, target = self._source, self._picks, self._target
        if self._request.overwrites:
            self._script(self._request.into.clear_sql)
        for driver, part in zip(source.drivers, parts, strict=True):
            text = source.source.rows(picks, part)
            self._crew.start(driver, source.relay, self._crew, driver, text, len(picks), self._digest(part))
        into = CopyTarget(target.schema, target.name, tuple(pick.name for pick in picks))
        driver, label = self._session._driver, self._request.label
        job = self._session._exclusive("copy_table", label, None, self._copy_in, driver, into)
        if self._run(target_of, driver, self._request.into) != target:
            raise altered(label)
        return job

    def _copy_in(self, driver: SyncDriver, into: CopyTarget) -> LoadJob:
        with closing(self._stream()) as stream:
            return self._load_job(driver.copy_in(into, stream))

    def _stream(self) -> Iterator[bytes]:
        yield Encoder.header()
        while (piece := self._crew.take()) is not None:
            data, rows = piece
            yield data
            self._rows += rows
            self._bytes += len(data)
            self._session._load_progressed(self._rows, self._bytes)
            if self._request.progress is not None:
                try:
                    self._request.progress(self._job(self._load_job(self._rows), "binary", ""))
                except Exception as error:
                    raise RowsError(error) from error
        yield Encoder.trailer()

    def _load_job(self, stored: int) -> LoadJob:
        seconds = time.perf_counter() - self._started
        return LoadJob(stored, self._bytes, seconds, "copy", {"rows_processed": self._rows}, inserted=stored)

    # -- the way by Arrow -------------------------------------------------------------------------

    def _loaded(self, parts: Sequence[Part]) -> LoadJob:
        source, request, crew = self._source, self._request, self._crew
        schema = source.reading_schema(source.source.rows(self._picks))
        for driver, part in zip(source.drivers, parts, strict=True):
            text = source.source.rows(self._picks, part)
            crew.start(driver, source.read, crew, driver, text, self._digest(part))
        batches = ArrowSource(schema, blocking_iterator(crew.take), None, blocks=True)
        job = self._session._load(
            "copy_table",
            request.table,
            batches,
            None,
            None,
            create=False,
            columns=None,
            progress=None if request.progress is None else self._note,
            identities=request.only_adds,
            **request.load,
        )
        self._rows, self._bytes = job.telemetry["rows_processed"], job.bytes
        return job

    def _note(self, job: LoadJob) -> None:
        assert self._request.progress is not None
        self._rows, self._bytes = job.telemetry["rows_processed"], job.bytes
        self._request.progress(self._job(job, "arrow", ""))

    # -- what came of it --------------------------------------------------------------------------

    def _job(self, load: LoadJob, technique: Any, verified: Any) -> CopyJob:
        seconds = time.perf_counter() - self._started
        return CopyJob(self._rows, self._bytes, seconds, technique, self._partitions, verified, load)

    def _verify(self, stored: int, xid: str | None) -> Any:
        """Compare what is stored with what was read.

        Raises:
            OperationalError: It differs, and nothing explains that.
        """
        request, target = self._request, self._target
        if not request.only_adds:
            return ""
        if stored != self._rows:
            decided = self._run(may_store_others, self._session._driver, target)
            if not decided or request.checksum:
                raise miscounted(request.label, self._rows, stored)
            return ""
        if not request.checksum:
            return "count"
        self._script(styles_script(self._source.styles()))
        names = digest_expressions(self._picks, target, self._types[1], None)
        items = ", ".join(digest_items(names))
        found = read_checksum(self._text_rows(f"select {items} from {target.quoted}{own_rows(xid)}"))
        total = Checksum(0, 0)
        for each in self._source.checksums:
            total = total.plus(each)
        if found != total:
            raise differs(request.label)
        return "checksum"

    def _digest(self, part: Part) -> str:
        """Return the query for the checksum of a part of the source; empty for none."""
        if not self._request.checksum:
            return ""
        source = self._source.source
        items = digest_expressions(self._picks, self._target, self._types[1], source.expressions())
        return source.select(digest_items(items), part)

    def _check_overlap(self) -> None:
        """Refuse to empty what is being read: TRUNCATE would wait for the reader for ever.

        Raises:
            ParameterError: The target is among what the source reads.
        """
        if self._request.into.clear != "truncate":
            return
        driver = self._source.drivers[0]
        ((server, pid),) = self._source.call(driver, driver.fetch_text, SERVER)
        ((own, _),) = self._text_rows(SERVER)
        if server == own and self._text(READS % (pid, self._target.oid, self._target.oid)) != "0":
            raise reads_itself(self._target.quoted)

    # -- the target's session ---------------------------------------------------------------------

    def _run(self, operation: Callable[..., Any], *args: Any) -> Any:
        return self._session._exclusive("copy", self._request.label, None, operation, *args)

    def _script(self, text: str) -> None:
        self._run(self._session._driver.execute_script, text)

    def _text_rows(self, text: str) -> Sequence[Sequence[str | None]]:
        rows: Sequence[Sequence[str | None]] = self._run(self._session._driver.fetch_text, text)
        return rows

    def _text(self, text: str) -> str:
        ((value,),) = self._text_rows(text)
        return value or ""


def _known_types(
    ask: Callable[[str], Sequence[Sequence[str | None]]], oids: Iterable[int]
) -> KnownTypes:
    """Ask a server what types are made of."""
    return known_types(ask(type_query(oids)), ask(EXTENSIONS_QUERY))
