"""SQL texts without their literals, for everything that is written down outside the program.

By the lexical rules of the server's `scan.l` (PostgreSQL manual, section 4.1), like `scan`. What cannot be read is left
out to the end of the text, never shown.
"""

from __future__ import annotations

import re

from sqlspec.core._verbs import IDENT, IDENT_START, NAME, block_comment_end

__all__ = ("redact", "redact_plan")

_SPACE = r"(?:[ \t\f\v]++|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]++|--[^\n\r]*+[\n\r])*+"
_ESCAPED = r"'(?:[^'\\]++|\\.|'')*+'"
# In the order in which they are tried at each place that no earlier token has passed.
_TOKENS = rf"""
      (?P<comment>--[^\n\r]*+)
    | (?P<block>/\*)
    | (?P<literal>
          [eE]{_ESCAPED}(?:{_SPACE}{_ESCAPED})*+
        | (?:[uU]&|[bBxXnN])?'[^']*+(?:''[^']*+)*+'
      )
    | (?P<kept>(?:[uU]&)?"[^"]*+(?:""[^"]*+)*+" | \$[0-9]++ | {IDENT_START}{IDENT}*+)
    | (?P<dollar>\$(?:{IDENT_START}{NAME}*+)?\$)
    | (?P<number>
          0[xXoObB][0-9a-fA-F_]++
        | (?:[0-9][0-9_]*+(?:\.[0-9_]*+)?+|\.[0-9][0-9_]*+)(?:[eE][-+]?[0-9]++)?+
      )
    | (?P<open>['"])
    """
_token = re.compile(_TOKENS, re.VERBOSE | re.DOTALL)
# Where it is no part of a literal, what EXPLAIN says at the end of a node.
_plan_token = re.compile(rf"(?P<costs>\(cost=[0-9.]+\ rows=[0-9]+\ width=[0-9]+\)) | {_TOKENS}", re.VERBOSE | re.DOTALL)
_BESIDE = " \t\n\r\f\v+-"  # what may stand before a value


def redact(sql: str, limit: int | None = None) -> str:
    """Return a SQL text with `?` for every literal, and without comments.

    Placeholders, names, keywords and white space stay as they are written. A word that a setting is set to is no name:
    `set app.token = abc`.

    Args:
        sql: The text.
        limit: Most characters of the result; what lies behind them is not looked at.
    """
    return _redacted(sql.lstrip(), _token, limit)


def redact_plan(plan: str) -> str:
    """Return the text of an EXPLAIN with `?` for every literal of the statement; costs stay."""
    return _redacted(plan, _plan_token, None)


def _redacted(sql: str, token: re.Pattern[str], limit: int | None) -> str:
    parts: list[str] = []
    settings = _Settings()
    at = 0
    left = len(sql) if limit is None else limit
    gap = ""  # what lies between two tokens, without comments
    while left > 0 and (found := token.search(sql, at)) is not None:
        start, end, kind = found.start(), found.end(), found.lastgroup
        parts.append(sql[at:start])
        gap += sql[at:start]
        if kind == "block":
            closed = block_comment_end(sql, end)
            end = len(sql) if closed is None else closed
            parts.append(" ")  # it separates words
        elif kind != "comment":
            if kind == "dollar":
                closing = sql.find(found.group(), end)
                end = len(sql) if closing < 0 else closing + len(found.group())
            elif kind == "open":
                end = len(sql)
            shown = kind in ("kept", "costs")
            is_value = settings.is_value(gap.strip(_BESIDE), found.group() if shown else "")
            parts.append(found.group() if shown and not is_value else "?")
            left -= start - at + len(parts[-1])
            gap = ""
        at = end
    if left > 0:
        parts.append(sql[at:])
    return "".join(parts)[:limit].strip()


class _Settings:
    """Follows the words of a text, to know where a setting gets its value."""

    def __init__(self) -> None:
        self._verb = ""
        self._place = ""  # behind SET: in the "name", behind "to", or in the list of its "value"

    def is_value(self, gap: str, word: str) -> bool:
        """Tell whether the next word, or literal, is one; `gap` is what is between it and the last one."""
        if ";" in gap:
            self._verb = self._place = ""
        word = word.upper()
        self._verb = self._verb or word
        expected = {"name": "=", "to": "", "value": ","}.get(self._place)
        if gap == expected:
            self._place = "value"
            return True
        if self._place == "name" and gap in ("", "."):
            self._place = "to" if word == "TO" else "name"
        else:  # elsewhere, as in UPDATE, SET is followed by columns
            self._place = "name" if word == "SET" and self._verb in ("SET", "ALTER", "CREATE") else ""
        return False
