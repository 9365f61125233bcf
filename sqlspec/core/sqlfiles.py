"""Named statements in SQL text: `-- name: get_user` starts a section that ends at the next such line.

Pure text in, statements out; `sqlspec.sqlfiles` reads the files.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from sqlspec.exceptions import ParameterError, SQLParsingError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("NamedStatement", "check_unique", "normalize_name", "parse_sql_sections")


class NamedStatement(NamedTuple):
    """One named statement and where it stands.

    Attributes:
        name: The name with `-` written as `_`; the two are equal in names.
        sql: Text of the section as written, without the header and surrounding blank space.
        source: The file, as the caller named it.
        line: Line of the header, counted from 1.
    """

    name: str
    sql: str
    source: str
    line: int

    @property
    def place(self) -> str:
        """Return `file:line` of the header."""
        return f"{self.source}:{self.line}"


class _Header(NamedTuple):
    start: int
    end: int
    name: str


# Lexical structure: PostgreSQL manual, section 4.1. A word is matched whole, so that the quote of `E'..'`
# is seen with its prefix and a `$` in an identifier opens nothing. All characters beyond ASCII are letters.
_OPENERS = re.compile(
    r"""
      (?P<line>--[^\r\n]*)
    | (?P<block>/\*)
    | (?P<escape>[eE]')
    | (?P<quote>['"])
    | (?P<dollar>\$(?:[^\x00-@\[-^`{-\x7f][^\x00-/:-@\[-^`{-\x7f]*)?\$)
    | (?P<word>[^\x00-/:-@\[-^`{-\x7f][^\x00-#%-/:-@\[-^`{-\x7f]*)
    | (?P<other>\S)
    """,
    re.VERBOSE,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
# A literal goes on, with its backslashes, after blank space that holds a line break (section 4.1.2.1).
_ESCAPE_END = re.compile(r"(?:[^'\\]|\\.|''|'[ \t\f\v]*[\r\n]\s*')*+'", re.DOTALL)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
# Lower case only: pg_dump writes `-- Name: users; Type: TABLE` above every object.
_HEADER = re.compile(r"--[ \t]*name[ \t]*:(?P<name>.*)")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class _Text:
    """A source text that knows its line numbers."""

    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self.source = source
        self._line_starts = [0, *(found.end() for found in _LINE_BREAK.finditer(text))]

    def line(self, offset: int) -> int:
        return bisect_right(self._line_starts, offset)

    def starts_line(self, offset: int) -> bool:
        start = self._line_starts[self.line(offset) - 1]
        return not self.text[start:offset].strip()

    def error(self, offset: int, seen: str, remedy: str) -> SQLParsingError:
        return SQLParsingError(f"cannot read {self.source}:{self.line(offset)}: {seen}; {remedy}")


def normalize_name(name: str) -> str:
    """Return the form of a statement's name that is stored and looked up.

    Args:
        name: A name as written; `get-user` and `get_user` are equal.

    Returns:
        The name with every `-` replaced by `_`.

    Raises:
        ParameterError: It is no text.
    """
    if not isinstance(name, str):
        raise ParameterError(f"a statement's name must be a str: {type(name).__name__} given; pass text")
    return name.replace("-", "_")


def parse_sql_sections(text: str, *, source: str) -> list[NamedStatement]:
    """Split a text into its named statements.

    A header is a line comment that stands alone on its line: `-- name: get_user`. The same words in a string,
    a quoted identifier, a dollar-quoted body or a block comment are content. Comments may stand anywhere.

    Args:
        text: The whole text. A byte order mark at its start is ignored.
        source: Name of the file, for error messages and `NamedStatement.source`.

    Returns:
        The statements in the order of the text; an empty list for a text of comments and blank space only.

    Raises:
        SQLParsingError: A header without a valid name, a section without SQL, SQL before the first header,
            the same name twice, or a quote or block comment without its end. The message has file and line.
    """
    where = _Text(text.removeprefix("\ufeff"), source)
    sections: list[tuple[_Header, bool]] = []
    for token in _significant(where):
        if isinstance(token, _Header):
            sections.append((token, False))
        elif not sections:
            raise where.error(token, "there is SQL before the first name", "put a line `-- name: <name>` above it")
        elif where.text[token] != ";":
            sections[-1] = (sections[-1][0], True)
    statements: list[NamedStatement] = []
    for index, (header, has_sql) in enumerate(sections):
        if not has_sql:
            raise where.error(
                header.start, f"the section {header.name!r} has no SQL", "write a statement below its name"
            )
        end = sections[index + 1][0].start if index + 1 < len(sections) else len(where.text)
        sql = where.text[header.end : end].strip()
        statements.append(NamedStatement(header.name, sql, source, where.line(header.start)))
    check_unique(statements)
    return statements


def check_unique(statements: list[NamedStatement]) -> None:
    """Refuse two statements of one name.

    Args:
        statements: Statements of one or of several files.

    Raises:
        SQLParsingError: A name occurs twice. The message has file and line of both.
    """
    seen: dict[str, NamedStatement] = {}
    for statement in statements:
        first = seen.setdefault(statement.name, statement)
        if first is not statement:
            raise SQLParsingError(
                f"cannot read {statement.place}: the name {statement.name!r} is already taken at "
                f"{first.place}; rename one of the two (`-` and `_` are equal in names)"
            )


def _significant(where: _Text) -> Iterator[_Header | int]:
    """Yield every header, and the offset of every other token that is not a comment."""
    text, position = where.text, 0
    while found := _OPENERS.search(text, position):
        start, position = found.span()
        kind = found.lastgroup
        if kind == "line":
            header = _HEADER.match(found.group())
            if header and where.starts_line(start):
                yield _Header(start, position, _checked_name(where, start, header["name"].strip()))
            continue
        if kind == "block":
            position = _after_block(where, start)
            continue
        if kind == "escape":
            closed = _ESCAPE_END.match(text, position)
            if closed is None:
                raise where.error(start, "a string has no end", "close it with a single quote")
            position = closed.end()
        elif kind in {"quote", "dollar"}:
            # A doubled quote ends one literal and opens the next: as a boundary of content that is the same.
            mark = found.group()
            position = text.find(mark, position) + len(mark)
            if position < start + 2 * len(mark):
                raise where.error(start, "a quoted part has no end", f"close it with {mark}")
        yield start


def _after_block(where: _Text, start: int) -> int:
    """Return the offset after a block comment; PostgreSQL nests them."""
    depth = 0
    for edge in _BLOCK_EDGE.finditer(where.text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    raise where.error(start, "a block comment has no end", "close it with */")


def _checked_name(where: _Text, offset: int, name: str) -> str:
    if _NAME.fullmatch(name):
        return normalize_name(name)
    seen = f"{name!r} is not a name" if name else "the name is missing"
    raise where.error(offset, seen, "use letters, digits, `_`, `-` and `.` only")
