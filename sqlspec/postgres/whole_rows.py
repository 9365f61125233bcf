"""Rows as bytes, for drivers without COPY to the client: `record_send` gives each in the server's binary format.

A cursor is declared for them, which takes true parameters and gives as many as are asked for. No aggregate joins them:
it would have to sort or number the rows, all of them before the first is given, and costs more than it saves.
"""

from __future__ import annotations

import math
import re

from sqlspec.core.scan import scan
from sqlspec.exceptions import NotSupportedError
from sqlspec.postgres.enclose import enclose

__all__ = ("PIECE", "Pace", "can_have_cursor", "whole_rows")

PIECE = 1 << 18
"""Bytes that one FETCH should give: what the server collects before it sends stays in its memory."""

_FIRST = 8
_MOST = 1 << 14
_GROWTH = 16

_CHANGES = re.compile(r"\bwith\b.*\b(?:insert|update|delete|merge)\b", re.IGNORECASE | re.DOTALL)


def whole_rows(sql: str, width: int) -> str:
    """Return a statement that gives the rows of another one, each as one value of type bytea.

    Args:
        sql: The statement, with `$n` placeholders.
        width: Number of its columns.

    Raises:
        NotSupportedError: It cannot be part of another one.
    """
    text = enclose(sql, width, ["pg_catalog.record_send(sqlspec_q)"])
    if text is None:
        raise NotSupportedError("cannot read the rows in bulk: the statement cannot be part of another; use select()")
    return text


def can_have_cursor(sql: str) -> bool:
    """Tell whether a cursor can be declared for a statement: not for one that changes data, itself or in its WITH.

    That is told by words before the main verb, so that a query may be taken for one that changes data.
    """
    found = scan(sql)
    return found.verb in ("SELECT", "VALUES", "TABLE") and _CHANGES.search(sql, 0, found.main_verb_at) is None


class Pace:
    """How many rows a FETCH takes, by the width of those that came.

    Attributes:
        rows: Rows for the next FETCH, a power of two, so that it seldom changes.
        width: Bytes of a row; infinite until one has come.
    """

    __slots__ = ("rows", "width")

    def __init__(self) -> None:
        self.rows = _FIRST
        self.width = math.inf

    def note(self, rows: int, size: int) -> None:
        """Note what came."""
        if rows:
            self.width = max(1.0, size / rows)
            fitting = 1 << max(0, int(PIECE / self.width).bit_length() - 1)
            self.rows = min(fitting, self.rows * _GROWTH, _MOST)
