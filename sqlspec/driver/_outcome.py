"""What may have become of a call whose answer was lost."""

from __future__ import annotations

import re

from sqlspec.core.scan import scan
from sqlspec.exceptions import CommitUnknownError, DatabaseConnectionError, QueryTimeoutError, SQLSpecError

__all__ = ("commit_unknown", "may_store")

_READING = frozenset({"SELECT", "VALUES", "TABLE", "SHOW", "EXPLAIN", "FETCH"})
_CHANGE = re.compile(r"\b(?:insert|update|delete|merge)\b", re.IGNORECASE)


def may_store(text: str) -> bool:
    """Tell whether SQL text may change what is stored: what is not plainly a query may. Of functions nothing is known.

    Args:
        text: One statement or several.
    """
    try:
        return any(_may_store(text[start:end]) for start, end in scan(text).statements)
    except SQLSpecError:  # statements of a stack that have different placeholders
        return True


def _may_store(statement: str) -> bool:
    found = scan(statement)
    if found.verb not in _READING or not found.returns_rows:  # SELECT INTO gives no rows
        return True
    # What stands before the main verb, or behind EXPLAIN, may change data too.
    before = statement if found.verb == "EXPLAIN" else statement[: found.main_verb_at]
    return _CHANGE.search(before) is not None


def commit_unknown(lost: SQLSpecError) -> CommitUnknownError:
    """Return the error for a commit whose answer was lost, with the connection or without, or did not come in time."""
    if isinstance(lost, QueryTimeoutError):
        seen = "the time limit passed"
    elif isinstance(lost, DatabaseConnectionError):
        seen = "the connection was lost"
    else:
        seen = "a signal interrupted the call"
    return CommitUnknownError(
        f"commit unknown: {seen} before the server answered; "
        "check whether the transaction's effects are there before running it again",
        sqlstate=lost.sqlstate,
        sql=lost.sql,
        adapter=lost.adapter,
    )
