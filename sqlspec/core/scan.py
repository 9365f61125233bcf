"""The statement scanner: one pass over a SQL text by the lexical rules of PostgreSQL.

It finds placeholders by their positions, so that a text can be given the driver's placeholders with every
other character as written. The rules are those of the server's `scan.l` with `standard_conforming_strings` on
(PostgreSQL manual, section 4.1). Time is linear in the length of the text: looking back goes no further than
the token before, and comments on the way are jumped over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from sqlspec.core._verbs import IDENT, IDENT_START, NAME, StatementScanner, is_ident, position
from sqlspec.exceptions import ParameterError, SQLParsingError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = (
    "ParameterStyle",
    "Placeholder",
    "Scan",
    "parameter_names",
    "replacements",
    "scan",
    "splice",
    "statement_text",
)

ParameterStyle: TypeAlias = Literal["numeric", "named", "pyformat", "format", "qmark"]
"""`$1`, `:name`, `%(name)s`, `%s`, `?`."""

MAX_PARAMETERS = 65_535
"""The Bind message counts its parameters in 16 bits (PostgreSQL manual, Message Formats)."""

# Possessive throughout: an unterminated literal must not be given a second, shorter reading.
_string = re.compile(r"'[^']*+(?:''[^']*+)*+'").match
_escape_string = re.compile(r"'(?:[^'\\]++|\\.|'')*+'", re.DOTALL).match
# What may stand between the parts of one literal: a line break, no block comment (section 4.1.2.1).
_continued = re.compile(r"(?:[ \t\f\v]++|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]++|--[^\n\r]*+[\n\r])*+(?=')").match
_quoted_name = re.compile(r'"[^"]*+(?:""[^"]*+)*+"').match
_line_comment = re.compile(r"--[^\n\r]*+").match
_dollar = re.compile(rf"\$(?:([0-9]++)|(?:{IDENT_START}{NAME}*+)?+\$)").match
_ident_rest = re.compile(f"{IDENT}*+").match
_name = re.compile(f"{IDENT_START}{NAME}*+").match
_format = re.compile(rf"(?:\(([^()%'\"]++)\))?+s(?!{IDENT})").match
# The rest of an operator. It ends where a comment starts, and before the next question mark.
_operator_rest = re.compile(r"(?:(?!--|/\*)[-+*/<>=~!@#%^&|`])*+").match
_next_word = re.compile(f"{IDENT_START}{IDENT}{{0,24}}").match
# A clause of the JSON constructors, which stands where an operand might.
_null_on_null = re.compile(r"null[ \t\n\r\f\v]++on[ \t\n\r\f\v]++null", re.IGNORECASE).match


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OPERATOR = frozenset("-+*/<>=~!@#%^&|`?")
# Keywords after which an operand is expected: a `?` there is a placeholder and no infix operator. Common
# names of columns are left out; a placeholder behind one of those is known by what follows it.
_OPERAND_NEXT = _words("""
    all and any as asymmetric between both by case default distinct else escape except fetch for from having
    ilike in intersect is leading like limit not offset on or placing returning select some symmetric then to
    trailing union using variadic when where with zone
    """)
# Keywords that start no operand: a `?` before one of them is a placeholder and no infix operator.
_NO_OPERAND = _words("""
    absent and as asc at between collate cross default desc else end escape except fetch following for from full
    group having ilike in inner intersect into is isnull join like limit natural notnull offset on operator
    or order overlaps preceding returning row rows similar then union using when where window with without
    """)


class Placeholder(NamedTuple):
    """One placeholder. `name` is the key of a named style, the number of `$n`, otherwise `None`."""

    start: int
    end: int
    style: ParameterStyle
    name: str | int | None


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over a SQL text found. Offsets count characters of the text.

    With several statements in the text, `verb`, `main_verb_at` and `returns_rows` are those of the first.

    Attributes:
        placeholders: The placeholders in order; all have the same style.
        style: Their style; `None` when there are none.
        escapes: Spans that stand for their first character: `%%` beside `%s`, `??` beside `?`.
        verb: The first keyword in upper case, empty for an empty text; with WITH that of the main statement.
        main_verb_at: Where the main statement starts: the offset of its verb or, when the statement is
            parenthesised, of its first parenthesis; -1 if there is none. A CTE can be added there.
        returns_rows: The statement gives rows: a query (not SELECT INTO), a data change with RETURNING, SHOW,
            EXPLAIN, FETCH, EXECUTE or CALL.
        can_enclose: The text is one statement that can become a CTE: a query, or DML with RETURNING.
        statements: Spans of the statements that are not empty, without semicolon and the comments behind;
            comments before a statement belong to it.
        changes_session: The text may leave state on the connection.
        copies_stdio: A COPY from or to the client is among the statements.
    """

    placeholders: tuple[Placeholder, ...]
    style: ParameterStyle | None
    escapes: tuple[tuple[int, int], ...]
    verb: str
    main_verb_at: int
    returns_rows: bool
    can_enclose: bool
    statements: tuple[tuple[int, int], ...]
    changes_session: bool
    copies_stdio: bool


