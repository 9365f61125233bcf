"""What filters ask of SQL text and the scanner's result does not tell: clauses, and whole expressions."""

from __future__ import annotations

import re

from sqlspec.core._verbs import is_ident
from sqlspec.core.scan import _HANDLERS, _Scanner
from sqlspec.exceptions import ParameterError

__all__ = ("clause_words", "require_expression")

# All that the scanner's handlers must see to stay in step: quotes, comments, `$`, groups.
_LEXICAL = r"""['"$:?%()\[\]]|--|/\*"""
# Letters in both cases, and the end of a word by ASCII: with IGNORECASE, or a range up to U+10FFFF, compiling
# takes twenty times as long, at each import.
_words = "|".join(
    "".join(f"[{letter}{letter.upper()}]" for letter in word) for word in ("order", "limit", "offset", "fetch", "for")
)
_clause_hits = re.compile(rf"{_LEXICAL}|(?:{_words})(?![A-Za-z0-9_$]|[^\x00-\x7f])").search
_group_hits = re.compile(f"{_LEXICAL}|;").search


def clause_words(sql: str) -> frozenset[str]:
    """Return which of ORDER, LIMIT, OFFSET, FETCH and FOR start a clause outside all parentheses, lower case.

    The words are reserved (PostgreSQL manual, appendix C): elsewhere they stand only as a label after AS, or
    qualified.
    """
    lexer = _Scanner(sql)
    words: set[str] = set()
    at = 0
    while (hit := _clause_hits(sql, at)) is not None:
        start, at = hit.span()
        if not sql[start].isalpha():
            at = _HANDLERS[sql[start]](lexer, start, at)
        elif (
            not lexer.groups
            and not (start > lexer.token_end and is_ident(sql[start - 1]))
            and lexer.before(start)[0] not in ("as", ".")
        ):
            words.add(hit.group().lower())
    return frozenset(words)


def require_expression(text: str) -> None:
    """Check that a text can stand in parentheses as one expression.

    Raises:
        ParameterError: It is empty, holds a semicolon, or its parentheses do not match: `a) or (b` would
            otherwise change what the statement around it means.
        SQLParsingError: A quote or comment is not closed.
    """
    if not isinstance(text, str) or not text.strip():
        raise ParameterError("cannot use the condition: it is no text or empty; pass an SQL expression")
    lexer = _Scanner(text)
    at = 0
    while (hit := _group_hits(text, at)) is not None:
        start, end = hit.span()
        char = text[start]
        if char == ";" or (char in ")]" and (not lexer.groups or lexer.groups[-1] + char not in ("()", "[]"))):
            raise ParameterError(
                f"cannot use the condition: the {char} at character {start + 1} belongs to no expression "
                "that starts in it; pass a single SQL expression"
            )
        at = _HANDLERS[char](lexer, start, end)
    if lexer.groups:
        raise ParameterError(
            f"cannot use the condition: a {lexer.groups[-1]} is not closed; pass a single SQL expression"
        )
