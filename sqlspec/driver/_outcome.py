"""What may have become of a call whose answer was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.core.plan import may_store as statement_may_store
from sqlspec.core.scan import scan
from sqlspec.exceptions import CommitUnknownError, QueryTimeoutError, SQLSpecError
from sqlspec.postgres.codec import ALWAYS_READ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.core.plan import Plan
    from sqlspec.core.result import Column

__all__ = ("can_commit_unread", "commit_unknown", "may_store")


def may_store(text: str) -> bool:
    """Tell whether SQL text may change what is stored: what is not plainly a query may. Of functions nothing is known.

    Args:
        text: One statement or several.
    """
    try:
        statements = [text[start:end] for start, end in scan(text).statements]
        return any(statement_may_store(each, scan(each)) for each in statements)
    except SQLSpecError:  # statements of a stack that have different placeholders
        return True


def can_commit_unread(given: Sequence[tuple[Plan, Sequence[Column] | None]]) -> bool:
    """Tell whether the server may commit statements before anybody has read what they give.

    A value that Python cannot hold makes the call fail, and then nothing may be stored.

    Args:
        given: Each statement, and its columns, as far as they are known.
    """
    if not any(plan.may_store for plan, _ in given):
        return True
    return all(columns is not None and all(column.oid in ALWAYS_READ for column in columns) for _, columns in given)


def commit_unknown(lost: SQLSpecError) -> CommitUnknownError:
    """Return the error for a commit whose answer was lost together with the connection, or did not come in time."""
    seen = "the time limit passed" if isinstance(lost, QueryTimeoutError) else "the connection was lost"
    return CommitUnknownError(
        f"commit unknown: {seen} before the server answered; "
        "check whether the transaction's effects are there before running it again",
        sqlstate=lost.sqlstate,
        sql=lost.sql,
        adapter=lost.adapter,
    )