class _Scanner(StatementScanner):
    """Find quotes, comments and placeholders; statement structure is the base class's."""

    __slots__ = ("found", "marks", "numbered_mark", "percents", "questions")

    def __init__(self, sql: str) -> None:
        super().__init__(sql)
        self.found: list[Placeholder] = []  # of every style but qmark
        self.marks: list[Placeholder] = []  # `?`, placeholders only if no other style is found
        self.percents: list[tuple[int, int]] = []  # `%%`
        self.questions: list[tuple[int, int]] = []  # `??`
        self.numbered_mark = -1

    def run(self) -> None:
        sql, handlers, at = self.sql, _HANDLERS, 0
        while (hit := self.search(sql, at)) is not None:
            start, end = hit.span()
            at = handlers[sql[start]](self, start, end)
        self.finish(len(sql))

    def result(self) -> Scan:
        style: ParameterStyle | None = None
        escapes: list[tuple[int, int]] = []
        if self.found:
            style = self.found[0].style
            if style in ("format", "pyformat"):
                escapes = self.percents
        elif self.marks:
            style, escapes = "qmark", self.questions
            if self.numbered_mark >= 0:
                raise self._unreadable(self.numbered_mark, self.numbered_mark + 2, "number placeholders as $1, $2")
        verb, main_at, rows, encloses, lasting = self.first_statement
        single = len(self.spans) == 1
        return Scan(
            tuple(self.found or self.marks),
            style,
            tuple(escapes),
            verb,
            main_at,
            rows,
            single and encloses,
            tuple(self.spans),
            lasting or len(self.spans) > 1,
            self.copies,
        )

    def add(self, start: int, end: int, style: ParameterStyle, name: str | int | None) -> None:
        found = self.found
        hit = Placeholder(start, end, style, name)
        if found and found[0].style != style:
            seen = f"{self._shown(found[0].start, found[0].end)} and {self._shown(start, end)}"
            raise ParameterError(
                f"cannot read the placeholders: two styles, {seen}; write all of them in one style", sql=self.sql
            )
        found.append(hit)

    def quote(self, start: int, end: int) -> int:
        sql, before = self.sql, start - 1
        if (
            before >= self.token_end
            and sql[before] in "eE"
            and (before == self.token_end or not is_ident(sql[before - 1]))
        ):
            end = self._escaped(start)
        else:
            found = _string(sql, start)
            if found is None:
                raise self.unterminated("string", start, "'")
            end = found.end()
        self.token_end = end
        return end

    def _escaped(self, start: int) -> int:
        """Return the end of an E'' literal. The parts that continue it have escapes too."""
        at = start
        while True:
            found = _escape_string(self.sql, at)
            if found is None:
                raise self.unterminated("string", start, "'")
            more = _continued(self.sql, found.end())
            if more is None:
                return found.end()
            at = more.end()

    def quoted_name(self, start: int, end: int) -> int:
        found = _quoted_name(self.sql, start)
        if found is None:
            raise self.unterminated("quoted identifier", start, '"')
        self.token_end = found.end()
        return self.token_end

    def line_comment(self, start: int, end: int) -> int:
        found = _line_comment(self.sql, start)
        self.token_end = found.end() if found else end
        self.comments[self.token_end] = start
        return self.token_end

    def block_comment(self, start: int, end: int) -> int:
        self.token_end = self.comment_end(start)
        self.comments[self.token_end] = start
        return self.token_end

    def dollar(self, start: int, end: int) -> int:
        if start > self.token_end and is_ident(self.sql[start - 1]) and self._in_identifier(start):
            rest = _ident_rest(self.sql, end)
            return rest.end() if rest else end
        found = _dollar(self.sql, start)
        if found is None:
            self.token_end = end
            return end
        number, end = found.group(1), found.end()
        if number is None:
            tag = found.group()
            closing = self.sql.find(tag, end)
            if closing < 0:
                raise self.unterminated("dollar-quoted string", start, tag)
            end = closing + len(tag)
        elif not self.own_numbers:
            # int() itself refuses very long digit strings.
            value = int(number) if len(number) < 20 else 0
            if not 1 <= value <= MAX_PARAMETERS:
                raise self._unreadable(start, end, f"numbers go from $1 to ${MAX_PARAMETERS}")
            self.add(start, end, "numeric", value)
        self.token_end = end
        return end

    def _in_identifier(self, at: int) -> bool:
        """Tell whether the word before `at`, glued to it, is an identifier: a number takes no `$`."""
        while at > self.token_end and is_ident(self.sql[at - 1]):
            at -= 1
        return self.sql[at] not in "0123456789"

    def colon(self, start: int, end: int) -> int:
        sql = self.sql
        if sql.startswith((":", "="), end):
            return end + 1
        found = _name(sql, end)
        if found is None:
            return end
        before = sql[start - 1] if start else " "
        # Glued to an operand it separates: the bounds of an array slice, or key and value in json_object().
        if is_ident(before) or before in ")]'\"":
            return end
        if self.groups and self.groups[-1] == "[" and self._operand_before(start):
            return end
        self.add(start, found.end(), "named", found.group())
        return found.end()

    def percent(self, start: int, end: int) -> int:
        sql = self.sql
        if sql.startswith("%", end):
            self.percents.append((start, end + 1))
            return end + 1
        # Glued to a word it is the modulo operator: `$1` in its place would become part of an identifier.
        if start > self.token_end and is_ident(sql[start - 1]):
            return end
        found = _format(sql, end)
        if found is None:
            return end
        name = found.group(1)
        self.add(start, found.end(), "format" if name is None else "pyformat", name)
        return found.end()

    def question(self, start: int, end: int) -> int:
        sql = self.sql
        if sql.startswith("?", end):
            self.questions.append((start, end + 1))
            self.token_end = end + 1
            return end + 1
        if self.found:
            return end
        glued = sql[start - 1] if start > self.token_end else " "
        if is_ident(glued):
            return end
        if glued in _OPERATOR:
            # `=?` is an operator and its operand; only `@?` is an operator of the server.
            if glued == "@" and (start - 1 == self.token_end or sql[start - 2] not in _OPERATOR):
                return end
        else:
            rest = _operator_rest(sql, end)
            rest_end = rest.end() if rest else end
            if self._operand_before(start):
                if rest_end > end or self._operand_after(end):
                    return rest_end
            elif sql[end:rest_end] in ("|", "-") and sql[rest_end : rest_end + 1].isspace():
                return rest_end  # prefix operators: is the line vertical, is it horizontal?
        if sql[end : end + 1].isdecimal() and self.numbered_mark < 0:
            self.numbered_mark = start
        self.marks.append(Placeholder(start, end, "qmark", None))
        self.token_end = end
        return end

    def _operand_before(self, at: int) -> bool:
        token, start = self.before(at)
        if not token:
            return False
        if not is_ident(token[0]):
            return token in ")]'\"" or bool(self.marks and self.marks[-1].start == start)
        # A qualified name may be any keyword.
        return token not in _OPERAND_NEXT or (start > 0 and self.sql[start - 1] == ".")

    def _operand_after(self, at: int) -> bool:
        at = self.skip_blank(at)
        found = _next_word(self.sql, at)
        if found is not None:
            return found.group().lower() not in _NO_OPERAND and _null_on_null(self.sql, at) is None
        char = self.sql[at : at + 1]
        if char == ":":
            return _name(self.sql, at + 1) is not None
        return char != "" and char in "'\"($?0123456789"

    def _shown(self, start: int, end: int) -> str:
        return f"{self.sql[start : min(end, start + 20)]} at {position(self.sql, start)}"

    def _unreadable(self, start: int, end: int, advice: str) -> ParameterError:
        return ParameterError(f"cannot read the placeholders: {self._shown(start, end)}; {advice}", sql=self.sql)


