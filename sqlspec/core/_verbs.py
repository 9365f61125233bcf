"""Statement structure of SQL texts: where statements start and end, their verbs, and what these imply.

This is the half of the scanner that knows nothing of placeholders. It follows parentheses, brackets and
semicolons and looks at a few words only, chosen by the verb: a text that cannot contain them is not searched
for them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from sqlspec.exceptions import SQLParsingError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = (
    "CONTROL",
    "IDENT",
    "IDENT_START",
    "NAME",
    "StatementScanner",
    "block_comment_end",
    "is_ident",
    "position",
)

Search: TypeAlias = "Callable[[str, int], re.Match[str] | None]"

# Character classes of the server's scan.l. Every byte above 0x7f, so every non-ASCII character, is a letter.
# Said by what is excluded: a class with ranges up to the last code point takes a hundred times as long to compile.
IDENT_START = r"[^\x00-@\[-^`{-\x7f]"
NAME = r"[^\x00-/:-@\[-^`{-\x7f]"
IDENT = r"[^\x00-#%-/:-@\[-^`{-\x7f]"
_SPACE = " \t\n\r\f\v"

_IDENT_ASCII = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_$")
_BLANK = r"(?:[ \t\n\r\f\v]++|--[^\n\r]*+)*+"
_skip_blank = re.compile(_BLANK).match
_word = re.compile(f"{IDENT_START}{IDENT}*+").match
_first_word = re.compile(f"{_BLANK}({IDENT_START}{IDENT}*+)").match
_comment_edge = re.compile(r"/\*|\*/").search

# No keyword is longer; a longer word is reported cut, so that looking back stays cheap.
_LONGEST_WORD = 24

CONTROL = frozenset({"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT"})
"""Verbs of the statements that begin a transaction or end it."""

_DML = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
_QUERY = frozenset({"SELECT", "VALUES", "TABLE"})
_HARMLESS = _DML | _QUERY
_ROWS = _QUERY | {"SHOW", "EXPLAIN", "FETCH", "EXECUTE", "CALL"}
# After these, in a WITH list, the next word is a name and not the verb of the main statement.
_NAME_NEXT = frozenset({"with", "by", "set", "using", "cycle", ","})


def _hits(*words: str, grouped: bool = True) -> Search:
    """Compile the search for everything that the scanner must stop at."""
    # Each alternative starts with a literal character: `re` then skips everything else with one set lookup.
    stops = ["'", '"', r"\$", ":", r"\?", "%", "--", r"/\*"]
    if grouped:
        stops += [r"\(", r"\)", r"\[", r"\]", ";"]
    for word in words:
        rest = "".join(f"[{char}{char.upper()}]" for char in word[1:])
        stops += [f"{first}{rest}(?!{IDENT})" for first in (word[0], word[0].upper())]
    return re.compile("|".join(stops)).search


_plain_hits = _hits(grouped=False)
_grouped_hits = _hits()
_returning_hits = _hits("returning")
# By verb: a string without which the text cannot contain the words, and the search that stops at them.
_WATCHED: dict[str, tuple[str, Search]] = {
    "SELECT": ("into", _hits("into")),
    **dict.fromkeys(_DML, ("returning", _returning_hits)),
    "WITH": ("", _hits(*sorted(verb.lower() for verb in _HARMLESS))),
    "COPY": ("std", _hits("stdin", "stdout")),
    "CREATE": ("atomic", _hits("atomic", "case", "end")),
}


def is_ident(char: str) -> bool:
    """Tell whether a character continues an identifier."""
    return char in _IDENT_ASCII or char >= "\x80"


def position(sql: str, at: int) -> str:
    """Return `line:column` of an offset, both counted from 1."""
    return f"{sql.count(chr(10), 0, at) + 1}:{at - sql.rfind(chr(10), 0, at)}"


def block_comment_end(sql: str, at: int) -> int | None:
    """Return the end of a block comment, from behind its start; `None` where it has none. Block comments nest."""
    depth = 1
    while depth:
        edge = _comment_edge(sql, at)
        if edge is None:
            return None
        depth += 1 if edge.group() == "/*" else -1
        at = edge.end()
    return at


class StatementScanner:
    """Follow the statements of a text. A subclass finds the tokens and calls the handlers in order.

    A handler takes the span of what `search` stopped at and returns the offset at which to go on.
    """

    __slots__ = (
        "base",
        "body",
        "comments",
        "copies",
        "first",
        "first_statement",
        "groups",
        "into",
        "low",
        "main_at",
        "own_numbers",
        "present",
        "returning",
        "search",
        "spans",
        "sql",
        "start",
        "token_end",
        "unwatched",
        "verb",
        "watching",
        "words",
    )

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.low = sql.lower()
        self.present: dict[str, bool] = {}  # which keys of the words to look for are in the text
        # Without these two characters neither statement borders nor array slices exist.
        self.unwatched = _grouped_hits if ";" in sql or "[" in sql else _plain_hits
        self.comments: dict[int, int] = {}  # end -> start
        self.groups: list[str] = []  # open parentheses and brackets
        self.token_end = 0  # end of the last quote, comment or placeholder: what follows is not glued to it
        self.spans: list[tuple[int, int]] = []
        # Verb, main_verb_at, returns_rows, can_enclose and changes_session of the first statement.
        self.first_statement = ("", -1, False, False, False)
        self.copies = False
        self.begin(0)

    def begin(self, at: int) -> None:
        """Start a statement: read its verb and choose the words to look for."""
        self.start = at
        self.main_at = -1
        self.body = 0  # depth of BEGIN ATOMIC and CASE, both closed by END
        self.into = self.returning = self.own_numbers = False
        self.first = self._enter(at)

    def _enter(self, at: int) -> int:
        """Read the verb that stands at `at`, perhaps in parentheses; return the offset of the first token."""
        base = len(self.groups)
        found = _first_word(self.sql, at)
        if found is not None:
            self.verb = verb = found.group(1).upper()
            first = found.start(1)
        else:
            first = at = self.skip_blank(at)
            while self.sql.startswith("(", at):
                base += 1
                at = self.skip_blank(at + 1)
            found = _word(self.sql, at)
            self.verb = verb = found.group().upper() if found else ""
        self.base = base
        if self.main_at < 0 and verb and (verb != "WITH" or base > len(self.groups)):
            self.main_at = first
        if verb == "PREPARE" or (verb == "CREATE" and self._creates_routine(first + len(verb))):
            self.own_numbers = True
        self.search = self.words = self.unwatched
        self.watching = False
        if verb in _WATCHED:
            key, search = _WATCHED[verb]
            if key not in self.present:
                # Once for the text, not once for each of its statements.
                self.present[key] = key in self.low
            if self.present[key]:
                self.words = search
                # CASE and END of a routine's body count within parentheses, too.
                self.watching = verb != "CREATE"
                self.search = search if base == len(self.groups) or not self.watching else _grouped_hits
        return first

    def _creates_routine(self, at: int) -> bool:
        for _ in range(3):
            found = _word(self.sql, self.skip_blank(at))
            word = found.group().lower() if found else ""
            if word not in ("or", "replace"):
                return word in ("function", "procedure")
            at = found.end() if found else at
        return False

    def word(self, start: int, end: int) -> int:
        """Handle a word that matters for the current verb."""
        if start > self.token_end and is_ident(self.sql[start - 1]):
            return end  # the tail of a longer identifier
        previous, _ = self.before(start)
        if previous in ("as", "."):
            return end  # a column label or a qualified name may be any keyword
        word = self.sql[start:end].lower()
        if self.verb == "CREATE":
            self._routine_word(word, previous)
        elif self.verb == "WITH":
            if not self._is_name(start):
                self._enter(start)
        elif word == "into":
            self.into = True
        elif word == "returning":
            self.returning = True
        elif previous in ("from", "to"):
            self.copies = True
        return end

    def _routine_word(self, word: str, previous: str) -> None:
        # The body of an SQL-standard routine (CREATE FUNCTION: sql_body) holds semicolons of its own.
        if not self.body:
            self.body = int(word == "atomic" and previous == "begin" and not self.groups)
        elif word == "case":
            self.body += 1
        elif word == "end":
            self.body -= 1

    def open_group(self, start: int, end: int) -> int:
        """Handle an opening parenthesis or bracket."""
        groups = self.groups
        if self.verb == "WITH" and len(groups) == self.base and self._opens_main(start):
            self._enter(start)
        groups.append(self.sql[start])
        if self.watching:
            # Words within a deeper group are those of a subquery.
            self.search = self.words if len(groups) == self.base else _grouped_hits
        return end

    def close_group(self, _start: int, end: int) -> int:
        """Handle a closing parenthesis or bracket."""
        groups = self.groups
        if groups:
            groups.pop()
        if self.watching:
            self.search = self.words if len(groups) == self.base else _grouped_hits
        return end

    def _opens_main(self, start: int) -> bool:
        """Tell whether this parenthesis, at the level of a WITH list, starts the main statement."""
        previous, at = self.before(start)
        # It follows the body of a CTE, or the name that ends a SEARCH or CYCLE clause.
        return previous == ")" or (previous != "as" and self.before(at)[0] in ("set", "using"))

    def _is_name(self, start: int) -> bool:
        """Tell whether this word in a WITH list is a name: most keywords may be names there, even SET."""
        before = 0
        previous, at = self.before(start)
        while previous in _NAME_NEXT or previous == "recursive":
            # Of several such words in a row every other one is a name.
            before += previous != "recursive"
            previous, at = self.before(at)
        return before % 2 == 1

    def semicolon(self, start: int, end: int) -> int:
        """Handle a semicolon: the end of the statement unless it stands in a group or a routine's body."""
        if not self.groups and not self.body:
            self.finish(start)
            self.begin(end)
        return end

    def finish(self, end: int) -> None:
        """End the statement at `end`. One without tokens leaves no trace."""
        if self.first >= end:
            return
        sql, start = self.sql, self.start
        while True:
            # The comment first: its own last character may be a space.
            if end in self.comments:
                end = self.comments[end]
            elif sql[end - 1] in _SPACE:
                end -= 1
            else:
                break
        while sql[start] in _SPACE:
            start += 1
        if not self.spans:
            self.first_statement = self._facts()
        self.spans.append((start, end))

    def _facts(self) -> tuple[str, int, bool, bool, bool]:
        verb, low = self.verb, self.low
        rows = self.returning if verb in _DML else verb in _ROWS and not self.into
        lasting = (
            verb not in _HARMLESS
            or self.into
            # Calls that outlive the statement. A Unicode-escaped identifier can spell any of them.
            or "set_config" in low
            or "_advisory_" in low
            or "nextval" in low
            or "setval" in low
            or "setseed" in low
            or 'u&"' in low
        )
        return verb, self.main_at, rows, rows and verb in _HARMLESS, lasting

    def skip_blank(self, at: int) -> int:
        """Return the offset of the first character at or after `at` that is neither space nor comment."""
        while True:
            found = _skip_blank(self.sql, at)
            at = found.end() if found else at
            if not self.sql.startswith("/*", at):
                return at
            at = self.comment_end(at)

    def comment_end(self, start: int) -> int:
        """Return the end of the block comment that starts at `start`. Block comments nest."""
        end = block_comment_end(self.sql, start + 2)
        if end is None:
            raise self.unterminated("block comment", start, "*/")
        return end

    def before(self, at: int) -> tuple[str, int]:
        """Return the token before `at` and its offset: a word in lower case, otherwise one character."""
        sql, comments = self.sql, self.comments
        while at > 0:
            if at in comments:
                at = comments[at]
            elif sql[at - 1] in _SPACE:
                at -= 1
            else:
                break
        last = at - 1
        if last < 0 or not is_ident(sql[last]):
            return sql[last:at] if at else "", last
        floor = max(last - _LONGEST_WORD, 0)
        while last > floor and is_ident(sql[last - 1]):
            last -= 1
        return sql[last:at].lower(), last

    def unterminated(self, what: str, start: int, closing: str) -> SQLParsingError:
        """Return the error for a quote or comment without end."""
        return SQLParsingError(
            f"cannot read the statement: the {what} at {position(self.sql, start)} has no end; close it with {closing}",
            sql=self.sql,
        )
