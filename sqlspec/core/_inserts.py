"""Recognise the INSERT whose rows may as well be stored all at once: VALUES of bare placeholders and nothing else."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlspec.core._verbs import IDENT, IDENT_START

__all__ = ("PlainInsert", "plain_insert")


class PlainInsert(NamedTuple):
    """What a plain INSERT fills, with the placeholders in order.

    Attributes:
        table: Name of the table as SQL writes it, without blanks and comments.
        columns: Names of the columns, as they are; `None` for the first ones of the table.
    """

    table: str
    columns: tuple[str, ...] | None


# Blanks and comments, which do not nest here; a name, a placeholder, or a character between them.
_token = re.compile(
    rf"(?:[ \t\n\r\f\v]++|--[^\n\r]*+|/\*(?:[^*/]++|\*(?!/)|/(?!\*))*+\*/)*+"
    rf'({IDENT_START}{IDENT}*+|"(?:[^"]++|"")++"|\$[0-9]++|[(),.])'
).match
_UPPER = re.compile("[A-Z]+")


def plain_insert(body: str, arity: int) -> PlainInsert | None:
    """Return what a plain INSERT fills; `None` for any other statement.

    Args:
        body: The statement with `$n` placeholders, without what stands behind it.
        arity: Number of its parameters.
    """
    tokens = _tokens(body) if arity else []
    values = [f"${number}" for number in range(1, arity + 1)]
    tail = ["(", *_listed(values), ")"]
    head = tokens[: -len(tail)]
    if tokens[len(head) :] != tail or len(head) < 4 or [word.lower() for word in head[:2]] != ["insert", "into"]:
        return None
    if head.pop().lower() != "values":
        return None
    qualified = 3 if head[3:4] == ["."] else 1
    table, rest = head[2 : 2 + qualified], head[2 + qualified :]
    columns = rest[1:-1:2]
    if not all(map(_is_name, (*table[::2], *columns))) or (rest and rest != ["(", *_listed(columns), ")"]):
        return None
    return PlainInsert("".join(table), tuple(map(_name, columns)) if rest else None)


def _tokens(body: str) -> list[str]:
    """Return the tokens; none when there are others than a plain INSERT has."""
    tokens, at = [], 0
    while at < len(body):
        found = _token(body, at)
        if found is None:
            return []
        tokens.append(found[1])
        at = found.end()
    return tokens


def _listed(items: list[str]) -> list[str]:
    return [part for item in items for part in (",", item)][1:]


def _is_name(token: str) -> bool:
    return token[0] not in "$(),."


def _name(token: str) -> str:
    """Return the name that a token stands for: the server folds ASCII letters only, in UTF-8."""
    if token.startswith('"'):
        return token[1:-1].replace('""', '"')
    return _UPPER.sub(lambda letters: letters[0].lower(), token)