_HANDLERS: dict[str, Callable[[_Scanner, int, int], int]] = {
    "'": _Scanner.quote,
    '"': _Scanner.quoted_name,
    "$": _Scanner.dollar,
    ":": _Scanner.colon,
    "?": _Scanner.question,
    "%": _Scanner.percent,
    "-": _Scanner.line_comment,
    "/": _Scanner.block_comment,
    "(": _Scanner.open_group,
    "[": _Scanner.open_group,
    ")": _Scanner.close_group,
    "]": _Scanner.close_group,
    ";": _Scanner.semicolon,
    **dict.fromkeys("acdeimrstuvACDEIMRSTUV", _Scanner.word),
}


def statement_text(text: Any) -> str:
    """Return the text of a statement as a plain `str`: drivers take no other.

    Raises:
        SQLParsingError: It is no text.
    """
    if text.__class__ is str:
        return text
    if not isinstance(text, str):
        raise SQLParsingError(f"a statement must be a str or SQL: {type(text).__name__} given; pass SQL text")
    return str.__str__(text)


def scan(sql: str) -> Scan:
    """Find the placeholders and the structure of a SQL text.

    `$n`, `:name`, `%s` and `%(name)s` exclude one another. A `?` is a placeholder only in a text without
    them, where an operand is expected or where no operand follows; otherwise it is an operator. In PREPARE,
    CREATE FUNCTION and CREATE PROCEDURE `$n` belongs to the statement and is no placeholder.

    Raises:
        SQLParsingError: A quote or a comment has no end, or there is a character that the server cannot be sent; the
            message gives line and column.
        ParameterError: Two placeholder styles are used, or a number is out of range; the message gives the
            lines and columns.
    """
    scanner = _Scanner(sql)
    scanner.run()
    at = _unsendable(sql)
    if at >= 0:
        name = "NUL character" if sql[at] == "\0" else "surrogate without its pair"
        raise SQLParsingError(
            f"cannot read the statement: there is a {name} at {position(sql, at)}; remove it",
            sql=sql,
        )
    return scanner.result()


