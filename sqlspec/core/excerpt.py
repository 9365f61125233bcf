"""Where in a statement an error is: the place in the user's own text, and the line to show with a caret.

All of it runs after a failure only. What the server was sent is not what the user wrote: placeholders were replaced,
and there may be text of ours around it. So a position is counted back, and where that is not certain there is none.
What is shown is the user's text, never a parameter, and the contents of its string literals are hidden.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import category, east_asian_width

from sqlspec.core.scan import _HANDLERS, _Scanner, replacements, scan, splice
from sqlspec.exceptions import SQLSpecError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlspec.core.scan import Scan
    from sqlspec.exceptions import ErrorInfo

__all__ = ("brief", "excerpt", "literals", "place_of", "pointed_at", "printable", "without_literals")

WIDTH = 100
"""Most columns of a line that is shown, without the number before it."""
BEFORE = 60
"""Columns of it before the caret, where the line is longer."""

_hidden = re.compile(r"[^\n]").sub
_quotes = re.compile(r"""['"$]|--|/\*""").search
_DATA_VERBS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "TABLE"})

# Messages of the server with a position (parse_relation.c, parse_func.c, scan.l), and what stands there.
_END_OF_INPUT = "syntax error at end of input"
_NEAR = re.compile(r'syntax error at or near "(?P<token>.+)"', re.DOTALL)
_MISSING = re.compile(
    r'(?:column|relation|type) "(?P<token>[^"]+)" does not exist'
    r'|column (?P<qualified>[^"\s]+) does not exist'
    r'|column "(?P<target>[^"]+)" of relation "[^"]+" does not exist'
    r'|column reference "(?P<reference>[^"]+)" is ambiguous'
    r'|missing FROM-clause entry for table "(?P<table>[^"]+)"'
    r"|function (?P<function>[^\s(]+)\(.*\) does not exist",
    re.DOTALL,
)


def pointed_at(info: ErrorInfo, sql: str, *, by_words: bool = False) -> tuple[int, str] | None:
    """Return position, counted from 1, and excerpt for an error of the server; `None` where the place is not certain.

    It never fails: whatever is odd about a text, the error itself is told. Arguments are those of `place_of`.
    """
    try:
        at = place_of(info, sql, by_words=by_words)
        return None if at is None else (at + 1, excerpt(sql, at))
    except Exception:  # such as a text that is nested too deeply
        return None


def place_of(info: ErrorInfo, sql: str, *, by_words: bool = False) -> int | None:
    """Return the offset in a user's text of what an error of the server is about.

    Args:
        info: The error; its position counts in the text that was sent.
        sql: The text as the user wrote it.
        by_words: The driver hides positions: where the server's English message quotes what is wrong, and that stands
            in the text only once, it is there.

    Returns:
        The offset, or `None` where it is not certain.
    """
    if info.position is None:
        return _place_by_words(info.message, sql) if by_words and info.sqlstate is not None else None
    if info.sent is None:
        return None
    return _place_in(sql, info.sent, info.position - 1)


def _place_in(sql: str, sent: str, at: int) -> int | None:
    """Count an offset in what was sent back to one in the user's text."""
    if sent == sql:
        return at if 0 <= at <= len(sql) else None
    found = _scanned(sql)
    if found is None:
        return None
    if len(found.statements) > 1:  # a stack, of which this is one statement
        places = ((start, _place_in(sql[start:end], sent, at)) for start, end in found.statements)
        return _only(start + place for start, place in places if place is not None)
    spliced = splice(sql, found, "${}".format)
    # Ours is put around the statement, and what is behind its end may be left out: comments and the semicolon.
    body = len(spliced) - (len(sql) - found.statements[0][1]) if found.statements else 0
    start = sent.find(spliced[:body])
    return _before_splicing(sql, found, at - start) if 0 <= start <= at <= start + body else None


def _only(places: Iterable[int]) -> int | None:
    """Return the only one of some places; `None` where there is another, or none."""
    found = list(places)
    return found[0] if len(found) == 1 else None


def _scanned(sql: str) -> Scan | None:
    try:
        return scan(sql)
    except SQLSpecError:
        return None


def _before_splicing(sql: str, found: Scan, at: int) -> int:
    """Return the offset that a place had before the placeholders were replaced; within one, that of its start."""
    grown = 0
    for start, end, text in replacements(sql, found, "${}".format):
        if at < start + grown:
            break
        if at < start + grown + len(text):
            return start
        grown += len(text) - (end - start)
    return at - grown


