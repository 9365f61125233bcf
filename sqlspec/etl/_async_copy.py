# The synchronous twin is generated from this file by tools/unasync.py.
"""One copy, from the first connection to the commit."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlspec.core.parameters import RowsError
from sqlspec.core.result import LoadJob
from sqlspec.driver._aio import closing
from sqlspec.driver._async_loading import may_store_others, prepared_target, target_of
from sqlspec.driver._loading import altered
from sqlspec.driver._types import CopyTarget
from sqlspec.etl._aio import blocking_iterator
from sqlspec.etl._async_crew import AsyncCrew
from sqlspec.etl._async_source import AsyncSource
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
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from sqlspec.driver._async_config import AsyncConfig
    from sqlspec.driver._async_driver import AsyncDriver
    from sqlspec.driver._async_session import AsyncSession
    from sqlspec.etl._plan import KnownTypes
    from sqlspec.etl._request import CopyRequest
    from sqlspec.etl._source import Part, Pick
    from sqlspec.postgres.arrow.target import Target

__all__ = ("copy_now",)

ROOM = 4 << 20
"""Bytes that may wait between readers and writer."""


async def copy_now(source_config: AsyncConfig[Any], target_config: AsyncConfig[Any], request: CopyRequest) -> CopyJob:
    """Copy rows as they were asked for."""
    started = time.perf_counter()
    source = AsyncSource(source_config, request)
    crew = AsyncCrew(ROOM)
    try:
        await source.open()
        # One snapshot for all that is compared afterwards.
        isolation = "repeatable read" if request.checksum else None
        async with target_config.provide_session() as session, session.transaction(isolation=isolation):
            job = await AsyncCopy(request, source, session, crew, started).run()
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
            await crew.dismiss()
        finally:
            await source.close()


class AsyncCopy:
    """A copy on its way, inside a transaction of the target's session."""

    def __init__(
        self, request: CopyRequest, source: AsyncSource, session: AsyncSession, crew: AsyncCrew, started: float
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

    async def run(self) -> CopyJob:
        """Copy everything, and verify it."""
        await self._prepare()
        request, target, source = self._request, self._target, self._source
        copies = takes_copy(target, bool(self._session._driver.spec.capabilities.copy_in)) and request.only_adds
        binary = copies and passes_through(source.source.columns, target, self._picks, *self._types)
        if request.overwrites:
            await self._check_overlap()
        had_rows = not request.overwrites and not request.into.create
        xid = await self._text(XID) if request.checksum and had_rows else None
        parts = await source.parts()
        await source.share(len(parts))
        self._partitions = len(parts)
        load = await (self._relayed(parts) if binary else self._loaded(parts))
        await self._crew.finish()
        verified = await self._verify(load.rows, xid)
        return self._job(load, "binary" if binary else "arrow", verified)

    async def _prepare(self) -> None:
        """Describe the target, make it first where that was asked for, and match its columns with the source's."""
        request, source = self._request, self._source.source

        def create() -> str:
            return create_sql(request.into.name, source, pick_columns(source, None, request.columns))

        found = await self._run(prepared_target, self._session._driver, request.into, request.label, create)
        if request.checksum and found.kind not in ("r", "p"):
            raise NotSupportedError(
                f"cannot compare checksums: {found.quoted} is no table whose rows tell who has stored them; leave "
                "verify out"
            )
        self._target = found
        self._picks = pick_columns(source, found, request.columns)
        columns = {column.name: column for column in found.columns}
        driver = self._source.drivers[0]

        async def ask(text: str) -> Sequence[Sequence[str | None]]:
            return await self._source.call(driver, driver.fetch_text, text)

        self._types = (
            await _known_types(ask, [source.columns[pick.place].oid for pick in self._picks]),
            await _known_types(
                self._text_rows, [columns[pick.name].oid for pick in self._picks if pick.name in columns]
            ),
        )

    # -- the way of binary rows -------------------------------------------------------------------

    async def _relayed(self, parts: Sequence[Part]) -> LoadJob:
        source, picks, target = self._source, self._picks, self._target
        if self._request.overwrites:
            await self._script(self._request.into.clear_sql)
        for driver, part in zip(source.drivers, parts, strict=True):
            text = source.source.rows(picks, part)
            self._crew.start(driver, source.relay, self._crew, driver, text, len(picks), self._digest(part))
        into = CopyTarget(target.schema, target.name, tuple(pick.name for pick in picks))
        driver, label = self._session._driver, self._request.label
        job = await self._session._exclusive("copy_table", label, None, self._copy_in, driver, into)
        if await self._run(target_of, driver, self._request.into) != target:
            raise altered(label)
        return job

    async def _copy_in(self, driver: AsyncDriver, into: CopyTarget) -> LoadJob:
        async with closing(self._stream()) as stream:
            return self._load_job(await driver.copy_in(into, stream))

    async def _stream(self) -> AsyncIterator[bytes]:
        yield Encoder.header()
        while (piece := await self._crew.take()) is not None:
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

    async def _loaded(self, parts: Sequence[Part]) -> LoadJob:
        source, request, crew = self._source, self._request, self._crew
        schema = await source.reading_schema(source.source.rows(self._picks))
        for driver, part in zip(source.drivers, parts, strict=True):
            text = source.source.rows(self._picks, part)
            crew.start(driver, source.read, crew, driver, text, self._digest(part))
        batches = ArrowSource(schema, blocking_iterator(crew.take), None, blocks=True)
        job = await self._session._load(
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

    async def _verify(self, stored: int, xid: str | None) -> Any:
        """Compare what is stored with what was read.

        Raises:
            OperationalError: It differs, and nothing explains that.
        """
        request, target = self._request, self._target
        if not request.only_adds:
            return ""
        if stored != self._rows:
            decided = await self._run(may_store_others, self._session._driver, target)
            if not decided or request.checksum:
                raise miscounted(request.label, self._rows, stored)
            return ""
        if not request.checksum:
            return "count"
        await self._script(styles_script(await self._source.styles()))
        names = digest_expressions(self._picks, target, self._types[1], None)
        items = ", ".join(digest_items(names))
        found = read_checksum(await self._text_rows(f"select {items} from {target.quoted}{own_rows(xid)}"))
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

    async def _check_overlap(self) -> None:
        """Refuse to empty what is being read: TRUNCATE would wait for the reader for ever.

        Raises:
            ParameterError: The target is among what the source reads.
        """
        if self._request.into.clear != "truncate":
            return
        driver = self._source.drivers[0]
        ((server, pid),) = await self._source.call(driver, driver.fetch_text, SERVER)
        ((own, _),) = await self._text_rows(SERVER)
        if server == own and await self._text(READS % (pid, self._target.oid, self._target.oid)) != "0":
            raise reads_itself(self._target.quoted)

    # -- the target's session ---------------------------------------------------------------------

    async def _run(self, operation: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return await self._session._exclusive("copy", self._request.label, None, operation, *args)

    async def _script(self, text: str) -> None:
        await self._run(self._session._driver.execute_script, text)

    async def _text_rows(self, text: str) -> Sequence[Sequence[str | None]]:
        rows: Sequence[Sequence[str | None]] = await self._run(self._session._driver.fetch_text, text)
        return rows

    async def _text(self, text: str) -> str:
        ((value,),) = await self._text_rows(text)
        return value or ""


async def _known_types(
    ask: Callable[[str], Awaitable[Sequence[Sequence[str | None]]]], oids: Iterable[int]
) -> KnownTypes:
    """Ask a server what types are made of."""
    return known_types(await ask(type_query(oids)), await ask(EXTENSIONS_QUERY))
