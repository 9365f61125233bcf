"""What a copy is asked for and what it has done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlspec.core.arguments import choice, whole
from sqlspec.core.plan import Compiler
from sqlspec.core.statement import SQL
from sqlspec.exceptions import NotSupportedError, ParameterError
from sqlspec.postgres.arrow.target import parse_table_name

if TYPE_CHECKING:
    from sqlspec.core.plan import Plan
    from sqlspec.core.result import LoadJob
    from sqlspec.driver._loading import LoadRequest

__all__ = ("CopyJob", "CopyRequest", "Progress", "compiler", "copy_request")

VERIFICATIONS = ("count", "checksum")

_CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})

compiler = Compiler(max_entries=256)
"""Plans of the texts that are made here, so that they push none of the user's out."""


@dataclass(frozen=True, slots=True)
class CopyJob:
    """What a copy has done; see `copy_table`.

    Attributes:
        rows: Rows that were read from the source.
        bytes: Bytes that were sent to the target for them.
        seconds: Time from the first connection to the commit.
        technique: `"binary"`: the server's own binary rows, passed on as they came. `"arrow"`: by way of Arrow, because
            types differ or a driver has no COPY.
        partitions: Parts that were read at the same time.
        verified: `"count"`: as many rows are stored as were read. `"checksum"`: and they are the same. Empty where
            there is no such rule: triggers or rules of the target, or the mode, decide what is stored.
        load: What the load has done, with its own counts.
    """

    rows: int
    bytes: int
    seconds: float
    technique: Literal["binary", "arrow"]
    partitions: int
    verified: Literal["", "count", "checksum"]
    load: LoadJob


Progress = Callable[[CopyJob], object]


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """What the caller asked for, checked as far as that goes without a server.

    Attributes:
        plan: The query; `None` when it is a table.
        args: Its parameters.
        relation: Schema (`None` for the search path) and name of the source's table; `None` when it is a query.
        table: The target's name as the caller wrote it.
        into: The load of the target, as far as it is known before the source is read.
        columns: Columns to copy, `None` for all.
        load: Options of the load, as they are.
        partitions: Parts to read at the same time, `None` for a number that fits.
        partition_by: Column whose ranges are the parts.
        checksum: Compare the rows, not only their number.
        progress: Called after each piece.
    """

    plan: Plan | None
    args: Sequence[Any]
    relation: tuple[str | None, str] | None
    table: str
    into: LoadRequest
    columns: Sequence[str] | Mapping[str, str] | None
    load: Mapping[str, Any]
    partitions: int | None
    partition_by: str | None
    checksum: bool
    progress: Progress | None

    @property
    def label(self) -> str:
        """What stands for a statement in errors and for observers."""
        return f"copy into {self.into.name}"

    @property
    def overwrites(self) -> bool:
        """Whether the target is emptied first."""
        return bool(self.into.clear)

    @property
    def only_adds(self) -> bool:
        """Whether every row that is read becomes one row of the target, as it is."""
        return not self.into.key and not self.into.quarantine


def copy_request(
    query_or_table: str | SQL,
    table: str,
    *,
    create: bool,
    columns: Sequence[str] | Mapping[str, str] | None,
    partitions: int | None,
    partition_by: str | None,
    verify: str,
    progress: Progress | None,
    **load: Any,
) -> CopyRequest:
    """Check the arguments of a copy.

    Raises:
        ParameterError: An argument cannot be.
        NotSupportedError: There is no checksum for this mode.
    """
    from sqlspec.driver._loading import load_request  # it imports pyarrow
    from sqlspec.postgres.arrow.source import empty_source

    called: Any = progress  # with other news, which only matters later
    into = load_request(table, empty_source(), None, create=create, columns=columns, progress=called, **load)
    if partitions is not None:
        whole("partitions", partitions, 1, "leave it out for a number that fits")
    choice("verify", verify, VERIFICATIONS)
    if partition_by is not None and not isinstance(partition_by, str):
        raise ParameterError(f"partition_by must be the name of a column: {type(partition_by).__name__} given")
    plan, args, relation = source_of(query_or_table)
    request = CopyRequest(
        plan=plan,
        args=args,
        relation=relation,
        table=table,
        into=into,
        columns=columns,
        load=load,
        partitions=partitions,
        partition_by=partition_by,
        checksum=verify == "checksum",
        progress=progress,
    )
    if request.checksum and not request.only_adds:
        raise NotSupportedError(
            "cannot compare checksums: only the modes append and overwrite with on_error abort store the rows as they "
            "are; leave verify out"
        )
    return request


def source_of(given: str | SQL) -> tuple[Plan | None, Sequence[Any], tuple[str | None, str] | None]:
    """Tell a query from the name of a table.

    Returns:
        The query's plan and parameters, or the name taken apart.

    Raises:
        ParameterError: It is neither.
    """
    if isinstance(given, SQL):
        text, params, named = given.render()
        plan = compiler.plan(text)
        args = plan.bind(params, named)
    elif isinstance(given, str):
        words = given.split(None, 1)
        if len(words) < 2 or words[0].startswith('"'):  # a name with a blank has to be quoted
            return None, (), parse_table_name(given.strip())
        plan, args = compiler.plan(given), ()
        plan.bind((), {})
    else:
        raise ParameterError(f"cannot copy a {type(given).__name__}: give the name of a table, or a query")
    if plan.refusal is not None:
        raise plan.refusal.kind(f"cannot copy: {plan.refusal.reason}")
    if not plan.returns_rows:
        raise ParameterError(
            "cannot copy: the statement returns no rows; give a query, or the name of a table, in double quotes where "
            "it holds a blank"
        )
    if plan.verb in _CHANGES:
        raise ParameterError(
            f"cannot copy: the statement is {plan.verb}, and the source is only read; run it in a session first, and "
            "give a query of what is to be copied"
        )
    return plan, args, None