def _place_by_words(message: str, sql: str) -> int | None:
    near, missing = _NEAR.fullmatch(message), _MISSING.fullmatch(message)
    if near is None and missing is None:
        return len(sql) if message == _END_OF_INPUT else None
    found = _scanned(sql)
    if found is None:
        return None
    token = next(group for group in (near or missing).groups() if group)  # type: ignore[union-attr]
    spliced = without_literals(splice(sql, found, "${}".format))
    quote = '"?' if missing is not None else ""
    word = f"{quote}{_edge(token[0], '<')}{re.escape(token)}{_edge(token[-1], '')}{quote}"
    hits = re.finditer(word, spliced, re.IGNORECASE if missing is not None else 0)
    place = _only(_before_splicing(sql, found, hit.start()) for hit in hits)
    if place is None or near is not None:
        return place
    # For what a command is about, unlike for what a query reads, the server tells no position.
    statement = next((sql[start:end] for start, end in found.statements if start <= place < end), "")
    inside = _scanned(statement)
    verb = inside.verb if inside is not None else ""
    return place if verb in _DATA_VERBS or (verb == "CREATE" and message.startswith("type ")) else None


def _edge(char: str, side: str) -> str:
    return rf"(?{side}![\w$])" if char.isalnum() or char in "_$" else ""


# -- what is shown --------------------------------------------------------------------------------------------


def excerpt(sql: str, at: int) -> str:
    """Return the line of a text that holds an offset, with its number, above a caret.

    A long line is cut, and not indented; tabs and what cannot be printed are blanks; wide characters count for two
    columns. The contents of string literals are hidden, but for the body of a routine that the place is in.
    """
    if not sql[at:].strip():
        at = len(sql[:at].rstrip())  # the end: behind what was written last
    shown = without_literals(sql, at)
    start = shown.rfind("\n", 0, at) + 1
    end = shown.find("\n", at)
    line = shown[start : len(shown) if end < 0 else end].rstrip()
    before, behind = printable(line[: at - start].lstrip()), printable(line[at - start :])
    lead, before = ("", before) if _columns(before + behind) <= WIDTH else _last_columns(before)
    behind, tail = _first_columns(behind, WIDTH - _columns(lead + before))
    label = f"line {shown.count(chr(10), 0, start) + 1}: "
    caret = " " * _columns(label + lead + before) + "^"
    return f"{label}{lead}{before}{behind}{tail}\n{caret}"


def brief(sql: str, width: int = 60) -> str:
    """Return a statement on one short line, without the contents of its string literals."""
    words = printable(" ".join(without_literals(sql).split()))
    return "".join(_first_columns(words, width))


def without_literals(sql: str, at: int = -1) -> str:
    """Return a text of the same length in which `*` stands for each character of its string literals.

    Args:
        sql: The text.
        at: An offset in it: in the body of a routine that holds it (a dollar-quoted string), only literals are hidden.
    """
    parts: list[str] = []
    last = 0
    for start, end in literals(sql):
        inner = sql[start:end]
        quote = inner[: inner.index("$", 1) + 1] if inner[0] == "$" else inner[0]
        closing = quote if len(inner) >= 2 * len(quote) and inner.endswith(quote) else ""
        body = inner[len(quote) : len(inner) - len(closing)]
        is_shown = closing[:1] == "$" and start < at < end
        shown = without_literals(body, at - start - len(quote)) if is_shown else _hidden("*", body)
        parts += (sql[last:start], quote, shown, closing)
        last = end
    parts.append(sql[last:])
    return "".join(parts)


def literals(sql: str) -> list[tuple[int, int]]:
    """Return the spans of the string literals of a text, quotes included, without a prefix such as E.

    One without an end goes to the end of the text; so does a comment or a name without an end.
    """
    spans: list[tuple[int, int]] = []
    start = sql.find("/*")  # nothing but a comment before the first word can fail at once
    try:
        lexer = _Scanner(sql)
        lexer.own_numbers = True  # no placeholders are looked for
        at = 0
        while (hit := _quotes(sql, at)) is not None:
            start = hit.start()
            at = _HANDLERS[sql[start]](lexer, start, hit.end())
            # What is glued to a name is part of it, and no token: `a$b$`.
            is_token = lexer.token_end == at
            if sql[start] == "'" or (is_token and sql[start] == "$" and sql[at - 1] == "$" and at - start > 1):
                spans.append((start, at))
    except SQLSpecError:
        spans.append((start, len(sql)))
    return spans


def printable(text: str) -> str:
    """Return a text of the same length with a blank for each character that moves, or does not show."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def _columns(text: str) -> int:
    """Return the number of columns that a text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(char: str) -> int:
    if category(char) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def _last_columns(text: str) -> tuple[str, str]:
    cut = len(text)
    room = BEFORE - 3
    while cut and (room := room - _width(text[cut - 1])) >= 0:
        cut -= 1
    return ("...", text[cut:]) if cut else ("", text)


def _first_columns(text: str, width: int) -> tuple[str, str]:
    if _columns(text) <= width:
        return text, ""
    cut, room = 0, width - 3
    while (room := room - _width(text[cut])) >= 0:
        cut += 1
    return text[:cut], "..."
