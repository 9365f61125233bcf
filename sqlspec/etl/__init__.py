"""From one PostgreSQL database into another: `copy_table`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Literal, overload

from sqlspec.driver._statements import need_pyarrow
from sqlspec.etl._request import CopyJob, copy_request
from sqlspec.exceptions import ParameterError

if TYPE_CHECKING:
    from sqlspec.core.statement import SQL
    from sqlspec.driver._async_config import AsyncConfig
    from sqlspec.driver._sync_config import SyncConfig

__all__ = ("CopyJob", "copy_table")

Mode = Literal["append", "overwrite", "upsert", "update", "delete"]


@overload
def copy_table(
    source_config: AsyncConfig[Any],
    target_config: AsyncConfig[Any],
    query_or_table: str | SQL,
    table: str,
    *,
    mode: Mode = "append",
    overwrite: bool = False,
    create: bool = False,
    columns: Sequence[str] | Mapping[str, str] | None = None,
    truncate: bool = True,
    round: bool = False,
    key: Sequence[str] | None = None,
    on_error: Literal["abort", "quarantine"] = "abort",
    max_rejected: int | None = 1000,
    partitions: int | None = None,
    partition_by: str | None = None,
    verify: Literal["count", "checksum"] = "count",
    progress: Callable[[CopyJob], object] | None = None,
) -> Coroutine[Any, Any, CopyJob]: ...
@overload
def copy_table(
    source_config: SyncConfig[Any],
    target_config: SyncConfig[Any],
    query_or_table: str | SQL,
    table: str,
    *,
    mode: Mode = "append",
    overwrite: bool = False,
    create: bool = False,
    columns: Sequence[str] | Mapping[str, str] | None = None,
    truncate: bool = True,
    round: bool = False,
    key: Sequence[str] | None = None,
    on_error: Literal["abort", "quarantine"] = "abort",
    max_rejected: int | None = 1000,
    partitions: int | None = None,
    partition_by: str | None = None,
    verify: Literal["count", "checksum"] = "count",
    progress: Callable[[CopyJob], object] | None = None,
) -> CopyJob: ...
def copy_table(
    source_config: Any,
    target_config: Any,
    query_or_table: str | SQL,
    table: str,
    *,
    mode: Mode = "append",
    overwrite: bool = False,
    create: bool = False,
    columns: Sequence[str] | Mapping[str, str] | None = None,
    truncate: bool = True,
    round: bool = False,  # noqa: A002 - what it does
    key: Sequence[str] | None = None,
    on_error: Literal["abort", "quarantine"] = "abort",
    max_rejected: int | None = 1000,
    partitions: int | None = None,
    partition_by: str | None = None,
    verify: Literal["count", "checksum"] = "count",
    progress: Callable[[CopyJob], object] | None = None,
) -> Any:
    """Copy a table, or the rows of a query, from one database into a table of another; all or nothing.

    The source is read in read-only transactions on one snapshot, on connections of its own. The target is written in
    one transaction, on a session of its pool: a copy that fails, is cancelled or killed leaves the target as it was.
    Where types match and both drivers allow it, the server's binary rows are passed on as they come; else they take
    the way of `select_to_arrow` and `load_from_arrow`, with its checks. Memory stays bounded.

    Args:
        source_config: Where to read. Both configs are asynchronous, and the copy is awaited; or both are synchronous.
        target_config: Where to write; the driver may be another one.
        query_or_table: The name of a table or view as in `load_from_arrow`, or a query, with parameters as an `SQL`.
        table: The target, as in `load_from_arrow`. Columns go to those of the same name.
        mode: As in `load_from_arrow`. `"append"` and `"overwrite"` can pass rows on as they are.
        overwrite: The same as `mode="overwrite"`.
        create: Make the target, with the types of the source's columns and NOT NULL where the source's table has it;
            no keys, defaults or indexes. It must not be there.
        columns: Names of the columns to copy; or a mapping from the source's names to the target's. By default all but
            those that the target's server generates.
        truncate: As in `load_from_arrow`.
        round: As in `load_from_arrow`.
        key: As in `load_from_arrow`.
        on_error: As in `load_from_arrow`.
        max_rejected: As in `load_from_arrow`.
        partitions: Parts of the source to read at the same time, each on a connection of its own. By default two for a
            table of more than 32 MB, else one.
        partition_by: Name of a column whose ranges are the parts: needed for queries and views. Tables are divided by
            the places of their rows.
        verify: `"count"`: as many rows are stored as were read. `"checksum"`: both servers compute a checksum of the
            rows as well, and these are compared before the commit.
        progress: Called after each piece with a `CopyJob` of what was sent so far. What it raises ends the copy.

    Returns:
        Rows, bytes, time, technique, and how it was verified.

    Raises:
        ParameterError: An argument cannot be, one config is synchronous and the other not, or the target would be
            emptied while it is read.
        DataError: Columns do not match, or a value does not fit.
        SQLParsingError: There is no such table.
        DatabaseConnectionError: A connection was lost; the message says on which side.
        OperationalError: What is stored is not what was read.
    """
    for config in (source_config, target_config):
        if not callable(getattr(config, "connect", None)) or not hasattr(config, "spec"):
            raise ParameterError(f"cannot copy: {type(config).__name__} given for a config; pass two configs")
    waits = [iscoroutinefunction(config.connect) for config in (source_config, target_config)]
    if waits[0] != waits[1]:
        raise ParameterError(
            "cannot copy between an asynchronous and a synchronous config: one would block the other; use two alike"
        )
    for config, capability in ((source_config, "arrow_out"), (target_config, "arrow_in")):
        if not getattr(config.spec.capabilities, capability):
            raise config.spec.refusal(capability)
    need_pyarrow()
    request = copy_request(
        query_or_table,
        table,
        mode=mode,
        overwrite=overwrite,
        create=create,
        truncate=truncate,
        columns=columns,
        key=key,
        partitions=partitions,
        partition_by=partition_by,
        verify=verify,
        progress=progress,
        round=round,
        on_error=on_error,
        max_rejected=max_rejected,
        batch_rows=None,
    )
    if waits[0]:
        from sqlspec.etl._async_copy import copy_now

        return copy_now(source_config, target_config, request)
    from sqlspec.etl._sync_copy import copy_now as copy_at_once

    return copy_at_once(source_config, target_config, request)