def _unsendable(sql: str) -> int:
    """Return the place of a character that ends a text for the server, or that UTF-8 has no bytes for; else -1."""
    at = sql.find("\0")
    if at < 0 and not sql.isascii():
        try:
            sql.encode()
        except UnicodeEncodeError as error:
            return error.start
    return at


def parameter_names(scan: Scan) -> tuple[str, ...]:
    """Return the distinct names of `:name` or `%(name)s` placeholders in order of first use."""
    return tuple(dict.fromkeys(hit.name for hit in scan.placeholders if isinstance(hit.name, str)))


def splice(sql: str, scan: Scan, render: Callable[[int], str]) -> str:
    """Return the text with each placeholder replaced by `render(index)` and escapes collapsed.

    Args:
        sql: The text that was scanned.
        scan: What `scan` found in it.
        render: Gives the driver's spelling of a parameter, counted from 1. Equal names share an index; `$n`
            has the index n.
    """
    edits = replacements(sql, scan, render)
    if not edits:
        return sql
    parts: list[str] = []
    last = 0
    for start, end, text in edits:
        parts += (sql[last:start], text)
        last = end
    parts.append(sql[last:])
    return "".join(parts)


def replacements(sql: str, scan: Scan, render: Callable[[int], str]) -> list[tuple[int, int, str]]:
    """Return what `splice` puts in the place of what, in order: the span in the text, and the new text."""
    if not scan.placeholders:
        return []
    edits: list[tuple[int, int, str]] = []
    indexes: dict[str, int] = {}
    for ordinal, (start, end, _, name) in enumerate(scan.placeholders, 1):
        if name is None:
            index = ordinal
        elif isinstance(name, str):
            index = indexes.setdefault(name, len(indexes) + 1)
        else:
            index = name
        edits.append((start, end, render(index)))
    if scan.escapes:
        edits += [(start, end, sql[start]) for start, end in scan.escapes]
        edits.sort()
    return edits
