# The synchronous twin is generated from this file by tools/unasync.py.
"""Files in and out: the part of a session that loads tables from files and writes results to files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

from sqlspec.driver._aio import blocking, finished
from sqlspec.driver._async_base import check_limit
from sqlspec.driver._async_bulk import AsyncBulk

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from sqlspec.core.plan import Plan
    from sqlspec.core.result import ExportJob, LoadJob
    from sqlspec.core.statement import SQL
    from sqlspec.driver._async_arrow import AsyncArrowReader
    from sqlspec.driver._async_bulk import LoadMode
    from sqlspec.driver._reading import ReadRequest
    from sqlspec.storage.formats import FileFormat

__all__ = ("AsyncStorage",)

WRITTEN_AS = {
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "xmloption": "content",
}
"""Settings under which the text forms of values can be read by every session."""


class AsyncStorage(AsyncBulk):
    """The methods of a session that take files."""

    __slots__ = ()

    async def load_from_storage(
        self,
        table: str,
        path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        file_format: str | FileFormat | None = None,
        *,
        filesystem: Any = None,
        storage_options: Mapping[str, Any] | None = None,
        partitioning: Literal["hive"] | None = "hive",
        mode: LoadMode = "append",
        overwrite: bool = False,
        create: bool = False,
        columns: Sequence[str] | Mapping[str, str] | None = None,
        truncate: bool = True,
        round: bool = False,  # noqa: A002 - what it does
        key: Sequence[str] | None = None,
        on_error: Literal["abort", "quarantine"] = "abort",
        max_rejected: int | None = 1000,
        progress: Callable[[LoadJob], object] | None = None,
        batch_rows: int | None = None,
        timeout: float | None = None,
    ) -> LoadJob:
        """Store the rows of files in a table, all or nothing, by the techniques of `load_from_arrow`.

        Columns go to the table's columns of the same names. Values of CSV and JSON lines are what the table's types
        make of them; nothing is inferred. Files are read piece by piece, without blocking the event loop.

        Args:
            table: As in `load_from_arrow`.
            path: A file, a directory, a pattern (`flights/**/*.csv`), or a list of them; a URI such as
                `s3://bucket/flights.parquet` goes by fsspec.
            file_format: `"parquet"`, `"csv"`, `"arrow"` (IPC), `"jsonl"`, or one of `sqlspec.storage` such as
                `Csv(delimiter=";")`; by default what the name ends in says it: `.parquet`, `.csv`, `.arrow`,
                `.feather`, `.ipc`, `.jsonl`, `.ndjson`, the latter six also with `.gz`, `.zst`, `.bz2`, `.lz4`.
            filesystem: A file system of fsspec or of `pyarrow.fs`, which the path is one of.
            storage_options: For the file system of the URI's scheme, such as `{"key": ..., "secret": ...}`.
            partitioning: `"hive"`: directories such as `year=2024` below the path are columns; `None`: they are not.
            mode: As in `load_from_arrow`.
            overwrite: As in `load_from_arrow`.
            create: As in `load_from_arrow`; columns of CSV and JSON lines become `text`.
            columns: As in `load_from_arrow`; others are not read. JSON lines get all columns from here, else from the
                first lines.
            truncate: As in `load_from_arrow`.
            round: As in `load_from_arrow`.
            key: As in `load_from_arrow`.
            on_error: As in `load_from_arrow`.
            max_rejected: As in `load_from_arrow`.
            progress: As in `load_from_arrow`.
            batch_rows: As in `load_from_arrow`.
            timeout: Limit in seconds for the load, without the look into the first file before it.

        Returns:
            As in `load_from_arrow`.

        Raises:
            ParameterError: There is no such file, or an argument is none of the above.
            MissingDependencyError: fsspec, or the package for the scheme, is not installed.
            DataError: A file is damaged or cut short, or as in `load_from_arrow`.
            OperationalError: A file cannot be read.
        """
        self._require("load_from_storage", "arrow_in")
        from sqlspec.storage.reading import open_storage  # it imports pyarrow

        source = await blocking(
            open_storage,
            path,
            file_format,
            filesystem=filesystem,
            storage_options=storage_options,
            partitioning=partitioning,
            columns=columns,
            batch_rows=batch_rows,
        )
        try:
            return await self._load(
                "load_from_storage",
                table,
                source,
                None,
                timeout,
                mode=mode,
                overwrite=overwrite,
                create=create,
                columns=columns,
                truncate=truncate,
                round=round,
                key=key,
                on_error=on_error,
                max_rejected=max_rejected,
                progress=progress,
                batch_rows=batch_rows,
            )
        finally:
            source.close()

    async def select_to_storage(
        self,
        sql: str | SQL,
        path: str | os.PathLike[str],
        /,
        *params: Any,
        file_format: str | FileFormat | None = None,
        filesystem: Any = None,
        storage_options: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        partition_by: Sequence[str] | None = None,
        batch_size: int | None = None,
        numeric: Literal["declared", "string", "float64"] | pa.DataType = "declared",
        infinity: Literal["error", "null", "clamp"] = "error",
        nan: Literal["error", "null"] = "error",
        nested: Literal["error", "text"] = "error",
        progress: Callable[[ExportJob], object] | None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> ExportJob:
        """Write the rows of a statement to a file, all of them or none, in bounded memory.

        `load_from_storage` stores the same values again. The file gets its name when it is complete; a failure leaves
        nothing of it, and what the statement wrote to the database is undone then.

        Args:
            sql: A statement that returns rows. It runs once.
            path: A local path; a URI such as `s3://bucket/flights.parquet` goes by fsspec.
            *params: The statement's parameters.
            file_format: As in `load_from_storage`.
            filesystem: As in `load_from_storage`.
            storage_options: As in `load_from_storage`.
            overwrite: Replace a file that is there, once the new one is complete; with `partition_by`, all files of the
                directory.
            partition_by: Names of columns. `path` is then a directory, and the rows go to files in directories below it
                that are named by these columns' values, such as `year=2024/carrier=UA`. 512 files at most.
            batch_size: Rows that are read and written at a time, at most.
            numeric: As in `select_to_arrow`, for Parquet and Arrow; this and the next three do not concern CSV and JSON
                lines, which hold every value.
            infinity: As in `select_to_arrow`.
            nan: As in `select_to_arrow`.
            nested: As in `select_to_arrow`.
            progress: Called after each piece with what was written so far. What it raises ends the call.
            timeout: Limit in seconds for each piece that is read.
            **named: Parameters by name.

        Returns:
            Rows, bytes and time.

        Raises:
            ParameterError: The file is there already, or what is there is no file; the statement returns no rows, or
                lacks a column of `partition_by`; or an argument is none of the above.
            MissingDependencyError: fsspec, or the package for the scheme, is not installed.
            DataError: A value has no place in its Arrow type; names column and row.
            OperationalError: The file cannot be written.
        """
        started = time.perf_counter()
        self._require("select_to_storage", "arrow_out")
        from sqlspec.driver._exporting import export_request, refuse_text
        from sqlspec.driver._reading import is_readable
        from sqlspec.storage.partitions import writer_for

        codecs = self._driver.derived.codecs
        options = {"numeric": numeric, "infinity": infinity, "nan": nan, "nested": nested}
        target, request = export_request(
            codecs, path, file_format, filesystem, storage_options, overwrite, partition_by, batch_size, options
        )
        if timeout is not None:
            check_limit(timeout)
        plan, args = self._bind("select_to_storage", sql, params, named)
        if not plan.returns_rows:
            self._refuse("select_to_storage", "the statement returns no rows; use execute()", plan.source)
        if not is_readable(plan):
            refuse_text(target)
        writer = writer_for(target, started, progress)
        await blocking(writer.check)
        try:
            async with self.with_settings(WRITTEN_AS):
                async with await self._rows_of(plan, args, request, timeout) as reader:
                    await finished(writer.start, reader.schema)
                    async for batch in reader:
                        await finished(writer.write, batch)
                        writer.tell()
                # Before the end of the transaction: what was taken out of the database must be in the file.
                await finished(writer.commit)
        except BaseException:
            await finished(writer.discard)
            raise
        return writer.job()

    async def _rows_of(
        self, plan: Plan, args: Sequence[Any], request: ReadRequest, timeout: float | None
    ) -> AsyncArrowReader:
        """Open a reader, or give one the rows of a statement that cannot be read piecewise."""
        from sqlspec.driver._async_arrow import AsyncArrowReader
        from sqlspec.driver._reading import is_readable

        reader = AsyncArrowReader(self, plan, request.return_format, timeout)
        if is_readable(plan):
            await reader.open(args, request, self._dirty)
        else:
            from sqlspec.postgres.arrow.rows import rows_table

            raw = await self._exclusive("select_to_storage", plan.source, timeout, self._driver.execute, plan, args)
            reader.give(rows_table(raw, self._driver.derived.codecs, None, request.options), request.rows)
        return reader
