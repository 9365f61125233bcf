"""Texts that psqlpy would change: it takes `$(name)p` for a placeholder of its own, in literals and comments too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("hide_placeholders",)

_PLACEHOLDER = re.compile(r"\$\([^)]*\)p")

# The tokens in which a dollar sign can stand before a parenthesis, by the server's rules (PostgreSQL manual, 4.1).
# Possessive, because such a text may be long.
_TOKEN = re.compile(
    r"(?P<escaped>[eE]'(?:[^'\\]++|\\.|'')*+')"
    r"|(?P<string>'(?:[^']++|'')*+')"
    r'|(?P<unicode>[uU]&"(?:[^"]++|"")*+")'
    r'|(?P<quoted>"(?:[^"]++|"")*+")'
    r"|(?P<line>--[^\n\r]*)"
    r"|(?P<block>/\*)"
    r"|(?P<dollars>\$(?P<tag>(?:[^\W\d]\w*)?)\$(?P<text>.*?)\$(?P=tag)\$)"
    r"|(?P<name>[^\W\d][\w$]*)"
    r"|(?P<other>[\d\s(),;]++|.)",
    re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def hide_placeholders(sql: str) -> str:
    """Return a text that means the same to the server, and in which the driver finds no placeholder of its own."""
    if "$(" not in sql or _PLACEHOLDER.search(sql) is None:
        return sql
    return "".join(_parted(sql))


def _parted(sql: str) -> Iterator[str]:
    at = 0
    while (found := _TOKEN.match(sql, at)) is not None:
        at = found.end()
        kind, token = found.lastgroup, found[0]
        if kind == "block":
            at = _comment_end(sql, at)
            yield sql[found.start() : at].replace("$(", "$ (")
        elif kind in ("escaped", "string"):
            yield _in_string(token)
        elif kind == "unicode":
            yield token.replace("$(", "\\0024(")
        elif kind == "quoted" and "$(" in token:
            yield "U&" + token.replace("\\", "\\\\").replace("$(", "\\0024(")
        elif found["dollars"] is not None and "$(" in found["text"]:
            text = found["text"].replace("\\", "\\\\").replace("'", "''")
            yield f" E'{_in_string(text)}' "
        elif kind == "name" and token.endswith("$"):
            yield f"{token} "
        else:
            yield token.replace("$(", "$ (") if kind == "line" else token


def _in_string(text: str) -> str:
    # Parts of a literal with a line break in between are one literal.
    return text.replace("$(", "$'\n'(")


def _comment_end(sql: str, at: int) -> int:
    """Return where a comment ends; comments nest."""
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(sql, at)) is not None:
        depth += 1 if edge[0] == "/*" else -1
        at = edge.end()
    return at
