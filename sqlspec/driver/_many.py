"""What batches of both flavours share: which row a failure belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.exceptions import (
    CONDITIONS,
    DataError,
    IntegrityError,
    error_class,
    is_fault_of_row,
    is_statement_timeout,
)

if TYPE_CHECKING:
    from sqlspec.exceptions import ErrorInfo

__all__ = ("may_be_outdated", "row_of", "set_row", "tells_of_row")

_ROW = "_sqlspec_row"
_RAISED = CONDITIONS["no_data_found"][:2]
_UNFIT = (CONDITIONS["undefined_table"][:2], CONDITIONS["feature_not_supported"][:2])
_EXHAUSTED = CONDITIONS["sequence_generator_limit_exceeded"]


def set_row(error: BaseException, row: int) -> None:
    """Note on an error which of the rows that were given to a driver's method it belongs to, counted from 0."""
    setattr(error, _ROW, row)


def row_of(error: BaseException) -> int | None:
    """Return what `set_row` has noted."""
    row: int | None = getattr(error, _ROW, None)
    return row


def tells_of_row(info: ErrorInfo) -> bool:
    """Tell whether the server refuses a row: its values, or what a function makes of them (class P0).

    A sequence that has come to its end is there already for the first row, when rows are stored once more.
    """
    if info.sqlstate is None or info.sqlstate == _EXHAUSTED:
        return False
    return issubclass(error_class(info.sqlstate), (DataError, IntegrityError)) or info.sqlstate[:2] == _RAISED


def may_be_outdated(info: ErrorInfo) -> bool:
    """Tell whether the server may refuse what was known of a table, and not what is to be stored.

    By then the table may have any trigger, which can raise any error, or take longer for many rows than for one.
    """
    return is_fault_of_row(info) or is_statement_timeout(info) or (info.sqlstate or "")[:2] in _UNFIT
